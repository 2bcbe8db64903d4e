"""Which facts a row was made of, in a bounded space."""

from collections.abc import Iterable
from typing import Final

_MOST: Final = 16


class Spans:
    """Seqs, added in ascending order, as ranges: `3-5,9`. Behind the first 16 ranges it says only among which facts
    the others are: `3-5,9,...,40~7000`.
    """

    __slots__ = ("_ranges", "_rest")

    def __init__(self, seqs: Iterable[int] = ()) -> None:
        self._ranges: list[tuple[int, int]] = []
        self._rest: tuple[int, int] | None = None
        for seq in sorted(set(seqs)):
            self.add(seq)

    def add(self, seq: int) -> None:
        """One more; the last may come again."""
        if self._rest is not None:
            self._rest = (self._rest[0], max(seq, self._rest[1]))
        elif self._ranges and seq <= self._ranges[-1][1] + 1:
            self._ranges[-1] = (self._ranges[-1][0], max(seq, self._ranges[-1][1]))
        elif len(self._ranges) < _MOST:
            self._ranges.append((seq, seq))
        else:
            self._rest = (seq, seq)

    def __str__(self) -> str:
        told = [f"{first}-{last}" if last > first else f"{first}" for first, last in self._ranges]
        return ",".join(told + ([f"{self._rest[0]}~{self._rest[1]}"] if self._rest is not None else []))
