"""What an assessment is about: one tenant of the configuration, with its systems, routes and items by their labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.config import Config, ConnectorEntry, Export, LegalBasis, Route, Tenant, Zone
from gateway.config.files import Allowed
from gateway.errors import Misconfigured
from gateway.interfaces.words import DATA_CLASSES
from gateway.plugin.contract import ContractField, ContractOperation
from gateway.plugin.item import DataClass

CLASSES: Final = MappingProxyType({each: DATA_CLASSES[each]("ja") for each in DataClass})
"""情報区分, as the document calls them; in the order of the form."""
ALLOWED: Final = MappingProxyType(
    {"use": "利用", "entrustment": "委託", "transfer": "移転", "inquiry": "情報照会", "provision": "情報提供"}
)
CLAIMS: Final = MappingProxyType(
    {
        "card_login": "個人番号カードによるログイン",
        "consent": "利用目的への同意",
        "agent": "代理人",
        "identity_confirmed": "本人確認情報",
        "permit": "情報提供許可証",
        "self_requested": "本人からの求め",
        "review": "確認(保留)",
        "undisclosed": "開示しない記録の印",
    }
)
_FIRST: Final[tuple[Allowed, ...]] = ("provision", "inquiry", "transfer", "entrustment", "use")
"""A route under several bases is told of in the chapter of the narrowest."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What goes one way on a route: its records, or its reply."""

    route: Route
    source: str
    destination: str
    operation: ContractOperation
    fields: tuple[ContractField, ...]
    reply: bool

    @property
    def name(self) -> str:
        """The route's id; that of a reply says so."""
        return f"{self.route.id}(回答)" if self.reply else self.route.id

    @property
    def classes(self) -> frozenset[DataClass]:
        """What it carries, by class."""
        return frozenset(each.data_class for each in self.fields if each.data_class is not None)


@dataclass(frozen=True, slots=True)
class Subject:
    """One tenant of a configuration that holds together."""

    config: Config
    tenant: Tenant

    @classmethod
    def of(cls, config: Config, code: str) -> "Subject":
        """Raises Misconfigured if there is no such tenant."""
        if code not in config.tenants:
            known = ", ".join(config.tenants) or "none"
            raise Misconfigured(
                (f"{config.root}/config/tenants/{code}.toml: there is no such tenant; there is {known}",)
            )
        return cls(config, config.tenants[code])

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes, in the order of the file."""
        return self.tenant.file.routes

    @property
    def connectors(self) -> dict[str, ConnectorEntry]:
        """All connectors, in the order of the file."""
        return self.tenant.file.connectors

    @property
    def exports(self) -> tuple[Export, ...]:
        """What is copied of its log, or of the system's, in which the acts stand that are about all tenants."""
        logs = self.tenant.code, "system"
        found = ((each, tuple(log for log in each.tenants if log in logs)) for each in self.config.gateway.exports)
        return tuple(each.model_copy(update={"tenants": own}) for each, own in found if own)

    def routes_of(self, connector: str) -> tuple[str, ...]:
        """The ids of all routes that begin or end at it."""
        return tuple(each.id for each in self.routes if connector in (each.source, each.destination))

    def system(self, connector: str) -> str:
        """What the system of a connector is called; the connector's name where its interface does not say."""
        return self.config.contracts[connector].label or connector

    def zone(self, connector: str) -> Zone:
        """Where its system lives."""
        return self.config.zones[self.connectors[connector].zone]

    def purpose(self, route: Route) -> str:
        """What it is for, in words where the configuration has them."""
        return self.tenant.file.purposes.get(route.purpose, route.purpose)

    def flows(self) -> Iterator[Flow]:
        """What goes where, of all routes in their order."""
        for route in self.routes:
            yield from self.flows_of(route)

    def flows_of(self, route: Route) -> Iterator[Flow]:
        """Its records, and its reply if it has one, as the source's lock has them."""
        operation = self.operation(route)
        fields = _fields(operation.fields, route.fields)
        yield Flow(route, route.source, route.destination, operation, fields, reply=False)
        if route.reply_fields:
            fields = _fields(operation.reply, route.reply_fields)
            yield Flow(route, route.destination, route.source, operation, fields, reply=True)

    def operation(self, route: Route) -> ContractOperation:
        """The locked operation that its source sends."""
        found = self.config.contracts[route.source].operation("sends", route.operation)
        if found is None:
            raise LookupError(route.id)  # no checked configuration has such a route
        return found

    def law(self, route: Route) -> list[tuple[str, LegalBasis]]:
        """What it may cite but for the assessment: its legal bases, and its rows."""
        return [(each, self.config.legal_basis[each]) for each in (*route.legal_basis, *route.rows)]

    def allowed(self, route: Route) -> Allowed | None:
        """As what the form speaks of it; None if no legal basis of it says so."""
        allows = {basis.allows for _, basis in self.law(route)}
        return next((each for each in _FIRST if each in allows), None)

    def assessment(self, route: Route) -> LegalBasis:
        """The assessment that it depends on."""
        return self.config.legal_basis[route.assessment]


def _fields(locked: tuple[ContractField, ...], paths: tuple[str, ...]) -> tuple[ContractField, ...]:
    by_path = {each.path: each for each in locked}
    return tuple(by_path[path] for path in paths)


def days(basis: LegalBasis) -> str:
    """When it is in force."""
    return f"{basis.valid_from} 〜 {basis.valid_until or ''}".rstrip()


def cited(name: str, basis: LegalBasis) -> str:
    """A reference with its id and its days."""
    return f"{basis.reference}〔{name}、{days(basis)}〕"
