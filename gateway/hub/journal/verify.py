"""Proves that a log is what was written: re-hashes every fact, compares the tree with every signed checkpoint.

Names the first fact that is altered, missing or out of order. Opening a journal after a crash runs the same walk, from
the last checkpoint on. Reads in batches, so that memory stays constant and a running gateway is not held up.
"""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from gateway.hub.journal.facts import FactKind, commitment, fact_body
from gateway.hub.journal.reading import last
from gateway.hub.journal.store import WrongStore, connect_reader, id_bytes, identify, wal_of
from gateway.hub.journal.tree import Frontier, leaf_hash
from gateway.keys import note

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of facts verified and of all."""
_BATCH: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """`facts`, `root` (hex) and `checkpoints` count what was found whole; `problem` says what is not, from `at_seq` on.

    Facts after the last checkpoint (`signed_facts`) agree with themselves only: nobody has signed them yet.
    """

    origin: str
    facts: int
    signed_facts: int
    root: str
    checkpoints: int
    problem: str | None = None
    at_seq: int | None = None


class Altered(Exception):
    """The log is not what was written, first at fact `seq`. The text says what is wrong."""

    def __init__(self, seq: int, problem: str) -> None:
        super().__init__(problem)
        self.seq = seq


class _Fact(NamedTuple):
    """A row as it lies there: any column may hold anything."""

    seq: int
    at: Any
    kind: Any
    message_id: Any
    commitment: Any
    salt: Any
    body: Any
    tag_salt: Any


def verify(
    path: Path,
    *,
    verifier: note.Verifier,
    origin: str | None = None,
    progress: Progress | None = None,
    anchor: tuple[int, str] | None = None,
) -> VerifyReport:
    """Verify the whole log in the file, of a stopped or a running gateway. Writes nothing.

    `anchor` is the size and root (hex) that the log is known to have had, from elsewhere. `origin` is the log that is
    expected; without it the file may be any log that the key signed. A file that cannot be
    read at all is a problem like any other.
    """
    walk: _Walk | None = None
    problem, at_seq, named = None, None, ""
    try:
        with closing(_connect(path)) as connection:
            named = identify(connection)[1]
            if origin is not None and named != origin:
                raise WrongStore("is the log of another origin")
            walk = _Walk(connection, verifier, named, anchor)
            walk.run(progress)
    except Altered as error:
        problem, at_seq = str(error), error.seq
    except WrongStore as error:
        problem = f"{path.name} {error}"
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        at_seq = walk.frontier.size + 1 if walk else None
        problem = f"{path.name} cannot be read{f' beyond fact {at_seq - 1}' if at_seq else ''} ({name})"
    frontier = walk.frontier if walk else Frontier()
    return VerifyReport(
        origin=named,
        facts=frontier.size,
        signed_facts=walk.signed_size if walk else 0,
        root=frontier.root().hex(),
        checkpoints=walk.checkpoints if walk else 0,
        problem=problem,
        at_seq=at_seq,
    )


def anchors(path: Path) -> Mapping[str, tuple[int, str]]:
    """Facts and root (hex) of each tenant's log at its last start or clean stop, by the system's own log."""
    found: dict[str, tuple[int, str]] = {}
    with contextlib.suppress(WrongStore, sqlite3.Error), closing(_connect(path)) as connection:
        for kind in (FactKind.GATEWAY_STARTED, FactKind.GATEWAY_STOPPED):
            told = last(connection, kind) or {}
            for code, size in told.get("logs", {}).items():
                found[code] = max(found.get(code, (0, "")), (size, told["roots"][code]))
    return found


def resume(connection: sqlite3.Connection, *, verifier: note.Verifier, origin: str) -> tuple[Frontier, int]:
    """The tree to work on, verified from the last checkpoint on, and that checkpoint's size. Raises Altered."""
    walk = _Walk(connection, verifier, origin)
    walk.start_at_last_checkpoint()
    walk.run(None)
    return walk.frontier, walk.signed_size


