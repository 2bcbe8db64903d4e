"""What is due follows from the facts: whatever is forgotten, made up or altered beside the log is found."""

import asyncio
import hashlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Deferred, Misconfigured, Refused
from gateway.hub.journal import Journal, VerifyReport, verify
from gateway.hub.journal.facts import FactKind, commitment, fact_body
from gateway.hub.journal.work import read_work
from gateway.messages import Ending, RecordOutcome
from gateway.tlog import note
from gateway.tlog.tree import Frontier, leaf_hash
from tests.journal.builders import (
    AT,
    NOW,
    ORIGIN,
    SIGNER,
    TENANT,
    digest,
    id_of,
    message,
    open_journal,
    settlements_due,
)

KEY, BODY = digest("request key"), digest("body")
OPEN, ENDED, UNHEARD, ASKED, REPLY = range(1, 6)
"""The messages of `written`, by the seq of their recording facts."""


async def write(journal: Journal) -> None:
    sent = [
        message((0, 1, 2), refused=[(3, "wrong_type", None)], request_key=KEY, body_tag=BODY),
        message(),
        message((0, 1)),
        message(kind="request"),
    ]
    for each in sent:
        await journal.record(each, at=AT, now=NOW)
    still, ended, unheard, asked = map(id_of, sent)
    reply = message(kind="reply", source="vaccination_records", destination="health_management", correlation_id=asked)
    times = {"attempt": 1, "at": AT, "now": NOW}
    accepted, dead = RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(1, Ending.DEAD, "gave_up")
    await journal.conclude(asked, [accepted], next_at=None, reply=reply, **times)  # type: ignore[arg-type]
    await journal.conclude(still, [accepted, RecordOutcome(1, None, "deadline")], next_at=NOW + 9, **times)  # type: ignore[arg-type]
    await journal.conclude(ended, [accepted], next_at=None, **times)  # type: ignore[arg-type]
    await journal.settled(ended)
    await journal.conclude(unheard, [accepted, dead], next_at=None, **times)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / f"{TENANT}.db"
    journal = open_journal(path)
    asyncio.run(write(journal))
    journal.close()
    return path


@pytest.fixture
def log(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(written, tmp_path))


def tamper(path: Path, statement: str, *parameters: object) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    assert connection.execute(statement, parameters).rowcount > 0
    connection.close()


def verified(path: Path) -> VerifyReport:
    return verify(path, verifier=SIGNER.verifier(), origin=ORIGIN)


def name_of(path: Path, seq: int) -> str:
    connection = sqlite3.connect(path)
    (stored,) = connection.execute("SELECT message_id FROM fact WHERE seq = ?", (seq,)).fetchone()
    connection.close()
    text: str = stored.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


COLUMNS = {
    "id": "zeroblob(16)",
    "source": "'pmh'",
    "request_key": "zeroblob(32)",
    "body_tag": "zeroblob(32)",
    "answers": "zeroblob(16)",
    "open": "open + 1",
    "dead": "dead + 1",
    "held": "held + 1",
    "settle_asked": "settle_asked + 1",
    "settle_told": "settle_asked + 1",
    "next_at": "'soon'",
}


def test_a_start_misses_what_was_forgotten_since_the_last_checkpoint(tmp_path: Path) -> None:
    """After a crash; what was signed before it, only verification of the whole log looks at."""
    journal = open_journal(tmp_path / f"{TENANT}.db")
    asyncio.run(write(journal))
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for each in tmp_path.glob("*.db*"):
        shutil.copy(each, crashed)
    journal.close()
    tamper(crashed / f"{TENANT}.db", f"DELETE FROM envelope WHERE message = {OPEN}")
    with pytest.raises(Misconfigured, match="the work list contradicts the log"):
        open_journal(crashed / f"{TENANT}.db")


@pytest.mark.parametrize(
    "planted",
    [
        "CREATE TRIGGER t BEFORE INSERT ON fact WHEN NEW.kind LIKE '%refused%' BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER sqliteXstat AFTER INSERT ON envelope BEGIN DELETE FROM envelope; END",
        "CREATE TABLE sqliteXstat1 (body TEXT)",
        "CREATE TABLE notes (body TEXT)",
        "DROP INDEX message_of_request",
        "ALTER TABLE fact ADD COLUMN more TEXT",
    ],
)
def test_what_is_planted_into_the_schema_is_found(log: Path, planted: str) -> None:
    """A trigger could have facts left out in silence, a missing index repeats let in."""
    connection = sqlite3.connect(log, isolation_level=None)
    connection.execute(planted)
    connection.close()
    assert "somebody changed it" in (verified(log).problem or "")
    with pytest.raises(Misconfigured, match="somebody changed it"):
        open_journal(log)


