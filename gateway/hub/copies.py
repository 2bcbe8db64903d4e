"""The copies of logs that this gateway made, by the facts of the system's log: each was listed before it was made, and
stays until somebody says, with a name, that it was destroyed (C123, C135).
"""

import secrets
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from gateway.errors import Deferred, Refused
from gateway.hub.journal import FactKind
from gateway.hub.journal.facts import COPY_FACTS, Altered
from gateway.hub.journal.reading import told
from gateway.hub.journal.store import SYSTEM_DB, connect_reader

Form: TypeAlias = Literal["backup", "tiles", "jsonl", "fhir"]
"""What it is a copy of: a backup has all that logs hold, the others facts alone."""
BACKUP: Final = "backup"


@dataclass(slots=True)
class ListedCopy:
    """`made` is the fact that listed it, `destroyed` that which says that it is no more, if there is one."""

    made: Mapping[str, Any]
    destroyed: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """By which people name it."""
        return str(self.made["copy"])

    def told(self) -> dict[str, Any]:
        """As plain JSON, for people; without `operator` it was made while no gateway ran."""
        ended = self.destroyed or {}
        return {
            "copy": self.id,
            "form": self.made["form"],
            "at": self.made["at"],
            "operator": self.made.get("operator"),
            "logs": self.made["logs"],
            "destroyed": ended.get("at"),
            "by": ended.get("operator"),
            "case": ended.get("case"),
        }


def copied(form: str, sizes: Mapping[str, int], now: datetime) -> dict[str, Any]:
    """The fields of a new copy's fact: an id of its own, and how many facts each log has by now."""
    return {"copy": f"{now:%Y%m%d}-{secrets.token_hex(4)}", "form": form, "logs": dict(sizes)}


def listed(facts: Iterable[tuple[int, FactKind, Mapping[str, Any]]]) -> list[ListedCopy]:
    """Every copy, by when it was listed, from what the system's log has of `COPY_FACTS`."""
    found: dict[str, ListedCopy] = {}
    for _, kind, fact in facts:
        if kind is FactKind.LOGS_COPIED:
            found[fact["copy"]] = ListedCopy(fact)
        elif fact["copy"] in found:
            found[fact["copy"]].destroyed = fact
    return list(found.values())


def acts_on(log: Path, name: str) -> list[dict[str, Any]]:
    """What the system's log, which lies beside that log, says of copies of this one: each that was made or declared
    destroyed, in the order of the facts, whose seq in the system's log is `fact`. Without `operator` no gateway ran.

    Raises Deferred("log_unavailable").
    """
    if not (system := log.with_name(SYSTEM_DB)).exists():
        return []  # a log that stands alone
    try:
        with closing(connect_reader(system)) as connection:
            found = listed(told(connection, COPY_FACTS, 0))
    except (sqlite3.Error, Altered):
        raise Deferred("log_unavailable") from None
    of_it = [each for each in found if name in each.made["logs"]]
    acts = [_act(each, fact) for each in of_it for fact in (each.made, each.destroyed) if fact is not None]
    return sorted(acts, key=lambda act: int(act["fact"]))


def _act(copy: ListedCopy, fact: Mapping[str, Any]) -> dict[str, Any]:
    said = {"kind": fact["kind"], "operator": fact.get("operator"), "case": fact.get("case")}
    return {"fact": fact["seq"], "at": fact["at"], **said, "copy": copy.id, "form": copy.made["form"]}


def require_listed(connection: sqlite3.Connection, copy: str) -> None:
    """For a write to ask: that this copy is listed still. Raises Refused("unknown_copy")."""
    if not any(each.id == copy and each.destroyed is None for each in listed(told(connection, COPY_FACTS, 0))):
        raise Refused("unknown_copy")
