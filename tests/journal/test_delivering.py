"""What befalls a recorded message: each record ends once, and the source hears of it at least once."""

import asyncio
from pathlib import Path

import pytest

from gateway.errors import Deferred, Refused
from gateway.hub.journal import FactKind, Journal, JournalLimits, transaction
from gateway.messages import Ending, Permitted, RecordOutcome
from tests.journal.builders import AT, NOW, id_of, message, open_journal, settlements_due

ACCEPTED, DEAD, REFUSED = Ending.ACCEPTED, Ending.DEAD, Ending.REFUSED


async def recorded(journal: Journal, sent: Permitted) -> str:
    await journal.record(sent, at=AT, now=NOW)
    return id_of(sent)


async def conclude(journal: Journal, message_id: str, *outcomes: RecordOutcome, **more: object) -> None:
    given = {"attempt": 1, "next_at": None, "at": AT, "now": NOW, **more}
    await journal.conclude(message_id, outcomes, **given)  # type: ignore[arg-type]


def kinds(journal: Journal, message_id: str) -> list[str]:
    return [fact["kind"] for fact in journal.trace(message_id)]


async def test_an_attempt_is_a_fact_and_its_number_survives(path: Path) -> None:
    journal = open_journal(path)
    message_id = await recorded(journal, message((0, 1, 2)))
    await journal.attempted(message_id, [0, 1], attempt=3, at=AT)
    journal.close()
    journal = open_journal(path)
    (due,) = journal.open_messages()
    fact = journal.trace(message_id)[1]
    assert due.attempt == 3
    assert (fact["kind"], fact["attempt"], fact["records"]) == ("delivery.attempted", 3, "0-1")
    journal.close()


async def test_ended_records_leave_and_deferred_ones_stay(journal: Journal) -> None:
    message_id = await recorded(journal, message((0, 1, 2)))
    await conclude(
        journal,
        message_id,
        RecordOutcome(0, ACCEPTED),
        RecordOutcome(1, None, "system_busy"),
        RecordOutcome(2, REFUSED, "superseded"),
        next_at=NOW + 60,
    )
    (due,) = journal.open_messages()
    assert (due.records, due.attempt, due.next_at) == (((1, 1),), 1, NOW + 60)
    assert settlements_due(journal) == []
    assert journal.trace(message_id)[-1]["outcomes"] == [
        {"ending": "accepted", "records": "0"},
        {"ending": "deferred", "code": "system_busy", "records": "1"},
        {"ending": "refused", "code": "superseded", "records": "2"},
    ]


async def test_the_last_record_ends_the_message_and_its_settlement_is_due_until_heard(journal: Journal) -> None:
    sent = message((0, 1), refused=[(2, "wrong_type", None)])
    message_id = await recorded(journal, sent)
    await conclude(journal, message_id, RecordOutcome(1, ACCEPTED), RecordOutcome(0, None, "deadline"))
    await conclude(journal, message_id, RecordOutcome(0, Ending.DUPLICATE), attempt=2)
    assert list(journal.open_messages()) == []
    for _ in range(2):
        (due,) = settlements_due(journal)
        assert due.outcomes == (
            RecordOutcome(0, Ending.DUPLICATE),
            RecordOutcome(1, ACCEPTED),
            RecordOutcome(2, REFUSED, "wrong_type"),
        )
    await journal.settled(message_id)
    assert settlements_due(journal) == []
    status = journal.message(message_id)
    assert status is not None
    assert (status.ended, status.open_records, status.settlement_due) == (True, 0, False)


async def test_the_first_outcome_of_a_record_stands(journal: Journal) -> None:
    message_id = await recorded(journal, message((0, 1)))
    await conclude(journal, message_id, RecordOutcome(0, ACCEPTED))
    await conclude(journal, message_id, RecordOutcome(0, REFUSED, "superseded"), RecordOutcome(9, ACCEPTED))
    status = journal.message(message_id)
    assert status is not None
    assert status.outcomes == (RecordOutcome(0, ACCEPTED),)
    assert status.open_records == 1
    assert kinds(journal, message_id) == ["message.recorded", "delivery.concluded"]


async def test_a_repeated_conclusion_of_an_ended_message_changes_nothing(journal: Journal) -> None:
    message_id = await recorded(journal, message((0,)))
    await conclude(journal, message_id, RecordOutcome(0, ACCEPTED))
    await journal.settled(message_id)
    await conclude(journal, message_id, RecordOutcome(0, ACCEPTED))
    assert settlements_due(journal) == []
    assert journal.size_and_root()[0] == 2


async def test_dead_records_are_a_fact_of_their_own_and_visible(journal: Journal) -> None:
    message_id = await recorded(journal, message((0, 1, 2)))
    await conclude(
        journal,
        message_id,
        RecordOutcome(0, ACCEPTED),
        RecordOutcome(1, DEAD, "gave_up"),
        RecordOutcome(2, DEAD, "gave_up"),
    )
    assert kinds(journal, message_id) == ["message.recorded", "delivery.concluded", "message.dead"]
    (letter,) = journal.dead_letters()
    assert letter["message_id"] == message_id
    assert letter["outcomes"] == [{"ending": "dead", "code": "gave_up", "records": "1-2"}]