@pytest.mark.parametrize("index", ["message_open", "message_of_request", "message_to_settle"])
def test_an_index_that_leaves_something_out_is_found(log: Path, index: str) -> None:
    """What is due, and whether it came before, is found by an index: emptied, it would lose or double."""
    connection = sqlite3.connect(log, isolation_level=None)
    (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (index,)).fetchone()
    connection.execute("PRAGMA writable_schema = ON")
    emptied = f"{sql.split(' WHERE ')[0]} WHERE seq < 0"
    connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (emptied, index))
    connection.close()
    connection = sqlite3.connect(log, isolation_level=None)
    connection.execute(f"REINDEX {index}")
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (sql, index))
    connection.close()
    assert "inconsistent with itself" in (verified(log).problem or "")
    with pytest.raises(Misconfigured, match="inconsistent with itself"):
        open_journal(log)


@pytest.mark.parametrize("packed", [b"garbage", b"RENKEI1\n" + bytes(12)])
def test_an_envelope_that_is_none_is_a_sentence_at_the_start_too(tmp_path: Path, packed: bytes) -> None:
    """After a crash, with its digest put into the fact and the commitment made anew."""
    journal = open_journal(tmp_path / f"{TENANT}.db")
    asyncio.run(write(journal))
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for each in tmp_path.glob("*.db*"):
        shutil.copy(each, crashed)
    journal.close()
    path = crashed / f"{TENANT}.db"
    connection = sqlite3.connect(path, isolation_level=None)
    salt, body = connection.execute("SELECT salt, body FROM fact WHERE seq = ?", (OPEN,)).fetchone()
    fields = json.loads(body) | {"envelope": hashlib.sha256(packed).hexdigest()}
    forged = fact_body(fields.pop("seq"), fields.pop("at"), FactKind(fields.pop("kind")), fields)
    connection.execute(
        "UPDATE fact SET body = ?, commitment = ? WHERE seq = ?", (forged, commitment(salt, forged), OPEN)
    )
    connection.execute("UPDATE envelope SET packed = ? WHERE message = ?", (packed, OPEN))
    connection.close()
    assert verified(path).problem is not None
    with pytest.raises(Misconfigured):
        open_journal(path)


def test_statistics_of_an_administrator_are_no_tampering(log: Path) -> None:
    connection = sqlite3.connect(log, isolation_level=None)
    connection.execute("ANALYZE")
    connection.close()
    assert verified(log).problem is None
    open_journal(log).close()


HEADERS: dict[str, list[Any]] = {
    "message_id": ["x", 7],
    "request_key": ["x", 7],
    "destination": [[], None],
    "expires_at": ["x", None],
    "purpose": ["another"],
    "records": [{}, [["x"]]],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in HEADERS.items() for value in values])
def test_a_header_of_another_form_is_a_sentence_at_the_start_too(tmp_path: Path, name: str, value: object) -> None:
    """After a crash the last facts are not signed yet: one may be rewritten with its commitment."""
    journal = open_journal(tmp_path / f"{TENANT}.db")
    asyncio.run(write(journal))
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for each in tmp_path.glob("*.db*"):
        shutil.copy(each, crashed)
    journal.close()
    path = crashed / f"{TENANT}.db"
    connection = sqlite3.connect(path, isolation_level=None)
    salt, body = connection.execute("SELECT salt, body FROM fact WHERE seq = ?", (OPEN,)).fetchone()
    fields = json.loads(body)
    fields["header"] |= {name: value}
    if value is None:
        del fields["header"][name]
    kind = FactKind(fields.pop("kind"))
    forged = fact_body(fields.pop("seq"), fields.pop("at"), kind, fields)
    sets = (forged, commitment(salt, forged), OPEN)
    connection.execute("UPDATE fact SET body = ?, commitment = ? WHERE seq = ?", sets)
    connection.close()
    assert verified(path).problem is not None
    with pytest.raises(Misconfigured):
        open_journal(path)


