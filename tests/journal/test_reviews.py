"""Reviews over a real journal: what is signed, found and closed the facts alone tell, at every opening."""

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.files import ReviewSettings
from gateway.errors import Refused
from gateway.hub.accounts import Accounts
from gateway.hub.journal import ACT_FACTS, REVIEW_FACTS, FactKind, Followed, Journal
from gateway.hub.journal.store import ACTS
from gateway.hub.people import Configured, Person, Role
from gateway.hub.review import (
    KINDS,
    Close,
    Code,
    Entitled,
    Flag,
    Outcome,
    Reviews,
    Sign,
    Standing,
    Subject,
    Table,
    Take,
    deed,
)
from gateway.hub.review.users import compared, to_look_into
from gateway.hub.rights import Grant, Revocation
from gateway.hub.search import Search
from gateway.messages import Ending, RecordOutcome, Tags, stamp
from tests.journal.builders import digest, id_of, message, open_journal
from tests.journal.test_retention import purge

DESK = "desk-1"
START = datetime(2026, 11, 2, 3, tzinfo=UTC)
"""Noon on a Monday in Japan."""
ADMINISTRATOR = Person("staff-0100", digest("staff-0100"), frozenset({Role.ADMINISTRATOR}))
ANNA = Person("staff-0011", digest("staff-0011"), frozenset({Role.OFFICER}))
BEN = Person("staff-0012", digest("staff-0012"), frozenset({Role.APPROVER}))
SETTINGS = ReviewSettings(refusals_a_day=3, persons_a_day=3)


@dataclass
class Town:
    """One tenant's log, its people, and a clock that only the test moves."""

    journal: Journal
    people: Accounts
    reviews: Reviews
    now: datetime = START

    def clock(self):
        return self.now

    async def acted(self, person, times=1, **more):
        fact = {"operator": person, "client_certificate": digest(person), "act": "trace"} | more
        return [await self.journal.fact(FactKind.OPERATOR_ACTED, fact, at=stamp(self.now)) for _ in range(times)]

    async def refused(self, person):
        return await self.acted(person, 3, code="role_missing")

    async def sign(self, by=ANNA, to=None):
        to = to or self.journal.following.size
        await self.acted(by.id, act="review", to=to)
        return await self.reviews.sign(Sign(to=to), by, DESK, self.clock)

    async def take(self, finding, by=ANNA, case="R8-0012"):
        await self.reviews.take(finding, Take(case=case), by, DESK, self.now)

    async def close(self, finding, by=ANNA, outcome=Outcome.PROPER):
        await self.reviews.close(finding, Close(outcome=outcome), by, DESK, self.now)

    def open(self):
        return [(each.id, each.told["code"]) for each in self.reviews.standing().open_findings()]


@pytest.fixture
def journal(tmp_path):
    with closing(open_journal(tmp_path / "999997.db")) as opened:
        yield opened


@pytest.fixture
async def town(journal):
    people = Accounts(journal, Configured({}, {ADMINISTRATOR.id: ADMINISTRATOR.certificate}))
    made = Town(journal, people, Reviews(journal, Search(journal), people, lambda: SETTINGS))
    for person, role in ((ANNA, Role.OFFICER), (BEN, Role.APPROVER)):
        grant = Grant(person=person.id, role=role, certificate=person.certificate, until=date(2027, 10, 31))
        await people.grant(grant, ADMINISTRATOR, DESK, START)
    return made


def told_of(period, person):
    return [each.code for each in period.unusual if each.person == person]


async def refusal(doing):
    with pytest.raises(Refused) as caught:
        await doing
    return caught.value.code


