"""A witness that is away, unwilling or wrong: told once, and nothing waits for it."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from gateway.hub import cosigning
from gateway.link.witness import Answer, Unanswered
from gateway.tlog import note
from gateway.tlog.cosignature import Cosigner, cosign, cosigned_at
from gateway.witness.store import Store
from tests.flow.line import HANGS
from tests.flow.watched import NAME, OTHER, Hub, Near, hub, witness
from tests.journal.builders import TENANT
from tests.witness.logs import AT as COSIGNED
from tests.witness.logs import COSIGNER

__all__ = ["hub", "witness"]


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
    slow = Near(OTHER)
    witness.answer = lambda _: Answer(409, "9\n", 9)
    with closing(Hub(tmp_path / "log.db", witness, slow)) as hub, closing(slow.store):

        async def silent(_):
            async with asyncio.timeout(HANGS):  # until the other has spoken, and then patience is at its end
                while not hub.cosigning.contradicted:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            raise TimeoutError

        monkeypatch.setattr(cosigning, "_PATIENCE", 2 * HANGS)
        monkeypatch.setattr(slow, "add", silent)
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
        async with asyncio.timeout(HANGS):
            while witness.last < size:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
