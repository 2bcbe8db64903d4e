"""Configuration into parts: directories, keys, plugins, TLS. Each fails with a sentence that says what to do."""

import math
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from gateway.config import Admin, Config, LinkListener, Listener, place_of
from gateway.edge import plugins
from gateway.edge.plugins import Loaded
from gateway.edge.rules import EdgeRules, rules_for
from gateway.errors import Misconfigured, told_at
from gateway.keys.at_rest import Secret, Source
from gateway.keys.certificates import digest_of_file, fingerprint_of_file
from gateway.keys.directory import Directory
from gateway.keys.layout import TenantKeys, read_signer, read_text, read_verifier
from gateway.keys.private import EdgeKeys
from gateway.link.tls import present, readable, server_tls
from gateway.link.witness import RemoteWitness
from gateway.link.words import Bounds, Pinned
from gateway.plugin.connector import ConnectorSpec
from gateway.plugin.interface import Interface
from gateway.tlog.note import COSIGNATURE, Signer

SYSTEM = "system"
"""The store of what belongs to no tenant."""


def passphrase(config: Config) -> Secret:
    """The reference to the passphrase of the private keys."""
    return Secret.parse(config.gateway.passphrase, config.root, "config/gateway.toml: passphrase")


def open_directory(config: Config, tenant: str) -> Directory:
    """The tenant's directory, proven to be signed by the pinned key and not older than the pinned version."""
    file, where = config.tenants[tenant].file, f"config/tenants/{tenant}.toml"
    with told_at(f"{where}: root_key"):
        root = read_verifier(config.path(file.root_key))
    with told_at(f"{where}: directory"):
        directory = Directory.parse(read_text(config.path(file.directory)), root, tenant, file.directory_version)
    problems = []
    for name, entry in file.connectors.items():
        at = f"{where}: connectors.{name}"
        if name not in directory.connectors:
            told = f"the directory of {tenant} has no keys of it"
            add = f"where its edge runs: gateway keys add {tenant} {name} --zone {entry.zone}"
            problems.append(f"{at}: {told}; {add}; where the root key lies: gateway keys publish {tenant}")
        elif directory.connectors[name].zone != entry.zone:
            problems.append(f"{at}.zone: the directory of {tenant} has it in another zone than {entry.zone}")
    if problems:
        raise Misconfigured(problems)
    return directory


def log_signer(config: Config, tenant: str) -> Signer:
    """The key that signs the checkpoints of the tenant's log."""
    keys = TenantKeys(config.root, tenant)
    return read_signer(keys.log_key, keys.log_vkey, passphrase(config))


def open_keys(config: Config, tenant: str, connector: str, directory: Directory) -> EdgeKeys:
    """The private keys of one edge: all that the directory names, and those that it does not name yet."""
    folder = TenantKeys(config.root, tenant).connector(connector)
    return EdgeKeys.load(folder, passphrase(config), directory.connectors[connector])


@dataclass(frozen=True, slots=True)
class Plug:
    """An enabled connector: its loaded plugin and its checked settings, or why it is quarantined."""

    loaded: Loaded | None
    settings: Any
    problems: tuple[str, ...] = ()

    @property
    def quarantine(self) -> str:
        """The problems in one line, empty if there is none."""
        return " ".join(each.strip() for each in self.problems)


def load_plugins(config: Config) -> Mapping[tuple[str, str], Plug]:
    """Every connector of this process, each held to its lock. Raises Misconfigured with all problems of the required
    ones.
    """
    problems: list[str] = []
    plugs: dict[tuple[str, str], Plug] = {}
    installed = plugins.installed()
    for code, name in config.places:
        entry = config.tenants[code].file.connectors[name]
        try:
            if name not in config.contracts:
                continue  # `contradictions` says so
            loaded = plugins.load(name, installed)
            plugins.same_as_locked(name, loaded.contract, config.contracts[name])
            where = f"config/tenants/{code}.toml"
            plugs[code, name] = Plug(loaded, plugins.settings_of(name, loaded.spec, entry.settings, where))
        except Misconfigured as wrong:
            plugs[code, name] = Plug(None, None, wrong.problems)
            if entry.required:
                problems.extend(each for each in wrong.problems if each not in problems)
    if problems:
        raise Misconfigured(problems)
    return plugs


def edge_rules(config: Config, tenant: str, connector: str, directory: Directory, interface: Interface) -> EdgeRules:
    """The rules of one edge, its pinned certificates read."""
    with readable(f"config/tenants/{tenant}.toml: connectors.{connector}.certificates"):
        return rules_for(config, tenant, connector, directory, interface)


def fitting(config: Config, tenant: str, spec: ConnectorSpec, settings: Any) -> None:
    """Raises Misconfigured if a route wants attested what its connector cannot, if its settings speak of a certificate
    that it does not admit, or if it may send more records at once than a message here may have.
    """
    name, file, where = spec.interface.connector, config.tenants[tenant].file, f"config/tenants/{tenant}.toml"
    problems = [
        f"{where}: routes.{route.id}.{key}: connector {name} does not attest {claim}"
        for route in file.routes
        if route.source == name
        for key, claims in (("attest", route.attest), ("may_attest", route.may_attest))
        for claim in claims
        if claim not in spec.attests
    ]
    strangers = sorted(plugins.peers(name, spec, settings) - set(file.connectors[name].certificates))
    at = f"{where}: connectors.{name}.settings"
    problems += [
        f"{at}: {each} is not among the connector's certificates; it stays shut, for all of its peers"
        for each in strangers
    ]
    if problems:
        raise Misconfigured(problems)
    portion = plugins.portion(name, spec, settings)
    if portion is not None and portion > config.gateway.limits.records_per_message:
        why = f"by its settings connector {name} of {tenant} sends that many in one message"
        raise Misconfigured((f"config/gateway.toml: limits.records_per_message: must be at least {portion}: {why}",))


