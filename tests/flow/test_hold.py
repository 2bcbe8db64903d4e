"""What is held goes nowhere before two people have looked and released it; each decision is a fact before it counts.

The second half of rule 5: held until released by two different people, and the cause shown is `review` whatever it is.
"""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.cli import trail
from gateway.cli.history import did
from gateway.edge.outbox import EdgeOutbox
from gateway.edge.show import shown
from gateway.errors import Deferred, Refused
from gateway.messages import decode_header, stamp
from gateway.plugin import Accepted, Claim, Dead, DeferredRecord, RefusedRecord
from tests.flow.calling import PUT, posted
from tests.flow.holding import (
    ANNA,
    BEN,
    CARA,
    OPA,
    TERMINAL,
    certificate,
    hold_everything,
    looked,
    revoked,
    someone,
    staffed,
)
from tests.flow.line import Clock, running
from tests.flow.toys import OFFICE, REGISTER, Terminal, person, whole_person


@pytest.fixture
async def held(line):
    """The line with people, on which the route of persons holds."""
    hold_everything(line)
    await staffed(line.hub)
    return line


async def send(line, *records, key=b"k1"):
    return (await line.outbox.send("person.put", list(records) or [person()], key=key)).message_id


async def release(line, message_id, *names):
    """Each says that it may go; the last answer."""
    words = [await line.hub.holds.release(message_id, someone(name), TERMINAL) for name in names]
    return words[-1]["state"]


async def released(line, message_id):
    await looked(line, message_id, ANNA, BEN)
    assert await release(line, message_id, ANNA, BEN) == "released"


def refusals(line):
    return [(each["operator"], each["act"], each["code"]) for each in line.every_fact() if "act" in each]


# ---- the way of one hold ---------------------------------------------------------------------------------------------


async def test_rule_5_what_is_held_goes_out_after_two_different_people_have_released_it(held):
    message_id = await send(held, person(1), person(2))
    assert held.facts(message_id) == ["message.recorded", "hold.placed"]
    await looked(held, message_id, ANNA, BEN)
    assert await release(held, message_id, ANNA) == "approved"
    assert held.register_system.deliveries == []
    assert held.hub.dispatcher.waiting == 0
    assert await release(held, message_id, BEN) == "released"
    assert await held.settlement(message_id) == {0: Accepted(), 1: Accepted()}
    assert held.register_system.records() == [(0, person(1)), (1, person(2))]
    seen = ["hold.looked", "hold.shown"] * 2
    kinds = [*seen, "hold.approved", "hold.released", "delivery.attempted", "delivery.concluded"]
    assert held.facts(message_id) == ["message.recorded", "hold.placed", *kinds]
    acts = [each for each in held.journal.trace(message_id) if each["kind"].startswith("hold.") and "person" in each]
    assert [(each["person"], each["client_certificate"], each["terminal"]) for each in acts] == [
        (name, certificate(name), TERMINAL) for name in (ANNA, ANNA, BEN, BEN, ANNA, BEN)
    ]


async def test_rule_5_a_hold_shows_review_whatever_its_cause(held, office):
    """One is held because its route says so, the other because it is attested: the list and the content are alike."""
    by_route = await send(held, person(1))
    hold_everything(held, hold=False, may_attest=("review",))
    held.office_system.attest = Terminal().attest
    answered = await posted(office, PUT, [person(1, seq=2)], **{"Renkei-Proof": "0000000001/review"})
    by_claim = answered[1]["message_id"]
    for message_id in (by_route, by_claim):
        assert held.facts(message_id) == ["message.recorded", "hold.placed"]
    one, other = held.journal.holds.listed()
    assert [each["message_id"] for each in (one, other)] == [by_route, by_claim]
    same = ("route", "source", "destination", "operation", "records", "cause", "looked", "approved")
    assert [one[key] for key in same] == [other[key] for key in same]
    assert one["cause"] == "review"
    hold_everything(held, hold=True, may_attest=("review",))
    shows = [
        shown(await held.register.look(each, certificate(ANNA), TERMINAL), held.register.rules)
        for each in (by_route, by_claim)
    ]
    assert [(each["cause"], each["attestations"]) for each in shows] == [("review", [])] * 2


