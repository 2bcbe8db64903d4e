"""What may go where, whatever a route says: the clearance of zones and connectors, and keys that never leave.

A connector's entry may narrow what its zone may carry, and so does what its lock says that it never carries; nothing
widens it.
"""

from collections.abc import Iterator
from typing import Final

from gateway.config.config import Config, Tenant
from gateway.config.files import ConnectorEntry, Route, Zone
from gateway.plugin.contract import Contract, ContractField, ContractOperation
from gateway.plugin.item import DataClass

_NEVER_INTERNET: Final = {DataClass.INDIVIDUAL_NUMBER: "C022", DataClass.TAX_WELFARE: "rule 8"}
_NEVER_TOWARDS_INTERNET: Final = "pmh_key"
"""A portal hands it over once and is never given one (rule 3, C140)."""


def zone_problems(zone: Zone) -> Iterator[str]:
    """What no internet zone may be cleared for."""
    for never, why in _NEVER_INTERNET.items():
        if zone.internet and never in zone.clearance:
            yield f"clearance: an internet zone never carries {never} ({why})"


def connector_problems(config: Config, entry: ConnectorEntry, contract: Contract) -> Iterator[str]:
    """What its locked interface, or its own clearance, has beyond its zone. Its zone is known."""
    zone = config.zones[entry.zone].clearance
    if wider := (entry.clearance or frozenset()) - zone:
        yield f".clearance: zone {entry.zone} may not carry {_listed(wider)}: a connector's clearance only narrows"
    if above := contract.data_classes() - zone:
        yield f": its interface carries {_listed(above)}, which zone {entry.zone} may not"
    elif above := contract.data_classes() - _clearance(config, entry, contract):
        yield f": its interface carries {_listed(above)}, which its own clearance lacks"


def route_problems(
    config: Config, tenant: Tenant, route: Route, here: ContractOperation, there: ContractOperation
) -> Iterator[str]:
    """What travels, by the word of either lock, is within the clearance of both ends (rule 2); and rule 3."""
    entries = tenant.file.connectors
    ways = (
        ("fields", route.fields, route.destination, (*here.fields, *there.fields)),
        ("reply_fields", route.reply_fields, route.source, (*here.reply, *there.reply)),
    )
    for key, paths, taker, locked in ways:
        classes = _classes(paths, locked)
        for name in (route.source, route.destination):
            if entries[name].zone in config.zones and (
                above := classes - _clearance(config, entries[name], config.contracts[name])
            ):
                yield f"{key}: they carry {_listed(above)}, for which connector {name} is not cleared"
        zone = config.zones.get(entries[taker].zone)
        if zone is not None and zone.internet and any(_last(path) == _NEVER_TOWARDS_INTERNET for path in paths):
            yield f"{key}: {_NEVER_TOWARDS_INTERNET} never goes towards an internet zone (C140)"


def _clearance(config: Config, entry: ConnectorEntry, contract: Contract) -> frozenset[DataClass]:
    zone = config.zones[entry.zone].clearance - {*contract.never}
    return zone if entry.clearance is None else zone & entry.clearance


def _classes(paths: tuple[str, ...], locked: tuple[ContractField, ...]) -> frozenset[DataClass]:
    return frozenset(each.data_class for each in locked if each.path in paths and each.data_class is not None)


def _last(path: str) -> str:
    return path.rpartition(".")[2].removesuffix("[]")


def _listed(classes: frozenset[DataClass]) -> str:
    return ", ".join(sorted(classes))