def test_an_untouched_work_list_is_whole(log: Path) -> None:
    assert verified(log).problem is None
    open_journal(log).close()


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("seq", [OPEN, ENDED, UNHEARD, ASKED, REPLY])
def test_each_column_of_each_message_counts(log: Path, seq: int, column: str) -> None:
    tamper(log, f"UPDATE message SET {column} = {COLUMNS[column]} WHERE seq = {seq}")
    report = verified(log)
    assert report.at_seq == seq
    assert report.problem is not None
    assert report.problem.startswith(f"the work list contradicts the log: message {name_of(log, seq)} has ")
    assert f"`{column}`" in report.problem


@pytest.mark.parametrize(
    "change", ["open = 0", "open = -1", "open = 'x'", "open = 1.5", "settle_told = -1", "settle_told = 'x'"]
)
def test_no_number_of_another_kind_passes(log: Path, change: str) -> None:
    tamper(log, f"UPDATE message SET {change} WHERE seq = {OPEN}")
    assert verified(log).at_seq == OPEN


@pytest.mark.parametrize("next_at", [9e999, -9e999])
def test_an_attempt_is_not_put_off_for_ever(log: Path, next_at: float) -> None:
    tamper(log, "UPDATE message SET next_at = ? WHERE seq = 1", next_at)
    assert verified(log).at_seq == 1


@pytest.mark.parametrize("seq", [OPEN, ENDED, REPLY])
def test_a_message_that_is_forgotten_is_missed(log: Path, seq: int) -> None:
    tamper(log, f"DELETE FROM message WHERE seq = {seq}")
    problem = f"the work list contradicts the log: message {name_of(log, seq)} is not in it"
    assert (verified(log).problem, verified(log).at_seq) == (problem, seq)


@pytest.mark.parametrize(("seq", "of"), [(6, "message"), (99, "message"), (99, "envelope")])
def test_what_was_never_recorded_is_found(log: Path, seq: int, of: str) -> None:
    if of == "message":
        insert = (
            "INSERT INTO message (seq, id, source, open, dead, settle_asked) VALUES (?, zeroblob(16), 'pmh', 0, 0, 1)"
        )
    else:
        insert = "INSERT INTO envelope VALUES (?, x'00')"
    tamper(log, insert, seq)
    problem = f"the work list contradicts the log: a row of `{of}` belongs to no recorded message ({seq})"
    assert (verified(log).problem, verified(log).at_seq) == (problem, seq)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE envelope SET packed = zeroblob(100) WHERE message = 2", "has not the envelope"),
        ("UPDATE envelope SET packed = 'text' WHERE message = 2", "has not the envelope"),
        ("UPDATE envelope SET packed = 7 WHERE message = 2", "has not the envelope"),
        (
            "UPDATE envelope SET packed = (SELECT packed FROM envelope WHERE message = 3) WHERE message = 2",
            "has not the envelope",
        ),
        ("DELETE FROM envelope WHERE message = 2", "has lost its envelope"),
    ],
)
def test_an_envelope_is_the_recorded_one(log: Path, change: str, said: str) -> None:
    message_id = name_of(log, ENDED)
    tamper(log, change)
    report = verified(log)
    assert report.at_seq == ENDED
    assert report.problem is not None
    assert report.problem.startswith(f"the work list contradicts the log: message {message_id} {said}")


@pytest.mark.parametrize("column", sorted(COLUMNS.keys() - {"settle_told"}))
@pytest.mark.parametrize("seq", [OPEN, UNHEARD])
def test_the_gateway_does_not_start_if_what_is_due_contradicts_the_log(log: Path, seq: int, column: str) -> None:
    tamper(log, f"UPDATE message SET {column} = {COLUMNS[column]} WHERE seq = {seq}")
    with pytest.raises(Misconfigured) as caught:
        open_journal(log)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{TENANT}.db: the work list contradicts the log: message {name_of(log, seq)} ")


@pytest.mark.parametrize("change", ["body = 'x'", "body = x'ff'", "body = '[]'", "body = NULL", "body = '{}'"])
@pytest.mark.parametrize("seq", [OPEN, 7])
def test_the_gateway_does_not_start_if_a_fact_of_what_is_due_is_spoilt(log: Path, seq: int, change: str) -> None:
    tamper(log, f"UPDATE fact SET {change} WHERE seq = {seq}")
    with pytest.raises(Misconfigured, match=f"fact {seq} is altered"):
        open_journal(log)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE fact SET message_id = NULL WHERE seq = 1",
        "UPDATE fact SET kind = 'message.refused' WHERE seq = 1",
        "UPDATE fact SET kind = 'message.recorded' WHERE seq = 7",
        "DELETE FROM fact WHERE seq = 1",
    ],
)
def test_the_gateway_does_not_start_if_what_is_due_was_never_recorded(log: Path, change: str) -> None:
    tamper(log, change)
    with pytest.raises(Misconfigured, match=f"{TENANT}.db: "):
        open_journal(log)