async def test_the_same_person_cannot_be_the_second(held):
    message_id = await send(held)
    await looked(held, message_id, CARA)
    await release(held, message_id, CARA)
    with pytest.raises(Refused, match="second_person_needed"):
        await release(held, message_id, CARA)
    assert refusals(held)[-1] == (CARA, "release", "second_person_needed")
    assert held.register_system.deliveries == []


async def test_the_second_has_the_approving_role(held):
    message_id = await send(held)
    await looked(held, message_id, ANNA, BEN)
    await release(held, message_id, BEN)
    with pytest.raises(Refused, match="role_missing"):
        await release(held, message_id, ANNA)
    assert held.facts(message_id)[-2:] == ["hold.approved", "operator.acted"]


async def test_nobody_decides_without_having_looked_at_this_very_hold(held):
    seen, unseen = await send(held), await send(held, person(2), key=b"k2")
    await looked(held, seen, ANNA)
    for act in (
        held.hub.holds.release(unseen, someone(ANNA), TERMINAL),
        held.hub.holds.refuse(unseen, someone(ANNA), TERMINAL, "content_wrong"),
    ):
        with pytest.raises(Refused, match="not_looked_at"):
            await act
    assert "hold.approved" not in held.facts(unseen)


async def test_whoever_made_it_neither_approves_nor_refuses(held, office):
    """C144. The one at the screen, by Renkei-Actor; of an automatic batch, the one who is responsible for it."""
    answered = await posted(office, PUT, [person()], **{"Renkei-Actor": ANNA, "Renkei-Terminal": TERMINAL})
    message_id = answered[1]["message_id"]
    await looked(held, message_id, ANNA, CARA)
    for act in (
        held.hub.holds.release(message_id, someone(ANNA), TERMINAL),
        held.hub.holds.refuse(message_id, someone(ANNA), TERMINAL, "content_wrong"),
    ):
        with pytest.raises(Refused, match="maker_may_not_confirm"):
            await act
    await release(held, message_id, CARA)
    batch = await send(held, person(2), key=b"k2")
    responsible = held.hub.rules.responsible[OFFICE]
    made = someone(ANNA).__class__(responsible, certificate(responsible), someone(CARA).roles)
    with pytest.raises(Refused, match="maker_may_not_confirm"):
        await held.hub.holds.release(batch, made, TERMINAL)


async def test_what_is_refused_ends_and_its_source_hears_only_that(held):
    message_id = await send(held, person(1), person(2))
    await looked(held, message_id, ANNA)
    await held.hub.holds.refuse(message_id, someone(ANNA), TERMINAL, "not_disclosable")
    assert await held.settlement(message_id) == dict.fromkeys((0, 1), RefusedRecord("not_released"))
    assert held.register_system.deliveries == []
    (refused,) = [each for each in held.journal.trace(message_id) if each["kind"] == "hold.refused"]
    assert (refused["reason"], refused["person"]) == ("not_disclosable", ANNA)
    (told,) = (await held.hub.refused(None))[0]
    assert (told["message_id"], told["by"], told["outcomes"][0]["code"]) == (message_id, "people", "not_released")
    with pytest.raises(Refused, match="not_held"):
        await release(held, message_id, BEN)


async def test_a_refusal_has_a_reason_of_the_closed_list(held):
    message_id = await send(held)
    await looked(held, message_id, ANNA)
    with pytest.raises(Refused, match="bad_reason"):
        await held.hub.holds.refuse(message_id, someone(ANNA), TERMINAL, "架空　太郎")
    assert held.facts(message_id)[-2:] == ["hold.shown", "operator.acted"]
    assert "架空" not in json.dumps(held.journal.trace(message_id), ensure_ascii=False)


