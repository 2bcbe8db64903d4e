"""Only what the locked interface allows passes; the same rule at three points of the line.

Parsed → Admitted by the sender's interface, Projected → AdmittedThere by the destination's before anything is sealed,
Opened → AdmittedHere by the destination's own after opening. The unit of refusal is the record: a bad one is named by
index, code and a path of the interface, never by a value or by a key that the sender made up.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from pydantic import JsonValue, ValidationError

from gateway.config import in_force
from gateway.edge.rules import EdgeRules, nobody
from gateway.errors import CODES, Refused
from gateway.messages import (
    Admitted,
    AdmittedHere,
    AdmittedThere,
    Arrival,
    BadRecord,
    Opened,
    Parsed,
    Projected,
    unknown_path,
)
from gateway.plugin.contract import ContractField, ContractOperation
from gateway.plugin.payload import Payload

_INDEX = re.compile(r"\.(\d+)(?=\.|$)")
_PARTS: Final = (dict, list)
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

    An answer to a record that was `asked` is about the same person, if it names one (rule 1, C165). Where a proof was
    shown, each record carries what that proof binds (C206). Where the route has rows, each record has one in force.
    Nothing about a person whose use is stopped goes out (C252).
    """
    operation = sending_operation(parsed, rules)
    reply = parsed.attested.arrival.entrance == "reply"
    fields, model = (operation.reply, operation.reply_model) if reply else (operation.fields, operation.model)
    bad = [each for each in parsed.records if isinstance(each, BadRecord)]
    plain = ((index, each) for index, each in enumerate(parsed.records) if not isinstance(each, BadRecord))
    good, refused = _validate(plain, model, fields)
    if asked:
        person = operation.person_key
        wrong = {index for index, each in good if index in asked and not _same_person(each, asked[index], person)}
        refused += tuple(BadRecord(index, "dispute", person) for index in wrong)
        good = tuple((index, each) for index, each in good if index not in wrong)
    if bound := parsed.attested.proven.bound:
        unlike = {index: path for index, each in good if (path := _unlike(each, bound)) is not None}
        refused += tuple(BadRecord(index, "not_attested", _known_path(path, fields)) for index, path in unlike.items())
        good = tuple((index, each) for index, each in good if index not in unlike)
    if not reply and (lawless := tuple(_lawless(good, parsed.attested.arrival, rules))):
        refused += lawless
        wrong = {each.index for each in lawless}
        good = tuple((index, each) for index, each in good if index not in wrong)
    good, refused = _in_use(good, refused, rules)  # last: who may not ask of a person is not told this either
    kept = (BadRecord(b.index, _known_code(b.code), _known_path(b.path, fields)) for b in bad)
    return Admitted(parsed, good, tuple(sorted((*refused, *kept), key=lambda each: each.index)))


def admit_there(projected: Projected, operation: ContractOperation, *, reply: bool = False) -> AdmittedThere:
    """By the destination's locked interface, from the lock: its plugin need not be here."""
    fields, model = (operation.reply, operation.reply_model) if reply else (operation.fields, operation.model)
    _, refused = _validate(projected.records, model, fields)
    bad = {each.index for each in refused}
    return AdmittedThere(
        projected,
        tuple(each for each in projected.records if each[0] not in bad) if bad else projected.records,
        refused,
    )


def admit_here(opened: Opened, rules: EdgeRules) -> AdmittedHere:
    """By this connector's own locked interface, into the payload class that its plugin declared.

    The class validates exactly as the lock does: `describe` refuses one that could do otherwise, and the start one
    whose description is not the lock. Nothing about a person whose use is stopped comes in (C252).
    """
    header = opened.header
    operation = rules.receiving_operation(header)
    reply = header.kind == "reply"
    model = rules.own_models.get(f"{'sends' if reply else 'receives'}:{header.operation}")
    if operation is None or model is None:
        raise Refused("unknown_operation")
    fields = operation.reply if reply else operation.fields
    good, refused = _in_use(*_validate(opened.records, model, fields), rules)
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


