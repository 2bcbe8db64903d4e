from dataclasses import replace
from typing import Any, cast

import pytest
from aiohttp import web

from gateway.plugin import Accepted, DeferredRecord, Outcome, RefusedRecord
from gateway_history_lookup import client
from tests.plugins.history_lookup.running import Site, asks, id5_of, keys
from tests.plugins.receiving import Simulator


async def test_f56_each_key_gets_its_id5(site: Site, system: Simulator) -> None:
    asked = keys(5)
    async with site.connected(system.url, rows_per_request=2) as connector:
        outcomes = await connector.deliver(asks(*asked))
        again = await connector.deliver(asks(*reversed(asked)))
    for index, key in enumerate(asked):
        assert outcomes[index] == Accepted(reply={"pmh_key": key, "id5": id5_of(outcomes[index])})
    assert [id5_of(each) for each in again.values()] == [id5_of(each) for each in outcomes.values()][::-1]
    assert len({id5_of(each) for each in outcomes.values()}) == 5


async def test_what_goes_out_is_each_key_under_its_row_and_nothing_else(site: Site) -> None:
    asked = keys(2)
    seen: list[Any] = []

    async def reply(request: web.Request) -> web.Response:
        seen.append(await request.json())
        return web.Response(status=503)

    async with site.serving(reply) as url, site.connected(url) as connector:
        delivery = asks(*asked)
        await connector.deliver(delivery)
        await connector.deliver(delivery)
        await connector.deliver(asks(*asked))
    first, again, other = seen
    assert first == again
    assert first["inquiry"] != other["inquiry"]
    assert first["rows"] == [{"index": index, "pmh_key": key} for index, key in enumerate(asked)]
    assert first.keys() == {"inquiry", "rows"}
    assert not any(key in first["inquiry"] for key in asked)


async def test_an_inquiry_that_is_accepted_is_answered_later_and_a_repeat_gets_its_receipt(
    site: Site, system: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await system.counts()
    await system.faults({"asynchronous": 1})
    async with site.connected(system.url) as connector:
        delivery = asks(*keys(2))
        with monkeypatch.context() as slower:
            slower.setattr(client, "_LEAST_PAUSE", 100.0)  # longer than the delivery lasts
            early = await connector.deliver(delivery)
        assert [cast(DeferredRecord, each).code for each in early.values()] == ["deadline", "deadline"]
        outcomes = await connector.deliver(delivery)
    assert all(isinstance(each, Accepted) for each in outcomes.values())
    after = await system.counts()
    assert after["receipts"] == before["receipts"] + 1
    assert after["rows"] == before["rows"] + 2


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("maintenance", DeferredRecord("system_busy", 0.0)),
        ("hang", DeferredRecord("deadline")),
        ("drop", DeferredRecord("system_unreachable")),
        ("garbage", DeferredRecord("system_unreachable")),
        ("forgotten", DeferredRecord("system_busy")),
    ],
)
async def test_a_fault_defers_and_the_repeat_gets_the_id5(
    site: Site, system: Simulator, fault: str, outcome: Outcome
) -> None:
    delivery = asks(*keys(2), deadline=0.5 if fault == "hang" else 60.0)
    async with site.connected(system.url) as connector:
        assert (await connector.health()).ok  # so that the short deadline is for the answer alone
        await system.faults({fault: 1})
        assert await connector.deliver(delivery) == dict.fromkeys((0, 1), outcome)
        of = {"operation": delivery.operation, "message_id": delivery.message_id}
        assert site.said.lines == [("delivery.deferred", of | {"code": cast(DeferredRecord, outcome).code})]
        await system.faults({})
        patient = replace(delivery, deadline=60.0)
        repeated = await connector.deliver(patient)
        assert await connector.deliver(patient) == repeated
    assert {index for index, each in repeated.items() if isinstance(each, Accepted)} == {0, 1}


@pytest.mark.parametrize(
    ("fault", "outcomes"),
    [
        ("row_busy", [DeferredRecord("system_busy"), None, None]),
        ("unknown", [RefusedRecord("no_such_person", "pmh_key"), None, None]),
        ("swapped", [RefusedRecord("dispute", "pmh_key"), RefusedRecord("dispute", "pmh_key"), None]),
        ("shared", [RefusedRecord("dispute", "id5"), RefusedRecord("dispute", "id5"), None]),
    ],
)
async def test_a_row_has_an_answer_of_its_own_and_what_joins_two_persons_is_a_dispute(
    site: Site, system: Simulator, fault: str, outcomes: list[Outcome | None]
) -> None:
    await system.faults({fault: 1})
    async with site.connected(system.url) as connector:
        told = await connector.deliver(asks(*keys(3)))
    for index, expected in enumerate(outcomes):
        assert told[index] == expected or (expected is None and isinstance(told[index], Accepted))


async def test_a_slow_answer_within_the_deadline_counts(site: Site, system: Simulator) -> None:
    await system.faults({"slow": 1})
    async with site.connected(system.url) as connector:
        assert isinstance((await connector.deliver(asks(*keys(1))))[0], Accepted)


@pytest.mark.parametrize(
    ("status", "body", "headers", "outcome"),
    [
        (429, b"", {"Retry-After": "7"}, DeferredRecord("system_busy", 7.0)),
        (503, b"", {"Retry-After": "9" * 12}, DeferredRecord("system_busy")),
        (400, b"", {}, DeferredRecord("connector_bug")),
        (404, b"", {}, DeferredRecord("connector_bug")),
        (302, b"", {"Location": "/elsewhere"}, DeferredRecord("system_unreachable")),
        (500, b"", {}, DeferredRecord("system_unreachable")),
        (202, b'{"receipt":"../status"}', {}, DeferredRecord("system_unreachable")),
        (202, b"[]", {}, DeferredRecord("system_unreachable")),
        (200, b"x" * 5000, {}, DeferredRecord("system_unreachable")),
    ],
)
async def test_whatever_else_it_says_is_deferred_by_who_acts_next(
    site: Site, status: int, body: bytes, headers: dict[str, str], outcome: Outcome
) -> None:
    async def reply(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    async with site.serving(reply) as url, site.connected(url) as connector:
        assert await connector.deliver(asks(*keys(1))) == {0: outcome}


async def test_health_says_whether_it_serves_us(site: Site, system: Simulator) -> None:
    async with site.connected(system.url) as connector:
        assert (await connector.health()).ok
        await system.faults({"maintenance": 1})
        told = await connector.health()
    assert (told.ok, "system_busy" in told.detail) == (False, True)