async def test_two_people_at_the_same_moment_are_two_words_in_one_order(held):
    """Whoever comes first approves; whatever the order, it is released once and goes out once."""
    message_id = await send(held)
    await looked(held, message_id, BEN, CARA)
    acts = (held.hub.holds.release(message_id, someone(name), TERMINAL) for name in (BEN, CARA))
    assert [each["state"] for each in await asyncio.gather(*acts)] == ["approved", "released"]
    await held.settlement(message_id)
    assert len(held.register_system.deliveries) == 1


@pytest.mark.parametrize("refuses", [False, True])
async def test_whoever_is_revoked_at_the_same_moment_decides_nothing_behind_it(held, refuses):
    """Both are written in one group: the right is asked where the log has its order."""
    message_id = await send(held)
    await looked(held, message_id, ANNA, BEN)
    await release(held, message_id, ANNA)
    doing = (
        held.hub.holds.refuse(message_id, someone(BEN), TERMINAL, "content_wrong")
        if refuses
        else held.hub.holds.release(message_id, someone(BEN), TERMINAL)
    )
    answers = await asyncio.gather(revoked(held.hub, BEN), doing, return_exceptions=True)
    assert [getattr(each, "code", None) for each in answers] == [None, "role_missing"]
    assert held.facts(message_id)[-2:] == ["hold.approved", "operator.acted"]
    assert held.register_system.deliveries == []


async def test_an_approval_counts_no_more_once_its_person_is_revoked(held):
    message_id = await send(held)
    await looked(held, message_id, ANNA, BEN, CARA)
    await release(held, message_id, ANNA)
    await revoked(held.hub, ANNA)
    assert await release(held, message_id, BEN) == "approved"
    assert held.facts(message_id)[-2:] == ["hold.lapsed", "hold.approved"]
    lapsed = held.journal.trace(message_id)[-2]
    assert (lapsed["person"], lapsed["by"]) == (ANNA, BEN)
    (told,) = held.hub.history(someone(BEN), "", "9999", None)
    row = did(next(each for each in told if each["kind"] == "hold.lapsed"))
    shown = (row["who"], row["what"], row["terminal"], row["certificate"])
    assert shown == (BEN, f"hold.lapsed approval of {ANNA}", None, "")
    assert trail.line(lapsed)["what"] == f"approval of {ANNA}; found by {BEN}"
    assert held.register_system.deliveries == []
    assert await release(held, message_id, CARA) == "released"
    assert await held.settlement(message_id) == {0: Accepted()}


async def test_to_look_where_the_route_is_gone_says_so(held):
    message_id = await send(held)
    rules = held.register.rules
    routes = tuple(each for each in rules.tenant.file.routes if each.id != "T1")
    file = rules.tenant.file.model_copy(update={"routes": routes})
    held.register.rules = replace(rules, tenant=replace(rules.tenant, file=file))
    with pytest.raises(Refused, match="no_route"):
        await looked(held, message_id, ANNA)


async def test_a_release_and_a_refusal_at_the_same_moment_are_one_of_both(held):
    message_id = await send(held)
    await looked(held, message_id, ANNA, BEN, CARA)
    await release(held, message_id, ANNA)
    answers = await asyncio.gather(
        held.hub.holds.refuse(message_id, someone(CARA), TERMINAL, "content_wrong"),
        held.hub.holds.release(message_id, someone(BEN), TERMINAL),
        return_exceptions=True,
    )
    assert [getattr(each, "code", None) for each in answers] == [None, "not_held"]
    assert await held.settlement(message_id) == {0: RefusedRecord("not_released")}
    assert held.register_system.deliveries == []


async def test_what_todays_routes_do_not_carry_stays_held(held):
    message_id = await send(held)
    await looked(held, message_id, ANNA, BEN)
    await release(held, message_id, ANNA)
    usual = held.hub.rules
    held.hub.adopt(replace(usual, legal_basis={}), held.hub.dispatcher.limits)
    with pytest.raises(Refused, match="basis_not_in_force"):
        await release(held, message_id, BEN)
    assert refusals(held)[-1] == (BEN, "release", "basis_not_in_force")
    held.hub.adopt(usual, held.hub.dispatcher.limits)
    assert await release(held, message_id, BEN) == "released"
    await held.settlement(message_id)


