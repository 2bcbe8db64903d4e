"""Which operations a description is of: all that a lock sends, or what one listener would take of one system."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.config import Limits, Tenant
from gateway.plugin.attest import ClaimName
from gateway.plugin.contract import Contract, ContractField, ContractOperation, leaves
from gateway.plugin.item import DataClass

ANY_TENANT = "{tenant}"
"""Where a description is of no one tenant: the name of the parameter that stands in its addresses."""


@dataclass(frozen=True, slots=True)
class Described:
    """One operation at its address. `proven` is what must be proven about a person; `most` how many records it takes at
    a time, None where the limits are not known. `codes` are the destination's own, each with its sentence; `withheld`
    and `reply_withheld` the paths of the lock that the route does not carry; none where the route is not known.
    `pinned` is whether any certificate may post it; taken for granted where the tenant is not known.
    """

    tenant: str
    contract: Contract
    operation: ContractOperation
    proven: tuple[ClaimName, ...]
    most: int | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    withheld: tuple[str, ...] = ()
    reply_withheld: tuple[str, ...] = ()
    pinned: bool = True

    @property
    def path(self) -> str:
        """Where it is posted to."""
        return f"/v1/{self.tenant}/{self.contract.connector}/{self.operation.name}"


def of_lock(contract: Contract) -> Iterator[Described]:
    """Every operation that its system may bring in by its lock, wherever it may stand."""
    for each in contract.operations:
        if each.direction == "sends":
            yield Described(ANY_TENANT, contract, each, each.attests, each.most_records)


def of_tenant(
    tenant: Tenant,
    connector: str,
    contracts: Mapping[str, Contract],
    limits: Limits,
    clearance: frozenset[DataClass] | None = None,
) -> Iterator[Described]:
    """What a route carries, and a listener of that clearance may (C072); None: whichever listener. Nothing else is
    told of.
    """
    contract = contracts[connector]
    for each in contract.operations:
        route = tenant.route_from(connector, each.name) if each.direction == "sends" else None
        if route is not None and (clearance is None or each.data_classes <= clearance):
            most = min(limits.records_per_message, each.most_records or limits.records_per_message)
            codes = contracts[route.destination].codes
            left = (_beyond(each.fields, route.fields), _beyond(each.reply, route.reply_fields))
            pinned = bool(tenant.file.connectors[connector].certificates)
            yield Described(tenant.code, contract, each, route.attest, most, codes, *left, pinned)


def _beyond(fields: Iterable[ContractField], carried: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(leaves(fields).difference(carried)))
