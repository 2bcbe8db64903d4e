"""From one contract to another: every decision that is made otherwise, as a change of one kind at one place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import ValidationError

from gateway.plugin.contract import PYTHON, Contract, ContractField, ContractOperation, model_of


class Kind(StrEnum):
    """What a change is. Narrower: some values that were taken are not any more; wider: the reverse."""

    OPERATION_ADDED = "operation_added"
    OPERATION_REMOVED = "operation_removed"
    OTHER_EXCHANGE = "other_exchange"
    OTHER_PERSON_KEY = "other_person_key"
    OTHER_ORDER = "other_order"
    ATTESTS_ADDED = "attests_added"
    ATTESTS_REMOVED = "attests_removed"
    FEWER_RECORDS = "fewer_records"
    MORE_RECORDS = "more_records"
    FIELD_ADDED = "field_added"
    REQUIRED_FIELD_ADDED = "required_field_added"
    FIELD_REMOVED = "field_removed"
    BECAME_REQUIRED = "became_required"
    BECAME_OPTIONAL = "became_optional"
    OTHER_TYPE = "other_type"
    NARROWED = "narrowed"
    WIDENED = "widened"
    OTHER_FORM = "other_form"
    OTHER_DATA_CLASS = "other_data_class"
    RENAMED = "renamed"
    NEVER_ADDED = "never_added"
    NEVER_REMOVED = "never_removed"
    CODE_ADDED = "code_added"
    CODE_REMOVED = "code_removed"
    CODE_REWORDED = "code_reworded"
    OTHER_VERSION = "other_version"


WIDENING: Final = frozenset(
    {
        *(Kind.OPERATION_ADDED, Kind.FIELD_ADDED, Kind.REQUIRED_FIELD_ADDED, Kind.WIDENED, Kind.OTHER_FORM),
        *(Kind.OTHER_TYPE, Kind.OTHER_DATA_CLASS, Kind.NEVER_REMOVED, Kind.ATTESTS_REMOVED),
        *(Kind.OTHER_EXCHANGE, Kind.OTHER_PERSON_KEY),
    }
)
"""By these more may flow than was reviewed, or otherwise, or upon less: it may break nobody, and people must agree."""

Part = Literal["record", "reply"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. `operation` is the one that it is in, as it is now or, if it is gone, was; None if it is in none.
    `name` is what changed besides fields: a claim, a code, a data class.
    """

    kind: Kind
    operation: ContractOperation | None = None
    part: Part = "record"
    before: ContractField | None = None
    after: ContractField | None = None
    name: str = ""
    was: str = ""
    now: str = ""

    @property
    def field(self) -> ContractField | None:
        """The field, as it is now or, if it is gone, was."""
        return self.after or self.before

    @property
    def place(self) -> str:
        """Where it is, in one phrase that the lines of a difference have too."""
        at = f"{self.operation.direction} {self.operation.name}" if self.operation else self.name or "interface"
        if self.field is None:
            return at
        return f"{at} {'reply ' if self.part == 'reply' else ''}{self.field.path}"

    @property
    def widens(self) -> bool:
        """Whether people must agree to it before it may run."""
        return self.kind in WIDENING

    def plain(self) -> dict[str, Any]:
        """For machines."""
        said = {"kind": self.kind.value, "place": self.place, "name": self.name, "was": self.was, "now": self.now}
        return said | {"widens": self.widens}


def gone(before: Contract, after: Contract) -> bool:
    """Whether the connector itself is: what carries nothing any more promises nothing, and has no codes to tell."""
    return bool(before.operations) and not after.operations


def changes(before: Contract, after: Contract) -> tuple[Change, ...]:
    """Every change, operation by operation; none if their digests are equal."""
    return tuple(_changes(before, after))


def _changes(before: Contract, after: Contract) -> Iterator[Change]:
    old = {(each.direction, each.name): each for each in before.operations}
    new = {(each.direction, each.name): each for each in after.operations}
    for key in sorted({*old, *new}):
        match old.get(key), new.get(key):
            case None, ContractOperation() as added:
                yield Change(kind=Kind.OPERATION_ADDED, operation=added)
            case ContractOperation() as removed, None:
                yield Change(kind=Kind.OPERATION_REMOVED, operation=removed)
            case ContractOperation() as was, ContractOperation() as now:
                yield from _operation(was, now)
    if gone(before, after):
        return
    for never in sorted({*before.never} ^ {*after.never}):
        kind = Kind.NEVER_ADDED if never in after.never else Kind.NEVER_REMOVED
        yield Change(kind=kind, name=f"never {never}")
    yield from _codes(before.codes, after.codes)
    if before.version != after.version:
        yield Change(kind=Kind.OTHER_VERSION, name="version", was=before.version, now=after.version)
    if before.label != after.label:
        yield Change(kind=Kind.RENAMED, name="label", was=before.label, now=after.label)


def _codes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for code in sorted({*before, *after}):
        was, now = before.get(code, ""), after.get(code, "")
        if was != now:
            kind = Kind.CODE_ADDED if not was else Kind.CODE_REWORDED if now else Kind.CODE_REMOVED
            yield Change(kind=kind, name=f"code {code}", was=was, now=now)