async def test_a_review_shows_what_nobody_has_signed_yet(town):
    await town.refused("staff-0001")
    await town.acted("staff-0002")
    found = (await town.reviews.period()).told()
    assert (found["since"], found["to"], found["kinds"]) == (1, 6, {"operator.acted": 4, "person.granted": 2})
    assert found["refused"] == [{"who": "staff-0001", "code": "role_missing", "count": 3}]
    assert {"person": "staff-0100", "act": "person.granted", "code": None, "count": 2} in found["acts"]
    assert [(each["code"], each["person"], each["facts"]) for each in found["unusual"]] == [
        ("refusals", "staff-0001", [3, 4, 5])
    ]


async def test_what_is_signed_is_a_fact_and_what_stood_out_a_finding_right_behind_it(town, journal):
    await town.refused("staff-0001")
    assert await town.sign() == {"to": 5, "findings": 1}
    (signed, opened) = journal.told(REVIEW_FACTS)
    said = {"operator": ANNA.id, "client_certificate": ANNA.certificate, "terminal": DESK}
    assert signed[:2] == (7, FactKind.REVIEW_SIGNED)
    assert {"subject": "log", "since": 1, "to": 5, "findings": 1, **said}.items() <= signed[2].items()
    assert opened[:2] == (8, FactKind.FINDING_OPENED)
    told = {"code": "refusals", "person": "staff-0001", "acted": ["staff-0001"], "facts": [3, 4, 5], "count": 3}
    assert {**told, "most": 3, **said}.items() <= opened[2].items()
    after = await town.reviews.period()
    assert (after.since, after.to, told_of(after, "staff-0001")) == (6, 8, [])


async def test_what_comes_while_one_looks_is_not_signed_with_it(town):
    shown = (await town.reviews.period()).to
    await town.refused("staff-0001")
    assert await town.sign(to=shown) == {"to": shown, "findings": 0}
    assert Code.REFUSALS in told_of(await town.reviews.period(), "staff-0001")


@pytest.mark.parametrize(("to", "code"), [(3, "bad_review"), (99, "bad_review"), (1, "bad_review")])
async def test_only_what_was_shown_and_nobody_has_signed_is_signed(town, to, code):
    await town.acted("staff-0001")
    await town.sign(to=3)
    assert await refusal(town.sign(to=to)) == code


async def test_only_who_was_shown_all_up_to_that_fact_signs_it(town):
    """Neither what another was shown, nor other acts, nor a look that ended before."""
    shown = town.journal.following.size
    await town.acted(BEN.id, act="review", to=shown)
    await town.acted(ANNA.id, act="review", to=shown - 1)
    await town.acted(ANNA.id, act="findings", to=shown)
    await town.acted(ANNA.id, act="review", code="role_missing")
    signed = town.reviews.sign(Sign(to=shown), ANNA, DESK, town.clock)
    assert await refusal(signed) == "not_looked_at"
    await town.acted(ANNA.id.upper(), act="review", to=shown)
    assert (await town.reviews.sign(Sign(to=shown), ANNA, DESK, town.clock))["to"] == shown


async def test_who_is_officer_no_more_when_it_is_written_signs_and_closes_nothing(town, journal):
    (opened,) = [await town.reviews.flag(Flag(facts=(1,)), ANNA, DESK, START)]
    await town.people.revoke(Revocation(person=BEN.id, role=Role.APPROVER), ADMINISTRATOR, DESK, START)
    before = len(journal.told(REVIEW_FACTS))
    assert await refusal(town.sign(BEN)) == "role_missing"
    assert await refusal(town.close(opened, BEN)) == "role_missing"
    assert await refusal(town.reviews.flag(Flag(facts=(1,)), BEN, DESK, START)) == "role_missing"
    assert await refusal(town.sign(ADMINISTRATOR)) == "role_missing"
    assert len(journal.told(REVIEW_FACTS)) == before


async def test_two_who_look_at_once_do_not_both_sign(town):
    await town.acted("staff-0001")
    shown = (await town.reviews.period()).to
    whole = town.reviews._within

    def meanwhile(connection):
        standing = whole(connection)
        standing.apply(99, FactKind.REVIEW_SIGNED, {"subject": "log", "operator": BEN.id, "at": "", "to": shown})
        return standing

    town.reviews._within = meanwhile
    assert await refusal(town.sign(to=shown)) == "reviewed_meanwhile"


