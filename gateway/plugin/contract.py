"""A locked interface as plain data, and the model that is built from it when the plugin's own code is elsewhere.

The digest of this data is in every header and fact. It holds everything that decides what may flow: a plugin upgrade
that widens any of it, or turns a code list into free text, changes the digest and stops the daemon at start-up.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model, model_validator

from gateway.errors import Misconfigured
from gateway.plugin.attest import ClaimName
from gateway.plugin.checks import has_unseen_character
from gateway.plugin.item import DataClass, Item, Kind
from gateway.plugin.payload import Payload

NAME: Final = "[a-z][a-z0-9_]{0,63}"
"""The form of a connector's name, and of whatever else the configuration names like one."""


def _shown(text: str) -> str:
    if has_unseen_character(text):
        raise ValueError("must not hold a control character, or another that nobody sees")
    return text


Text = Annotated[str, AfterValidator(_shown)]
"""What people read, and documents hold: nothing in it is unseen."""


class _Closed(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ContractField(_Closed):
    """One allowed path. `a.b` is a member of an object, `a[].b` a member of each element of a list."""

    path: Text
    kind: Literal["code", "text", "integer", "flag", "object", "list"]
    required: bool
    label: Text = ""
    data_class: DataClass | None = None
    max_length: int | None = None
    pattern: Text | None = None
    values: tuple[Text, ...] | None = None
    check: Text | None = None
    minimum: int | None = None
    maximum: int | None = None

    @model_validator(mode="after")
    def _an_item(self) -> Self:
        """A lock is refused as it is read, not where its field is first asked what it admits."""
        if self.kind not in ("object", "list"):
            try:
                self.item()
            except (Misconfigured, TypeError) as wrong:
                raise ValueError(str(wrong)) from None
        return self

    @classmethod
    def of(cls, path: str, item: Item, *, required: bool) -> Self:
        """The locked form of a catalogue item at a path."""
        rules = {name: getattr(item, name) for name in _RULES}
        return cls(path=path, kind=item.kind.value, required=required, **rules)

    @property
    def identifies(self) -> bool:
        """Whether it names a person, as a template's id does not that only keeps an operation's records in order."""
        return self.data_class in {DataClass.IDENTIFIER, DataClass.INDIVIDUAL_NUMBER}

    def item(self) -> Item:
        """The catalogue item that this field was locked from; only for leaves."""
        if self.data_class is None:
            raise TypeError(f"{self.path} has no data class")
        rules = {name: getattr(self, name) for name in _RULES}
        return Item(name=self.path.rpartition(".")[2], kind=Kind(self.kind), **rules)


_RULES = ("label", "data_class", "max_length", "pattern", "values", "check", "minimum", "maximum")


def leaves(fields: Iterable[ContractField]) -> frozenset[str]:
    """The paths that can be items: leaves only, without indices."""
    return frozenset(field.path for field in fields if field.data_class is not None)


class ContractOperation(_Closed):
    """One operation of a locked interface. Its name is a part of addresses, of files and of other names."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
    label: Text
    direction: Literal["sends", "receives"]
    kind: Literal["event", "request"]
    person_key: Text
    version: tuple[Text, ...] = ()
    ahead: bool = False
    attests: tuple[ClaimName, ...] = ()
    most_records: Annotated[int, Field(ge=1)] | None = None
    fields: tuple[ContractField, ...]
    reply: tuple[ContractField, ...] = ()

    @model_validator(mode="after")
    def _paths_once(self) -> Self:
        for fields in (self.fields, self.reply):
            if len({field.path for field in fields}) != len(fields):
                raise ValueError(f"{self.name}: a path stands twice")
        return self

    @property
    def data_classes(self) -> frozenset[DataClass]:
        """Every data class that it can carry, there or back. Not kept: a copy with other fields would keep it, too."""
        return frozenset(each.data_class for each in (*self.fields, *self.reply) if each.data_class is not None)

    @cached_property
    def model(self) -> type[Payload]:
        """Exactly the locked fields of the operation, for the end whose plugin is not here."""
        return model_of(self.name, self.fields)

    @cached_property
    def reply_model(self) -> type[Payload]:
        """The same for its reply."""
        return model_of(self.name, self.reply)


class Contract(_Closed):
    """A connector's whole locked interface."""

    connector: Annotated[str, Field(pattern=f"^{NAME}$")]
    label: Text = ""
    version: Text
    codes: dict[Text, Text] = Field(default_factory=dict)
    never: tuple[DataClass, ...] = ()
    operations: tuple[ContractOperation, ...]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        """Otherwise one of two would be reviewed and the other one used."""
        names = [(each.direction, each.name) for each in self.operations]
        if len(set(names)) != len(names):
            raise ValueError("an operation of one name and direction stands twice")
        return self

    @model_validator(mode="after")
    def _never_carried(self) -> Self:
        if carried := self.data_classes() & {*self.never}:
            raise ValueError(f"it carries {', '.join(sorted(carried))}, and says that it never does")
        return self

    def canonical(self) -> bytes:
        """The one byte form that the digest speaks of: compact UTF-8 JSON with sorted keys and without defaults."""
        plain = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    def digest(self) -> str:
        """SHA-256 of the canonical form, in hex."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def text(self) -> str:
        """What a lock file holds: indented, so that a change of it reviews well."""
        return self.model_dump_json(indent=2, exclude_defaults=True, ensure_ascii=False) + "\n"

    def operation(self, direction: Literal["sends", "receives"], name: str) -> ContractOperation | None:
        """The operation of that name and direction, or None."""
        return next((each for each in self.operations if (each.direction, each.name) == (direction, name)), None)

    def known(self, name: str) -> str | None:
        """That name, if an operation has it. Of any other, a sender's free text, None."""
        return name if any(each.name == name for each in self.operations) else None

    @cached_property
    def paths(self) -> frozenset[str]:
        """Every path of this interface, in either direction."""
        return frozenset(field.path for each in self.operations for field in (*each.fields, *each.reply))

    def data_classes(self) -> frozenset[DataClass]:
        """Every data class that this interface can carry, in either direction."""
        return frozenset(each for operation in self.operations for each in operation.data_classes)


def model_of(name: str, fields: tuple[ContractField, ...]) -> type[Payload]:
    """A payload model with exactly the locked fields, for the end whose plugin is not here."""
    direct = [field for field in fields if "." not in field.path]
    annotations: dict[str, Any] = {}
    for field in direct:
        annotation: Any
        if field.kind in ("object", "list"):
            mark = "[]." if field.kind == "list" else "."
            inner = tuple(
                each.model_copy(update={"path": each.path.removeprefix(field.path + mark)})
                for each in fields
                if each.path.startswith(field.path + mark)
            )
            model = model_of(f"{name}.{field.path}", inner)
            # An empty list would be present without an item, so that the header could not name it.
            many: Any = Annotated[list[model], Field(min_length=1)]  # type: ignore[valid-type]
            annotation = many if field.kind == "list" else model
        else:
            annotation = Annotated[PYTHON[field.kind], field.item()]
        annotations[field.path] = annotation if field.required else (annotation | None, None)
    return create_model(name, __base__=Payload, **annotations)


PYTHON: Final[Mapping[str, type]] = MappingProxyType({"code": str, "text": str, "integer": int, "flag": bool})
"""The Python type of each kind of field."""
