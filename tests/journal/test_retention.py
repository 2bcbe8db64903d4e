"""What is old goes, nothing else does, and a log of which something is missing verifies by what its facts say."""

import asyncio
import os
import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import Refused
from gateway.evidence.purged import Purged
from gateway.hub.journal import REVIEW_FACTS, FactKind, Journal, VerifyReport, purging, verify
from gateway.hub.journal.facts import SALT_BYTES, commitment, fact_body
from gateway.hub.journal.store import wal_of
from gateway.hub.retention import purge_old
from gateway.messages import Ending, RecordOutcome, Tags, stamp
from gateway.tlog.cosignature import Cosigner, cosign
from gateway.tlog.note import open_note
from tests.journal.builders import ORIGIN, SIGNER, id_of, message, open_journal

NOW = datetime(2026, 4, 1, tzinfo=UTC)
BEFORE = stamp(NOW.replace(year=2023))
OLD, YOUNG = stamp(NOW - timedelta(days=1500)), stamp(NOW - timedelta(days=30))
AT = stamp(NOW)
DONE = [RecordOutcome(0, Ending.ACCEPTED)]
ITS = {"connector": "health_management", "months": ["2026-04"]}
"""Of whose making the tags are beside made-up messages."""


async def ended(journal: Journal, at: str, *, kept: bool = False, **more: Any) -> str:
    """A message of one record, recorded and delivered at that time; without its envelope unless it is kept."""
    sent = message((0,), **more)
    await journal.record(sent, at=at, now=0.0)
    await journal.attempted(id_of(sent), [0], attempt=1, at=at)
    await journal.conclude(id_of(sent), DONE, attempt=1, next_at=None, at=at, now=0.0)
    await journal.settled(id_of(sent))
    if not kept:
        await journal.delete_envelope(id_of(sent), at=at)
    return id_of(sent)


async def purge(journal: Journal, *, before: str = BEFORE, at: str = AT) -> int:
    """Until nothing is left to go; how many facts went."""
    went, after = 0, 0
    while (looked := await journal.retention.purge(after, before=before, at=at)).end is not None:
        went, after = went + len(looked.go), looked.end
    return went


def verified(path: Path) -> VerifyReport:
    return verify(path, verifier=SIGNER.verifier(), origin=ORIGIN)


def sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for each in statements:
            connection.execute(each)


