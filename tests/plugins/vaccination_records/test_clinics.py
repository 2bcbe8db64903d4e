"""Clinics at the connector: the record system's own lock is opened by PMH's word alone (rule 4, C206, R12)."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from gateway.plugin import Accepted, Answer, Deferred, DeferredRecord, Outcome, Refused, RefusedRecord
from gateway_vaccination_records.interface.clinic import Visit
from tests.plugins.passing import let_pass
from tests.plugins.vaccination_records.outbox import Line, at_work, delivery, late
from tests.plugins.vaccination_records.running import Client, Running, Site
from tests.plugins.vaccination_records.subjects import message_id
from tests.plugins.vaccination_records.test_connector import lying
from tests.plugins.vaccination_records.test_visit_service import (
    asked,
    confirmation,
    examination,
    set_up,
    vaccination,
)
from tests.plugins.vaccination_records.village import OTHER_CLINIC

NOBODY = RefusedRecord("no_such_person")
pytestmark = pytest.mark.usefixtures("steady")


def awaited(*heard: Any) -> bool:
    """Every visit of one record each is to come again later."""
    return all(
        isinstance(each[0], DeferredRecord) and len(each) == 1 and each[0].code == "confirmation_awaited"
        for each in heard
    )


def pmh(*known: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
    by_name = {each["identity_confirmation"]: each for each in known}
    return lambda wanted: by_name.get(wanted["identity_confirmation"], "no_such_person")


def reply(outcome: Outcome) -> dict[str, Any]:
    assert isinstance(outcome, Accepted)
    return dict(cast(dict[str, Any], outcome.reply))


async def test_a_visit_is_answered_once_pmh_has_confirmed_it_and_asked_about_once(
    site: Site, service: Running, city: Client
) -> None:
    (number,) = await set_up(city, 1)
    line = Line(pmh(confirmation(number, "CONFIRMED-1")))
    who = asked(number, "CONFIRMED-1")
    async with at_work(site, service.url, line) as (connector, _):
        visit = reply((await connector.deliver(delivery("visit.query", who)))[0])
        assert Visit.model_validate(visit).vaccination_subject_no == number
        examined = await connector.deliver(delivery("examination.enter", {**examination(1), **who}, serial=2))
        assert reply(examined[0]) == {"vaccination_subject_no": number, "answer_status": "2"}
        entering = delivery("vaccination.enter", {**vaccination(1), **who}, serial=3)
        entered = await connector.deliver(entering)
        assert await connector.deliver(entering) == entered, "once"
        again = await connector.deliver(delivery("vaccination.enter", {**vaccination(1), **who}, serial=4))
        assert again == {0: RefusedRecord("dose_exists")}
        assert len(reply((await connector.deliver(delivery("visit.query", who)))[0])["records"]) == 1
    assert line.questions == [("confirmation.fetch", [{"identity_confirmation": "CONFIRMED-1"}])]


async def test_rule_4_what_pmh_does_not_confirm_is_nobody_and_looks_alike(
    site: Site, service: Running, city: Client
) -> None:
    first, second = await set_up(city, 1, 2)
    line = Line(
        pmh(
            confirmation(first, "OF-ANOTHER-CLINIC", clinic_code=OTHER_CLINIC),
            confirmation(second, "OF-ANOTHER-PERSON"),
            confirmation(first, "WITHOUT-CONSENT", consent_flag=False),
            confirmation(first, "TOO-LATE", valid_until="2020-04-01T18:00:00+09:00"),
        )
    )
    names = ["TOO-LATE", "OF-ANOTHER-CLINIC", "OF-ANOTHER-PERSON", "WITHOUT-CONSENT", "UNKNOWN-TO-PMH"]
    async with at_work(site, service.url, line) as (connector, _):
        for operation, fields in (("visit.query", {}), ("vaccination.enter", vaccination(1))):
            rows = [{**fields, **asked(first, name)} for name in names]
            heard = await connector.deliver(delivery(operation, *rows, serial=len(operation)))
            assert heard == dict.fromkeys(range(5), NOBODY)
    assert [len(records) for _, records in line.questions] == [5, 1], (
        "all at once; what PMH does not know is asked again"
    )


@pytest.mark.parametrize(
    "trouble", [Deferred("deadline"), Refused("no_route"), "gave_up", "expired", "refused_by_system"]
)
async def test_while_pmh_does_not_answer_nobody_is_said_to_be_nobody(
    site: Site, service: Running, city: Client, trouble: Any
) -> None:
    (number,) = await set_up(city, 1)
    line, who = Line(lambda _: trouble), asked(number, "CONFIRMED-1")
    async with at_work(site, service.url, line) as (connector, said):
        assert awaited(await connector.deliver(delivery("visit.query", who)))
        late_one = late("confirmation.fetch", confirmation(number, "CONFIRMED-1"))
        assert await connector.deliver(late_one) == {0: Accepted()}
        assert reply((await connector.deliver(delivery("visit.query", who)))[0])["vaccination_subject_no"] == number
    assert len(line.questions) == 1, "the late answer was kept"
    assert number not in str(said.lines)
    assert "CONFIRMED" not in str(said.lines)


async def test_a_dispute_about_a_confirmation_is_nobody(site: Site, service: Running, city: Client) -> None:
    (number,) = await set_up(city, 1)
    async with at_work(site, service.url, Line(lambda _: "dispute")) as (connector, _):
        assert await connector.deliver(delivery("visit.query", asked(number, "CONFIRMED-1"))) == {0: NOBODY}


class Slow(Line):
    """It answers when it may; `waiting` is how many questions wait."""

    def __init__(self, answer: Callable[[dict[str, Any]], Any]) -> None:
        super().__init__(answer)
        self.waiting = 0
        self.may = asyncio.Event()

    async def ask(self, operation: str, records: Any, **named: Any) -> tuple[Answer, ...]:
        self.waiting += 1
        await self.may.wait()
        return await super().ask(operation, records, **named)


async def test_what_clinics_want_while_questions_are_under_way_goes_together_in_the_next(
    site: Site, service: Running, city: Client
) -> None:
    (number,) = await set_up(city, 1)
    names = [f"CONFIRMED-{n}" for n in range(12)]
    line = Slow(pmh(*(confirmation(number, name) for name in names)))
    async with at_work(site, service.url, line) as (connector, _), asyncio.timeout(60):
        visits = [
            asyncio.create_task(connector.deliver(delivery("visit.query", asked(number, name), serial=n)))
            for n, name in enumerate(names)
        ]
        while line.waiting < 4 or len(connector._visits._wanted) < 8:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        line.may.set()
        for visit in visits:
            assert reply((await visit)[0])["vaccination_subject_no"] == number
        assert not connector._visits._wanted
    assert sorted(len(records) for _, records in line.questions) == [1, 1, 1, 1, 8]


async def test_a_question_that_outlasts_the_delivery_defers_it_in_time_and_leaves_nothing(
    site: Site, service: Running, city: Client
) -> None:
    (number,) = await set_up(city, 1)
    line = Slow(pmh())
    async with at_work(site, service.url, line) as (connector, _):
        visits = [
            asyncio.create_task(
                connector.deliver(delivery("visit.query", asked(number, f"C-{n}"), serial=n, deadline=600))
            )
            for n in range(6)
        ]
        async with asyncio.timeout(60):
            while line.waiting < 4 or len(connector._visits._wanted) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        let_pass(400)  # the question has no more time, the delivery has
        async with asyncio.timeout(100):
            assert awaited(*[await visit for visit in visits])
        assert not connector._visits._wanted


class Silent(Line):
    """Nobody answers, until it is told to; `asked` holds what was asked, by its key."""

    def __init__(self, answer: Callable[[dict[str, Any]], Any]) -> None:
        super().__init__(answer)
        self.silent = True
        self.asked: list[tuple[bytes | None, list[dict[str, Any]]]] = []

    async def ask(
        self, operation: str, records: Any, *, key: bytes | None = None, patience: float = 10.0
    ) -> tuple[Answer, ...]:
        self.asked.append((key, list(records)))
        if self.silent:
            await asyncio.sleep(patience)
            raise Deferred("deadline")
        return await super().ask(operation, records)


async def test_a_pmh_that_does_not_answer_is_waited_for_by_one_visit_at_a_time(
    site: Site, service: Running, city: Client, steady: SimpleNamespace
) -> None:
    (number,) = await set_up(city, 1)
    line = Silent(pmh(confirmation(number, "C-0")))
    async with at_work(site, service.url, line, confirmation_patience=0.2) as (connector, _), asyncio.timeout(60):

        async def visits(*serials: int) -> list[Any]:
            rows = [delivery("visit.query", asked(number, f"C-{n}"), serial=n) for n in serials]
            return await asyncio.gather(*map(connector.deliver, rows))

        assert awaited(*await visits(*range(16)))
        assert len(line.asked) <= 5, "who waited for the others' questions asks none"
        begun = len(line.asked)
        heard = await visits(*range(20, 36))
        assert awaited(*heard)
        assert {each[0].retry_after for each in heard} == {1.0}
        assert len(line.asked) == begun, "in the pause nobody asks"
        steady.now += 1.0
        assert awaited(*await visits(*range(40, 56)))
        assert len(line.asked) == begun + 1, "then one does"
        assert connector._visits.pauses.pause == 2.0
        line.silent = False
        await connector.settled(message_id(9), {})
        assert reply((await visits(0))[0][0])["vaccination_subject_no"] == number
        assert await visits(60, 61) == [{0: NOBODY}] * 2


async def test_a_question_that_is_unanswered_stays_one_message_and_afterwards_is_another(
    site: Site, service: Running, city: Client
) -> None:
    (number,) = await set_up(city, 1)
    line = Silent(pmh())
    who = delivery("visit.query", asked(number, "C-1"), asked(number, "C-2"))
    async with at_work(site, service.url, line, confirmation_patience=0.05) as (connector, _), asyncio.timeout(60):
        for _ in range(3):
            await connector.deliver(who)
            connector._visits.pauses.wake()
        only = delivery("visit.query", asked(number, "C-2"), serial=2)
        await connector.deliver(only)
        assert line.asked == [line.asked[0]] * 4, "the same key has the same records, whoever wants which of them"
        line.silent = False
        connector._visits.pauses.wake()
        assert await connector.deliver(only) == {0: NOBODY}
        await connector.deliver(only)
    assert len({key for key, _ in line.asked}) == 2
    assert line.asked[-1][1] == [{"identity_confirmation": "C-2"}]


async def test_a_late_answer_ends_the_pause(site: Site, service: Running, city: Client) -> None:
    (number,) = await set_up(city, 1)
    line = Silent(pmh())
    async with at_work(site, service.url, line, confirmation_patience=0.05) as (connector, _):
        assert awaited(await connector.deliver(delivery("visit.query", asked(number, "C-1"))))
        line.silent = False
        assert awaited(await connector.deliver(delivery("visit.query", asked(number, "C-2"), serial=2)))
        await connector.deliver(late("confirmation.fetch", confirmation(number, "C-1")))
        assert await connector.deliver(delivery("visit.query", asked(number, "C-2"), serial=2)) == {0: NOBODY}


async def test_a_record_system_that_wants_the_confirmation_for_ever_is_not_asked_for_ever(site: Site) -> None:
    paths = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        index = (await request.json())["rows"][0]["index"]
        said = {"status": "accepted"} if request.path == "/v1/confirmations" else {"code": "confirmation_wanted"}
        return web.json_response({"rows": [{"index": index, **said}]})

    line = Line(pmh(confirmation("VNOBODY", "CONFIRMED-1")))
    async with lying(site, answer) as url, at_work(site, url, line) as (connector, _):
        assert await connector.deliver(delivery("visit.query", asked("VNOBODY", "CONFIRMED-1"))) == {
            0: DeferredRecord("confirmation_awaited")
        }
    assert paths == ["/v1/visits/queries", "/v1/confirmations", "/v1/visits/queries"]


async def test_after_a_kill_between_confirmation_and_second_question_nothing_is_doubled(
    site: Site, start: Callable[..., Awaitable[Running]]
) -> None:
    before = await start()
    async with site.session(site.city) as session:
        (number,) = await set_up(Client(session, before.url), 1)
        who = {**vaccination(1), **asked(number, "CONFIRMED-1")}
        entering = delivery("vaccination.enter", who)
        line = Slow(pmh(confirmation(number, "CONFIRMED-1")))
        async with at_work(site, before.url, line) as (connector, _):
            entered = asyncio.create_task(connector.deliver(entering))
            while not line.waiting:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await before.kill()
            line.may.set()
            assert awaited(await entered)
        after = await start()
        async with at_work(site, after.url, line) as (connector, _):
            first = await connector.deliver(entering)
            assert reply(first[0])["vaccination_subject_no"] == number
            assert await connector.deliver(entering) == first
