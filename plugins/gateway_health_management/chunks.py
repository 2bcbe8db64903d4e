"""Cuts the rows of a file into the batches that are sent: pure, and the same for the same rows.

One rule: batches sent in the order given here never let one row of a person overtake an earlier one of that person.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gateway.plugin import JsonValue, Unreadable
from gateway_health_management.interface.subject import DELETE, REGISTER
from gateway_health_management.rows import Row


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one operation that travel as one message; `numbers` says which row each record is."""

    operation: str
    numbers: tuple[int, ...]
    records: tuple[dict[str, JsonValue] | Unreadable, ...] = field(repr=False)

    def key(self, sha256: bytes, reading: str) -> bytes:
        """The same for the same place of the same bytes under the same reading: no file name, no clock."""
        return f"{sha256.hex()}:{reading}:{self.operation}:{self.numbers[0]}:{len(self.numbers)}".encode()


def batches(rows: Iterable[Row], size: int) -> Iterator[Batch]:
    """Batches of at most `size` rows, in the order in which to send them.

    Rows are collected up to `size`; the collected registrations are one batch and go first, the deletions another.
    They are cut early before a registration that would so go ahead of an earlier deletion of its person.
    """
    collected: list[Row] = []
    deleted: set[str | None] = set()
    for row in rows:
        if len(collected) == size or (row.operation == REGISTER and row.person in deleted):
            yield from _parted(collected)
            collected, deleted = [], set()
        collected.append(row)
        if row.operation == DELETE and row.person is not None:
            deleted.add(row.person)
    yield from _parted(collected)


def _parted(collected: list[Row]) -> Iterator[Batch]:
    """Rows of one operation each, deletions last."""
    for operation in sorted({row.operation for row in collected}, key=lambda each: (each == DELETE, each)):
        if rows := [row for row in collected if row.operation == operation]:
            yield Batch(operation, tuple(row.number for row in rows), tuple(row.record for row in rows))