class _Walk:
    """Fact after fact, growing the tree, and at each checkpoint's size a comparison with what it signs."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        verifier: note.Verifier,
        origin: str,
        anchor: tuple[int, str] | None = None,
    ) -> None:
        self._connection = connection
        self._anchor = anchor
        self._verifier = verifier
        self._origin = origin
        self.frontier = Frontier()
        self.signed_size = 0
        self.checkpoints = 0

    def start_at_last_checkpoint(self) -> None:
        """Trust the tree that the last checkpoint signs."""
        row = self._connection.execute(
            "SELECT size, note, frontier FROM checkpoint ORDER BY size DESC LIMIT 1"
        ).fetchone()
        if row is not None:
            self.frontier = self._signed(*row)
            self.signed_size = row[0]
            self.checkpoints = 1

    def run(self, progress: Progress | None) -> None:
        """Walk to the end as it is now; what a running gateway adds meanwhile is for the next time."""
        self._connection.execute("BEGIN")
        total = self._one("SELECT coalesce(max(seq), 0) FROM fact")
        last = self._one("SELECT coalesce(max(size), 0) FROM checkpoint")
        self._connection.execute("COMMIT")
        following = self._next_checkpoint(last)
        for fact in self._facts(total):
            self._check_fact(fact)
            self.frontier.append(leaf_hash(fact.commitment))
            if following is not None and following[0] == self.frontier.size:
                self._check_root(*following)
                following = self._next_checkpoint(last)
            if self._anchor is not None and self._anchor[0] == self.frontier.size:
                self._check_anchor(self._anchor[1])
            if progress and (fact.seq % 1000 == 0 or fact.seq == total):
                progress(fact.seq, total)
        if last > total:
            raise Altered(total + 1, f"facts {total + 1} to {last} are missing: the checkpoint of {last} counts them")
        if self._anchor is not None and self._anchor[0] > total:
            raise Altered(
                total + 1, f"facts {total + 1} to {self._anchor[0]} are missing: an earlier stop counted them"
            )
        self._check_stray(total)

    def _check_anchor(self, root: str) -> None:
        if self.frontier.root().hex() != root:
            size = self.frontier.size
            raise Altered(self.signed_size + 1, f"facts up to {size} are not those of an earlier stop")

    # ---- facts ------------------------------------------------------------------------------------------------------

    def _facts(self, total: int) -> Iterator[_Fact]:
        """Every fact after the frontier, in order and without a gap."""
        expected = self.frontier.size + 1
        while expected <= total:
            rows = self._connection.execute(
                "SELECT seq, at, kind, message_id, commitment, salt, body, tag_salt FROM fact"
                " WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?",
                (expected, total, _BATCH),
            ).fetchall()
            for row in rows:
                fact = _Fact(*row)
                if fact.seq != expected:
                    raise Altered(expected, f"fact {expected} is missing")
                yield fact
                expected += 1
            if not rows:
                raise Altered(expected, f"fact {expected} is missing")

    def _check_fact(self, fact: _Fact) -> None:
        seq = fact.seq
        if not (isinstance(fact.commitment, bytes) and isinstance(fact.salt, bytes) and isinstance(fact.body, bytes)):
            raise Altered(seq, f"fact {seq} lacks its commitment, salt or body")
        if commitment(fact.salt, fact.body) != fact.commitment:
            raise Altered(seq, f"fact {seq} is altered: its salt and body do not give its commitment")
        try:
            body = json.loads(fact.body)
            kind = FactKind(body.pop("kind"))
            named, at = body.pop("seq"), body.pop("at")
            message_id = body.get("message_id")
            canonical = fact_body(named, at, kind, body)
            stored_id = id_bytes(message_id) if message_id is not None else None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Altered(seq, f"fact {seq} is altered: its body is not a fact's") from None
        if named != seq:
            raise Altered(seq, f"fact {seq} is out of order: in its place lies fact {named}")
        if canonical != fact.body:
            raise Altered(seq, f"fact {seq} is altered: its body is not in the one byte form")
        if (fact.at, fact.kind, fact.message_id) != (at, kind.value, stored_id):
            raise Altered(seq, f"fact {seq} is altered: its columns contradict its body")
        self._check_tags(fact, body.get("header"))

    def _check_tags(self, fact: _Fact, header: Any) -> None:
        """The rows beside the fact give the digest that the header, signed by the edge, commits to."""
        seq = fact.seq
        rows = self._connection.execute("SELECT idx, tag FROM tag WHERE seq = ? ORDER BY idx", (seq,)).fetchall()
        if header is None or fact.kind != FactKind.MESSAGE_RECORDED:
            if rows or fact.tag_salt is not None:
                raise Altered(seq, f"fact {seq} has person tags that do not belong to it")
            return
        try:
            expected = [index for index, _, _ in header["records"]]
            whole = expected == [index for index, _ in rows]
            digest = hashlib.sha256(fact.tag_salt + b"".join(tag for _, tag in rows)).hexdigest()
            whole = whole and digest == header["tags_digest"] and all(len(tag) == 16 for _, tag in rows)
        except (ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            raise Altered(seq, f"fact {seq} is altered: its person tags do not give the digest in its header")

    def _check_stray(self, total: int) -> None:
        """Nothing may stand before the first fact, nor tags beside no fact."""
        if self._one("SELECT count(*) FROM checkpoint WHERE size < 1"):
            raise Altered(1, "a checkpoint stands before fact 1")
        if self._one("SELECT count(*) FROM fact WHERE seq < 1"):
            raise Altered(1, "a fact stands before fact 1")
        if self._one("SELECT count(*) FROM tag WHERE seq < 1"):
            raise Altered(1, "person tags stand before fact 1")
        # A running gateway may have gone on; then the rows beyond `total` have their facts.
        beyond = self._one("SELECT count(*) FROM tag WHERE seq > ? AND seq NOT IN (SELECT seq FROM fact)", total)
        if beyond:
            raise Altered(total + 1, f"person tags stand after the last fact, {total}")

    # ---- checkpoints ------------------------------------------------------------------------------------------------

    def _next_checkpoint(self, last: int) -> tuple[Any, Any, Any] | None:
        """The first checkpoint that is not yet reached."""
        row: tuple[Any, Any, Any] | None = self._connection.execute(
            "SELECT size, note, frontier FROM checkpoint WHERE size > ? AND size <= ? ORDER BY size LIMIT 1",
            (self.signed_size, last),
        ).fetchone()
        return row

    def _check_root(self, size: int, signed: Any, frontier: Any) -> None:
        first = self.signed_size + 1
        if self._signed(size, signed, frontier).root() != self.frontier.root():
            raise Altered(
                first,
                f"facts {first} to {size} do not give the root that the checkpoint of {size} signs:"
                " at least one of them was altered together with its commitment",
            )
        self.signed_size = size
        self.checkpoints += 1

    def _signed(self, size: int, signed: Any, packed: Any) -> Frontier:
        """The tree that a checkpoint signs, with its hashes proven by the signed root. Raises Altered."""
        try:
            checkpoint = note.Checkpoint.parse(note.open_note(str(signed), self._verifier))
        except note.NoteError as error:
            raise Altered(size, f"the checkpoint of {size} is altered: {error}") from None
        if checkpoint.origin != self._origin or checkpoint.size != size:
            raise Altered(size, f"the checkpoint of {size} is of another log or size")
        try:
            frontier = Frontier.unpack(size, packed)
        except (ValueError, TypeError):
            raise Altered(size, f"the tree hashes beside the checkpoint of {size} are malformed") from None
        if frontier.root() != checkpoint.root:
            raise Altered(size, f"the tree hashes beside the checkpoint of {size} do not give the root that it signs")
        return frontier

    def _one(self, query: str, *parameters: int) -> int:
        return int(self._connection.execute(query, parameters).fetchone()[0])


def _connect(path: Path) -> sqlite3.Connection:
    """Read-only. Raises WrongStore if there is no such file: SQLite's own word for that helps nobody."""
    if not path.is_file():
        raise WrongStore("does not exist")
    return connect_reader(path, at_rest=not wal_of(path).exists())
