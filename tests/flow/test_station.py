"""A connector at work in its station: whatever it raises is told with whose it is, and tried again."""

import asyncio
import io
import json
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from pydantic import BaseModel

from gateway.errors import Deferred, Misconfigured
from gateway.observe import Telemetry, configure
from gateway.plugin import ConnectorSpec, Health
from gateway.wiring import station
from gateway.wiring.station import Station
from tests.flow.line import HANGS, System
from tests.flow.toys import OFFICE, OFFICE_INTERFACE, TENANT


class Settings(BaseModel):
    """None."""


async def test_what_the_operator_must_change_is_told_once_in_its_own_words_and_is_no_bug(line, monkeypatch):
    tried = 0
    trying = asyncio.Event()

    async def opens(context: object) -> None:
        nonlocal tried
        tried += 1
        if tried == 3:
            trying.set()
        raise Misconfigured(("keys/secret: cannot be read", "env:NAME: is not set"))

    async def opened() -> None: ...

    monkeypatch.setattr(station, "_PAUSE", 0.01)
    monkeypatch.setattr(line.office_system, "open", opens)
    printed = io.StringIO()
    telemetry = Telemetry(configure(printed))
    spec = ConnectorSpec(interface=OFFICE_INTERFACE, settings=Settings, factory=System)
    made = Station(line.office, spec, Settings(), aiohttp.ClientSession(), str.encode, telemetry)
    running = asyncio.create_task(made.run(line.clock, opened))
    await trying.wait()
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await made.close()
    assert made.health == Health(ok=False, detail="keys/secret: cannot be read env:NAME: is not set")
    (told,) = [json.loads(each) for each in printed.getvalue().splitlines()]
    assert {key: told[key] for key in told if key != "timestamp"} == {
        "event": "connector.misconfigured",
        "level": "warning",
        "tenant": TENANT,
        "connector": OFFICE,
        "problems": ["keys/secret: cannot be read", "env:NAME: is not set"],
    }


async def test_a_poll_that_fails_is_told_with_tenant_and_connector(line, monkeypatch):
    failed = asyncio.Event()

    async def opened() -> None: ...

    async def poll() -> None:
        failed.set()
        raise RuntimeError("hidden-3f9a")

    monkeypatch.setattr(station, "_PAUSE", 0.01)
    monkeypatch.setattr(line.office_system, "poll", poll, raising=False)
    printed = io.StringIO()
    spec = ConnectorSpec(interface=OFFICE_INTERFACE, settings=Settings, factory=System, poll_every=0.01)
    made = Station(line.office, spec, Settings(), aiohttp.ClientSession(), str.encode, Telemetry(configure(printed)))
    running = asyncio.create_task(made.run(line.clock, opened))
    await failed.wait()
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await made.close()
    told = json.loads(printed.getvalue().splitlines()[0])
    assert {key: told[key] for key in ("event", "error", "tenant", "connector")} == {
        "event": "bug",
        "error": "RuntimeError",
        "tenant": TENANT,
        "connector": OFFICE,
    }
    assert "hidden-3f9a" not in printed.getvalue()


@pytest.mark.parametrize(
    ("own", "detail", "bugs"),
    [(False, "does not say within 0.01 seconds how it is", 0), (True, "failed with TimeoutError", 1)],
)
async def test_a_connector_that_does_not_say_how_it_is_is_ill_and_no_bug(line, monkeypatch, own, detail, bugs):
    """But it is one if it gives up on something of its own."""
    asked, again = [], asyncio.Event()

    async def opened() -> None: ...

    async def health() -> Health:
        asked.append(made.health)
        if len(asked) > 1:
            again.set()
        elif own:
            raise TimeoutError
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(station, "_PAUSE", 0.01)
    monkeypatch.setattr(station, "_PATIENCE", 0.01)
    monkeypatch.setattr(line.office_system, "health", health)
    printed = io.StringIO()
    spec = ConnectorSpec(interface=OFFICE_INTERFACE, settings=Settings, factory=System)
    made = Station(line.office, spec, Settings(), aiohttp.ClientSession(), str.encode, Telemetry(configure(printed)))
    running = asyncio.create_task(made.run(line.clock, opened))
    async with asyncio.timeout(HANGS):
        await again.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await made.close()
    assert asked[1] == Health(ok=False, detail=detail)
    assert [json.loads(each)["event"] for each in printed.getvalue().splitlines()] == ["bug"] * bugs


async def test_a_poll_that_asks_for_a_senseless_pause_is_polled_again_and_does_not_spin(line, monkeypatch):
    """The longest that it gets is the longest that a delivery waits."""
    senseless: list[Any] = [float("nan"), float("inf"), 1e300, 10**400, "soon", -1, True, 0, 1e-9]
    polled, enough, loop = [], asyncio.Event(), asyncio.get_running_loop()

    async def opened() -> None: ...

    async def poll() -> None:
        polled.append(loop.time())
        if len(polled) > len(senseless):
            enough.set()
        raise Deferred("system_busy", retry_after=senseless[len(polled) % len(senseless)])

    monkeypatch.setattr(station, "_PAUSE", 0.02)
    monkeypatch.setattr(station, "_LEAST_PAUSE", 0.02)
    monkeypatch.setattr(line.office_system, "poll", poll, raising=False)
    spec = ConnectorSpec(interface=OFFICE_INTERFACE, settings=Settings, factory=System, poll_every=0.01)
    made = Station(
        line.office, spec, Settings(), aiohttp.ClientSession(), str.encode, Telemetry(configure(io.StringIO()))
    )
    running = asyncio.create_task(made.run(line.clock, opened))
    async with asyncio.timeout(HANGS):
        await enough.wait()
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await made.close()
    assert min(after - before for before, after in pairwise(polled)) > 0.015
