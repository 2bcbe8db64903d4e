"""Made-up records from a lock alone: where a connector asks, or is answered, and no subject says what with."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final

import hypothesis
from hypothesis import strategies
from pydantic import JsonValue

from gateway.plugin.contract import ContractField, ContractOperation

_CHECKED: Final = {
    "individual_number": "123456789018",
    "no_individual_number": "MADEUP0001",
    "municipality_code": "131016",
    "gtin": "4912345678904",
    "date": "2026-04-01",
    "instant": "2026-04-01T09:00:00+09:00",
}
"""A text for each check that a lock may ask for."""
_TEXTS: Final = ("MADEUP0001", "1319999999", "2026-04", "000000000000001", "0.5")
"""Of forms that are often asked for: to find one takes long."""


def reply_to(operation: ContractOperation, record: JsonValue) -> dict[str, JsonValue]:
    """An answer within the locked reply: it repeats what the question says under the same name."""
    said = record if isinstance(record, Mapping) else {}
    return made(operation.reply) | {
        each.path: said[each.path] for each in operation.reply if each.path in said and each.data_class is not None
    }


def made(fields: Sequence[ContractField], prefix: str = "") -> dict[str, JsonValue]:
    """A record with every field, each once."""
    record: dict[str, JsonValue] = {}
    for each in fields:
        name = each.path.removeprefix(prefix)
        if not each.path.startswith(prefix) or "." in name:
            continue
        if each.kind == "object":
            record[name] = made(fields, f"{each.path}.")
        elif each.kind == "list":
            record[name] = [made(fields, f"{each.path}[].")]
        else:
            record[name] = _value(each)
    return record


def _value(field: ContractField) -> JsonValue:
    if field.kind == "flag":
        return True
    if field.kind == "integer":
        return field.minimum if field.minimum is not None else (field.maximum or 1)
    if field.values is not None:
        return field.values[0]
    if field.pattern is not None and field.check is None:
        return _matching(field.pattern)
    return _CHECKED[field.check] if field.check is not None else "作成例"[: field.max_length]


@lru_cache(maxsize=256)
def _matching(pattern: str) -> str:
    """The simplest ASCII text of that form."""
    if (found := next(filter(partial(re.fullmatch, pattern), _TEXTS), None)) is not None:
        return found
    texts: Any = strategies.from_regex(pattern, fullmatch=True, alphabet=strategies.characters(codec="ascii"))
    quiet = hypothesis.settings(database=None, derandomize=True, max_examples=200, deadline=None)
    return str(hypothesis.find(texts, lambda text: len(text) >= 1, settings=quiet))
