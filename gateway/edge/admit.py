"""Only what the locked interface allows passes; the same rule at three points of the line.

Parsed → Admitted by the sender's interface, Projected → AdmittedThere by the destination's before anything is sealed,
Opened → AdmittedHere by the destination's own after opening. The unit of refusal is the record: a bad one is named by
index, code and a path of the interface, never by a value or by a key that the sender made up.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from pydantic import JsonValue, ValidationError

from gateway.edge.rules import EdgeRules
from gateway.errors import CODES, Refused
from gateway.messages import Admitted, AdmittedHere, AdmittedThere, BadRecord, Opened, Parsed, Projected, unknown_path
from gateway.plugin.contract import ContractField, ContractOperation, model_of
from gateway.plugin.payload import Payload

_INDEX = re.compile(r"\.(\d+)(?=\.|$)")
_SCALAR: Final = (str, int, float)
_CODES: Final = MappingProxyType(
    {
        "missing": "missing_required",
        "string_too_long": "too_long",
        "string_too_short": "too_short",
        "too_short": "too_short",
        "string_unicode": "control_character",
        "greater_than_equal": "out_of_range",
        "less_than_equal": "out_of_range",
    }
)


def admit(parsed: Parsed, rules: EdgeRules, asked: "Mapping[int, Payload]" = MappingProxyType({})) -> Admitted:
    """By the sender's locked interface. Raises Refused("unknown_operation").

    An answer to a record that was `asked` is about the same person, if it names one (rule 1, C165).
    """
    operation = sending_operation(parsed, rules)
    fields = operation.reply if parsed.attested.arrival.entrance == "reply" else operation.fields
    model = model_of(operation.name, fields)
    bad = [each for each in parsed.records if isinstance(each, BadRecord)]
    plain = ((index, each) for index, each in enumerate(parsed.records) if not isinstance(each, BadRecord))
    good, refused = _validate(plain, model, fields)
    person = operation.person_key
    wrong = {index for index, each in good if index in asked and not _same_person(each, asked[index], person)}
    refused += tuple(BadRecord(index, "dispute", person) for index in wrong)
    good = tuple((index, each) for index, each in good if index not in wrong)
    known = {field.path for field in fields}
    kept = (BadRecord(b.index, _known_code(b.code), b.path if b.path in known else None) for b in bad)
    return Admitted(parsed, good, tuple(sorted((*refused, *kept), key=lambda each: each.index)))


def admit_there(projected: Projected, fields: tuple[ContractField, ...], name: str) -> AdmittedThere:
    """By the destination's locked interface, from the lock: its plugin need not be here."""
    good, refused = _validate(projected.records, model_of(name, fields), fields)
    admitted = {index for index, _ in good}
    return AdmittedThere(
        projected,
        tuple((index, record) for index, record in projected.records if index in admitted),
        refused,
    )


def admit_here(opened: Opened, rules: EdgeRules) -> AdmittedHere:
    """By this connector's own locked interface, into the payload class that its plugin declared.

    The class validates exactly as the lock does: `describe` refuses one that could do otherwise, and the start one
    whose description is not the lock.
    """
    header = opened.header
    operation = rules.receiving_operation(header)
    reply = header.kind == "reply"
    model = rules.own_models.get(f"{'sends' if reply else 'receives'}:{header.operation}")
    if operation is None or model is None:
        raise Refused("unknown_operation")
    fields = operation.reply if reply else operation.fields
    good, refused = _validate(opened.records, model, fields)
    return AdmittedHere(header, good, refused)


def sending_operation(parsed: Parsed, rules: EdgeRules) -> ContractOperation:
    """The locked operation by which the arrival came in. Raises Refused("unknown_operation")."""
    arrival = parsed.attested.arrival
    operation = rules.contract.operation("receives" if arrival.entrance == "reply" else "sends", arrival.operation)
    if operation is None:
        raise Refused("unknown_operation")
    return operation


def _same_person(answer: Payload, asked: Payload, person_key: str) -> bool:
    named = getattr(answer, person_key, None)
    return named is None or named == getattr(asked, person_key)


def _known_code(code: str) -> str:
    return code if code in CODES else "unreadable"


def _validate(
    records: "Iterable[tuple[int, dict[str, JsonValue]]]", model: type[Payload], fields: tuple[ContractField, ...]
) -> tuple[tuple[tuple[int, Payload], ...], tuple[BadRecord, ...]]:
    known = frozenset(field.path for field in fields)
    good: list[tuple[int, Payload]] = []
    bad: list[BadRecord] = []
    for index, record in records:
        if (null := _null(record, known)) is not None:
            bad.append(BadRecord(index, "null_value", null or None))
            continue
        try:
            good.append((index, model.model_validate(record)))
        except ValidationError as error:
            bad.append(_refusal(index, record, error, known))
    return tuple(good), tuple(bad)


def _refusal(index: int, record: JsonValue, error: ValidationError, known: frozenset[str]) -> BadRecord:
    """The first error as our code and a path of the interface; pydantic's own text may quote the sender."""
    errors: list[Any] = error.errors(include_input=False, include_url=False)
    first = errors[0]
    if first["type"] == "extra_forbidden":
        unknown = [each["loc"] for each in errors if each["type"] == first["type"]]
        return BadRecord(index, "unknown_field", _unknown(record, unknown))
    code = first["ctx"]["code"] if first["type"] == "gateway" else _CODES.get(first["type"], "wrong_type")
    path = _path(first["loc"])
    return BadRecord(index, code, path if path in known else None)


def _unknown(record: JsonValue, found: "list[tuple[str | int, ...]]") -> str:
    """Count and position of the unknown keys in the first object that has one: their names may be a person's."""
    *parent, first = found[0]
    within: Any = record
    for part in parent:
        within = within[part]
    count = sum(list(loc[:-1]) == parent for loc in found)
    return unknown_path(_path(parent), list(within).index(first) + 1, count)


def _path(loc: "Sequence[str | int]") -> str:
    return _INDEX.sub("[]", ".".join(str(part) for part in loc))


def _null(value: JsonValue, known: frozenset[str], path: str = "") -> str | None:
    """The path of a null inside, "" if the path is not one of the interface, None if there is no null."""
    if value is None:
        return path if path in known else ""
    if isinstance(value, dict):
        children: Iterable[tuple[str, JsonValue]] = (
            (f"{path}.{k}" if path else k, v) for k, v in value.items() if not isinstance(v, _SCALAR)
        )
    elif isinstance(value, list):
        children = ((f"{path}[]", each) for each in value)
    else:
        return None
    return next((found for at, child in children if (found := _null(child, known, at)) is not None), None)
