"""The rule of two people in the journal: whatever is asked in whatever order, and whatever stands in the file."""

import asyncio
import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.errors import Deferred, Misconfigured, Refused
from gateway.hub.journal import By, Journal, verify
from gateway.hub.journal.facts import HOLD_FACTS, FactKind, commitment, fact_body
from gateway.hub.journal.work import Work, read_work
from gateway.hub.people import Confirmers, Person, Role
from gateway.messages import Attestation, Ending, RecordOutcome
from gateway.tlog import note
from gateway.tlog.tree import Frontier, leaf_hash
from tests.journal.builders import (
    AT,
    LIMITS,
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

MAKER = "staff-0001"
"""Who is responsible for the batch that `message` makes."""
PEOPLE = {name: By(name, digest(name), "terminal-1") for name in ("staff-0011", "staff-0012", "staff-0013", MAKER)}
ANNA, BEN, CARA, MADE = PEOPLE.values()
NEW = ANNA._replace(client_certificate=digest("new"))
OVER = "2026-04-08T00:00:00.000000Z"
"""When the time of what `message` makes is over."""


def able(*people: By, approver: bool = True) -> Confirmers:
    """All of these may confirm; without any, everybody."""
    role = Role.APPROVER if approver else Role.OFFICER
    found = {by.person: Person(by.person, by.client_certificate, frozenset({role})) for by in people or PEOPLE.values()}
    return lambda connection: found


async def granted(journal: Journal, by: By, *roles: str, until: str = "2027-01-01") -> None:
    for role in roles:
        right = {"person": by.person, "role": role, "certificate": by.client_certificate, "until": until}
        await journal.fact(FactKind.PERSON_GRANTED, right, at=AT)


async def held(journal: Journal, *records: int) -> str:
    for by in PEOPLE.values():
        await granted(journal, by, "officer", "approver")
    sent = message(records or (0, 1))
    await journal.record(sent, at=AT, now=NOW, held=True)
    return id_of(sent)


def kinds(journal: Journal, message_id: str) -> list[str]:
    return [each["kind"] for each in journal.trace(message_id)]


async def looked(journal: Journal, message_id: str, *people: By) -> None:
    """It was given out for them, and could be opened."""
    for by in people:
        await journal.holds.look(message_id, by=by, at=AT)
        await journal.holds.shown(message_id, by=by, at=AT)


async def release(journal: Journal, message_id: str, *people: By) -> tuple[int, ...]:
    await looked(journal, message_id, *people)
    words = [await journal.holds.confirm(message_id, by=by, people=able(), at=AT, now=NOW + 5) for by in people]
    return words[-1].released


async def test_a_hold_is_placed_with_the_message_and_is_not_due(journal: Journal) -> None:
    message_id = await held(journal)
    assert kinds(journal, message_id) == ["message.recorded", "hold.placed"]
    assert journal.trace(message_id)[1]["code"] == "review"
    assert list(journal.open_messages()) == []
    assert (journal.open_records(), journal.holds.count()) == (2, 1)
    (listed,) = journal.holds.listed()
    assert (listed["message_id"], listed["since"], listed["until"], listed["cause"]) == (message_id, AT, OVER, "review")
    assert not any(name in listed for name in ("client_certificate", "tags_digest", "item_sets"))


async def test_released_it_is_due_at_once(journal: Journal) -> None:
    message_id = await held(journal)
    assert await release(journal, message_id, ANNA, BEN) == (0, 1)
    (due,) = journal.open_messages()
    assert (due.message_id, due.next_at, due.attempt) == (message_id, NOW + 5, 0)
    assert journal.holds.count() == 0


@pytest.mark.parametrize("other", [ANNA._replace(person="staff-0099"), NEW, NEW._replace(person="STAFF-0011")])
async def test_one_person_is_not_two(journal: Journal, other: By) -> None:
    """Neither under another account, by a certificate that went from hand to hand, nor by a second certificate, nor in
    capitals.
    """
    message_id = await held(journal)
    await looked(journal, message_id, ANNA, other)
    await journal.holds.confirm(message_id, by=ANNA, people=able(), at=AT, now=NOW)
    with pytest.raises(Refused, match="second_person_needed"):
        await journal.holds.confirm(message_id, by=other, people=able(ANNA, other), at=AT, now=NOW)


async def test_whoever_made_it_in_capitals_decides_nothing(journal: Journal) -> None:
    """`Renkei-Actor` may be written so: it is the same person."""
    sent = message((0,), actor="STAFF-0011")
    await journal.record(sent, at=AT, now=NOW, held=True)
    await looked(journal, id_of(sent), ANNA)
    with pytest.raises(Refused, match="maker_may_not_confirm"):
        await journal.holds.confirm(id_of(sent), by=ANNA, people=able(), at=AT, now=NOW)


async def test_what_is_held_on_its_way_begins_anew_and_never_twice(journal: Journal) -> None:
    """A hold that comes after an attempt: released, it is tried as often as any other, and is held no more."""
    sent = message((0, 1))
    await journal.record(sent, at=AT, now=NOW, goes=True)
    ended = [RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(1, None, "system_busy")]
    await journal.conclude(id_of(sent), ended, attempt=1, next_at=NOW + 9, at=AT, now=NOW)
    assert await journal.holds.place(id_of(sent), at=AT)
    assert (list(journal.open_messages()), journal.holds.count()) == ([], 1)
    assert await release(journal, id_of(sent), ANNA, BEN) == (1,)
    (due,) = journal.open_messages()
    assert (due.attempt, due.records) == (0, ((1, due.records[0][1]),))
    assert not await journal.holds.place(id_of(sent), at=AT)
    assert journal.holds.count() == 0


async def test_held_records_count_as_open_ones(path: Path) -> None:
    journal = open_journal(path, LIMITS.__class__(max_open_records=2, checkpoint_every_facts=99, wal_bytes=1 << 22))
    await held(journal)
    with pytest.raises(Deferred, match="queue_full"):
        await journal.record(message(), at=AT, now=NOW)
    journal.close()


async def test_only_what_is_over_expires_and_only_while_it_is_held(journal: Journal) -> None:
    message_id, other = await held(journal), await held(journal)
    assert await journal.holds.expire(message_id, at=AT) is None
    await release(journal, other, ANNA, BEN)
    assert await journal.holds.expire(other, at=OVER) is None
    due = await journal.holds.expire(message_id, at=OVER)
    assert due is not None
    assert [(each.ending, each.code) for each in due.outcomes] == [(Ending.DEAD, "expired")] * 2
    assert settlements_due(journal) == [due]
    assert [each[1] for each in journal.holds.ends()] == []


async def test_every_hold_is_listed_page_after_page(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.hub.journal.holds.LISTED", 2)
    sent = [await held(journal) for _ in range(5)]
    assert [each["message_id"] for each in journal.holds.listed()] == sent[:2]
    assert [each[1] for each in journal.holds.ends()] == sent


async def test_whoever_lost_the_right_or_the_certificate_decides_nothing(journal: Journal) -> None:
    """Whatever was looked up before: it is asked inside the write."""
    message_id = await held(journal)
    await looked(journal, message_id, ANNA)
    for people in (able(BEN), able(NEW)):
        with pytest.raises(Refused, match="role_missing"):
            await journal.holds.confirm(message_id, by=ANNA, people=people, at=AT, now=NOW)
        with pytest.raises(Refused, match="role_missing"):
            await journal.holds.refuse(message_id, by=ANNA, people=people, reason="content_wrong", at=AT)
    assert kinds(journal, message_id)[-1] == "hold.shown"


async def test_an_approval_lapses_when_its_person_may_confirm_no_more(path: Path) -> None:
    """The second is the first then, and needs another one; so it is after a restart, too."""
    journal = open_journal(path)
    message_id = await held(journal)
    await looked(journal, message_id, ANNA, BEN, CARA)
    await journal.holds.confirm(message_id, by=ANNA, people=able(), at=AT, now=NOW)
    second = await journal.holds.confirm(message_id, by=BEN, people=able(BEN, CARA), at=AT, now=NOW)
    assert (second.released, list(journal.open_messages())) == ((), [])
    assert kinds(journal, message_id)[-3:] == ["hold.approved", "hold.lapsed", "hold.approved"]
    assert journal.trace(message_id)[-2]["person"] == ANNA.person
    journal.close()
    journal = open_journal(path)
    with pytest.raises(Refused, match="second_person_needed"):
        await journal.holds.confirm(message_id, by=BEN, people=able(), at=AT, now=NOW)
    third = await journal.holds.confirm(message_id, by=CARA, people=able(), at=AT, now=NOW)
    assert third.released == (0, 1)
    journal.close()
    assert verify(path, verifier=SIGNER.verifier(), origin=ORIGIN).problem is None


async def test_who_may_not_decide_has_no_approval_lapse_either(journal: Journal) -> None:
    message_id = await held(journal)
    await looked(journal, message_id, ANNA)
    await journal.holds.confirm(message_id, by=ANNA, people=able(), at=AT, now=NOW)
    with pytest.raises(Refused, match="not_looked_at"):
        await journal.holds.confirm(message_id, by=BEN, people=able(BEN), at=AT, now=NOW)
    assert kinds(journal, message_id)[-1] == "hold.approved"


# ---- whatever people do ----------------------------------------------------------------------------------------------


class Told:
    """The rule as plainly as it can be said, beside the journal's."""

    def __init__(self) -> None:
        self.given: set[str] = set()
        self.looked: set[str] = set()
        self.first: str | None = None
        self.state = "held"

    def act(self, act: str, who: str, *, approver: bool) -> str:
        """The code of a refusal, or the state after it."""
        if self.state != "held":
            return "not_held"
        if act == "look":
            self.given.add(who)
            return "held"
        if act == "shown":
            self.looked |= self.given & {who}
            return "held" if who in self.given else "not_looked_at"
        if who == MAKER or who not in self.looked:
            return "maker_may_not_confirm" if who == MAKER else "not_looked_at"
        if act == "refuse":
            self.state = "refused"
        elif self.first is None:
            self.first = who
        elif self.first == who or not approver:
            return "second_person_needed" if self.first == who else "role_missing"
        else:
            self.state = "released"
        return self.state


async def acted(journal: Journal, message_id: str, act: str, by: By, *, approver: bool) -> str:
    try:
        match act:
            case "look":
                await journal.holds.look(message_id, by=by, at=AT)
            case "shown":
                await journal.holds.shown(message_id, by=by, at=AT)
            case "refuse":
                await journal.holds.refuse(message_id, by=by, people=able(), reason="content_wrong", at=AT)
                return "refused"
            case _:
                people = able(approver=approver)
                confirmed = await journal.holds.confirm(message_id, by=by, people=people, at=AT, now=NOW)
                return "released" if confirmed.released else "held"
    except Refused as refusal:
        return refusal.code
    return "held"


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["look", "shown", "confirm", "look", "shown", "confirm", "refuse"]),
        st.sampled_from([*PEOPLE]),
        st.booleans(),
    ),
    max_size=18,
)


