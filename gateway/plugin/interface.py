"""What a connector says it speaks: operations, their payloads, who the person is and which state is newer.

An `Interface` is a declaration in code. `describe` turns it into a `Contract`, the plain data that is reviewed,
committed as `config/interfaces/<connector>.json`, and must equal the declaration whenever the gateway starts.
"""

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from gateway.errors import Misconfigured
from gateway.plugin.attest import ClaimName
from gateway.plugin.contract import PYTHON, Contract, ContractField, ContractOperation
from gateway.plugin.item import DataClass, Item
from gateway.plugin.payload import Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One named exchange, seen from the connector: it `sends` it into the line or `receives` it from there.

    A `reply` makes it a request. `person_key` is the top-level attribute that names the person (I15 for a municipal
    system): it orders a person's records. `version` names attributes that, compared in their order, say which of two
    states of one person is newer. What is `ahead` waits for nothing else about its person: it has what must hold even
    while that cannot be told, as a protection flag. `attests` are the claims without which no route may carry it.
    `most_records` is how many records of it one message may hold, if fewer than the limits allow: both edges and the
    hub refuse more.
    """

    name: str
    label: str
    direction: Literal["sends", "receives"]
    payload: type[Payload]
    person_key: str
    version: tuple[str, ...] = ()
    ahead: bool = False
    attests: tuple[ClaimName, ...] = ()
    most_records: int | None = None
    reply: type[Payload] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A connector's fixed set of operations. `label` is what an office and a resident call its system. `codes`
    are its own system's, for what it refuses or defers, each with its meaning.

    `never` are data classes that it carries on no account, whatever its zone may (rules 2 and 8).
    """

    connector: str
    version: str
    operations: tuple[Operation, ...]
    codes: Mapping[str, str] = field(default_factory=dict)
    never: frozenset[DataClass] = frozenset()
    label: str = ""


def describe(interface: Interface) -> Contract:
    """The whole declaration as data, in a fixed order.

    Raises Misconfigured, naming class and attribute, where it cannot be locked: no message is anywhere near yet.
    """
    operations = tuple(_operation(each) for each in interface.operations)
    return _locked(
        "its interface",
        Contract,
        connector=interface.connector,
        label=interface.label,
        version=interface.version,
        codes=dict(sorted(interface.codes.items())),
        never=tuple(sorted(interface.never)),
        operations=tuple(sorted(operations, key=lambda each: (each.direction, each.name))),
    )


def _operation(operation: Operation) -> ContractOperation:
    where = f"operation {operation.name}"
    fields = tuple(_fields(operation.payload))
    keys = {each.path for each in fields if each.required and each.kind == "code" and "." not in each.path}
    if operation.person_key not in keys:
        wrong = f"person_key {operation.person_key} is not a required code of {operation.payload.__name__}"
        raise Misconfigured((f"{where}: its {wrong}",))
    if absent := set(operation.version) - operation.payload.model_fields.keys():
        wrong = f"version names {', '.join(sorted(absent))}, which {operation.payload.__name__} does not have"
        raise Misconfigured((f"{where}: its {wrong}",))
    if operation.ahead and not operation.version:
        raise Misconfigured((f"{where}: it is ahead without a version, by which an older one would be known",))
    return _locked(
        where,
        ContractOperation,
        name=operation.name,
        label=operation.label,
        direction=operation.direction,
        kind="request" if operation.reply else "event",
        person_key=operation.person_key,
        version=operation.version,
        ahead=operation.ahead,
        attests=operation.attests,
        most_records=operation.most_records,
        fields=fields,
        reply=tuple(_fields(operation.reply)) if operation.reply else (),
    )


_Model = typing.TypeVar("_Model", bound=BaseModel)


def _locked(where: str, model: Callable[..., _Model], **declared: Any) -> _Model:
    """The model of what is declared. Raises Misconfigured with each attribute that does not fit."""
    try:
        return model(**declared)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        told = ((where, ".".join(map(str, each["loc"])), each["msg"]) for each in found)
        raise Misconfigured(": ".join(filter(None, each)) for each in told) from None


def _fields(model: object, prefix: str = "") -> Iterator[ContractField]:
    if not (isinstance(model, type) and issubclass(model, Payload)):
        raise Misconfigured((f"{getattr(model, '__name__', 'a payload')} is not a class derived from Payload",))
    _as_payload_is(model)
    for name, info in model.model_fields.items():
        path = prefix + name
        required = info.is_required()
        aliased = info.alias or info.validation_alias or info.serialization_alias
        if aliased or (not required and info.default is not None):
            raise Misconfigured((f"{model.__name__}.{name} has a default or an alias",))
        inner, metadata = _plain(info.annotation, info.metadata)
        nested, many = _nested(inner)
        if nested is not None and not metadata:
            yield ContractField(path=path, kind="list" if many else "object", required=required)
            yield from _fields(nested, f"{path}[]." if many else f"{path}.")
            continue
        item = metadata[0] if len(metadata) == 1 and isinstance(metadata[0], Item) else None
        if item is None or item.name != name or inner is not PYTHON[item.kind]:
            raise Misconfigured((f"{model.__name__}.{name} is not typed with the catalogue item of that name alone",))
        yield _locked(f"{model.__name__}.{name}", ContractField.of, path=path, item=item, required=required)


def _as_payload_is(model: type[Payload]) -> None:
    """What the lock cannot show must not be there: another closedness, code that looks at values, another repr."""
    decorated = model.__pydantic_decorators__
    code = any(getattr(decorated, kind) for kind in decorated.__dataclass_fields__)
    shown = (model.__repr__, model.__str__) == (Payload.__repr__, Payload.__str__)
    if code or not shown or {**model.model_config} != {**Payload.model_config}:
        raise Misconfigured((f"{model.__name__} changes what Payload fixes: its configuration, validators or repr",))


def _plain(annotation: object, metadata: list[object]) -> tuple[object, list[object]]:
    """The bare type and its metadata, `| None` set aside."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kept = [each for each in typing.get_args(annotation) if each is not type(None)]
        annotation = kept[0] if len(kept) == 1 else annotation
    if typing.get_origin(annotation) is typing.Annotated:
        bare, *more = typing.get_args(annotation)
        return bare, [*metadata, *more]
    return annotation, list(metadata)


def _nested(annotation: object) -> tuple[type[Payload] | None, bool]:
    many = typing.get_origin(annotation) is list
    candidate = typing.get_args(annotation)[0] if many else annotation
    if isinstance(candidate, type) and issubclass(candidate, Payload):
        return candidate, many
    return None, False
