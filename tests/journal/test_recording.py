"""What `record` and `fact` promise: durable once returned, once per request key, all or nothing."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Deferred, Refused
from gateway.hub.journal import FactKind, Journal, JournalLimits, writer
from gateway.messages import Ending, MessageKind, Recorded, RecordOutcome, Tags, encode
from tests.journal.builders import (
    AT,
    LIMITS,
    NOW,
    TENANT,
    digest,
    id_of,
    message,
    new_id,
    open_journal,
    settlements_due,
)

KEY, BODY = digest("request key"), digest("body")


async def end(journal: Journal, message_id: str, indices: tuple[int, ...] = (0,)) -> None:
    outcomes = [RecordOutcome(index, Ending.ACCEPTED) for index in indices]
    await journal.conclude(message_id, outcomes, attempt=1, next_at=None, at=AT, now=NOW)


async def test_a_recorded_message_is_due_at_once_and_survives_reopening(path: Path) -> None:
    journal = open_journal(path)
    sent = message((0, 2, 5), refused=[(1, "wrong_type", "birth_date")])
    recorded = await journal.record(sent, at=AT, now=NOW)
    journal.close()

    journal = open_journal(path)
    (due,) = journal.open_messages()
    status = journal.message(id_of(sent))
    assert (recorded.seq, recorded.repeated) == (1, False)
    assert due.records == ((0, 0), (2, 2), (5, 5))
    assert (due.kind, due.source, due.attempt, due.next_at) == (MessageKind.EVENT, "health_management", 0, NOW)
    assert journal.envelope(id_of(sent)) == sent.sealed.envelope
    assert status is not None
    assert status.outcomes == (RecordOutcome(1, Ending.REFUSED, "wrong_type", "birth_date"),)
    assert (status.ended, status.open_records, status.settlement_due) == (False, 3, False)
    journal.close()


async def test_the_fact_holds_the_header_and_the_refusals(journal: Journal) -> None:
    sent = message((0,), refused=[(1, "wrong_type", "birth_date")])
    await journal.record(sent, at=AT, now=NOW)
    (fact,) = journal.trace(id_of(sent))
    assert sent.sealed.envelope is not None
    assert fact["kind"] == "message.recorded"
    assert encode(fact["header"]) == sent.sealed.envelope.header
    assert fact["envelope"] == sent.sealed.envelope.digest()
    assert fact["statement"]["records"] == [[1, "wrong_type", "birth_date"]]
    assert fact["statement_signature"] == (b"s" * 64).hex()


async def test_a_message_of_refused_records_alone_ends_at_once_and_is_to_be_settled(journal: Journal) -> None:
    sent = message((), refused=[(0, "wrong_type", None)])
    await journal.record(sent, at=AT, now=NOW)
    assert list(journal.open_messages()) == []
    (due,) = settlements_due(journal)
    assert (due.tenant, due.source, due.message_id) == (TENANT, "health_management", id_of(sent))
    assert due.outcomes == (RecordOutcome(0, Ending.REFUSED, "wrong_type"),)


async def test_same_request_key_and_body_gives_the_first_answer(journal: Journal) -> None:
    first = message(request_key=KEY, body_tag=BODY)
    await journal.record(first, at=AT, now=NOW)
    again = await journal.record(message(request_key=KEY, body_tag=BODY), at=AT, now=NOW)
    assert (again.message_id, again.repeated, again.seq) == (id_of(first), True, 1)
    assert [fact["kind"] for fact in journal.trace(id_of(first))] == ["message.recorded", "message.repeated"]
    assert settlements_due(journal) == []


async def test_same_request_key_and_other_body_is_refused(journal: Journal) -> None:
    await journal.record(message(request_key=KEY, body_tag=BODY), at=AT, now=NOW)
    with pytest.raises(Refused, match="request_key_reused"):
        await journal.record(message(request_key=KEY, body_tag=digest("other")), at=AT, now=NOW)


async def test_request_keys_are_each_sources_own(journal: Journal) -> None:
    await journal.record(message(request_key=KEY, body_tag=BODY), at=AT, now=NOW)
    other = await journal.record(message(request_key=KEY, body_tag=digest("x"), source="pmh"), at=AT, now=NOW)
    assert not other.repeated


async def test_request_key_of_a_statement_counts_too(journal: Journal) -> None:
    refused = [(0, "wrong_type", None)]
    first = message((), refused=refused, request_key=KEY, body_tag=BODY)
    await journal.record(first, at=AT, now=NOW)
    again = await journal.record(message((), refused=refused, request_key=KEY, body_tag=BODY), at=AT, now=NOW)
    assert (again.message_id, again.repeated) == (id_of(first), True)


async def test_what_was_answered_once_is_answered_so_again_without_being_permitted(journal: Journal) -> None:
    first = message(request_key=KEY, body_tag=BODY)
    await journal.record(first, at=AT, now=NOW)
    await end(journal, id_of(first))
    await journal.settled(id_of(first))
    again = message(request_key=KEY, body_tag=BODY)
    assert again.header is not None
    assert await journal.repeat(again.header, at=AT) == Recorded(id_of(first), repeated=True, seq=1)
    fact = journal.trace(id_of(first))[-1]
    assert (fact["kind"], fact["repeat"], fact["connector"]) == ("message.repeated", id_of(again), "health_management")
    assert [found for _, found in journal.unheard("health_management", 0)] == [id_of(first)]


@pytest.mark.parametrize(
    "other",
    [
        {"request_key": KEY, "body_tag": digest("other")},
        {"request_key": KEY},
        {"request_key": digest("other"), "body_tag": BODY},
        {"request_key": KEY, "body_tag": BODY, "source": "pmh"},
        {},
    ],
)
async def test_what_never_came_before_is_no_repeat(journal: Journal, other: dict[str, str]) -> None:
    await journal.record(message(request_key=KEY, body_tag=BODY), at=AT, now=NOW)
    for refused in ((), [(1, "wrong_type", None)]):
        named = message((), refused=refused, **other).statement if refused else message(**other).header  # type: ignore[arg-type]
        assert named is not None
        assert await journal.repeat(named, at=AT) is None
    assert journal.size_and_root()[0] == 1


async def test_sending_an_ended_message_again_makes_its_settlement_due_again(journal: Journal) -> None:
    first = message(request_key=KEY, body_tag=BODY)
    await journal.record(first, at=AT, now=NOW)
    await end(journal, id_of(first))
    (due,) = settlements_due(journal)
    await journal.settled(id_of(first), due.due)
    assert settlements_due(journal) == []

    await journal.record(message(request_key=KEY, body_tag=BODY), at=AT, now=NOW)
    (due,) = settlements_due(journal)
    assert due.message_id == id_of(first)


async def test_a_repetition_while_its_settlement_is_under_way_is_answered_too(journal: Journal) -> None:
    first = message(request_key=KEY, body_tag=BODY)
    await journal.record(first, at=AT, now=NOW)
    await end(journal, id_of(first))
    (under_way,) = settlements_due(journal)
    await journal.record(message(request_key=KEY, body_tag=BODY), at=AT, now=NOW)
    await journal.settled(id_of(first), under_way.due)
    (due,) = settlements_due(journal)
    await journal.settled(id_of(first), due.due)
    assert settlements_due(journal) == []


async def test_a_message_id_is_used_once(journal: Journal) -> None:
    sent = message()
    await journal.record(sent, at=AT, now=NOW)
    with pytest.raises(Refused, match="message_id_reused"):
        await journal.record(message(message_id=id_of(sent)), at=AT, now=NOW)


async def test_too_much_waiting_defers_and_room_is_made_by_endings(path: Path) -> None:
    limits = JournalLimits(max_open_records=5, checkpoint_every_facts=1000, wal_bytes=1 << 20)
    journal = open_journal(path, limits)
    first = message((0, 1, 2), request_key=KEY, body_tag=BODY)
    await journal.record(first, at=AT, now=NOW)
    with pytest.raises(Deferred) as caught:
        await journal.record(message((0, 1, 2)), at=AT, now=NOW)
    assert (caught.value.code, caught.value.retry_after) == ("queue_full", 5.0)
    assert journal.size_and_root()[0] == 1
    assert (await journal.record(message(request_key=KEY, body_tag=BODY), at=AT, now=NOW)).repeated
    await end(journal, id_of(first))
    await journal.record(message((0, 1, 2)), at=AT, now=NOW)
    journal.close()
    journal = open_journal(path, limits)
    with pytest.raises(Deferred, match="queue_full"):
        await journal.record(message((0,)), at=AT, now=NOW)
    journal.close()


@pytest.mark.parametrize(
    "tags",
    [
        Tags(b"0" * 32, (b"t" * 16,)),
        Tags(b"0" * 32, (b"t" * 16, b"u" * 15)),
        Tags(b"1" * 32, (b"t" * 16, b"u" * 16)),
        None,
    ],
)
async def test_tags_must_be_those_that_the_header_commits_to(journal: Journal, tags: Tags | None) -> None:
    sent = message((0, 1), tags=Tags(b"0" * 32, (b"t" * 16, b"u" * 16)))
    object.__setattr__(sent.sealed, "tags", tags)
    with pytest.raises(Refused, match="bad_tags"):
        await journal.record(sent, at=AT, now=NOW)
    assert journal.size_and_root()[0] == 0


@pytest.mark.parametrize(("salt", "tag"), [(15, 16), (33, 16), (0, 16), (1 << 20, 16), (32, 15), (32, 17), (32, 0)])
async def test_salt_and_tags_are_of_their_size_even_if_the_header_commits_to_them(
    journal: Journal, salt: int, tag: int
) -> None:
    with pytest.raises(Refused, match="bad_tags"):
        await journal.record(message((0,), tags=Tags(bytes(salt), (bytes(tag),))), at=AT, now=NOW)
    assert journal.size_and_root()[0] == 0


@pytest.mark.parametrize(
    ("sealed", "refused"), [((1, 0), ()), ((0, 0), ()), ((0, 1), (1,)), ((0,), (1, 1)), ((-1,), ())]
)
async def test_an_index_names_one_record(journal: Journal, sealed: tuple[int, ...], refused: tuple[int, ...]) -> None:
    sent = message(sealed, refused=[(index, "wrong_type", None) for index in refused])
    with pytest.raises(Refused, match="header_mismatch"):
        await journal.record(sent, at=AT, now=NOW)


async def test_one_refusal_in_a_group_costs_the_others_nothing(journal: Journal) -> None:
    first = message()
    sends = [message() for _ in range(40)] + [message(message_id=id_of(first)) for _ in range(10)]
    await journal.record(first, at=AT, now=NOW)
    results = await asyncio.gather(*(journal.record(each, at=AT, now=NOW) for each in sends), return_exceptions=True)
    assert [isinstance(each, Refused) for each in results] == [False] * 40 + [True] * 10
    assert sorted(each.seq for each in results if isinstance(each, Recorded)) == list(range(2, 42))
    assert journal.size_and_root()[0] == 41


async def test_a_reply_is_taken_once_for_a_request_of_these_two(journal: Journal) -> None:
    asked = message(kind="request")
    request_id = id_of(asked)
    reply: dict[str, Any] = {
        "kind": "reply",
        "source": "vaccination_records",
        "destination": "health_management",
        "correlation_id": request_id,
    }
    await journal.record(asked, at=AT, now=NOW)
    wrongs: list[dict[str, Any]] = [
        {"source": "pmh"},
        {"destination": "pmh"},
        {"correlation_id": new_id()},
        {"correlation_id": None},
    ]
    for wrong in wrongs:
        with pytest.raises(Refused, match="no_open_request"):
            await journal.record(message(**{**reply, **wrong}), at=AT, now=NOW)
    answer = message(**reply)
    await journal.record(answer, at=AT, now=NOW)
    with pytest.raises(Refused, match="no_open_request"):
        await journal.record(message(**reply), at=AT, now=NOW)
    status = journal.message(request_id)
    assert status is not None
    assert status.reply_id == id_of(answer)


async def test_an_event_awaits_no_reply(journal: Journal) -> None:
    sent = message()
    await journal.record(sent, at=AT, now=NOW)
    reply = message(
        kind="reply", source="vaccination_records", destination="health_management", correlation_id=id_of(sent)
    )
    with pytest.raises(Refused, match="no_open_request"):
        await journal.record(reply, at=AT, now=NOW)


async def test_facts_are_numbered_without_a_gap_and_traced_by_message(journal: Journal) -> None:
    message_id = new_id()
    assert await journal.fact(FactKind.GATEWAY_STARTED, {"version": "0.1.0"}, at=AT) == 1
    assert await journal.fact("operator.acted", {"act": "trace"}, at=AT, message_id=message_id) == 2
    assert journal.trace(message_id) == [
        {"seq": 2, "at": AT, "kind": "operator.acted", "act": "trace", "message_id": message_id}
    ]


async def test_only_known_kinds_and_only_those_that_change_nothing(journal: Journal) -> None:
    with pytest.raises(ValueError, match="made_up"):
        await journal.fact("made_up", {}, at=AT)
    with pytest.raises(ValueError, match="written by the operation"):
        await journal.fact(FactKind.MESSAGE_RECORDED, {}, at=AT)
    with pytest.raises(ValueError, match="the journal's to set"):
        await journal.fact(FactKind.GATEWAY_STARTED, {"seq": 7}, at=AT)
    assert await journal.fact(FactKind.GATEWAY_STARTED, {}, at=AT) == 1


@pytest.mark.parametrize("junk", ["", "x", "0196", id_of(message()).upper() + "!"])
async def test_what_cannot_be_an_id_is_unknown(journal: Journal, junk: str) -> None:
    assert journal.message(junk) is None
    assert journal.envelope(junk) is None
    assert journal.trace(junk) == []
    with pytest.raises(Refused, match="unknown_message"):
        await journal.attempted(junk, [0], attempt=1, at=AT)


async def test_a_closed_journal_defers(path: Path) -> None:
    journal = open_journal(path, LIMITS)
    journal.close()
    journal.close()
    with pytest.raises(Deferred, match="stopping"):
        await journal.record(message(), at=AT, now=NOW)


async def test_what_goes_at_once_has_its_attempt_in_the_same_transaction(path: Path) -> None:
    journal = open_journal(path)
    asked = message((0, 2), kind="request", request_key=KEY, body_tag=BODY)
    await journal.record(asked, at=AT, now=NOW, goes=True)
    journal.close()

    journal = open_journal(path)
    (due,) = journal.open_messages()
    assert [each["kind"] for each in journal.trace(id_of(asked))] == ["message.recorded", "delivery.attempted"]
    assert (due.attempt, journal.trace(id_of(asked))[1]["records"]) == (1, "0,2")
    journal.close()


async def test_a_repeat_does_not_go(journal: Journal) -> None:
    first, again = (message((0,), kind="request", request_key=KEY, body_tag=BODY) for _ in range(2))
    await journal.record(first, at=AT, now=NOW)
    assert (await journal.record(again, at=AT, now=NOW, goes=True)).repeated
    assert [each["kind"] for each in journal.trace(id_of(first))] == ["message.recorded", "message.repeated"]


async def test_nothing_that_somebody_waits_for_waits_for_others(journal: Journal, monkeypatch) -> None:
    monkeypatch.setattr(writer, "LAZY_SECONDS", 3600.0)
    sent = message((0,))
    async with asyncio.timeout(60):
        await journal.record(sent, at=AT, now=NOW)
        await journal.attempted(id_of(sent), [0], attempt=1, at=AT)
        await end(journal, id_of(sent))
        await journal.fact(FactKind.OPERATOR_ACTED, {"operator": "o"}, at=AT)


async def test_that_a_source_has_heard_waits_for_the_next_write_but_not_for_ever(journal: Journal, monkeypatch) -> None:
    monkeypatch.setattr(writer, "LAZY_SECONDS", 3600.0)
    ends = [message((0,)) for _ in range(2)]
    for each in ends:
        await journal.record(each, at=AT, now=NOW)
        await end(journal, id_of(each))
    going = asyncio.create_task(journal.record(message((0,)), at=AT, now=NOW))
    for _ in range(3):
        await asyncio.sleep(0)  # its group has begun
    heard = asyncio.create_task(journal.settled(id_of(ends[0])))
    await going
    await asyncio.sleep(0.02)
    assert not heard.done(), "no commit of its own"
    await journal.record(message((0,)), at=AT, now=NOW)
    assert heard.done()
    monkeypatch.setattr(writer, "LAZY_SECONDS", 0.02)
    async with asyncio.timeout(60):
        await journal.settled(id_of(ends[1]))
    assert settlements_due(journal) == []
