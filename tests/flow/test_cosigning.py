"""What the hub tells witnesses of its logs, and keeps of their word."""

from contextlib import closing

from prometheus_client import generate_latest

from gateway.link.witness import Answer
from gateway.tlog.cosignature import cosigned_at
from gateway.tlog.submission import Submission
from tests.flow.watched import NAME, OTHER, Hub, Near, hub, witness
from tests.journal.builders import TENANT
from tests.witness.logs import AT as COSIGNED
from tests.witness.logs import COSIGNER

__all__ = ["hub", "witness"]


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


async def test_a_cosignature_of_another_time_than_ours_is_not_kept(hub, witness):
    """By it what is purged would be judged."""
    await hub.fill(3)
    hub.ahead = 50_000
    await hub.cosigning.ask()
    assert hub.journal.proofs.cosigned_by(NAME) is None
    assert "half a day apart" in hub.cosigning.sentences()[0]
    hub.ahead = 40_000
    await hub.cosigning.ask()
    assert hub.cosigning.sentences() == []


async def test_nothing_is_asked_where_nothing_is_new(hub, witness):
    await hub.cosigning.ask()
    await hub.fill(3)
    for _ in range(3):
        await hub.cosigning.ask()
    assert [each.old for each in witness.heard] == [0, 0], "once after the start, of what is there; and what is new"


async def test_a_witness_that_is_named_anew_is_asked_though_nothing_is_new(hub, witness):
    await hub.fill(1)
    for heard in (1, 1, 2):
        if heard == 2:
            hub.cosigning.adopt([witness])
        await hub.cosigning.ask()
        assert len(witness.heard) == heard


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
