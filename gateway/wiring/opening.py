"""Configuration into parts: directories, journals, plugins, TLS. Each fails with a sentence that says what to do."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from gateway.config import Config
from gateway.edge import plugins
from gateway.edge.plugins import Loaded
from gateway.errors import Misconfigured
from gateway.hub.journal import Journal, JournalLimits
from gateway.keys.at_rest import Secret
from gateway.keys.directory import Directory
from gateway.keys.layout import TenantKeys, read_signer, read_text, read_verifier
from gateway.keys.private import EdgeKeys
from gateway.plugin.connector import ConnectorSpec

SYSTEM = "system"
"""The store of what belongs to no tenant."""


def passphrase(config: Config) -> Secret:
    """The reference to the passphrase of the private keys."""
    return Secret.parse(config.gateway.passphrase, config.root)


def open_directory(config: Config, tenant: str) -> Directory:
    """The tenant's directory, proven to be signed by the pinned key and not older than the pinned version."""
    file = config.tenants[tenant].file
    root = read_verifier(config.path(file.root_key))
    directory = Directory.parse(read_text(config.path(file.directory)), root, tenant, file.directory_version)
    for name, entry in file.connectors.items():
        if name not in directory.connectors:
            raise Misconfigured((f"the directory of {tenant} has no keys of {name}; run: gateway keys publish",))
        if directory.connectors[name].zone != entry.zone:
            raise Misconfigured((f"the directory of {tenant} has {name} in another zone than {entry.zone}",))
    return directory


def open_journal(config: Config, tenant: str) -> Journal:
    """The tenant's store, verified from its last checkpoint on."""
    keys = TenantKeys(config.root, tenant)
    signer = read_signer(keys.log_key, keys.log_vkey, passphrase(config))
    settings = config.gateway.journal
    folder = config.path(settings.directory)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    limits = JournalLimits(
        max_open_records=config.gateway.limits.open_records,
        checkpoint_every_facts=settings.checkpoint_facts,
        wal_bytes=settings.wal_bytes,
    )
    return Journal.open(folder / f"{tenant}.db", tenant=tenant, origin=signer.name, signer=signer, limits=limits)


def open_keys(config: Config, tenant: str, connector: str, directory: Directory) -> EdgeKeys:
    """The private keys of one edge, proven to be those that the directory names."""
    keys = EdgeKeys.load(TenantKeys(config.root, tenant).connector(connector), passphrase(config))
    if directory.connectors[connector] != keys.public:
        raise Misconfigured(
            (f"keys/{tenant}/{connector}: not the keys that the directory names; run: gateway keys publish",)
        )
    return keys


@dataclass(frozen=True, slots=True)
class Plug:
    """An enabled connector: its loaded plugin and its checked settings, or why it is quarantined."""

    loaded: Loaded | None
    settings: Any
    quarantine: str = ""


def load_plugins(config: Config) -> Mapping[tuple[str, str], Plug]:
    """Every enabled connector, each held to its lock. Raises Misconfigured with all problems of the required ones."""
    problems: list[str] = []
    plugs: dict[tuple[str, str], Plug] = {}
    for code, tenant in config.tenants.items():
        for name, entry in tenant.file.connectors.items():
            try:
                loaded = plugins.load(name)
                plugins.same_as_locked(name, loaded.contract, config.contracts[name])
                where = f"config/tenants/{code}.toml"
                plugs[code, name] = Plug(loaded, plugins.settings_of(name, loaded.spec, entry.settings, where))
            except Misconfigured as wrong:
                plugs[code, name] = Plug(None, None, wrong.problems[0])
                if entry.required:
                    problems.extend(each for each in wrong.problems if each not in problems)
    if problems:
        raise Misconfigured(problems)
    return plugs


def open_session(config: Config, spec: ConnectorSpec, settings: Any) -> aiohttp.ClientSession:
    """Mutual TLS towards the connector's system; a connector that opens no connection gets a session without trust."""
    files = spec.tls(settings)
    if files is None:
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=nobody))
    with readable(f"the TLS files of connector {spec.interface.connector}"):
        context = ssl.create_default_context(cafile=str(config.path(files.ca)))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(config.path(files.certificate), config.path(files.key), passphrase(config).read)
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=64))


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Turns what the system says about files and TLS into Misconfigured, naming `what`."""
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        raise Misconfigured((f"{what}: {error.strerror or type(error).__name__}",)) from None
