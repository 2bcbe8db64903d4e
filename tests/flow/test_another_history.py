"""A log that a witness knows otherwise is broken, and begins nothing."""

from contextlib import closing

import pytest

from gateway.errors import Deferred
from gateway.hub.cosigning import Cosigning
from gateway.link.witness import Answer, Unanswered
from tests.flow.watched import NAME, Hub, hub, witness
from tests.journal.builders import TENANT

__all__ = ["hub", "witness"]


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
        assert await back.cosigning.before_start() == [
            f"{sentence}: put back its newest copy, as docs/operate.md says under Witnesses"
        ]
        await contradicted(back, f"{sentence}: put back its newest copy, as docs/operate.md says under Witnesses")


@pytest.mark.parametrize("since", [6, 20])
async def test_a_log_that_was_put_back_and_went_on_breaks_whatever_its_size(hub, witness, tmp_path, since):
    await hub.fill(6)
    await hub.cosigning.ask()
    copy = hub.copied(tmp_path / "copy.db")
    await hub.fill(6)
    await hub.cosigning.ask()
    with closing(Hub(copy, witness)) as back:
        await back.fill(since)
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
        asked = Cosigning(lambda: logs, [witness], one.telemetry, one.clock)
        await asked.ask()  # both have one origin, and are two stories of it
        assert [one.journal.health()[0], other.journal.health()[0]] == [True, False]


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


@pytest.mark.parametrize("size", [None, 3])
async def test_a_conflict_at_the_same_size_is_another_history_if_it_names_the_size(hub, witness, tmp_path, size):
    await hub.fill(3)
    await hub.cosigning.ask()
    witness.answer = lambda _: Answer(409, "", size)
    told = f"the log of {TENANT} is not the one of which the witness {NAME} cosigned 3 facts"
    with closing(Hub(tmp_path / "another.db", witness)) as another:  # nothing is kept here of its word
        await another.fill(3)
        assert await another.cosigning.before_start() == ([f"{told}: it was put back or rewritten"] if size else [])


@pytest.mark.parametrize("status", [409, 422])
async def test_what_a_witness_has_signed_is_not_undone_by_a_bare_word(hub, witness, status):
    """Whoever stands in its place may answer so, and has not its key."""
    await hub.fill(3)
    await hub.cosigning.ask()
    witness.answer = lambda _: Answer(status)
    assert await hub.cosigning.before_start() == []
    assert hub.journal.health() == (True, "")
    assert f"it answers {status}" in hub.cosigning.sentences()[0]


@pytest.mark.parametrize("size", [None, 0])
async def test_of_an_empty_log_there_is_no_other_history(hub, witness, size):
    witness.answer = lambda _: Answer(409, "", size)
    assert await hub.cosigning.before_start() == []
