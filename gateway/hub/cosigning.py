"""What witnesses (証人) are told of the logs, and what follows from their word.

Each log's newest checkpoint goes to every witness, and its cosignature is kept. A log of which a witness cosigned more
than there is, or something else, was put back or rewritten: it breaks at once, and whoever mends it starts anew.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, NamedTuple, Protocol

from gateway.errors import Deferred
from gateway.hub.journal import Journal
from gateway.link.witness import Answer, Unanswered
from gateway.observe import Telemetry
from gateway.tlog import note
from gateway.tlog.cosignature import claimed_at, cosigned_at, taken
from gateway.tlog.note import Checkpoint, NoteError, Verifier
from gateway.tlog.submission import Submission

_PATIENCE: Final = 5.0
_APART: Final = 43_200
"""Seconds. By the times of witnesses it is judged when a fact was purged, to the day."""
_HOW: Final = "put back its newest copy, as docs/operate.md says under Witnesses"
_REASONS: Final[Mapping[int, str]] = {
    HTTPStatus.NOT_FOUND: "it does not know this log",
    HTTPStatus.FORBIDDEN: "it does not trust the key of this log",
}


class Witness(Protocol):
    """Who cosigns; `verifier` is the pinned key by which its word is known."""

    @property
    def verifier(self) -> Verifier: ...

    async def add(self, body: str) -> Answer:
        """Submit a checkpoint. Raises Unanswered."""


class _Asked(NamedTuple):
    """A checkpoint as it was submitted: from which earlier size on, and what came of it."""

    old: int
    size: int
    signed: str
    answer: Answer


class Cosigning:
    """Of all logs of a hub, by tenant and `system`. `contradicted` has a sentence for each that a witness knows
    otherwise.
    """

    def __init__(
        self,
        journals: Callable[[], Mapping[str, Journal]],
        witnesses: Sequence[Witness],
        telemetry: Telemetry,
        clock: Callable[[], datetime],
    ) -> None:
        self.contradicted: dict[str, str] = {}
        self._journals = journals
        self._witnesses = tuple(witnesses)
        self._telemetry = telemetry
        self._clock = clock
        self._amiss: dict[tuple[str, str], str] = {}
        self._last: dict[tuple[str, str], int] = {}
        self._answered: set[tuple[str, str]] = set()

    def adopt(self, witnesses: Sequence[Witness]) -> None:
        """From now on, these are asked."""
        self._witnesses = tuple(witnesses)
        self._amiss.clear()
        self._answered.clear()
        self._telemetry.forget_witnesses()

    async def run(self, seconds: Callable[[], float]) -> None:
        """Until cancelled: whatever is new is cosigned, every so many seconds."""
        while True:
            await self.ask()
            await asyncio.sleep(seconds())

    async def before_start(self) -> Sequence[str]:
        """Ask of every log, also if nothing is new: a sentence for each that a witness knows otherwise. Whoever does
        not answer soon is not waited for.
        """
        await self._soon(always=True)
        return list(self.contradicted.values())

    async def soon(self) -> None:
        """Now, what is new; whoever does not answer soon is not waited for."""
        await self._soon(always=False)

    async def _soon(self, *, always: bool) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self.ask(always=always)

    def sentences(self) -> list[str]:
        """What is not cosigned just now, why, and since when."""
        return [self._sentence(*place, why) for place, why in self._amiss.items()]

    async def ask(self, *, always: bool = False) -> None:
        """Submit what is new, and what no answer came to yet; `always` also all else."""
        await asyncio.gather(*(self._ask(each, always=always) for each in self._witnesses))

    async def _ask(self, witness: Witness, *, always: bool) -> None:
        """One witness, log after log; if it does not answer of one, it is not asked of the others."""
        name = witness.verifier.name
        seen = {tenant: self._seen(tenant, journal, witness) for tenant, journal in self._journals().items()}
        try:
            for tenant, journal in self._journals().items():
                if always or (tenant, name) not in self._answered or journal.size_and_root()[0] > seen[tenant]:
                    with contextlib.suppress(Deferred):  # the log is broken: health says why
                        self._tell(tenant, name, await self._cosign(tenant, journal, witness, seen[tenant]))
                        self._answered.add((tenant, name))
            self._tell("", name, "")
        except Unanswered as error:
            self._tell("", name, f"it does not answer ({error})")

    def _seen(self, tenant: str, journal: Journal, witness: Witness) -> int:
        """How many facts it cosigned, by what is kept of its word."""
        with contextlib.suppress(Deferred, NoteError):
            if kept := journal.proofs.cosigned_by(witness.verifier.name):
                size, signed = kept
                if (at := cosigned_at(signed, witness.verifier)) is not None:
                    self._last[tenant, witness.verifier.name] = at
                    self._telemetry.cosigned(tenant, witness.verifier.name, size, at)
                    return size
        return 0

    async def _cosign(self, tenant: str, journal: Journal, witness: Witness, seen: int) -> str:
        """What is amiss; empty if it cosigned. Raises Unanswered, Deferred."""
        asked = await _submit(journal, witness, seen)
        name = witness.verifier.name
        if asked.old < seen:
            self._telemetry.log.warning("witness.forgot", tenant=tenant, problem=name, size=asked.old)
        if asked.answer.status == HTTPStatus.OK:
            return await self._keep(tenant, journal, witness, asked)
        if told := _otherwise(asked, seen, journal.size_and_root()[0], name):
            return self._contradict(tenant, journal, told)
        return _unwilling(asked)

    async def _keep(self, tenant: str, journal: Journal, witness: Witness, asked: _Asked) -> str:
        try:
            line = taken(asked.signed, asked.answer.text, witness.verifier)
        except NoteError:
            line = None
        if line is None:
            return "what it answers is no cosignature by its key"
        if abs(claimed_at(line) - self._clock().timestamp()) > _APART:
            return "its clock and ours are half a day apart or more: one of the two is wrong"
        if asked.size:  # of nothing, no checkpoint is kept
            await journal.proofs.cosigned(asked.size, witness.verifier.name, line)
            self._seen(tenant, journal, witness)
        return ""

    def _contradict(self, tenant: str, journal: Journal, told: str) -> str:
        sentence = f"the log of {tenant} {told}"
        self.contradicted[tenant] = sentence
        journal.proofs.contradicted(sentence)
        self._telemetry.log.error("log.contradicted", tenant=tenant, problem=sentence)
        return "it knows this log otherwise"

    def _tell(self, tenant: str, name: str, why: str) -> None:
        """Trouble is told once, when it begins, and when it is over."""
        if why == self._amiss.get((tenant, name), ""):
            return
        if why:
            self._amiss[tenant, name] = why
            self._telemetry.log.warning("cosigning.failed", problem=self._sentence(tenant, name, why))
        else:
            del self._amiss[tenant, name]
            self._telemetry.log.info("cosigning.resumed", tenant=tenant, problem=name)

    def _sentence(self, tenant: str, name: str, why: str) -> str:
        of = f"the log of {tenant}" if tenant else "any log"
        times = [at for (log, by), at in self._last.items() if by == name and tenant in ("", log)]
        last = max(times, default=None)
        since = f"since {datetime.fromtimestamp(last, UTC):%Y-%m-%dT%H:%M:%SZ}" if last else "yet"
        return f"the witness {name} has cosigned nothing of {of} {since}: {why}"


async def _submit(journal: Journal, witness: Witness, seen: int) -> _Asked:
    """The newest checkpoint, from `seen` on; once more, from the size that it names, if it remembers another."""
    signed = await journal.checkpoint()
    size = Checkpoint.parse(note.split(signed)[0]).size
    old = seen
    while True:
        submission = Submission(old, journal.proofs.growth(old, size), signed)
        answer = await witness.add(submission.text())
        saw = answer.size
        if saw is None or saw > size or saw == old or old != seen:
            return _Asked(old, size, signed, answer)
        old = saw


def _otherwise(asked: _Asked, seen: int, has: int, name: str) -> str:
    """What the log is not, by what a witness says of it; empty if it says nothing of the kind. Of as much as it is
    known to have `seen` we have its own signature under our root: there a bare word, by whoever stands in its place,
    proves nothing.
    """
    status, saw = asked.answer.status, asked.answer.size
    if status == HTTPStatus.CONFLICT and saw is not None and saw > has:
        return f"has {has} facts, fewer than the {saw} that the witness {name} cosigned: {_HOW}"
    same_size = status == HTTPStatus.CONFLICT and asked.old == asked.size and saw in (None, asked.size)
    if asked.old and asked.old != seen and (same_size or status == HTTPStatus.UNPROCESSABLE_ENTITY):
        return f"is not the one of which the witness {name} cosigned {asked.old} facts: it was put back or rewritten"
    return ""


def _unwilling(asked: _Asked) -> str:
    """Why it does not cosign; empty if it is only that somebody else submitted a checkpoint meanwhile."""
    if asked.answer.size not in (None, asked.old):
        return ""
    return _REASONS.get(asked.answer.status, f"it answers {asked.answer.status}")
