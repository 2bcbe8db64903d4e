import asyncio
import gzip
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.plugin import (
    Accepted,
    Context,
    DeferredRecord,
    Delivery,
    Duplicate,
    JsonValue,
    Outbox,
    RefusedRecord,
)
from gateway.plugin.contract import ContractField, leaves
from gateway.plugin.interface import describe
from gateway_vaccination_records import renkei_connector
from gateway_vaccination_records.addresses import ADDRESSES, VISITS
from gateway_vaccination_records.connector import VaccinationRecords
from gateway_vaccination_records.interface import INTERFACE
from gateway_vaccination_records.interface.subject import (
    DeletedSubject,
    FoundSubject,
    RegisteredSubject,
    SoughtSubject,
)
from gateway_vaccination_records.record_system import models
from gateway_vaccination_records.settings import Settings
from tests.plugins.passing import let_pass
from tests.plugins.vaccination_records.running import SIMULATOR, Client, Running, Site
from tests.plugins.vaccination_records.subjects import (
    CITY,
    OTHER_CITY,
    deletion,
    individual_number,
    message_id,
    subject,
)

Start = Callable[..., Awaitable[Running]]
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Said:
    """A telemetry logger that keeps what it was told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **known: Any) -> None:
        self.lines.append((event, known))

    warning = info


@asynccontextmanager
async def connected(site: Site, url: str, **changes: Any) -> AsyncIterator[VaccinationRecords]:
    tls = {"certificate": str(site.city.certificate), "key": str(site.city.key), "ca": str(site.authority.ca)}
    patience = {"connect_timeout": 60.0, "answer_timeout": 60.0}  # a machine that stands still is no slow system
    chosen = Settings.model_validate({"base_url": url, "tls": tls, **patience, **changes})
    async with site.session(site.city) as session:
        connector = VaccinationRecords()
        outbox = cast(Outbox, None)
        await connector.open(Context(CITY, chosen, outbox, session, Said(), lambda: datetime.now(UTC)))
        yield connector
        await connector.close()
        await connector.close()


@asynccontextmanager
async def lying(site: Site, reply: Reply) -> AsyncIterator[str]:
    """A server with a good certificate and answers of one's own."""
    identity = site.authority.issue("liar")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(site.authority.ca))
    context.load_cert_chain(identity.certificate, identity.key)
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", reply)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def registers(*records: dict[str, Any], serial: int = 1, deadline: float = 60) -> Delivery:
    payloads = tuple((index, RegisteredSubject.model_validate(record)) for index, record in enumerate(records))
    return Delivery(message_id(serial), "subject.register", payloads, deadline)


def deletes(*records: dict[str, Any], serial: int = 1) -> Delivery:
    payloads = tuple((index, DeletedSubject.model_validate(record)) for index, record in enumerate(records))
    return Delivery(message_id(serial), "subject.delete", payloads, 60)


def lookups(*wanted: tuple[str, str]) -> Delivery:
    payloads = tuple(
        (index, SoughtSubject(internal_no=number, municipality_code=code))
        for index, (number, code) in enumerate(wanted)
    )
    return Delivery(message_id(99), "subject.lookup", payloads, 60)


async def test_register_delete_and_look_up_against_the_real_service(site: Site, service: Running) -> None:
    first, second = subject(1), subject(2)
    async with connected(site, service.url, rows_per_request=2) as connector:
        assert (await connector.health()).ok
        elsewhere = subject(3, municipality_code=OTHER_CITY)
        delivery = registers(first, second, elsewhere)
        outcomes = await connector.deliver(delivery)
        assert outcomes == {0: Accepted(), 1: Accepted(), 2: RefusedRecord("no_such_person")}
        assert await connector.deliver(delivery) == outcomes, "the same message again: the first outcomes"
        older, other = subject(1, seq=0), subject(2, name="架空 別名")
        assert await connector.deliver(registers(first, other, older, serial=2)) == {
            0: Duplicate(),
            1: RefusedRecord("version_conflict"),
            2: RefusedRecord("superseded", "updated_at"),
        }
        assert await connector.deliver(deletes(deletion(2, seq=2), deletion(9), serial=3)) == {
            0: Accepted(),
            1: RefusedRecord("no_such_person"),
        }
        found = await connector.deliver(
            lookups((first["internal_no"], CITY), (second["internal_no"], CITY), (first["internal_no"], OTHER_CITY))
        )
        assert found[1] == found[2] == RefusedRecord("no_such_person")
        reply = cast(Accepted, found[0]).reply
        assert reply is not None
        assert FoundSubject.model_validate(reply).updated_at == first["updated_at"]
        assert "individual_number" not in reply


