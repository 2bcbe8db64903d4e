"""Holds replicas (副本) against originals (原本), record by record, and says where they differ (F22, C195).

The rule: an original is held against its replica in the cells that the export would write for it, so that a difference
is one of what is said and never of how it is written. Of each record only digests are kept.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from gateway_health_management.returned import EXPORT
from gateway_health_management.settings import Settings

_VERSION: Final = ("updated_at", "update_seq")
_CONTENT: Final = tuple(name for name in EXPORT.columns.values() if name not in _VERSION)


class Difference(StrEnum):
    """How a record differs. A replica of another version is not held against the original's content."""

    NO_REPLICA = "副本なし"
    NO_ORIGINAL = "原本なし"
    CONTENT = "内容が異なる"
    VERSION = "版が異なる"


@dataclass(frozen=True, slots=True)
class State:
    """One record as one side has it. Without a version it is there more than once, and like no other."""

    internal_no: str = field(repr=False)
    version: bytes | None
    content: bytes

    def differs(self, original: "State") -> Difference | None:
        """How this replica differs from its original."""
        if self.version is not None and self.version != original.version:
            return Difference.VERSION
        return None if self.content == original.content else Difference.CONTENT


class ListedTwice(Exception):
    """The list of originals names a record in a second row, whose number from 1 this is."""

    def __init__(self, row: int) -> None:
        super().__init__(f"row {row}")
        self.row = row


def state_of(cells: Mapping[str, str], settings: Settings) -> State:
    """Of the cells of an export's row, by field. Raises ValueError for a time that is none."""
    at = cells["updated_at"]
    if settings.datetimes == "RFC3339":  # one instant can be written with many offsets
        at = datetime.fromisoformat(at).astimezone(UTC).isoformat()
    content = [cells[name] for name in _CONTENT]
    return State(cells["internal_no"], _digest([at, cells["update_seq"]]), _digest(content))


def _digest(cells: list[str]) -> bytes:
    return hashlib.blake2b(repr(cells).encode(), digest_size=16).digest()


class Replicas:
    """The exported replicas that count: of each person, those of the newest export that names the person."""

    def __init__(self) -> None:
        self._states: dict[str, State | None] = {}
        self._persons: set[str] = set()

    @property
    def counts(self) -> dict[str, int]:
        """How many persons the exports name, and how many records they have."""
        return {"persons exported": len(self._persons), "replicas": len(self._states)}

    def add_older(self, export: Iterable[tuple[str, str, State | None]]) -> None:
        """One export: 内部番号, レコード識別番号 and state of each row; of a person without a replica the first alone.

        Newer ones go first: who is in one of them is passed over here.
        """
        named: set[str] = set()
        for internal_no, record_no, state in export:
            if internal_no in self._persons:
                continue
            named.add(internal_no)
            if state is not None:
                twice = State(internal_no, None, b"")
                self._states[record_no] = twice if record_no in self._states else state
        self._persons |= named

    def held_against(self, originals: Iterable[tuple[str, State]]) -> Iterator[tuple[str, str, Difference]]:
        """レコード識別番号, 内部番号 and how they differ: in the originals' order, and then what has no original.

        Once only, for it uses the replicas up. Raises ListedTwice.
        """
        for row, (record_no, original) in enumerate(originals, start=1):
            replica = self._states.get(record_no)
            if replica is None and record_no in self._states:
                raise ListedTwice(row)
            self._states[record_no] = None
            difference = Difference.NO_REPLICA if replica is None else replica.differs(original)
            if difference is not None:
                yield record_no, original.internal_no, difference
        left = {record_no: state.internal_no for record_no, state in self._states.items() if state is not None}
        for record_no, internal_no in sorted(left.items()):
            yield record_no, internal_no, Difference.NO_ORIGINAL
