"""Which routes carry nothing today because a legal basis that they cite is not in force (C009)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.config.config import Config, japanese_day
from gateway.config.files import LegalBasis


@dataclass(frozen=True, slots=True)
class Lapse:
    """One citation of a route that is not in force; `ended` is False if its time has not come yet."""

    tenant: str
    route: str
    cited: str
    basis: LegalBasis
    ended: bool

    def __str__(self) -> str:
        when = f"ended on {self.basis.valid_until}" if self.ended else f"begins on {self.basis.valid_from}"
        return (
            f"config/tenants/{self.tenant}.toml: routes.{self.route} carries nothing today: "
            f"{self.cited} ({self.basis.reference}) {when}"
        )


def lapses(config: Config, now: datetime) -> Iterator[Lapse]:
    """Every citation that is not in force on that day in Japan."""
    day = japanese_day(now)
    for code, tenant in config.tenants.items():
        for route in tenant.file.routes:
            for cited in route.legal_basis:
                basis = config.legal_basis[cited]
                if not basis.in_force(day):
                    yield Lapse(code, route.id, cited, basis, ended=basis.valid_from <= day)
