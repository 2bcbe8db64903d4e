"""Where something stands in a record: paths of the locked interface, without indices, names or values of others."""

import re
from collections.abc import Container, Mapping
from typing import Final

from pydantic import JsonValue


def unknown_path(within: str, position: int, count: int) -> str:
    """Where unknown keys stand, without their names: the first's position in its object, from 1, and their number."""
    return f"{within}{'.' * bool(within)}unknown:{min(position, 9999)}:{min(count, 9999)}"


def path_known(path: str, paths: Container[str]) -> bool:
    """Whether a path is one of `paths`, or says by `unknown_path` where in one of them unknown keys stand."""
    unknown = _UNKNOWN.fullmatch(path)
    return path in paths if unknown is None else unknown[1] is None or unknown[1] in paths


_UNKNOWN: Final = re.compile(r"(?:(.+)\.)?unknown:[0-9]{1,4}:[0-9]{1,4}")


def item_paths(record: Mapping[str, JsonValue], prefix: str = "") -> set[str]:
    """The items of one record: the paths of all leaves that are present, without indices."""
    if not prefix and _PARTS.isdisjoint(map(type, record.values())):
        return set(record)
    paths: set[str] = set()
    for name, value in record.items():
        path = prefix + name
        if isinstance(value, dict):
            paths |= item_paths(value, path + ".")
        elif isinstance(value, list):
            for element in value:
                paths |= item_paths(element, path + "[].") if isinstance(element, dict) else {path}
        else:
            paths.add(path)
    return paths


_PARTS: Final = frozenset((dict, list))