def listener_tls(config: Config, name: str, settings: Listener | Admin | LinkListener) -> ssl.SSLContext:
    """The TLS of one listener."""
    with readable(f"config/gateway.toml: {name}: certificate, key or client_ca"):
        files = (settings.certificate, settings.key, settings.client_ca)
        certificate, key, client_ca = (present(config.path(each)) for each in files)
        return server_tls(certificate, key, client_ca, passphrase(config).read)


def operators(config: Config) -> Mapping[str, str]:
    """The operators' names by their certificates, as hex digests."""
    with readable("config/gateway.toml: admin.operators"):
        return {digest_of_file(config.path(file)): name for name, file in config.gateway.admin.operators.items()}


def edge_processes(config: Config) -> Mapping[str, Pinned]:
    """A hub's edge processes by the fingerprints of their certificates."""
    link = config.gateway.link
    with readable("config/gateway.toml: link.edges"):
        return {
            fingerprint_of_file(config.path(each.certificate)): Pinned(name, frozenset(map(place_of, each.connectors)))
            for name, each in (link.edges.items() if link is not None else ())
        }


def bounds(config: Config) -> Bounds:
    """What an edge here seals by, and what a hub here takes."""
    limits = config.gateway.limits
    times = (math.ceil(each) for each in (limits.message_seconds, limits.answer_seconds, limits.delivery_deadline))
    return Bounds(limits.body_bytes, limits.records_per_message, limits.lanes, *times)


def open_witnesses(config: Config) -> tuple[RemoteWitness, ...]:
    """Who cosigns the logs, each with its pinned key."""
    found: dict[str, RemoteWitness] = {}
    for number, each in enumerate(config.gateway.witnesses, 1):
        at = f"config/gateway.toml: witnesses.#{number}"
        with told_at(f"{at}.key"):
            verifier = read_verifier(config.path(each.key), type=COSIGNATURE)
        if verifier.name in found:
            raise Misconfigured((f"{at}.key: another witness has this name; each needs its own",))
        with readable(f"{at}.ca"):
            tls = ssl.create_default_context(cafile=present(config.path(each.ca)))
        tls.minimum_version = ssl.TLSVersion.TLSv1_3
        found[verifier.name] = RemoteWitness(each.url, tls, verifier)
    return tuple(found.values())


def hub_tls(config: Config) -> ssl.SSLContext:
    """Mutual TLS of an edge process towards its hub."""
    link = config.gateway.link
    assert link is not None  # noqa: S101  (the configuration of an edge process)
    assert link.hub is not None  # noqa: S101
    with readable("config/gateway.toml: link.hub: certificate, key or ca"):
        return client_tls(config, link.hub.certificate, link.hub.key, link.hub.ca, ssl.TLSVersion.TLSv1_3)


def readable_secrets(config: Config, tenant: str, connector: str) -> None:
    """Raises Misconfigured if a secret that the connector's settings refer to cannot be read."""
    where = f"config/tenants/{tenant}.toml: connectors.{connector}.settings"
    problems: list[str] = []
    for key, text in texts(where, config.tenants[tenant].file.connectors[connector].settings):
        if text.startswith(_REFERENCE):
            try:
                Secret.parse(text, config.root, key).read()
            except Misconfigured as wrong:
                problems.extend(wrong.problems)
    if problems:
        raise Misconfigured(problems)


_REFERENCE = tuple(f"{each}:" for each in Source)


def texts(key: str, value: object) -> Iterator[tuple[str, str]]:
    """Every text of the settings, under its key."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from texts(f"{key}.{name}", each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(key, each)


def open_session(config: Config, tenant: str, spec: ConnectorSpec, settings: Any) -> aiohttp.ClientSession:
    """A session towards the connector's system, with the TLS of its settings."""
    tls = session_tls(config, tenant, spec, settings)
    cookies = aiohttp.DummyCookieJar()  # a system is told nothing on behalf of one person that it said of another
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls, limit=64), cookie_jar=cookies)


def session_tls(config: Config, tenant: str, spec: ConnectorSpec, settings: Any) -> ssl.SSLContext:
    """Mutual TLS towards the system; without files a context that trusts nobody."""
    name = spec.interface.connector
    files = plugins.tls_files(name, spec, settings)
    if files is None:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with readable(f"config/tenants/{tenant}.toml: connectors.{name}.settings: TLS files"):
        return client_tls(config, files.certificate, files.key, files.ca, ssl.TLSVersion.TLSv1_2)


def client_tls(config: Config, certificate: str, key: str, ca: str, least: ssl.TLSVersion) -> ssl.SSLContext:
    """Mutual TLS towards a server that `ca` vouches for. To be called within `readable`."""
    certificate, key, ca = (present(config.path(each)) for each in (certificate, key, ca))
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = least
    context.load_cert_chain(certificate, key, passphrase(config).read)
    return context