# ---- findings --------------------------------------------------------------------------------------------------------


async def test_a_finding_is_followed_to_its_end_and_a_restart_knows_it(town, journal):
    await town.refused("staff-0001")
    await town.sign()
    ((finding, code),) = town.open()
    assert code == "refusals"
    await town.take(finding, BEN)
    (row,) = [each.row() for each in town.reviews.standing().open_findings()]
    assert (row["standing"], row["by"], row["case"]) == ("taken", BEN.id, "R8-0012")
    assert await refusal(town.close(finding + 1)) == "unknown_finding"
    await town.close(finding, ANNA, Outcome.MISTAKE)
    assert town.open() == []
    again = Reviews(journal, Search(journal), town.people, lambda: SETTINGS)
    (row,) = [each.row() for each in again.standing().findings.values()]
    assert (row["finding"], row["standing"], row["outcome"], row["case"]) == (finding, "closed", "mistake", "R8-0012")
    assert (row["opened_by"], row["by"], row["closed_by"]) == (ANNA.id, BEN.id, ANNA.id)
    assert again.standing().signed == town.reviews.standing().signed
    assert await refusal(town.close(finding)) == "finding_closed"
    assert await refusal(town.close(finding + 1)) == "unknown_finding"


@pytest.mark.parametrize("spelt", [ANNA.id, ANNA.id.upper()])
async def test_nobody_closes_a_finding_about_acts_of_his_own(town, spelt):
    """C144: whoever wrote the id in capitals is the same person. Who signed the review may close what is others'."""
    await town.acted(spelt, 3, code="role_missing")
    await town.sign(ANNA)
    ((finding, _),) = town.open()
    assert await refusal(town.close(finding, ANNA)) == "own_finding"
    assert await refusal(town.take(finding, ANNA)) == "own_finding"
    assert await refusal(town.close(finding, BEN)) == "not_taken"
    await town.take(finding, BEN)
    await town.close(finding, BEN)
    assert town.open() == []


async def test_some_facts_are_flagged_by_hand_and_are_everybody_s_who_acted_in_them(town, journal):
    await journal.record(message(actor=BEN.id), at=stamp(START), now=START.timestamp())
    recorded = journal.following.size
    (acted,) = await town.acted(ANNA.id)
    finding = await town.reviews.flag(Flag(facts=(acted, recorded, acted)), ANNA, DESK, town.now)
    ((_, _, fact),) = journal.told(REVIEW_FACTS)
    assert (fact["code"], fact["facts"], fact["acted"]) == (
        "flagged",
        [recorded, acted],
        [BEN.id, "staff-0001", ANNA.id],
    )
    for each in (ANNA, BEN):
        assert await refusal(town.close(finding, each)) == "own_finding"


@pytest.mark.parametrize("kind", ["delivery.concluded", "message.dead", "reply"])
async def test_what_became_of_a_message_is_an_act_of_who_sent_it(town, journal, kind):
    """C144: of a reply it is the request, whoever answered."""
    asked = message(kind="request", actor=ANNA.id, responsible=BEN.id)
    await journal.record(asked, at=stamp(START), now=0.0)
    ends: dict[str, Any] = {"source": "vaccination_records", "destination": "health_management"}
    reply = message(kind="reply", responsible="staff-0009", correlation_id=id_of(asked), **ends)
    ending = Ending.DEAD if kind == "message.dead" else Ending.ACCEPTED
    ended = [RecordOutcome(0, ending, "expired" if ending is Ending.DEAD else None)]
    replied = {"reply": reply} if kind == "reply" else {}
    await journal.conclude(id_of(asked), ended, attempt=1, next_at=None, at=stamp(START), now=0.0, **replied)
    facts = journal.following.these(range(3, journal.following.size + 1))
    last = next(each for each in reversed(facts) if kind in (each.kind, each.header.get("kind")))
    finding = await town.reviews.flag(Flag(facts=(last.seq,)), BEN, DESK, START)
    for each in (ANNA, BEN):
        assert await refusal(town.take(finding, each)) == "own_finding"
        assert await refusal(town.close(finding, each)) == "own_finding"


