import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from aiohttp import web

from gateway.plugin import (
    Accepted,
    Context,
    Deferred,
    DeferredRecord,
    Delivery,
    Duplicate,
    Misconfigured,
    Outbox,
    Outcome,
    Refused,
    RefusedRecord,
    Shown,
)
from gateway_myna_portal.connector import MynaPortal
from gateway_myna_portal.interface import Linked
from gateway_myna_portal.settings import Settings
from tests.plugins.myna_portal.conftest import Gateway
from tests.plugins.myna_portal.running import AUDIENCE, Simulator, Site, brings, key, notice
from tests.plugins.myna_portal.test_interface import GOOD


async def pseudonym_of(portal: Simulator) -> str:
    return str((await portal.login(await portal.resident()))["pmh_pseudonym_id"])


async def read_by(portal: Simulator) -> tuple[str, str]:
    """A resident's card and pseudonym."""
    who = await portal.resident()
    return who, str((await portal.login(who))["pmh_pseudonym_id"])


# ---- notices ---------------------------------------------------------------------------------------------------------


async def test_a_notice_reaches_the_one_resident_whose_pseudonym_it_names(site: Site, portal: Simulator) -> None:
    (who, pseudonym), (other, _) = await read_by(portal), await read_by(portal)
    sent = notice(pseudonym)
    async with site.connected(portal.url) as connector:
        assert await connector.deliver(brings(sent)) == {0: Accepted()}
    (read,) = (await portal.act(who, "notices"))["notices"]
    assert read == sent.model_dump()
    assert (await portal.act(other, "notices"))["notices"] == []


async def test_a_pseudonym_that_the_portal_never_made_is_no_such_person(site: Site, portal: Simulator) -> None:
    pseudonym = await pseudonym_of(portal)
    async with site.connected(portal.url) as connector:
        outcomes = await connector.deliver(brings(notice("MPNOBODY"), notice(pseudonym)))
    assert outcomes == {0: RefusedRecord("no_such_person"), 1: Accepted()}


async def test_states_of_one_notice_the_newest_stays_and_a_repeat_changes_nothing(
    site: Site, portal: Simulator
) -> None:
    who, pseudonym = await read_by(portal)
    states = [
        notice(pseudonym, notice_id="N-1", update_seq=seq, notice_text=f"架空の文言{text}")
        for seq, text in ((1, "一"), (3, "三"), (2, "二"), (3, "三"), (3, "異"))
    ]
    deliveries = [brings(state) for state in states]
    async with site.connected(portal.url) as connector:
        first = [(await connector.deliver(each))[0] for each in deliveries]
        again = [(await connector.deliver(each))[0] for each in deliveries]
    superseded, conflict = RefusedRecord("superseded"), RefusedRecord("version_conflict")
    assert first == again == [Accepted(), Accepted(), superseded, Duplicate(), conflict]
    assert [each["notice_text"] for each in (await portal.act(who, "notices"))["notices"]] == ["架空の文言三"]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("maintenance", DeferredRecord("system_busy", 0.0)),
        ("hang", DeferredRecord("deadline")),
        ("drop", DeferredRecord("system_unreachable")),
        ("garbage", DeferredRecord("system_unreachable")),
    ],
)
async def test_a_fault_defers_and_the_repeat_leaves_one_notice(
    site: Site, portal: Simulator, fault: str, outcome: Outcome
) -> None:
    who, pseudonym = await read_by(portal)
    delivery = brings(notice(pseudonym), notice(pseudonym), deadline=0.5 if fault == "hang" else 60.0)
    async with site.connected(portal.url) as connector:
        assert (await connector.health()).ok  # so that the short deadline is for the answer alone
        await portal.faults({fault: 1})
        assert await connector.deliver(delivery) == dict.fromkeys((0, 1), outcome)
        of = {"operation": delivery.operation, "message_id": delivery.message_id}
        assert site.said.lines == [("delivery.deferred", of | {"code": cast(DeferredRecord, outcome).code})]
        await portal.faults({})
        assert await connector.deliver(replace(delivery, deadline=60.0)) == dict.fromkeys((0, 1), Accepted())
    assert len((await portal.act(who, "notices"))["notices"]) == 2


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("row_busy", DeferredRecord("system_busy")), ("duplicate", Duplicate()), ("slow", Accepted())],
)
async def test_a_row_has_an_answer_of_its_own(site: Site, portal: Simulator, fault: str, outcome: Outcome) -> None:
    pseudonym = await pseudonym_of(portal)
    await portal.faults({fault: 1})
    async with site.connected(portal.url) as connector:
        assert await connector.deliver(brings(notice(pseudonym), notice(pseudonym))) == {0: outcome, 1: Accepted()}


