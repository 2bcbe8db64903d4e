"""What the hub tells witnesses of its logs, and what follows: kept cosignatures, told trouble, or a broken log."""

import asyncio
import io
import json
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from gateway.errors import Deferred
from gateway.hub import cosigning
from gateway.hub.cosigning import Cosigning
from gateway.hub.journal import FactKind
from gateway.link.witness import Answer, Unanswered
from gateway.observe import Telemetry, configure
from gateway.tlog import note
from gateway.tlog.cosignature import Cosigner, cosign, cosigned_at
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
        self.printed = io.StringIO()
        self.telemetry = Telemetry(configure(self.printed))
        self.cosigning = Cosigning(lambda: {TENANT: self.journal}, witnesses, self.telemetry)

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


async def test_what_is_new_is_cosigned_and_kept_below_its_checkpoint(hub, witness):
    await hub.fill(10)
    await hub.cosigning.ask()
    size, signed = hub.journal.proofs.checkpoint()
    assert (size, witness.last) == (10, 10)
    assert cosigned_at(signed, COSIGNER.verifier()) == COSIGNED
    await hub.fill(5)
    await hub.cosigning.ask()
    assert [each.old for each in witness.heard] == [0, 10]
    assert witness.last == 15
    assert hub.cosigning.sentences() == []
    metrics = generate_latest(hub.telemetry.registry).decode()
    assert f'renkei_log_cosigned_facts{{tenant="{TENANT}",witness="{NAME}"}} 15.0' in metrics
    assert f'renkei_log_cosigned_timestamp_seconds{{tenant="{TENANT}",witness="{NAME}"}} 1.8e+09' in metrics


async def test_nothing_is_asked_where_nothing_is_new(hub, witness):
    await hub.cosigning.ask()
    await hub.fill(3)
    for _ in range(3):
        await hub.cosigning.ask()
    assert [each.old for each in witness.heard] == [0, 0], "once after the start, of what is there; and what is new"


async def test_a_log_that_is_quiet_is_asked_about_once_the_witness_is_back(hub, witness, tmp_path):
    """Put back while the witness was away, and nothing is recorded any more that would have it asked."""

    def silent(_):
        raise Unanswered("ClientConnectorError")

    await hub.fill(6)
    await hub.cosigning.ask()
    copy = hub.copied(tmp_path / "copy.db")
    await hub.fill(6)
    await hub.cosigning.ask()
    witness.answer = silent
    with closing(Hub(copy, witness)) as back:
        assert await back.cosigning.before_start() == []
        await back.cosigning.ask()
        witness.answer = None
        await back.cosigning.ask()
        assert not back.journal.health()[0]
        assert "fewer than the 12" in back.journal.health()[1]


async def test_a_witness_that_is_named_anew_is_asked_though_nothing_is_new(hub, witness):
    await hub.fill(1)
    for heard in (1, 1, 2):
        if heard == 2:
            hub.cosigning.adopt([witness])
        await hub.cosigning.ask()
        assert len(witness.heard) == heard


@pytest.mark.parametrize("size", [None, 3])
async def test_a_conflict_at_the_same_size_is_another_history_whether_it_names_the_size_or_not(hub, witness, size):
    await hub.fill(3)
    await hub.cosigning.ask()
    witness.answer = lambda _: Answer(409, "", size)
    told = f"the log of {TENANT} is not the one of which the witness {NAME} cosigned 3 facts"
    assert await hub.cosigning.before_start() == [f"{told}: it was put back or rewritten"]


@pytest.mark.parametrize("size", [None, 0])
async def test_of_an_empty_log_there_is_no_other_history(hub, witness, size):
    witness.answer = lambda _: Answer(409, "", size)
    assert await hub.cosigning.before_start() == []


async def test_a_proof_is_under_what_the_witness_cosigned(hub):
    await hub.fill(3)
    await hub.cosigning.ask()
    await hub.fill(3)
    await hub.journal.checkpoint()
    assert cosigned_at((await hub.journal.proofs.of_fact(2)).checkpoint, COSIGNER.verifier()) == COSIGNED


