"""What the record system has due, through the connector and a line: each state once, whatever dies in between."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web

from gateway.plugin import Accepted, Dead, Deferred, Duplicate, Receipt, Refused, RefusedRecord
from gateway_vaccination_records.connector import VaccinationRecords
from tests.plugins.vaccination_records.outbox import Line, accepted, at_work, delivery, late
from tests.plugins.vaccination_records.running import SIMULATOR, Client, Running, Site
from tests.plugins.vaccination_records.subjects import message_id, subject
from tests.plugins.vaccination_records.test_connector import lying
from tests.plugins.vaccination_records.test_visit_service import asked, confirmation, send, set_up, told, vaccination
from tests.plugins.vaccination_records.village import city_record, notice, pmh_key, pseudonym

Start = Callable[..., Awaitable[Running]]
pytestmark = pytest.mark.usefixtures("steady")
WAITS = {"operation": "notice.deliver"}
FAULTS = "503:0.2,drop_before:0.2,drop_after:0.3,garbage:0.2"


def id5(wanted: dict[str, Any]) -> dict[str, Any]:
    return {"pmh_key": wanted["pmh_key"], "id5": f"ID5-{wanted['pmh_key']}"}


async def once(connector: VaccinationRecords) -> None:
    """Every job once, without a pause."""
    await connector.settled(message_id(1), {})
    jobs = connector._jobs
    assert jobs is not None
    for job in jobs._jobs:
        await job.run()


async def settle(connector: VaccinationRecords, line: Line, *endings: Any) -> None:
    """The last message has ended: so, or all accepted."""
    last = line.receipts[-1].message_id
    await connector.settled(last, dict(enumerate(endings)) if endings else accepted(_records(line, last)))


def _records(line: Line, message: str) -> list[dict[str, Any]]:
    return next(records for n, (_, records) in enumerate(line.sent.values()) if message_id(7000 + n) == message)


async def due(client: Client, what: str) -> tuple[int, int]:
    status, counts = await client.get("/v1/areas/self")
    assert status == 200
    return counts[f"due_{what}"], counts[f"refused_{what}"]


async def entered(connector: VaccinationRecords, city: Client, number: str, serial: int) -> None:
    """A clinic has given a dose."""
    await send(city, "/v1/confirmations", {"rows": [{"index": 0, "record": confirmation(number, f"C-{serial}")}]})
    record = {**vaccination(serial), **asked(number, f"C-{serial}")}
    heard = await connector.deliver(delivery("vaccination.enter", record, serial=800 + serial))
    assert isinstance(heard[0], Accepted)


async def test_notices_go_out_once_in_a_few_messages_at_a_time(site: Site, service: Running, city: Client) -> None:
    await set_up(city, *range(1, 11))
    line = Line()
    async with at_work(site, service.url, line, send=["notice"], rows_per_request=2) as (connector, _):
        await once(connector)
        await once(connector)
        assert len(line.receipts) == 4, "the next goes when one has ended"
        await settle(connector, line, Accepted(), Duplicate())
        await once(connector)
        for receipt in (*line.receipts, line.receipts[-1]):
            await connector.settled(receipt.message_id, accepted(_records(line, receipt.message_id)))
        await once(connector)
    assert [operation for operation, _ in line.sent.values()] == ["notice.deliver"] * 5
    assert [each["pmh_pseudonym_id"] for each in line.heard()] == [pseudonym(serial) for serial in range(1, 11)]
    assert len(line.receipts) == 5
    assert await due(city, "notice") == (0, 0)


async def test_a_dose_of_a_clinic_goes_to_the_city_and_by_id5_to_research(
    site: Site, service: Running, city: Client
) -> None:
    (number,) = await set_up(city, 1)
    line = Line(id5)
    async with at_work(site, service.url, line, send=["return", "research"], ask_id5=True) as (connector, _):
        await entered(connector, city, number, 1)
        for _ in range(3):
            await once(connector)
            if line.receipts:
                for receipt in line.receipts[-2:]:
                    await connector.settled(receipt.message_id, {0: Accepted()})
    assert line.questions == [("id5.fetch", [{"pmh_key": pmh_key(1)}])], "once per key"
    assert sorted(operation for operation, _ in line.sent.values()) == ["record.return", "research.register"]
    returned, research = sorted(line.heard(), key=lambda each: "id5" in each)
    assert (returned["internal_no"], research["id5"]) == (subject(1)["internal_no"], f"ID5-{pmh_key(1)}")
    assert "internal_no" not in research
    assert [await due(city, kind) for kind in ("return", "research", "id5")] == [(0, 0)] * 3


async def test_a_record_that_stays_busy_does_not_hold_up_what_becomes_due_after_it(
    site: Site, service: Running, city: Client
) -> None:
    await set_up(city, 1)
    line = Line()
    async with at_work(site, service.url, line, send=["notice"]) as (connector, _):
        await once(connector)  # and this one does not end
        for seq in range(2, 7):
            fresh = told("notice", notice(1, notice_id=f"NOTICE-{seq}"), message=300 + seq)
            await send(city, "/v1/registrations", fresh)
            await once(connector)
            await settle(connector, line)
        assert len(line.receipts) == len(line.sent) == 6
        assert await due(city, "notice") == (1, 0)
        await connector.settled(line.receipts[0].message_id, {0: Accepted()})
    assert await due(city, "notice") == (0, 0)


@pytest.mark.parametrize("ending", [Dead("gave_up"), Dead("expired"), RefusedRecord("interface_changed")])
async def test_what_the_destination_itself_did_not_refuse_is_due_again(
    site: Site, service: Running, city: Client, ending: Any
) -> None:
    await set_up(city, 1, 2)
    line = Line()
    async with at_work(site, service.url, line, send=["notice"]) as (connector, _):
        await once(connector)
        await settle(connector, line, ending, ending)
        assert await due(city, "notice") == (2, 0)
        await once(connector)
        assert len(line.sent) == 1, "not at once"
        assert (await connector.health()).detail == "the record system answers"


async def test_what_was_refused_waits_for_people_and_is_not_sent_again(
    site: Site, service: Running, city: Client
) -> None:
    await set_up(city, 1, 2)
    line = Line()
    async with at_work(site, service.url, line, send=["notice"]) as (connector, _):
        await once(connector)
        await settle(connector, line, Accepted(), RefusedRecord("refused_by_system"))
        await once(connector)
        assert await due(city, "notice") == (0, 1)
        assert (await connector.health()).detail.endswith("; records that were sent and refused: 1")
        changed = told("notice", notice(2, update_seq=2), message=300)
        await send(city, "/v1/registrations", changed)
        await once(connector)
    assert [each["update_seq"] for each in line.heard()] == [1, 1, 2], "a new state is another matter"


async def test_a_restart_before_the_end_sends_the_same_message_and_hears_its_end(
    site: Site, service: Running, city: Client
) -> None:
    await set_up(city, 1)
    line = Line()
    async with at_work(site, service.url, line, send=["notice"]) as (connector, _):
        await once(connector)
    async with at_work(site, service.url, line, send=["notice"]) as (connector, _):
        await settle(connector, line)  # it does not know yet whose end that is
        assert await due(city, "notice") == (1, 0)
        await once(connector)
        assert line.receipts[-1] == Receipt(line.receipts[0].message_id, repeated=True)
        await settle(connector, line)
    assert await due(city, "notice") == (0, 0)
    assert len(line.heard()) == 1


async def test_an_end_that_cannot_be_told_is_told_again_by_the_line(site: Site, start: Start) -> None:
    before = await start()
    line = Line()
    async with site.session(site.city) as session:
        await set_up(Client(session, before.url), 1)
        async with at_work(site, before.url, line, send=["notice"]) as (connector, _):
            await once(connector)
            await before.kill()
            with pytest.raises(Deferred):
                await settle(connector, line)
        after = await start()
        async with at_work(site, after.url, line, send=["notice"]) as (connector, _):
            await once(connector)
            await settle(connector, line)
        assert await due(Client(session, after.url), "notice") == (0, 0)
    assert len(line.heard()) == 1


async def test_an_end_that_comes_before_the_receipt_is_known(site: Site, service: Running, city: Client) -> None:
    await set_up(city, 1)

    class Hasty(Line):
        async def send(self, operation: str, records: Any, *, key: bytes) -> Receipt:
            receipt = await super().send(operation, records, key=key)
            self.told = asyncio.create_task(connector.settled(receipt.message_id, accepted(records)))
            await asyncio.sleep(0.05)
            return receipt

    line = Hasty()
    async with at_work(site, service.url, line, send=["notice"]) as (connector, _):
        jobs = connector._jobs
        assert jobs is not None
        await jobs.run()
        await line.told
    assert await due(city, "notice") == (0, 0)


async def test_what_the_line_refuses_whole_is_due_again_later_in_another_message(
    site: Site, service: Running, city: Client
) -> None:
    await set_up(city, 1)
    line = Line()
    line.fails = [Refused("no_route")]
    async with at_work(site, service.url, line, send=["notice"]) as (connector, said):
        await connector.poll()
        assert ("notice.awaited", WAITS | {"code": "no_route"}) in said.lines
        await once(connector)
    assert line.sent == {}, "its own pause"
    assert await due(city, "notice") == (1, 0)


async def test_what_the_line_cannot_take_now_keeps_its_key(site: Site, service: Running, city: Client) -> None:
    await set_up(city, 1)
    line = Line()
    line.fails = [Deferred("log_unavailable")]
    async with at_work(site, service.url, line, send=["notice"]) as (connector, said):
        await connector.poll()
        await connector.poll()
        assert (line.sent, said.lines) == ({}, [("notice.awaited", WAITS | {"code": "log_unavailable"})]), "it pauses"
        await once(connector)
        await settle(connector, line)
    assert await due(city, "notice") == (0, 0)


async def test_nothing_goes_out_that_the_settings_do_not_name(site: Site, service: Running, city: Client) -> None:
    (number,) = await set_up(city, 1)
    line = Line(id5)
    async with at_work(site, service.url, line) as (connector, _):
        await entered(connector, city, number, 1)
        await once(connector)
        await connector.poll()
    assert (line.sent, line.questions) == ({}, [])


async def test_an_id5_for_another_key_is_a_dispute_and_none_is_asked_for_again_later(
    site: Site, service: Running, city: Client
) -> None:
    await set_up(city, 1, 2, 3)
    records = [city_record(serial) for serial in (1, 2, 3)]
    await send(city, "/v1/registrations", told("record", *records, message=300))
    told_for = {pmh_key(1): {"pmh_key": pmh_key(9), "id5": "ID5-OF-9"}, pmh_key(2): "no_such_person"}
    line = Line(lambda wanted: told_for.get(wanted["pmh_key"]) or id5(wanted))
    async with at_work(site, service.url, line, ask_id5=True) as (connector, said):
        await once(connector)
        await once(connector)
        health = await connector.health()
    assert ("id5.dispute", {"code": "dispute", "count": 1}) in said.lines
    assert health.detail.endswith("; disputes that wait for people: 1")
    assert await due(city, "id5") == (1, 1), "newly insured, he may have one later"
    assert len(line.questions) == 1
    assert "PMHKEY" not in str(said.lines)


async def test_an_id5_that_comes_late_is_kept(site: Site, service: Running, city: Client) -> None:
    await set_up(city, 1)
    await send(city, "/v1/registrations", told("record", city_record(1), message=300))
    line = Line(lambda _: Deferred("deadline"))
    async with at_work(site, service.url, line, ask_id5=True) as (connector, _):
        await once(connector)
        reply = late("id5.fetch", id5({"pmh_key": pmh_key(1)}))
        assert await connector.deliver(reply) == {0: Accepted()}
        assert await connector.deliver(reply) == {0: Accepted()}, "at least once"
        other = late("id5.fetch", {"pmh_key": pmh_key(1), "id5": "ANOTHER"})
        assert await connector.deliver(other) == {0: RefusedRecord("dispute", "pmh_key")}


async def test_keys_that_take_long_do_not_hold_up_notices(site: Site, service: Running, city: Client) -> None:
    await set_up(city, 1)
    await city.store(message_id(400), {"index": 0, "operation": "register", "record": subject(2)})
    asked = asyncio.Event()

    class Busy(Line):
        async def ask(self, *_: Any, **__: Any) -> Any:
            asked.set()
            await asyncio.Event().wait()

    line = Busy()
    async with at_work(site, service.url, line, ask_keys=True, send=["notice"]) as (connector, _), asyncio.timeout(60):
        while not (line.sent and asked.is_set()):
            await connector.poll()
            await asyncio.sleep(0.01)


BATCH = {"batch": "ab" * 16, "rows": [{"index": 0, "record": {"notice_id": "N"}}]}
LIES: dict[str, Any] = {
    "no rows of a batch": BATCH | {"rows": []},
    "rows of no batch": {"rows": BATCH["rows"]},
    "another index": BATCH | {"rows": [{"index": 1, "record": {}}]},
    "no record": BATCH | {"rows": [{"index": 0, "record": "架空"}]},
    "a surplus key": BATCH | {"name": "架空"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_a_batch_that_is_none_is_not_sent(site: Site, lie: Any) -> None:
    async def reply(_: web.Request) -> web.Response:
        return web.json_response(lie)

    line = Line()
    async with lying(site, reply) as url, at_work(site, url, line, send=["notice"]) as (connector, said):
        await connector.poll()
    assert line.sent == {}
    assert said.lines == [("notice.awaited", WAITS | {"code": "system_unreachable"})]


async def test_what_the_simulator_is_told_is_due_is_given_out_as_it_is_until_it_is_ended(
    site: Site, start: Start
) -> None:
    simulator = await start(SIMULATOR)
    async with site.session(site.city) as session:
        client = Client(session, simulator.url)
        await set_up(client, 1)
        offer = {"kind": "notice", "records": [{"notice_id": None}, "架空"]}
        async with session.post(simulator.url + "/simulator/due", json=offer) as told:
            assert told.status == 204
        wanted: dict[str, Any] = {"kind": "notice", "most": 1, "besides": []}
        _, offered = await client.post("/v1/due", wanted)
        assert offered["rows"] == [{"index": 0, "record": {"notice_id": None}}, {"index": 1, "record": "架空"}]
        assert (await client.post("/v1/due", wanted))[1] == offered
        _, its_own = await client.post("/v1/due", wanted | {"besides": [offered["batch"]]})
        ended = {"kind": "notice", "batch": offered["batch"], "rows": [{"index": 0, "status": "done"}]}
        assert (await client.post("/v1/due/ended", ended))[1] == {"rows": [{"index": 0, "status": "kept"}]}
        assert [await client.post("/v1/due", wanted)] == [(200, its_own)]
        assert its_own["rows"][0]["record"]["pmh_pseudonym_id"] == pseudonym(1)


async def test_over_a_bad_network_every_notice_is_one_record_of_one_message(site: Site, start: Start) -> None:
    real = await start()
    async with site.session(site.city) as session:
        await set_up(Client(session, real.url), *range(1, 10))
        await real.end()
        simulator = await start(SIMULATOR, "--faults", FAULTS, "--seed", "5")
        line, client = Line(), Client(session, simulator.url)
        async with at_work(site, simulator.url, line, send=["notice"], rows_per_request=2) as (connector, _):
            for _ in range(300):
                await once(connector)
                for message in {receipt.message_id for receipt in line.receipts[-4:]}:
                    with suppress(Deferred):
                        await connector.settled(message, accepted(_records(line, message)))
                if await due(client, "notice") == (0, 0):
                    break
            assert await due(client, "notice") == (0, 0)
    assert [each["pmh_pseudonym_id"] for each in line.heard()] == [pseudonym(serial) for serial in range(1, 10)]