def _unlike(record: Payload, bound: Mapping[str, str]) -> str | None:
    """The first bound field that holds another value, or none."""
    return next((name for name, value in bound.items() if getattr(record, name, None) != value), None)


def _in_use(
    good: "tuple[tuple[int, Payload], ...]", refused: tuple[BadRecord, ...], rules: EdgeRules
) -> tuple[tuple[tuple[int, Payload], ...], tuple[BadRecord, ...]]:
    """Without those that name a person whose use is stopped, by whichever field records here name persons."""
    if rules.stopped is nobody:
        return good, refused
    stopped = {index: path for index, each in good if (path := _stopped(each, rules)) is not None}
    return (
        tuple((index, each) for index, each in good if index not in stopped),
        (*refused, *(BadRecord(index, "use_stopped", path) for index, path in stopped.items())),
    )


def _stopped(record: Payload, rules: EdgeRules) -> str | None:
    named = ((path, getattr(record, path, None)) for path in rules.person_fields)
    return next((path for path, each in named if each is not None and rules.stopped(str(each))), None)


def _lawless(good: Iterable[tuple[int, Payload]], arrival: Arrival, rules: EdgeRules) -> Iterator[BadRecord]:
    """Those whose row is none of the route's, or not in force (L4, L5)."""
    route = rules.tenant.route_from(rules.connector, arrival.operation)
    if route is None or route.row_field is None:
        return
    lawful = {each for each in route.rows if in_force((each,), rules.legal_basis, arrival.received_at)}
    for index, record in good:
        if route.row_of(record.__dict__) not in lawful:
            yield BadRecord(index, "basis_not_in_force", route.row_field)


def _known_code(code: str) -> str:
    return code if code in CODES else "unreadable"


def _validate(
    records: "Iterable[tuple[int, dict[str, JsonValue]]]", model: type[Payload], fields: tuple[ContractField, ...]
) -> tuple[tuple[tuple[int, Payload], ...], tuple[BadRecord, ...]]:
    good: list[tuple[int, Payload]] = []
    bad: list[BadRecord] = []
    flat = all(field.data_class is not None for field in fields)
    for index, record in records:
        try:
            payload = model.model_validate(record)
        except ValidationError as error:
            bad.append(_refusal(index, record, error, fields))
            continue
        if (flat and None not in record.values()) or _null(record) is None:
            good.append((index, payload))
        else:  # to pydantic, what may be absent may be null
            bad.append(_null_value(index, record, fields))
    return tuple(good), tuple(bad)


def _refusal(
    index: int, record: "dict[str, JsonValue]", error: ValidationError, fields: tuple[ContractField, ...]
) -> BadRecord:
    """The first error as our code and a path of the interface; pydantic's own text may quote the sender."""
    if _null(record) is not None:
        return _null_value(index, record, fields)
    errors: list[Any] = error.errors(include_input=False, include_url=False)
    first = errors[0]
    if first["type"] == "extra_forbidden":
        unknown = [each["loc"] for each in errors if each["type"] == first["type"]]
        return BadRecord(index, "unknown_field", _unknown(record, unknown))
    code = first["ctx"]["code"] if first["type"] == "gateway" else _CODES.get(first["type"], "wrong_type")
    return BadRecord(index, code, _known_path(_path(first["loc"]), fields))


def _null_value(index: int, record: "dict[str, JsonValue]", fields: tuple[ContractField, ...]) -> BadRecord:
    return BadRecord(index, "null_value", _known_path(_null(record), fields))


def _known_path(path: str | None, fields: tuple[ContractField, ...]) -> str | None:
    return path if any(path == field.path for field in fields) else None


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


def _null(value: "dict[str, JsonValue] | list[JsonValue]", within: str = "") -> str | None:
    """The path of the first null inside; None if there is no null."""
    parts = ((f"{within}[]", each) for each in value) if isinstance(value, list) else value.items()
    for name, part in parts:
        if part is None or isinstance(part, _PARTS):
            path = f"{within}.{name}" if within and isinstance(value, dict) else name
            found = path if part is None else _null(part, path)
            if found is not None:
                return found
    return None
