"""Made-up records for an interface's operations: what every subject would otherwise write out, field by field.

The rule: a value follows from its field and the person's number alone, and the lock admits it. Whatever its system asks
beyond the lock, the subject says itself.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Final

import hypothesis
from hypothesis import strategies
from hypothesis.errors import NoSuchExample, Unsatisfiable
from pydantic import JsonValue

from gateway.plugin.checks import CHECKS
from gateway.plugin.contract import ContractField, ContractOperation
from gateway.plugin.interface import Interface, describe
from gateway.plugin.item import DataClass
from gateway.plugin.testing.forms import PART

_BEGINS: Final = date(1990, 1, 1)
_AT: Final = datetime(2026, 4, 1, tzinfo=UTC)
_FOUND: Final = 10**6
"""Numbers from there on are not found by chance."""
_SPREAD: Final = 7_316_904_852_730_961
"""Divisible by neither 2, 3 nor 5: so each person has other digits, in all places of a number."""
_LONGEST: Final = 20
"""Digits of a number whose form alone says how many it has."""
_SOMEBODY: Final = 9999
"""Whom no scene meets: what a reply says of its own is no other person's."""
_CITY: Final = "999997"
"""No municipality has it (架空市)."""


class MadeUp:
    """Records of one interface. Persons are numbered from 1 to 9999; each of a person's values is that person's own,
    where its form has room for that.
    """

    def __init__(self, interface: Interface) -> None:
        self._contract = describe(interface)

    def record(self, direction: str, operation: str, person: int, **own: JsonValue) -> dict[str, Any]:
        """All fields of an operation, lists with one entry; what is in `own` as it is given there.

        Raises LookupError if there is no such operation, or if nothing is known that a field's form admits: then give
        that field in `own`, by its name, wherever in the record it stands.
        """
        for each in self._contract.operations:
            if (each.direction, each.name) == (direction, operation):
                return _object(each.fields, person, own)
        raise LookupError(f"the interface has no operation {operation} that it {direction}")


def reply_to(operation: ContractOperation, record: JsonValue) -> dict[str, Any]:
    """An answer within the locked reply: what the question says under the same name it repeats. Raises LookupError."""
    return _object(operation.reply, _SOMEBODY, record if isinstance(record, Mapping) else {})


def _object(fields: Sequence[ContractField], person: int, own: Mapping[str, JsonValue]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in fields:
        if "." in field.path:
            continue
        inner = [each for each in fields if re.match(rf"{field.path}(\[\])?\.", each.path)]
        if field.path in own:
            values[field.path] = own[field.path]
        elif inner:
            entry = _object([_below(each) for each in inner], person, own)
            values[field.path] = [entry] if field.kind == "list" else entry
        else:
            values[field.path] = _value(field, person)
    return values


def _below(field: ContractField) -> ContractField:
    return field.model_copy(update={"path": field.path.partition(".")[2]})


def _value(field: ContractField, person: int) -> JsonValue:
    """Raises LookupError."""
    match field.kind:
        case "flag":
            return False
        case "integer":
            most, least = field.maximum, field.minimum or 0
            if field.data_class != DataClass.OPERATIONAL and (most is None or most > _FOUND):
                least = max(least, _FOUND)  # a person's own
            elif person % 3 == 0:
                return least  # a 0, where that is admitted: what takes it for nothing is seen
            return least + person % ((least + 9999 if most is None else most) - least + 1)
    if field.values is not None:
        return field.values[0]
    for text in _texts(field, person):
        if _admitted(field, text):
            return text
    return _found(field)


@lru_cache(maxsize=256)
def _found(field: ContractField) -> str:
    """The simplest text of a form that none of the plain ones fits, the same for everybody. Raises LookupError."""
    characters = strategies.characters(codec="ascii")  # all of Unicode takes Hypothesis long to set out
    texts = strategies.from_regex(field.pattern or ".+", fullmatch=True, alphabet=characters)
    quiet = hypothesis.settings(database=None, derandomize=True, max_examples=200, deadline=None)
    try:
        return hypothesis.find(texts, partial(_admitted, field), settings=quiet)
    except (NoSuchExample, Unsatisfiable):
        raise LookupError(f"{field.path}: nothing is known that its form admits; give a value for it") from None


def _texts(field: ContractField, person: int) -> Iterator[str]:
    """What might fit, the plainest first."""
    if field.kind == "text":
        yield f"架空の{field.label}{person:04}"
    initials = "".join(word[0] for word in field.path.split("_")).upper()
    yield f"MADEUP-{initials}-{person:06}"
    yield (_BEGINS + timedelta(days=person)).isoformat()
    yield (_AT + timedelta(seconds=person)).isoformat()
    if field.check is not None:
        yield _CITY
        yield from (
            f"{stem}{last}" for stem in (f"0499999{person:06}", f"0000{_digits(person, 7)}") for last in range(10)
        )
    yield _digits(person, field.max_length or 12)
    yield f"{person:0{field.max_length or 12}}"
    yield from (f"{head}{person:014}" for head in ("TM", "JT"))
    yield f"{1990 + person // 12 % 100}-{person % 12 + 1:02}"
    yield f"{person // 1000}.{person % 1000:03}"
    for number in (_digits(person, length) for length in (field.max_length or 12, *range(_LONGEST, 0, -1))):
        yield number
        yield f"7{number[1:]}"  # where none may begin with a 0


def _digits(person: int, length: int) -> str:
    """A number of so many digits, more if the person's has more. If eight others are left it begins with a 0, which is
    lost on who takes it for an integer; else with none, for one of zeros would not be known by a part of it.
    """
    differ = max(min(length - (length > PART), 15), len(str(person)))
    least = 10 ** (differ - 1)
    return f"{least + person * _SPREAD % (9 * least):0{length}}"


def _admitted(field: ContractField, text: str) -> bool:
    return (
        0 < len(text) <= (field.max_length or len(text))
        and (field.pattern is None or re.fullmatch(field.pattern, text, re.ASCII) is not None)
        and (field.check is None or CHECKS[field.check].holds(text))
    )
