"""Who may act in a tenant, and as what: individual accounts, each known by a personal certificate, with a last day."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """What a person may do in one tenant; a closed list."""

    OPERATOR = "operator"
    OFFICER = "officer"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Person:
    """`id` is a staff id, `certificate` SHA-256 over the personal certificate, in hex."""

    id: str
    certificate: str
    roles: frozenset[Role]


class People(Protocol):
    """The people of one tenant."""

    def person(self, certificate: str, now: datetime) -> Person | None:
        """Whose certificate it is, with the roles that count now; None if it is nobody's."""
        ...
