"""Wrong records and false answers, made of honest ones: what a connector meets once in ten years.

The rule: every one differs from the honest one, and is told by what was done to it, never by a value.
"""

import copy
import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from pydantic import JsonValue

HUGE: Final = "巨" * 100_000
_HOMOGLYPHS: Final = {"a": "а", "c": "с", "e": "е", "i": "і", "o": "о", "p": "р", "s": "ѕ", "x": "х", "y": "у"}
"""Latin letters, and the Cyrillic ones that look the same."""
_OBJECTS: Final = 2
_MEMBERS: Final = 6


@dataclass(frozen=True, slots=True)
class Lie:
    """What was done, and whether it is seen in the values alone: the keys are the honest ones then."""

    told: str
    record: Any
    keeps_keys: bool = False


class _Pairs(list[tuple[str, Any]]):
    """An object whose members stand as they are listed, also twice."""


def alike(name: str) -> Iterator[str]:
    """Keys that a careless reader takes for this one: by case, space, width, look, or Unicode's other forms."""
    made = (
        name.upper(),
        name.title(),
        f"{name} ",
        f" {name}",
        f"{name}\u200b",
        name.replace("_", "-"),
        name.replace("_", ""),
        "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in name),
        "".join(_HOMOGLYPHS.get(each, each) for each in name),
        unicodedata.normalize("NFD", name + "é"),
    )
    return (each for each in dict.fromkeys(made) if each != name)


def wrong_records(record: Mapping[str, JsonValue]) -> Iterator[Lie]:
    """Records that no interface takes which takes this one."""
    for name, value in record.items():
        others = {other: each for other, each in record.items() if other != name}
        for key in alike(name):
            yield Lie("a look-alike key beside the real one", {**record, key: value})
            yield Lie("a look-alike key in place of the real one", {**others, key: value})
        yield Lie("a value nested in an object", {**record, name: {"value": value}}, keeps_keys=True)
        yield Lie("a value nested in a list", {**record, name: [value, value]}, keeps_keys=True)
        yield Lie("a null", {**record, name: None}, keeps_keys=True)
        for told, wrong in _wrong_values(value):
            yield Lie(told, {**record, name: wrong}, keeps_keys=True)
        if isinstance(value, Mapping):
            yield from (Lie(each.told, {**record, name: each.record}, each.keeps_keys) for each in wrong_records(value))
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            for each in wrong_records(value[0]):
                yield Lie(each.told, {**record, name: [each.record, *value[1:]]}, each.keeps_keys)
    yield Lie("a key of nobody's", {**record, "no_such_field": "x"})
    yield Lie("the record nested in itself", {**record, "record": dict(record)})


def false_answers(rows: int) -> Iterator[tuple[str, Callable[[bytes], bytes | None]]]:
    """Ways to falsify the whole of a JSON answer about so many rows; each gives None if it finds nothing to alter."""
    for told, alter in _STRUCTURAL.items():
        yield told, _on_json(alter)
    yield ROW_MISSING, _on_json(lambda plain: _without_a_row(plain, rows))


def false_members() -> Iterator[tuple[str, Callable[[bytes], bytes | None]]]:
    """Ways to falsify one member of it, kind by kind; the first of a kind is the likeliest to find something."""
    for told, change in _OF_A_MEMBER.items():
        for at in range(_OBJECTS):
            for member in range(_MEMBERS):
                yield told, _on_json(_at(at, member, change))


ROW_MISSING: Final = "an answer that lacks a row"


def written(value: Any) -> str:
    """JSON, of objects and of `_Pairs`."""
    match value:
        case _Pairs():
            return "{" + ", ".join(f"{json.dumps(name)}: {written(each)}" for name, each in value) + "}"
        case Mapping():
            return written(_Pairs(value.items()))
        case list():
            return "[" + ", ".join(map(written, value)) + "]"
        case _:
            return json.dumps(value)


