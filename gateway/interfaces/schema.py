"""A locked interface as JSON Schema (draft 2020-12): what a record or a reply may hold, for other people's validators.

What the edge admits, the schema accepts; what the schema refuses, the edge refuses. The reverse does not hold: a check
digit, a day that does not exist, an individual number in a text and a number written 1.0 pass the schema. Of each
field `x-renkei-check` says so in words. A pattern that other readers of patterns might take otherwise stands apart, in
`x-renkei-pattern`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from gateway.plugin.contract import Contract, ContractField
from gateway.plugin.item import ALIKE

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Told:
    """A check in words, for what no schema says; `form` is the pattern that all that passes has, `format` its name in
    JSON Schema. Neither is the whole check.
    """

    english: str
    japanese: str
    form: str | None = None
    format: str | None = None


CHECKS_TOLD: Final = MappingProxyType(
    {
        "individual_number": Told(
            "12 digits, the last of them the check digit of an individual number.",
            "個人番号12桁。末尾は検査用数字。",
            "[0-9]{12}",
        ),
        "no_individual_number": Told(
            "Hyphens aside, it is no individual number.", "ハイフンを除いて個人番号となる値は不可。"
        ),
        "municipality_code": Told(
            "6 digits, the last of them the check digit of a municipality's code.",
            "全国地方公共団体コード6桁。末尾は検査数字。",
            "[0-9]{6}",
        ),
        "gtin": Told(
            "8, 12, 13 or 14 digits, the last of them the check digit of a GTIN.",
            "GTIN(8、12、13又は14桁)。末尾はチェックデジット。",
            "[0-9]{8}|[0-9]{12,14}",
        ),
        "date": Told(
            "A day that exists, written YYYY-MM-DD.",
            "実在する日付(YYYY-MM-DD)。",
            "[0-9]{4}-[0-9]{2}-[0-9]{2}",
            "date",
        ),
        "instant": Told(
            "A time that exists, with seconds and its offset from UTC (RFC 3339).",
            "実在する日時(秒とUTCからの時差を含む。RFC 3339)。",
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-5][0-9])",
            "date-time",
        ),
    }
)
"""Each check of `gateway.plugin.checks`, by name."""
FREE_TEXT: Final = Told(
    "It holds no individual number, in whatever writing.", "個人番号を含む文は不可(表記を問わない)。"
)
"""What free text is held to, beyond its form."""

_NO_CONTROL: Final = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufdd0-\ufdef\ufff9-\uffff]*$"
"""The control characters of `gateway.plugin.checks` that every reader of patterns can name."""
_TYPES: Final = MappingProxyType({"code": "string", "text": "string", "integer": "integer", "flag": "boolean"})
_COMMON: Final = re.compile(
    r"(?: [^\\\[\](){}^$*+?] | \\d | \\[.*+?()\[\]{}|^$/\\]"
    r"| \[\^?(?: [^\\\[\]] | \\[\\\[\]^.*+?(){}|$/-] )+\]"
    r"| \((?:\?:)?(?!\?) | \) | (?: [*+?] | \{[0-9]+(?:,[0-9]*)?\} )\??(?!\+) )*",
    re.VERBOSE,
)
"""Patterns that every reader of regular expressions takes alike: no flags, no looking around, no classes by name."""


def interface_schema(contract: Contract) -> dict[str, Any]:
    """The records and replies of every operation, below `$defs` as `sends.NAME`, `receives.NAME` and `...-reply`."""
    definitions: dict[str, Any] = {}
    for each in contract.operations:
        name = f"{each.direction}.{each.name}"
        definitions[name] = {"title": each.label, **record_schema(each.fields)}
        if each.kind == "request":
            definitions[f"{name}-reply"] = {"title": f"{each.label}(応答)", **record_schema(each.reply)}
    return {
        "$schema": DIALECT,
        "$id": f"urn:renkei:interface:{contract.connector}:{contract.digest()}",
        "title": contract.label or contract.connector,
        "$defs": definitions,
    }


def record_schema(fields: Iterable[ContractField]) -> dict[str, Any]:
    """One record with exactly these fields; null is no value, an absent field is left out."""
    every = tuple(fields)
    direct = [each for each in every if "." not in each.path]
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {each.path: _schema(each, every) for each in direct},
    }
    if required := [each.path for each in direct if each.required]:
        schema["required"] = required
    return schema


def _schema(field: ContractField, among: tuple[ContractField, ...]) -> dict[str, Any]:
    """Of a leaf, or of a part with the fields that stand below it."""
    if field.kind not in ("object", "list"):
        return _leaf(field)
    below = f"{field.path}[]." if field.kind == "list" else f"{field.path}."
    inner = record_schema(
        each.model_copy(update={"path": each.path.removeprefix(below)}) for each in among if each.path.startswith(below)
    )
    titled = {"title": field.label} if field.label else {}
    # An empty list has no item, so that a header could not name it.
    return titled | ({"type": "array", "minItems": 1, "items": inner} if field.kind == "list" else inner)


def _leaf(field: ContractField) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _TYPES[field.kind]}
    if field.label:
        schema["title"] = field.label
    schema["x-renkei-data-class"] = str(field.data_class)
    if schema["type"] == "integer":
        bounds = {"minimum": field.minimum, "maximum": field.maximum}
        return schema | {key: value for key, value in bounds.items() if value is not None}
    return schema | _text(field) if schema["type"] == "string" else schema


def _text(field: ContractField) -> dict[str, Any]:
    schema: dict[str, Any] = {"minLength": 1}
    if field.max_length is not None:
        schema["maxLength"] = field.max_length
    if field.values is not None:
        schema["enum"] = list(field.values)
    check = CHECKS_TOLD[field.check] if field.check is not None else None
    if check is not None and check.format is not None:
        schema["format"] = check.format
    forms = [f"^(?:{each})$" for each in _forms(field, check)]
    plain = field.pattern is not None and ALIKE.fullmatch(field.pattern) is not None
    if not (plain or (check and check.form) or field.values):  # else its form admits none, as at the edge
        forms.append(_NO_CONTROL)
    if forms:
        schema |= {"pattern": forms[0]} if len(forms) == 1 else {"allOf": [{"pattern": each} for each in forms]}
    if field.pattern is not None and not _COMMON.fullmatch(field.pattern):
        schema["x-renkei-pattern"] = field.pattern
    told = {} if check is None else {str(field.check): check}
    told |= {"no_individual_number_in_text": FREE_TEXT} if field.kind == "text" else {}
    if told:
        schema["x-renkei-check"] = [
            {"name": name, "en": each.english, "ja": each.japanese} for name, each in told.items()
        ]
    return schema


def _forms(field: ContractField, check: Told | None) -> Iterable[str]:
    if field.pattern is not None and _COMMON.fullmatch(field.pattern):
        yield field.pattern
    if check is not None and check.form is not None:
        yield check.form


def as_text(document: Mapping[str, Any]) -> str:
    """The one form in which a schema or a description leaves: JSON that people can read, and a line feed."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
