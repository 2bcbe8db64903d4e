"""The connector between a record system that wants keys and a line that answers, late or never, or lies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from gateway.plugin import (
    Accepted,
    Answer,
    Context,
    Deferred,
    DeferredRecord,
    Delivery,
    JsonValue,
    Outbox,
    Refused,
    RefusedRecord,
)
from gateway_vaccination_records.connector import VaccinationRecords
from gateway_vaccination_records.interface.key import IssuedKey
from gateway_vaccination_records.interface.subject import RegisteredSubject
from gateway_vaccination_records.pauses import Pauses
from tests.plugins.vaccination_records.running import SIMULATOR, Client, Running, Site
from tests.plugins.vaccination_records.subjects import CITY, individual_number, message_id, register, subject
from tests.plugins.vaccination_records.test_connector import Said, connected, lying

Start = Callable[..., Awaitable[Running]]
pytestmark = pytest.mark.usefixtures("steady")


def issued(serial: int) -> dict[str, JsonValue]:
    return {"pmh_key": f"PMHKEY{serial:06d}", "individual_number": individual_number(serial)}


class Line:
    """An outbox as the line's: the same key is the same question, and has the same answers once there are some.

    `late`: so many questions are given up awaiting at first. `other` answers for a number instead of its key.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.late = 0
        self.refuses: str | None = None
        self.other: dict[str, Any] = {}
        self.questions: dict[bytes, Sequence[JsonValue]] = {}

    async def ask(
        self, operation: str, records: Sequence[JsonValue], *, key: bytes | None = None, patience: float = 10.0
    ) -> tuple[Answer, ...]:
        assert (operation, key is not None) == ("pmh_key.issue", True)
        if self.refuses is not None:
            raise Refused(self.refuses)
        assert key is not None
        if self.questions.setdefault(key, records) is records:
            self.asked += [cast(dict[str, str], each)["individual_number"] for each in records]
        assert self.questions[key] == records, "request_key_reused"
        if self.late > 0:
            self.late -= 1
            raise Deferred("deadline")
        return tuple(self._answer(index, cast(dict[str, str], each)) for index, each in enumerate(records))

    def _answer(self, index: int, record: Mapping[str, str]) -> Answer:
        assert set(record) == {"individual_number"}
        other = self.other.get(record["individual_number"])
        if isinstance(other, str):
            return Answer(index, code=other)
        return Answer(index, record=other or issued(int(record["individual_number"][4:11])))


@asynccontextmanager
async def asking(site: Site, url: str, line: Line, **changes: Any) -> AsyncIterator[tuple[VaccinationRecords, Said]]:
    said = Said()
    async with connected(site, url, **({"ask_keys": True} | changes)) as connector:
        context = connector._context
        await connector.open(
            Context(CITY, connector._settings, cast(Outbox, line), context.session, said, lambda: datetime.now(UTC))
        )
        yield connector, said


async def registered(client: Client, *serials: int) -> None:
    status, _ = await client.store(message_id(min(serials)), *(register(n, subject(n)) for n in serials))
    assert status == 200


async def counts(client: Client) -> tuple[int, int, int]:
    status, told = await client.get("/v1/keys")
    assert status == 200
    return told["issued"], told["wanted"], told["disputed"]


def late_reply(*serials: int) -> Delivery:
    records = tuple((index, IssuedKey.model_validate(issued(serial))) for index, serial in enumerate(serials))
    return Delivery(message_id(77), "pmh_key.issue", records, 60, reply_to=message_id(76))


async def test_every_number_gets_its_key_in_batches_and_is_asked_for_once(
    site: Site, service: Running, city: Client
) -> None:
    line = Line()
    await registered(city, *range(1, 8))
    async with asking(site, service.url, line, rows_per_request=3) as (connector, _):
        await connector.poll()
        await connector.poll()
    assert line.asked == [individual_number(serial) for serial in range(1, 8)]
    assert [len(each) for each in line.questions.values()] == [3, 3, 1]
    assert await counts(city) == (7, 0, 0)


async def test_where_nothing_is_due_failures_of_long_ago_make_no_pause_longer(site: Site, service: Running) -> None:
    async with asking(site, service.url, Line(), send=["notice"]) as (connector, _):
        pauses = [connector._keys.pauses, *(each.pauses for each in connector._sendings)]
        for each in pauses:
            each.pause = 32.0
        async with asyncio.timeout(60):
            while any(each.failing for each in pauses):
                await connector.poll()
                await asyncio.sleep(0.01)


