"""What the hub goes by for one tenant: configuration, locked interfaces and directory, resolved once.

The rule: whatever an edge may say in the clear is a word that stands here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.config import Config, Former, LegalBasis, Limits, Tenant, to_be_held
from gateway.errors import CODES
from gateway.keys.directory import Directory
from gateway.messages import Header


@dataclass(frozen=True, slots=True)
class HubRules:
    """What the hub is bound by, for one tenant; a reload swaps it whole.

    `requests` are the routes that have a reply, `allowed` the items of each route and of its reply, `most` how many
    records a message of a route may hold, where either end has a bound of its own. `operations`,
    `paths`, `codes` and `responsible` are the words that an edge may use in the clear, so that none can carry anything
    else. `labels` are the Japanese ones of a connector's operations and items, by connector and name or path; `systems`
    those of the connectors.
    """

    tenant: Tenant
    directory: Directory
    legal_basis: Mapping[str, LegalBasis]
    digests: Mapping[str, str]
    former: tuple[Former, ...]
    requests: frozenset[str]
    allowed: Mapping[tuple[str, bool], frozenset[str]]
    most: Mapping[str, int]
    operations: Mapping[str, frozenset[str]]
    paths: frozenset[str]
    codes: frozenset[str]
    responsible: Mapping[str, str]
    limits: Limits
    labels: Mapping[tuple[str, str], str]
    systems: Mapping[str, str]

    def hold(self, header: Header | None) -> bool:
        """Whether two people must release it first."""
        return header is not None and to_be_held(header, self.tenant.route(header.route))


def hub_rules(config: Config, tenant: str, directory: Directory) -> HubRules:
    """Resolve the hub's rules for one tenant."""
    requests = frozenset(
        route.id
        for route in config.tenants[tenant].file.routes
        for operation in config.contracts[route.source].operations
        if (operation.direction, operation.name, operation.kind) == ("sends", route.operation, "request")
    )
    contracts = config.contracts
    return HubRules(
        tenant=config.tenants[tenant],
        directory=directory,
        legal_basis=config.legal_basis,
        digests=config.digests,
        former=config.former,
        requests=requests,
        allowed={
            (route.id, reply): frozenset(route.reply_fields if reply else route.fields)
            for route in config.tenants[tenant].file.routes
            for reply in (False, True)
        },
        most=_most(config, tenant),
        operations={name: frozenset(each.name for each in contracts[name].operations) for name in contracts},
        paths=frozenset(
            path
            for contract in contracts.values()
            for operation in contract.operations
            for field in (*operation.fields, *operation.reply)
            for path in (field.path, f"{field.path}[]")
        ),
        codes=frozenset(CODES).union(*(contract.codes for contract in contracts.values())),
        responsible={name: entry.responsible for name, entry in config.tenants[tenant].file.connectors.items()},
        limits=config.gateway.limits,
        labels=_labels(config, tenant),
        systems={name: contracts[name].label for name in config.tenants[tenant].file.connectors},
    )


def _labels(config: Config, tenant: str) -> Mapping[tuple[str, str], str]:
    labels: dict[tuple[str, str], str] = {}
    for name in config.tenants[tenant].file.connectors:
        for operation in config.contracts[name].operations:
            labels[name, operation.name] = operation.label
            for each in (*operation.fields, *operation.reply):
                labels.setdefault((name, each.path), each.label)
    return labels


def _most(config: Config, tenant: str) -> Mapping[str, int]:
    most: dict[str, int] = {}
    for route in config.tenants[tenant].file.routes:
        sent = config.contracts[route.source].operation("sends", route.operation)
        received = config.contracts[route.destination].operation("receives", route.destination_operation)
        bounds = [end.most_records for end in (sent, received) if end is not None and end.most_records is not None]
        if bounds:
            most[route.id] = min(bounds)
    return most
