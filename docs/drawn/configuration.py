"""`docs/reference/configuration.md`: every key of every file, as the models that read them have it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from gateway.config import files, witness_file

HEAD = """\
# Every key of the configuration

<!-- Written by `make docs` from gateway/config/files.py and witness_file.py; do not edit. -->

File by file: key, type with its bounds, and default, as the code has them. What each key is for, its unit, and whether
a reload applies it: [configuration, explained](../configuration.md). Where it says *required* there is no default.
Times are in seconds, sizes in bytes, days are Japan's. An unknown key is an error, so is a number or a day in quotes,
and `gateway check` names each with what would be right.

"""
FILES: Mapping[str, type[BaseModel]] = {
    "gateway.toml": files.GatewayFile,
    "zones.toml": files.ZonesFile,
    "legal_basis.toml": files.LegalBasisFile,
    "tenants/CODE.toml": files.TenantFile,
    "interfaces/former.toml": files.FormerFile,
    "witness.toml": witness_file.WitnessFile,
}
"""Which model reads which file below `config/`."""
_PLAIN = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "table",
}
_FORMATS = {"date": "day", "time": "time of day"}
_BOUNDS = {
    "minimum": "at least {:,}",
    "exclusiveMinimum": "more than {:,}",
    "maximum": "at most {:,}",
    "minLength": "at least {} letters",
    "maxLength": "at most {} letters",
    "minItems": "at least {}",
}


def page() -> str:
    """One section for each file, one table for each model in it."""
    return HEAD + "\n".join(_file(name, model.model_json_schema()) for name, model in FILES.items())


def _file(name: str, schema: dict[str, Any]) -> str:
    tables = _tables("", schema, schema.get("$defs", {}))
    return f"## {name}\n\n" + "\n".join(_table(prefix, each) for prefix, each in tables)


def _tables(prefix: str, schema: dict[str, Any], known: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The model and, below the keys that hold them, the models in it."""
    yield prefix, schema | {"$defs": known}
    for key, value in schema.get("properties", {}).items():
        inner, named = _inner(value)
        if "properties" in (below := known.get(inner, {})):
            yield from _tables(f"{prefix}{key}.{'NAME.' if named else ''}", below, known)


def _inner(value: dict[str, Any]) -> tuple[str, bool]:
    """The model that stands under a key, and whether a name stands between."""
    if "$ref" in value:
        return value["$ref"].rpartition("/")[2], False
    for each in value.get("anyOf", ()):
        if (found := _inner(each))[0]:
            return found
    if "items" in value:
        return _inner(value["items"])
    return next(((there, True) for _, each in _by_name(value) if (there := _inner(each)[0])), ("", False))


def _table(prefix: str, schema: dict[str, Any]) -> str:
    told = " ".join(schema.get("description", "").split())
    title = f"### {prefix.removesuffix('.')}\n\n" if prefix else ""
    needed = set(schema.get("required", ()))
    cells = (
        (f"`{prefix}{key}`", _type(value, schema["$defs"]), "*required*" if key in needed else _default(value))
        for key, value in schema["properties"].items()
    )
    rows = "".join(f"| {' | '.join(each)} |\n" for each in cells)
    return f"{title}{told}\n\n| key | type | default |\n| --- | --- | --- |\n{rows}"


def _type(value: dict[str, Any], known: dict[str, Any]) -> str:
    """What is written there, in words; of a list or a table, what each of it is."""
    if "$ref" in value:
        there = known[value["$ref"].rpartition("/")[2]]
        return _type(there, known) if "enum" in there else "table, see below"
    if "anyOf" in value:
        return " or ".join(_type(each, known) for each in value["anyOf"] if each.get("type") != "null")
    if value.get("type") == "array":
        return f"list, each {_type(value['items'], known)}{_bounds(value)}"
    for name, each in _by_name(value):
        return f"table by {name}; each {_type(each, known)}"
    return _plain(value)


def _by_name(value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of a table whose keys are names: the form of these, and what stands under each."""
    yield from ((_form(pattern), each) for pattern, each in value.get("patternProperties", {}).items())
    if isinstance(each := value.get("additionalProperties"), dict):
        yield "name", each


def _plain(value: dict[str, Any]) -> str:
    if "enum" in value:
        return "one of " + ", ".join(f"`{each}`" for each in value["enum"])
    if "pattern" in value:
        return _form(value["pattern"])
    return _FORMATS.get(value.get("format", ""), _PLAIN[value["type"]]) + _bounds(value)


def _form(pattern: str) -> str:
    return files.FORMS.get(pattern, f"text of the form `{pattern}`").replace("|", r"\|")


def _bounds(value: dict[str, Any]) -> str:
    told = [text.format(value[name]) for name, text in _BOUNDS.items() if name in value]
    return f" ({', '.join(told)})" if told else ""


def _default(value: dict[str, Any]) -> str:
    if "default" not in value:
        return "an empty table"
    default = value["default"]
    if isinstance(default, dict):
        return "all defaults"
    if isinstance(default, list):
        return ", ".join(f"`{each}`" for each in sorted(default)) or "none"
    if default is None:
        return "none"
    return f"`{json.dumps(default)}`" if not isinstance(default, float) else f"`{default:.15g}`"
