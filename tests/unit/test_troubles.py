"""A trouble is told when it begins and when it is over, however many messages meet it meanwhile."""

import io
import json

import pytest

from gateway.hub.troubles import QUIET_SECONDS, Troubles
from gateway.messages import Ending, RecordOutcome
from gateway.observe import Telemetry, configure

TENANT = "999997"
LACKS = [RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(1, None, "key_not_here")]
OPENS = [RecordOutcome(1, Ending.ACCEPTED)]
DEAD = [RecordOutcome(1, Ending.DEAD, "gave_up")]
UNVOUCHED = [RecordOutcome(0, Ending.REFUSED, "unknown_key")]


@pytest.fixture
def printed():
    return io.StringIO()


@pytest.fixture
def troubles(printed):
    return Troubles(TENANT, Telemetry(configure(printed)))


def told(printed):
    """What was told so far, and is not told again."""
    lines = [json.loads(line) for line in printed.getvalue().splitlines()]
    printed.seek(0)
    printed.truncate()
    assert all(each.pop("tenant") == TENANT and each.pop("timestamp") for each in lines)
    return lines


def test_an_edge_that_lacks_a_key_is_told_once_until_nothing_waits_for_it(troubles, printed):
    for message in ("a", "b", "a", "b"):
        troubles.attempted("pmh", message, LACKS, 0.0)
        troubles.attempted("pmh", "sealed to a key that it has", OPENS, 0.0)
    begun = {"event": "delivery.key_not_here", "level": "warning", "destination": "pmh", "code": "key_not_here"}
    assert told(printed) == [begun]
    troubles.attempted("vaccination_records", "c", LACKS, 0.0)
    assert [each["destination"] for each in told(printed)] == ["vaccination_records"]
    troubles.attempted("pmh", "a", OPENS, 0.0)
    assert told(printed) == []
    troubles.attempted("pmh", "b", DEAD, 0.0)
    assert told(printed) == [{"event": "delivery.key_here", "level": "info", "destination": "pmh"}]
    troubles.attempted("pmh", "d", LACKS, 0.0)
    assert told(printed) == [begun]


def test_a_full_queue_is_told_once_until_nobody_was_put_off_for_a_while(troubles, printed):
    troubles.taken("office", 0.0)
    for now in range(100):  # room for one whenever a record ends
        troubles.not_taken("office", "queue_full", now)
        troubles.taken("office", now)
    assert told(printed) == [{"event": "queue.full", "level": "warning", "code": "queue_full"}]
    troubles.taken("office", 99 + QUIET_SECONDS - 1)
    assert told(printed) == []
    troubles.taken("office", 99 + QUIET_SECONDS)
    troubles.taken("office", 99 + QUIET_SECONDS)
    assert told(printed) == [{"event": "queue.room", "level": "info"}]
    troubles.not_taken("office", "queue_full", 200.0)
    assert [each["event"] for each in told(printed)] == ["queue.full"]


def test_a_source_that_was_left_behind_is_told_of_once_a_minute_with_how_often(troubles, printed):
    line = {"event": "source.left_behind", "level": "warning", "source": "office", "code": "unknown_key"}
    for now in range(10):
        troubles.not_taken("office", "unknown_key", now)
    assert told(printed) == [line | {"count": 1}]
    troubles.attempted("pmh", "a", UNVOUCHED, 10.0)  # an answer of its own
    assert told(printed) == [line | {"source": "pmh", "count": 1}]
    troubles.not_taken("office", "unknown_key", QUIET_SECONDS)
    assert told(printed) == [line | {"count": 10}]


@pytest.mark.parametrize("code", ["unknown_key", "limits_differ"])
def test_a_source_is_behind_until_something_of_it_is_taken_or_a_configuration_was_applied(troubles, code):
    troubles.not_taken("office", code, 0.0)
    troubles.taken("pmh", 0.0)
    assert troubles.behind == {"office": code}
    troubles.taken("office", 0.0)
    assert troubles.behind == {}
    troubles.not_taken("office", code, 1.0)
    troubles.anew()
    assert troubles.behind == {}


@pytest.mark.parametrize("code", ["log_unavailable", "clock_differs", "bad_signature", "expired"])
def test_what_is_told_elsewhere_is_not_told_here(troubles, printed, code):
    troubles.not_taken("office", code, 0.0)
    assert told(printed) == []
