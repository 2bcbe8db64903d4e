"""A reply attests nothing itself: whether its exchange is to be disclosed, its request says, wherever it is told of."""

import pytest

from gateway.hub.journal import FactKind, Journal
from gateway.messages import Attestation, Ending, RecordOutcome
from tests.journal.builders import AT, NOW, id_of, message

MARK = Attestation("undisclosed", "e" * 64)


@pytest.mark.parametrize("marked", [True, False])
async def test_a_reply_is_as_hidden_as_its_request(journal: Journal, *, marked: bool) -> None:
    asked = message((0,), kind="request", attestations=(MARK,) if marked else ())
    await journal.record(asked, at=AT, now=NOW)
    await journal.attempted(id_of(asked), [0], attempt=1, at=AT)
    reply = message(
        (0,), kind="reply", source="vaccination_records", destination="health_management", correlation_id=id_of(asked)
    )
    ended = [RecordOutcome(0, Ending.ACCEPTED)]
    await journal.conclude(id_of(asked), ended, attempt=1, next_at=None, at=AT, now=NOW, reply=reply)
    reply_id = id_of(reply)
    await journal.attempted(reply_id, [0], attempt=1, at=AT)
    dead = [RecordOutcome(0, Ending.DEAD, "gave_up")]
    await journal.conclude(reply_id, dead, attempt=1, next_at=None, at=AT, now=NOW)
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
