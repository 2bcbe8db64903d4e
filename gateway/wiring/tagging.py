"""Under which tags the log knows a person: made where the connector's keys lie, from a record's person fields.

The hub hears of a search for a person only these: neither who it is, nor what another connector's records say of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import jiter
from pydantic import ValidationError

from gateway.config import Config
from gateway.errors import Misconfigured
from gateway.plugin.contract import ContractField, model_of
from gateway.wiring.opening import open_directory, open_keys


def person_tags(config: Config, tenant: str, connector: str, said: bytes, months: Sequence[str]) -> dict[str, Any]:
    """The tags (hex) of a person in each of these months. `said` is one JSON object with one or more of the fields by
    which the operations of this connector name a person. Raises Misconfigured, never with a value.
    """
    fields = person_fields(config, tenant, connector)
    persons = sorted({person for _, person in named_persons(said, fields)})
    keys = open_keys(config, tenant, connector, open_directory(config, tenant))
    made = {month: [keys.tag(each, month).hex() for each in persons] for month in months}
    return {"connector": connector, "tags": made}


def other_names(config: Config, tenant: str, connector: str, said: bytes) -> dict[str, str]:
    """The fields, with their labels, by which other records of this connector name their person and `said` does not:
    the same person may be known by them, too, and tags of one say nothing of the other. Raises Misconfigured.
    """
    fields = person_fields(config, tenant, connector)
    named = {name for name, _ in named_persons(said, fields)}
    return {name: some[0].label for name, some in sorted(fields.items()) if name not in named}


def months_between(first: date, last: date) -> list[str]:
    """Every month from that of the first day to that of the last, as tags are made in them."""
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in numbers]


def person_fields(config: Config, tenant: str, connector: str) -> dict[str, list[ContractField]]:
    """By name: what a record that this connector's edge seals names its person by, as the receiving operation has it;
    of an answer that is the operation that was asked (`seal`). What names no person is none. Raises Misconfigured.
    """
    if connector not in config.tenants[tenant].file.connectors:
        raise Misconfigured((f"{connector}: config/tenants/{tenant}.toml enables no such connector",))
    found: dict[str, list[ContractField]] = {}
    for route in config.tenants[tenant].file.routes:
        there = config.contracts[route.destination].operation("receives", route.destination_operation)
        if there is not None and (route.source == connector or (route.destination == connector and there.reply)):
            for each in there.fields:
                if each.path == there.person_key and each.identifies:
                    found.setdefault(each.path, []).append(each)
    return found


def named_persons(said: bytes, fields: Mapping[str, Sequence[ContractField]]) -> Iterator[tuple[str, str]]:
    """Field and person key, as text, of each that one JSON object names, of a form that the locked interface gives it.
    Raises Misconfigured, never with a value.
    """
    try:
        named = jiter.from_json(said, catch_duplicate_keys=True)
    except ValueError:
        named = None
    if not isinstance(named, dict) or not named or not named.keys() <= fields.keys():
        told = ", ".join(
            f"{name} ({some[0].label})" if some[0].label else name for name, some in sorted(fields.items())
        )
        if not told:
            raise Misconfigured(("no record here names a person: ask the connectors at the other ends of its routes",))
        raise Misconfigured((f"the file is to be one JSON object with one or more of these fields: {told}",))
    for name, value in named.items():
        if not any(_sound(field, value) for field in fields[name]):
            raise Misconfigured((f"{name}: is not of the form that the interface gives this field",))
        yield name, str(value)


def _sound(field: ContractField, value: Any) -> bool:
    try:
        model_of("person", (field.model_copy(update={"required": True}),)).model_validate({field.path: value})
    except ValidationError:
        return False
    return True