# ---- order, room, time ----------------------------------------------------------------------------------------------


async def test_a_held_message_holds_no_lane(held):
    """What came after it has passed; released, it is the newest of its lane, and versions guard the rest."""
    first = await send(held, person(1, seq=1))
    hold_everything(held, hold=False)
    later = await send(held, person(1, seq=2), key=b"k2")
    await held.settlement(later)
    hold_everything(held)
    await released(held, first)
    await held.settlement(first)
    assert [record["update_seq"] for _, record in held.register_system.records()] == [2, 1]


async def test_a_reload_that_holds_stops_what_is_queued_already(line):
    """Between two attempts: what waits for its next is held then, leaves its lane, and goes out once it is released."""
    await staffed(line.hub)
    line.register_system.answer = lambda delivery: {i: DeferredRecord("system_busy", 0.05) for i, _ in delivery.records}
    message_id = await send(line, person(1, seq=1))
    await line.until(lambda: line.register_system.deliveries)
    hold_everything(line)
    await line.until(line.journal.holds.count)
    tried = len(line.register_system.deliveries)
    line.register_system.answer = lambda delivery: {i: Accepted() for i, _ in delivery.records}
    assert "delivery.attempted" not in line.facts(message_id)[line.facts(message_id).index("hold.placed") :]
    hold_everything(line, hold=False)
    later = await send(line, person(1, seq=2), key=b"k2")
    await line.settlement(later)
    hold_everything(line)
    await released(line, message_id)
    assert await line.settlement(message_id) == {0: Accepted()}
    assert [record["update_seq"] for _, record in line.register_system.records()[tried:]] == [2, 1]


async def test_what_a_reload_holds_expires_as_any_hold(line):
    line.register_system.answer = lambda delivery: {i: DeferredRecord("system_busy", 0.05) for i, _ in delivery.records}
    message_id = await send(line)
    await line.until(lambda: line.register_system.deliveries)
    hold_everything(line)
    await line.until(line.journal.holds.count)
    line.advance(seconds=line.hub.dispatcher.limits.message_seconds + 1)
    assert await line.settlement(message_id) == {0: Dead("expired")}


async def test_held_records_take_room_as_open_ones_do(site, tmp_path, monkeypatch):
    from gateway.hub.journal.transaction import Transaction

    async with running(site, tmp_path) as line:
        hold_everything(line)
        await send(line, person(1), person(2))
        assert line.journal.open_records() == 2
        monkeypatch.setattr(Transaction, "require_room", _room_for_two)
        with pytest.raises(Deferred, match="queue_full"):
            await send(line, person(3), key=b"k2")


def _room_for_two(transaction, count):
    if transaction._open_records + count > 2:
        raise Deferred("queue_full")


async def test_what_nobody_releases_in_time_ends_dead_and_its_source_hears_it(held):
    message_id = await send(held)
    held.advance(seconds=held.hub.dispatcher.limits.message_seconds + 1)
    assert await held.settlement(message_id) == {0: Dead("expired")}
    assert held.facts(message_id) == ["message.recorded", "hold.placed", "message.dead"]
    assert held.journal.holds.count() == 0
    assert [each["code"] for each in held.told("message.dead")] == ["expired"]


async def test_a_hold_is_over_with_what_it_attests(site, tmp_path):
    """A permit that has ended could be neither released nor looked at: so nobody is told that there is more time."""
    async with running(site, tmp_path) as line:
        hold_everything(line, hold=True, may_attest=("self_requested",))
        until = line.clock() + timedelta(minutes=10)
        outbox = EdgeOutbox(line.office, frozenset({"self_requested"}))
        claims = [Claim("self_requested", b"made up", until=until)]
        message_id = (await outbox.send("person.put", [person()], key=b"k1", claims=claims)).message_id
        (held,) = line.journal.holds.listed()
        assert held["until"] == stamp(until)
        line.advance(minutes=9)
        await line.until(lambda: not line.hub.dispatcher.overdue._look.is_set())  # it has looked, a minute too early
        assert line.journal.holds.count() == 1
        line.advance(minutes=1)
        assert await line.settlement(message_id) == {0: Dead("expired")}


