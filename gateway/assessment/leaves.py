"""A configuration as its single values: each under its key, with the names of what it belongs to."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from gateway.assessment.keys import PRESENT
from gateway.assessment.subject import Subject

Leaf: TypeAlias = tuple[str, tuple[str, ...], Any]
"""The key, in which a name is `*`; the names; and the value. What has keys of its own is PRESENT."""
_NAMED_BY: Final = (("id",), ("direction", "name"), ("name",), ("url",), ("path",), ("connector", "digest"))


def leaves_of(subject: Subject) -> Iterator[Leaf]:
    """All that the files of the configuration say to one tenant, but for the law and the locks."""
    config = subject.config
    yield from leaves("gateway", config.gateway.model_copy(update={"exports": subject.exports}))
    yield from leaves("zones", config.zones)
    yield from leaves("tenant", subject.tenant.file)
    yield from leaves("former", tuple(each for each in config.former if each.connector in subject.connectors))


def leaves(key: str, value: Any, names: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """What stands at one key and below it."""
    match value:
        case BaseModel():
            for name, field in type(value).model_fields.items():
                below, each = f"{key}.{field.alias or name}", getattr(value, name)
                if isinstance(each, BaseModel):
                    yield below, names, PRESENT
                yield from leaves(below, each, names)
        case Mapping():
            many = flat("", value) if key.endswith(".settings") else value
            yield from _many(key, many.items(), names)
        case tuple() if any(isinstance(each, BaseModel) for each in value):
            yield from _many(key, ((_name(each), each) for each in value), names)
        case _:
            yield key, names, value


def at_home(old: Subject, was: Any, new: Subject, now: Any) -> tuple[Any, Any]:
    """Two values as they stand; of paths that are not the same, each where it is below the root of its own
    configuration: two roots lie in two places, and what moves with its root has not moved.
    """
    return (was, now) if was == now else (_below(old, was), _below(new, now))


def _below(subject: Subject, value: Any) -> Any:
    """A path below its root as from there; anything else as it is."""
    if not isinstance(value, str) or ".." in Path(value).parts:
        return value
    roots = (subject.config.root.absolute(), subject.config.root.resolve())
    return next((str(Path(value).relative_to(each)) for each in roots if Path(value).is_relative_to(each)), value)


def _many(key: str, many: Any, names: tuple[str, ...]) -> Iterator[Leaf]:
    for name, each in many:
        if isinstance(each, BaseModel):
            yield f"{key}.*", (*names, name), PRESENT
        yield from leaves(f"{key}.*", each, (*names, name))


def _name(model: BaseModel) -> str:
    by = next(each for each in _NAMED_BY if {*each} <= type(model).model_fields.keys())
    return " ".join(getattr(model, each) for each in by)


def flat(prefix: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of a connector under its whole key, in which a name that has a dot stands in quotes, as in TOML."""
    found: dict[str, Any] = {}
    for name, each in settings.items():
        key = prefix + (json.dumps(name, ensure_ascii=False) if {*name} & {*'."'} else name)
        found |= flat(f"{key}.", each) if isinstance(each, Mapping) else {key: each}
    return found