OTHERS = dict.fromkeys(("person.granted", "person.revoked", "hold.lapsed"), "by")
OTHERS |= dict.fromkeys(("hold.looked", "hold.shown", "hold.approved", "hold.released", "hold.refused"), "person")
"""Under which key these facts say who did it; the others say `operator`."""


@pytest.mark.parametrize("kind", ACT_FACTS)
def test_whatever_the_history_tells_of_is_an_act_of_somebody(kind):
    said = {"at": stamp(START), "kind": kind.value, "person": "other", "code": "flagged"}
    fact = said | {"message_id": "m", "case": "R8-1"} | {OTHERS.get(kind.value, "operator"): "staff-0001"}
    followed = Followed(seq=1, kind=kind, commitment=b"", salt=b"", body=b"", fact=fact, header={}, undisclosed=False)
    assert (found := deed(followed, frozenset())) is not None
    assert found.person == "staff-0001"


def test_history_and_review_tell_of_the_same_acts(journal):
    """C144: of an act that a finding knew nobody for, its own doer could close it."""
    assert set(re.findall("'(.*?)'", ACTS)) == set(ACT_FACTS) == set(KINDS) - {"message.recorded", "message.refused"}
    plan = sqlite3.connect(journal.path).execute(f"EXPLAIN QUERY PLAN SELECT 1 FROM fact WHERE {ACTS} ORDER BY at, seq")
    assert "fact_of_act" in str(plan.fetchall())


@pytest.mark.parametrize(
    "kind",
    [FactKind.USE_STOPPED, FactKind.USE_RESUMED, FactKind.TRAIL_ERASED, FactKind.LEGAL_HOLD_PLACED,
     FactKind.LEGAL_HOLD_LIFTED, FactKind.MESSAGE_UNDISCLOSED],
)  # fmt: skip
async def test_nobody_closes_a_finding_about_what_the_person_erased_held_hid_or_stopped(town, journal, kind):
    said = {"operator": ANNA.id, "client_certificate": ANNA.certificate, "terminal": DESK, "case": "R8-1"}
    seq = await journal.fact(kind, said, at=stamp(START))
    finding = await town.reviews.flag(Flag(facts=(seq,)), BEN, DESK, START)
    assert await refusal(town.close(finding, ANNA)) == "own_finding"
    await town.take(finding, BEN)
    await town.close(finding, BEN)


async def test_what_retention_hands_on_is_nobody_s_act(town, journal):
    seq = await journal.fact(FactKind.MESSAGE_UNDISCLOSED, {"by": "retention"}, at=stamp(START))
    await town.reviews.flag(Flag(facts=(seq,)), BEN, DESK, START)
    ((_, _, fact),) = journal.told(REVIEW_FACTS)
    assert "acted" not in fact
    assert not told_of(await town.reviews.period(), "retention")


@pytest.mark.parametrize(("facts", "code"), [((), "bad_finding"), ((0,), "unknown_fact"), ((1, 99), "unknown_fact")])
async def test_only_facts_that_there_are_are_flagged(town, facts, code):
    assert await refusal(town.reviews.flag(Flag(facts=facts), ANNA, DESK, START)) == code


# ---- persons ---------------------------------------------------------------------------------------------------------


async def test_persons_are_counted_by_their_marks_and_no_mark_leaves_the_log(town, journal):
    """C254."""
    await town.sign()
    marks = [bytes([number]) * 16 for number in (1, 2, 3)]
    for mark in (*marks, bytes(16), marks[0]):
        sent = message(actor="dr-0001", tags=Tags(bytes(32), (mark,)))
        await journal.record(sent, at=stamp(START), now=START.timestamp())
    found = await town.reviews.period()
    (many,) = [each for each in found.unusual if each.code is Code.MANY_PERSONS]
    assert (many.person, many.most, many.count) == ("dr-0001", 3, 4)
    await town.sign()
    said = repr(found.told()) + repr(journal.told(REVIEW_FACTS))
    assert not any(form(mark) in said for mark in marks for form in (bytes.hex, repr))


