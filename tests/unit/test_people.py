"""Who may act: grants, revocations, reloads and days at random against the plainest reading; and each rule."""

import asyncio
import hashlib
import json
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.config import japanese_day
from gateway.errors import Refused
from gateway.hub.accounts import Accounts
from gateway.hub.journal import PERSON_FACTS
from gateway.hub.people import Configured, Person, Role
from gateway.hub.rights import Grant, Revocation
from tests.journal.builders import open_journal

START = date(2026, 4, 1)
CERTIFICATES = {name: hashlib.sha256(name.encode()).hexdigest() for name in "abcdef"}
ADMINISTRATOR = Person("staff-0100", CERTIFICATES["a"], frozenset({Role.ADMINISTRATOR}))
OPERATOR = Person("operator", CERTIFICATES["b"], frozenset({Role.ADMINISTRATOR}))
"""Who is taken for an administrator, and is none."""
CONFIGURED = Configured({"operator": CERTIFICATES["b"]}, {ADMINISTRATOR.id: ADMINISTRATOR.certificate})
LATER = Configured({"operator": CERTIFICATES["b"]}, {"staff-0001": CERTIFICATES["c"]})
"""After a reload: who may have been granted a right is the administrator now."""
HIDING = Configured({"staff-0001": CERTIFICATES["e"]}, CONFIGURED.administrators)
"""After a reload: that person is the operator, with another card, and what was granted under the former is hidden."""
PEOPLE = ("staff-0001", "staff-0002", "staff-0100", "operator")
APART = (Role.OFFICER, Role.APPROVER, Role.AUDITOR)
GRANTED = (Role.OPERATOR, *APART)
TERMINAL = "desk-1"


def noon(day: date) -> datetime:
    return datetime.combine(day, time(3), UTC)


def grant(person="staff-0001", role=Role.APPROVER, certificate="c", until=START + timedelta(days=100)):
    return Grant(person=person, role=role, certificate=CERTIFICATES[certificate], until=until)


@pytest.fixture
def journal(tmp_path):
    with closing(open_journal(tmp_path / "999997.db")) as opened:
        yield opened


@pytest.fixture
def accounts(journal):
    return Accounts(journal, CONFIGURED)


async def given_to(accounts, *grants, day=START):
    for each in grants:
        await accounts.grant(each, ADMINISTRATOR, TERMINAL, noon(day))


def roles(accounts, certificate, day=START):
    person = accounts.person(CERTIFICATES[certificate], noon(day))
    return None if person is None else (person.id, set(person.roles))


async def refusal(doing):
    with pytest.raises(Refused) as caught:
        await doing
    return caught.value.code


# ---- a walk at random ------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("grant"),
            st.sampled_from(PEOPLE),
            st.sampled_from(GRANTED),
            st.sampled_from("abcde"),
            st.integers(-1, 367),
        ),
        st.tuples(st.just("revoke"), st.sampled_from(PEOPLE), st.sampled_from(GRANTED)),
        st.tuples(st.just("wait"), st.integers(1, 300)),
        st.tuples(st.just("reload"), st.sampled_from([CONFIGURED, LATER, HIDING])),
    ),
    max_size=12,
)


