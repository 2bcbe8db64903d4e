"""What must hold between the files: no route without both ends and a legal basis, nothing above a zone's clearance."""

from collections.abc import Iterator

from gateway.config.config import Config, Tenant
from gateway.config.files import Route
from gateway.plugin.checks import municipality_code
from gateway.plugin.contract import ContractField, ContractOperation
from gateway.plugin.fields import DataClass


def contradictions(config: Config) -> Iterator[str]:
    """What does not hold, a sentence each, with file and key."""
    yield from _zones(config)
    for tenant in config.tenants.values():
        yield from _tenant(config, tenant)
    yield from _internet_split(config)


def _zones(config: Config) -> Iterator[str]:
    for name, zone in config.zones.items():
        if zone.internet and DataClass.INDIVIDUAL_NUMBER in zone.clearance:
            yield f"config/zones.toml: zones.{name}.clearance: an internet zone never carries individual_number (C022)"
    for listener in config.gateway.listeners:
        if listener.zone not in config.zones:
            yield f"config/gateway.toml: listeners.{listener.name}.zone: there is no such zone in config/zones.toml"


def _tenant(config: Config, tenant: Tenant) -> Iterator[str]:
    where = f"config/tenants/{tenant.code}.toml"
    if not municipality_code(tenant.code):
        yield f"{where}: the file's name is not a municipality code of 6 digits with its check digit"
    for name, entry in tenant.file.connectors.items():
        if entry.zone not in config.zones:
            yield f"{where}: connectors.{name}.zone: there is no such zone in config/zones.toml"
        elif (contract := config.contracts.get(name)) is None:
            yield f"{where}: connectors.{name}: its interface is not locked; run: gateway interface lock {name}"
        elif above := contract.data_classes() - config.zones[entry.zone].clearance:
            yield (
                f"{where}: connectors.{name}: its interface carries {', '.join(sorted(above))}, "
                f"which zone {entry.zone} may not"
            )
    seen: set[tuple[str, str]] = set()
    ids: set[str] = set()
    for route in tenant.file.routes:
        at = f"{where}: routes.{route.id}"
        if (route.source, route.operation) in seen or route.id in ids:
            yield f"{at}: a route for this operation, or with this id, stands before it; fan-out is by explicit sends"
        seen.add((route.source, route.operation))
        ids.add(route.id)
        yield from (f"{at}.{problem}" for problem in _route(config, tenant, route))


def _route(config: Config, tenant: Tenant, route: Route) -> Iterator[str]:
    unknown = (basis for basis in route.legal_basis if basis not in config.legal_basis)
    yield from (f"legal_basis: {basis} is not in config/legal_basis.toml" for basis in unknown)
    ends = {"from": route.source, "to": route.destination}
    absent = [key for key, name in ends.items() if name not in tenant.file.connectors or name not in config.contracts]
    yield from (f"{key}: the connector is not enabled and locked for this tenant" for key in absent)
    if absent:
        return
    here = config.contracts[route.source].operation("sends", route.operation)
    there = config.contracts[route.destination].operation("receives", route.destination_operation)
    if here is None:
        yield "operation: the source's locked interface does not send it"
    if there is None:
        yield "as: the destination's locked interface does not receive it"
    if here is not None and there is not None:
        yield from _exchange(route, here, there)


def _exchange(route: Route, here: ContractOperation, there: ContractOperation) -> Iterator[str]:
    if here.kind != there.kind:
        yield "operation: one end sees an event, the other a request"
    yield from _carried("fields", route.fields, here.fields, there.fields)
    if here.kind == "request":
        yield from _carried("reply_fields", route.reply_fields, there.reply, here.reply)
    elif route.reply_fields:
        yield "reply_fields: an event has no reply"
    if there.person_key not in route.fields or here.person_key not in route.fields:
        yield "fields: the person key of both ends must travel"


def _carried(
    key: str, paths: tuple[str, ...], giving: tuple[ContractField, ...], taking: tuple[ContractField, ...]
) -> Iterator[str]:
    """Each path must exist at both ends, and what the taking end requires must travel."""
    given = {field.path for field in giving if field.data_class is not None}
    taken = {field.path for field in taking if field.data_class is not None}
    for path in paths:
        if path not in given or path not in taken:
            yield f"{key}: {path} is not in the locked interface of both ends"
    travelling = {path[:end] for path in paths for end in _ends(path)}
    for field in taking:
        parent = field.path.rpartition(".")[0].removesuffix("[]")
        if field.required and (not parent or parent in travelling) and field.path not in travelling:
            yield f"{key}: {field.path} is required at the taking end but does not travel"


def _ends(path: str) -> Iterator[int]:
    """Where the path of each part that travels with this one ends: `a[].b` travels in `a`."""
    yield len(path)
    yield from (at - 2 if path[at - 2 : at] == "[]" else at for at, letter in enumerate(path) if letter == ".")


def _internet_split(config: Config) -> Iterator[str]:
    """C159: no process with a listener on the internet side may hold a key cleared for individual_number."""
    facing = [each.name for each in config.gateway.listeners if getattr(config.zones.get(each.zone), "internet", False)]
    if not facing:
        return
    for tenant in config.tenants.values():
        for name, entry in tenant.file.connectors.items():
            zone = config.zones.get(entry.zone)
            if zone is not None and DataClass.INDIVIDUAL_NUMBER in zone.clearance:
                yield (
                    f"config/gateway.toml: listeners.{facing[0]}: this process faces the internet and may not hold the "
                    f"keys of {tenant.code}/{name}, whose zone is cleared for individual_number (C159). Split it: "
                    f"run one process for zone {entry.zone} and another for the internet zone"
                )