async def test_each_witness_has_its_own_word(tmp_path, witness):
    other = Near(OTHER)
    with closing(Hub(tmp_path / f"{TENANT}.db", witness, other)) as hub, closing(other.store):
        await hub.fill(3)
        witness.answer = lambda _: Answer(503)
        await hub.cosigning.ask()
        witness.answer = None
        await hub.fill(3)
        await hub.cosigning.ask()
        _, signed = hub.journal.proofs.checkpoint() or (0, "")
        assert [cosigned_at(signed, each.verifier) for each in (witness, other)] == [COSIGNED, COSIGNED]
        assert [[asked.old for asked in each.heard] for each in (witness, other)] == [[0, 0], [0, 3]]


async def test_what_was_cosigned_while_the_hub_did_not_hear_it_is_gone_on_from(hub, witness):
    """Killed before the answer came, or somebody submitted by hand."""
    await hub.fill(4)
    submitted = Submission(0, [], await hub.journal.checkpoint())
    assert witness.judged(submitted.text()).status == 200
    await hub.fill(4)
    await hub.cosigning.ask()
    assert [each.old for each in witness.heard] == [0, 4]
    assert witness.last == 8
    assert hub.journal.health() == (True, "")


async def test_a_newer_submission_of_somebody_else_is_no_contradiction(hub, witness):
    await hub.fill(4)

    async def overtaken(_):
        await hub.fill(1)
        return Answer(409, "5\n", 5)

    witness.add = overtaken
    await hub.cosigning.ask()
    assert hub.journal.health() == (True, "")
    assert hub.cosigning.sentences() == []


# ---- another history -------------------------------------------------------------------------------------------------


async def contradicted(hub: Hub, sentence: str) -> None:
    """Nothing passes any more, and everybody is told why, in one sentence."""
    well, why = hub.journal.health()
    assert not well
    assert why == f"The central log cannot be trusted: {sentence}."
    assert list(hub.cosigning.contradicted.values()) == [sentence]
    with pytest.raises(Deferred) as caught:
        await hub.fill(1)
    assert (caught.value.code, caught.value.cause) == ("log_unavailable", why)
    assert [each["problem"] for each in hub.told("log.contradicted")] == [sentence]


async def test_a_log_that_was_put_back_breaks(hub, witness, tmp_path):
    await hub.fill(6)
    await hub.cosigning.ask()
    copy = hub.copied(tmp_path / "copy.db")
    await hub.fill(6)
    await hub.cosigning.ask()
    with closing(Hub(copy, witness)) as back:
        sentence = f"the log of {TENANT} has 6 facts, fewer than the 12 that the witness {NAME} cosigned"
        assert await back.cosigning.before_start() == [f"{sentence}: put back its newest copy"]
        await contradicted(back, f"{sentence}: put back its newest copy")


async def test_a_log_that_was_put_back_and_went_on_breaks(hub, witness, tmp_path):
    await hub.fill(6)
    await hub.cosigning.ask()
    copy = hub.copied(tmp_path / "copy.db")
    await hub.fill(6)
    await hub.cosigning.ask()
    with closing(Hub(copy, witness)) as back:
        await back.fill(20)
        await back.cosigning.ask()
        told = f"the log of {TENANT} is not the one of which the witness {NAME} cosigned 12 facts"
        await contradicted(back, f"{told}: it was put back or rewritten")


async def test_a_log_of_the_same_size_and_another_root_breaks(hub, witness, tmp_path):
    await hub.fill(6)
    copy = hub.copied(tmp_path / "copy.db")
    await hub.fill(6)
    await hub.cosigning.ask()
    with closing(Hub(copy, witness)) as back:
        await back.fill(6)
        await back.cosigning.ask()
        told = f"the log of {TENANT} is not the one of which the witness {NAME} cosigned 12 facts"
        await contradicted(back, f"{told}: it was put back or rewritten")