@settings(max_examples=80, deadline=None)
@given(acts=ACTS, restart=st.integers(0, 18))
@example(
    acts=[(act, who, True) for act in ("look", "shown", "confirm") for who in (ANNA.person, BEN.person)], restart=4
)
def test_whatever_people_do_in_whatever_order_the_plain_rule_holds(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, str, bool]], restart: int
) -> None:
    path = tmp_path_factory.mktemp("log") / f"{TENANT}.db"
    told = Told()

    async def live() -> None:
        journal = open_journal(path)
        message_id = await held(journal)
        for number, (act, who, approver) in enumerate(acts):
            if number == restart:
                journal.close()
                journal = open_journal(path)
            said = await acted(journal, message_id, act, PEOPLE[who], approver=approver)
            assert said == told.act(act, who, approver=approver)
            assert bool(list(journal.open_messages())) == (told.state == "released")
            assert journal.holds.count() == (told.state == "held")
            assert len(settlements_due(journal)) == (told.state == "refused")
            transaction = journal._writer._transaction
            for remembered in transaction._works.values():
                read = read_work(transaction.connection, remembered.stored_id)
                assert read is not None
                assert vars(read) == vars(remembered)
        journal.close()

    asyncio.run(live())
    assert verify(path, verifier=SIGNER.verifier(), origin=ORIGIN).problem is None
    open_journal(path).close()