class Slow(Line):
    """It answers as many questions as `may` is released for; `waiting` is how many wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.may = asyncio.Semaphore(0)

    async def ask(self, operation: str, records: Sequence[JsonValue], **named: Any) -> tuple[Answer, ...]:
        self.waiting += 1
        await self.may.acquire()
        self.waiting -= 1
        return await super().ask(operation, records, **named)

    def answer(self, questions: int) -> None:
        for _ in range(questions):
            self.may.release()

    async def stays_at(self, waiting: int) -> bool:
        while self.waiting != waiting:  # noqa: ASYNC110  (it goes up and down)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        return self.waiting == waiting


async def test_two_batches_are_under_way_once_one_was_answered_and_after_a_failure_one_alone(
    site: Site, service: Running, city: Client
) -> None:
    line = Slow()
    await registered(city, *range(1, 8))
    async with asking(site, service.url, line, rows_per_request=1) as (connector, _), asyncio.timeout(60):
        polling = asyncio.create_task(connector.poll())
        assert await line.stays_at(1), "whether keys are to be had is not known yet"
        line.answer(1)
        assert await line.stays_at(2)
        line.late = 2
        line.answer(2)
        await polling
        await connector.settled(message_id(5), {})
        polling = asyncio.create_task(connector.poll())
        assert await line.stays_at(1), "after a failure"
        line.answer(7)
        await polling
    assert sorted(line.asked) == sorted(individual_number(serial) for serial in range(1, 8))
    assert await counts(city) == (7, 0, 0)


async def test_what_was_just_handed_over_is_asked_for_at_once(site: Site, service: Running, city: Client) -> None:
    line = Line()
    async with asking(site, service.url, line) as (connector, _):
        await connector.poll()
        await registered(city, 1)
        await connector.poll()
        assert line.asked == [], "none was wanted a moment ago"
        record = RegisteredSubject.model_validate(subject(2))
        delivery = Delivery(message_id(5), "subject.register", ((0, record),), 60)
        assert await connector.deliver(delivery) == {0: Accepted()}
        await connector.poll()
    assert line.asked == [individual_number(1), individual_number(2)]


async def test_who_may_not_ask_does_not(site: Site, service: Running, city: Client) -> None:
    line = Line()
    await registered(city, 1)
    async with asking(site, service.url, line, ask_keys=False) as (connector, _):
        await connector.poll()
        assert (await connector.health()).ok
    assert line.asked == []
    assert await counts(city) == (0, 1, 0)


async def test_a_key_leaves_the_record_system_in_no_answer(site: Site, service: Running, city: Client) -> None:
    await registered(city, 1)
    async with asking(site, service.url, Line()) as (connector, _):
        await connector.poll()
    told = [await city.lookup((subject(1)["internal_no"], CITY)), await city.get("/v1/keys")]
    told += [await city.get("/v1/areas/self"), await city.get("/v1/health")]
    assert await counts(city) == (1, 0, 0)
    assert "PMHKEY" not in str(told)


async def test_a_question_that_was_given_up_awaiting_is_found_again_and_not_asked_twice(
    site: Site, service: Running, city: Client
) -> None:
    line = Line()
    line.late = 1
    await registered(city, 1, 2)
    async with asking(site, service.url, line) as (connector, said):
        await connector.poll()
        await connector.poll()
        assert await counts(city) == (0, 2, 0), "it pauses"
        await connector.settled(message_id(5), {})
        await registered(city, 3)
        await connector.poll()
    assert ("keys.awaited", {"operation": "pmh_key.issue", "code": "deadline"}) in said.lines
    assert line.asked == [individual_number(serial) for serial in (1, 2, 3)]
    assert await counts(city) == (3, 0, 0)


async def test_a_late_reply_is_kept_though_nobody_awaits_it(site: Site, service: Running, city: Client) -> None:
    line = Line()
    line.late = 1
    await registered(city, 1, 2)
    async with asking(site, service.url, line, rows_per_request=2) as (connector, _):
        await connector.poll()
        assert await connector.deliver(late_reply(1)) == {0: Accepted()}
        assert await counts(city) == (1, 2, 0)
        assert await connector.deliver(late_reply(1)) == {0: Accepted()}, "at least once"
        assert await connector.deliver(late_reply(9)) == {0: RefusedRecord("dispute", "individual_number")}
        await connector.settled(message_id(5), {})
        await connector.poll()
    assert await counts(city) == (2, 0, 1)
    assert line.asked == [individual_number(1), individual_number(2)]


async def test_a_kill_of_the_record_system_between_question_and_answer_asks_nothing_twice(
    site: Site, start: Start
) -> None:
    line = Line()
    before = await start()
    async with site.session(site.city) as session:
        await registered(Client(session, before.url), 1, 2)
        answer = line.ask

        async def and_kill(*given: Any, **named: Any) -> tuple[Answer, ...]:
            await before.kill()
            return await answer(*given, **named)

        line.ask = and_kill  # type: ignore[method-assign]
        async with asking(site, before.url, line) as (connector, said):
            await connector.poll()
        assert said.lines == [("keys.awaited", {"operation": "pmh_key.issue", "code": "system_unreachable"})]
        line.ask = answer  # type: ignore[method-assign]
        after = await start()
        async with asking(site, after.url, line) as (connector, _):
            await connector.poll()
        assert await counts(Client(session, after.url)) == (2, 0, 0)
    assert line.asked == [individual_number(1), individual_number(2)]


async def test_rule_1_a_dispute_is_alarmed_on_both_sides_without_a_value_and_its_key_is_not_kept(
    site: Site, service: Running, city: Client
) -> None:
    line = Line()
    line.other = {individual_number(1): "dispute", individual_number(2): issued(5)}
    await registered(city, 1, 2, 3)
    async with asking(site, service.url, line) as (connector, said):
        await connector.poll()
        health = await connector.health()
    assert await counts(city) == (1, 0, 2)
    assert ("keys.dispute", {"code": "dispute", "count": 2}) in said.lines
    assert (health.ok, health.detail.rpartition("; ")[2]) == (
        True,
        "disputes that wait for people: 2",
    )
    _, output = await service.end()
    assert b'"event": "dispute"' in output
    assert not [word for word in ("PMHKEY", *line.asked) if word.encode() in output]


@pytest.mark.parametrize("code", ["gave_up", "refused_by_system", "expired"])
async def test_what_got_no_key_stays_wanted_and_is_not_asked_again_at_once(
    site: Site, service: Running, city: Client, code: str
) -> None:
    line = Line()
    line.other = {individual_number(1): code}
    await registered(city, 1, 2)
    async with asking(site, service.url, line) as (connector, _):
        await connector.poll()
        await connector.poll()
    assert line.asked == [individual_number(1), individual_number(2)]
    assert await counts(city) == (1, 1, 0)


async def test_a_question_that_is_refused_whole_is_a_new_one_later(site: Site, service: Running, city: Client) -> None:
    line = Line()
    line.refuses = "no_route"
    await registered(city, 1, 2)
    async with asking(site, service.url, line, rows_per_request=1) as (connector, said):
        await connector.poll()
        line.refuses = None
        await connector.settled(message_id(5), {})
        await connector.poll()
    assert said.lines == [("keys.awaited", {"operation": "pmh_key.issue", "code": "no_route"})], (
        "it pauses after the first refusal"
    )
    assert line.asked == [individual_number(2)], "the refused one has its own pause"
    assert await counts(city) == (1, 1, 0)


async def test_over_a_bad_network_every_number_has_its_key_in_the_end_and_none_was_asked_twice(
    site: Site, start: Start
) -> None:
    rates = "503:0.2,drop_before:0.2,drop_after:0.3,garbage:0.2"
    simulator = await start(SIMULATOR, "--faults", rates, "--seed", "3")
    line = Line()
    async with site.session(site.city) as session, asking(site, simulator.url, line, rows_per_request=5) as (it, _):
        client = Client(session, simulator.url)
        for serial in range(1, 41):
            delivery = register(0, subject(serial))
            for _ in range(50):
                with suppress(aiohttp.ClientError, ValueError):
                    if (await client.store(message_id(serial), delivery))[0] == 200:
                        break
        for _ in range(400):
            await it.settled(message_id(5), {})
            await it.poll()
            if await counts(client) == (40, 0, 0):
                break
        assert await counts(client) == (40, 0, 0)
    assert sorted(line.asked) == sorted(individual_number(serial) for serial in range(1, 41))


GOOD = {"batch": "ab" * 16, "rows": [{"index": 0, "individual_number": individual_number(1)}]}
LIES: dict[str, Any] = {
    "no rows of a batch": GOOD | {"rows": []},
    "rows of no batch": {"rows": GOOD["rows"]},
    "another index": GOOD | {"rows": [{"index": 1, "individual_number": individual_number(1)}]},
    "a surplus key": GOOD | {"name": "架空"},
    "no number": GOOD | {"rows": [{"index": 0}]},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_a_batch_that_is_none_is_not_asked(site: Site, lie: Any) -> None:
    line = Line()

    async def reply(_: web.Request) -> web.Response:
        return web.json_response(lie)

    async with lying(site, reply) as url, asking(site, url, line) as (connector, said):
        await connector.poll()
    assert line.asked == []
    assert said.lines == [("keys.awaited", {"operation": "pmh_key.issue", "code": "system_unreachable"})]


async def test_a_late_reply_is_handed_over_again_until_the_record_system_has_it(site: Site) -> None:
    async def reply(_: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "7"})

    async with lying(site, reply) as url, asking(site, url, Line()) as (connector, _):
        assert await connector.deliver(late_reply(1)) == {0: DeferredRecord("system_busy", 7.0)}


async def test_pauses_grow_to_a_minute() -> None:
    waits: list[float] = []
    pauses = Pauses()
    for _ in range(9):
        pauses.failed(None)
        waits.append(pauses.pause)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
