"""Checks a folder with a whole log, with nothing but its files and public keys.

Its checkpoint says what the log is; the newest that each witness cosigned, which may count fewer facts, says up to
where somebody else vouches for it.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from gateway.evidence.altered import Altered
from gateway.evidence.fact import read_fact
from gateway.evidence.folder import LogFolder
from gateway.evidence.gone import Gone
from gateway.evidence.succeeded import SUCCEEDED, Succeeded
from gateway.tlog.cosignature import claimed_times, cosigned_at
from gateway.tlog.note import Checkpoint, NoteError, Verifier, open_note
from gateway.tlog.tiles import Tile, tiles
from gateway.tlog.tree import TILE_WIDTH, Frontier, leaf_hash

_NAMED: Final = 5
"""So many files a sentence names."""
Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of facts checked and of all."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """That a witness saw the log of so many `facts`, `at` that time, in seconds since 1970."""

    facts: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderReport:
    """`facts` and `root` (hex) are what was found whole, `gone` of them without content, as the log says it purged
    them; of `stale` ones it says so, too, and yet the folder has their content. `cosigned` says by witness up to which
    fact it vouches for them; for those beyond, the log's own key alone does. `follows` has a sentence for each lost log
    that this one follows. `strays` are files in the folder that are no part of the log. `problem` says what is wrong,
    first at fact `at_seq`.
    """

    origin: str
    facts: int = 0
    gone: int = 0
    stale: int = 0
    root: str = ""
    cosigned: dict[str, Vouched] = field(default_factory=dict)
    follows: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    problem: str | None = None
    at_seq: int | None = None


def check_folder(
    path: Path,
    verifier: Verifier,
    *,
    now: datetime,
    witnesses: Sequence[Verifier] = (),
    earlier: str | None = None,
    progress: Progress | None = None,
) -> FolderReport:
    """A whole log against its checkpoints; each of the `witnesses` must have cosigned one of them.

    `earlier` is a signed checkpoint of the same log that was kept elsewhere: the log must have grown out of it. `now`
    is the time of whoever asks: nothing can have been purged later. A file that is looked at by nobody is a problem,
    too: it passes for what was verified.
    """
    walk = _Walk(LogFolder(path), verifier, earlier, now)
    problem, at_seq, cosigned, strays = None, None, {}, []
    try:
        cosigned = walk.run(witnesses, progress)
        strays = LogFolder(path).strays(walk.frontier.size)
        problem = _of_strays(strays) if strays else None
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
        follows=walk.follows,
        strays=strays,
        problem=problem,
        at_seq=at_seq,
    )


class _Walk:
    """Bundle after bundle, growing the tree, and each hash in the tiles held against it."""

    def __init__(self, folder: LogFolder, verifier: Verifier, earlier: str | None, now: datetime) -> None:
        self._folder = folder
        self._verifier = verifier
        self._earlier = Checkpoint.parse(open_note(earlier, verifier)) if earlier is not None else None
        self._signed: list[tuple[str, Checkpoint]] = [("an earlier checkpoint", self._earlier)] if self._earlier else []
        self._rows: dict[int, list[bytes]] = defaultdict(list)
        self.frontier = Frontier()
        self.gone = Gone(now)
        self.follows: list[str] = []

    def run(self, witnesses: Sequence[Verifier], progress: Progress | None) -> dict[str, Vouched]:
        """Returns what each of the witnesses vouches for. Raises Altered, NoteError, OSError or ValueError."""
        note = self._folder.checkpoint()
        if note is None:
            raise Altered("there is no checkpoint in the folder")
        signed = Checkpoint.parse(open_note(note, self._verifier))
        if signed.origin != self._verifier.name:
            raise Altered("the checkpoint is of another log")
        self._require_grown(signed)
        notes = [(signed.size, note), *self._cosigned(signed)]
        for size, each in notes:
            for at in claimed_times(each):
                self.gone.seen(size, at)
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
            return {each.name: _vouched(notes, each) for each in witnesses}
        except NoteError as error:
            told = f"the {signed.size} facts are those that the checkpoint signs, but it is not cosigned, or not yet"
            raise Altered(f"{told}: {error}") from None

    def _cosigned(self, signed: Checkpoint) -> list[tuple[int, str]]:
        """Size and note of each cosigned checkpoint; the facts will be held against it. Raises Altered."""
        notes = []
        for note in self._folder.cosigned():
            try:
                kept = Checkpoint.parse(open_note(note, self._verifier))
            except NoteError as error:
                raise Altered(f"a cosigned checkpoint is not to be believed: {error}") from None
            if kept.origin != signed.origin:
                raise Altered("a cosigned checkpoint is of another log")
            if kept.size > signed.size:
                told = f"facts {signed.size + 1} to {kept.size} are missing: a cosigned checkpoint counts them"
                raise Altered(told, signed.size + 1)
            self._signed.append(("a cosigned checkpoint", kept))
            notes.append((kept.size, note))
        return notes

    def _facts(self, tile: Tile) -> None:
        first = tile.number * TILE_WIDTH + 1
        rows = zip(self._folder.commitments(tile), self._folder.hashes(tile), self._folder.contents(tile), strict=True)
        for seq, (commitment, hashed, content) in enumerate(rows, start=first):
            leaf = leaf_hash(commitment)
            if leaf != hashed:
                raise Altered(f"fact {seq} is altered: its commitment does not give its tree hash", seq)
            fact = read_fact(seq, commitment, content)
            self.gone.see(seq, fact)
            if fact is not None and fact["kind"] == SUCCEEDED:
                self._succeeded(Succeeded.read(seq, fact))
            for level, root in enumerate(self.frontier.append(leaf), start=1):
                self._rows[level].append(root)
            self._check_signed()

    def _succeeded(self, follows: Succeeded) -> None:
        follows.require(self.frontier.root().hex())
        self.follows.append(follows.sentence())

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

    def _check_signed(self) -> None:
        for what, each in self._signed:
            if self.frontier.size == each.size and self.frontier.root() != each.root:
                raise Altered(f"the facts 1 to {each.size} are not those that {what} signs", 1)


def _of_strays(names: Sequence[str]) -> str:
    """All of them are in the report."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (
        f"the facts are those that the checkpoint signs, but nothing vouches for {', '.join(names[:_NAMED])}{more}:"
        " no part of this log, so not verified; take that away"
    )


def _vouched(notes: Sequence[tuple[int, str]], witness: Verifier) -> Vouched:
    """By the newest of these checkpoints that it cosigned. Raises NoteError if there is none, or if a line in its name
    does not hold.
    """
    found = [Vouched(size, at) for size, note in notes if size and (at := cosigned_at(note, witness)) is not None]
    if not found:
        raise NoteError(f"{witness.name} did not cosign it")
    return max(found, key=lambda each: each.facts)
