"""Law as data: under which row and assessment a message goes, and with whom: both edges and the blind hub hold it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import JsonValue

from gateway.config import LegalBasis, japanese_day
from gateway.edge import admit, flow
from gateway.edge.outbox import EdgeOutbox
from gateway.edge.rules import EdgeRules
from gateway.edge.seal import Address, attests
from gateway.errors import Deferred, Refused
from gateway.hub import permit
from gateway.messages import AdmittedThere, MessageId, decode_header
from gateway.plugin import Accepted, Claim, RefusedRecord
from gateway.plugin.contract import Contract
from tests.flow.calling import PUT, posted
from tests.flow.line import Line
from tests.flow.test_proof import headers, outcomes_in_the_log
from tests.flow.toys import OFFICE, REGISTER, TENANT, Terminal, person

MAYOR, GOVERNOR = "131016", "130001"
"""A ward's code and a prefecture's, with their check digits."""
ROWS = {"25": "P25", "26": "P26", "99": "P99"}
CLAIMS = frozenset({"permit", "review", "undisclosed", "self_requested"})
LAW = {
    "P25": LegalBasis(reference="架空省令 25の項", valid_from=date(2024, 5, 27)),
    "P26": LegalBasis(reference="架空省令 26の項", valid_from=date(2024, 5, 27), counterparty="governor"),
    "P99": LegalBasis(reference="架空省令 99の項", valid_from=date(2020, 1, 1), valid_until=date(2024, 5, 26)),
    "P31": LegalBasis(reference="架空省令 31の項", valid_from=date(2024, 5, 27)),
    "A2": LegalBasis(reference="架空市の評価書 改定", valid_from=date(2024, 5, 27)),
    "A9": LegalBasis(reference="架空市の評価書 来年度", valid_from=date(2999, 4, 1)),
}


def changed(rules: Any, **changes: Any) -> Any:
    """The same rules with that law, and with another first route."""
    file = rules.tenant.file
    first, *others = file.routes
    routes = (first.model_copy(update=changes), *others)
    tenant = replace(rules.tenant, file=file.model_copy(update={"routes": routes}))
    return replace(rules, tenant=tenant, legal_basis={**rules.legal_basis, **LAW})


def everywhere(line: Line, **changes: Any) -> None:
    """A reload at both edges and the hub."""
    line.office.rules, line.register.rules = (
        changed(each, **changes) for each in (line.office.rules, line.register.rules)
    )
    line.hub.adopt(changed(line.hub.rules, **changes), line.hub.dispatcher.limits)


UNDER_ROWS: dict[str, Any] = {
    "row_field": "name",  # which is what the toys have: here somebody's name says under which row they go
    "legal_rows": ROWS,
    "attest": ("permit",),
    "may_attest": ("review", "undisclosed"),
}


@pytest.fixture
def lawful(line: Line) -> Line:
    """The line with a route whose messages go under one row each, with a permit."""
    everywhere(line, **UNDER_ROWS)
    return line


def permitted(line: Line, party: str | None = MAYOR, **changes: Any) -> Claim:
    now = line.clock()
    good: dict[str, Any] = {"until": now + timedelta(hours=1), "party": party, "asked": now - timedelta(minutes=1)}
    return Claim("permit", b"permit 1", **good | changes)


async def sent(line: Line, *claims: Claim, rows: Sequence[str] = ("25",), key: bytes = b"1") -> MessageId:
    """A message with a record for each of the rows."""
    outbox = EdgeOutbox(line.office, CLAIMS)
    records: list[JsonValue] = [person(number, name=row) for number, row in enumerate(rows, 1)]
    return (await outbox.send("person.put", records, key=key, claims=claims)).message_id


async def refused(line: Line, *claims: Claim, **how: Any) -> tuple[str, str]:
    """Where and why a message is refused; it leaves a fact, and nothing is delivered."""
    with pytest.raises(Refused) as caught:
        await sent(line, *claims, **how)
    fact = line.every_fact()[-1]
    assert (fact["kind"], fact["code"]) == ("message.refused", caught.value.code)
    assert line.register_system.deliveries == []
    return fact["stage"], caught.value.code


@pytest.fixture
def lying(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """From when it is called on, the sending edge, and the hub too if it is named, hold nothing against the law. It
    cites the rows that are named, or as an honest one does.
    """

    def lie(*rows: str, hub: bool = False) -> None:
        def cite(there: AdmittedThere, to: Address, rules: EdgeRules) -> Address:
            own = [to.route.row_of(record) for _, record in there.records]
            cited = (*to.route.legal_basis, *rows, to.route.assessment) if rows else to.route.cites(own)
            return replace(to, legal_basis=tuple(each for each in cited if each))

        monkeypatch.setattr(flow, "attested", lambda *_: True)
        monkeypatch.setattr(flow, "_under_law", cite)
        monkeypatch.setattr(admit, "_lawless", lambda *_: ())
        if hub:
            for name in ("_basis", "_words"):
                monkeypatch.setattr(permit, name, lambda *_: None)
            monkeypatch.setattr(permit, "still_attested", lambda *_: True)

    return lie


async def reaches_the_far_edge(line: Line, *claims: Claim, **how: Any) -> str | None:
    """What the receiving edge says, if sending edge and hub have let it through."""
    await line.settlement(await sent(line, *claims, **how))
    (outcome,) = outcomes_in_the_log(line)
    code: str | None = outcome.get("code")
    return code


# ---- rows ------------------------------------------------------------------------------------------------------------


async def test_rule_6_a_message_goes_under_its_row_and_the_log_says_under_which(lawful):
    message_id = await sent(lawful, permitted(lawful))
    assert list(await lawful.settlement(message_id)) == [0]
    (header,) = headers(lawful)
    assert header["legal_basis"] == ["L1", "L2", "P25", "A1"]
    (claim,) = header["attestations"]
    assert (claim["claim"], claim["party"]) == ("permit", MAYOR)
    assert claim["asked"] < header["created_at"] < claim["until"]
    assert "permit 1" not in str(lawful.every_fact()) + lawful.printed.getvalue()


async def test_rule_6_records_of_several_rows_go_under_each_of_them(lawful):
    message_id = await sent(lawful, permitted(lawful, GOVERNOR), rows=("26", "25", "26"))
    assert set((await lawful.settlement(message_id)).values()) == {Accepted()}
    assert headers(lawful)[0]["legal_basis"] == ["L1", "L2", "P25", "P26", "A1"]


NO_ROW = {
    "a row that the route does not have": "27",
    "a row that is not in force, while others are": "99",
    "a reference in a row's place": "P25",
    "a legal basis in a row's place": "L1",
    "two rows in one word": "25,26",
}


@pytest.mark.parametrize("row", NO_ROW.values(), ids=NO_ROW)
async def test_rule_6_a_record_under_another_row_than_the_law_s_is_refused_where_it_is_sent(lawful, row):
    """It alone: the others go, and their header does not cite its row."""
    message_id = await sent(lawful, permitted(lawful), rows=("25", row, "25"))
    refused = RefusedRecord("basis_not_in_force", "name")
    assert await lawful.settlement(message_id) == {0: Accepted(), 1: refused, 2: Accepted()}
    assert headers(lawful)[0]["legal_basis"] == ["L1", "L2", "P25", "A1"]
    assert row not in [record["name"] for _, record in lawful.register_system.records()]
    alone = await sent(lawful, permitted(lawful), rows=(row,), key=b"2")
    assert await lawful.settlement(alone) == {0: refused}
    assert len(headers(lawful)) == 1


async def test_what_the_far_end_would_refuse_is_not_cited(lawful):
    """The register takes shorter names than the office, in its lock."""
    everywhere(lawful, **UNDER_ROWS | {"legal_rows": ROWS | {"260": "P26"}})
    contract = lawful.office.rules.contracts[REGISTER].model_dump()
    (put,) = [each for each in contract["operations"] if each["name"] == "person.put"]
    (name,) = [each for each in put["fields"] if each["path"] == "name"]
    name["max_length"] = 2
    contracts = {**lawful.office.rules.contracts, REGISTER: Contract.model_validate(contract)}
    lawful.office.rules = replace(lawful.office.rules, contracts=contracts)
    message_id = await sent(lawful, permitted(lawful), rows=("260", "25"))
    assert await lawful.settlement(message_id) == {0: RefusedRecord("too_long", "name"), 1: Accepted()}
    assert headers(lawful)[0]["legal_basis"] == ["L1", "L2", "P25", "A1"]


async def test_a_repeat_has_its_first_answer_though_its_row_has_ended(lawful):
    first = await sent(lawful, permitted(lawful))
    await lawful.settlement(first)
    everywhere(lawful, **UNDER_ROWS | {"legal_rows": {"25": "P99"}})
    assert await sent(lawful, permitted(lawful)) == first


MISCITED = {
    "no row": ("L2",),
    "a row that the route does not have": ("P31",),
    "a row that is not in force, while others are": ("P99",),
    "the assessment in a row's place": ("A1",),
    "two rows in one word": ("P25,P26",),
    "rows out of their order": ("P26", "P25"),
    "a row twice": ("P25", "P25"),
    "a row and one of no route": ("P25", "P31"),
}


@pytest.mark.parametrize("cited", MISCITED.values(), ids=MISCITED)
async def test_rule_6_the_blind_hub_refuses_the_row_of_a_lying_edge(lawful, lying, cited):
    lying(*cited)
    stage, code = await refused(lawful, permitted(lawful, GOVERNOR))
    assert (stage, code) in {("hub", "header_mismatch"), ("hub", "basis_not_in_force"), ("hub", "bad_envelope")}


SAYABLE = {name: cited for name, cited in MISCITED.items() if "," not in cited[0]}
"""What a header can say: its words have no comma."""


@pytest.mark.parametrize("cited", SAYABLE.values(), ids=SAYABLE)
async def test_rule_6_the_receiving_edge_refuses_the_row_that_a_lying_hub_lets_through(lawful, lying, cited):
    lying(*cited, hub=True)
    code = await reaches_the_far_edge(lawful, permitted(lawful, GOVERNOR))
    assert code in {"header_mismatch", "basis_not_in_force", "items_differ"}
    assert lawful.register_system.deliveries == []


CITED_FOR_OTHERS = {
    "another row": (("P26",), ("25",)),
    "one row for two": (("P25",), ("25", "26")),
    "a row beside its own": (("P25", "P26"), ("25",)),
    "a row for a record without one": (("P25",), ("27",)),
    "a row also for a record without one": (("P25",), ("25", "27")),
    "a row in force for one that has ended": (("P25",), ("99",)),
}


@pytest.mark.parametrize(("cited", "rows"), CITED_FOR_OTHERS.values(), ids=CITED_FOR_OTHERS)
async def test_rule_6_the_receiving_edge_holds_the_records_to_the_rows_that_the_header_cites(
    lawful, lying, cited, rows
):
    """What the blind hub cannot see: the sending edge cites rows that are in force, and seals others."""
    lying(*cited)
    await lawful.settlement(await sent(lawful, permitted(lawful, GOVERNOR), rows=rows))
    assert {each["code"] for each in outcomes_in_the_log(lawful)} == {"items_differ"}
    assert lawful.register_system.deliveries == []


async def test_a_route_without_rows_cites_none(line):
    everywhere(line)
    await line.settlement(await sent(line))
    assert headers(line)[0]["legal_basis"] == ["L1", "L2", "A1"]


async def test_rule_6_what_waits_when_its_row_ends_is_dead(lawful):
    """L4-25 ends: whatever cites it, a question without a permit too, goes no further."""
    everywhere(lawful, **UNDER_ROWS | {"attest": (), "may_attest": ()})
    lawful.register_system.answer = lambda delivery: {}
    message_id = await sent(lawful)
    await lawful.until(lambda: lawful.register_system.deliveries)
    ended = LAW["P25"].model_copy(update={"valid_until": date(2024, 6, 1)})
    rules = lawful.hub.rules
    lawful.hub.adopt(replace(rules, legal_basis={**rules.legal_basis, "P25": ended}), lawful.hub.dispatcher.limits)
    await lawful.until(lambda: lawful.status(message_id).ended)
    (outcome,) = lawful.status(message_id).outcomes
    assert (outcome.ending, outcome.code) == ("dead", "basis_not_in_force")


# ---- with whom -------------------------------------------------------------------------------------------------------


async def test_rule_6_row_26_goes_to_a_governor(lawful):
    assert await lawful.settlement(await sent(lawful, permitted(lawful, GOVERNOR), rows=("26",)))
    assert headers(lawful)[0]["attestations"][0]["party"] == GOVERNOR
    assert lawful.register_system.records()


async def test_rule_6_row_26_goes_to_no_mayor(lawful):
    assert await refused(lawful, permitted(lawful, MAYOR), rows=("26",)) == ("edge", "counterparty_not_allowed")


async def test_rule_6_the_blind_hub_keeps_row_26_from_a_mayor_though_the_edge_lies(lawful, lying):
    lying()
    assert await refused(lawful, permitted(lawful, MAYOR), rows=("26",)) == ("hub", "counterparty_not_allowed")


async def test_rule_6_the_receiving_edge_keeps_row_26_from_a_mayor_though_edge_and_hub_lie(lawful, lying):
    lying(hub=True)
    code = await reaches_the_far_edge(lawful, permitted(lawful, MAYOR), rows=("26",))
    assert (code, lawful.register_system.deliveries) == ("counterparty_not_allowed", [])


# ---- permits ---------------------------------------------------------------------------------------------------------

NO_PERMIT: dict[str, Any] = {
    "no permit": lambda line: (),
    "without an end": lambda line: (permitted(line, until=None),),
    "that is over": lambda line: (permitted(line, until=line.clock() - timedelta(seconds=1)),),
    "without the other body": lambda line: (permitted(line, party=None),),
    "with a wrong check digit": lambda line: (permitted(line, "131017"),),
    "without when it was asked for": lambda line: (permitted(line, asked=None),),
    "with a text": lambda line: (permitted(line, text="2026-04"),),
    "of another kind": lambda line: (Claim("self_requested", b"p", line.clock() + timedelta(hours=1)),),
    "beside a claim of no use": lambda line: (permitted(line), Claim("self_requested", b"p", line.clock())),
    "beside a mark for another body": lambda line: (permitted(line), Claim("undisclosed", b"u", party=MAYOR)),
    "beside a mark since a time": lambda line: (permitted(line), Claim("undisclosed", b"u", asked=line.clock())),
}


@pytest.mark.parametrize("claims", NO_PERMIT.values(), ids=NO_PERMIT)
async def test_rule_6_nothing_goes_without_a_permit_that_holds(lawful, claims):
    assert await refused(lawful, *claims(lawful)) == ("edge", "not_attested")
    cause = "route" if claims(lawful) else "absent"
    assert [each["cause"] for each in lawful.told("proof.refused")] == [cause]


@pytest.mark.parametrize("claims", NO_PERMIT.values(), ids=NO_PERMIT)
async def test_rule_6_the_blind_hub_wants_the_permit_too(lawful, lying, claims):
    lying()
    assert await refused(lawful, *claims(lawful)) == ("hub", "not_attested")


@pytest.mark.parametrize("claims", NO_PERMIT.values(), ids=NO_PERMIT)
async def test_rule_6_and_so_does_the_receiving_edge(lawful, lying, claims):
    lying(hub=True)
    code = await reaches_the_far_edge(lawful, *claims(lawful))
    assert (code, lawful.register_system.deliveries) == ("not_attested", [])


async def test_a_message_waits_no_longer_than_its_permit(lawful):
    lawful.register_system.answer = lambda delivery: {}
    message_id = await sent(lawful, permitted(lawful))
    await lawful.until(lambda: lawful.register_system.deliveries)
    lawful.advance(hours=2)
    await lawful.until(lambda: lawful.status(message_id).ended)
    (outcome,) = lawful.status(message_id).outcomes
    assert (outcome.ending, outcome.code) == ("dead", "not_attested")


async def test_what_the_person_asked_for_needs_an_end_and_no_other_body(line):
    everywhere(line, attest=("self_requested",))
    later = line.clock() + timedelta(hours=1)
    assert await refused(line) == ("edge", "not_attested")
    assert await refused(line, Claim("self_requested", b"p")) == ("edge", "not_attested")
    wrong = Claim("self_requested", b"p", later, party=MAYOR, asked=line.clock())
    assert await refused(line, wrong) == ("edge", "not_attested")
    assert await line.settlement(await sent(line, Claim("self_requested", b"p", later)))


@pytest.mark.parametrize("name", ["review", "undisclosed"])
async def test_review_and_undisclosed_are_told_where_the_route_has_them_and_nowhere_else(lawful, lying, name):
    flagged: Any = Claim(name, b"flag")
    message_id = await sent(lawful, permitted(lawful), flagged)  # of review it is held from here on
    assert sorted(each["claim"] for each in headers(lawful)[0]["attestations"]) == sorted(["permit", name])
    if name != "review":
        await lawful.settlement(message_id)
        lawful.register_system.deliveries.clear()
    everywhere(lawful, **UNDER_ROWS | {"may_attest": ()})
    assert await refused(lawful, permitted(lawful), flagged, key=b"2") == ("edge", "not_attested")
    lying()
    assert await refused(lawful, permitted(lawful), flagged, key=b"3") == ("hub", "not_attested")


# ---- whose claims ----------------------------------------------------------------------------------------------------

NOT_ITS_OWN: dict[str, tuple[Any, ...]] = {
    "a claim that its plugin does not name": (Claim("consent", b"c", text="2026-04"),),
    "a claim of no list": (Claim("mother", b"c"),),  # type: ignore[arg-type]
    "a claim twice": (Claim("review", b"c"), Claim("review", b"d")),
    "a word in the place of a claim": ("review",),
    "another body by its name": (Claim("permit", b"p", party="架空県"),),
    "another body of five digits": (Claim("permit", b"p", party="13000"),),
    "another body as a number": (Claim("permit", b"p", party=130001),),  # type: ignore[arg-type]
    "a time as a text": (Claim("permit", b"p", asked="2026-04-01"),),  # type: ignore[arg-type]
    "a time without its zone": (Claim("permit", b"p", until=date(2026, 4, 1)),),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("claims", NOT_ITS_OWN.values(), ids=NOT_ITS_OWN)
async def test_claims_that_a_connector_cannot_make_are_its_fault_and_told(lawful, claims):
    with pytest.raises(Deferred, match="connector_bug"):
        await sent(lawful, *claims)
    assert lawful.every_fact() == []
    (told,) = lawful.told("bug")
    assert (told["tenant"], told["connector"]) == (TENANT, OFFICE)


async def test_a_connector_that_attests_nothing_sends_no_claims(lawful):
    with pytest.raises(Deferred, match="connector_bug"):
        await lawful.outbox.send("person.put", [person(1)], key=b"1", claims=[permitted(lawful)])


async def test_no_peer_makes_a_claim_of_its_own(lawful, office):
    """Over HTTP there is no place for one: not in the body, not in a header, and a proof says what it proves."""
    lawful.office_system.attest = Terminal().attest
    for shown in ({}, {"Renkei-Proof": "0000000001/permit"}, {"Renkei-Claims": "permit", "Renkei-Legal-Basis": "P25"}):
        status, told = await posted(office, PUT, [person(1)], **shown)
        assert (status, told["code"]) == (403, "not_attested")
    status, told = await posted(office, PUT, [person(1, name="25", claims=["permit"])])
    assert (status, told["code"]) == (403, "not_attested")
    assert lawful.register_system.deliveries == []


async def test_who_sealed_a_message_can_tell_exactly_what_it_attests(lawful):
    """By the verified header: not another permit, nor the same with another end or party; no claim more, and none less.
    Who did not seal it is told of nothing that it attests it.
    """
    permit, mark = permitted(lawful), Claim("undisclosed", b"u")
    message_id = await sent(lawful, mark, permit)
    await lawful.settlement(message_id)
    envelope = lawful.journal.envelope(message_id)
    assert envelope is not None
    header, office = decode_header(envelope.header), lawful.office.keys
    others = (
        replace(permit, proof=b"permit 2"),
        replace(permit, until=lawful.clock() + timedelta(hours=2)),
        replace(permit, asked=lawful.clock() - timedelta(hours=2)),
        replace(permit, party=GOVERNOR),
    )
    assert attests(header, (permit, mark), OFFICE, office)
    assert attests(header, (mark, permit), OFFICE, office)
    for other in ((), (permit,), (permit, mark, Claim("review", b"r")), *((each, mark) for each in others)):
        assert not attests(header, other, OFFICE, office)
    (delivery,) = lawful.register_system.deliveries
    assert not delivery.attests((permit, mark))
    plain = replace(header, attestations=())
    assert attests(plain, (), OFFICE, office)
    assert not attests(plain, (), REGISTER, office), "of another's message nothing is told, not even that"


async def test_what_is_attested_does_not_make_another_message_of_the_same_key(lawful):
    """A permit is asked for anew after a crash: the same key and records are the same message still."""
    first = await sent(lawful, permitted(lawful))
    anew = replace(permitted(lawful), proof=b"permit 2", until=lawful.clock() + timedelta(hours=2))
    assert await sent(lawful, anew, Claim("review", b"r")) == first
    assert await sent(lawful, anew, key=b"2") != first
    assert [each["kind"] for each in lawful.every_fact()].count("message.recorded") == 2


async def test_a_permit_that_does_not_hold_has_no_first_answer(lawful):
    await lawful.settlement(await sent(lawful, permitted(lawful)))
    lawful.register_system.deliveries.clear()
    assert await refused(lawful) == ("edge", "not_attested")
    assert await refused(lawful, permitted(lawful, "131017")) == ("edge", "not_attested")


# ---- assessments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("assessment", ["A9", "A0"], ids=["not in force yet", "not known"])
async def test_without_an_assessment_in_force_nothing_goes(line, lying, assessment):
    everywhere(line, assessment=assessment)
    assert await refused(line) == ("edge", "basis_not_in_force")
    lying()
    assert await refused(line, key=b"2") == ("hub", "basis_not_in_force")
    lying(hub=True)
    assert await reaches_the_far_edge(line, key=b"3") == "basis_not_in_force"


async def test_a_route_carries_from_the_first_day_of_its_assessment_on(line, monkeypatch):
    """Published, listed and named by the route two days before: nothing goes until that day has come in Japan."""
    first = japanese_day(line.clock()) + timedelta(days=2)
    monkeypatch.setitem(LAW, "A3", LegalBasis(reference="架空市の評価書 改定", valid_from=first))
    everywhere(line, assessment="A3")
    assert await refused(line) == ("edge", "basis_not_in_force")
    line.clock.ahead += timedelta(days=2)
    assert set((await line.settlement(await sent(line, key=b"2"))).values()) == {Accepted()}
    assert headers(line)[-1]["legal_basis"] == ["L1", "L2", "A3"]


async def test_each_end_goes_by_its_own_assessment(line, lying):
    """The sending edge cites one that the others do not have: the hub refuses it, and so would the receiving edge."""
    everywhere(line)
    line.office.rules = changed(line.office.rules, assessment="A2")
    assert await refused(line) == ("hub", "header_mismatch")
    lying(hub=True)
    assert await reaches_the_far_edge(line, key=b"2") == "header_mismatch"


async def test_after_a_renumbering_old_facts_keep_the_old_reference(lawful):
    """A reload: the row and the assessment have other numbers from now on."""
    await lawful.settlement(await sent(lawful, permitted(lawful)))
    everywhere(lawful, legal_rows={"31": "P31", "26": "P26"}, assessment="A2")
    await lawful.settlement(await sent(lawful, permitted(lawful), rows=("31",), key=b"2"))
    assert [each["legal_basis"] for each in headers(lawful)] == [["L1", "L2", "P25", "A1"], ["L1", "L2", "P31", "A2"]]
    message_id = await sent(lawful, permitted(lawful), key=b"3")
    assert await lawful.settlement(message_id) == {0: RefusedRecord("basis_not_in_force", "name")}


@pytest.mark.parametrize("renumbered", [{"legal_rows": {"25": "P31"}}, {"assessment": "A2"}], ids=["row", "assessment"])
async def test_what_is_under_way_at_a_renumbering_is_dead_and_asked_for_anew(lawful, renumbered):
    """It was signed under a reference that the route has no longer: nobody signs it again but its source."""
    lawful.register_system.answer = lambda delivery: {}
    message_id = await sent(lawful, permitted(lawful))
    await lawful.until(lambda: lawful.register_system.deliveries)
    everywhere(lawful, **renumbered)
    await lawful.until(lambda: lawful.status(message_id).ended)
    (outcome,) = lawful.status(message_id).outcomes
    assert (outcome.ending, outcome.code) == ("dead", "header_mismatch")
    with pytest.raises(Refused, match="send_anew"):
        await lawful.hub.replay(message_id, "operator-1")