class Reading:
    """The plainest reading: the list of all that was granted and revoked, searched anew for each question."""

    def __init__(self):
        self.said: list[tuple[str, Role, str | None, date | None]] = []
        self.configured = CONFIGURED

    def certificate(self, person):
        own = self.configured.certificates.get(person)
        return own or next((c for p, _, c, _ in reversed(self.said) if p == person and c), None)

    def has(self, person, role, day):
        if role in APART and person in self.configured.certificates:
            return False
        if (role is Role.OPERATOR and person in self.configured.operators) or (
            role is Role.ADMINISTRATOR and person in self.configured.administrators
        ):
            return True
        last = next((until for p, r, _, until in reversed(self.said) if (p, r) == (person, role)), None)
        return last is not None and day <= last

    def owners(self, certificate, day):
        found = {
            person: {role for role in Role if self.has(person, role, day)}
            for person in PEOPLE
            if self.certificate(person) == certificate
        }
        return {person: has for person, has in found.items() if has}

    def configured_holders(self, certificate):
        return {person for person, own in self.configured.certificates.items() if own == certificate}

    def holders(self, certificate, day):
        return self.alone().owners(certificate, day).keys()

    def alone(self):
        """As whoever has the log alone reads it."""
        alone = Reading()
        alone.said, alone.configured = self.said, Configured()
        return alone

    def why_not(self, person, role, certificate, ahead, day):
        if ADMINISTRATOR.id not in self.configured.administrators:
            return "role_missing"
        if person == ADMINISTRATOR.id:
            return "own_grant"
        if self.conflicts(person, role, day):
            return "duties_conflict"
        if self.configured.certificates.get(person, certificate) != certificate:
            return "certificate_taken"
        if (self.holders(certificate, day) | self.configured_holders(certificate)) - {person}:
            return "certificate_taken"
        return None if 0 <= ahead <= 366 else "bad_last_day"

    def conflicts(self, person, role, day):
        if role in APART and person in self.configured.certificates:
            return True
        granted = [each for each in GRANTED if self.alone().has(person, each, day)]
        return any((each is Role.AUDITOR) != (role is Role.AUDITOR) for each in granted)

    async def take(self, accounts, step, day):
        act, person, role, *more = step
        said: tuple[str, Role, str | None, date | None]
        if act == "grant":
            letter, ahead = more
            until = day + timedelta(days=ahead)
            why = self.why_not(person, role, CERTIFICATES[letter], ahead, day)
            doing = accounts.grant(grant(person, role, letter, until), ADMINISTRATOR, TERMINAL, noon(day))
            said = (person, role, CERTIFICATES[letter], until)
        else:
            there = next((until for p, r, _, until in reversed(self.said) if (p, r) == (person, role)), None)
            why = "own_grant" if person == ADMINISTRATOR.id else None if there else "unknown_right"
            why = why if ADMINISTRATOR.id in self.configured.administrators else "role_missing"
            doing = accounts.revoke(Revocation(person=person, role=role), ADMINISTRATOR, TERMINAL, noon(day))
            said = (person, role, None, None)
        if why is None:
            await doing
            self.said.append(said)
        else:
            assert await refusal(doing) == why


@given(STEPS)
@example(
    [
        ("grant", "staff-0001", Role.OFFICER, "d", 9),
        ("reload", HIDING),
        ("grant", "staff-0002", Role.OFFICER, "d", 9),
    ]
)
def test_whatever_is_granted_and_revoked_the_log_alone_says_who_may_act(steps):
    async def walk(folder):
        with closing(open_journal(Path(folder) / "999997.db")) as journal:
            accounts, reading, day = Accounts(journal, CONFIGURED), Reading(), START
            for step in steps:
                if step[0] == "wait":
                    day += timedelta(days=step[1])
                elif step[0] == "reload":
                    reading.configured = step[1]
                    accounts.adopt(step[1])
                else:
                    await reading.take(accounts, step, day)
                for letter, certificate in CERTIFICATES.items():
                    owners = reading.owners(certificate, day)
                    expected = next(iter(owners.items())) if len(owners) == 1 else None
                    assert roles(accounts, letter, day) == expected
                    assert len(reading.holders(certificate, day)) <= 1  # else who acted under it could not be verified
                restarted = Accounts(journal, reading.configured)
                assert restarted.listed(noon(day)) == accounts.listed(noon(day))
            assert len(journal.told(PERSON_FACTS)) == len(reading.said)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(walk(folder))


# ---- each rule -------------------------------------------------------------------------------------------------------


async def test_a_right_counts_from_its_fact_to_the_end_of_its_last_day_in_japan(accounts, journal):
    until = START + timedelta(days=1)
    assert roles(accounts, "c") is None
    await given_to(accounts, grant(until=until))
    last = datetime.combine(until, time(14, 59, 59), UTC)
    assert japanese_day(last) == until
    assert accounts.person(CERTIFICATES["c"], last).roles == {Role.APPROVER}
    assert accounts.person(CERTIFICATES["c"], last + timedelta(seconds=1)) is None
    [(_, kind, fact)] = journal.told(PERSON_FACTS)
    assert (kind, {key: fact[key] for key in ("person", "role", "certificate", "until")}) == (
        "person.granted",
        {"person": "staff-0001", "role": "approver", "certificate": CERTIFICATES["c"], "until": "2026-04-02"},
    )
    assert (fact["by"], fact["client_certificate"], fact["terminal"]) == ("staff-0100", CERTIFICATES["a"], TERMINAL)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.OFFICER, Role.APPROVER])
