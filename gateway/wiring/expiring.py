"""Which certificates that the configuration names have ended or soon will: nobody else tells their owners."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.config import Config, GatewayFile
from gateway.edge.plugins import tls_files
from gateway.errors import Misconfigured
from gateway.keys.certificates import end_of_file
from gateway.wiring.opening import Plug

_SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Expiring:
    """One certificate that ends within 30 days, or has."""

    where: str
    file: str
    end: datetime
    ended: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.file} {'ended' if self.ended else 'ends'} on {self.end:%Y-%m-%d}; renew it"


def expiring(config: Config, plugs: Mapping[tuple[str, str], Plug], now: datetime) -> Iterator[Expiring]:
    """Those of listeners, operators, administrators, pinned systems, and of connectors towards their systems; each file
    once.

    What cannot be read is passed over: whoever opens it says so, and it may be a quarantined connector's.
    """
    seen: set[str] = set()
    for where, file in _named(config, plugs):
        try:
            end = end_of_file(config.path(file))
        except (OSError, ValueError):
            continue
        if file not in seen and end <= now + _SOON:
            yield Expiring(where, file, end, ended=end <= now)
        seen.add(file)


def _named(config: Config, plugs: Mapping[tuple[str, str], Plug]) -> Iterator[tuple[str, str]]:
    yield from ((f"config/gateway.toml: {key}", file) for key, file in _of_the_process(config.gateway))
    for code, tenant in config.tenants.items() if config.gateway.role != "edge" else ():
        for name, file in tenant.file.administrators.items():
            yield f"config/tenants/{code}.toml: administrators.{name}", file
    for code, name in config.places:
        for file in config.tenants[code].file.connectors[name].certificates:
            yield f"config/tenants/{code}.toml: connectors.{name}.certificates", file
    for (code, name), plug in plugs.items():
        if plug.loaded is None:
            continue
        with contextlib.suppress(Misconfigured):
            if (files := tls_files(name, plug.loaded.spec, plug.settings)) is not None:
                at = f"config/tenants/{code}.toml: connectors.{name}.settings"
                yield from ((at, file) for file in (files.certificate, files.ca))


def _of_the_process(gateway: GatewayFile) -> Iterator[tuple[str, str]]:
    for each in gateway.listeners:
        yield from ((f"listeners.{each.name}", file) for file in (each.certificate, each.client_ca))
    yield from (("admin", file) for file in (gateway.admin.certificate, gateway.admin.client_ca))
    yield from ((f"admin.operators.{name}", file) for name, file in gateway.admin.operators.items())
    yield from ((f"witnesses.#{number}", each.ca) for number, each in enumerate(gateway.witnesses, 1))
    if (link := gateway.link) is None:
        return
    if link.listen is not None:
        yield from (("link.listen", file) for file in (link.listen.certificate, link.listen.client_ca))
    if link.hub is not None:
        yield from (("link.hub", file) for file in (link.hub.certificate, link.hub.ca))
    yield from ((f"link.edges.{name}", edge.certificate) for name, edge in link.edges.items())
