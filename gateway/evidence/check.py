"""Checks what left a log, with nothing but files and public keys: a folder with a whole log, or a proof of one fact."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from gateway.evidence.folder import SALT_BYTES, Content, LogFolder
from gateway.evidence.purged import PURGED, Purged
from gateway.tlog.cosignature import cosigned_at
from gateway.tlog.note import Checkpoint, NoteError, Verifier, open_note
from gateway.tlog.proof_file import ProofFile
from gateway.tlog.submission import Submission
from gateway.tlog.tiles import Tile, tiles
from gateway.tlog.tree import TILE_WIDTH, Frontier, leaf_hash

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of facts checked and of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderReport:
    """`facts` and `root` (hex) are what was found whole, `gone` of them without content, as the log says it purged
    them; of `stale` ones it says so, too, and yet the folder has their content. `cosigned` says by witness when it
    cosigned, in seconds since 1970. `problem` says what is wrong, first at fact `at_seq`.
    """

    origin: str
    facts: int = 0
    gone: int = 0
    stale: int = 0
    root: str = ""
    cosigned: dict[str, int] = field(default_factory=dict)
    problem: str | None = None
    at_seq: int | None = None


class Altered(Exception):
    """The files are not what the checkpoint signs. `seq` is the first fact that is concerned."""

    def __init__(self, problem: str, seq: int | None = None) -> None:
        super().__init__(problem)
        self.seq = seq


def check_folder(
    path: Path,
    verifier: Verifier,
    *,
    witnesses: Sequence[Verifier] = (),
    earlier: str | None = None,
    progress: Progress | None = None,
) -> FolderReport:
    """A whole log against its checkpoint; each of the `witnesses` must have cosigned that.

    `earlier` is a signed checkpoint of the same log that was kept elsewhere: the log must have grown out of it.
    """
    walk = _Walk(LogFolder(path), verifier, earlier)
    problem, at_seq, cosigned = None, None, {}
    try:
        cosigned = walk.run(witnesses, progress)
    except Altered as altered:
        problem, at_seq = str(altered), altered.seq
    except NoteError as error:
        problem = f"the checkpoint is not to be believed: {error}"
    except (OSError, ValueError) as error:
        named = Path(error.filename).name if isinstance(error, OSError) and error.filename else str(error)
        at_seq = walk.frontier.size + 1
        problem = f"the files cannot be read from fact {at_seq} on ({named})"
    return FolderReport(
        origin=verifier.name,
        facts=walk.frontier.size,
        gone=walk.gone.count,
        stale=walk.gone.stale() if problem is None else 0,
        root=walk.frontier.root().hex(),
        cosigned=cosigned,
        problem=problem,
        at_seq=at_seq,
    )


def check_proof(
    text: str, verifier: Verifier, *, witnesses: Sequence[Verifier] = ()
) -> tuple[dict[str, Any], Checkpoint, dict[str, int]]:
    """The fact that the file proves, the checkpoint that counts it, and when each of the witnesses cosigned that.

    Raises NoteError if it proves nothing, or if one of the witnesses did not cosign.
    """
    file = ProofFile.parse(text)
    checkpoint = file.check(leaf_hash(hashlib.sha256(file.extra).digest()), verifier)
    if checkpoint.origin != verifier.name:
        raise NoteError("the checkpoint is of another log")
    try:
        fact = json.loads(file.extra[SALT_BYTES:])
        seq = _seq(fact)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NoteError("what is proven is no fact of a log like ours") from None
    if seq != file.index + 1:
        raise NoteError(f"what is proven is fact {seq}, in the place of fact {file.index + 1}")
    return fact, checkpoint, _cosigned(file.checkpoint, witnesses)


def check_growth(
    text: str, earlier: str, verifier: Verifier, *, witnesses: Sequence[Verifier] = ()
) -> tuple[Checkpoint, dict[str, int]]:
    """The checkpoint that the file proves to have grown out of the `earlier` one, and when each of the witnesses
    cosigned it. Raises NoteError if it proves nothing.
    """
    file = Submission.parse(text)
    kept = Checkpoint.parse(open_note(earlier, verifier))
    now = Checkpoint.parse(open_note(file.checkpoint, verifier))
    if not kept.origin == now.origin == verifier.name or not file.grew(kept, now):
        raise NoteError("the log did not grow out of that checkpoint, by this proof")
    return now, _cosigned(file.checkpoint, witnesses)


class _Walk:
    """Bundle after bundle, growing the tree, and each hash in the tiles held against it."""

    def __init__(self, folder: LogFolder, verifier: Verifier, earlier: str | None) -> None:
        self._folder = folder
        self._verifier = verifier
        self._earlier = Checkpoint.parse(open_note(earlier, verifier)) if earlier is not None else None
        self._rows: dict[int, list[bytes]] = defaultdict(list)
        self.frontier = Frontier()
        self.gone = _Gone()

    def run(self, witnesses: Sequence[Verifier], progress: Progress | None) -> dict[str, int]:
        """Returns when each of the witnesses cosigned. Raises Altered, NoteError, OSError or ValueError."""
        note = self._folder.checkpoint()
        if note is None:
            raise Altered("there is no checkpoint in the folder")
        signed = Checkpoint.parse(open_note(note, self._verifier))
        if signed.origin != self._verifier.name:
            raise Altered("the checkpoint is of another log")
        self._require_grown(signed)
        for tile in tiles(signed.size):
            if tile.level == 0:
                self._facts(tile)
                if progress:
                    progress(self.frontier.size, signed.size)
            else:
                self._tile(tile)
        if self.frontier.root() != signed.root:
            raise Altered(f"the facts 1 to {signed.size} do not give the root that the checkpoint signs", 1)
        self.gone.check()
        try:
            return _cosigned(note, witnesses)
        except NoteError as error:
            told = f"the {signed.size} facts are those that the checkpoint signs, but it is not cosigned, or not yet"
            raise Altered(f"{told}: {error}") from None

    def _facts(self, tile: Tile) -> None:
        first = tile.number * TILE_WIDTH + 1
        rows = zip(self._folder.commitments(tile), self._folder.hashes(tile), self._folder.contents(tile), strict=True)
        for seq, (commitment, hashed, content) in enumerate(rows, start=first):
            leaf = leaf_hash(commitment)
            if leaf != hashed:
                raise Altered(f"fact {seq} is altered: its commitment does not give its tree hash", seq)
            self.gone.see(seq, _check(seq, commitment, content))
            for level, root in enumerate(self.frontier.append(leaf), start=1):
                self._rows[level].append(root)
            self._check_earlier()

    def _tile(self, tile: Tile) -> None:
        start = tile.number * TILE_WIDTH
        expected = self._rows[tile.level][start : start + tile.width]
        for index, (hashed, root) in enumerate(zip(self._folder.hashes(tile), expected, strict=True), start=start):
            if hashed != root:
                width = TILE_WIDTH**tile.level
                raise Altered(
                    f"the tree hash of facts {index * width + 1} to {(index + 1) * width} is altered", index * width + 1
                )

    def _require_grown(self, signed: Checkpoint) -> None:
        earlier = self._earlier
        if earlier is None:
            return
        if earlier.origin != signed.origin:
            raise Altered("the earlier checkpoint is of another log")
        if earlier.size > signed.size:
            raise Altered(
                f"facts {signed.size + 1} to {earlier.size} are missing: an earlier checkpoint counts them",
                signed.size + 1,
            )

    def _check_earlier(self) -> None:
        earlier = self._earlier
        if earlier is not None and self.frontier.size == earlier.size and self.frontier.root() != earlier.root:
            raise Altered(f"the facts 1 to {earlier.size} are not those that an earlier checkpoint signs", 1)


class _Gone:
    """The facts without content: each must be one that a fact of the log says was purged, and old by those before."""

    def __init__(self) -> None:
        self._purged = Purged()
        self._runs: list[tuple[int, int]] = []
        self._days: dict[str, int] = {}
        self.count = 0

    def see(self, seq: int, fact: Mapping[str, Any] | None) -> None:
        """The next fact; None if its content is gone. Raises Altered."""
        try:
            if fact is None:
                self.count += 1
                first = self._runs.pop()[0] if self._runs and self._runs[-1][1] == seq - 1 else seq
                self._runs.append((first, seq))
            else:
                self._days.setdefault(fact["at"][:10], seq)
                if fact["kind"] == PURGED:
                    self._purged.add(fact)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise Altered(f"fact {seq} is not a fact, or says what cannot be of facts that were purged", seq) from None

    def check(self) -> None:
        """At the end. Raises Altered."""
        for first, last in self._runs:
            after = first
            while after <= last:
                span = self._purged.span(after)
                if span is None:
                    raise Altered(f"fact {after} is without content, and no fact says that it was purged", after)
                if any(seq < first and span.before[:10] < day <= span.at[:10] for day, seq in self._days.items()):
                    raise Altered(f"facts {first} to {last} were purged too early, by those before them", first)
                after = span.last + 1

    def stale(self) -> int:
        """How many facts have content that the log has purged."""
        return sum(span.last - span.first + 1 for span in self._purged.spans()) - self.count


def _check(seq: int, commitment: bytes, content: Content | None) -> Mapping[str, Any] | None:
    """The fact. Raises Altered."""
    if content is None:
        return None
    if hashlib.sha256(content.salt + content.body).digest() != commitment:
        raise Altered(f"fact {seq} is altered: its salt and body do not give its commitment", seq)
    try:
        fact: Mapping[str, Any] = json.loads(content.body)
        named = _seq(fact)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Altered(f"fact {seq} is not a fact", seq) from None
    if named != seq:
        raise Altered(f"fact {seq} is out of order: in its place lies fact {named}", seq)
    return fact


def _seq(fact: Any) -> int:
    """Raises KeyError or TypeError if it names no number: what nobody signed is shown to nobody."""
    seq = fact["seq"]
    if type(seq) is not int:
        raise TypeError
    return seq


def _cosigned(note: str, witnesses: Sequence[Verifier]) -> dict[str, int]:
    """Raises NoteError unless each of them cosigned it."""
    times = {}
    for witness in witnesses:
        at = cosigned_at(note, witness)
        if at is None:
            raise NoteError(f"{witness.name} did not cosign it")
        times[witness.name] = at
    return times