async def test_what_is_old_is_nowhere_in_the_file_and_the_log_verifies_with_the_same_root(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        old, young = await ended(journal, OLD), await ended(journal, YOUNG)
        facts, salt, body = journal.trace(old), *_content(path, 1)
        root = journal.size_and_root()[1]
        assert await purge(journal) == len(facts) == 4
        assert (journal.trace(old), journal.message(old)) == ([], None)
        assert len(journal.trace(young)) == 4
        said = journal.told([FactKind.FACTS_PURGED])[-1][2]
        assert (said["facts"], said["before"], said["tags"]) == ("1-4", BEFORE, 0)
        with pytest.raises(Refused, match="fact_purged"):
            await journal.proofs.of_fact(2)
        assert await purge(journal) == 0
    assert verified(path).problem is None
    assert verified(path).root != root.hex()  # that they went is a fact more
    for gone in (old.replace("-", ""), salt.hex(), body.hex()):
        assert bytes.fromhex(gone) not in path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM tag").fetchone() == (1,)
    open_journal(path).close()


async def test_a_purge_that_is_yet_to_come_by_the_clock_of_whoever_looks_is_found(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        await ended(journal, OLD)
        assert await purge(journal) == 4
    key = SIGNER.verifier()
    for behind, said in ((timedelta(hours=23), None), (timedelta(hours=25), "fact 5 says that it purged at a time")):
        problem = verify(path, verifier=key, now=NOW - behind).problem
        assert problem == said if said is None else (problem or "").startswith(said)


def _content(path: Path, seq: int) -> tuple[bytes, bytes]:
    with closing(sqlite3.connect(path)) as connection:
        found: tuple[bytes, bytes] = connection.execute("SELECT salt, body FROM fact WHERE seq = ?", (seq,)).fetchone()
        return found


async def test_what_was_deleted_is_swept_out_of_the_files_of_a_running_gateway(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        gone = await ended(journal, OLD, kept=True)
        envelope = journal.envelope(gone)
        assert envelope is not None
        parts = (envelope.ciphertext, *_content(path, 1))
        assert any(parts[0] in each.read_bytes() for each in (path, wal_of(path)))
        await journal.delete_envelope(gone, at=AT)
        await purge(journal)
        await journal.retention.swept()
        assert not [part for part in parts for each in (path, wal_of(path)) if part in each.read_bytes()]


async def test_a_sweep_that_a_reader_was_in_the_way_of_is_owed_until_it_was_done(path: Path) -> None:
    with closing(open_journal(path)) as journal, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        gone = await ended(journal, OLD, kept=True)
        envelope = journal.envelope(gone)
        assert envelope is not None
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM fact").fetchone()
        await journal.delete_envelope(gone, at=AT)
        await journal.retention.swept()
        assert journal.retention.unswept()
        reader.execute("COMMIT")
        assert envelope.ciphertext in wal_of(path).read_bytes()
        await journal.retention.swept()
        assert not journal.retention.unswept()
        assert not any(envelope.ciphertext in each.read_bytes() for each in (path, wal_of(path)))


async def test_what_is_needed_stays_and_goes_when_it_is_needed_no_more(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        open_, kept = message((0,)), await ended(journal, OLD, kept=True)
        await journal.record(open_, at=OLD, now=0.0)
        looked = journal.retention.due(0, before=BEFORE, at=AT)
        assert (looked.go, looked.stay, looked.envelopes) == ([], {"envelope": [1, 2, 3], "open": [4]}, [kept])
        await journal.delete_envelope(kept, at=AT)
        assert await purge(journal) == 3
        assert [each["kind"] for each in journal.trace(kept)] == ["envelope.deleted"]
        await journal.conclude(id_of(open_), DONE, attempt=1, next_at=None, at=AT, now=0.0)
        assert journal.retention.due(0, before=BEFORE, at=AT).stay == {"unheard": [4]}
        await journal.settled(id_of(open_))
        await journal.delete_envelope(id_of(open_), at=AT)
        assert await purge(journal) == 1
        with pytest.raises(Refused, match="unknown_message"):
            await journal.holds.look(kept, by=_by(), at=AT)
        assert journal.health() == (True, "")
    assert verified(path).problem is None


def _by() -> Any:
    from gateway.hub.journal import By

    return By(person="made-up-1", client_certificate="a" * 64, terminal="desk-1")


@pytest.mark.parametrize("held", [False, True])
async def test_what_was_looked_into_goes_and_what_is_open_or_says_up_to_where_it_was_reviewed_stays(
    path: Path, held: bool
) -> None:
    """C116. What closed a finding stays as long as what opened it, or that would be open again."""
    with closing(open_journal(path)) as journal:
        at, year = datetime.fromisoformat(OLD), timedelta(days=365)

        async def said(kind: FactKind, later: timedelta = timedelta(), **fields: Any) -> int:
            return await journal.fact(kind, {"operator": "staff-1", **fields}, at=stamp(at + later))

        opened = [await said(FactKind.FINDING_OPENED, code="flagged") for _ in range(3)]
        await said(FactKind.REVIEW_SIGNED, subject="log", to=1)
        for finding in opened[:2]:
            await said(FactKind.FINDING_TAKEN, timedelta(1), finding=finding, case="R8-1")
        await said(FactKind.FINDING_CLOSED, timedelta(1), finding=opened[0], outcome="proper")
        await said(FactKind.REVIEW_SIGNED, timedelta(1), subject="users", to=1)
        await said(FactKind.REVIEW_SIGNED, timedelta(1), subject="log", to=4)
        if held:
            day = stamp(at + timedelta(hours=9))[:10]
            await journal.retention.place({"case": "R9", "since": day, "until": day}, at=AT)
        assert await purge(journal) == (0 if held else 4)
        left = [seq for seq, _, _ in journal.told(REVIEW_FACTS)]
        assert left == ([*range(1, 10)] if held else [2, 3, 6, 8, 9])
        if held:
            await journal.retention.lift({"case": "R9"}, at=AT)
            assert await purge(journal) == 4
        await said(FactKind.FINDING_CLOSED, 3 * year, finding=opened[1], outcome="proper")
        assert await purge(journal) == 2
        assert [seq for seq, _, _ in journal.told(REVIEW_FACTS)][:3] == [3, 8, 9]
    assert verified(path).problem is None


async def test_rights_stay_a_year_longer_for_decisions_are_judged_by_them(path: Path) -> None:
    right = {"person": "staff-1", "role": "officer", "certificate": "a" * 64, "until": "2023-06-01"}
    with closing(open_journal(path)) as journal:
        year_before = datetime.fromisoformat(BEFORE) - timedelta(days=366)
        for at in (year_before, year_before - timedelta(microseconds=1)):
            await journal.fact(FactKind.PERSON_GRANTED, right, at=stamp(at))
        assert await purge(journal) == 1
        assert [seq for seq, _, _ in journal.told([FactKind.PERSON_GRANTED])] == [1]
        assert await purge(journal, before=stamp(NOW.replace(year=2024)), at=stamp(NOW.replace(year=2027))) == 1


async def test_an_investigation_holds_what_it_names(path: Path) -> None:
    said = {"operator": "made-up", "case": "R8-1"}
    with closing(open_journal(path)) as journal:
        held, other = await ended(journal, OLD), await ended(journal, OLD)
        await journal.retention.place(said | {"messages": [held]}, at=AT)
        with pytest.raises(Refused, match="case_taken"):
            await journal.retention.place(said, at=AT)
        assert await purge(journal) == 4
        assert (len(journal.trace(held)), journal.trace(other)) == (4, [])
        await journal.retention.place(said | {"case": "R8-2", "since": "2022-01-01", "until": "2022-12-31"}, at=AT)
        await journal.retention.lift(said, at=AT)
        with pytest.raises(Refused, match="unknown_case"):
            await journal.retention.lift(said, at=AT)
        assert await purge(journal) == 0
        await journal.retention.lift(said | {"case": "R8-2"}, at=AT)
        assert await purge(journal) == 4
    assert verified(path).problem is None


@pytest.mark.parametrize("ahead", [1, 5])
async def test_a_clock_that_went_wrong_does_not_keep_what_came_after(
    path: Path, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    """However much it wrote: a look takes three facts here."""
    monkeypatch.setattr(purging, "SLICE", 3)
    with closing(open_journal(path)) as journal:
        await ended(journal, OLD)
        for _ in range(ahead):
            await journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at="2099-01-01T00:00:00.000000Z")
        await ended(journal, OLD)
        assert await purge(journal) == 8
        assert journal.retention.due(0, before=BEFORE, at=AT).stay == {"ahead": [*range(5, 5 + min(ahead, 3))]}
    assert verified(path).problem is None


ITS = {"connector": "health_management", "months": ["2026-04"]}
"""Of whose making the tags are beside made-up messages."""


EMPTY = (
    "UPDATE fact SET at = '', kind = '', message_id = NULL, salt = NULL, body = NULL, tag_salt = NULL WHERE seq = {}"
)


@pytest.mark.parametrize(
    ("statements", "at_seq"),
    [
        ([EMPTY.format(5), "DELETE FROM tag WHERE seq = 5", "DELETE FROM message WHERE seq = 5"], 5),
        ([EMPTY.format(7)], 7),
        (["UPDATE fact SET body = NULL WHERE seq = 5"], 5),
        (["UPDATE fact SET at = '2022-01-01T00:00:00.000000Z' WHERE seq = 2"], 2),
        (["UPDATE fact SET kind = 'message.dead' WHERE seq = 2"], 2),
        (["UPDATE fact SET message_id = x'00000000000000000000000000000000' WHERE seq = 2"], 2),
        (["UPDATE fact SET tag_salt = x'00' WHERE seq = 2"], 2),
        (["UPDATE fact SET commitment = zeroblob(32) WHERE seq = 2"], 1),
        (["UPDATE fact SET commitment = x'00' WHERE seq = 2"], 2),
        (["INSERT INTO tag VALUES (2, 0, zeroblob(16))"], 2),
    ],
)
async def test_nothing_else_may_be_missing_nor_stand_where_something_was(
    path: Path, statements: list[str], at_seq: int
) -> None:
    with closing(open_journal(path)) as journal:
        await ended(journal, OLD)
        await ended(journal, YOUNG)
        await purge(journal)
    assert verified(path).problem is None
    sql(path, *statements)
    report = verified(path)
    assert report.problem is not None
    assert report.at_seq == at_seq


async def test_what_was_purged_is_not_to_come_back(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        await journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=OLD)
        row = _content(path, 1)
        await purge(journal)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE fact SET at = ?, kind = 'noise.counted', salt = ?, body = ? WHERE seq = 1", (OLD, *row)
        )
    report = verified(path)
    assert (report.at_seq, "were purged" in str(report.problem)) == (1, True)


@pytest.mark.parametrize(
    ("before", "facts", "problem"),
    [
        (stamp(NOW - timedelta(days=1000)), "1-2", "could not be"),  # a limit that is not three years back
        (BEFORE, "2", "too early"),  # fact 1 stands before it, and is younger
        (BEFORE, "1-9", "could not be"),
        (BEFORE, "0", "could not be"),
        (BEFORE, "2-1", "could not be"),
        (BEFORE, "", "could not be"),
    ],
)
async def test_a_log_that_says_what_cannot_be_of_what_it_purged_does_not_verify(
    path: Path, before: str, facts: str, problem: str
) -> None:
    """Even if whoever holds the log's own key wrote it."""
    with closing(open_journal(path)) as journal:
        await journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=YOUNG)
        await journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=YOUNG)
        await journal.fact(FactKind.FACTS_PURGED, {"before": before, "facts": facts, "tags": 0}, at=AT)
    sql(path, EMPTY.format(2))
    report = verified(path)
    assert problem in str(report.problem)


async def test_however_it_comes_about_the_log_verifies_and_only_what_has_a_reason_is_older(path: Path) -> None:
    """Two thousand days of messages, erasures, holds and purges in a made-up order."""
    dice = random.Random(20260401)
    tags = [os.urandom(16) for _ in range(5)]
    with closing(open_journal(path)) as journal:
        start = NOW - timedelta(days=2000)
        for day in range(0, 2000, 40):
            now = start + timedelta(days=day)
            at = stamp(now)
            for _ in range(dice.randrange(3)):
                await ended(journal, at, tags=Tags(os.urandom(32), (dice.choice(tags),)))
            if dice.random() < 0.2:
                await journal.record(message((0,)), at=at, now=0.0)
            if dice.random() < 0.2:
                await journal.retention.erase([dice.choice(tags)], ITS, at=at)
            if dice.random() < 0.4:
                before = stamp(now.replace(year=now.year - 3, day=min(now.day, 28)))
                await purge(journal, before=before, at=at)
                stay = journal.retention.due(0, before=before, at=at)
                assert (stay.go, set(stay.stay) <= {"open", "needed"}) == ([], True)
        assert verified(path).problem is None
    assert verified(path).problem is None
    open_journal(path).close()


def test_a_fact_is_its_salt_and_body() -> None:
    """What the tampering above relies on: without them nothing gives the commitment again."""
    salt = os.urandom(SALT_BYTES)
    body = fact_body(1, AT, FactKind.NOISE_COUNTED, {"count": 1})
    assert commitment(salt, body) != commitment(os.urandom(SALT_BYTES), body)


async def test_two_purges_at_once_say_each_fact_once(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        for _ in range(3):
            await ended(journal, OLD)
        await asyncio.gather(*(purge(journal) for _ in range(3)))
        assert [fact["facts"] for _, _, fact in journal.told([FactKind.FACTS_PURGED])] == ["1-12"]
        assert journal.health() == (True, "")
    assert verified(path).problem is None


async def test_a_payload_under_a_legal_hold_is_not_deleted_nor_is_its_reply_s(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        asked = message((0,), kind="request")
        await journal.record(asked, at=YOUNG, now=0.0)
        reply = message(
            (0,), kind="reply", source="vaccination_records", destination="health_management",
            correlation_id=id_of(asked),
        )  # fmt: skip
        await journal.conclude(id_of(asked), DONE, attempt=1, next_at=None, at=YOUNG, now=0.0, reply=reply)
        await journal.conclude(id_of(reply), DONE, attempt=1, next_at=None, at=YOUNG, now=0.0)
        for named in (asked, reply):
            await journal.retention.place({"case": "R8-1", "messages": [id_of(named)]}, at=AT)
            for each in (asked, reply):
                with pytest.raises(Refused, match="under_investigation"):
                    await journal.delete_envelope(id_of(each), at=AT)
            await journal.retention.lift({"case": "R8-1"}, at=AT)
        for each in (asked, reply):
            await journal.delete_envelope(id_of(each), at=AT)


async def test_a_legal_hold_on_a_day_holds_what_was_delivered_on_it_whole(path: Path) -> None:
    day = stamp(NOW - timedelta(days=1400))
    with closing(open_journal(path)) as journal:
        sent = message((0,))
        await journal.record(sent, at=OLD, now=0.0)
        await journal.conclude(id_of(sent), DONE, attempt=1, next_at=None, at=day, now=0.0)
        await journal.settled(id_of(sent))
        hold = {"case": "R8-1", "since": day[:10], "until": day[:10]}
        await journal.retention.place(hold, at=AT)
        with pytest.raises(Refused, match="under_investigation"):
            await journal.delete_envelope(id_of(sent), at=AT)
        assert await purge(journal) == 0


@pytest.mark.parametrize("asked_then", [True, False])
async def test_a_legal_hold_on_a_day_holds_the_exchange_of_what_happened_on_it(path: Path, asked_then: bool) -> None:
    """The request was of that day and the reply of another, or the reverse; both stay, whole."""
    day, other = OLD, stamp(NOW - timedelta(days=1400))
    times = (day, other) if asked_then else (other, day)
    with closing(open_journal(path)) as journal:
        asked = message((0,), kind="request")
        ends: dict[str, Any] = {"source": "vaccination_records", "destination": "health_management"}
        reply = message((0,), kind="reply", correlation_id=id_of(asked), **ends)
        await journal.record(asked, at=times[0], now=0.0)
        await journal.conclude(id_of(asked), DONE, attempt=1, next_at=None, at=times[1], now=0.0, reply=reply)
        await journal.conclude(id_of(reply), DONE, attempt=1, next_at=None, at=times[1], now=0.0)
        await journal.retention.place({"case": "R8-1", "since": day[:10], "until": day[:10]}, at=AT)
        for each in (asked, reply):
            with pytest.raises(Refused, match="under_investigation"):
                await journal.delete_envelope(id_of(each), at=AT)
        looked = journal.retention.due(0, before=BEFORE, at=AT)
        assert (looked.go, {*looked.stay}) == ([], {"investigation"})
        await journal.retention.lift({"case": "R8-1"}, at=AT)
        assert "investigation" not in journal.retention.due(0, before=BEFORE, at=AT).stay


async def test_a_legal_hold_begins_and_ends_at_midnight_in_japan(path: Path) -> None:
    """What was told in the last microsecond before its days, in their first, in their last, and in the next."""
    day, moment = datetime(2022, 4, 2, 15, tzinfo=UTC), timedelta(microseconds=1)
    with closing(open_journal(path)) as journal:
        for at in (day - moment, day, day + timedelta(1) - moment, day + timedelta(1)):
            await journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=stamp(at))
            await ended(journal, stamp(at))
        await journal.retention.place({"case": "R8-1", "since": "2022-04-03", "until": "2022-04-03"}, at=AT)
        looked = journal.retention.due(0, before=BEFORE, at=AT)
        assert looked.stay == {"investigation": [*range(6, 16)]}
        assert looked.go == [*range(1, 6), *range(16, 21)]


async def test_a_payload_and_its_facts_go_at_one_look(path: Path) -> None:
    """Though nothing but the payload is in the way of all of them."""
    with closing(open_journal(path)) as journal:
        its = await ended(journal, OLD, kept=True)
        found = await purge_old(journal, NOW)
        assert (found.envelopes, found.facts) == (1, 3)
        assert [each["kind"] for each in journal.trace(its)] == ["envelope.deleted"]


async def test_a_hold_that_would_hold_nothing_is_not_placed(journal: Journal) -> None:
    with pytest.raises(Refused, match="unknown_message"):
        await journal.retention.place({"case": "R8-1", "messages": ["01960000-0000-7000-8000-00000000ffff"]}, at=AT)
    with pytest.raises(OverflowError):
        await journal.retention.place({"case": "R8-1", "until": "9999-12-31"}, at=AT)
    assert journal.retention.legal_holds() == []


async def test_the_newest_start_and_stop_stay_and_what_was_purged_is_signed_for(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        for kind in (FactKind.GATEWAY_STARTED, FactKind.GATEWAY_STOPPED) * 2:
            await journal.fact(kind, {"logs": {}, "roots": {}}, at=OLD)
        assert await purge(journal) == 2
        assert journal.retention.due(0, before=BEFORE, at=AT).stay == {"needed": [3, 4]}
        signed = journal.proofs.checkpoint()
        assert signed is not None
        assert signed[0] == journal.size_and_root()[0] == 5


async def test_what_stayed_before_a_purged_fact_may_not_be_missing(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        await journal.fact(FactKind.GATEWAY_STARTED, {"logs": {}, "roots": {}}, at=OLD)
        await journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=OLD)
        assert await purge(journal) == 1
    sql(path, EMPTY.format(1))
    assert verified(path).at_seq == 1


@pytest.mark.parametrize("again", ["3", "1-9", "4-6", "2-3"])
def test_a_fact_is_purged_once(again: str) -> None:
    said = Purged()
    said.add({"seq": 20, "at": AT, "before": BEFORE, "facts": "3-5", "tags": 0})
    with pytest.raises(ValueError, match="purged twice"):
        said.add({"seq": 21, "at": AT, "before": BEFORE, "facts": again, "tags": 0})
    said.add({"seq": 22, "at": AT, "before": BEFORE, "facts": "6-7,1", "tags": 0})
    assert [(each.first, each.last) for each in said.spans()] == [(1, 1), (3, 7)]


async def test_what_a_witness_saw_later_is_not_purged_and_if_it_is_that_shows(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whosever clock was wrong: what is purged must verify, and what a forger purges must not."""
    witness = Cosigner("witness.example/made-up", Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32))
    with closing(open_journal(path)) as journal:
        await journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=OLD)
        note = await journal.checkpoint()
        seen = int((NOW - timedelta(days=400)).timestamp())
        line = cosign(open_note(note, SIGNER.verifier()), witness, at=seen)
        await journal.proofs.cosigned(1, witness.name, line)
        await journal.fact(FactKind.NOISE_COUNTED, {"count": 2}, at=OLD)  # its time is a lie
        assert journal.retention.due(0, before=BEFORE, at=AT).stay == {"witnessed": [2]}
        assert await purge(journal) == 1
        assert verified(path).problem is None
        monkeypatch.setattr(purging, "seen_later", lambda *_: False)
        await purge(journal)
    assert "facts 1 to 2 were purged too early" in str(verified(path).problem)


async def test_a_reused_id_is_a_message_of_its_own(path: Path) -> None:
    """What is left of the former one, whose recording was purged, is none of it."""
    with closing(open_journal(path)) as journal:
        former = await ended(journal, OLD, kept=True)
        await journal.delete_envelope(former, at=AT)
        await purge(journal)
        await journal.record(message((0,), message_id=former), at=AT, now=0.0)
        assert journal.health() == (True, "")
    assert verified(path).problem is None
    open_journal(path).close()
