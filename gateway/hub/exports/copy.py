"""A fact as copies of the log have it: as an operator may read it, whatever form it is written in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.hub import telling
from gateway.hub.journal import FactKind, Followed
from gateway.messages import encode

_NOBODY: Final = frozenset({"SIGHUP"})
"""What stands where a person's name does, and is none."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Of the log `log`, a tenant's or the system's. `body` are the bytes of `fact`; `salt` is there if they are those
    that the log commits to, so that they can be held against `commitment`. `header` is that of its message.
    """

    log: str
    kind: FactKind
    commitment: bytes
    salt: bytes | None
    body: bytes
    fact: Mapping[str, Any]
    header: Mapping[str, Any]

    @property
    def hidden(self) -> bool:
        """Whether nothing is told but that there is such a fact (番号法第23条第2項)."""
        return "undisclosed" in self.fact

    def said(self, name: str) -> str | None:
        """A word of the fact, of what an edge stated in it, or of its message; None if none of them has it."""
        statement = self.fact.get("statement") or {}
        return self.fact.get(name) or statement.get(name) or self.header.get(name)

    @property
    def source(self) -> str | None:
        """The connector from which it came."""
        return self.header.get("source") or self.said("connector")

    @property
    def person(self) -> str | None:
        """Who acted, or answers for what acted by itself: a staff id, or an operator's name."""
        names = map(self.said, ("by", "operator", "person", "actor", "responsible"))
        return next((each for each in names if each is not None and each not in _NOBODY), None)

    @property
    def about(self) -> str | None:
        """The person whom another's act was about."""
        person: str | None = self.fact.get("person")
        return person if person != self.person else None


def copy_of(log: str, followed: Followed) -> Copy:
    """The copy of a fact."""
    told = telling.copied(followed.fact, hidden=followed.undisclosed)
    untouched = told == followed.fact
    header = told.get("header") or ({} if followed.undisclosed else followed.header)
    return Copy(
        log,
        followed.kind,
        followed.commitment,
        followed.salt if untouched else None,
        followed.body if untouched else encode(told),
        told,
        header,
    )