# ---- whatever stands in the facts ------------------------------------------------------------------------------------

BESIDE = [FactKind.DELIVERY_ATTEMPTED, FactKind.MESSAGE_DEAD, FactKind.MESSAGE_REPLAYED]
FACTS = st.lists(
    st.tuples(
        st.sampled_from([*sorted(HOLD_FACTS), FactKind.HOLD_LOOKED, FactKind.HOLD_LOOKED, *BESIDE]),
        st.sampled_from([*PEOPLE]),
    ),
    max_size=14,
)
RELEASED = [
    (FactKind.HOLD_PLACED, MAKER),
    *((kind, by.person) for by in (ANNA, BEN) for kind in (FactKind.HOLD_LOOKED, FactKind.HOLD_SHOWN)),
    (FactKind.HOLD_APPROVED, ANNA.person),
    (FactKind.HOLD_RELEASED, BEN.person),
]
AGAIN = [(FactKind.MESSAGE_DEAD, MAKER), (FactKind.MESSAGE_REPLAYED, MAKER), (FactKind.HOLD_PLACED, MAKER)]
RECORDED = {
    "message_id": "01960000-0000-7000-8000-000000000001",
    "source": "a",
    "destination": "b",
    "kind": "event",
    "records": [[0, 0, 0]],
    "responsible": MAKER,
}