async def test_a_log_that_is_gone_is_not_begun_anew(hub, witness, tmp_path):
    await hub.fill(6)
    await hub.cosigning.ask()
    with closing(Hub(tmp_path / "new.db", witness)) as anew:
        (sentence,) = await anew.cosigning.before_start()
        assert "has 0 facts, fewer than the 6" in sentence


async def test_an_empty_log_that_nobody_knows_is_begun(tmp_path, witness):
    with closing(Hub(tmp_path / "new.db", witness)) as anew:
        assert await anew.cosigning.before_start() == []
        await anew.fill(1)
        await anew.cosigning.ask()
        assert witness.last == 1


async def test_a_broken_log_is_not_asked_of_again(hub, witness):
    await hub.fill(6)
    witness.answer = lambda _: Answer(409, "9\n", 9)
    for _ in range(3):
        await hub.cosigning.ask()
    assert len(witness.heard) == 1
    assert len(hub.told("log.contradicted")) == 1


async def test_one_log_that_breaks_leaves_the_others_whole(tmp_path, witness):
    with closing(Hub(tmp_path / "one.db", witness)) as one, closing(Hub(tmp_path / "other.db", witness)) as other:
        await one.fill(2)
        await other.fill(2)
        logs = {"998889": one.journal, TENANT: other.journal}
        asked = Cosigning(lambda: logs, [witness], one.telemetry)
        await asked.ask()  # both have one origin, and are two stories of it
        assert [one.journal.health()[0], other.journal.health()[0]] == [True, False]


# ---- trouble ---------------------------------------------------------------------------------------------------------

TROUBLE = [
    (Answer(404), "it does not know this log"),
    (Answer(403), "it does not trust the key of this log"),
    (Answer(400), "it answers 400"),
    (Answer(500), "it answers 500"),
    (Answer(599), "it answers 599"),
    (Answer(409), "it answers 409"),  # and no size
    (Answer(409, "0\n", 0), "it answers 409"),  # which is the old size: it contradicts itself
    (Answer(422), "it answers 422"),  # of a proof from nothing, which always holds
    (Answer(200, ""), "what it answers is no cosignature by its key"),
    (Answer(200, "— \n"), "what it answers is no cosignature by its key"),
    (Answer(200, "nothing like it"), "what it answers is no cosignature by its key"),
]


@pytest.mark.parametrize(("answer", "why"), TROUBLE)
async def test_what_is_amiss_is_told_once_and_stops_nothing(hub, witness, answer, why):
    witness.answer = lambda _: answer
    for _ in range(3):
        await hub.fill(1)
        await hub.cosigning.ask()
    sentence = f"the witness {NAME} has cosigned nothing of the log of {TENANT} yet: {why}"
    assert hub.cosigning.sentences() == [sentence]
    assert [each["problem"] for each in hub.told("cosigning.failed")] == [sentence]
    assert hub.journal.health() == (True, "")
    assert hub.journal.proofs.cosigned_by(NAME) is None
    witness.answer = None
    await hub.cosigning.ask()
    assert hub.cosigning.sentences() == []
    assert len(hub.told("cosigning.resumed")) == 1


async def test_a_cosignature_by_another_key_is_not_kept(hub, witness):
    def forged(submission):
        text, _ = note.split(submission.checkpoint)
        return Answer(200, cosign(text, Cosigner(NAME, OTHER.private_key), at=COSIGNED))

    witness.answer = forged
    await hub.fill(1)
    await hub.cosigning.ask()
    assert hub.journal.proofs.cosigned_by(NAME) is None
    assert "no cosignature by its key" in hub.cosigning.sentences()[0]


async def test_a_cosignature_of_a_time_that_no_calendar_has_is_not_kept(hub, witness):
    witness.answer = lambda asked: Answer(200, cosign(note.split(asked.checkpoint)[0], COSIGNER, at=2**63))
    await hub.fill(1)
    await hub.cosigning.ask()
    assert hub.journal.proofs.cosigned_by(NAME) is None
    assert "no cosignature by its key" in hub.cosigning.sentences()[0]


