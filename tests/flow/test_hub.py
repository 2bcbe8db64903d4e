"""The hub takes no edge's word for more than it may say: at the seam of the link, with a real journal behind."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.config import Limits
from gateway.errors import Deferred, Refused
from gateway.hub import flow
from gateway.hub.journal import Journal
from gateway.hub.places import Places
from gateway.hub.queue import Due, Queue
from gateway.messages import Ending, Handed, MessageKind, RecordOutcome, Sealed, decode_header, stamp
from tests.flow.line import TOMORROW, Clock, just_now
from tests.flow.site import open_journal
from tests.flow.toys import OFFICE, REGISTER, TENANT, person, sought
from tests.unit.test_permit import reply, stated
from tests.unit.test_seal_open import envelope_of, sealed_by_office

CLOCK = Clock()


@pytest.fixture
def journal(site, tmp_path):
    opened = open_journal(site, tmp_path / f"{TENANT}.db")
    yield opened
    opened.close()


class Edges:
    """A receiving edge that answers whatever it was told to."""

    def __init__(self, answer):
        self.answer = answer

    async def deliver(self, tenant, connector, envelope, wanted):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def settle(self, settled):
        raise AssertionError


def sealed_now(site, *records, operation="person.put") -> Sealed:
    return sealed_by_office(site, *records, operation=operation, received_at=CLOCK())


def nowhere() -> Places:
    """No room: the queue gives out everything."""
    return Places(Queue(), lambda _: 0, lambda: None)


async def attempt(site, journal: Journal, sealed, answer, attempts=50, limits=None):
    """Record the message, make one attempt, and tell what it came to."""
    _, recorded = await flow.accept(sealed, OFFICE, site.hub_rules, journal, CLOCK(), nowhere())
    (open_message,) = [each for each in journal.open_messages() if each.message_id == recorded.message_id]
    message = Due(
        recorded.message_id,
        recorded.seq,
        MessageKind(open_message.kind),
        OFFICE,
        REGISTER,
        dict(open_message.records),
    )
    return recorded.message_id, await flow.deliver(
        message,
        decode_header(envelope_of(sealed).header),
        envelope_of(sealed),
        frozenset(message.open),
        site.hub_rules,
        journal,
        Edges(answer),
        limits or Limits(attempts=attempts, retry_first=1.0),
        CLOCK,
        nowhere(),
    )


async def test_each_outcome_is_a_fact_after_the_attempt_was_one(site, journal):
    answer = Handed((RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(1, Ending.REFUSED, "too_long", "name")))
    message_id, concluded = await attempt(site, journal, sealed_now(site, person(0), person(1)), answer)
    assert [each["kind"] for each in journal.trace(message_id)] == [
        "message.recorded",
        "delivery.attempted",
        "delivery.concluded",
    ]
    status = journal.message(message_id)
    assert status is not None
    assert status.ended
    assert (concluded.outcomes, concluded.next_at) == (answer.outcomes, None)


@pytest.mark.parametrize("answer", [Handed(()), Handed((RecordOutcome(0, Ending.ACCEPTED),))])
async def test_records_of_which_an_edge_says_nothing_are_deferred_with_patience(site, journal, answer):
    """Else they would be due again at once, for ever, and never become dead letters."""
    began = CLOCK().timestamp()
    message_id, concluded = await attempt(site, journal, sealed_now(site, person(0), person(1)), answer)
    status = journal.message(message_id)
    assert status is not None
    assert not status.ended
    assert concluded.next_at is not None
    assert concluded.next_at >= began + 1


async def test_records_of_which_an_edge_says_nothing_are_given_up_in_the_end(site, journal):
    message_id, _ = await attempt(site, journal, sealed_now(site, person(0)), Handed(()), attempts=1)
    status = journal.message(message_id)
    assert status is not None
    assert status.outcomes == (RecordOutcome(0, Ending.DEAD, "gave_up"),)


async def test_an_edge_that_cannot_be_reached_defers_all(site, journal):
    began = CLOCK().timestamp()
    _, concluded = await attempt(site, journal, sealed_now(site, person()), Deferred("system_unreachable", 60.0))
    assert concluded.outcomes == (RecordOutcome(0, None, "system_unreachable"),)
    assert concluded.next_at is not None
    assert concluded.next_at >= began + 60


async def test_an_edge_that_never_answers_ends_with_its_time(site, journal, monkeypatch):
    monkeypatch.setattr(Edges, "deliver", lambda *_: asyncio.Event().wait())
    limits = site.config.gateway.limits.model_copy(update={"delivery_deadline": 0.02})
    _, concluded = await attempt(site, journal, sealed_now(site, person()), None, limits=limits)
    assert concluded.outcomes == (RecordOutcome(0, None, "deadline"),)
    assert concluded.unreached


async def test_clocks_that_differ_are_recorded_and_the_message_may_come_again(site, journal):
    """It is for the operator to set them; so the sender is put off, not refused."""
    sealed = sealed_now(site, person())
    with pytest.raises(Deferred, match="clock_differs") as put_off:
        await flow.accept(sealed, OFFICE, site.hub_rules, journal, CLOCK() + timedelta(hours=1), nowhere())
    assert put_off.value.retry_after
    (fact,) = journal.trace(_id(sealed))
    assert (fact["kind"], fact["code"]) == ("message.refused", "clock_differs")


async def test_a_message_beyond_the_hubs_limits_is_recorded_as_refused_and_may_come_again(site, journal):
    sealed = sealed_now(site, person(1), person(2))
    small = replace(site.hub_rules, limits=site.hub_rules.limits.model_copy(update={"records_per_message": 1}))
    with pytest.raises(Deferred, match="limits_differ") as put_off:
        await flow.accept(sealed, OFFICE, small, journal, CLOCK(), nowhere())
    assert put_off.value.retry_after
    (fact,) = journal.trace(_id(sealed))
    assert (fact["kind"], fact["code"], fact["operation"]) == ("message.refused", "limits_differ", "person.put")
    permitted, _ = await flow.accept(sealed, OFFICE, site.hub_rules, journal, CLOCK(), nowhere())
    assert permitted is not None


BOTH = (RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(1, Ending.ACCEPTED))
ANSWERED = (RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(1, Ending.REFUSED, "no_such_person"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"correlation_id": "01960000-0000-7000-8000-00000000000f"}, "no_open_request"),
        ({"item_sets": (("individual_number",),)}, "items_beyond_route"),
        ({"expires_at": "2020-01-01T00:00:00.000000Z"}, "expired"),
        ({"kem_key": "0" * 16}, "unknown_key"),
    ],
)
async def test_a_reply_that_may_not_pass_ends_its_records_refused_and_is_a_fact(site, journal, changes, code):
    sealed = sealed_now(site, sought(0), sought(1), operation="person.find")
    ours = {"correlation_id": _id(sealed), "expires_at": TOMORROW, "created_at": just_now()}
    handed = Handed(ANSWERED, reply=reply(site, **ours | changes))
    message_id, concluded = await attempt(site, journal, sealed, handed)
    assert concluded.outcomes == (RecordOutcome(0, Ending.REFUSED, code), ANSWERED[1])
    assert concluded.reply is None
    status = journal.message(message_id)
    assert status is not None
    assert (status.ended, status.reply_id) == (True, None)


async def test_a_good_reply_is_recorded_in_the_same_breath(site, journal):
    sealed = sealed_now(site, sought(0), sought(1), operation="person.find")
    good = reply(
        site, correlation_id=_id(sealed), expires_at=TOMORROW, created_at=just_now(), message_id=_other(sealed)
    )
    message_id, concluded = await attempt(site, journal, sealed, Handed(BOTH, reply=good))
    assert concluded.outcomes == BOTH
    assert concluded.recorded.reply is not None
    status = journal.message(message_id)
    assert status is not None
    assert status.reply_id == concluded.recorded.reply.message_id


async def test_a_reply_that_is_marked_as_one_to_another_question_is_none(site, journal):
    sealed = sealed_now(site, sought(0), sought(1), operation="person.find")
    ours = {"correlation_id": _id(sealed), "expires_at": TOMORROW, "created_at": just_now()}
    other = reply(site, **ours, message_id=_other(sealed), request_mark="c" * 64)
    _, concluded = await attempt(site, journal, sealed, Handed(BOTH, reply=other))
    assert {each.code for each in concluded.outcomes} == {"no_open_request"}


async def test_an_event_has_no_reply(site, journal):
    sealed = sealed_now(site, person(0), person(1))
    forged = reply(site, correlation_id=_id(sealed), expires_at=TOMORROW, created_at=just_now())
    _, concluded = await attempt(site, journal, sealed, Handed(ANSWERED, reply=forged))
    assert concluded.outcomes[0] == RecordOutcome(0, Ending.REFUSED, "no_open_request")


async def test_a_reply_answers_just_the_records_that_are_said_to_be_answered(site, journal):
    sealed = sealed_now(site, sought(0), sought(1), operation="person.find")
    more = reply(
        site, correlation_id=_id(sealed), expires_at=TOMORROW, created_at=just_now(), message_id=_other(sealed)
    )
    _, concluded = await attempt(site, journal, sealed, Handed(ANSWERED, reply=more))
    assert concluded.outcomes == (RecordOutcome(0, Ending.REFUSED, "no_open_request"), ANSWERED[1])


async def test_a_request_is_not_accepted_without_an_answer(site, journal):
    sealed = sealed_now(site, sought(0), operation="person.find")
    _, concluded = await attempt(site, journal, sealed, Handed((RecordOutcome(0, Ending.ACCEPTED),)))
    assert concluded.outcomes == (RecordOutcome(0, Ending.REFUSED, "refused_by_system"),)


async def test_what_the_hub_refuses_is_a_fact_that_believes_nothing_of_it(site, journal):
    sealed = sealed_now(site, person())
    forged = replace(sealed, envelope=replace(envelope_of(sealed), signature=b"s" * 64))
    with pytest.raises(Refused, match="bad_signature"):
        await flow.accept(forged, OFFICE, site.hub_rules, journal, CLOCK(), nowhere())
    with pytest.raises(Refused, match="header_mismatch"):
        await flow.accept(stated(site), REGISTER, site.hub_rules, journal, CLOCK(), nowhere())
    rows = journal._connection.execute("SELECT body, message_id FROM fact ORDER BY seq").fetchall()
    assert len(rows) == 2
    assert all(message_id is None and b"message.refused" in body for body, message_id in rows)
    assert envelope_of(forged).digest().encode() in rows[0][0]
    assert REGISTER.encode() in rows[1][0]


async def test_what_is_refused_names_no_operation_that_no_interface_has(site, journal):
    """A statement's operation is its edge's own word until it is found in the lock."""
    for operation in ("person.put", "person.of_her_name"):
        made = stated(site, operation=operation, at=stamp(CLOCK()), code="no_code")
        with pytest.raises(Refused, match="bad_envelope"):
            await flow.accept(made, OFFICE, site.hub_rules, journal, CLOCK(), nowhere())
    known, unknown = (json.loads(body) for (body,) in journal._connection.execute("SELECT body FROM fact ORDER BY seq"))
    assert (known["operation"], unknown.get("operation")) == ("person.put", None)
    assert "of_her_name" not in json.dumps(unknown)


def _id(sealed: Sealed) -> str:
    return decode_header(envelope_of(sealed).header).message_id


def _other(sealed: Sealed) -> str:
    return _id(sealed)[:-1] + "9"


@pytest.mark.parametrize(
    "said",
    [
        (*BOTH, RecordOutcome(1, Ending.REFUSED, "too_long")),
        (*BOTH, RecordOutcome(1, None, "system_busy")),
        (BOTH[0], RecordOutcome(1, None, "system_busy")),
    ],
)
async def test_a_reply_is_held_against_the_outcomes_that_are_recorded(site, journal, said):
    """Whatever an edge says twice: the log must not deny an answer that was given, nor one be given while one waits."""
    sealed = sealed_now(site, sought(0), sought(1), operation="person.find")
    forged = reply(
        site, correlation_id=_id(sealed), expires_at=TOMORROW, created_at=just_now(), message_id=_other(sealed)
    )
    message_id, concluded = await attempt(site, journal, sealed, Handed(said, reply=forged))
    assert concluded.reply is None
    status = journal.message(message_id)
    assert status is not None
    assert status.reply_id is None