def fields_of(kind: FactKind, who: str) -> dict[str, Any]:
    dead = [{"ending": "dead", "code": "expired", "records": "0"}]
    refused = [{"ending": "refused", "code": "not_released", "records": "0"}]
    match kind:
        case FactKind.HOLD_PLACED:
            return {"code": "review"}
        case FactKind.HOLD_REFUSED:
            return {**PEOPLE[who]._asdict(), "reason": "content_wrong", "outcomes": refused}
        case FactKind.DELIVERY_ATTEMPTED:
            return {"attempt": 1, "records": "0"}
        case FactKind.MESSAGE_DEAD:
            return {"attempt": 0, "outcomes": dead}
        case FactKind.MESSAGE_REPLAYED:
            return {"operator": who, "records": "0"}
    return PEOPLE[who]._asdict()


def of_last_hold(facts: list[tuple[FactKind, str]]) -> Iterator[tuple[FactKind, str]]:
    """The facts behind the last placing."""
    placed = max(at for at, (kind, _) in enumerate(facts) if kind is FactKind.HOLD_PLACED)
    yield from facts[placed + 1 :]


@settings(max_examples=400, deadline=None)
@given(facts=FACTS)
@example(facts=RELEASED)
@example(facts=[*RELEASED[:6], (FactKind.HOLD_RELEASED, ANNA.person)])
@example(facts=[*RELEASED[:3], *AGAIN, *RELEASED[3:]])
@example(facts=[*RELEASED[:3], *RELEASED[5:]])
@example(facts=[*RELEASED[:4], *RELEASED[5:]])
@example(facts=[(FactKind.DELIVERY_ATTEMPTED, MAKER), *RELEASED])
@example(facts=[*RELEASED[:6], (FactKind.HOLD_LAPSED, ANNA.person), RELEASED[6]])
@example(facts=[*RELEASED[:6], (FactKind.HOLD_LAPSED, BEN.person), RELEASED[6]])
def test_no_order_of_facts_makes_a_release_of_fewer_than_two_who_looked(facts: list[tuple[FactKind, str]]) -> None:
    """Facts that cannot follow are refused, and change nothing; what goes out was never held or was released so."""
    work = Work(
        {
            "header": {
                "message_id": "01960000-0000-7000-8000-000000000001",
                "source": "a",
                "destination": "b",
                "kind": "event",
                "records": [[0, 0, 0]],
                "responsible": MAKER,
            }
        }
    )
    counted: list[tuple[FactKind, str]] = []
    for kind, who in facts:
        before = (work.held, work.hold.released)
        try:
            work.apply(kind, fields_of(kind, who))
        except (ValueError, LookupError):
            assert (work.held, work.hold.released) == before
            continue
        counted.append((kind, who))
        assert not (before[0] and kind is FactKind.DELIVERY_ATTEMPTED), "nothing goes out while it is held"
        if kind is FactKind.HOLD_RELEASED:
            since = list(of_last_hold(counted))
            first = [name for each, name in since if each is FactKind.HOLD_APPROVED][-1]
            lapsed = [each for each, _ in since if each in {FactKind.HOLD_APPROVED, FactKind.HOLD_LAPSED}]
            assert lapsed[-1] is FactKind.HOLD_APPROVED
            lookers = {name for each, name in since if each is FactKind.HOLD_SHOWN}
            assert lookers <= {name for each, name in since if each is FactKind.HOLD_LOOKED}
            assert first != who
            assert {first, who} <= lookers
            assert MAKER not in {first, who}
        assert work.held == (
            before[0]
            if kind in {FactKind.HOLD_LOOKED, FactKind.HOLD_SHOWN, FactKind.HOLD_APPROVED, FactKind.HOLD_LAPSED}
            else kind is FactKind.HOLD_PLACED
        )