@pytest.mark.parametrize("read", ["message", "trace", "envelope"])
def test_a_fact_that_is_found_spoilt_at_work_stops_everything(log: Path, read: str) -> None:
    """It was altered before the last checkpoint, of a message of which nothing is due: a start does not look there."""
    message_id = name_of(log, ENDED)
    tamper(log, f"UPDATE fact SET body = 'x' WHERE seq = {ENDED}")
    journal = open_journal(log)
    with pytest.raises(Deferred, match="log_unavailable"):
        getattr(journal, read)(message_id)
    ok, cause = journal.health()
    assert not ok
    assert cause.startswith(f"The central log cannot be trusted: fact {ENDED} is altered")
    journal.close()


async def test_an_operation_that_finds_a_fact_spoilt_stops_everything(log: Path) -> None:
    message_id = name_of(log, ENDED)
    tamper(log, f"UPDATE fact SET body = 'x' WHERE seq = {ENDED}")
    journal = open_journal(log)
    for _ in range(2):
        with pytest.raises(Deferred, match="log_unavailable"):
            await journal.revive(message_id, at=AT, now=NOW, operator="staff-0001")
    with pytest.raises(Deferred, match="log_unavailable"):
        await journal.record(message(), at=AT, now=NOW)
    journal.close()


OTHERS = f"(SELECT packed FROM envelope WHERE message = {ENDED})"


@pytest.mark.parametrize("packed", ["zeroblob(100)", "'text'", "7", "x''", OTHERS])
async def test_a_spoilt_envelope_is_refused_and_its_records_can_end(log: Path, packed: str) -> None:
    tamper(log, f"UPDATE envelope SET packed = {packed} WHERE message = {OPEN}")
    journal = open_journal(log)
    (due,) = [each for each in journal.open_messages() if each.seq == OPEN]
    with pytest.raises(Refused, match="bad_envelope"):
        journal.envelope(due.message_id)
    dead = [RecordOutcome(index, Ending.DEAD, "bad_envelope") for index, _ in due.records]
    await journal.conclude(due.message_id, dead, attempt=due.attempt, next_at=None, at=AT, now=NOW)
    assert [each.seq for each in journal.open_messages()] == [REPLY]
    journal.close()


async def test_a_settlement_of_what_has_not_ended_stops_everything(log: Path) -> None:
    """Whoever alters the list of a running gateway has no half-told ending heard."""
    journal = open_journal(log)
    tamper(log, f"UPDATE message SET open = 0, settle_asked = 1 WHERE seq = {OPEN}")
    with pytest.raises(Deferred, match="log_unavailable"):
        journal.settlement(name_of(log, OPEN))
    assert "has not ended by its facts" in journal.health()[1]
    journal.close()


def test_facts_that_cannot_follow_each_other_are_found(log: Path) -> None:
    """Such a log is whole, and still tells of nothing that could be due: its last fact revives what is not dead."""
    connection = sqlite3.connect(log, isolation_level=None)
    (seq,) = connection.execute("SELECT max(seq) + 1 FROM fact").fetchone()
    told = {"operator": "staff-0001", "records": "2", "message_id": name_of(log, OPEN)}
    body = fact_body(seq, AT, FactKind.MESSAGE_REPLAYED, told)
    connection.execute(
        "INSERT INTO fact (seq, at, kind, message_id, commitment, salt, body)"
        " SELECT ?, at, 'message.replayed', message_id, ?, ?, ? FROM fact WHERE seq = 1",
        (seq, commitment(b"f" * 32, body), b"f" * 32, body),
    )
    tree = Frontier()
    for (committed,) in connection.execute("SELECT commitment FROM fact ORDER BY seq").fetchall():
        tree.append(leaf_hash(committed))
    signed = note.sign(note.Checkpoint(ORIGIN, seq, tree.root()).text(), SIGNER)
    connection.execute("INSERT INTO checkpoint VALUES (?,?,?)", (seq, signed, tree.pack()))
    connection.close()
    assert verified(log).problem == f"fact {seq} is altered: it does not follow from those before it"
    with pytest.raises(Misconfigured, match=f"fact {seq} is altered"):
        open_journal(log)


