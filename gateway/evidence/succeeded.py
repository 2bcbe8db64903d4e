"""The fact by which a log follows another that was lost: what that had, and what of it lives on here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from gateway.evidence.altered import Altered
from gateway.tlog.note import Checkpoint, NoteError, Verifier, open_note, split

SUCCEEDED: Final = "log.succeeded"


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Fact `seq` follows on the first `taken` facts of the log `former`, whose tree had the `root` (hex) then. `seen`
    is the last checkpoint that is known of that log, and `witnesses` are the names below it.
    """

    seq: int
    former: str
    taken: int
    root: str
    seen: Checkpoint
    witnesses: tuple[str, ...]

    @classmethod
    def read(cls, seq: int, fact: Mapping[str, Any]) -> Self:
        """What the fact says. Raises Altered if the former log's key did not sign what it is said to have had, or if
        facts stand between.
        """
        try:
            verifier = Verifier.parse(fact["former"])
            seen = Checkpoint.parse(open_note(fact["checkpoint"], verifier))
            names = [name for name, _ in split(fact["checkpoint"])[1] if name != verifier.name]
            taken, root = fact["facts"], str(fact["root"])
        except (NoteError, LookupError, TypeError, AttributeError):
            raise Altered(f"fact {seq} does not prove which log it follows", seq) from None
        if seen.origin != verifier.name or taken != seq - 1:
            raise Altered(f"fact {seq} does not say which log it follows, or up to where", seq)
        return cls(seq, verifier.name, taken, root, seen, tuple(names))

    def require(self, root: str) -> None:
        """`root` (hex) is that of the facts before it. Raises Altered."""
        if root != self.root:
            raise Altered(f"facts 1 to {self.taken} are not those that fact {self.seq} says it follows", 1)

    @property
    def lost(self) -> tuple[int, int] | None:
        """The first and last fact of the former log that are known to be lost; None if it only was another one."""
        return (self.taken + 1, self.seen.size) if self.seen.size > self.taken else None

    def sentence(self) -> str:
        """For whoever reads the log."""
        by = f", cosigned by {', '.join(self.witnesses)}" if self.witnesses else ""
        told = f"fact {self.seq} is the first of this log; the {self.taken} before it were taken from {self.former}"
        if self.lost is None:
            return f"{told}, which signed {self.seen.size} others{by}: which of that log are lost is not known"
        first, last = self.lost
        missing = f"facts {first} to {last} of that log are lost, and what followed"
        return f"{told}, which signed {self.seen.size}{by}: {missing}"
