"""What must hold between the files: no route without both ends and a legal basis, nothing above a zone's clearance."""

from collections.abc import Iterator
from pathlib import Path

from gateway.config.attested import REVIEW
from gateway.config.citations import cited_problems, row_problems
from gateway.config.clearances import connector_problems, route_problems, zone_problems
from gateway.config.config import Config, Tenant
from gateway.config.files import Limits, Route
from gateway.config.sentences import instead
from gateway.plugin.checks import municipality_code
from gateway.plugin.contract import Contract, ContractField, ContractOperation, leaves
from gateway.plugin.item import DataClass


def contradictions(config: Config) -> Iterator[str]:
    """What does not hold, a sentence each, with file and key."""
    yield from _zones(config)
    yield from _limits(config.gateway.limits)
    yield from _addresses(config)
    for tenant in config.tenants.values():
        yield from _tenant(config, tenant)
    yield from _former(config)
    yield from _link(config)
    yield from _exports(config)
    yield from _internet_split(config)
    if config.gateway.role == "edge" and config.gateway.witnesses:
        yield "config/gateway.toml: witnesses: they cosign the logs, which are the hub's; name them in its file"


def _zones(config: Config) -> Iterator[str]:
    for name, zone in config.zones.items():
        yield from (f"config/zones.toml: zones.{name}.{problem}" for problem in zone_problems(zone))
    names = [each.name for each in config.gateway.listeners]
    for name in sorted({each for each in names if names.count(each) > 1}):
        yield f"config/gateway.toml: listeners.{name}: two listeners have this name; each needs its own"
    for listener in config.gateway.listeners:
        if listener.zone not in config.zones:
            yield (
                f"config/gateway.toml: listeners.{listener.name}.zone: there is no such zone in config/zones.toml"
                f"{instead(listener.zone, config.zones)}"
            )


def _limits(limits: Limits) -> Iterator[str]:
    where = "config/gateway.toml: limits"
    if limits.open_records < limits.records_per_message:
        yield f"{where}.open_records: must be at least records_per_message, so that one message fits"
    if limits.retry_longest < limits.retry_first:
        yield f"{where}.retry_longest: must be at least retry_first"


def _former(config: Config) -> Iterator[str]:
    for number, each in enumerate(config.former, 1):
        if each.connector not in config.contracts:
            yield (
                f"config/interfaces/former.toml: former.#{number}.connector: there is no lock of that name"
                f"{instead(each.connector, config.contracts)}"
            )


def _addresses(config: Config) -> Iterator[str]:
    """Each listener, the operators' too, needs a port of its own; 0 takes a free one."""
    taken: dict[tuple[str, int], str] = {}
    places = [(f"listeners.{each.name}", (each.host, each.port)) for each in config.gateway.listeners]
    for place, address in (*places, ("admin", (config.gateway.admin.host, config.gateway.admin.port))):
        other = taken.setdefault(address, place)
        if other != place and address[1]:
            yield f"config/gateway.toml: {place}.port: {other} listens on this host and port already"


def _tenant(config: Config, tenant: Tenant) -> Iterator[str]:
    where = f"config/tenants/{tenant.code}.toml"
    if not municipality_code(tenant.code):
        yield f"{where}: the file's name is {not_a_municipality(tenant.code)}"
    for name in sorted(config.gateway.admin.operators.keys() & tenant.file.administrators.keys()):
        told = "is an operator in config/gateway.toml; who runs the machine does not say who may act"
        yield f"{where}: administrators.{name}: {told}"
    for name in tenant.file.review.hours_of.keys() - tenant.file.connectors.keys():
        told = f"is no connector of this tenant{instead(name, tenant.file.connectors)}"
        yield f"{where}: review.hours_of.{name}: {told}"
    for name, entry in tenant.file.connectors.items():
        if entry.zone not in config.zones:
            known = instead(entry.zone, config.zones)
            yield f"{where}: connectors.{name}.zone: there is no such zone in config/zones.toml{known}"
        elif (contract := config.contracts.get(name)) is None:
            others = instead(name, config.contracts.keys() - tenant.file.connectors.keys())
            yield (
                f"{where}: connectors.{name}: its interface is not locked{others}; "
                f"if the name is right, run: gateway interface lock {name}"
            )
        else:
            found = connector_problems(config, entry, contract)
            yield from (f"{where}: connectors.{name}{problem}" for problem in found)
    ids: set[str] = set()
    carried: dict[tuple[str, str], str] = {}
    for route in tenant.file.routes:
        at = f"{where}: routes.{route.id}"
        if route.id in ids:
            yield f"{at}: another route has this id; give each its own"
        ids.add(route.id)
        other = carried.setdefault((route.source, route.operation), route.id)
        if other != route.id:
            yield f"{at}: route {other} carries this operation of {route.source} already; fan-out is by explicit sends"
        yield from (f"{at}.{problem}" for problem in _route(config, tenant, route))


