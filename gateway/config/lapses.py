"""What the configuration names and time has passed by: routes whose legal basis or assessment is not in force today
(C009), and digests of former interfaces.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.config.config import Config
from gateway.config.files import LegalBasis
from gateway.config.japan import japanese_day

_SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Lapse:
    """One citation of a route that is not in force; `ended` is False if its time has not come yet. `carries` if the
    route carries on without it, under other rows.
    """

    tenant: str
    route: str
    cited: str
    basis: LegalBasis
    ended: bool
    carries: bool = False

    def __str__(self) -> str:
        what = "nothing under one of its rows" if self.carries else "nothing"
        return f"config/tenants/{self.tenant}.toml: routes.{self.route} carries {what} today: {self.cause}"

    @property
    def cause(self) -> str:
        """The citation, and since or until when it is not in force."""
        when = f"ended on {self.basis.valid_until}" if self.ended else f"begins on {self.basis.valid_from}"
        return f"{self.cited} ({self.basis.reference}) {when}"


def lapses(config: Config, now: datetime) -> Iterator[Lapse]:
    """Every citation that is not in force on that day in Japan."""
    day = japanese_day(now)
    for code, tenant in config.tenants.items():
        for route in tenant.file.routes:
            others = any(config.legal_basis[row].in_force(day) for row in route.rows)
            for cited in route.cites(route.rows):
                basis = config.legal_basis[cited]
                if not basis.in_force(day):
                    carries = others and cited in route.rows
                    yield Lapse(code, route.id, cited, basis, ended=basis.valid_from <= day, carries=carries)


def lapsed(config: Config, now: datetime) -> Iterator[str]:
    """The same in a sentence for each citation of a tenant, whatever many routes cite it."""
    alike: dict[tuple[str, str, bool], list[Lapse]] = {}
    for each in lapses(config, now):
        alike.setdefault((each.tenant, each.cited, each.carries), []).append(each)
    for first, *more in alike.values():
        if not more:
            yield str(first)
            continue
        what = "nothing under one of their rows" if first.carries else "nothing"
        which = f"{len(more) + 1} routes, {first.route} the first"
        yield f"config/tenants/{first.tenant}.toml: {which}, carry {what} today: {first.cause}"


def ending(config: Config, now: datetime) -> Iterator[str]:
    """A sentence for each reference that routes cite and that is in force for 30 days more at most, in Japan's days: an
    assessment that is renewed must be published before (requirements §7 no. 37).
    """
    day = japanese_day(now)
    cited: dict[str, list[str]] = {}
    for tenant in config.tenants.values():
        for route in tenant.file.routes:
            for each in route.cites(route.rows):
                cited.setdefault(each, []).append(route.id)
    for name, routes in cited.items():
        basis = config.legal_basis[name]
        if basis.valid_until is not None and basis.in_force(day) and basis.valid_until - day <= _SOON:
            told = f"{name} ({basis.reference}) ends on {basis.valid_until}; routes that cite it: {len(routes)}"
            yield f"config/legal_basis.toml: {told}, {routes[0]} the first"


def passed(config: Config, now: datetime) -> Iterator[str]:
    """A sentence for each former digest whose last day in Japan is over."""
    day = japanese_day(now)
    for number, each in enumerate(config.former, 1):
        if each.until < day:
            where = f"config/interfaces/former.toml: former.#{number}"
            yield f"{where}: the former digest of {each.connector} was valid until {each.until}; take it out"