async def test_what_was_answered_before_a_failure_counts_and_the_rest_is_deferred(site: Site) -> None:
    bodies = []

    async def reply(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        if len(bodies) == 2:
            return web.Response(status=503, headers={"Retry-After": "7"})
        rows = [{"index": row["index"], "status": "accepted"} for row in bodies[-1]["rows"]]
        return web.json_response({"rows": rows})

    delivery = brings(*(notice("MPA") for _ in range(5)))
    async with site.serving(reply) as url, site.connected(url, rows_per_request=2) as connector:
        outcomes = await connector.deliver(delivery)
    later = DeferredRecord("system_busy", 7.0)
    assert [outcomes[index] for index in range(5)] == [Accepted(), Accepted(), later, later, later]
    assert [[row["index"] for row in body["rows"]] for body in bodies] == [[0, 1], [2, 3]]
    assert {body["message_id"] for body in bodies} == {delivery.message_id}
    sent = dict(delivery.records)[0]
    assert bodies[0]["rows"][0] == {"index": 0, "record": sent.model_dump()}, "the fields of a notice and no other"


async def test_an_answer_too_late_for_a_resident_is_left_to_be_fetched(site: Site, unused_tcp_port: int) -> None:
    late = Delivery("m", "pseudonym.hand_over", ((0, Linked(pmh_pseudonym_id="MPA")),), 5.0, reply_to="q")
    async with site.connected(f"https://127.0.0.1:{unused_tcp_port}") as connector:
        assert await connector.deliver(late) == {0: Accepted()}, "nothing is sent anywhere"


@pytest.mark.parametrize(
    ("status", "header", "outcome"),
    [
        (503, "99999999", DeferredRecord("system_busy", 86400.0)),
        (503, "soon", DeferredRecord("system_busy")),
        (429, "９", DeferredRecord("system_busy")),
        (500, "7", DeferredRecord("system_unreachable")),
        (302, "7", DeferredRecord("system_unreachable")),
        (403, "7", DeferredRecord("system_unreachable")),
        (204, "7", DeferredRecord("system_unreachable")),
        (422, "7", DeferredRecord("connector_bug")),
    ],
)
async def test_a_refusal_of_the_whole_request_is_later_not_never(
    site: Site, status: int, header: str, outcome: DeferredRecord
) -> None:
    paths = []

    async def reply(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=status, headers={"Retry-After": header, "Location": "/moved"})

    async with site.serving(reply) as url, site.connected(url) as connector:
        assert await connector.deliver(brings(notice("MPA"))) == {0: outcome}
    assert paths == ["/v1/notices"], "a notice follows no redirect and is not sent twice"


@pytest.mark.parametrize("form", ["compressed", "endless"])
async def test_an_answer_is_not_inflated_nor_read_beyond_any_honest_ones_size(site: Site, form: str) -> None:
    answer = json.dumps({"rows": [{"index": 0, "status": "accepted"}]}).encode()

    async def reply(_: web.Request) -> web.Response:
        if form == "compressed":
            return web.Response(body=gzip.compress(answer), headers={"Content-Encoding": "gzip"})
        return web.Response(body=answer + b" " * 100_000)

    async with site.serving(reply) as url, site.connected(url) as connector:
        assert await connector.deliver(brings(notice("MPA"))) == {0: DeferredRecord("system_unreachable")}


async def test_another_certificate_of_the_same_authority_brings_no_notices(site: Site, portal: Simulator) -> None:
    pseudonym = await pseudonym_of(portal)
    async with site.connected(portal.url, identity=site.portal) as connector:
        assert await connector.deliver(brings(notice(pseudonym))) == {0: DeferredRecord("system_unreachable")}


# ---- health and opening ----------------------------------------------------------------------------------------------


async def test_it_is_healthy_while_the_portal_serves_us(site: Site, portal: Simulator) -> None:
    async with site.connected(portal.url) as connector:
        assert (await connector.health()).ok
        await portal.faults({"maintenance": 1})
        health = await connector.health()
    assert (health.ok, health.detail) == (False, "the portal does not serve us: system_busy")


async def test_a_portal_that_is_down_defers_everything(site: Site, unused_tcp_port: int) -> None:
    async with site.connected(f"https://127.0.0.1:{unused_tcp_port}") as connector:
        assert await connector.deliver(brings(notice("MPA"))) == {0: DeferredRecord("system_unreachable")}
        assert not (await connector.health()).ok


async def test_without_its_pinned_keys_it_does_not_open(site: Site) -> None:
    async with site.session(site.city) as session:
        context = Context(
            "999997", Settings.model_validate(GOOD), cast(Outbox, None), session, site.said, lambda: datetime.now(UTC),
            lambda _: b"a passphrase, not keys",
        )  # fmt: skip
        connector = MynaPortal()
        with pytest.raises(Misconfigured):
            await connector.open(context)
        with pytest.raises(Deferred) as deferred:
            connector.attest(shown("a.b.c"))
        assert deferred.value.code == "system_busy"


# ---- what the portal's own tokens prove ------------------------------------------------------------------------------


def shown(token: str, later: timedelta = timedelta()) -> Shown:
    return Shown("record.query", token, "sha256:" + "0" * 64, datetime.now(UTC) + later)


async def test_a_session_at_the_portal_proves_login_and_consent_for_its_pseudonym(
    site: Site, portal: Simulator
) -> None:
    told = await portal.login(await portal.resident())
    async with site.connected(portal.url) as connector:
        proven = connector.attest(shown(told["id_token"]))
        with pytest.raises(Refused):
            connector.attest(shown(told["id_token"], timedelta(hours=1)))
    assert [(each.name, each.text) for each in proven.claims] == [("card_login", None), ("consent", "2026-04")]
    assert proven.bound == {"pmh_pseudonym_id": told["pmh_pseudonym_id"]}


async def test_a_parents_session_for_a_child_is_about_the_child_and_says_who_acts(
    site: Site, portal: Simulator
) -> None:
    parent = await portal.resident()
    child = await portal.resident(guardian=parent)
    told, own = await portal.login(child, agent=parent), await portal.login(parent)
    async with site.connected(portal.url) as connector:
        proven, alone = connector.attest(shown(told["id_token"])), connector.attest(shown(own["id_token"]))
    assert [each.name for each in proven.claims] == ["card_login", "consent", "agent"]
    assert own["pmh_pseudonym_id"].encode() in proven.claims[2].proof
    assert proven.bound["pmh_pseudonym_id"] == told["pmh_pseudonym_id"] != own["pmh_pseudonym_id"]
    assert "agent" not in [each.name for each in alone.claims]


@pytest.mark.parametrize("consent", [None, "2025-04"])
async def test_no_consent_and_consent_to_a_former_text_are_told_as_they_are(
    site: Site, portal: Simulator, consent: str | None
) -> None:
    told = await portal.login(await portal.resident(), consent=consent)
    async with site.connected(portal.url) as connector:
        proven = connector.attest(shown(told["id_token"]))
    assert [each.text for each in proven.claims if each.name == "consent"] == ([consent] if consent else [])


@pytest.mark.parametrize("fault", ["expired", "other_audience", "other_signature", "alg_none"])
async def test_each_wrong_token_of_the_portals_is_refused(
    site: Site, portal: Simulator, gateway: Gateway, fault: str
) -> None:
    who = await portal.resident()
    await portal.login(who)
    await portal.faults({fault: 1})
    for _ in range(2):
        await portal.act(who, "records")
    wrong, right = (headers["Renkei-Proof"] for _, _, headers in gateway.came)
    async with site.connected(portal.url) as connector:
        with pytest.raises(Refused) as refused:
            connector.attest(shown(wrong))
        assert connector.attest(shown(right)).claims
        assert refused.value.code == "not_attested"


async def test_tokens_for_another_city_or_of_another_issuer_are_refused(site: Site, portal: Simulator) -> None:
    token = (await portal.login(await portal.resident()))["id_token"]
    others: list[dict[str, Any]] = [{"audience": f"not-{AUDIENCE}"}, {"issuer": "https://other.example"}]
    for changes in others:
        async with site.connected(portal.url, **changes) as connector:
            with pytest.raises(Refused):
                connector.attest(shown(token))


async def test_neither_tokens_nor_pseudonyms_nor_notices_are_ever_said(site: Site, portal: Simulator) -> None:
    told = await portal.login(await portal.resident(pmh_key=key()))
    delivery = brings(notice(told["pmh_pseudonym_id"], notice_text="架空の秘密の文言"))
    said: list[object] = [shown(told["id_token"]), delivery]
    async with site.connected(portal.url) as connector:
        for fault in ("garbage", "maintenance", "row_busy"):
            await portal.faults({fault: 1})
            said += [await connector.deliver(delivery)]
        said += [connector, vars(connector), connector.attest(shown(told["id_token"])), site.said.lines]
    assert not any(value in repr(said) for value in (*told.values(), "架空の秘密の文言"))