async def test_what_was_done_in_the_90_days_before_is_known_and_no_longer(town):
    await town.acted("staff-0001", terminal="desk-7")
    await town.sign()
    town.now = START + timedelta(days=88)
    await town.acted("staff-0001", terminal="desk-7")
    assert told_of(await town.reviews.period(), "staff-0001") == []
    town.now += timedelta(days=91)
    await town.sign()
    await town.acted("staff-0001", terminal="desk-7")
    assert told_of(await town.reviews.period(), "staff-0001") == [Code.NEW_ACTOR]


# ---- overdue ---------------------------------------------------------------------------------------------------------


async def test_a_review_is_due_so_many_days_after_the_last_or_after_the_log_began(town):
    assert town.reviews.due(Subject.LOG) == START + timedelta(days=30)
    assert town.reviews.due(Subject.USERS) == START + timedelta(days=90)
    town.now = START + timedelta(days=10)
    await town.sign()
    assert town.reviews.due(Subject.LOG) == START + timedelta(days=40)
    assert town.reviews.due(Subject.USERS) == START + timedelta(days=90)


# ---- users -----------------------------------------------------------------------------------------------------------

RIGHTS: list[dict[str, Any]] = [
    {"person": "root", "role": "operator", "certificate": "a", "until": None, "standing": "configured"},
    {"person": "staff-0011", "role": "officer", "certificate": "b", "until": "2027-03-31", "standing": "valid"},
    {"person": "staff-0012", "role": "approver", "certificate": "c", "until": "2027-03-31", "standing": "ends_soon"},
    {"person": "staff-0013", "role": "officer", "certificate": "d", "until": "2026-11-01", "standing": "revoked"},
]


def table(*rows):
    made = [Entitled(person=person, role=role, until=until) for person, role, until in rows]
    return Table(table="f" * 64, rows=tuple(made))


def test_each_right_agrees_differs_or_is_missing_on_one_side():
    asked = table(
        ("Root", "operator", None),
        ("staff-0012", "approver", date(2027, 3, 30)),
        ("staff-0013", "officer", date(2027, 3, 31)),
        ("staff-0014", "officer", date(2026, 11, 20)),
        ("staff-0015", "officer", date(2026, 11, 19)),
    )
    rows = list(compared(RIGHTS, asked, {"root": "2026-11-20"}, date(2026, 11, 20)))
    assert [(each["person"], each["role"], each["found"], each["last_act"]) for each in rows] == [
        ("root", "operator", "agrees", "2026-11-20"),
        ("staff-0011", "officer", "missing_there", None),
        ("staff-0012", "approver", "differs", None),
        ("staff-0013", "officer", "missing_here", None),
        ("staff-0014", "officer", "missing_here", None),
    ]
    assert [(each.code.value, each.person, each.acted) for each in to_look_into(rows)] == [
        ("right_missing_there", "staff-0011", ("staff-0011",)),
        ("right_differs", "staff-0012", ("staff-0012",)),
        ("right_missing_here", "staff-0013", ("staff-0013",)),
        ("right_missing_here", "staff-0014", ("staff-0014",)),
    ]


def test_a_right_that_the_table_has_ended_and_the_system_has_not_differs():
    (row,) = compared(RIGHTS[1:2], table(("staff-0011", "officer", date(2026, 3, 31))), {}, date(2026, 11, 20))
    assert row["found"] == "differs"