async def test_a_running_gateway_is_verified_too(path: Path) -> None:
    journal = open_journal(path)
    await write(journal)
    sent = [message((0, 1)) for _ in range(300)]
    going = asyncio.gather(*(journal.record(each, at=AT, now=NOW) for each in sent))
    while not going.done():
        report = await asyncio.to_thread(verified, path)
        assert report.problem is None
    await going
    journal.close()


# ---- whatever happens ------------------------------------------------------------------------------------------------


class Lived:
    """One message and a model of it: what is open, how the others ended, whether the source is to hear."""

    def __init__(self, journal: Journal, kind: str) -> None:
        self.journal = journal
        self.kind = kind
        self.message_id = ""
        self.still = {0, 1, 2, 4}
        self.ended: dict[int, Ending] = {3: Ending.REFUSED}
        self.unheard = False

    async def send(self, endings: object = None) -> None:
        sent = message((0, 1, 2, 4), refused=[(3, "wrong_type", None)], kind=self.kind, request_key=KEY, body_tag=BODY)
        recorded = await self.journal.record(sent, at=AT, now=NOW)
        assert recorded.repeated == bool(self.message_id)
        self.message_id = self.message_id or recorded.message_id
        assert recorded.message_id == self.message_id
        self.unheard |= not self.still

    async def conclude(self, endings: dict[int, Ending | None]) -> None:
        outcomes = [RecordOutcome(index, ending, "gave_up") for index, ending in endings.items()]
        await self.journal.conclude(self.message_id, outcomes, attempt=1, next_at=NOW, at=AT, now=NOW)
        fresh = {index: ending for index, ending in endings.items() if index in self.still and ending}
        self.ended |= fresh
        self.still -= fresh.keys()
        self.unheard |= bool(fresh) and not self.still

    async def attempt(self, endings: object) -> None:
        await self.journal.attempted(self.message_id, sorted(self.still), attempt=1, at=AT)

    async def settle(self, endings: object) -> None:
        for due in settlements_due(self.journal):
            await self.journal.settled(due.message_id, due.due)
        self.unheard &= bool(self.still)

    async def revive(self, endings: object) -> None:
        if dead := self.dead():
            await self.journal.revive(self.message_id, at=AT, now=NOW, operator="staff-0001")
            self.still |= dead
            self.ended = {index: ending for index, ending in self.ended.items() if index not in dead}

    async def give_up(self, endings: object) -> None:
        if self.dead():
            await self.journal.unreplayable(self.message_id, at=AT, operator="staff-0001")
            self.unheard = True

    def dead(self) -> set[int]:
        return {index for index, ending in self.ended.items() if ending is Ending.DEAD}

    def check(self) -> None:
        status = self.journal.message(self.message_id)
        assert status is not None
        assert {each.index: each.ending for each in status.outcomes} == self.ended
        assert (status.open_records, status.ended) == (len(self.still), not self.still)
        assert {index for each in self.journal.open_messages() for index, _ in each.records} == self.still
        assert len(settlements_due(self.journal)) == (self.unheard and not self.still)
        assert len(self.journal.dead_letters(every=True)) == bool(self.dead())
        transaction = self.journal._writer._transaction
        for remembered in transaction._works.values():
            told = read_work(transaction.connection, remembered.stored_id)
            assert told is not None
            assert vars(told) == vars(remembered)


ENDINGS: st.SearchStrategy[Ending | None] = st.sampled_from([*Ending, None])
STEPS: st.SearchStrategy[tuple[str, dict[int, Ending | None]]] = st.tuples(
    st.sampled_from(["send", "conclude", "conclude", "attempt", "settle", "revive", "give_up"]),
    st.dictionaries(st.integers(0, 5), ENDINGS, max_size=6),
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, max_size=12), kind=st.sampled_from(["event", "request"]))
def test_whatever_happens_the_list_is_what_the_facts_give(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, dict[int, Ending | None]]], kind: str
) -> None:
    path = tmp_path_factory.mktemp("log") / f"{TENANT}.db"
    lived = Lived(open_journal(path), kind)

    async def live() -> None:
        await lived.send()
        for step, endings in steps:
            await getattr(lived, step)(endings)
            lived.check()

    asyncio.run(live())
    lived.journal.close()
    assert verified(path).problem is None
    lived.journal = open_journal(path)
    lived.check()
    lived.journal.close()