def not_a_municipality(code: str) -> str:
    """What is wrong with a municipality code, and the check digit that would be right."""
    right = next((code[:5] + digit for digit in "0123456789" if municipality_code(code[:5] + digit)), None)
    if right is None or len(code) not in (5, 6):
        return "not a municipality code of 6 digits with its check digit"
    if len(code) == 5:
        return f"not a municipality code: its sixth digit, the check digit, is missing; it is {right}"
    return f"not a municipality code: its check digit is wrong; if the first five digits are right, it is {right}"


def _route(config: Config, tenant: Tenant, route: Route) -> Iterator[str]:
    yield from _attested(route)
    yield from cited_problems(config, route)
    ends = {"from": route.source, "to": route.destination}
    ready = tenant.file.connectors.keys() & config.contracts.keys()
    absent = {key: name for key, name in ends.items() if name not in ready}
    for key, name in absent.items():
        if name in tenant.file.connectors:
            continue  # that it lacks its lock is told once, of the connector
        yield f"{key}: connector {name} is not enabled and locked for this tenant{instead(name, ready)}"
    if absent:
        return
    here = config.contracts[route.source].operation("sends", route.operation)
    there = config.contracts[route.destination].operation("receives", route.destination_operation)
    if here is None:
        known = _operations(config.contracts[route.source], "sends")
        yield f"operation: the source's locked interface does not send it{instead(route.operation, known)}"
    if there is None:
        known = _operations(config.contracts[route.destination], "receives")
        yield f"as: the destination's locked interface does not receive it{instead(route.destination_operation, known)}"
    if here is not None and there is not None:
        yield from _exchange(route, here, there)
        yield from _demanded(route, here, there)
        yield from route_problems(config, tenant, route, here, there)
        yield from row_problems(route, here, there)


def _attested(route: Route) -> Iterator[str]:
    """A consent is to a text, and no text is named for nothing; what must be attested need not be allowed, too."""
    if both := {*route.attest} & {*route.may_attest}:
        yield f"may_attest: {', '.join(sorted(both))} stands in attest already"
    if ("consent" in (*route.attest, *route.may_attest)) != bool(route.consent_texts):
        yield "consent_texts: a route with the claim consent, and no other, names the texts that may be consented to"


def _demanded(route: Route, here: ContractOperation, there: ContractOperation) -> Iterator[str]:
    """What the lock of either end wants attested, no route does without (rule 4)."""
    for name, operation in ((route.source, here), (route.destination, there)):
        if lacking := {*operation.attests} - {*route.attest}:
            yield f"attest: lacks {', '.join(sorted(lacking))}, without which {name} locks that nothing goes this way"


def _operations(contract: Contract, direction: str) -> Iterator[str]:
    return (each.name for each in contract.operations if each.direction == direction)


def _exchange(route: Route, here: ContractOperation, there: ContractOperation) -> Iterator[str]:
    if here.kind != there.kind:
        yield "operation: one end sees an event, the other a request"
    yield from _carried("fields", route.fields, here.fields, there.fields)
    if here.kind == "request":
        yield from _carried("reply_fields", route.reply_fields, there.reply, here.reply)
    elif route.reply_fields:
        yield "reply_fields: an event has no reply"
    if here.kind == "request":
        yield from _answered_at_once(route)
    if there.person_key not in route.fields or here.person_key not in route.fields:
        yield "fields: the person key of both ends must travel"


def _answered_at_once(route: Route) -> Iterator[str]:
    """Who asks cannot wait for two people: a request's answer is not there yet, and a held question gives none."""
    if route.hold:
        yield "hold: only an event can be held; a request's answer is not there yet"
    for key, claims in (("attest", route.attest), ("may_attest", route.may_attest)):
        if REVIEW in claims:
            yield f"{key}: {REVIEW} has an event held; a request's answer is not there yet"


