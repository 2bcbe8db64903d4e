import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web

from gateway.plugin import Accepted, DeferredRecord, Delivery, JsonValue, Outcome, RefusedRecord
from gateway_pmh import client
from gateway_pmh.connector import Pmh
from tests.plugins.pmh.running import SECRET, Simulator, Site, asks, key_of, numbers, running

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def test_the_answer_is_exactly_the_key_and_the_number_that_was_sent(site: Site, pmh: Simulator) -> None:
    asked = numbers(3)
    async with site.connected(pmh.url) as connector:
        outcomes = await connector.deliver(asks(*asked))
    for index, number in enumerate(asked):
        reply = {"pmh_key": key_of(outcomes[index]), "individual_number": number}
        assert outcomes[index] == Accepted(reply=cast(dict[str, JsonValue], reply))
    assert len({key_of(each) for each in outcomes.values()}) == 3


async def test_what_goes_out_is_each_number_under_its_row_and_nothing_else(site: Site) -> None:
    asked = numbers(2)
    seen: list[tuple[str, Any]] = []

    async def reply(request: web.Request) -> web.Response:
        seen.append((request.headers["Idempotency-Key"], await request.json()))
        return web.Response(status=503)

    async with lying(site, reply) as url, site.connected(url) as connector:
        delivery = asks(*asked)
        await connector.deliver(delivery)
        await connector.deliver(delivery)
        await connector.deliver(asks(*asked))
    (first, rows), (again, _), (other, _) = seen
    assert rows == [{"rowNo": row, "modificationSeg": "1", "myNumber": number} for row, number in enumerate(asked)]
    assert first == again != other
    assert not any(number in first for number in asked)


async def test_an_existing_key_is_reused_whoever_asks_again(site: Site, pmh: Simulator) -> None:
    known, new = numbers(2)
    async with site.connected(pmh.url) as connector:
        first = await connector.deliver(delivery := asks(known))
        before = (await pmh.counts())["keys"]
        assert await connector.deliver(delivery) == first, "the same message again"
        again = await connector.deliver(asks(new, known))
    assert key_of(again[1]) == key_of(first[0])
    assert key_of(again[0]) != key_of(first[0])
    assert (await pmh.counts())["keys"] == before + 1


async def test_one_number_twice_in_a_batch_gets_one_key(site: Site, pmh: Simulator) -> None:
    """The edge hands over in waves: the same message twice, another index."""
    (number,) = numbers(1)
    whole = asks(number, number)
    async with site.connected(pmh.url) as connector:
        waves = [
            await connector.deliver(Delivery(whole.message_id, whole.operation, (record,), 60.0))
            for record in whole.records
        ]
    assert key_of(waves[0][0]) == key_of(waves[1][1])


async def test_rule_1_a_returned_number_that_differs_is_a_dispute_and_no_other_record_suffers(
    site: Site, pmh: Simulator
) -> None:
    asked = numbers(2)
    await pmh.faults({"lie": 1})
    async with site.connected(pmh.url) as connector:
        lied = await connector.deliver(delivery := asks(*asked))
        assert lied[0] == RefusedRecord("dispute", "individual_number")
        honest = await connector.deliver(delivery)
    assert key_of(lied[1]) == key_of(honest[1])
    assert isinstance(honest[0], Accepted)


async def test_rule_1_an_answer_with_another_field_is_refused_whole(site: Site, pmh: Simulator) -> None:
    asked = numbers(3)
    await pmh.faults({"extra_field": 1})
    delivery = asks(*asked)
    async with site.connected(pmh.url) as connector:
        outcomes = await connector.deliver(delivery)
    assert outcomes == dict.fromkeys(range(3), RefusedRecord("unknown_field"))
    of = {"operation": "pmh_key.issue", "message_id": delivery.message_id}
    assert site.said.lines == [("answer.refused", of | {"code": "unknown_field", "count": 3})]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("busy", DeferredRecord("system_busy", 0.0)),
        ("maintenance", DeferredRecord("system_busy", 0.0)),
        ("hang", DeferredRecord("deadline")),
        ("drop", DeferredRecord("system_unreachable")),
        ("garbage", DeferredRecord("system_unreachable")),
    ],
)
async def test_a_fault_defers_and_the_repeat_gets_the_one_key(
    site: Site, pmh: Simulator, fault: str, outcome: Outcome
) -> None:
    delivery = asks(*numbers(2), deadline=0.5 if fault == "hang" else 60.0)
    before = (await pmh.counts())["keys"]
    async with site.connected(pmh.url) as connector:
        assert (await connector.health()).ok  # so that the short deadline is for the answer alone
        await pmh.faults({fault: 1})
        assert await connector.deliver(delivery) == dict.fromkeys((0, 1), outcome)
        of = {"operation": delivery.operation, "message_id": delivery.message_id}
        assert site.said.lines == [("delivery.deferred", of | {"code": cast(DeferredRecord, outcome).code})]
        await pmh.faults({})
        patient = replace(delivery, deadline=60.0)
        repeated = await connector.deliver(patient)
        assert await connector.deliver(patient) == repeated
    assert all(isinstance(each, Accepted) for each in repeated.values())
    assert (await pmh.counts())["keys"] == before + 2


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("row_busy", DeferredRecord("system_busy")),
        ("unknown_number", RefusedRecord("no_such_person", "individual_number")),
    ],
)
async def test_a_row_has_an_answer_of_its_own(site: Site, pmh: Simulator, fault: str, outcome: Outcome) -> None:
    await pmh.faults({fault: 1})
    async with site.connected(pmh.url) as connector:
        outcomes = await connector.deliver(asks(*numbers(2)))
    assert outcomes[0] == outcome
    assert isinstance(outcomes[1], Accepted)


