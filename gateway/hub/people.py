"""Who may act in a tenant, and as what: individual accounts, each known by a personal certificate, with a last day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

if TYPE_CHECKING:  # `gateway check` opens no journal
    import sqlite3


class Role(StrEnum):
    """What a person may do in one tenant; a closed list."""

    OPERATOR = "operator"
    OFFICER = "officer"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


CONFIRMING: Final = frozenset({Role.OFFICER, Role.APPROVER})
"""Who confirms what others have made: neither who grants these roles nor who runs the machine."""
APART: Final = CONFIRMING | {Role.AUDITOR}
"""Who has these is configured as nothing: he looks at what operators and administrators do, or has the last word."""


@dataclass(frozen=True, slots=True)
class Person:
    """`id` is a staff id, `certificate` SHA-256 over the personal certificate, in hex."""

    id: str
    certificate: str
    roles: frozenset[Role]


def same_person(one: str, other: str) -> bool:
    """Whether two staff ids are one person's: nobody is two people by writing their own in capitals."""
    return one.casefold() == other.casefold()


Confirmers: TypeAlias = "Callable[[sqlite3.Connection], Mapping[str, Person]]"
"""Who may confirm, by staff id: asked inside a write, as all that stands before it in the log says."""


class People(Protocol):
    """The people of one tenant."""

    def person(self, certificate: str, now: datetime) -> Person | None:
        """Whose certificate it is, with the roles that count now; None if it is nobody's."""
        ...

    def came_back(self, certificate: str) -> Person | None:
        """Who comes with a certificate that gives no right any more, without a role, if it is to be recorded."""
        ...

    def confirmers(self, now: datetime) -> Confirmers:
        """For a write to ask who may confirm now."""
        ...


@dataclass(frozen=True, slots=True)
class Configured:
    """The accounts of the reviewed configuration, certificates by name: operators of every tenant and of the process,
    and the administrators (ユーザID管理者) of this tenant. No name and no certificate stands in both. `others` are the
    certificates of listeners, processes, systems and authorities: no person's; `missing` says which of them cannot be
    known, for their files are not here.
    """

    operators: Mapping[str, str] = field(default_factory=dict)
    administrators: Mapping[str, str] = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()

    @property
    def certificates(self) -> Mapping[str, str]:
        """All of them."""
        return {**self.operators, **self.administrators}
