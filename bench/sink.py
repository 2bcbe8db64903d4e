"""The record system's place: a process that takes rows by mutual TLS, accepts them at once and keeps nothing.

It says on its standard output when which person came, so that whoever sent can tell how long it took: one line each,
`internal_no seconds`, in the clock that all processes of a machine share (CLOCK_MONOTONIC).
"""

import argparse
import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import jiter
import uvloop
from aiohttp import web
from pydantic_core import to_json

from bench.machine import module
from gateway_demo_city.stage import Failed

HEALTH: Final = {"status": "ok", "disputes": 0, "refused": 0, "notices_asleep": 0}
"""What the record system says of itself when nothing waits for people."""


@dataclass(slots=True)
class Sink:
    """The process as the sender sees it."""

    port: int
    _awaited: "dict[str, asyncio.Future[float]]" = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def running(cls, tls: Path) -> AsyncIterator[Self]:
        """Started, with the certificates in `tls`; killed at the end. Raises Failed."""
        child = await asyncio.create_subprocess_exec(*module("bench.sink", str(tls)), stdout=asyncio.subprocess.PIPE)
        assert child.stdout is not None
        try:
            if not (first := await child.stdout.readline()):
                raise Failed("the sink did not start")
            sink = cls(int(first))
            hearing = asyncio.create_task(sink._hear(child.stdout))
            yield sink
            hearing.cancel()
        finally:
            child.kill()
            await child.wait()

    def awaits(self, person: str) -> "asyncio.Future[float]":
        """When this person's record comes."""
        return self._awaited.setdefault(person, asyncio.get_running_loop().create_future())

    async def _hear(self, lines: asyncio.StreamReader) -> None:
        async for line in lines:
            person, at = line.decode().split()
            awaited = self._awaited.pop(person, None)
            if awaited is not None and not awaited.done():
                awaited.set_result(float(at))


async def _take(request: web.Request) -> web.Response:
    """`POST /v1/subjects`."""
    rows = jiter.from_json(await request.read())["rows"]
    now = time.perf_counter()
    os.write(1, b"".join(b"%s %.6f\n" % (row["record"]["internal_no"].encode(), now) for row in rows))
    answer = {"rows": [{"index": row["index"], "status": "accepted"} for row in rows]}
    return web.Response(body=to_json(answer), content_type="application/json")


async def _health(_request: web.Request) -> web.Response:
    return web.json_response(HEALTH)


async def _serve(tls: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(tls / "vaccination_records_system.crt", tls / "vaccination_records_system.key")
    context.load_verify_locations(tls / "ca.crt")
    application = web.Application()
    application.router.add_post("/v1/subjects", _take)
    application.router.add_get("/v1/health", _health)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    os.write(1, b"%d\n" % runner.addresses[0][1])
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("tls", type=Path)
    uvloop.run(_serve(parser.parse_args().tls))