async def write_held(path: Path) -> str:
    journal = open_journal(path)
    message_id = await held(journal)
    await looked(journal, message_id, ANNA)
    await journal.holds.confirm(message_id, by=ANNA, people=able(), at=AT, now=NOW)
    journal.close()
    return message_id


def forged(path: Path, message_id: str, facts: list[tuple[FactKind, dict[str, Any]]]) -> None:
    """More facts behind the last one, each with its commitment and signed for, and the row as they would have it."""
    connection = sqlite3.connect(path, isolation_level=None)
    stored = bytes.fromhex(message_id.replace("-", ""))
    (last,) = connection.execute("SELECT max(seq) FROM fact").fetchone()
    for seq, (kind, fields) in zip(itertools.count(last + 1), facts, strict=False):
        body = fact_body(seq, AT, kind, {**fields, "message_id": message_id})
        connection.execute(
            "INSERT INTO fact (seq, at, kind, message_id, commitment, salt, body) VALUES (?,?,?,?,?,?,?)",
            (seq, AT, kind.value, stored, commitment(b"f" * 32, body), b"f" * 32, body),
        )
    connection.execute("UPDATE message SET held = 0")
    tree = Frontier()
    for seq, committed in connection.execute("SELECT seq, commitment FROM fact ORDER BY seq").fetchall():
        tree.append(leaf_hash(committed))
        if seq > last:
            signed = note.sign(note.Checkpoint(ORIGIN, seq, tree.root()).text(), SIGNER)
            connection.execute("INSERT INTO checkpoint VALUES (?,?,?)", (seq, signed, tree.pack()))
    connection.close()


SEEN_AND_RELEASED = (FactKind.HOLD_LOOKED, FactKind.HOLD_SHOWN, FactKind.HOLD_RELEASED)


@pytest.mark.parametrize(
    "facts",
    [
        [(FactKind.HOLD_RELEASED, ANNA._asdict())],
        [(FactKind.HOLD_RELEASED, BEN._asdict())],
        [(kind, MADE._asdict()) for kind in SEEN_AND_RELEASED],
        [(FactKind.HOLD_LOOKED, BEN._asdict()), (FactKind.HOLD_RELEASED, BEN._asdict())],
        [(FactKind.HOLD_SHOWN, BEN._asdict()), (FactKind.HOLD_RELEASED, BEN._asdict())],
        [(FactKind.DELIVERY_ATTEMPTED, {"attempt": 1, "records": "0-1"})],
        [(FactKind.HOLD_RELEASED, {"person": "staff-0012"})],
        [(FactKind.HOLD_PLACED, {"code": "review"})],
    ],
)
def test_a_log_in_which_nobody_else_looked_and_released_does_not_verify(
    path: Path, facts: list[tuple[FactKind, dict[str, Any]]]
) -> None:
    """The file is whole and every commitment fits: what it tells of could not have happened."""
    message_id = asyncio.run(write_held(path))
    forged(path, message_id, facts)
    problem = verify(path, verifier=SIGNER.verifier(), origin=ORIGIN).problem or ""
    assert "it does not follow from those before it" in problem
    with pytest.raises(Misconfigured, match="does not follow from those before it"):
        open_journal(path)


@pytest.mark.parametrize("dead_before", [False, True])
async def test_a_log_in_which_what_attests_review_went_out_without_a_hold_does_not_verify(
    path: Path, *, dead_before: bool
) -> None:
    """Whoever wrote it placed none: the claim that the other edge signed stands in the same log."""
    claim = Attestation("review", digest("flag"))
    journal = open_journal(path)
    sent = message((0, 1), attestations=(claim,))
    await journal.record(sent, at=AT, now=NOW, held=dead_before)
    if dead_before:
        await journal.holds.expire(id_of(sent), at=OVER)
    journal.close()
    assert verify(path, verifier=SIGNER.verifier(), origin=ORIGIN).problem is None
    replayed = [(FactKind.MESSAGE_REPLAYED, {"operator": "staff-0001", "records": "0-1"})] if dead_before else []
    forged(path, id_of(sent), [*replayed, (FactKind.DELIVERY_ATTEMPTED, {"attempt": 1, "records": "0-1"})])
    problem = verify(path, verifier=SIGNER.verifier(), origin=ORIGIN).problem or ""
    assert "it does not follow from those before it" in problem


