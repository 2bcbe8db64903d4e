"""What is left of a message is told for each copy: by what the log, its index, folders and listed copies say."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.config import japanese_day
from gateway.errors import Refused
from gateway.hub.copies import copied, listed, require_listed
from gateway.hub.journal import FactKind, Journal
from gateway.hub.journal.facts import COPY_FACTS
from gateway.hub.remains import Remain, State, message, remains
from gateway.messages import Ending, RecordOutcome, Tags, stamp
from tests.journal.builders import TENANT, id_of, new_id, open_journal
from tests.journal.builders import message as permitted
from tests.journal.test_retention import purge

NOW = datetime(2026, 4, 1, tzinfo=UTC)
OLD, YOUNG = NOW - timedelta(days=1500), NOW - timedelta(days=30)
DAY = timedelta(days=1)
BY = {"operator": "made-up", "client_certificate": "a" * 64}


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Journal]:
    with closing(open_journal(tmp_path / "system.db")) as made:
        yield made


def v7(at: datetime) -> str:
    """A message id that was made then."""
    made = f"{int(at.timestamp() * 1000):012x}"
    return f"{made[:8]}-{made[8:]}-7{new_id()[15:]}"


async def sent(journal: Journal, at: datetime, **more: Any) -> str:
    """A message that was recorded, delivered and heard of then."""
    one = permitted((0,), message_id=v7(at), **more)
    await journal.record(one, at=stamp(at), now=0.0)
    done = [RecordOutcome(0, Ending.ACCEPTED)]
    await journal.conclude(id_of(one), done, attempt=1, next_at=None, at=stamp(at), now=0.0)
    await journal.settled(id_of(one))
    return id_of(one)


async def copy(system: Journal, at: datetime, form: str = "backup", tenant: str = TENANT) -> str:
    fields = copied(form, {tenant: 1}, at)
    await system.fact(FactKind.LOGS_COPIED, fields, at=stamp(at))
    return f"{form} {fields['copy']}"


def found(
    journal: Journal, system: Journal, message_id: str, *, indexed: int = 10**9, hidden: bool = False, **folders: Any
) -> list[Remain]:
    its = message(TENANT, message_id, journal.retention.kept(message_id), hidden=hidden)
    return remains(its, indexed, folders, listed(system.told(COPY_FACTS)), japanese_day(NOW))


def left(rows: list[Remain]) -> set[tuple[str, str]]:
    return {(each.what, each.where) for each in rows if each.left(japanese_day(NOW))}


def states(rows: list[Remain], where: str) -> dict[str, State]:
    return {each.what: each.state for each in rows if each.where == where}


async def test_a_copy_may_hold_a_payload_if_it_was_made_while_that_was_there(journal: Journal, system: Journal) -> None:
    slow, inside = await copy(system, YOUNG - DAY / 2), await copy(system, YOUNG + DAY)
    await copy(system, YOUNG - 2 * DAY)
    its = await sent(journal, YOUNG)
    tiles = await copy(system, YOUNG + DAY, "tiles")
    await copy(system, YOUNG + DAY, tenant="999998")
    await journal.delete_envelope(its, at=stamp(YOUNG + 2 * DAY))
    late = await copy(system, YOUNG + 3 * DAY)

    rows = found(journal, system, its)
    assert left(rows) == {("payload", slow), ("payload", inside)}
    assert {each.where for each in rows if each.what == "facts"} >= {slow, inside, tiles, late}
    gone = next(each for each in rows if each.where == "envelope")
    assert (gone.state, gone.seq, gone.log) == (State.GONE, journal.trace(its)[-1]["seq"], TENANT)

    seq = 0
    for name in (slow, inside):
        seq = await system.fact(FactKind.COPY_DESTROYED, {**BY, "copy": name.split()[1], "case": "R8"}, at=stamp(NOW))
    rows = found(journal, system, its)
    assert left(rows) == set()
    assert {(each.state, each.seq) for each in rows if each.where == inside} == {(State.GONE, seq)}


async def test_what_was_purged_is_gone_everywhere_but_in_copies_that_were_made_before(
    journal: Journal, system: Journal
) -> None:
    its, early = await sent(journal, OLD), await copy(system, OLD + DAY, "fhir")
    both = await copy(system, OLD + DAY)
    kept = found(journal, system, its, jsonl={japanese_day(OLD)})
    assert left(kept) == {
        *((what, where) for what in ("facts", "person tags") for where in ("log", "search index", both)),
        *(("payload", where) for where in ("envelope", both)),
        ("facts", early),
        ("facts", "export jsonl"),
    }
    await journal.delete_envelope(its, at=stamp(OLD))
    assert await purge(journal)
    newest = journal.told([FactKind.FACTS_PURGED])[-1][0]

    rows = found(journal, system, its, jsonl={date(2026, 5, 1)})
    assert {each.seq for each in rows if each.where in ("envelope", "log", "search index")} == {newest}
    assert left(rows) == {("facts", early), *((what, both) for what in ("payload", "facts", "person tags"))}
    behind = found(journal, system, its, indexed=newest - 1, jsonl={japanese_day(OLD)})
    assert left(behind) - left(rows) == {
        ("facts", "search index"),
        ("person tags", "search index"),
        ("facts", "export jsonl"),
    }


async def test_what_cannot_have_been_purged_is_not_said_to_be(journal: Journal, system: Journal) -> None:
    for unknown in (v7(OLD), v7(YOUNG), "no id"):
        with pytest.raises(Refused, match="unknown_message"):
            found(journal, system, unknown)
    await journal.delete_envelope(await sent(journal, OLD), at=stamp(OLD))
    await purge(journal)
    assert left(found(journal, system, v7(OLD))) == set()
    for unknown in (v7(YOUNG), "no id", "01960000-0000-4000-8000-000000000001"):
        with pytest.raises(Refused, match="unknown_message"):
            found(journal, system, unknown)


async def test_an_erased_trail_is_in_backups_that_were_made_before(journal: Journal, system: Journal) -> None:
    tag = b"t" * 16
    its, before = await sent(journal, YOUNG, tags=Tags(b"s" * 32, (tag,))), await copy(system, YOUNG + DAY)
    assert states(found(journal, system, its), "log")["person tags"] is State.KEPT
    said = {**BY, "connector": "health_management", "months": ["2026-04"], "reason": "correction", "case": "R8"}
    await journal.retention.erase([tag], said, at=stamp(YOUNG + 2 * DAY))
    await copy(system, YOUNG + 3 * DAY)
    rows = found(journal, system, its)
    assert states(rows, "log") == {"facts": State.KEPT, "person tags": State.GONE}
    assert {each.where for each in rows if each.what == "person tags"} == {"log", "search index", before}
    assert ("person tags", before) in left(rows)


async def test_what_named_nobody_never_had_a_person_tag_whatever_was_erased_before(
    journal: Journal, system: Journal
) -> None:
    said = {**BY, "connector": "health_management", "months": ["2026-04"], "reason": "correction", "case": "R8"}
    await journal.retention.erase([b"t" * 16], said, at=stamp(YOUNG))
    nobody = await sent(journal, YOUNG, tags=Tags(b"s" * 32, (bytes(16),)))
    somebody = await sent(journal, YOUNG, tags=Tags(b"s" * 32, (b"t" * 16,)))
    assert states(found(journal, system, nobody), "log") == {"facts": State.KEPT, "person tags": State.ABSENT}
    assert states(found(journal, system, somebody), "log")["person tags"] is State.KEPT
    await journal.retention.erase([b"t" * 16], said, at=stamp(NOW))
    its = next(each for each in found(journal, system, somebody) if (each.what, each.where) == ("person tags", "log"))
    assert (its.state, its.seq) == (State.GONE, journal.told([FactKind.TRAIL_ERASED])[-1][0])


def test_the_last_day_on_which_something_may_be_there_is_one_of_them() -> None:
    its = Remain("facts", "log", State.KEPT, japanese_day(NOW))
    assert [its.left(japanese_day(NOW + days * DAY)) for days in (-1, 0, 1)] == [False, False, True]


async def test_dead_letters_and_holds_are_places_of_the_payload(journal: Journal, system: Journal) -> None:
    waits, dead = permitted((0,), message_id=v7(YOUNG)), permitted((0,), message_id=v7(YOUNG))
    await journal.record(waits, at=stamp(YOUNG), now=0.0, held=True)
    await journal.record(dead, at=stamp(YOUNG), now=0.0)
    ended = [RecordOutcome(0, Ending.DEAD, "expired")]
    await journal.conclude(id_of(dead), ended, attempt=1, next_at=None, at=stamp(YOUNG), now=0.0)
    assert left(found(journal, system, id_of(waits))) == {("payload", "envelope"), ("payload", "holds")}
    assert left(found(journal, system, id_of(dead))) == {("payload", "envelope"), ("payload", "dead letters")}
    await journal.revive(id_of(dead), at=stamp(YOUNG), now=0.0, operator="made-up")
    rows = found(journal, system, id_of(dead))
    assert (left(rows), states(rows, "dead letters")) == ({("payload", "envelope")}, {"payload": State.GONE})
    await journal.conclude(id_of(dead), ended, attempt=1, next_at=None, at=stamp(YOUNG), now=0.0)
    assert ("payload", "dead letters") in left(found(journal, system, id_of(dead)))
    await journal.delete_envelope(id_of(dead), at=stamp(YOUNG))
    rows = found(journal, system, id_of(dead))
    assert (left(rows), states(rows, "dead letters")) == (set(), {"payload": State.GONE})
    assert states(rows, "holds") == {"payload": State.ABSENT}


async def test_of_what_was_refused_as_a_whole_there_never_was_a_payload(journal: Journal, system: Journal) -> None:
    its = v7(YOUNG)
    await copy(system, YOUNG + DAY)
    await journal.fact(FactKind.MESSAGE_REFUSED, {"stage": "hub", "code": "x"}, at=stamp(YOUNG), message_id=its)
    rows = found(journal, system, its)
    assert left(rows) == set()
    assert {each.state for each in rows if each.what == "payload"} == {State.ABSENT}


async def test_of_what_is_not_to_be_disclosed_neither_tags_nor_the_routes_time_is_told(
    journal: Journal, system: Journal
) -> None:
    journal.keep({"R01": 10.0})
    its = await sent(journal, YOUNG)
    await copy(system, YOUNG + DAY)
    assert [each.until for each in found(journal, system, its) if each.where == "envelope"] == [japanese_day(YOUNG)]
    rows = found(journal, system, its, hidden=True)
    assert [each.until for each in rows if each.where == "envelope"] == [None]
    assert {each.what for each in rows} == {"payload", "facts"}


async def test_a_payload_that_is_kept_for_a_while_yet_is_left(journal: Journal, system: Journal) -> None:
    journal.keep({"R01": 60 * DAY.total_seconds()})
    rows = found(journal, system, await sent(journal, YOUNG))
    assert states(rows, "envelope") == {"payload": State.KEPT}
    assert left(rows) == {("payload", "envelope")}


async def test_that_copies_were_made_is_never_purged(journal: Journal, system: Journal) -> None:
    name = (await copy(system, OLD)).split()[1]
    await system.fact(FactKind.COPY_DESTROYED, {**BY, "copy": name, "case": "R8"}, at=stamp(OLD))
    await system.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=stamp(OLD))
    assert await purge(system) == 1
    assert [each.id for each in listed(system.told(COPY_FACTS))] == [name]


async def test_a_copy_is_declared_destroyed_once(system: Journal) -> None:
    name = (await copy(system, OLD)).split()[1]

    async def declare(copy: str) -> None:
        fields = {**BY, "copy": copy, "case": "R8"}
        await system.fact(
            FactKind.COPY_DESTROYED, fields, at=stamp(NOW), check=lambda connection: require_listed(connection, copy)
        )

    with pytest.raises(Refused, match="unknown_copy"):
        await declare("20260101-00000000")
    await declare(name)
    with pytest.raises(Refused, match="unknown_copy"):
        await declare(name)
