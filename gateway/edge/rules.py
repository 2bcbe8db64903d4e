"""What an edge is bound by: the part of the configuration that concerns one connector of one tenant, resolved once."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.config import Config, Former, LegalBasis, Limits, Route, Tenant
from gateway.keys.directory import Directory
from gateway.messages import Header
from gateway.plugin.contract import Contract, ContractOperation
from gateway.plugin.interface import Interface
from gateway.plugin.item import DataClass
from gateway.plugin.payload import Payload


def nobody(person: str) -> bool:
    """Of no person is the use stopped."""
    del person
    return False


@dataclass(frozen=True, slots=True)
class EdgeRules:
    """Immutable; a reload makes new ones and swaps them in whole. `pinned`: fingerprint → file, as configured.
    `person_fields` are all by which records here name a person; `stopped` says of whom the use is stopped (C252).
    """

    tenant: Tenant
    connector: str
    responsible: str
    pinned: Mapping[str, str]
    listener_clearance: Mapping[str, frozenset[DataClass]]
    contracts: Mapping[str, Contract]
    digests: Mapping[str, str]
    former: tuple[Former, ...]
    legal_basis: Mapping[str, LegalBasis]
    own_models: Mapping[str, type[Payload]]
    directory: Directory
    limits: Limits
    person_fields: tuple[str, ...]
    stopped: Callable[[str], bool] = nobody

    @property
    def contract(self) -> Contract:
        """The connector's own locked interface."""
        return self.contracts[self.connector]

    def ends(self, route: Route) -> tuple[ContractOperation, ContractOperation]:
        """The locked operations at the source and at the destination of a route; `config.load` proved they exist."""
        here = self.contracts[route.source].operation("sends", route.operation)
        there = self.contracts[route.destination].operation("receives", route.destination_operation)
        assert here is not None  # noqa: S101
        assert there is not None  # noqa: S101
        return here, there

    def receiving_operation(self, header: Header) -> ContractOperation | None:
        """The locked operation by which this edge receives what the header describes."""
        if header.kind == "reply":
            return self.contract.operation("sends", header.operation)
        return self.contract.operation("receives", header.operation)


def operations_at(
    contracts: Mapping[str, Contract], tenant: Tenant, connector: str
) -> Iterator[tuple[str, ContractOperation]]:
    """Every operation whose records pass this connector's edge, with the connector whose interface has it: its own, and
    those at the other end of its routes.
    """
    ends: dict[tuple[str, str, str], None] = {}
    for route in tenant.file.routes:
        if connector in (route.source, route.destination):
            ends[route.source, "sends", route.operation] = None
            ends[route.destination, "receives", route.destination_operation] = None
    for name, direction, operation in ends:
        found = contracts[name].operation("sends" if direction == "sends" else "receives", operation)
        if found is not None:
            yield name, found


def rules_for(config: Config, tenant: str, connector: str, directory: Directory, interface: Interface) -> EdgeRules:
    """Resolve the rules of one edge. `interface` is the plugin's declaration, already proven equal to its lock."""
    from gateway.keys.certificates import fingerprint_of_file  # noqa: PLC0415  (start-up only)

    entry = config.tenants[tenant].file.connectors[connector]
    return EdgeRules(
        tenant=config.tenants[tenant],
        connector=connector,
        responsible=entry.responsible,
        pinned=MappingProxyType({fingerprint_of_file(config.path(each)): each for each in entry.certificates}),
        listener_clearance=MappingProxyType(
            {each.name: config.zones[each.zone].clearance for each in config.gateway.listeners}
        ),
        contracts=config.contracts,
        digests=config.digests,
        former=config.former,
        legal_basis=config.legal_basis,
        own_models=MappingProxyType(
            {
                f"{each.direction}:{each.name}": model
                for each in interface.operations
                if (model := each.payload if each.direction == "receives" else each.reply) is not None
            }
        ),
        directory=directory,
        limits=config.gateway.limits,
        person_fields=tuple(
            sorted({each.person_key for _, each in operations_at(config.contracts, config.tenants[tenant], connector)})
        ),
    )
