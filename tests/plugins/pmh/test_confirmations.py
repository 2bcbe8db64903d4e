"""本人確認情報: what a terminal is told, what PMH keeps, and what of it the connector hands on (F53, C206)."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gateway.plugin import Accepted, DeferredRecord, Outcome, RefusedRecord, checks
from gateway_pmh import answers, client
from tests.plugins.pmh.running import CLINIC_A, CLINIC_B, ISSUER, Simulator, Site, refers, running, subject
from tests.plugins.pmh.test_connector import lying

UNKNOWN = RefusedRecord("no_such_person", "identity_confirmation")


def reply(told: dict[str, str], **changes: Any) -> Accepted:
    """What the connector makes of what PMH keeps for this visit."""
    kept = {name: told[name] for name in told if name != "token"}
    return Accepted(reply={**kept, "consent_flag": True, **changes})


async def fetched(site: Site, pmh: Simulator, *confirmations: str) -> list[Outcome]:
    async with site.connected(pmh.url) as connector:
        outcomes = await connector.deliver(refers(*confirmations))
    return [outcomes[index] for index in range(len(confirmations))]


def claims(site: Site, told: dict[str, str]) -> dict[str, Any]:
    (key,) = jwt.PyJWKSet.from_json(site.jwks.decode()).keys
    return dict(jwt.decode(told["token"], key, algorithms=["ES256"], audience=told["clinic_code"], issuer=ISSUER))


# ---- the eligibility side --------------------------------------------------------------------------------------------


async def test_a_card_with_consent_is_a_confirmation_for_that_clinic_and_the_same_in_token_and_store(
    site: Site, pmh: Simulator
) -> None:
    told = await pmh.confirmed(who := subject(), CLINIC_B)
    token = claims(site, told)
    until = datetime.fromisoformat(told["valid_until"])
    assert (told["vaccination_subject_no"], told["clinic_code"]) == (who, CLINIC_B)
    assert (token["jti"], token["sub"], token["aud"]) == (told["identity_confirmation"], who, CLINIC_B)
    assert (token["consent"], token["exp"]) == ({"text": "2026-04"}, until.timestamp())
    assert timedelta(hours=23) < until - datetime.now(UTC) <= timedelta(hours=24)
    assert checks.instant(told["valid_until"])
    assert await fetched(site, pmh, told["identity_confirmation"]) == [reply(told)]


async def test_without_consent_the_store_says_so_and_the_token_says_nothing_of_it(site: Site, pmh: Simulator) -> None:
    told = await pmh.confirmed(subject(), consent=None)
    assert "consent" not in claims(site, told)
    assert await fetched(site, pmh, told["identity_confirmation"]) == [reply(told, consent_flag=False)]


async def test_a_guardian_who_consents_is_named_in_the_token_by_one_name_and_nobody_else_may(
    site: Site, pmh: Simulator
) -> None:
    path, terminal = "/eligibility/confirmations", site.clinics[CLINIC_A]
    child, sister = [await pmh.card(subject(), guardian="CARD-PARENT") for _ in range(2)]
    named = set()
    for card in (child, sister):
        status, told = await pmh.eligible(path, {"card": card, "consent": "2026-04", "agent": "CARD-PARENT"}, terminal)
        assert status == 200
        assert claims(site, told)["sub"] == told["vaccination_subject_no"]
        named.add(claims(site, told)["act"]["sub"])
    assert len(named) == 1
    assert "PARENT" not in named.pop()
    assert "act" not in claims(site, (await pmh.eligible(path, {"card": child}, terminal))[1])
    for card, agent in ((child, sister), (await pmh.card(subject()), "CARD-PARENT")):
        shown = {"card": card, "consent": "2026-04", "agent": agent}
        assert await pmh.eligible(path, shown, terminal) == (403, {"code": "not_the_guardian"})


async def test_each_showing_of_a_card_is_a_confirmation_of_its_own_that_nobody_guesses(pmh: Simulator) -> None:
    who = subject()
    ids = {(await pmh.confirmed(who))["identity_confirmation"] for _ in range(5)}
    assert len(ids) == 5
    assert all(len(each) == 34 and each.isalpha() for each in ids)


async def test_only_a_clinics_own_terminal_confirms_and_only_a_card_that_is_known(site: Site, pmh: Simulator) -> None:
    path, terminal = "/eligibility/confirmations", site.clinics[CLINIC_A]
    card = await pmh.card(subject())
    for who in (site.stranger, site.city):
        assert await pmh.eligible(path, {"card": card}, who) == (403, {"code": "no_such_terminal"})
    assert await pmh.eligible(path, {"card": "CARD-NOBODYS"}, terminal) == (404, {"code": "no_such_card"})
    bodies: list[object] = [{}, {"card": card, "more": 1}, {"card": 7}, []]
    for body in bodies:
        assert (await pmh.eligible(path, body, terminal))[0] == 400


async def test_a_card_that_was_shown_long_ago_has_ended_in_token_and_store(site: Site, pmh: Simulator) -> None:
    await pmh.faults({"long_ago": 1})
    told = await pmh.confirmed(subject())
    with pytest.raises(jwt.ExpiredSignatureError):
        claims(site, told)
    assert datetime.fromisoformat(told["valid_until"]) < datetime.now(UTC)
    assert await fetched(site, pmh, told["identity_confirmation"]) == [reply(told)], "the record system judges the end"


# ---- fetched through the connector -----------------------------------------------------------------------------------


async def test_what_is_not_stored_confirms_nobody(site: Site, pmh: Simulator) -> None:
    known = await pmh.confirmed(subject())
    await pmh.faults({"not_stored": 1})
    lost = await pmh.confirmed(subject())
    asked = ("ICMADEUP", known["identity_confirmation"], lost["identity_confirmation"])
    assert await fetched(site, pmh, *asked) == [UNKNOWN, reply(known), UNKNOWN]


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ("other_person", "vaccination_subject_no"),
        ("other_clinic", "clinic_code"),
        ("without_consent", "consent_flag"),
        ("ended", "valid_until"),
    ],
)
async def test_what_pmh_tells_is_handed_on_as_it_is_for_the_record_system_to_judge(
    site: Site, pmh: Simulator, fault: str, field: str
) -> None:
    told = await pmh.confirmed(subject())
    await pmh.faults({fault: 1})
    (wrong,) = await fetched(site, pmh, told["identity_confirmation"])
    right = reply(told).reply or {}
    assert isinstance(wrong, Accepted)
    assert wrong.reply is not None
    assert {name for name in right if wrong.reply[name] != right[name]} == {field}


async def test_another_confirmation_than_the_one_asked_for_is_a_dispute(site: Site, pmh: Simulator) -> None:
    one, other = await pmh.confirmed(subject()), await pmh.confirmed(subject())
    await pmh.faults({"other_confirmation": 1})
    outcomes = await fetched(site, pmh, one["identity_confirmation"], other["identity_confirmation"])
    assert outcomes == [RefusedRecord("dispute", "identity_confirmation"), reply(other)]


async def test_an_answer_with_another_field_is_refused_whole(site: Site, pmh: Simulator) -> None:
    ids = [(await pmh.confirmed(subject()))["identity_confirmation"] for _ in range(2)]
    await pmh.faults({"surplus_field": 1})
    assert await fetched(site, pmh, *ids) == [RefusedRecord("unknown_field")] * 2
    ((event, told),) = site.said.lines
    assert (event, told["operation"], told["code"]) == ("answer.refused", "confirmation.fetch", "unknown_field")


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("busy", DeferredRecord("system_busy", 0.0)),
        ("maintenance", DeferredRecord("system_busy", 0.0)),
        ("hang", DeferredRecord("deadline")),
        ("drop", DeferredRecord("system_unreachable")),
        ("garbage", DeferredRecord("system_unreachable")),
        ("confirmation_busy", DeferredRecord("system_busy")),
    ],
)
async def test_a_fault_defers_and_the_repeat_is_answered(
    site: Site, pmh: Simulator, fault: str, outcome: Outcome
) -> None:
    told = await pmh.confirmed(subject())
    delivery = refers(told["identity_confirmation"], deadline=0.5 if fault == "hang" else 60.0)
    async with site.connected(pmh.url) as connector:
        assert (await connector.health()).ok  # so that the short deadline is for the answer alone
        await pmh.faults({fault: 1})
        assert await connector.deliver(delivery) == {0: outcome}
        await pmh.faults({})
        assert await connector.deliver(replace(delivery, deadline=60.0)) == {0: reply(told)}


async def test_one_that_is_answered_later_is_fetched_by_its_receipt(site: Site, pmh: Simulator) -> None:
    told, before = await pmh.confirmed(subject()), await pmh.counts()
    await pmh.faults({"asynchronous": 1})
    assert await fetched(site, pmh, told["identity_confirmation"]) == [reply(told)]
    after = await pmh.counts()
    assert (after["receipts"] - before["receipts"], after["results"] - before["results"] >= 1) == (1, True)


async def test_a_repeat_is_a_new_task_so_that_no_former_answer_is_told(
    site: Site, pmh: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, before = await pmh.confirmed(subject()), await pmh.counts()
    await pmh.faults({"asynchronous": 1})
    delivery = refers(told["identity_confirmation"])
    async with site.connected(pmh.url) as connector:
        with monkeypatch.context() as slower:
            slower.setattr(client, "_LEAST_PAUSE", 100.0)  # longer than the delivery lasts
            assert await connector.deliver(delivery) == {0: DeferredRecord("deadline", 0.0)}
        await pmh.faults({"ended": 1})
        (outcome,) = (await connector.deliver(delivery)).values()
    assert isinstance(outcome, Accepted)
    assert outcome != reply(told), "what PMH says now, not what it said then"
    assert (await pmh.counts())["confirmations"] == before["confirmations"] + 2


async def test_what_goes_out_is_each_confirmation_under_its_row_and_nothing_else(site: Site) -> None:
    seen: list[tuple[str, bool, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.path, "Idempotency-Key" in request.headers, await request.json()))
        return web.Response(status=503)

    async with lying(site, answer) as url, site.connected(url) as connector:
        await connector.deliver(refers("ICA", "ICB"))
    rows = [{"rowNo": 0, "identityConfirmation": "ICA"}, {"rowNo": 1, "identityConfirmation": "ICB"}]
    assert seen == [("/v1/confirmation-tasks", False, rows)]


@given(st.binary() | st.recursive(st.text() | st.integers(), st.lists).map(lambda body: json.dumps(body).encode()))
def test_whatever_comes_that_is_no_answer_is_not_used_and_not_told(answer: bytes) -> None:
    with pytest.raises(answers.Garbage) as garbage:
        answers.confirmed(answer, {0: "ICA"})
    assert garbage.value.args == ()


# ---- what is left behind ---------------------------------------------------------------------------------------------


async def test_nothing_of_a_person_is_in_its_output_on_its_disk_or_in_what_the_connector_says(tmp_path: Path) -> None:
    own = Site.make(tmp_path)
    said: list[object] = []
    with running(own, 'data = "keys.sqlite3"') as pmh:
        told = await pmh.confirmed(who := subject())
        card = await pmh.card(who)
        async with own.connected(pmh.url) as connector:
            for fault in ("other_confirmation", "surplus_field", "garbage", "busy", "drop"):
                await pmh.faults({fault: 1})
                said += [await connector.deliver(refers(told["identity_confirmation"])), own.said.lines, connector]
        await pmh.eligible("/eligibility/confirmations", {"card": card, "more": who}, own.clinics[CLINIC_A])
        status, output = pmh.end()
    assert status == 0
    written = output + b"".join(path.read_bytes() for path in own.folder.glob("keys.sqlite3*"))
    for value in (who, card, told["identity_confirmation"], told["token"]):
        assert value.encode() not in written
        assert value not in repr(said)