async def test_expiry_without_an_attempt_is_one_fact(journal: Journal) -> None:
    message_id = await recorded(journal, message((0,)))
    await conclude(journal, message_id, RecordOutcome(0, DEAD, "expired"), attempt=0)
    assert kinds(journal, message_id) == ["message.recorded", "message.dead"]
    assert len(settlements_due(journal)) == 1


async def test_a_reply_is_recorded_with_the_conclusion_and_needs_no_settlement(journal: Journal) -> None:
    message_id = await recorded(journal, message((0,), kind="request"))
    reply = message(
        kind="reply", source="vaccination_records", destination="health_management", correlation_id=message_id
    )
    await conclude(journal, message_id, RecordOutcome(0, ACCEPTED), reply=reply)
    (due,) = journal.open_messages()
    status = journal.message(message_id)
    assert status is not None
    assert (due.message_id, status.reply_id) == (id_of(reply), id_of(reply))
    assert journal.trace(message_id)[-1]["reply_id"] == id_of(reply)
    await conclude(journal, id_of(reply), RecordOutcome(0, ACCEPTED))
    assert [each.message_id for each in settlements_due(journal)] == [message_id]


async def test_with_a_refused_reply_nothing_is_concluded(journal: Journal) -> None:
    message_id = await recorded(journal, message((0,)))
    reply = message(
        kind="reply", source="vaccination_records", destination="health_management", correlation_id=message_id
    )
    with pytest.raises(Refused, match="no_open_request"):
        await conclude(journal, message_id, RecordOutcome(0, ACCEPTED), reply=reply)
    assert [each.message_id for each in journal.open_messages()] == [message_id]
    assert journal.size_and_root()[0] == 1


async def test_a_reply_gets_in_though_the_queue_is_full(path: Path) -> None:
    journal = open_journal(path, JournalLimits(max_open_records=1, checkpoint_every_facts=1000, wal_bytes=1 << 20))
    message_id = await recorded(journal, message((0,), kind="request"))
    reply = message(
        kind="reply", source="vaccination_records", destination="health_management", correlation_id=message_id
    )
    await conclude(journal, message_id, RecordOutcome(0, ACCEPTED), reply=reply)
    with pytest.raises(Deferred, match="queue_full"):
        await journal.record(message(), at=AT, now=NOW)
    journal.close()


async def test_replay_makes_exactly_the_dead_records_due_again(journal: Journal) -> None:
    message_id = await recorded(journal, message((0, 1, 2)))
    outcomes = [RecordOutcome(0, ACCEPTED), RecordOutcome(1, DEAD, "gave_up"), RecordOutcome(2, REFUSED, "superseded")]
    await conclude(journal, message_id, *outcomes, attempt=9)
    assert await journal.revive(message_id, at=AT, now=NOW + 5, operator="staff-0001") == ((1,), False)
    (due,) = journal.open_messages()
    assert (due.records, due.attempt, due.next_at) == (((1, 1),), 0, NOW + 5)
    assert settlements_due(journal) == []
    assert journal.dead_letters() == []
    fact = journal.trace(message_id)[-1]
    assert (fact["kind"], fact["operator"], fact["records"]) == ("message.replayed", "staff-0001", "1")
    await conclude(journal, message_id, RecordOutcome(1, ACCEPTED))
    (settled,) = settlements_due(journal)
    assert [each.ending for each in settled.outcomes] == [ACCEPTED, ACCEPTED, REFUSED]


async def test_a_replay_waits_for_room_like_what_is_new(path: Path) -> None:
    journal = open_journal(path, JournalLimits(max_open_records=2, checkpoint_every_facts=1000, wal_bytes=1 << 20))
    message_id = await recorded(journal, message((0, 1)))
    await conclude(journal, message_id, RecordOutcome(0, DEAD, "gave_up"), RecordOutcome(1, DEAD, "gave_up"))
    other = await recorded(journal, message())
    with pytest.raises(Deferred, match="queue_full"):
        await journal.revive(message_id, at=AT, now=NOW, operator="staff-0001")
    await conclude(journal, other, RecordOutcome(0, ACCEPTED))
    assert await journal.revive(message_id, at=AT, now=NOW, operator="staff-0001") == ((0, 1), False)
    with pytest.raises(Deferred, match="queue_full"):
        await journal.record(message(), at=AT, now=NOW)
    journal.close()


async def test_only_the_dead_are_replayed(journal: Journal) -> None:
    message_id = await recorded(journal, message((0,)))
    with pytest.raises(Refused, match="not_replayable"):
        await journal.revive(message_id, at=AT, now=NOW, operator="staff-0001")
    with pytest.raises(Refused, match="unknown_message"):
        await journal.revive(id_of(message()), at=AT, now=NOW, operator="staff-0001")
    assert journal.size_and_root()[0] == 1