async def test_a_state_of_the_future_is_refused_and_does_not_freeze_the_person(site: Site, service: Running) -> None:
    async with connected(site, service.url) as connector:
        ahead = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="seconds")
        assert await connector.deliver(registers(subject(1), subject(2, updated_at=ahead))) == {
            0: Accepted(),
            1: RefusedRecord("out_of_range", "updated_at"),
        }
        assert await connector.deliver(registers(subject(1, updated_at=ahead), serial=2)) == {
            0: RefusedRecord("out_of_range", "updated_at")
        }
        assert await connector.deliver(registers(subject(1, seq=2), subject(2), serial=3)) == {
            0: Accepted(),
            1: Accepted(),
        }


async def test_it_is_healthy_only_for_whom_the_system_serves(site: Site, service: Running) -> None:
    async with connected(site, service.url) as connector, site.session(site.stranger) as session:
        outbox = cast(Outbox, None)
        await connector.open(Context(CITY, connector._settings, outbox, session, Said(), datetime.now))
        assert not (await connector.health()).ok
        outcomes = await connector.deliver(registers(subject(1)))
        assert outcomes == {0: DeferredRecord("system_unreachable")}


async def test_a_system_that_is_down_defers_everything(site: Site, service: Running) -> None:
    await service.end()
    async with connected(site, service.url) as connector:
        assert await connector.deliver(registers(subject(1), subject(2))) == dict.fromkeys(
            (0, 1), DeferredRecord("system_unreachable")
        )
        assert not (await connector.health()).ok


