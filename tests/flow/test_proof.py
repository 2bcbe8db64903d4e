"""A proof of a person goes the whole way: shown at the entrance, in the header as claims, held against the route."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import Refused
from gateway.hub import permit
from gateway.messages import Recorded
from gateway.plugin import Accepted
from tests.flow.calling import FIND, PUT, answer_of, posted
from tests.flow.toys import OFFICE, REGISTER, TENANT, Terminal, person, sought

WANTED = {"attest": ("card_login", "consent"), "may_attest": ("agent",), "consent_texts": ("2026-04",)}
ONE = "0000000001/card_login/consent:2026-04"
OTHER = "0000000002/card_login/consent:2026-04"
FOUND: dict[str, Any] = {"internal_no": "0000000001", "update_seq": 7}


def demanding(rules):
    """The same rules, where both routes want a proof."""
    file = rules.tenant.file
    routes = tuple(each.model_copy(update=WANTED) for each in file.routes)
    return replace(rules, tenant=replace(rules.tenant, file=file.model_copy(update={"routes": routes})))


def taking_anything(tenant):
    """The tenant of an edge that asks for less than the hub does."""
    every = ("agent", "card_login", "consent", "identity_confirmed")
    loose = {"attest": (), "may_attest": every, "consent_texts": ("2025-04", "2026-04")}
    routes = tuple(each.model_copy(update=loose) for each in tenant.file.routes)
    return replace(tenant, file=tenant.file.model_copy(update={"routes": routes}))


@pytest.fixture
def lying_hub(monkeypatch):
    """From when it is called on, the hub asks for no proof."""
    return lambda: monkeypatch.setattr(permit, "still_attested", lambda *_: True)


def outcomes_in_the_log(line):
    return [each for fact in line.every_fact() for each in fact.get("outcomes", [])]


@pytest.fixture
def proving(line):
    """The line with routes that want a proof, an office whose connector reads them, and a register that knows one."""
    line.office.rules, line.register.rules = demanding(line.office.rules), demanding(line.register.rules)
    line.hub.adopt(demanding(line.hub.rules), line.hub.dispatcher.limits)
    line.office_system.attest = Terminal().attest
    line.register_system.answer = lambda delivery: {i: Accepted(FOUND) for i, _ in delivery.records}
    return line


def shown(proof, key=None):
    return {"Renkei-Proof": proof} | ({"Idempotency-Key": key} if key else {})


def headers(line):
    return [each["header"] for each in line.every_fact() if "header" in each]


async def test_a_request_under_a_proof_is_answered_and_the_log_names_the_claims(proving, office):
    status, told = await posted(office, FIND, [sought(1)], **shown(f"{ONE}/agent"))
    assert (status, told["replies"]) == (200, [{"index": 0, "record": FOUND}])
    asked, answered = headers(proving)
    claims = asked["attestations"]
    assert [(each["claim"], each.get("text")) for each in claims] == [
        ("agent", None),
        ("card_login", None),
        ("consent", "2026-04"),
    ]
    assert all(each["until"] > asked["created_at"] for each in claims)
    assert {len(each["reference"]) for each in claims} == {64}
    assert answered["attestations"] == []
    everything = json.dumps(proving.every_fact()) + proving.printed.getvalue()
    assert "0000000001/" not in everything


@pytest.mark.parametrize(
    "proof",
    [
        None,
        "forged",
        "a b",
        "0000000001",
        "0000000001/card_login",
        "0000000001/consent:2026-04",
        "0000000001/card_login/consent",
        "0000000001/card_login/consent:2025-04",
        "0000000001/card_login:over/consent:2026-04",
        f"{ONE}/identity_confirmed",
        f"{ONE}/agent:2026-04",
    ],
)
async def test_less_than_the_route_wants_is_refused_alike_and_recorded(proving, office, proof):
    status, told = await posted(office, FIND, [sought(1)], **(shown(proof) if proof else {}))
    assert (status, told.pop("message_id") is not None, told["code"]) == (403, True, "not_attested")
    assert set(told) == {"type", "title", "status", "code"}, "the same problem, whatever the reason"
    (fact,) = [each for each in proving.every_fact() if each["kind"] == "message.refused"]
    assert (fact["stage"], fact["code"]) == ("edge", "not_attested")
    assert proving.register_system.deliveries == []


@pytest.mark.parametrize(
    ("proof", "reason"), [(None, "absent"), ("a b", "form"), ("0000000001/card_login", "route"), ("forged", "claims")]
)
async def test_the_operator_is_told_why_and_of_which_message_and_the_peer_is_not(proving, office, proof, reason):
    status, told = await posted(office, FIND, [sought(1)], **(shown(proof) if proof else {}))
    assert status == 403
    assert reason not in told.values()
    assert set(told) == {"type", "title", "status", "code", "message_id"}
    who = {"tenant": TENANT, "connector": OFFICE}
    assert proving.told("proof.refused") == [who | {"message_id": told["message_id"], "cause": reason}]
    counted = proving.telemetry.registry.get_sample_value("renkei_proofs_refused_total", who | {"reason": reason})
    assert counted == 1
    assert reason not in json.dumps([each for each in proving.every_fact() if each["kind"] == "message.refused"])


async def test_an_event_needs_its_proof_as_well(proving, office):
    assert (await posted(office, PUT, [person(1)]))[0] == 403
    status, told = await posted(office, PUT, [person(1), person(2)], **shown(ONE))
    assert (status, told["refused"]) == (202, [{"index": 1, "code": "not_attested", "path": "internal_no"}])


async def test_a_proof_of_one_opens_nothing_of_another(proving, office):
    status, told = await posted(office, FIND, [sought(2)], **shown(ONE))
    assert (status, told["code"]) == (422, "all_records_refused")
    assert told["records"] == [{"index": 0, "code": "not_attested", "path": "internal_no"}]
    assert proving.register_system.deliveries == []


async def test_an_outbox_shows_no_proof_and_so_passes_no_such_route(proving):
    with pytest.raises(Refused, match="not_attested"):
        await proving.outbox.ask("person.find", [sought(1)])


async def test_the_blind_hub_refuses_what_a_lying_edge_lets_through(proving, office):
    proving.office.rules = replace(proving.office.rules, tenant=proving.site.office_rules.tenant)
    status, told = await posted(office, FIND, [sought(1)])
    assert (status, told["code"]) == (403, "not_attested")
    (fact,) = [each for each in proving.every_fact() if each["kind"] == "message.refused"]
    assert (fact["stage"], fact["code"]) == ("hub", "not_attested")


async def test_the_receiving_edge_refuses_what_a_lying_hub_lets_through(proving, office, lying_hub):
    """Sending edge and hub ask for less than the route does: the register, whose data it is, is asked nothing."""
    proving.office.rules = replace(proving.office.rules, tenant=taking_anything(proving.office.rules.tenant))
    lying_hub()
    status, told = await posted(office, FIND, [sought(1)], **shown(LESS["no consent"]))
    assert (status, told["replies"]) == (200, [{"index": 0, "code": "not_attested"}])
    assert proving.register_system.deliveries == []
    assert [each.get("code") for each in outcomes_in_the_log(proving)] == ["not_attested"]


async def test_a_hub_that_holds_a_request_back_past_its_proof_does_not_get_it_in(proving, office, lying_hub):
    proving.register_system.answer = lambda delivery: {}
    status, told = await posted(office, PUT, [person(1)], **shown(ONE))
    assert status == 202
    await proving.until(lambda: proving.register_system.deliveries)
    lying_hub()
    proving.advance(hours=2)
    await proving.until(lambda: proving.status(told["message_id"]).ended)
    (outcome,) = proving.status(told["message_id"]).outcomes
    assert (outcome.ending, outcome.code) == ("refused", "not_attested")
    assert outcomes_in_the_log(proving)[-1]["code"] == "not_attested"


async def test_a_route_that_asks_for_nothing_takes_no_proof(line, office):
    assert (await posted(office, FIND, [sought(1)], **shown(ONE)))[1]["code"] == "not_attested"
    line.office_system.attest = Terminal().attest
    assert (await posted(office, FIND, [sought(1)], **shown(ONE)))[1]["code"] == "not_attested"


@pytest.mark.parametrize("proof", ["broken", "garbled"])
async def test_a_connector_that_breaks_on_a_proof_lets_nothing_through(proving, office, proof):
    status, told = await posted(office, FIND, [sought(1)], **shown(proof))
    assert (status, told["code"]) == (503, "connector_bug")
    assert headers(proving) == []
    assert proving.told("bug")


async def test_the_same_key_is_the_same_message_only_under_the_same_person_s_proof(proving, office):
    body = [sought(1)]
    first = await posted(office, FIND, body, **shown(ONE, "k"))
    assert await posted(office, FIND, body, **shown(f"{ONE}/agent", "k")) == first, "a new token for the same person"
    assert (await posted(office, FIND, body, **shown("forged", "k")))[0] == 403
    _, other = await posted(office, FIND, [sought(2)], **shown(OTHER, "k"))
    assert "replies" in other, "neither the first answer nor a conflict: another's key is no key of mine"
    assert other["message_id"] != first[1]["message_id"]


LESS = {
    "no consent": "0000000001/card_login",
    "no claim": "0000000001",
    "a former text": "0000000001/card_login/consent:2025-04",
    "a login that is over": "0000000001/card_login:over/consent:2026-04",
    "a claim too many": f"{ONE}/identity_confirmed",
}


@pytest.mark.parametrize("lies", [False, True], ids=["honest", "lying edge"])
@pytest.mark.parametrize("law", [True, False], ids=["in force", "not in force"])
@pytest.mark.parametrize("proof", LESS.values(), ids=LESS)
async def test_rule_4_less_than_the_route_wants_has_no_first_answer_by_its_key(proving, office, proof, law, lies):
    """Whatever else is wrong, and whoever looks at the claims alone."""
    status, first = await posted(office, FIND, [sought(1)], **shown(ONE, "k"))
    assert (status, "replies" in first) == (200, True)
    if lies:
        proving.office.rules = replace(proving.office.rules, tenant=taking_anything(proving.office.rules.tenant))
    if not law:
        rules, ends = proving.office.rules, proving.hub.rules
        proving.office.rules = rules if lies else replace(rules, legal_basis={})
        proving.hub.adopt(replace(ends, legal_basis={}), proving.hub.dispatcher.limits)
    status, told = await posted(office, FIND, [sought(1)], **shown(proof, "k"))
    assert (status, told["code"], "replies" in told) == (403, "not_attested", False)
    assert told["message_id"] != first["message_id"]


async def test_an_answer_to_a_proof_is_given_again_for_a_while_only(proving, office):
    """By then flags may be set that were not: whoever wants to know asks anew."""
    _, first = await posted(office, FIND, [sought(1)], **shown(ONE, "k"))
    proving.advance(seconds=60)
    assert (await posted(office, FIND, [sought(1)], **shown(ONE, "k")))[1] == first
    proving.advance(seconds=61)
    status, told = await posted(office, FIND, [sought(1)], **shown(ONE, "k"))
    assert (status, told["code"], "replies" in told) == (410, "answer_expired", False)
    refusals = [each for each in proving.every_fact() if each["kind"] == "message.refused"]
    assert [(each["stage"], each["code"]) for each in refusals] == [("edge", "answer_expired")]
    async with office.get(f"/v1/messages/{first['message_id']}") as response:
        assert (response.status, (await response.json())["outcomes"]) == (200, [{"index": 0, "outcome": "accepted"}])
    status, anew = await posted(office, FIND, [sought(1)], **shown(ONE, "another"))
    assert (status, anew["replies"]) == (200, first["replies"])
    assert anew["message_id"] != first["message_id"]


async def test_the_hub_lets_no_answer_to_a_proof_live_longer(proving, office):
    """It goes by other limits than the edge, which is said; until they agree, the request waits."""
    own, troubles = proving.register.rules, proving.hub.dispatcher.troubles
    proving.register.rules = replace(own, limits=own.limits.model_copy(update={"answer_seconds": 3600.0}))
    asking = asyncio.create_task(posted(office, FIND, [sought(1)], **shown(ONE)))
    await proving.until(lambda: troubles.behind)
    assert troubles.behind == {REGISTER: "limits_differ"}
    assert not asking.done()
    proving.register.rules = own
    _, told = await asking
    assert told["replies"] == [{"index": 0, "record": FOUND}]


async def test_who_repeats_another_s_request_word_for_word_has_no_answer_of_theirs(proving, office):
    await posted(office, FIND, [sought(1)], **shown(ONE, "k"))
    _, told = await posted(office, FIND, [sought(1)], **shown(OTHER, "k"))
    assert told["code"] == "all_records_refused"


async def test_what_was_answered_to_a_proof_is_had_again_by_a_proof_alone(proving, office):
    may_answer = asyncio.Event()

    async def late(delivery):
        await may_answer.wait()
        return {0: Accepted(FOUND)}

    proving.register_system.answer = late
    limits = proving.office.rules.limits.model_copy(update={"request_patience": 0.05})
    proving.office.rules = replace(proving.office.rules, limits=limits)
    status, told = await posted(office, FIND, [sought(1)], **shown(ONE, "k"))
    assert status == 202
    may_answer.set()
    await proving.until(lambda: proving.status(told["message_id"]).ended)
    async with office.get(f"/v1/messages/{told['message_id']}") as response:
        status, seen = await answer_of(response)
    assert (status, seen["ended"], "replies" in seen) == (200, True, False)
    assert fetched(proving) == [], "what was not given out is not said to have been"
    status, again = await posted(office, FIND, [sought(1)], **shown(ONE, "k"))
    assert (status, again["message_id"], again["replies"]) == (200, told["message_id"], [{"index": 0, "record": FOUND}])
    (fact,) = fetched(proving)
    assert fact["client_certificate"] == headers(proving)[0]["client_certificate"]


def fetched(line):
    return [each for each in line.every_fact() if each["kind"] == "reply.fetched"]


async def test_the_hub_gives_an_edge_no_answer_to_a_proof_that_nobody_showed(proving, office):
    _, told = await posted(office, FIND, [sought(1)], **shown(ONE))
    status = await proving.office.hub.status(told["message_id"])
    assert (status.ended, status.reply, fetched(proving)) == (True, None, [])
    assert (await proving.office.hub.status(told["message_id"], proven=True)).reply is not None


async def test_of_a_repeat_the_log_says_who_acted_too(proving, office):
    await posted(office, FIND, [sought(1)], **shown(ONE, "k"))
    await posted(office, FIND, [sought(1)], **shown(f"{ONE}/agent", "k"))
    (first,) = (each["attestations"] for each in headers(proving) if each["kind"] == "request")
    (again,) = (each["attestations"] for each in proving.every_fact() if each["kind"] == "message.repeated")
    assert [each["claim"] for each in first] == ["card_login", "consent"]
    assert [each["claim"] for each in again] == ["agent", "card_login", "consent"]
    assert {frozenset(each) for each in again} == {
        frozenset({"claim", "reference", "until"}),
        frozenset({"claim", "reference", "until", "text"}),
    }


@pytest.mark.parametrize("key", ["k", "another", None])
@pytest.mark.parametrize("refused_here", [False, True], ids=["in force", "not in force"])
async def test_a_hub_that_calls_it_a_repeat_gets_nobody_another_s_answer(
    proving, office, monkeypatch, key, refused_here
):
    """One person's answer to another's proof: the answering edge signed which question it answers."""
    _, first = await posted(office, FIND, [sought(1)], **shown(ONE, "k"))
    assert "replies" in first
    submitted, submit = [], type(proving.hub).submit

    async def lying(hub, peer, sealed):
        submitted.append(sealed)
        if len(submitted) > 1:
            return await submit(hub, peer, sealed)
        return Recorded(first["message_id"], repeated=True, seq=1)

    monkeypatch.setattr(type(proving.hub), "submit", lying)
    if refused_here:
        proving.office.rules = replace(proving.office.rules, legal_basis={})
    status, told = await posted(office, FIND, [sought(2)], **shown(OTHER, key))
    assert (status, told["code"], "replies" in told) == (422, "dispute", False)
    assert proving.every_fact()[-1]["code"] == "dispute"
    assert proving.told("bug") or key is None


async def test_a_message_waits_no_longer_than_its_proof(proving, office):
    proving.register_system.answer = lambda delivery: {}
    status, told = await posted(office, PUT, [person(1)], **shown(ONE))
    assert status == 202
    await proving.until(lambda: proving.register_system.deliveries)
    proving.advance(hours=2)
    await proving.until(lambda: proving.status(told["message_id"]).ended)
    (outcome,) = proving.status(told["message_id"]).outcomes
    assert (outcome.ending, outcome.code) == ("dead", "not_attested")
    with pytest.raises(Refused, match="send_anew"):
        await proving.hub.replay(told["message_id"], "operator-1")