async def test_a_cosignature_of_another_checkpoint_is_not_kept(hub, witness):
    await hub.fill(1)
    stale = note.split(await hub.journal.checkpoint())[0]
    witness.answer = lambda _: Answer(200, cosign(stale, COSIGNER, at=COSIGNED))
    await hub.fill(1)
    await hub.cosigning.ask()
    assert hub.journal.proofs.cosigned_by(NAME) is None


async def test_of_several_lines_only_the_witness_s_own_is_kept(hub, witness):
    def several(submission):
        text, _ = note.split(submission.checkpoint)
        return Answer(200, cosign(text, OTHER, at=COSIGNED) + cosign(text, COSIGNER, at=COSIGNED))

    witness.answer = several
    await hub.fill(1)
    await hub.cosigning.ask()
    _, signed = hub.journal.proofs.cosigned_by(NAME)
    assert cosigned_at(signed, COSIGNER.verifier()) == COSIGNED
    assert cosigned_at(signed, OTHER.verifier()) is None


async def test_who_does_not_answer_is_told_with_since_when(hub, witness):
    def silent(_):
        raise Unanswered("ClientConnectorError")

    await hub.fill(1)
    await hub.cosigning.ask()
    witness.answer = silent
    for _ in range(3):
        await hub.fill(1)
        await hub.cosigning.ask()
    since = "since 2027-01-15T08:00:00Z: it does not answer (ClientConnectorError)"
    assert hub.cosigning.sentences() == [f"the witness {NAME} has cosigned nothing of any log {since}"]
    assert len(hub.told("cosigning.failed")) == 1
    assert hub.journal.health() == (True, "")
    witness.answer = None
    await hub.cosigning.ask()
    assert hub.cosigning.sentences() == []
    witness.answer = silent
    await hub.fill(1)
    await hub.cosigning.ask()
    assert len(hub.cosigning.sentences()) == 1
    hub.cosigning.adopt([])
    assert hub.cosigning.sentences() == []
    assert b"cosigned_facts{" not in generate_latest(hub.telemetry.registry)


async def test_who_does_not_answer_holds_up_no_start(hub, witness, monkeypatch):
    monkeypatch.setattr(cosigning, "_PATIENCE", 0.05)
    witness.add = lambda _: asyncio.sleep(3600)
    assert await hub.cosigning.before_start() == []


async def test_a_contradiction_counts_though_another_witness_is_silent(tmp_path, witness, monkeypatch):
    monkeypatch.setattr(cosigning, "_PATIENCE", 0.3)
    slow = Near(OTHER)
    monkeypatch.setattr(slow, "add", lambda _: asyncio.sleep(3600))
    witness.answer = lambda _: Answer(409, "9\n", 9)
    with closing(Hub(tmp_path / "log.db", witness, slow)) as hub, closing(slow.store):
        await hub.fill(1)
        assert len(await hub.cosigning.before_start()) == 1


async def test_a_witness_that_forgot_is_told_and_learns_anew(hub, witness):
    await hub.fill(5)
    await hub.cosigning.ask()
    witness.store.close()
    witness.store = Store.open(Path(":memory:"))
    await hub.fill(1)
    await hub.cosigning.ask()
    assert [(each["problem"], each["size"]) for each in hub.told("witness.forgot")] == [(NAME, 0)]
    assert witness.last == 6
    assert hub.journal.health() == (True, "")


async def test_who_remembers_another_size_each_time_is_asked_twice_a_round(hub, witness):
    witness.answer = lambda _: Answer(409, "", len(witness.heard))
    await hub.fill(5)
    await hub.cosigning.ask()
    assert [each.old for each in witness.heard] == [0, 1]
    assert hub.journal.health() == (True, "")


async def test_it_asks_again_and_again(hub, witness):
    running = asyncio.create_task(hub.cosigning.run(lambda: 0.01))
    for size in (3, 6):
        await hub.fill(3)
        async with asyncio.timeout(5):
            while witness.last < size:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
