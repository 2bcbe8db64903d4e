"""The whole configuration as one immutable value; only `load` makes it, and only if it holds together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gateway.config.files import Former, GatewayFile, LegalBasis, Route, TenantFile, Zone
from gateway.config.japan import japanese_day
from gateway.plugin.contract import Contract


@dataclass(frozen=True, slots=True)
class Tenant:
    """One municipality: its code and its file."""

    code: str
    file: TenantFile

    def route_from(self, source: str, operation: str) -> Route | None:
        """The one route that carries this operation of this connector, or None: then nothing carries it."""
        return next((r for r in self.file.routes if (r.source, r.operation) == (source, operation)), None)

    def route(self, route_id: str) -> Route | None:
        """The route of that id, or None."""
        return next((r for r in self.file.routes if r.id == route_id), None)


def in_force(cited: Iterable[str], legal_basis: Mapping[str, LegalBasis], now: datetime) -> bool:
    """C009: whether every cited reference is known and in force at that time; the day is Japan's."""
    day = japanese_day(now)
    return all(each in legal_basis and legal_basis[each].in_force(day) for each in cited)


def still_valid(digest: str, connector: str, former: Iterable[Former], now: datetime) -> bool:
    """Whether it is one that the connector's interface had before, and its last day in Japan is not over."""
    day = japanese_day(now)
    return any((each.connector, each.digest) == (connector, digest) and day <= each.until for each in former)


def place_of(written: str) -> tuple[str, str]:
    """`999997/some_connector` as tenant and connector."""
    tenant, _, connector = written.partition("/")
    return tenant, connector


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration, checked. `legal_basis` has the assessments too, whose ids are `assessments`; `digest`
    is SHA-256 over all its files, `digests` are those of the contracts.
    """

    root: Path
    gateway: GatewayFile
    zones: Mapping[str, Zone]
    legal_basis: Mapping[str, LegalBasis]
    assessments: frozenset[str]
    tenants: Mapping[str, Tenant]
    contracts: Mapping[str, Contract]
    former: tuple[Former, ...]
    digest: str
    digests: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        made = {name: contract.digest() for name, contract in self.contracts.items()}
        object.__setattr__(self, "digests", MappingProxyType(made))  # once, for the hub and each of its edges

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """The connectors that run in this process, as tenant and name: all, none in a hub, or an edge's own."""
        link = self.gateway.link
        if link is None:
            return tuple((code, name) for code, tenant in self.tenants.items() for name in tenant.file.connectors)
        return tuple(place_of(each) for each in link.hub.connectors) if link.hub is not None else ()

    def references(self) -> dict[str, dict[str, Any]]:
        """Every legal basis and assessment as it reads now: headers cite them by these ids, and old facts keep what
        they meant (requirements §7 no. 35).
        """
        return {name: each.model_dump(mode="json", exclude_none=True) for name, each in self.legal_basis.items()}

    def path(self, relative: str) -> Path:
        """A path of the configuration, resolved against the root."""
        return self.root / relative