def _wrong_values(value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    match value:
        case bool():
            yield from (("a flag as a number", int(value)), ("a flag as a text", str(value).lower()))
        case int():
            yield from (("a number as a text", str(value)), ("a number beyond all bounds", 10**30))
            yield "a number as a flag", True
        case str():
            yield from (("a text as a number", 5), ("a text as a flag", True), ("a huge text", HUGE))
            yield from (("an empty text", ""), ("a text with a control character", f"{value}\x00"))
        case _:
            yield "a part as a text", "x"


def _on_json(alter: Callable[[Any], Any]) -> Callable[[bytes], bytes | None]:
    def falsified(body: bytes) -> bytes | None:
        try:
            plain = json.loads(body)
        except ValueError:
            return None
        said = alter(copy.deepcopy(plain))
        return None if said is None or said == plain else written(said).encode()

    return falsified


def _objects(plain: Any) -> Iterator[dict[str, Any]]:
    """Every object with members, the innermost first."""
    for each in plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else ():
        yield from _objects(each)
    if isinstance(plain, dict) and plain:
        yield plain


def _lists(plain: Any) -> Iterator[list[Any]]:
    if isinstance(plain, list):
        yield plain
    for each in plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else ():
        yield from _lists(each)


def _at(at: int, member: int, alter: Callable[[dict[str, Any], str], None]) -> Callable[[Any], Any]:
    def one(plain: Any) -> Any:
        found = next(islice(_objects(plain), at, None), None)
        if found is None or member >= len(found):
            return None
        alter(found, list(found)[member])
        return plain

    return one


def _look_alike(found: dict[str, Any], name: str) -> None:
    found[next(alike(name))] = found[name]


def _exchanged(found: dict[str, Any], name: str) -> None:
    value = found[name]
    match value:
        case bool() | int():
            found[name] = str(value)
        case str():
            found[name] = 5
        case _:
            found[name] = "x"


_OF_A_MEMBER: Final[Mapping[str, Callable[[dict[str, Any], str], None]]] = {
    "a member null": lambda found, name: found.update({name: None}),
    "a member nested": lambda found, name: found.update({name: {"value": found[name]}}),
    "a member of another type": _exchanged,
    "a member huge": lambda found, name: found.update({name: HUGE}),
    "a member absent": lambda found, name: found.pop(name),
    "a look-alike member more": _look_alike,
}


def _twice(plain: Any) -> Any:
    """The innermost first object has its first member twice, once of another value."""
    target = next(_objects(plain), {})

    def told(value: Any) -> Any:
        if value is target:
            return _Pairs([*value.items(), (next(iter(value)), "another")])
        if isinstance(value, dict):
            return _Pairs((name, told(each)) for name, each in value.items())
        return [told(each) for each in value] if isinstance(value, list) else value

    return told(plain) if target else None


def _row_more(plain: Any) -> Any:
    """The last row again, under numbers that nobody asked about."""
    for rows in _lists(plain):
        if rows and isinstance(rows[-1], dict):
            integers = {name: each + 1000 for name, each in rows[-1].items() if type(each) is int}
            rows.append({**rows[-1], **integers})
            return plain
    return None


def _swapped(plain: Any) -> Any:
    """The first two rows have exchanged their numbers; an object by numbers, its values."""
    for rows in _lists(plain):
        if len(rows) > 1 and isinstance(rows[0], dict) and isinstance(rows[1], dict):
            for name in (name for name, each in rows[0].items() if type(each) is int and name in rows[1]):
                rows[0][name], rows[1][name] = rows[1][name], rows[0][name]
            return plain
    return _values_swapped(plain)


def _values_swapped(plain: Any) -> Any:
    for found in _objects(plain):
        first, second, *_ = (*(name for name in found if name.isdecimal()), "", "")
        if second:
            found[first], found[second] = found[second], found[first]
            return plain
    return None


def _without_a_row(plain: Any, rows: int) -> Any:
    """One row of as many as were asked about is gone."""
    for found in _lists(plain):
        if len(found) == rows and all(isinstance(each, dict) for each in found):
            found.pop()
            return plain
    for each in _objects(plain):
        if len(each) == rows and all(name.isdecimal() for name in each):
            each.popitem()
            return plain
    return None


_STRUCTURAL: Final[Mapping[str, Callable[[Any], Any]]] = {
    "a member twice": _twice,
    "an answer in an answer": lambda plain: {"answer": plain},
    "an answer in a list": lambda plain: [plain],
    "a row more than asked": _row_more,
    "rows with each other's number": _swapped,
    "an answer without anything": lambda plain: [] if isinstance(plain, list) else {},
}
