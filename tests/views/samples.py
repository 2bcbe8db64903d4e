"""Made-up records from locked contracts: each field that there is, with a value that its rules admit."""

from collections.abc import Iterable
from typing import Any

from gateway.plugin.contract import ContractField
from tests.views.matrix import name_of

_CHECKED = {
    "individual_number": "000000000000",
    "municipality_code": "999997",
    "gtin": "00000000",
    "date": "2026-04-01",
    "instant": "2026-04-01T09:00:00+09:00",
}
_SHAPED = {
    r"[0-9]{4}": "2026",
    r"[0-9]{10}": "1319999999",
    r"[0-9]{4}-(0[1-9]|1[0-2])": "2026-04",
    r"TM[0-9]{14}": "TM00000000000001",
    r"JT[0-9]{14}": "JT00000000000001",
}


def value_of(field: ContractField) -> Any:
    """A value that the field admits, always the same one."""
    match field.kind:
        case "flag":
            return False
        case "integer":
            return field.minimum or 0
        case "text":
            return "1" if field.pattern else "架空"
    return _CHECKED.get(field.check or "") or (field.values or (_SHAPED.get(field.pattern or "", "1"),))[0]


def record_of(fields: Iterable[ContractField]) -> dict[str, Any]:
    """A record with every leaf of the fields, and one element in each list."""
    record: dict[str, Any] = {}
    for field in fields:
        if field.data_class is not None:
            put(record, field.path, value_of(field))
    return record


def put(record: dict[str, Any], path: str, value: Any) -> None:
    """Set what stands at a path, in the first element of each list on the way."""
    *parents, last = path.split(".")
    for parent in parents:
        name = parent.removesuffix("[]")
        inner = record.setdefault(name, [{}] if name != parent else {})
        record = inner[0] if name != parent else inner
    record[last] = value


def places(*locks: Iterable[ContractField]) -> frozenset[str]:
    """Where a field can stand: at the top (""), and within each object or list."""
    return frozenset(field.path[: -len(name_of(field.path))] for lock in locks for field in lock)