async def test_what_attests_review_goes_out_released_and_again(path: Path) -> None:
    """The reverse of the above: released once, it is tried, dies, and is replayed."""
    journal = open_journal(path)
    sent = message((0,), attestations=(Attestation("review", digest("flag")),))
    for by in PEOPLE.values():
        await granted(journal, by, "officer", "approver")
    await journal.record(sent, at=AT, now=NOW, held=True)
    await release(journal, id_of(sent), ANNA, BEN)
    for _ in range(2):
        await journal.attempted(id_of(sent), [0], attempt=1, at=AT)
        dead = [RecordOutcome(0, Ending.DEAD, "gave_up")]
        await journal.conclude(id_of(sent), dead, attempt=1, next_at=None, at=AT, now=NOW)
        await journal.revive(id_of(sent), operator="staff-0001", held=True, at=AT, now=NOW)
    journal.close()
    assert verify(path, verifier=SIGNER.verifier(), origin=ORIGIN).problem is None


async def revoked(journal: Journal, by: By, *roles: str) -> None:
    for role in roles:
        await journal.fact(FactKind.PERSON_REVOKED, {"person": by.person, "role": role}, at=AT)


@pytest.mark.parametrize(
    ("before", "between", "wrong"),
    [
        (lambda journal: revoked(journal, ANNA, "officer", "approver"), None, "approved"),
        (lambda journal: granted(journal, ANNA, "officer", "approver", until="2026-01-01"), None, "approved"),
        (
            lambda journal: granted(journal, ANNA._replace(client_certificate=digest("new")), "officer"),
            None,
            "approved",
        ),
        (None, lambda journal: revoked(journal, ANNA, "officer", "approver"), "released"),
        (None, lambda journal: revoked(journal, BEN, "approver"), "released"),
        (lambda journal: revoked(journal, ANNA, "officer"), lambda journal: revoked(journal, BEN, "officer"), None),
        (lambda journal: revoked(journal, CARA, "officer", "approver"), None, None),
    ],
)
async def test_a_log_in_which_somebody_decided_without_the_right_does_not_verify(
    path: Path, before: Any, between: Any, wrong: str | None
) -> None:
    """Whoever wrote it did not ask: the facts of persons stand before it in the same log."""
    journal = open_journal(path)
    message_id = await held(journal)
    await looked(journal, message_id, ANNA, BEN)
    for happens, by in ((before, ANNA), (between, BEN)):
        if happens is not None:
            await happens(journal)
        await journal.holds.confirm(message_id, by=by, people=able(), at=AT, now=NOW)
    found = {each["kind"]: each["seq"] for each in journal.trace(message_id)}
    journal.close()
    report = verify(path, verifier=SIGNER.verifier(), origin=ORIGIN)
    assert ("had no right" in (report.problem or "")) == (wrong is not None)
    assert report.at_seq == (found[f"hold.{wrong}"] if wrong else None)


def test_a_log_in_which_another_one_looked_and_released_verifies(path: Path) -> None:
    """The reverse of the above: what could have happened is not found fault with."""
    message_id = asyncio.run(write_held(path))
    forged(path, message_id, [(kind, BEN._asdict()) for kind in SEEN_AND_RELEASED])
    assert verify(path, verifier=SIGNER.verifier(), origin=ORIGIN).problem is None


@pytest.mark.parametrize("value", ["0", "2", "'x'", "NULL"])
def test_what_is_held_is_not_made_due_beside_the_log(path: Path, value: str) -> None:
    asyncio.run(write_held(path))
    connection = sqlite3.connect(path, isolation_level=None)
    if value == "NULL":
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("UPDATE message SET held = NULL")
        connection.close()
        return
    connection.execute(f"UPDATE message SET held = {value}")
    connection.close()
    with pytest.raises(Misconfigured, match="has another `held` than its facts give"):
        open_journal(path)


async def test_an_outcome_for_what_is_held_is_no_operation(journal: Journal) -> None:
    """A fault of ours would be a fault that changes nothing: the hold stands."""
    message_id = await held(journal)
    with pytest.raises(ValueError, match="it is held"):
        await journal.conclude(message_id, [RecordOutcome(0, Ending.ACCEPTED)], attempt=1, next_at=None, at=AT, now=NOW)
    with pytest.raises(ValueError, match="it is held"):
        await journal.attempted(message_id, [0], attempt=1, at=AT)
    assert kinds(journal, message_id) == ["message.recorded", "hold.placed"]
    assert journal.health()[0]
