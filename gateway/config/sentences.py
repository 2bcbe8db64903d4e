"""What is wrong in a file, in our own words: where it stands, what is wrong with it, and what would be right.

A sentence never holds a value that somebody wrote, but for the id by which a table of a list is named; one that has
none is named by its number, from 1.
"""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from gateway.config.files import FORMS, PLAIN_WORD

_NAMED_BY: Final = ("id", "name", "path")
_KNOWN_SHOWN: Final = 12
_SAID: Final = MappingProxyType(
    {
        "missing": "is missing, and has no default",
        "string_too_short": "must have at least {min_length} characters",
        "string_too_long": "must have at most {max_length} characters",
        "too_short": "has too few elements: {min_length} or more",
        "too_long": "must have at most {max_length} elements",
        "greater_than": "must be more than {gt}",
        "greater_than_equal": "must be at least {ge}",
        "less_than": "must be less than {lt}",
        "less_than_equal": "must be at most {le}",
        "finite_number": "must be a finite number",
        "literal_error": "must be {expected}",
        "value_error": "{error}",
    }
)
_SAID_OF_KIND: Final = MappingProxyType(
    {
        "string": "must be a text, in quotes",
        "int": "must be a whole number, without quotes",
        "float": "must be a number, without quotes",
        "bool": "must be true or false, without quotes",
        "date": "must be a date such as 2026-04-01, without quotes",
        "enum": "must be {expected}",
        "tuple": "must be a list in [ ], or [[tables]]",
        "frozen": "must be a list in [ ]",
        "dict": "must be a [table]",
        "model": "must be a [table]",
    }
)
"""By the first word of pydantic's error type: `int_type`, `int_parsing` and `int_from_float` say the same."""


def sentences(error: ValidationError, model: type[BaseModel], written: object, within: str = "") -> Iterator[str]:
    """What pydantic found in `written` by this model, each as `key: what is wrong`. `within` is the key above it."""
    found = error.errors(include_input=False, include_url=False)
    for each in found:
        if each["type"] == "too_short" and any(_inside(other["loc"], each["loc"]) for other in found):
            continue  # what is wrong inside does not count as an element for pydantic
        place = [step for step in each["loc"] if step != "[key]"]
        key = ".".join(filter(None, (within, *_steps(place, written))))
        yield ": ".join(filter(None, (key, _said(each["type"], each, model))))


def _inside(place: tuple[str | int, ...], list_: tuple[str | int, ...]) -> bool:
    return len(place) > len(list_) and place[: len(list_)] == list_


def _said(kind: str, each: Any, model: type[BaseModel]) -> str:
    if kind == "extra_forbidden":
        *above, key = each["loc"]
        return f"there is no such key{instead(str(key), _known(model, above))}"
    context = each.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return f"must be {_form(context['pattern'])}"
    said = _SAID.get(kind) or _SAID_OF_KIND.get(kind.partition("_")[0])
    return said.format(**context) if said else each["msg"]


def _form(pattern: str) -> str:
    """What a pattern asks for, in words as far as there are any."""
    address = pattern.startswith("^https://")
    return FORMS.get(pattern, "an address that begins with https://" if address else f"of the form {pattern}")


def instead(wrong: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the known one that is nearest, or all if they are few."""
    names = sorted(known)
    if near := get_close_matches(wrong, names, n=1):
        return f"; did you mean {near[0]}?"
    return f"; there is {', '.join(names)}" if 0 < len(names) <= _KNOWN_SHOWN else ""


def _steps(place: Iterable[str | int], written: object) -> Iterator[str]:
    """The way to a place as the file's author sees it: a table of a list by its id, or else its number from 1."""
    at: Any = written
    for step in place:
        try:
            at = at[step]
        except (TypeError, LookupError):
            at = None
        yield step if isinstance(step, str) else _called(at) or f"#{step + 1}"


def _called(table: object) -> str | None:
    names = (table.get(key) for key in _NAMED_BY) if isinstance(table, dict) else ()
    return next((name for name in names if isinstance(name, str) and re.fullmatch(PLAIN_WORD, name)), None)


def _known(model: type[BaseModel], place: Iterable[str | int]) -> set[str]:
    """The keys that may stand at this place. A number, and a name that is no field, leads into a list or a table."""
    here = [model]
    for step in place:
        fields = [field for each in here for name, field in each.model_fields.items() if step in (name, field.alias)]
        here = [each for field in fields for each in _models(field.annotation)] or here
    return {field.alias or name for each in here for name, field in each.model_fields.items()}


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models in an annotation: `tuple[Route, ...]` holds Route."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
