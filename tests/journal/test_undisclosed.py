"""What is not to be disclosed (番号法第23条第2項) is hidden wherever it is told, also when what said so is purged.

A reply attests nothing itself: its request says it, or a later mark.
"""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.hub.journal import FactKind, Journal
from gateway.messages import Attestation, Ending, RecordOutcome, stamp
from tests.journal.builders import AT, id_of, message, open_journal
from tests.journal.test_retention import DONE, NOW, OLD, YOUNG, ended, purge, verified

MARK = Attestation("undisclosed", "e" * 64)


@pytest.mark.parametrize("marked", [True, False])
async def test_a_reply_is_as_hidden_as_its_request(journal: Journal, *, marked: bool) -> None:
    asked = message((0,), kind="request", attestations=(MARK,) if marked else ())
    await journal.record(asked, at=AT, now=0.0)
    await journal.attempted(id_of(asked), [0], attempt=1, at=AT)
    reply = message(
        (0,), kind="reply", source="vaccination_records", destination="health_management", correlation_id=id_of(asked)
    )
    await journal.conclude(id_of(asked), DONE, attempt=1, next_at=None, at=AT, now=0.0, reply=reply)
    reply_id = id_of(reply)
    await journal.attempted(reply_id, [0], attempt=1, at=AT)
    dead = [RecordOutcome(0, Ending.DEAD, "gave_up")]
    await journal.conclude(reply_id, dead, attempt=1, next_at=None, at=AT, now=0.0)
    said = {"operator": "made_up", "act": "trace"}
    await journal.fact(FactKind.OPERATOR_ACTED, said, at=AT, message_id=reply_id)

    assert journal.undisclosed(reply_id) is marked
    assert journal.undisclosed(id_of(asked)) is marked
    (letter,) = journal.dead_letters()
    assert (letter["message_id"], letter["undisclosed"]) == (reply_id, marked)
    (act,) = journal.acts(("", 0), "9999")
    assert ("undisclosed" in act) is marked
    followed, _ = journal.following.after(0, ())
    assert {each.undisclosed for each in followed} == {marked}
    assert not journal.undisclosed("no id at all")


async def test_a_reply_that_is_left_stays_hidden_when_all_of_its_request_is_purged(path: Path) -> None:
    """Only the request attested it, and of that there is no fact any more."""
    with closing(open_journal(path)) as journal:
        asked = message((0,), kind="request", attestations=(MARK,))
        reply = message(
            (0,), kind="reply", source="vaccination_records", destination="health_management",
            correlation_id=id_of(asked),
        )  # fmt: skip
        await journal.record(asked, at=OLD, now=0.0)
        await journal.conclude(id_of(asked), DONE, attempt=1, next_at=None, at=OLD, now=0.0, reply=reply)
        await journal.settled(id_of(asked))
        await journal.delete_envelope(id_of(asked), at=OLD)
        assert await purge(journal) == 3
        assert [each["kind"] for each in journal.trace(id_of(asked))] == ["message.undisclosed"]
        assert journal.undisclosed(id_of(reply))
    assert verified(path).problem is None


@pytest.mark.parametrize("replied", [True, False])
async def test_what_is_not_to_be_disclosed_stays_hidden_when_what_said_so_is_purged(
    path: Path, *, replied: bool
) -> None:
    with closing(open_journal(path)) as journal:
        asked = message((0,), kind="request", attestations=(MARK,))
        await journal.record(asked, at=OLD, now=0.0)
        reply = message(
            (0,), kind="reply", source="vaccination_records", destination="health_management",
            correlation_id=id_of(asked),
        )  # fmt: skip
        await journal.conclude(
            id_of(asked), DONE, attempt=1, next_at=None, at=OLD, now=0.0, reply=reply if replied else None
        )
        await journal.settled(id_of(asked))
        its = [id_of(asked), *([id_of(reply)] if replied else [])]
        if replied:
            await journal.conclude(id_of(reply), DONE, attempt=1, next_at=None, at=YOUNG, now=0.0)
        for each in its:
            await journal.delete_envelope(each, at=YOUNG)
        assert await purge(journal)
        assert [journal.trace(each)[0]["kind"] for each in its] == ["envelope.deleted", "delivery.concluded"][
            : len(its)
        ]
        assert all(journal.undisclosed(each) for each in its)
    assert verified(path).problem is None


async def test_a_later_mark_hides_the_whole_exchange_by_whichever_message_it_is_named(journal: Journal) -> None:
    asked = message((0,), kind="request")
    await journal.record(asked, at=YOUNG, now=0.0)
    reply = message(
        (0,), kind="reply", source="vaccination_records", destination="health_management", correlation_id=id_of(asked)
    )
    await journal.conclude(id_of(asked), DONE, attempt=1, next_at=None, at=YOUNG, now=0.0, reply=reply)
    assert not journal.undisclosed(id_of(asked))
    assert await journal.retention.mark(id_of(reply), {"operator": "made-up", "case": "R8-1"}, at=AT) == id_of(asked)
    assert journal.undisclosed(id_of(asked))
    assert journal.undisclosed(id_of(reply))
    with pytest.raises(Refused, match="unknown_message"):
        await journal.retention.mark("no id", {}, at=AT)


async def test_a_mark_stays_as_long_as_anything_that_it_hides(path: Path) -> None:
    """Three years after it was made, too: the recording is held, and later the reply has not ended."""
    marked, later = (
        stamp(NOW - timedelta(days=1400)),
        {"before": stamp(NOW.replace(year=2027)), "at": stamp(NOW.replace(year=2030))},
    )
    with closing(open_journal(path)) as journal:
        asked = message((0,), kind="request")
        await journal.record(asked, at=OLD, now=0.0)
        reply = message(
            (0,), kind="reply", source="vaccination_records", destination="health_management",
            correlation_id=id_of(asked),
        )  # fmt: skip
        await journal.conclude(id_of(asked), DONE, attempt=1, next_at=None, at=OLD, now=0.0, reply=reply)
        await journal.settled(id_of(asked))
        await journal.delete_envelope(id_of(asked), at=OLD)
        await journal.retention.mark(id_of(asked), {"case": "R8-2"}, at=marked)
        await journal.retention.place({"case": "R8-1", "since": OLD[:10], "until": OLD[:10]}, at=marked)
        await purge(journal, **later)
        assert journal.undisclosed(id_of(asked))
        await journal.retention.lift({"case": "R8-1"}, at=marked)
        for _ in range(3):
            await purge(journal, **later)
            assert journal.undisclosed(id_of(reply))
        assert [each["kind"] for each in journal.trace(id_of(asked))] == ["message.undisclosed"]
        await journal.conclude(id_of(reply), DONE, attempt=1, next_at=None, at=later["at"], now=0.0)
        await journal.delete_envelope(id_of(reply), at=later["at"])
        await purge(journal, **later)
        kinds = [each["kind"] for each in journal.trace(id_of(reply))]
        assert kinds == ["delivery.concluded", "envelope.deleted", "message.undisclosed"]
        assert journal.undisclosed(id_of(reply))
    assert verified(path).problem is None


async def test_what_goes_as_a_whole_leaves_no_mark(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        gone = await ended(journal, OLD, attestations=(MARK,))
        await purge(journal)
        assert journal.trace(gone) == []
