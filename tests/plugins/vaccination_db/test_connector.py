from typing import Any, cast

import pytest
from aiohttp import web

from gateway.plugin import Accepted, DeferredRecord, Delivery, Duplicate, Outcome, RefusedRecord
from tests.plugins.receiving import Simulator
from tests.plugins.vaccination_db.running import Site, brings, changed, dose


async def counted(database: Simulator) -> dict[str, int]:
    status, counts = await database.call("GET", "/v1/doses/count")
    assert status == 200
    return dict(counts)


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


async def test_f59_a_dose_is_registered_corrected_and_deleted_and_a_later_state_wins(
    site: Site, database: Simulator
) -> None:
    before = await counted(database)
    first, other = dose(), dose()
    async with site.connected(database.url) as connector:

        async def told(*states: Any) -> list[Outcome]:
            return list((await connector.deliver(brings(*states))).values())

        assert await told(first, other) == [Accepted(), Accepted()]
        assert await told(first) == [Duplicate()]
        assert await told(changed(first, lot_no="LOT-2")) == [RefusedRecord("version_conflict")]
        later = changed(first, updated_at="2026-04-01T00:31:00Z", lot_no="LOT-2")
        assert await told(later) == [Accepted()], "a minute later, by the instant and not by the text"
        assert await told(first) == [RefusedRecord("superseded")]
        assert grown(before, await counted(database)) == {"doses": 2, "persons": 2}
        assert await told(changed(later, update_seq=2, is_deleted=True)) == [Accepted()]
    assert grown(before, await counted(database)) == {"doses": 1, "deleted": 1, "persons": 1}


async def test_what_goes_out_is_exactly_the_admitted_record(site: Site) -> None:
    seen: list[Any] = []

    async def reply(request: web.Request) -> web.Response:
        seen.append(await request.json())
        return web.Response(status=503)

    sent = dose()
    async with site.serving(reply) as url, site.connected(url) as connector:
        delivery = brings(sent)
        await connector.deliver(delivery)
    record = sent.model_dump(exclude_none=True)
    assert seen == [{"message_id": delivery.message_id, "rows": [{"index": 0, "record": record}]}]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("maintenance", DeferredRecord("system_busy", 0.0)),
        ("hang", DeferredRecord("deadline")),
        ("drop", DeferredRecord("system_unreachable")),
        ("garbage", DeferredRecord("system_unreachable")),
    ],
)
async def test_a_fault_defers_and_the_repeat_is_taken_once(
    site: Site, database: Simulator, fault: str, outcome: Outcome
) -> None:
    before = await counted(database)
    delivery = brings(dose(), dose(), deadline=0.5 if fault == "hang" else 5.0)
    async with site.connected(database.url) as connector:
        await database.faults({fault: 1})
        assert await connector.deliver(delivery) == dict.fromkeys((0, 1), outcome)
        of = {"operation": delivery.operation, "message_id": delivery.message_id}
        assert site.said.lines == [("delivery.deferred", of | {"code": cast(DeferredRecord, outcome).code})]
        for _ in range(2):
            assert await connector.deliver(delivery) == dict.fromkeys((0, 1), Accepted())
    assert grown(before, await counted(database)) == {"doses": 2, "persons": 2}


async def test_only_a_row_that_is_busy_comes_again_and_after_a_failed_portion_the_rest_waits(
    site: Site, database: Simulator
) -> None:
    async with site.connected(database.url, rows_per_request=2) as connector:
        await database.faults({"row_busy": 1})
        delivery = brings(*(dose() for _ in range(5)))
        told = await connector.deliver(delivery)
        assert told == {0: DeferredRecord("system_busy")} | dict.fromkeys(range(1, 5), Accepted())
        only = Delivery(delivery.message_id, delivery.operation, delivery.records[:1], 5.0)
        assert await connector.deliver(only) == {0: Accepted()}

        await database.faults({"garbage": 1})
        outcomes = await connector.deliver(brings(*(dose() for _ in range(3))))
    assert outcomes == dict.fromkeys(range(3), DeferredRecord("system_unreachable"))


async def test_a_slow_answer_within_the_deadline_counts(site: Site, database: Simulator) -> None:
    await database.faults({"slow": 1})
    async with site.connected(database.url) as connector:
        assert await connector.deliver(brings(dose())) == {0: Accepted()}


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (429, {"Retry-After": "7"}, DeferredRecord("system_busy", 7.0)),
        (400, {}, DeferredRecord("connector_bug")),
        (302, {"Location": "/elsewhere"}, DeferredRecord("system_unreachable")),
        (500, {}, DeferredRecord("system_unreachable")),
    ],
)
async def test_whatever_else_it_says_is_deferred_by_who_acts_next(
    site: Site, status: int, headers: dict[str, str], outcome: Outcome
) -> None:
    async def reply(request: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    async with site.serving(reply) as url, site.connected(url) as connector:
        assert await connector.deliver(brings(dose())) == {0: outcome}


async def test_health_says_whether_it_serves_us(site: Site, database: Simulator) -> None:
    async with site.connected(database.url) as connector:
        assert (await connector.health()).ok
        await database.faults({"maintenance": 1})
        told = await connector.health()
    assert (told.ok, "system_busy" in told.detail) == (False, True)
