"""Which operation the rows of a file are for, and which field each of its columns is: a form per operation.

One rule: the file's name chooses the form, by a prefix that the settings fix. Nothing within a file chooses it; a
file under a wrong name is refused whole for its columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from pydantic.fields import FieldInfo

from gateway.plugin import Payload, fields
from gateway_health_management.interface.addressee import Addressee
from gateway_health_management.interface.announcement import Announcement
from gateway_health_management.interface.inquiry import Inquiry
from gateway_health_management.interface.registered import RegisteredManagement, RegisteredNotice, RegisteredRecord
from gateway_health_management.interface.replica import Replica, ReplicaDeletion
from gateway_health_management.interface.subject import REGISTER, SubjectRegister

Prefixed: TypeAlias = Literal[
    "management.register",
    "record.register",
    "notice.register",
    "addressee.register",
    "replica.register",
    "replica.delete",
    "inquiry.request",
    "announcement.send",
]
"""Operations whose files have a prefix. A template is more than one row, so it comes as JSON only."""

PAYLOADS: Final[Mapping[str, type[Payload]]] = {
    REGISTER: SubjectRegister,
    "management.register": RegisteredManagement,
    "record.register": RegisteredRecord,
    "notice.register": RegisteredNotice,
    "addressee.register": Addressee,
    "replica.register": Replica,
    "replica.delete": ReplicaDeletion,
    "inquiry.request": Inquiry,
    "announcement.send": Announcement,
}


@dataclass(frozen=True, slots=True)
class Form:
    """`columns` maps each header that a file may have to the field of the operation's payload."""

    operation: str
    columns: Mapping[str, str]

    @property
    def required(self) -> tuple[str, ...]:
        """The fields without which no file is taken."""
        return tuple(name for name, info in PAYLOADS[self.operation].model_fields.items() if info.is_required())

    def misfits(self) -> list[str]:
        """Each field that the interface lacks, has twice, or requires in vain, as a sentence."""
        mapped = list(self.columns.values())
        said = []
        if unknown := set(mapped) - PAYLOADS[self.operation].model_fields.keys():
            said.append(f"columns: the interface has no field {', '.join(sorted(unknown))}")
        if len(set(mapped)) != len(mapped):
            said.append("columns: a field has more than one column")
        if missing := [name for name in self.required if name not in mapped]:
            said.append(f"columns: no column for {', '.join(missing)}")
        return said


def by_label(payload: type[Payload]) -> dict[str, str]:
    """The headers that a file has unless the settings say others: the catalogue's labels, in the interface's order.

    A list of others has none: what is in it are rows.
    """
    labels = {name: _label(info) for name, info in payload.model_fields.items()}
    return {label: name for name, label in labels.items() if label is not None}


def _label(info: FieldInfo) -> str | None:
    """Of an optional field the item stands within the union."""
    inner = [each for kind in get_args(info.annotation) for each in getattr(kind, "__metadata__", ())]
    return next((each.label for each in (*info.metadata, *inner) if isinstance(each, fields.Item)), None)