async def test_a_slow_answer_within_the_deadline_counts(site: Site, pmh: Simulator) -> None:
    await pmh.faults({"slow": 1})
    async with site.connected(pmh.url) as connector:
        assert isinstance((await connector.deliver(asks(*numbers(1))))[0], Accepted)


# ---- portions and receipts -------------------------------------------------------------------------------------------


async def test_what_is_more_than_a_request_takes_goes_in_portions(site: Site, pmh: Simulator) -> None:
    before = await pmh.counts()
    async with site.connected(pmh.url, rows_per_request=2) as connector:
        outcomes = await connector.deliver(asks(*numbers(5)))
    assert len({key_of(each) for each in outcomes.values()}) == 5
    assert (await pmh.counts())["tasks"] == before["tasks"] + 3


async def test_what_was_answered_before_a_failure_counts_and_the_rest_is_deferred(site: Site) -> None:
    """What was answered by a receipt, too."""
    asked: list[list[dict[str, Any]]] = []

    async def reply(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({"rows": [succeeded(each) for each in asked[0]]})
        asked.append(await request.json())
        return web.json_response({"receiptNo": "r1"}, status=202 if len(asked) == 1 else 503)

    async with lying(site, reply) as url, site.connected(url, rows_per_request=2) as connector:
        outcomes = await connector.deliver(asks(*numbers(5)))
    assert [type(outcomes[index]) for index in range(5)] == [Accepted, Accepted, *[DeferredRecord] * 3]
    assert [[row["rowNo"] for row in rows] for rows in asked] == [[0, 1], [2, 3]]


def succeeded(row: Mapping[str, Any]) -> dict[str, Any]:
    """What PMH answers to a row."""
    issued = {"pmhKey": f"K{row['rowNo']}", "myNumber": row["myNumber"]}
    return {"rowNo": row["rowNo"], "status": "succeeded", "issued": issued}


async def test_what_is_accepted_for_later_is_fetched_by_its_receipt(site: Site, pmh: Simulator) -> None:
    before = await pmh.counts()
    await pmh.faults({"asynchronous": 1})
    async with site.connected(pmh.url) as connector:
        outcomes = await connector.deliver(asks(*numbers(2)))
    after = await pmh.counts()
    assert all(isinstance(each, Accepted) for each in outcomes.values())
    assert (after["tasks"] - before["tasks"], after["receipts"] - before["receipts"]) == (1, 1)
    assert after["results"] - before["results"] >= 1


async def test_beyond_the_deadline_the_repeat_resumes_by_the_same_receipt_even_after_a_restart(
    site: Site, pmh: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await pmh.counts()
    await pmh.faults({"asynchronous": 2})
    delivery = asks(*numbers(2))
    async with site.connected(pmh.url) as connector:
        with monkeypatch.context() as slower:
            slower.setattr(client, "_LEAST_PAUSE", 100.0)  # longer than the delivery lasts
            assert await connector.deliver(delivery) == dict.fromkeys((0, 1), DeferredRecord("deadline", 0.0))
    async with site.connected(pmh.url) as restarted:
        outcomes = await restarted.deliver(delivery)
    after = await pmh.counts()
    assert all(isinstance(each, Accepted) for each in outcomes.values())
    assert {name: after[name] - before[name] for name in ("receipts", "rows")} == {"receipts": 1, "rows": 2}


async def test_a_receipt_that_is_no_longer_known_is_asked_anew(site: Site) -> None:
    async def reply(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.Response(status=404)
        return web.json_response({"receiptNo": "A1"}, status=202, headers={"Retry-After": "0"})

    async with lying(site, reply) as url, site.connected(url) as connector:
        assert await connector.deliver(asks(*numbers(1))) == {0: DeferredRecord("system_busy")}


# ---- tokens ----------------------------------------------------------------------------------------------------------


async def test_one_token_serves_many_requests_and_is_replaced_once_when_refused(site: Site, pmh: Simulator) -> None:
    before = (await pmh.counts())["tokens"]
    async with site.connected(pmh.url) as connector:
        await asyncio.gather(*(connector.deliver(asks(*numbers(1))) for _ in range(4)), connector.health())
        assert (await pmh.counts())["tokens"] == before + 1
        await pmh.faults({"token_lost": 1})
        assert isinstance((await connector.deliver(asks(*numbers(1))))[0], Accepted)
        assert (await pmh.counts())["tokens"] == before + 2
        tasks = (await pmh.counts())["tasks"]
        await pmh.faults({"token_lost": 3})
        assert await connector.deliver(asks(*numbers(1))) == {0: DeferredRecord("system_unreachable")}
    assert (await pmh.counts())["tasks"] == tasks + 2, "two tries, no more"


async def test_a_token_is_renewed_before_it_ends(tmp_path: Path) -> None:
    with running(own := Site.make(tmp_path), "times = { token = 1 }") as short:
        async with own.connected(short.url) as connector:
            for _ in range(2):
                assert isinstance((await connector.deliver(asks(*numbers(1))))[0], Accepted)
                await asyncio.sleep(0.9)
        assert ((await short.counts())["tokens"], (await short.counts())["tasks"]) == (2, 2), "no task met a 401"


@pytest.mark.parametrize("wrong", ["secret", "certificate"])
async def test_without_the_right_secret_over_the_right_certificate_nothing_is_served(
    site: Site, pmh: Simulator, wrong: str
) -> None:
    changes: dict[str, Any] = {"secret": b"another"} if wrong == "secret" else {"identity": site.stranger}
    before = (await pmh.counts())["tasks"]
    async with site.connected(pmh.url, **changes) as connector:
        assert await connector.deliver(asks(*numbers(1))) == {0: DeferredRecord("system_unreachable")}
        health = await connector.health()
        cause = "its token endpoint answers 401: it refuses our client_id, client_secret or certificate"
        assert (health.ok, health.detail) == (False, f"PMH does not serve us: system_unreachable ({cause})")
        assert ("token.not_granted", {"status": 401}) in site.said.lines
    assert (await pmh.counts())["tasks"] == before, "no number goes out without a token"


# ---- health, and answers that PMH should not give --------------------------------------------------------------------


async def test_it_is_healthy_while_pmh_serves_us(site: Site, pmh: Simulator) -> None:
    async with site.connected(pmh.url) as connector:
        assert (await connector.health()).ok
        await pmh.faults({"maintenance": 1})
        health = await connector.health()
    assert (health.ok, health.detail) == (False, "PMH does not serve us: system_busy")


async def test_a_system_that_is_down_defers_everything(site: Site, unused: str) -> None:
    async with site.connected(unused) as connector:
        assert await connector.deliver(asks(*numbers(2))) == dict.fromkeys((0, 1), DeferredRecord("system_unreachable"))
        assert not (await connector.health()).ok


@pytest.fixture
def unused(unused_tcp_port: int) -> str:
    return f"https://127.0.0.1:{unused_tcp_port}"


@asynccontextmanager
async def lying(site: Site, reply: Reply) -> AsyncIterator[str]:
    """A server that grants any token and has task answers of one's own."""
    identity = site.authority.issue("liar")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(site.authority.ca))
    context.load_cert_chain(identity.certificate, identity.key)

    async def grant(_: web.Request) -> web.Response:
        return web.json_response({"access_token": "made-up", "token_type": "bearer"})

    app = web.Application()
    app.router.add_post("/oauth2/token", grant)
    app.router.add_route("*", "/{anything:.*}", reply)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_health_says_that_granted_tokens_are_refused(site: Site) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=401)

    async with lying(site, refuse) as url, site.connected(url) as connector:
        assert "answers 401 to the very tokens that it grants" in (await connector.health()).detail


@pytest.mark.parametrize(
    ("status", "header", "outcome"),
    [
        (503, "7", DeferredRecord("system_busy", 7.0)),
        (429, "99999999", DeferredRecord("system_busy", 86400.0)),
        (503, "soon", DeferredRecord("system_busy")),
        (503, "Fri, 01 Jan 2021 00:00:00 GMT", DeferredRecord("system_busy", 0.0)),
        (503, "９", DeferredRecord("system_busy")),
        (500, "7", DeferredRecord("system_unreachable")),
        (302, "7", DeferredRecord("system_unreachable")),
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

    async with lying(site, reply) as url, site.connected(url) as connector:
        assert await connector.deliver(asks(*numbers(1))) == {0: outcome}
    assert paths == ["/v1/pmh-key-tasks"], "a number follows no redirect and is not sent twice"


async def test_a_maintenance_window_that_names_its_end_is_waited_for(site: Site) -> None:
    until = datetime.now(UTC) + timedelta(hours=2)

    async def reply(_: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": format_datetime(until, usegmt=True)})

    async with lying(site, reply) as url, site.connected(url) as connector:
        deferred = cast(DeferredRecord, (await connector.deliver(asks(*numbers(1))))[0])
    assert deferred.retry_after == pytest.approx(7200, abs=30)


@pytest.mark.parametrize("body", [b"", b"{", b'{"receiptNo":"../x"}'])
@pytest.mark.parametrize("status", [200, 202])
async def test_a_body_that_is_no_answer_is_not_used(site: Site, status: int, body: bytes) -> None:
    async def reply(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    async with lying(site, reply) as url, site.connected(url) as connector:
        assert await connector.deliver(asks(*numbers(1))) == {0: DeferredRecord("system_unreachable")}


async def test_an_answer_comes_as_it_is_and_nothing_is_inflated(site: Site) -> None:
    accepted = []

    async def reply(request: web.Request) -> web.Response:
        accepted.append(request.headers["Accept-Encoding"])
        rows = [
            {"rowNo": each["rowNo"], "status": "succeeded", "issued": {"pmhKey": "K", "myNumber": each["myNumber"]}}
            for each in await request.json()
        ]
        answer = gzip.compress(json.dumps({"rows": rows}).encode())
        return web.Response(body=answer, headers={"Content-Encoding": "gzip"})

    async with lying(site, reply) as url, site.connected(url) as connector:
        assert await connector.deliver(asks(*numbers(1))) == {0: DeferredRecord("system_unreachable")}
    assert accepted == ["identity"]


async def test_a_receipt_is_not_asked_for_without_a_pause_whatever_pmh_says(site: Site) -> None:
    asked, came = [], []
    rows: list[dict[str, Any]] = []

    async def reply(request: web.Request) -> web.Response:
        asked.append(request.path)
        came.append(asyncio.get_running_loop().time())
        rows.extend(await request.json() if request.method == "POST" else ())
        if len(asked) < 3:
            return web.json_response({"receiptNo": "r1"}, status=202, headers={"Retry-After": "0"})
        return web.json_response({"rows": [succeeded(each) for each in rows]})

    async with lying(site, reply) as url, site.connected(url) as connector:
        assert key_of((await connector.deliver(asks(*numbers(1))))[0]) == "K0"
    assert asked == ["/v1/pmh-key-tasks", *["/v1/pmh-key-tasks/r1"] * 2]
    assert all(later - earlier >= 0.5 for earlier, later in pairwise(came))


async def test_an_answer_larger_than_any_honest_one_is_not_read_to_its_end(site: Site) -> None:
    padding = b""

    async def reply(request: web.Request) -> web.Response:
        ((row, number),) = [(each["rowNo"], each["myNumber"]) for each in await request.json()]
        answer = {"rows": [{"rowNo": row, "status": "succeeded", "issued": {"pmhKey": "K", "myNumber": number}}]}
        return web.Response(body=json.dumps(answer).encode() + padding)

    async with lying(site, reply) as url, site.connected(url) as connector:
        assert key_of((await connector.deliver(asks(*numbers(1))))[0]) == "K"
        padding = b" " * 100_000
        assert await connector.deliver(asks(*numbers(1))) == {0: DeferredRecord("system_unreachable")}


async def test_neither_secret_nor_token_nor_number_is_ever_said(site: Site, pmh: Simulator) -> None:
    asked = numbers(2)
    said: list[object] = []
    async with site.connected(pmh.url) as connector:
        for fault in ("lie", "extra_field", "garbage", "token_lost", "busy"):
            await pmh.faults({fault: 2})
            said += [await connector.deliver(asks(*asked)), await connector.health()]
        said += [site.said.lines, connector, vars(connector)["_pmh"], connector._pmh._token]
        token = connector._pmh._token._value
    assert token
    for secret in (*asked, token, SECRET.decode()):
        assert secret not in repr(said)


async def test_opening_it_reads_the_secret_and_makes_no_connection(site: Site, unused: str) -> None:
    async with site.connected(unused) as connector:
        assert isinstance(connector, Pmh)