async def test_the_time_of_a_hold_is_over_after_a_restart_too(site, tmp_path):
    async with running(site, tmp_path) as line:
        hold_everything(line)
        message_id = await send(line)
        past = line.hub.dispatcher.limits.message_seconds + 1
    clock = Clock()
    clock.ahead = clock.ahead.__class__(seconds=past)
    async with running(site, tmp_path, clock=clock) as line:
        assert await line.settlement(message_id) == {0: Dead("expired")}


async def test_a_release_after_the_time_is_over_releases_nothing(held, monkeypatch):
    message_id = await send(held)
    await looked(held, message_id, ANNA)
    monkeypatch.setattr(held.hub.dispatcher.overdue, "_end_what_is_over", asyncio.Event().wait)
    held.advance(seconds=held.hub.dispatcher.limits.message_seconds + 1)
    with pytest.raises(Refused, match="expired"):
        await release(held, message_id, ANNA)
    assert held.journal.holds.count() == 1


@pytest.mark.parametrize("facts", range(2, 9))
async def test_a_crash_between_two_facts_loses_nothing_and_releases_nothing(site, tmp_path, facts):
    """A hold is taken up where its facts left it, after each of them: looked, shown, looked, shown, approved, released,
    delivered.
    """

    def by(act, name):
        return lambda line, it: getattr(line.hub.holds, act)(REGISTER, it, certificate(name), TERMINAL)

    steps = [
        *(by(act, name) for name in (ANNA, BEN) for act in ("look", "shown")),
        lambda line, it: release(line, it, ANNA),
        lambda line, it: release(line, it, BEN),
    ]
    async with running(site, tmp_path, dispatch=False) as line:
        hold_everything(line)
        await staffed(line.hub)
        message_id = await send(line)
        for step in steps[: facts - 2]:
            await step(line, message_id)
        assert len(line.facts(message_id)) == facts
    async with running(site, tmp_path) as line:
        hold_everything(line)
        for step in steps[facts - 2 :]:
            assert line.register_system.deliveries == []
            assert line.journal.holds.count() == 1
            await step(line, message_id)
        assert await line.settlement(message_id) == {0: Accepted()}
        assert len(line.register_system.deliveries) == 1


async def test_after_a_crash_behind_a_refusal_the_source_still_hears_it(site, tmp_path):
    async with running(site, tmp_path, dispatch=False) as line:
        hold_everything(line)
        await staffed(line.hub)
        message_id = await send(line)
        await looked(line, message_id, ANNA)
        await line.hub.holds.refuse(message_id, someone(ANNA), TERMINAL, "request_wrong")
    async with running(site, tmp_path) as line:
        assert await line.settlement(message_id) == {0: RefusedRecord("not_released")}
        assert line.register_system.deliveries == []


# ---- replay ----------------------------------------------------------------------------------------------------------


async def killed(line, *records, key=b"k1"):
    """A message with dead records, by attempts that failed."""
    line.hub.dispatcher.limits = line.hub.dispatcher.limits.model_copy(update={"attempts": 1})
    line.register_system.answer = _unreachable
    message_id = await send(line, *records, key=key)
    await line.until(line.journal.dead_letters)
    line.register_system.answer = lambda delivery: {i: Accepted() for i, _ in delivery.records}
    return message_id


def _unreachable(delivery):
    raise Deferred("system_unreachable")


async def test_a_replay_on_a_route_that_holds_by_now_is_held(line):
    await staffed(line.hub)
    message_id = await killed(line)
    hold_everything(line)
    tried = len(line.register_system.deliveries)
    assert await line.hub.replay(message_id, OPA) == (0,)
    assert line.facts(message_id)[-2:] == ["message.replayed", "hold.placed"]
    assert (line.journal.holds.count(), len(line.register_system.deliveries)) == (1, tried)
    await released(line, message_id)
    assert await line.settlement(message_id, times=2) == {0: Accepted()}