async def test_who_has_no_right_any_more_when_it_is_written_signs_no_users_either(town, journal):
    await town.people.revoke(Revocation(person=BEN.id, role=Role.APPROVER), ADMINISTRATOR, DESK, START)
    assert await refusal(town.reviews.sign_users(table(), BEN, DESK, START)) == "role_missing"
    assert journal.told(REVIEW_FACTS) == []
    await town.reviews.sign_users(table(), ADMINISTRATOR, DESK, START)


PAIRS = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["operator", "officer", "approver"])),
    st.dates(date(2026, 11, 1), date(2026, 11, 3)),
)


@given(PAIRS, PAIRS)
def test_every_right_of_either_side_is_told_once_and_both_agree_only_where_they_are_equal(here, there):
    rights = [
        {"person": person, "role": role, "certificate": "", "until": until.isoformat(), "standing": "valid"}
        for (person, role), until in here.items()
    ]
    rows = list(compared(rights, table(*((*key, until) for key, until in there.items())), {}, date.min))
    told = {(each["person"], each["role"]): each["found"] for each in rows}
    assert len(rows) == len(told)
    assert told.keys() == here.keys() | there.keys()
    assert {key for key, found in told.items() if found == "agrees"} == {
        key for key in here.keys() & there.keys() if here[key] == there[key]
    }
    assert {key for key, found in told.items() if found == "missing_here"} == there.keys() - here.keys()


async def test_the_review_of_the_users_is_signed_with_the_table_and_its_differences_are_findings(town, journal):
    asked = table(("staff-0011", "officer", date(2027, 10, 31)), ("staff-0100", "administrator", None))
    town.now = START + timedelta(days=5)
    await town.acted("staff-0011")
    rows = {each["person"]: each for each in await town.reviews.users(asked, town.now)}
    assert {name: (each["found"], each["last_act"]) for name, each in rows.items()} == {
        "staff-0011": ("agrees", "2026-11-07"),
        "staff-0012": ("missing_there", None),
        "staff-0100": ("agrees", "2026-11-02"),
    }
    signed = await town.reviews.sign_users(asked, ADMINISTRATOR, DESK, town.now)
    assert signed == {"agrees": 2, "differs": 0, "missing_here": 0, "missing_there": 1, "findings": 1}
    (_, _, fact), _ = journal.told(REVIEW_FACTS)
    assert (fact["subject"], fact["table"], fact["missing_there"]) == ("users", "f" * 64, 1)
    ((finding, code),) = town.open()
    assert code == "right_missing_there"
    assert await refusal(town.close(finding, BEN)) == "own_finding"
    await town.take(finding, ANNA)
    await town.close(finding, ANNA, Outcome.CORRECTED)
    assert town.reviews.due(Subject.USERS) == town.now + timedelta(days=90)
    assert town.reviews.standing().reviewed(Subject.LOG) == 0


async def test_what_was_purged_is_known_no_more_and_the_next_review_is_due_all_the_same(town, journal):
    """Also if nobody ever reviewed the log in three years."""
    finding = await town.reviews.flag(Flag(facts=(1,)), BEN, DESK, START)
    await town.take(finding)
    await town.close(finding)
    assert finding in town.reviews.standing().findings
    before, now = START + timedelta(days=1), START + timedelta(days=1200)
    assert await purge(journal, before=stamp(before), at=stamp(now)) > 0
    assert town.reviews.standing().findings == {}
    assert journal.following.time_of(finding) == ""
    assert town.reviews.due(Subject.LOG) <= before + timedelta(days=30)
    assert await purge(journal, before=stamp(before + timedelta(days=370)), at=stamp(now + timedelta(days=370))) > 0
    assert journal.following.time_of(1) == ""
    assert town.reviews.due(Subject.LOG) == before + timedelta(days=400)


def test_a_finding_whose_opening_was_purged_is_known_no_more():
    standing = Standing()
    closed = {"finding": 3, "operator": "staff-0011", "case": "R8-1", "outcome": "proper", "at": ""}
    standing.apply(9, FactKind.FINDING_CLOSED, closed)
    assert standing.findings == {}
