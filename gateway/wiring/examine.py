"""All that a start needs but journals and ports, opened once beforehand, so that everything wrong is told together."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from gateway.config import Config, contradictions, read
from gateway.errors import Misconfigured
from gateway.keys.directory import Directory
from gateway.keys.layout import TenantKeys
from gateway.keys.use_stops import FILE
from gateway.wiring.expiring import Expiring, expiring
from gateway.wiring.exposed import exposed
from gateway.wiring.opening import (
    SYSTEM,
    Plug,
    edge_processes,
    edge_rules,
    fitting,
    hub_tls,
    listener_tls,
    load_plugins,
    log_signer,
    open_directory,
    open_keys,
    open_witnesses,
    passphrase,
    readable_secrets,
    session_tls,
)
from gateway.wiring.people import configured
from gateway.wiring.use_stopping import read_list

T = TypeVar("T")


@dataclass(slots=True)
class _Findings:
    problems: list[str] = field(default_factory=list)

    def of(self, step: Callable[[], T]) -> T | None:
        """The step's result, or None with its problems kept."""
        try:
            return step()
        except Misconfigured as wrong:
            self.problems.extend(each for each in wrong.problems if each not in self.problems)
            return None


@dataclass(frozen=True, slots=True)
class Examined:
    """A configuration that can start, with its plugins as they are loaded, and what is amiss without stopping it: why
    connectors that are not required would be quarantined, certificates that end, those whose files are not here, so
    that no right can be granted, which connectors nothing would pass, for whose use is stopped there cannot be read,
    and which files of the logs others may write.
    """

    config: Config
    plugs: Mapping[tuple[str, str], Plug]
    quarantined: tuple[str, ...]
    expiring: tuple[Expiring, ...]
    missing: tuple[str, ...]
    use_stops: tuple[str, ...]
    exposed: tuple[str, ...]


def examine(root: Path, now: datetime) -> Examined:
    """Raises Misconfigured with every problem that would stop the start."""
    config = read(root)
    plugs, quarantined = startable(config)
    missing = dict.fromkeys(each for people in configured(config).values() for each in people.missing)
    return Examined(
        config,
        plugs,
        quarantined,
        tuple(expiring(config, plugs, now)),
        tuple(missing),
        tuple(_unreadable_use_stops(config)),
        tuple(exposed(config)),
    )


def _unreadable_use_stops(config: Config) -> Iterator[str]:
    """Stops no start: what is asked of such an edge waits until it is mended."""
    for tenant, connector in config.places:
        if (TenantKeys(config.root, tenant).connector(connector) / FILE).exists():
            try:
                read_list(config, tenant, connector)
            except Misconfigured as wrong:
                yield from wrong.problems


def startable(config: Config) -> tuple[Mapping[tuple[str, str], Plug], tuple[str, ...]]:
    """The plugins, and why some of them would be quarantined. Raises Misconfigured as `examine` does."""
    stops, quarantines = _Findings(list(contradictions(config))), _Findings()
    agrees = not stops.problems
    stops.of(passphrase(config).read)
    role = config.gateway.role
    for log in (SYSTEM, *config.tenants) if role != "edge" else ():
        stops.of(partial(log_signer, config, log))
    stops.of(partial(open_witnesses, config))
    if role == "edge":
        stops.of(partial(hub_tls, config))
    if (link := config.gateway.link) is not None and link.listen is not None:
        stops.of(partial(listener_tls, config, "link.listen", link.listen))
        stops.of(partial(edge_processes, config))
    for listener in config.gateway.listeners:
        stops.of(partial(listener_tls, config, f"listeners.{listener.name}", listener))
    stops.of(partial(listener_tls, config, "admin", config.gateway.admin))
    stops.of(partial(configured, config))
    stops.of(partial(_exports, config))
    plugs = stops.of(partial(load_plugins, config)) or {}
    for code, tenant in config.tenants.items():
        directory = stops.of(partial(open_directory, config, code))
        for name, entry in tenant.file.connectors.items():
            if (code, name) not in config.places:
                continue
            findings = stops if entry.required else quarantines
            if (plug := plugs.get((code, name))) is not None and directory is not None:
                _connector(config, (code, name), plug, directory, findings, agrees=agrees)
    if stops.problems:
        raise Misconfigured(stops.problems)
    return plugs, tuple(quarantines.problems)


def _exports(config: Config) -> None:
    if config.gateway.exports:
        from gateway.wiring.exporting import exporting  # noqa: PLC0415  (it loads the journal: only for who exports)

        exporting(config)


def _connector(
    config: Config, place: tuple[str, str], plug: Plug, directory: Directory, findings: _Findings, *, agrees: bool
) -> None:
    if plug.loaded is None:
        findings.problems.extend(plug.problems)
        return
    findings.of(partial(open_keys, config, *place, directory))
    if agrees:  # rules can be resolved only from files that agree
        findings.of(partial(edge_rules, config, *place, directory, plug.loaded.spec.interface))
    findings.of(partial(fitting, config, place[0], plug.loaded.spec, plug.settings))
    findings.of(partial(readable_secrets, config, *place))
    findings.of(partial(session_tls, config, place[0], plug.loaded.spec, plug.settings))