def _carried(
    key: str, paths: tuple[str, ...], giving: tuple[ContractField, ...], taking: tuple[ContractField, ...]
) -> Iterator[str]:
    """Each path must exist at both ends, and what the taking end requires must travel."""
    given, taken = leaves(giving), leaves(taking)
    for path in paths:
        if path not in given or path not in taken:
            yield f"{key}: {path} is not in the locked interface of both ends{instead(path, given & taken - {*paths})}"
    travelling = {path[:end] for path in paths for end in _ends(path)}
    for field in taking:
        parent = field.path.rpartition(".")[0].removesuffix("[]")
        if field.required and (not parent or parent in travelling) and field.path not in travelling:
            yield f"{key}: {field.path} is required at the taking end but does not travel"


def _ends(path: str) -> Iterator[int]:
    """Where the path of each part that travels with this one ends: `a[].b` travels in `a`."""
    yield len(path)
    yield from (at - 2 if path[at - 2 : at] == "[]" else at for at, letter in enumerate(path) if letter == ".")


def _link(config: Config) -> Iterator[str]:
    """Each connector stands in one place, and a hub in none."""
    link = config.gateway.link
    if link is None:
        return
    known = {f"{code}/{name}" for code, tenant in config.tenants.items() for name in tenant.file.connectors}
    if link.hub is not None:
        for place in sorted({*link.hub.connectors} - known):
            yield f"config/gateway.toml: link.hub.connectors: {place} is not enabled in config/tenants"
        return
    if config.gateway.listeners:
        yield "config/gateway.toml: listeners: a hub has none; systems come in at the edges"
    claimed = [place for edge in link.edges.values() for place in edge.connectors]
    for place in sorted({*claimed} - known):
        yield f"config/gateway.toml: link.edges: {place} is not enabled in config/tenants"
    for place in sorted({each for each in claimed if claimed.count(each) > 1}):
        yield f"config/gateway.toml: link.edges: {place} stands in two edge processes; it may stand in one"
    for place in sorted(known - {*claimed}):
        yield f"config/gateway.toml: link.edges: {place} is enabled in config/tenants and stands in no edge process"


def _exports(config: Config) -> Iterator[str]:
    """Each has its own name and folder, and logs that are there: an edge process has none."""
    exports, known = config.gateway.exports, {*config.tenants, "system"}
    if exports and config.gateway.role == "edge":
        yield "config/gateway.toml: exports: an edge process has no log; exports are the hub's"
    for at, each in enumerate(exports):
        where = f"config/gateway.toml: exports.{each.name}"
        before = exports[:at]
        if each.name in {other.name for other in before}:
            yield f"{where}: two exports have this name; each needs its own"
        if each.folder is not None and _led_to(config, each.folder) in {
            _led_to(config, other.folder) for other in before if other.folder
        }:
            yield f"{where}.folder: is another export's already; each needs its own"
        for tenant in sorted({*each.tenants} - known):
            yield f"{where}.tenants: {tenant} is neither configured here nor `system`{instead(tenant, known)}"


def _led_to(config: Config, folder: str) -> Path:
    """The folder itself, whatever links and steps back lead there."""
    return config.path(folder).resolve()


def _internet_split(config: Config) -> Iterator[str]:
    """C159: no process with a listener on the internet side may hold a key cleared for individual_number."""
    facing = [each.name for each in config.gateway.listeners if getattr(config.zones.get(each.zone), "internet", False)]
    if not facing:
        return
    for code, name in config.places:
        entry = config.tenants[code].file.connectors.get(name) if code in config.tenants else None
        zone = config.zones.get(entry.zone) if entry is not None else None
        if entry is not None and zone is not None and DataClass.INDIVIDUAL_NUMBER in zone.clearance:
            yield (
                f"config/gateway.toml: listeners.{facing[0]}: this process faces the internet and may not hold the "
                f"keys of {code}/{name}, whose zone is cleared for individual_number (C159). Split it: run one edge "
                f"process for zone {entry.zone} and another for the internet zone (docs/configuration.md, [link])"
            )