async def test_what_was_answered_before_a_failure_counts_and_the_rest_is_deferred(site: Site) -> None:
    asked = 0

    async def reply(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked == 2:
            return web.Response(status=503, headers={"Retry-After": "7"})
        rows = (await request.json())["rows"]
        return web.json_response({"rows": [{"index": row["index"], "status": "accepted"} for row in rows]})

    async with lying(site, reply) as url, connected(site, url, rows_per_request=2) as connector:
        assert await connector.deliver(registers(*map(subject, range(5)))) == {
            0: Accepted(),
            1: Accepted(),
            **dict.fromkeys((2, 3, 4), DeferredRecord("system_busy", 7.0)),
        }
    assert asked == 2


GOOD = {"index": 0, "status": "accepted"}
LIES: dict[str, Any] = {
    "not json": b"{",
    "not an object": [GOOD],
    "no rows": {},
    "too few": {"rows": []},
    "too many": {"rows": [GOOD, {"index": 1, "status": "accepted"}]},
    "twice": {"rows": [GOOD, GOOD]},
    "another index": {"rows": [{"index": 1, "status": "accepted"}]},
    "unknown status": {"rows": [{"index": 0, "status": "perhaps"}]},
    "unknown code": {"rows": [{"index": 0, "status": "refused", "code": "架空"}]},
    "no code": {"rows": [{"index": 0, "status": "refused"}]},
    "unknown path": {"rows": [{"index": 0, "status": "refused", "code": "superseded", "path": "架空"}]},
    "a surplus key": {"rows": [{**GOOD, "架空": 1}]},
    "an index in words": {"rows": [{**GOOD, "index": "0"}]},
}


async def test_a_lying_system_is_believed_nothing(site: Site) -> None:
    lie: Any = None

    async def reply(_: web.Request) -> web.Response:
        return web.Response(body=lie if isinstance(lie, bytes) else json.dumps(lie).encode())

    async with lying(site, reply) as url, connected(site, url) as connector:
        for case, lie in LIES.items():  # noqa: B007 - the server tells it
            assert await connector.deliver(registers(subject(1))) == {0: DeferredRecord("system_unreachable")}, case
        lie = json.dumps({"rows": [GOOD]}).encode() + b" " * 10_000
        assert await connector.deliver(registers(subject(1))) == {0: DeferredRecord("connector_bug")}, "it was reached"
        lie = {"rows": [GOOD]}
        assert await connector.deliver(registers(subject(1))) == {0: Accepted()}


@pytest.mark.parametrize(
    "changes",
    [{"individual_number": individual_number(1)}, {"update_seq": None}, {"updated_at": "x"}],
)
async def test_an_answer_with_other_fields_is_not_used(site: Site, changes: dict[str, Any]) -> None:
    flags = {name: False for name in FoundSubject.model_fields if name.startswith("control_flag")}
    record = {
        "internal_no": "1",
        "vaccination_subject_no": "VBCD",
        "updated_at": "2026-04-01T00:00:00Z",
        "update_seq": 1,
    }
    told = record | flags

    async def reply(_: web.Request) -> web.Response:
        return web.json_response({"rows": [{"index": 0, "record": told}]})

    async with lying(site, reply) as url, connected(site, url) as connector:
        assert await connector.deliver(lookups(("1", CITY))) == {0: Accepted(reply=cast(dict[str, JsonValue], told))}
        told = told | changes
        assert await connector.deliver(lookups(("1", CITY))) == {0: DeferredRecord("connector_bug")}


@pytest.mark.parametrize(
    ("status", "header", "outcome"),
    [
        (503, "7", DeferredRecord("system_busy", 7.0)),
        (429, "0", DeferredRecord("system_busy", 0.0)),
        (503, "99999999", DeferredRecord("system_busy", 3600.0)),
        (503, "Wed, 21 Oct 2026 07:28:00 GMT", DeferredRecord("system_busy")),
        (503, "-1", DeferredRecord("system_busy")),
        (503, "９", DeferredRecord("system_busy")),
        (500, "7", DeferredRecord("system_unreachable")),
        (403, "7", DeferredRecord("system_unreachable")),
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

    async with lying(site, reply) as url, connected(site, url) as connector:
        assert await connector.deliver(registers(subject(1))) == {0: outcome}
    assert paths == ["/v1/subjects"], "personal data follows no redirect and is not sent twice"


async def test_an_answer_comes_as_it_is_and_nothing_is_inflated(site: Site) -> None:
    accepted = []

    async def reply(request: web.Request) -> web.Response:
        accepted.append(request.headers["Accept-Encoding"])
        answer = gzip.compress(json.dumps({"rows": [GOOD]}).encode())
        return web.Response(body=answer, headers={"Content-Encoding": "gzip"})

    async with lying(site, reply) as url, connected(site, url) as connector:
        assert await connector.deliver(registers(subject(1))) == {0: DeferredRecord("system_unreachable")}
    assert accepted == ["identity"]


async def test_a_row_that_is_busy_is_deferred_alone(site: Site) -> None:
    async def reply(_: web.Request) -> web.Response:
        return web.json_response({"rows": [{"index": 1, "status": "busy"}, GOOD]})

    async with lying(site, reply) as url, connected(site, url) as connector:
        outcomes = await connector.deliver(registers(subject(1), subject(2)))
        assert outcomes == {0: Accepted(), 1: DeferredRecord("system_busy")}


async def test_a_slow_system_is_given_up_within_the_deadline(site: Site) -> None:
    asked = asyncio.Event()

    async def reply(_: web.Request) -> web.Response:
        asked.set()
        await asyncio.Event().wait()
        return web.Response()

    async with lying(site, reply) as url, connected(site, url, answer_timeout=300.0) as connector:
        delivered = asyncio.create_task(connector.deliver(registers(subject(1), deadline=300)))
        async with asyncio.timeout(60):
            await asked.wait()
        let_pass(271)  # of the deadline 29 seconds are left, and are not needed
        async with asyncio.timeout(28):
            assert await delivered == {0: DeferredRecord("deadline")}


async def test_faults_lose_nothing_and_double_nothing(site: Site, start: Start) -> None:
    rates = "503:0.15,drop_before:0.15,drop_after:0.15,late:0.2,garbage:0.15,busy:0.1"
    simulator = await start(SIMULATOR, "--faults", rates, "--seed", "7", "--late-seconds", "0.5")
    deferrals: set[str] = set()
    async with (
        connected(site, simulator.url, answer_timeout=0.3, rows_per_request=20) as connector,
        asyncio.timeout(120),
    ):
        for serial in range(10):
            delivery = registers(*(subject(serial * 20 + n) for n in range(20)), serial=serial, deadline=5)
            left = dict(delivery.records)
            while left:
                again = Delivery(delivery.message_id, delivery.operation, tuple(left.items()), 5)
                for index, outcome in (await connector.deliver(again)).items():
                    if isinstance(outcome, DeferredRecord):
                        deferrals.add(outcome.code)
                    else:
                        assert outcome == Accepted(), "never a duplicate: the message is the same"
                        del left[index]
        async with site.session(site.city) as session:
            counts = await Client(session, simulator.url).held()
    assert counts == {"persons": 200, "versions": 200, "deleted": 0}
    assert deferrals == {"system_busy", "system_unreachable", "deadline"}
    status, output = await simulator.end()
    told = json.loads(output.splitlines()[-1])
    assert (status, told["event"]) == (0, "faults")
    assert all(told[name.partition(":")[0]] > 0 for name in rates.split(","))


# ---- what the interface and the service agree on ----------------------------------------------------------------


def test_the_interface_can_be_locked_and_the_hook_gives_it() -> None:
    spec = renkei_connector()
    contract = describe(spec.interface)
    assert spec.interface is INTERFACE
    received = {operation.name for operation in contract.operations if operation.direction == "receives"}
    assert received == {*ADDRESSES, *VISITS}
    requests = {operation.name for operation in contract.operations if operation.kind == "request"}
    assert {name for name, it in {**ADDRESSES, **VISITS}.items() if it.reply} == (requests & received) - {
        "pseudonym.hand_over"  # it is judged like an event, and answered from the question
    }
    lookup = contract.operation("receives", "subject.lookup")
    assert lookup is not None
    assert not {"individual_number", "pmh_key"} & (leaves(lookup.fields) | leaves(lookup.reply))


def test_settings_name_each_kind_that_is_sent_once() -> None:
    tls = {"certificate": "c", "key": "k", "ca": "a"}
    given = {"base_url": "https://host", "tls": tls}
    assert Settings.model_validate(given | {"send": ["notice", "return", "research"]}).send
    for wrong in (["notice", "notice"], ["id5"]):
        with pytest.raises(ValidationError):
            Settings.model_validate(given | {"send": wrong})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "https://user@host", "https://host/?q", "https://host/#f", "https://", "ftp://host"]
)
def test_settings_refuse_what_is_not_a_plain_https_address(url: str) -> None:
    tls = {"certificate": "c", "key": "k", "ca": "a"}
    Settings.model_validate({"base_url": "https://host:8443/base", "tls": tls})
    with pytest.raises(ValidationError):
        Settings.model_validate({"base_url": url, "tls": tls})


_OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_CHECKED: dict[str, st.SearchStrategy[str]] = {
    "date": st.dates().map(str),
    "instant": st.datetimes(timezones=_OFFSETS).map(datetime.isoformat),
    "individual_number": st.integers(0, 9_999_999).map(individual_number),
    "municipality_code": st.sampled_from([CITY, OTHER_CITY]),
}


def _value(field: ContractField) -> st.SearchStrategy[Any]:
    """Any value that the locked interface admits for a field."""
    if field.kind == "flag":
        return st.booleans()
    if field.kind == "integer":
        return st.integers(field.minimum, field.maximum)
    if field.values:
        return st.sampled_from(field.values)
    if field.check:
        return _CHECKED[field.check]
    longest = field.max_length or 1
    if field.pattern:
        fitting = st.from_regex(re.compile(field.pattern, re.ASCII), fullmatch=True)
        return fitting.filter(lambda text: len(text) <= longest)
    return st.text(st.characters(codec="utf-8"), min_size=1, max_size=longest)


@pytest.mark.parametrize(
    ("operation", "declared", "taken"),
    [
        ("subject.register", RegisteredSubject, models.RegisteredSubject),
        ("subject.delete", DeletedSubject, models.DeletedSubject),
    ],
)
def test_the_record_system_takes_whatever_the_interface_admits(operation: str, declared: Any, taken: Any) -> None:
    found = describe(INTERFACE).operation("receives", operation)
    assert found is not None
    required = {field.path: _value(field) for field in found.fields if field.required}
    optional = {field.path: _value(field) for field in found.fields if not field.required}

    @settings(max_examples=40, deadline=None)
    @given(st.fixed_dictionaries(required, optional=optional))
    def agrees(record: dict[str, Any]) -> None:
        try:
            admitted = declared.model_validate(record)
        except ValidationError:
            return  # a control character, or a number in a text: the gateway keeps it away
        taken.model_validate(admitted.model_dump(exclude_none=True))

    agrees()