async def test_an_auditor_has_no_other_role_as_long_as_it_lasts(accounts, role):
    """Nobody audits what he did himself."""
    until = START + timedelta(days=1)
    await given_to(accounts, grant(role=Role.AUDITOR, until=until))
    other = grant(role=role)
    assert await refusal(accounts.grant(other, ADMINISTRATOR, TERMINAL, noon(until))) == "duties_conflict"
    await accounts.grant(other, ADMINISTRATOR, TERMINAL, noon(until + timedelta(days=1)))
    assert roles(accounts, "c", until + timedelta(days=1)) == ("staff-0001", {role})


async def test_what_is_revoked_ends_at_once_and_the_rest_stays(accounts):
    await given_to(accounts, grant(), grant(role=Role.OFFICER))
    await accounts.revoke(Revocation(person="staff-0001", role=Role.APPROVER), ADMINISTRATOR, TERMINAL, noon(START))
    assert roles(accounts, "c") == ("staff-0001", {Role.OFFICER})


async def test_a_new_certificate_replaces_the_former_in_all_rights_of_its_person(accounts):
    await given_to(accounts, grant(role=Role.OFFICER), grant(role=Role.APPROVER, certificate="d"))
    assert roles(accounts, "c") is None
    assert roles(accounts, "d") == ("staff-0001", {Role.OFFICER, Role.APPROVER})
    await given_to(accounts, grant(person="staff-0002", certificate="c"))
    assert roles(accounts, "c") == ("staff-0002", {Role.APPROVER})


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (grant("staff-0100", Role.OPERATOR, "a"), "own_grant"),
        (grant("STAFF-0100", Role.OFFICER, "d"), "own_grant"),
        (grant("operator", Role.OFFICER, "b"), "duties_conflict"),
        (grant("Operator", Role.OFFICER, "d"), "duties_conflict"),
        (grant("operator", Role.APPROVER, "f"), "duties_conflict"),
        (grant("operator", Role.AUDITOR, "b"), "duties_conflict"),
        (grant("staff-0001", Role.AUDITOR), "duties_conflict"),
        (grant("Staff-0001", Role.AUDITOR, "d"), "duties_conflict"),
        (grant("operator", Role.OPERATOR, "f"), "certificate_taken"),
        (grant("staff-0002", certificate="a"), "certificate_taken"),
        (grant("staff-0002", certificate="b"), "certificate_taken"),
        (grant("staff-0002", certificate="c"), "certificate_taken"),
        (grant("staff-0002", certificate="d", until=START - timedelta(days=1)), "bad_last_day"),
        (grant("staff-0002", certificate="d", until=START + timedelta(days=367)), "bad_last_day"),
    ],
)
async def test_what_may_not_be_granted(accounts, journal, wanted, code):
    await given_to(accounts, grant())
    assert await refusal(accounts.grant(wanted, ADMINISTRATOR, TERMINAL, noon(START))) == code
    assert len(journal.told(PERSON_FACTS)) == 1


@pytest.mark.parametrize("by", [Person("staff-0100", CERTIFICATES["c"], ADMINISTRATOR.roles), OPERATOR])
async def test_only_who_is_administrator_when_it_is_written_grants_and_revokes(accounts, by):
    await given_to(accounts, grant(role=Role.OFFICER, certificate="d"))
    revocation = Revocation(person="staff-0001", role=Role.OFFICER)
    assert await refusal(accounts.grant(grant(), by, TERMINAL, noon(START))) == "role_missing"
    assert await refusal(accounts.revoke(revocation, by, TERMINAL, noon(START))) == "role_missing"
    accounts.adopt(LATER)
    assert await refusal(accounts.grant(grant(), ADMINISTRATOR, TERMINAL, noon(START))) == "role_missing"


async def test_while_a_machine_s_certificate_is_not_known_nobody_is_granted_anything(accounts, journal):
    accounts.adopt(replace(CONFIGURED, missing=("a file is not here",)))
    assert await refusal(accounts.grant(grant(), ADMINISTRATOR, TERMINAL, noon(START))) == "certificates_missing"
    assert journal.told(PERSON_FACTS) == []
    accounts.adopt(CONFIGURED)
    await given_to(accounts, grant())


async def test_another_administrator_s_duties_conflict_too(journal):
    both = Configured({}, {"staff-0100": CERTIFICATES["a"], "staff-0101": CERTIFICATES["e"]})
    accounts = Accounts(journal, both)
    wanted = grant("staff-0101", Role.APPROVER, "e")
    assert await refusal(accounts.grant(wanted, ADMINISTRATOR, TERMINAL, noon(START))) == "duties_conflict"


