"""The change table in the form of 別添3(変更箇所) of an assessment: what stood there, what stands there now.

The day, and when it has to be handed in, are people's to decide: what may be a 重要な変更 is marked, no more.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from types import MappingProxyType
from typing import Final

from gateway.interfaces.changes import WIDENING, Change, Kind
from gateway.interfaces.markdown import plain
from gateway.interfaces.words import DATA_CLASSES, DIRECTIONS, EXCHANGES, described
from gateway.plugin.item import DataClass

COLUMNS: Final = ("変更日", "項目", "変更前の記載", "変更後の記載", "提出時期", "提出時期に係る説明")
_NONE: Final = "(なし)"
_WIDER: Final = "取り扱う情報が増える変更。重要な変更に当たるときは、実施前に再実施と公表が必要"
_LESS: Final = "取り扱う情報が減る、又は条件が厳しくなる変更"
_WORDING: Final = "表記又は技術的な変更"
_EXPLAINED: Final = MappingProxyType(
    {
        **dict.fromkeys(WIDENING, _WIDER),
        **dict.fromkeys(
            (
                *(Kind.OPERATION_REMOVED, Kind.FIELD_REMOVED, Kind.NARROWED, Kind.BECAME_REQUIRED),
                *(Kind.ATTESTS_ADDED, Kind.NEVER_ADDED, Kind.FEWER_RECORDS),
            ),
            _LESS,
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row, in the order of `COLUMNS`; what people fill in is empty."""

    day: str
    item: str
    before: str
    after: str
    due: str
    explained: str


def change_table(system: str, found: Iterable[Change]) -> tuple[Row, ...]:
    """A row for each place; `system` is what an office calls the connector's system."""
    places: dict[str, list[Change]] = {}
    for change in found:
        places.setdefault(change.place, []).append(change)
    return tuple(_row(system, each) for each in places.values())


def _row(system: str, same: list[Change]) -> Row:
    first = same[0]
    told = [_EXPLAINED.get(each.kind, _WORDING) for each in same]
    explained = next(each for each in (_WIDER, _LESS, _WORDING) if each in told)
    due = "要確認(事前の可能性)" if explained == _WIDER and _about_persons(first) else "要確認"
    before, after = (_said(first, now=False), _said(first, now=True)) if first.field else _others(same)
    return Row("", _item(system, first), before or _NONE, after or _NONE, due, explained)


def _about_persons(change: Change) -> bool:
    return change.field is None or change.field.data_class != DataClass.OPERATIONAL


def _item(system: str, change: Change) -> str:
    parts = [system]
    if change.operation is not None:
        parts.append(f"{change.operation.label}({change.operation.name}、{DIRECTIONS[change.operation.direction].ja})")
    if change.part == "reply":
        parts.append("応答")
    parts.append((change.field.label or change.field.path) if change.field else change.name)
    return " ".join(filter(None, parts))


def _said(change: Change, *, now: bool) -> str:
    field = change.after if now else change.before
    return described(field, "ja") if field is not None else ""


def _others(same: list[Change]) -> tuple[str, str]:
    """What is said of an operation or of the interface itself."""
    before: list[str] = []
    after: list[str] = []
    for change in same:
        match change.kind:
            case Kind.OPERATION_ADDED | Kind.OPERATION_REMOVED:
                assert change.operation is not None  # noqa: S101
                said = f"{change.operation.label}({EXCHANGES[change.operation.kind].ja})"
                (after if change.kind is Kind.OPERATION_ADDED else before).append(said)
            case Kind.ATTESTS_ADDED | Kind.ATTESTS_REMOVED:
                (after if change.kind is Kind.ATTESTS_ADDED else before).append(f"証明事項 {change.name}")
            case Kind.NEVER_ADDED | Kind.NEVER_REMOVED:
                said = f"{DATA_CLASSES[change.name.removeprefix('never ')].ja}は取り扱わない"
                (after if change.kind is Kind.NEVER_ADDED else before).append(said)
            case _:
                before.append(change.was)
                after.append(change.now)
    return "、".join(filter(None, before)), "、".join(filter(None, after))


def as_markdown(rows: Iterable[Row]) -> str:
    """The table with its heading, as Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(map(plain, astuple(row)))} |" for row in rows]
    return "# (別添3)変更箇所\n\n" + "\n".join(lines) + "\n"
