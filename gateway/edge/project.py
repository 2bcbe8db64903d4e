"""Admitted → Projected: exactly the fields that the route lists go on; the names of the rest are kept for the log.

Nothing is renamed or trimmed otherwise.
"""

from pydantic import JsonValue

from gateway.messages import Admitted, Projected
from gateway.plugin.payload import Payload


def project(admitted: Admitted, paths: tuple[str, ...]) -> Projected:
    """Keep `paths`, which are leaves of both ends' locked interfaces."""
    allowed = frozenset(paths)
    withheld: set[str] = set()
    records = tuple((index, _kept(payload, allowed, withheld, "")) for index, payload in admitted.records)
    return Projected(admitted, records, tuple(sorted(withheld)))


def _kept(payload: Payload, allowed: frozenset[str], withheld: set[str], prefix: str) -> "dict[str, JsonValue]":
    kept: dict[str, JsonValue] = {}
    for name, value in payload.__dict__.items():
        path = prefix + name
        if value is None:
            continue
        if path in allowed:
            kept[name] = value
        elif isinstance(value, Payload):
            if inner := _kept(value, allowed, withheld, path + "."):
                kept[name] = inner
        elif isinstance(value, list):
            part = path + "[]."
            elements: list[JsonValue] = []
            if any(each.startswith(part) for each in allowed):
                elements = [_kept(each, allowed, withheld, part) for each in value]
            if any(elements):
                kept[name] = elements
            else:  # it would tell its length, and no item would name it
                withheld.add(path + "[]")
        else:
            withheld.add(path)
    return kept