async def test_a_replay_of_what_was_released_once_is_not_held_again(held):
    held.hub.dispatcher.limits = held.hub.dispatcher.limits.model_copy(update={"attempts": 1})
    held.register_system.answer = _unreachable
    message_id = await send(held)
    await released(held, message_id)
    await held.until(held.journal.dead_letters)
    held.register_system.answer = lambda delivery: {0: Accepted()}
    await held.hub.replay(message_id, OPA)
    assert await held.settlement(message_id, times=2) == {0: Accepted()}


async def test_a_replay_is_not_held_while_other_records_of_it_are_under_way(line):
    """They would have to be held with it, and may be in the system's hand by now."""
    message_id = await send_with_one_dead(line)
    hold_everything(line)
    with pytest.raises(Refused, match="not_ended"):
        await line.hub.replay(message_id, OPA)
    assert line.journal.holds.count() == 0


async def send_with_one_dead(line):
    """Record 0 is dead, record 1 waits for its next attempt."""
    from gateway.messages import Ending, RecordOutcome, stamp

    line.hub.dispatcher._stopping = True
    message_id = await send(line, person(1), person(2))
    now = line.clock()
    dead = [RecordOutcome(0, Ending.DEAD, "gave_up")]
    await line.journal.conclude(
        message_id, dead, attempt=1, next_at=now.timestamp() + 60, at=stamp(now), now=now.timestamp()
    )
    return message_id


# ---- looking ---------------------------------------------------------------------------------------------------------


async def test_who_looks_is_in_the_log_before_the_content_is_given_out(held, monkeypatch):
    message_id = await send(held, whole_person(1), person(2))
    here = await held.register.look(message_id, certificate(ANNA), TERMINAL)
    (look,) = [each for each in held.journal.trace(message_id) if each["kind"] == "hold.looked"]
    assert (look["person"], look["client_certificate"], look["terminal"]) == (ANNA, certificate(ANNA), TERMINAL)
    told = shown(here, held.register.rules)
    assert (told["route"], told["source"], told["legal_basis"][:2]) == ("T1", OFFICE, ["架空法第1条", "架空法第2条"])
    first = {each["path"]: (each["label"], each["value"]) for each in told["records"][0]["fields"]}
    assert first["home.address"] == ("住所", "架空市見本町１－２－３")
    assert first["guardians[1].guardian_name"][1] == "髙﨑　次郎"
    assert [each["index"] for each in told["records"]] == [0, 1]

    async def unwritable(*_, **__):
        raise Deferred("log_unavailable")

    monkeypatch.setattr(held.journal.holds, "look", unwritable)
    with pytest.raises(Deferred, match="log_unavailable"):
        await held.register.look(message_id, certificate(ANNA), TERMINAL)


async def test_what_could_not_be_opened_was_not_looked_at(held, monkeypatch):
    """That it was given out is a fact all the same; deciding takes that it could be shown."""
    message_id = await send(held)
    await looked(held, message_id, BEN)

    def cannot(*_, **__):
        raise Refused("bad_envelope")

    monkeypatch.setattr("gateway.edge.flow.look", cannot)
    with pytest.raises(Refused, match="bad_envelope"):
        await held.register.look(message_id, certificate(ANNA), TERMINAL)
    assert held.facts(message_id)[-1] == "hold.looked"
    for act in (
        held.hub.holds.release(message_id, someone(ANNA), TERMINAL),
        held.hub.holds.refuse(message_id, someone(ANNA), TERMINAL, "content_wrong"),
    ):
        with pytest.raises(Refused, match="not_looked_at"):
            await act
    assert held.journal.holds.listed()[0]["looked"] == [BEN]


