"""What differs in the locks of connectors beyond the items that routes carry: their operations, and what the receiving
end's lock takes.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from gateway.assessment.change import Change, Kind
from gateway.assessment.subject import Subject
from gateway.config import Route
from gateway.interfaces.change_table import change_table
from gateway.interfaces.changes import Change as LockChange
from gateway.interfaces.changes import Kind as How
from gateway.interfaces.changes import Part, changes
from gateway.plugin.contract import ContractOperation

_KINDS: Final[Mapping[How, Kind]] = MappingProxyType(
    {
        **dict.fromkeys(
            (How.RENAMED, How.OTHER_VERSION, How.CODE_ADDED, How.CODE_REMOVED, How.CODE_REWORDED), "formal"
        ),
        **dict.fromkeys((How.NARROWED, How.BECAME_REQUIRED, How.ATTESTS_ADDED, How.FEWER_RECORDS), "lighter"),
        **dict.fromkeys((How.BECAME_OPTIONAL, How.MORE_RECORDS, How.OTHER_EXCHANGE), "unjudged"),
    }
)
"""All others loosen what an end checks."""
_TOLD: Final = (
    *(How.OPERATION_ADDED, How.OPERATION_REMOVED, How.FIELD_ADDED, How.REQUIRED_FIELD_ADDED, How.FIELD_REMOVED),
    *(How.NEVER_ADDED, How.NEVER_REMOVED),
)
"""With the routes and items that came or went, and with the clearances."""


def locks_changed(old: Subject, new: Subject) -> Iterator[Change]:
    """A row for each place of a lock that something goes by."""
    for name in new.connectors:
        if name in old.connectors and old.config.digests[name] != new.config.digests[name]:
            found = changes(old.config.contracts[name], new.config.contracts[name])
            yield from _told(new, name, [each for each in found if each.kind not in _TOLD and each.name != "label"])


def _told(subject: Subject, connector: str, found: list[LockChange]) -> Iterator[Change]:
    places: dict[str, list[LockChange]] = {}
    for each in found:
        places.setdefault(each.place, []).append(each)
    for same in places.values():
        routes = _routes(subject, connector, same[0])
        if same[0].operation is not None and not routes:
            continue
        (row,) = change_table(subject.system(connector), same)
        kinds = {_KINDS.get(each.kind, "weaker") for each in same}
        ((kind, *_),) = [[each for each in ("weaker", "unjudged", "lighter", "formal") if each in kinds]]
        yield Change(f"Ⅰ 2. 固定定義 {row.item}", row.before, row.after, kind, routes)


def _routes(subject: Subject, connector: str, change: LockChange) -> tuple[str, ...]:
    """By which routes something goes there. A field of the sending end's lock is told among the items."""
    operation = change.operation
    if operation is None:
        return subject.routes_of(connector)
    goes = [each for each in subject.routes if _goes(each, connector, operation)]
    if (field := change.field) is not None:
        told = operation.direction == "sends" and field.data_class is not None
        goes = [each for each in goes if not told and _carries(each, field.path, change.part)]
    return tuple(each.id for each in goes)


def _goes(route: Route, connector: str, operation: ContractOperation) -> bool:
    sent = (route.source, route.operation) == (connector, operation.name)
    received = (route.destination, route.destination_operation) == (connector, operation.name)
    return sent if operation.direction == "sends" else received


def _carries(route: Route, path: str, part: Part) -> bool:
    """Whether it carries a field, or what is within it."""
    carried = route.reply_fields if part == "reply" else route.fields
    return any(each == path or each.startswith((f"{path}.", f"{path}[].")) for each in carried)
