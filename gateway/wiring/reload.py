"""What a reload may change, and the rules that it would bring, made before anything of it is applied."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from gateway.config import Config, ConnectorEntry
from gateway.edge.rules import EdgeRules
from gateway.errors import Misconfigured
from gateway.hub.people import Configured
from gateway.hub.rules import HubRules, hub_rules
from gateway.keys.directory import Directory
from gateway.keys.private import EdgeKeys
from gateway.link.witness import RemoteWitness
from gateway.link.words import Pinned
from gateway.plugin.connector import ConnectorSpec
from gateway.wiring.examine import startable
from gateway.wiring.opening import (
    edge_processes,
    edge_rules,
    fitting,
    hub_tls,
    open_directory,
    open_keys,
    open_witnesses,
)
from gateway.wiring.people import configured


@dataclass(frozen=True, slots=True)
class Prepared:
    """The new directories, and the rules and configured people of every hub, by tenant, and the rules and keys of
    every edge, by tenant and connector, here. Of a link: the edge processes that a hub lets in, or the TLS by which an
    edge process goes there. Of a hub's logs: who cosigns them.
    """

    directories: Mapping[str, Directory]
    hubs: Mapping[str, HubRules]
    people: Mapping[str, Configured]
    edges: Mapping[tuple[str, str], tuple[EdgeRules, EdgeKeys]]
    processes: Mapping[str, Pinned]
    to_hub: ssl.SSLContext | None
    witnesses: Sequence[RemoteWitness]


def prepare(
    now: Config,
    fresh: Config,
    running: Mapping[tuple[str, str], tuple[ConnectorSpec, BaseModel, EdgeKeys]],
    in_use: Mapping[str, Directory],
) -> Prepared:
    """Everything that can fail. Raises Misconfigured, and then nothing has changed.

    `running` has the edges at work, each with what it registered, its settings and the keys that it opened; `in_use`
    the directories, which never go back.
    """
    locks = list(_locks(now, fresh))
    if problems := [*_needs_restart(now, fresh), *locks]:
        # With a lock its plugin's code has changed; what is loaded here is the former, and says nothing of the new.
        raise Misconfigured((*problems, *(() if locks else _not_even_then(fresh))))
    for (code, _), (spec, settings, _) in running.items():
        fitting(fresh, code, spec, settings)
    directories = {code: open_directory(fresh, code) for code in fresh.tenants}
    for code, directory in directories.items():
        if directory.version < (version := in_use[code].version):
            raise Misconfigured((f"the directory of {code} is older than version {version}, which is in use",))
    hubs = {} if fresh.gateway.role == "edge" else directories
    return Prepared(
        directories,
        {code: hub_rules(fresh, code, directory) for code, directory in hubs.items()},
        configured(fresh),
        {
            (code, name): (
                edge_rules(fresh, code, name, directories[code], spec.interface),
                _reopened(fresh, code, name, directories[code], keys),
            )
            for (code, name), (spec, _, keys) in running.items()
        },
        edge_processes(fresh),
        hub_tls(fresh) if fresh.gateway.role == "edge" else None,
        open_witnesses(fresh),
    )


def _reopened(fresh: Config, code: str, name: str, directory: Directory, opened: EdgeKeys) -> EdgeKeys:
    """Its keys as they lie there now. Under another secret, what is in flight would have other lanes."""
    keys = open_keys(fresh, code, name, directory)
    if not keys.same_secret(opened):
        raise Misconfigured((f"keys/{code}/{name}/secret.pem: is another one; it needs a restart to change",))
    return keys


def _needs_restart(now: Config, fresh: Config) -> Iterator[str]:
    """Routes, legal bases, zones, limits, certificates and directories apply at once; the rest needs a restart."""
    yield from _of_the_gateway(now, fresh)
    if set(fresh.tenants) != set(now.tenants):
        yield "config/tenants: adding or removing a tenant needs a restart"
    for code in set(fresh.tenants) & set(now.tenants):
        yield from _of_a_tenant(code, now.tenants[code].file.connectors, fresh.tenants[code].file.connectors)


def _locks(now: Config, fresh: Config) -> Iterator[str]:
    for name in sorted({*fresh.contracts, *now.contracts}):
        if fresh.contracts.get(name) != now.contracts.get(name):
            told = "a lock changes with its plugin's code, and new code needs a restart"
            yield f"config/interfaces/{name}.json: {told}; gateway check says whether it would start"


def _of_the_gateway(now: Config, fresh: Config) -> Iterator[str]:
    for key in ("name", "passphrase", "listeners", "link"):
        if getattr(now.gateway, key) != getattr(fresh.gateway, key):
            yield f"config/gateway.toml: {key}: needs a restart to change"
    for table in ("admin", "journal"):
        for key in _differing(dict(getattr(now.gateway, table)), dict(getattr(fresh.gateway, table))):
            yield f"config/gateway.toml: {table}.{key}: needs a restart to change"
    if now.gateway.limits.open_records != fresh.gateway.limits.open_records:
        yield "config/gateway.toml: limits.open_records: needs a restart to change"  # the journals hold it
    if now.gateway.link is not None and now.gateway.limits.body_bytes != fresh.gateway.limits.body_bytes:
        yield "config/gateway.toml: limits.body_bytes: needs a restart to change, at hub and edges"  # the link holds it


def _of_a_tenant(code: str, old: Mapping[str, ConnectorEntry], new: Mapping[str, ConnectorEntry]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        at = f"config/tenants/{code}.toml: connectors.{name}"
        if name not in old or name not in new:
            yield f"{at}: adding or removing a connector needs a restart"
            continue
        for key in _differing(_fixed(old[name]), _fixed(new[name])):
            yield f"{at}.{key}: needs a restart to change"


def _fixed(entry: ConnectorEntry) -> dict[str, object]:
    own = {f"settings.{key}": value for key, value in entry.settings.items()}
    return {"zone": entry.zone, "required": entry.required, **own}


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    return sorted(key for key in {*old, *new} if key not in old or key not in new or old[key] != new[key])


def _not_even_then(fresh: Config) -> Iterator[str]:
    """What a restart with this configuration would stumble over."""
    try:
        _, quarantined = startable(fresh)
    except Misconfigured as wrong:
        yield from (f"and after a restart it would not start: {each}" for each in wrong.problems)
    else:
        yield from (f"and after a restart it would be quarantined: {each}" for each in quarantined)