async def test_nobody_is_shown_what_was_not_given_out_for_them(held):
    message_id = await send(held)
    with pytest.raises(Refused, match="not_looked_at"):
        await held.hub.shown(REGISTER, message_id, certificate(ANNA), TERMINAL)
    with pytest.raises(Refused, match="unknown_message"):
        await held.hub.shown(OFFICE, message_id, certificate(ANNA), TERMINAL)
    with pytest.raises(Refused, match="role_missing"):
        await held.hub.shown(REGISTER, message_id, certificate(OPA), TERMINAL)
    assert "hold.shown" not in held.facts(message_id)


async def test_if_the_log_cannot_take_that_it_was_shown_it_is_not(held, monkeypatch):
    message_id = await send(held)

    async def unwritable(*_, **__):
        raise Deferred("log_unavailable")

    monkeypatch.setattr(held.journal.holds, "shown", unwritable)
    with pytest.raises(Deferred, match="log_unavailable"):
        await held.register.look(message_id, certificate(ANNA), TERMINAL)


async def test_who_may_not_look_is_shown_nothing(held):
    message_id = await send(held)
    with pytest.raises(Refused, match="role_missing"):
        await held.register.look(message_id, certificate(OPA), TERMINAL)
    assert refusals(held)[-1] == (OPA, "look", "role_missing")
    with pytest.raises(Refused, match="unknown_certificate"):
        await held.register.look(message_id, certificate("nobody"), TERMINAL)
    with pytest.raises(Refused, match="bad_actor"):
        await held.register.look(message_id, certificate(ANNA), "架空 太郎")
    assert "hold.looked" not in held.facts(message_id)


async def test_whoever_may_look_no_more_is_shown_nothing_and_recorded(held):
    message_id = await send(held)
    await revoked(held.hub, ANNA)
    with pytest.raises(Refused, match="unknown_certificate"):
        await held.register.look(message_id, certificate(ANNA), TERMINAL)
    assert refusals(held)[-1] == (ANNA, "look", "unknown_certificate")
    assert held.facts(message_id)[-1] == "operator.acted"


async def test_only_the_destinations_edge_is_given_it_to_show(held):
    message_id = await send(held)
    with pytest.raises(Refused, match="unknown_message"):
        await held.office.look(message_id, certificate(ANNA), TERMINAL)
    assert "hold.looked" not in held.facts(message_id)


async def test_nobody_looks_at_what_is_not_held(held):
    message_id = await send(held)
    await released(held, message_id)
    await held.settlement(message_id)
    with pytest.raises(Refused, match="not_held"):
        await held.register.look(message_id, certificate(CARA), TERMINAL)


async def test_an_edge_shows_nothing_that_is_not_to_be_held_whatever_the_hub_says(line, monkeypatch):
    await staffed(line.hub)
    message_id = await send(line)
    await line.settlement(message_id)

    async def let(*_, **__):
        return None

    monkeypatch.setattr(line.journal.holds, "look", let)
    with pytest.raises(Refused, match="not_held"):
        await line.register.look(message_id, certificate(ANNA), TERMINAL)


async def test_an_edge_shows_no_other_message_than_was_asked_for(held, monkeypatch):
    one, other = await send(held), await send(held, person(2), key=b"k2")
    envelope = held.journal.envelope(other)

    async def another(*_, **__):
        return envelope

    monkeypatch.setattr(held.hub.holds, "look", another)
    assert decode_header(envelope.header).message_id == other
    with pytest.raises(Refused, match="dispute"):
        await held.register.look(one, certificate(ANNA), TERMINAL)


async def test_an_edge_process_does_not_fill_the_log_with_lookings(site, tmp_path):
    """It names the person itself: beyond its allowance nothing is given out, and nothing recorded."""
    async with running(site, tmp_path, link="https") as line:
        hold_everything(line)
        await staffed(line.hub)
        message_id = await send(line)
        assert line.remote is not None
        line.remote.listener._allowances[REGISTER]._left = float("-inf")  # whatever comes back by the second
        with pytest.raises(Deferred, match="queue_full"):
            await line.register.look(message_id, certificate(ANNA), TERMINAL)
        assert "hold.looked" not in line.facts(message_id)
        assert line.remote.listener.noise == 1