def _operation(was: ContractOperation, now: ContractOperation) -> Iterator[Change]:
    if was.kind != now.kind:
        yield Change(kind=Kind.OTHER_EXCHANGE, operation=now, was=was.kind, now=now.kind)
    if was.person_key != now.person_key:
        yield Change(kind=Kind.OTHER_PERSON_KEY, operation=now, was=was.person_key, now=now.person_key)
    if (was.version, was.ahead) != (now.version, now.ahead):
        yield Change(kind=Kind.OTHER_ORDER, operation=now, was=_order(was), now=_order(now))
    for claim in sorted({*was.attests} ^ {*now.attests}):
        kind = Kind.ATTESTS_ADDED if claim in now.attests else Kind.ATTESTS_REMOVED
        yield Change(kind=kind, operation=now, name=claim)
    if was.most_records != now.most_records:
        fewer = now.most_records is not None and (was.most_records is None or now.most_records < was.most_records)
        kind = Kind.FEWER_RECORDS if fewer else Kind.MORE_RECORDS
        yield Change(kind=kind, operation=now, was=str(was.most_records or ""), now=str(now.most_records or ""))
    if was.label != now.label:
        yield Change(kind=Kind.RENAMED, operation=now, was=was.label, now=now.label)
    yield from _fields(was.fields, now.fields, now, "record")
    yield from _fields(was.reply, now.reply, now, "reply")


def _order(operation: ContractOperation) -> str:
    return ", ".join((*operation.version, *(["ahead"] if operation.ahead else [])))


def _fields(
    before: tuple[ContractField, ...], after: tuple[ContractField, ...], operation: ContractOperation, part: Part
) -> Iterator[Change]:
    old, new = {each.path: each for each in before}, {each.path: each for each in after}
    for path in dict.fromkeys((*new, *old)):
        was, now = old.get(path), new.get(path)
        for kind in kinds(was, now, old.keys() | {""}):
            yield Change(kind=kind, operation=operation, part=part, before=was, after=now)


def kinds(was: ContractField | None, now: ContractField | None, there: set[str]) -> Iterator[Kind]:
    """How one field became another, or came or went; `there` are the paths that stood there before."""
    if was is None or now is None:
        if now is None:
            yield Kind.FIELD_REMOVED
        else:  # what a new part requires asks nothing of who leaves the part out
            required = now.required and now.path.rpartition(".")[0].removesuffix("[]") in there
            yield Kind.REQUIRED_FIELD_ADDED if required else Kind.FIELD_ADDED
        return
    if was.required != now.required:
        yield Kind.BECAME_REQUIRED if now.required else Kind.BECAME_OPTIONAL
    if was.data_class != now.data_class:
        yield Kind.OTHER_DATA_CLASS
    if PYTHON.get(was.kind, was.kind) != PYTHON.get(now.kind, now.kind):
        yield Kind.OTHER_TYPE
    elif (form := _form(was, now)) is not None:
        yield form
    if was.label != now.label:
        yield Kind.RENAMED


def _form(was: ContractField, now: ContractField) -> Kind | None:
    """How what it admits became another: narrower, wider, or neither; None if nothing did."""
    if was.values is not None and now.values is None:
        return Kind.WIDENED if all(_admits(now, each) for each in was.values) else Kind.OTHER_FORM
    if was.values is None and now.values is not None:
        return Kind.NARROWED if all(_admits(was, each) for each in now.values) else Kind.OTHER_FORM
    found = {*_bounds(was, now)}
    return Kind.OTHER_FORM if len(found) > 1 else next(iter(found), None)


def _admits(field: ContractField, value: str) -> bool:
    try:
        model_of("one", (field.model_copy(update={"path": "value"}),)).model_validate({"value": value})
    except ValidationError:
        return False
    return True


def _bounds(was: ContractField, now: ContractField) -> Iterator[Kind]:
    """How each rule became another: narrower, wider, or neither."""
    if was.kind != now.kind:  # a text admits no individual number; but people may write into it what no code says
        yield Kind.OTHER_FORM
    yield from _bound(was.max_length, now.max_length, upper=True)
    yield from _bound(was.maximum, now.maximum, upper=True)
    yield from _bound(was.minimum, now.minimum, upper=False)
    for old, new in ((was.pattern, now.pattern), (was.check, now.check)):
        if old != new:
            yield Kind.NARROWED if old is None else Kind.WIDENED if new is None else Kind.OTHER_FORM
    old_values, new_values = {*(was.values or ())}, {*(now.values or ())}
    if old_values != new_values:
        narrower, wider = new_values < old_values, new_values > old_values
        yield Kind.NARROWED if narrower else Kind.WIDENED if wider else Kind.OTHER_FORM


def _bound(was: int | None, now: int | None, *, upper: bool) -> Iterator[Kind]:
    if was == now:
        return
    if was is None or now is None:
        yield Kind.NARROWED if was is None else Kind.WIDENED
    else:
        yield Kind.NARROWED if (now < was) == upper else Kind.WIDENED
