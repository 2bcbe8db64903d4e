"""Design §4 rule 7: what a route keeps for a time only deletes itself then, with a fact."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.errors import Refused
from gateway.hub.journal import FactKind
from gateway.hub.retention import LOOK_SECONDS, Steady, delete_outdated, pause, runs_away, would_go
from gateway.messages import stamp
from gateway.plugin import Dead, DeferredRecord
from tests.flow.line import running
from tests.flow.toys import person

KEPT = timedelta(days=7)


def keeping(line, seconds):
    """The tenant as it is when its first route keeps its messages that long."""
    tenant = line.hub.rules.tenant
    first, *others = tenant.file.routes
    routes = (first.model_copy(update={"keep_seconds": seconds}), *others)
    return replace(tenant, file=tenant.file.model_copy(update={"routes": routes}))


async def test_rule_7_a_payload_that_has_ended_is_deleted_after_its_time_and_not_before(line):
    receipt = await line.outbox.send("person.put", [person()], key=b"1")
    await line.settlement(receipt.message_id)
    tenant, now = keeping(line, KEPT.total_seconds()), line.clock()
    assert await delete_outdated(tenant, line.journal, now + KEPT - timedelta(minutes=9)) == 0
    assert line.journal.envelope(receipt.message_id) is not None
    assert await delete_outdated(tenant, line.journal, now + KEPT + timedelta(seconds=9)) == 1
    assert line.journal.envelope(receipt.message_id) is None
    assert line.facts(receipt.message_id)[-1] == "envelope.deleted"
    assert await delete_outdated(tenant, line.journal, now + 2 * KEPT) == 0


@pytest.mark.parametrize("later", [[], [("T1-renamed", None)], [("T1", None)], [("T1", 10 * KEPT)]])
async def test_rule_7_a_later_reload_does_not_lengthen_what_was_settled_at_the_end(line, later):
    """The route is taken away, renamed, or keeps for ever, or longer: what has ended goes at its time."""
    line.hub.adopt(replace(line.hub.rules, tenant=keeping(line, KEPT.total_seconds())), line.hub.dispatcher.limits)
    receipt = await line.outbox.send("person.put", [person()], key=b"1")
    await line.settlement(receipt.message_id)
    first, *others = line.hub.rules.tenant.file.routes
    changed = [
        first.model_copy(update={"id": name, "keep_seconds": keep and keep.total_seconds()}) for name, keep in later
    ]
    tenant, now = line.hub.rules.tenant, line.clock()
    tenant = replace(tenant, file=tenant.file.model_copy(update={"routes": (*changed, *others)}))
    line.hub.adopt(replace(line.hub.rules, tenant=tenant), line.hub.dispatcher.limits)
    assert await delete_outdated(tenant, line.journal, now + KEPT - timedelta(minutes=9)) == 0
    assert await delete_outdated(tenant, line.journal, now + KEPT + timedelta(seconds=9)) == 1
    assert line.facts(receipt.message_id)[-1] == "envelope.deleted"


async def test_rule_7_a_later_reload_that_keeps_shorter_counts_for_what_has_ended(line):
    line.hub.adopt(replace(line.hub.rules, tenant=keeping(line, KEPT.total_seconds())), line.hub.dispatcher.limits)
    receipt = await line.outbox.send("person.put", [person()], key=b"1")
    await line.settlement(receipt.message_id)
    assert await delete_outdated(keeping(line, 60.0), line.journal, line.clock() + timedelta(seconds=69)) == 1


async def test_a_payload_that_a_legal_hold_keeps_is_told_of_beside_what_would_go(line):
    receipt = await line.outbox.send("person.put", [person()], key=b"1")
    await line.settlement(receipt.message_id)
    tenant, later = keeping(line, 0.0), line.clock() + timedelta(seconds=9)
    found = await would_go(tenant, line.journal, later)
    assert (found.envelopes, found.held) == (1, 0)
    await line.journal.retention.place({"case": "R8-1", "messages": [receipt.message_id]}, at=stamp(line.clock()))
    found = await would_go(tenant, line.journal, later)
    assert (found.envelopes, found.held) == (0, 1)


async def test_rule_7_what_other_routes_carry_is_kept(line):
    receipt = await line.outbox.send("person.put", [person()], key=b"1")
    await line.settlement(receipt.message_id)
    assert await delete_outdated(line.hub.rules.tenant, line.journal, line.clock() + 10 * KEPT) == 0


async def test_a_dead_message_whose_payload_is_gone_is_its_sources_to_send_anew(site, tmp_path):
    async with running(site, tmp_path, attempts=1) as line:
        line.register_system.answer = lambda delivery: {i: DeferredRecord("system_busy") for i, _ in delivery.records}
        receipt = await line.outbox.send("person.put", [person()], key=b"1")
        await line.settlement(receipt.message_id)
        await delete_outdated(keeping(line, 0.0), line.journal, line.clock() + timedelta(seconds=9))
        with pytest.raises(Refused, match="send_anew"):
            await line.hub.replay(receipt.message_id, "yamada")
        assert await line.settlement(receipt.message_id, times=2) == {0: Dead("send_anew")}


async def test_it_is_looked_at_often_enough_for_what_is_kept_shortest(line):
    assert pause(line.hub.rules.tenant) == LOOK_SECONDS
    assert (pause(keeping(line, 5.0)), pause(keeping(line, 0.0))) == (5.0, 1.0)


def test_a_clock_is_steady_after_a_day_in_which_it_went_as_time_does():
    """However quiet the log is; set by years, it must show that anew."""
    steady, start = Steady(), datetime(2026, 4, 1, tzinfo=UTC)
    hour, years = timedelta(hours=1), timedelta(days=2000)
    assert not any(steady.look(start + at * hour, at * 3600.0) for at in range(24))
    assert steady.look(start + 24 * hour, 24 * 3600.0)
    assert not steady.look(start + 25 * hour + years, 25 * 3600.0)
    assert not steady.look(start + 48 * hour + years, 48 * 3600.0)
    assert steady.look(start + 49 * hour + years, 49 * 3600.0)
    assert not steady.look(start + 50 * hour, 50 * 3600.0)


async def test_a_log_is_not_believed_to_be_late_that_has_nothing_from_lately(line):
    await line.journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=stamp(line.clock()))
    assert not runs_away(line.journal, line.clock())
    assert runs_away(line.journal, line.clock() + timedelta(days=40))
    await line.journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=stamp(line.clock() + timedelta(days=20)))
    assert not runs_away(line.journal, line.clock() + timedelta(days=40))