async def test_what_can_no_longer_be_carried_is_asked_for_anew(journal: Journal) -> None:
    message_id = await recorded(journal, message((0, 1)))
    await conclude(journal, message_id, RecordOutcome(0, ACCEPTED), RecordOutcome(1, DEAD, "expired"))
    await journal.settled(message_id)
    await journal.unreplayable(message_id, at=AT, operator="staff-0001")
    (due,) = settlements_due(journal)
    assert due.outcomes == (RecordOutcome(0, ACCEPTED), RecordOutcome(1, DEAD, "send_anew"))
    assert journal.trace(message_id)[-1]["outcomes"] == [{"ending": "dead", "code": "send_anew", "records": "1"}]


async def test_what_was_answered_send_anew_waits_for_nobody_any_more(journal: Journal) -> None:
    message_id = await recorded(journal, message((0, 1)))
    await conclude(journal, message_id, RecordOutcome(0, ACCEPTED), RecordOutcome(1, DEAD, "expired"))
    assert len(journal.dead_letters()) == 1
    await journal.unreplayable(message_id, at=AT, operator="staff-0001")
    assert journal.dead_letters() == []
    (letter,) = journal.dead_letters(every=True)
    assert letter["outcomes"] == [{"ending": "dead", "code": "send_anew", "records": "1"}]


async def test_open_messages_come_by_seq_over_any_number(journal: Journal) -> None:
    sent = [message((0, 3)) for _ in range(600)]
    await asyncio.gather(*(journal.record(each, at=AT, now=NOW) for each in sent))
    await conclude(journal, id_of(sent[300]), RecordOutcome(0, ACCEPTED), RecordOutcome(3, ACCEPTED))
    due = list(journal.open_messages())
    assert [each.message_id for each in due] == [id_of(each) for each in sent if each is not sent[300]]
    assert all(each.records == ((0, 0), (3, 3)) for each in due)


async def test_the_settlements_of_a_source_come_by_seq_some_at_a_time(journal: Journal) -> None:
    many = [message((), refused=[(0, "wrong_type", None)]) for _ in range(300)]
    other = message((), refused=[(0, "wrong_type", None)], source="pmh")
    await asyncio.gather(*(journal.record(each, at=AT, now=NOW) for each in [*many, other]))
    assert journal.deaf() == ["health_management", "pmh"]
    page = journal.unheard("health_management", 0)
    assert [found for _, found in page] == [id_of(each) for each in many[:256]]
    rest = journal.unheard("health_management", page[-1][0])
    assert [found for _, found in rest] == [id_of(each) for each in many[256:]]
    await journal.settled(id_of(many[0]))
    assert journal.unheard("health_management", 0)[0][1] == id_of(many[1])
    assert journal.settlement(id_of(many[0])) is None
    assert journal.settlement(id_of(many[299])) is not None


async def test_there_is_nothing_to_hear_of_what_has_not_ended(journal: Journal) -> None:
    message_id = await recorded(journal, message((0,)))
    assert (journal.deaf(), journal.settlement(message_id), journal.settlement("x")) == ([], None, None)


async def test_only_so_many_open_messages_are_remembered_and_none_that_has_ended(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "REMEMBERED", 5)
    remembered = journal._writer._transaction._works
    sent = [await recorded(journal, message((0, 1))) for _ in range(12)]
    assert list(remembered) == sent[-5:]
    await conclude(journal, sent[0], RecordOutcome(0, ACCEPTED), RecordOutcome(1, ACCEPTED))  # read from its facts
    await conclude(journal, sent[-1], RecordOutcome(0, ACCEPTED), RecordOutcome(1, None, "deadline"))
    assert list(remembered) == sent[-5:]
    await conclude(journal, sent[-1], RecordOutcome(1, ACCEPTED))
    assert list(remembered) == sent[-5:-1]
    await recorded(journal, message(range(100)))
    assert not remembered


async def test_what_is_taken_back_is_not_remembered(journal: Journal) -> None:
    message_id = await recorded(journal, message())

    def half_written(each: transaction.Transaction) -> None:
        each.work(message_id).open.clear()
        each.append(FactKind.GATEWAY_STARTED, {}, at=AT)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await journal._writer.commit(half_written)
    await conclude(journal, message_id, RecordOutcome(0, ACCEPTED))
    status = journal.message(message_id)
    assert status is not None
    assert [each.ending for each in status.outcomes] == [ACCEPTED]


async def test_an_edge_processes_word_hides_no_fact_of_the_gateway(journal: Journal) -> None:
    """Otherwise an edge with an older directory would let the hub go back to it."""
    ours = {"by": "SIGHUP", "config": "1" * 64, "former": "0" * 64, "directories": {"999997": 3}}
    await journal.fact(FactKind.CONFIG_APPLIED, ours, at=AT)
    await journal.fact(FactKind.CONFIG_APPLIED, ours | {"edge": "lgwan", "directories": {"999997": 1}}, at=AT)
    last = journal.last(FactKind.CONFIG_APPLIED)
    assert last is not None
    assert last["directories"] == {"999997": 3}
