from datetime import UTC, datetime, timedelta
from typing import Any, cast

import aiohttp
import pytest

from gateway.edge.attest import prove
from gateway.plugin import Accepted, Context, Deferred, Delivery, Misconfigured, Outbox, Refused, Shown
from gateway_clinic_app.connector import ClinicApp
from gateway_clinic_app.interface import Examined
from tests.plugins.clinic_app.running import opened, settings
from tests.plugins.pmh.running import CLINIC_A, CLINIC_B, Said, Simulator, Site, subject


def shown(token: str, clinic: str = CLINIC_A, later: timedelta = timedelta()) -> Shown:
    now = datetime.now(UTC) + later
    return Shown("visit.query", token, "sha256:" + "0" * 64, now, f"keys/tls/{clinic}.crt")


async def test_rule_4_a_terminals_confirmation_proves_person_and_consent_for_its_own_clinic_only(
    site: Site, pmh: Simulator
) -> None:
    told = await pmh.confirmed(subject())
    connector, bugs = await opened(site), list[object]()
    proven = prove(shown(told["token"]), connector, lambda *bug, **known: bugs.append(bug))
    assert bugs == []
    assert [(each.name, each.text) for each in proven.claims] == [("identity_confirmed", None), ("consent", "2026-04")]
    assert {each.until for each in proven.claims} == {datetime.fromisoformat(told["valid_until"])}
    assert proven.bound == {
        name: told[name] for name in ("identity_confirmation", "vaccination_subject_no", "clinic_code")
    }
    with pytest.raises(Refused):
        connector.attest(shown(told["token"], CLINIC_B))


@pytest.mark.parametrize("consent", [None, "2025-04"])
async def test_no_consent_and_consent_to_a_former_text_are_told_as_they_are(
    site: Site, pmh: Simulator, consent: str | None
) -> None:
    told = await pmh.confirmed(subject(), consent=consent)
    claims = (await opened(site)).attest(shown(told["token"])).claims
    assert [each.text for each in claims if each.name == "consent"] == ([consent] if consent else [])


async def test_a_parent_who_consents_is_told_as_agent(site: Site, pmh: Simulator) -> None:
    shown_card = {"card": await pmh.card(subject(), guardian="CARD-P"), "consent": "2026-04", "agent": "CARD-P"}
    _, told = await pmh.eligible("/eligibility/confirmations", shown_card, site.clinics[CLINIC_A])
    proven = (await opened(site)).attest(shown(told["token"]))
    assert [each.name for each in proven.claims] == ["identity_confirmed", "consent", "agent"]
    assert proven.bound["vaccination_subject_no"] == told["vaccination_subject_no"]


async def test_an_ended_confirmation_is_refused_and_a_good_one_ends(site: Site, pmh: Simulator) -> None:
    await pmh.faults({"long_ago": 1})
    ended, good = await pmh.confirmed(subject()), await pmh.confirmed(subject())
    connector = await opened(site)
    for token, later in ((ended["token"], timedelta()), (good["token"], timedelta(hours=24))):
        with pytest.raises(Refused) as refused:
            connector.attest(shown(token, later=later))
        assert refused.value.code == "not_attested"
    assert connector.attest(shown(good["token"], later=timedelta(hours=23))).claims


async def test_a_certificate_that_is_no_clinics_proves_nothing_whatever_it_shows(site: Site, pmh: Simulator) -> None:
    token = (await pmh.confirmed(subject()))["token"]
    connector = await opened(site, clinics={f"keys/tls/{CLINIC_A}.crt": CLINIC_A})
    for certificate in (CLINIC_B, "", "../"):
        with pytest.raises(Refused):
            connector.attest(shown(token, certificate))
    with pytest.raises(Refused):
        connector.attest(Shown("visit.query", token, "sha256:" + "0" * 64, datetime.now(UTC)))


async def test_a_clinics_new_certificate_and_the_former_one_are_the_same_clinic(site: Site, pmh: Simulator) -> None:
    token = (await pmh.confirmed(subject()))["token"]
    connector = await opened(site, clinics={f"keys/tls/{name}.crt": CLINIC_A for name in ("old", "new")})
    assert connector.attest(shown(token, "old")) == connector.attest(shown(token, "new"))


@pytest.mark.parametrize("changes", [{"issuer": "https://other.example"}, {"longest_visit": 60}])
async def test_another_issuers_confirmation_is_refused_and_one_that_is_older_than_a_visit(
    site: Site, pmh: Simulator, changes: dict[str, Any]
) -> None:
    token = (await pmh.confirmed(subject()))["token"]
    with pytest.raises(Refused):
        (await opened(site, **changes)).attest(shown(token, later=timedelta(seconds=90)))


async def test_without_its_pinned_keys_it_does_not_open(site: Site) -> None:
    context = Context(
        "999997", settings(site), cast(Outbox, None), cast(aiohttp.ClientSession, None), Said(),
        lambda: datetime.now(UTC), lambda _: b"a passphrase, not keys",
    )  # fmt: skip
    connector = ClinicApp()
    with pytest.raises(Misconfigured):
        await connector.open(context)
    with pytest.raises(Deferred):
        connector.attest(shown("a.b.c"))


async def test_an_answer_that_nobody_awaits_goes_nowhere(site: Site) -> None:
    connector = await opened(site)
    record = Examined(vaccination_subject_no=subject(), answer_status="1")
    late = Delivery("m2", "examination.enter", ((0, record), (1, record)), 5.0, reply_to="m1")
    assert await connector.deliver(late) == {0: Accepted(), 1: Accepted()}
    assert (await connector.health()).detail == "the certificates of 2 clinics are known"
    await connector.close()
    await connector.close()


async def test_neither_confirmations_nor_persons_are_ever_said(site: Site, pmh: Simulator) -> None:
    told = await pmh.confirmed(subject())
    connector = await opened(site)
    said = repr([shown(told["token"]), connector, vars(connector), connector.attest(shown(told["token"]))])
    for name in ("token", "identity_confirmation", "vaccination_subject_no"):
        assert told[name] not in said
