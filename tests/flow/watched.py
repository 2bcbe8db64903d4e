"""A hub with one log and its witnesses, as `gateway.hub.cosigning` brings them together."""

import asyncio
import io
import json
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.hub.cosigning import Cosigning
from gateway.hub.journal import FactKind
from gateway.link.witness import Answer
from gateway.observe import Telemetry, configure
from gateway.tlog.cosignature import Cosigner
from gateway.tlog.note import Verifier
from gateway.tlog.submission import Submission
from gateway.witness.store import Store
from gateway.witness.witness import Conflict, Rejected, Witness
from tests.journal.builders import AT, ORIGIN, SIGNER, TENANT, open_journal
from tests.witness.logs import AT as COSIGNED
from tests.witness.logs import COSIGNER, key

NAME = COSIGNER.name
OTHER = Cosigner("witness.example/another", key("another witness"))


@dataclass
class Near:
    """A witness without the network between: it judges as one does, unless `answer` says something else."""

    cosigner: Cosigner = COSIGNER
    store: Store = field(default_factory=lambda: Store.open(Path(":memory:")))
    answer: Callable[[Submission], Answer] | None = None
    heard: list[Submission] = field(default_factory=list)

    @property
    def verifier(self) -> Verifier:
        return self.cosigner.verifier()

    async def add(self, body: str) -> Answer:
        self.heard.append(Submission.parse(body))
        if self.answer is not None:
            return self.answer(self.heard[-1])
        return self.judged(body)

    def judged(self, body: str) -> Answer:
        try:
            return Answer(200, Witness(self.cosigner, {ORIGIN: [SIGNER.verifier()]}, self.store).add(body, at=COSIGNED))
        except Conflict as conflict:
            return Answer(409, f"{conflict.size}\n", conflict.size)
        except Rejected as rejected:
            return Answer(rejected.status)

    @property
    def last(self) -> int:
        return self.store.last(ORIGIN).size


class Hub:
    """One log, whoever cosigns it, and what it prints."""

    def __init__(self, path: Path, *witnesses: Near) -> None:
        self.path = path
        self.journal = open_journal(path)
        self.ahead = 0.0
        self.printed = io.StringIO()
        self.telemetry = Telemetry(configure(self.printed))
        self.cosigning = Cosigning(lambda: {TENANT: self.journal}, witnesses, self.telemetry, self.clock)

    def clock(self) -> datetime:
        return datetime.fromtimestamp(COSIGNED + self.ahead, UTC)

    async def fill(self, facts: int) -> None:
        told = (
            self.journal.fact(FactKind.NOISE_COUNTED, {"listener": "made_up", "count": n}, at=AT) for n in range(facts)
        )
        await asyncio.gather(*told)

    def close(self) -> None:
        self.journal.close()

    def told(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.printed.getvalue().splitlines()]
        return [each for each in lines if each["event"] == event]

    def copied(self, to: Path) -> Path:
        """The log as it is now, as a backup would have it."""
        self.journal.close()
        shutil.copy(self.path, to)
        self.journal = open_journal(self.path)
        return to


@pytest.fixture
def witness():
    near = Near()
    yield near
    near.store.close()


@pytest.fixture
def hub(tmp_path, witness):
    with closing(Hub(tmp_path / f"{TENANT}.db", witness)) as made:
        yield made