async def test_what_was_granted_before_a_reload_made_the_person_administrator_does_not_count(accounts):
    await given_to(accounts, grant(role=Role.OFFICER), grant(role=Role.OPERATOR))
    accounts.adopt(LATER)
    assert roles(accounts, "c") == ("staff-0001", {Role.OPERATOR, Role.ADMINISTRATOR})
    standings = {(each["role"], each["standing"]) for each in accounts.listed(noon(START)) if each["until"]}
    assert standings == {("officer", "not_counted"), ("operator", "valid")}


async def test_a_certificate_whose_grant_the_configuration_hides_is_not_another_s_before_that_is_revoked(accounts):
    """By the log alone, as it is verified, it would be two persons', and what the other approves nobody's."""
    await given_to(accounts, grant(role=Role.OFFICER, certificate="d"))
    accounts.adopt(HIDING)
    assert roles(accounts, "d") is None
    other = grant("staff-0002", certificate="d")
    assert await refusal(accounts.grant(other, ADMINISTRATOR, TERMINAL, noon(START))) == "certificate_taken"
    revocation = Revocation(person="staff-0001", role=Role.OFFICER)
    await accounts.revoke(revocation, ADMINISTRATOR, TERMINAL, noon(START))
    await given_to(accounts, other)
    assert roles(accounts, "d") == ("staff-0002", {Role.APPROVER})


@pytest.mark.parametrize(("days", "shown"), [(0, True), (30, True), (31, False)])
async def test_what_was_revoked_is_listed_for_30_days_with_that_day(accounts, days, shown):
    await given_to(accounts, grant(), grant(role=Role.OFFICER))
    on = START + timedelta(days=7)
    await accounts.revoke(Revocation(person="staff-0001", role=Role.APPROVER), ADMINISTRATOR, TERMINAL, noon(on))
    found = [each for each in accounts.listed(noon(on + timedelta(days=days))) if each["role"] == "approver"]
    row = {"person": "staff-0001", "role": "approver", "certificate": CERTIFICATES["c"], "until": on.isoformat()}
    assert found == ([row | {"standing": "revoked"}] if shown else [])


async def test_what_is_granted_again_is_not_listed_as_revoked(accounts):
    await given_to(accounts, grant())
    await accounts.revoke(Revocation(person="staff-0001", role=Role.APPROVER), ADMINISTRATOR, TERMINAL, noon(START))
    await given_to(accounts, grant())
    assert [each["standing"] for each in accounts.listed(noon(START)) if each["role"] == "approver"] == ["valid"]


async def test_who_is_in_the_configuration_has_the_certificate_that_stands_there_and_no_other(accounts):
    await given_to(accounts, grant(role=Role.OPERATOR, certificate="d"))
    accounts.adopt(LATER)
    assert roles(accounts, "d") is None
    assert roles(accounts, "c") == ("staff-0001", {Role.OPERATOR, Role.ADMINISTRATOR})


async def test_two_at_the_same_moment_do_not_get_one_certificate(accounts):
    doing = (accounts.grant(grant(each), ADMINISTRATOR, TERMINAL, noon(START)) for each in ("staff-0001", "staff-0002"))
    done = await asyncio.gather(*doing, return_exceptions=True)
    assert [getattr(each, "code", None) for each in done] == [None, "certificate_taken"]


@pytest.mark.parametrize(
    ("left", "standing"),
    [(31, "valid"), (30, "ends_soon"), (0, "ends_soon"), (-1, "ended"), (-30, "ended"), (-31, None)],
)
async def test_the_list_marks_what_ends_soon_and_has_what_ended_lately(accounts, left, standing):
    await given_to(accounts, grant(until=START + timedelta(days=100)))
    found = accounts.listed(noon(START + timedelta(days=100 - left)))
    assert [each["standing"] for each in found if each["person"] == "staff-0001"] == [standing] * (standing is not None)
    assert [(each["person"], each["role"], each["standing"]) for each in found[:2]] == [
        ("operator", "operator", "configured"),
        ("staff-0100", "administrator", "configured"),
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"role": "administrator"},
        {"role": "boss"},
        {"person": "0000-1111-2222"},
        {"person": "架空"},
        {"certificate": "sha256:" + "0" * 64},
        {"certificate": "A" * 64},
        {"until": 20_000},
        {"until": "tomorrow"},
        {"more": 1},
    ],
)
def test_a_grant_has_one_form(changed):
    whole = {**grant().model_dump(mode="json"), **changed}
    with pytest.raises(ValidationError):
        Grant.model_validate_json(json.dumps(whole))
