"""Reply and outcomes meet in either order; together they answer each record of the request once."""

import pytest

from gateway.edge.awaiting import Awaiting
from gateway.messages import Ending, RecordOutcome
from gateway.plugin import Answer, Delivery
from tests.flow.toys import Told

OUTCOMES = (
    RecordOutcome(0, Ending.ACCEPTED),
    RecordOutcome(1, Ending.REFUSED, "no_such_person"),
    RecordOutcome(2, Ending.DEAD, "gave_up"),
    RecordOutcome(3, Ending.ACCEPTED),
)
REPLY = Delivery("reply", "person.find", ((0, Told(internal_no="1", update_seq=2)),), 1.0, "request")
HANDED = (RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(3, Ending.REFUSED, "unknown_field"))


@pytest.mark.parametrize("order", ["drs", "dsr", "sdr"])
async def test_in_any_order_all_are_answered_when_all_is_there(order):
    awaiting = Awaiting()
    for step in order:
        assert not awaiting.answers.done()
        match step:
            case "d":
                await awaiting.deliver(REPLY)
            case "r":
                awaiting.replied(HANDED)
            case _:
                awaiting.settle(OUTCOMES)
    assert awaiting.answers.result() == (
        Answer(0, record={"internal_no": "1", "update_seq": 2}),
        Answer(1, code="no_such_person"),
        Answer(2, code="gave_up"),
        Answer(3, code="unknown_field"),
    )
    awaiting.settle(OUTCOMES)  # at least once means that it may come again
    assert awaiting.answers.done()
