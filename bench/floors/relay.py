"""What both relays have in common: mutual TLS in and out, an answer once recorded, delivery afterwards."""

import argparse
import asyncio
import itertools
import json
import ssl
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final

import aiohttp
import uvloop
from aiohttp import web

from bench.floors.durable import Durable
from bench.floors.sealing import Envelope, Sealing

_IN_FLIGHT: Final = 16
"""Deliveries at a time, as many as the line's starter configuration has."""
KEEP: Final = "INSERT INTO envelope (id, packed) VALUES (?, ?)"


class Relay(ABC):
    """`concluded` counts the messages that nothing is left to do for."""

    def __init__(self, durable: Durable, session: aiohttp.ClientSession, sink: str) -> None:
        self.sealing = Sealing()
        self.durable = durable
        self.concluded = 0
        self._session = session
        self._sink = sink
        self._numbers = itertools.count(1)
        self._free = asyncio.Semaphore(_IN_FLIGHT)
        self._delivering: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def record(self, message_id: bytes, body: bytes) -> Envelope:
        """Until it is on disk."""

    @abstractmethod
    async def deliver(self, envelope: Envelope) -> None:
        """Until nothing is left to do."""

    async def arrive(self, request: web.Request) -> web.Response:
        """`POST /`: 202 once recorded."""
        message_id = next(self._numbers).to_bytes(16, "big")
        envelope = await self.record(message_id, await request.read())
        task = asyncio.create_task(self._in_turn(envelope))
        self._delivering.add(task)
        task.add_done_callback(self._delivering.discard)
        return web.json_response({"message_id": message_id.hex()}, status=202)

    async def tell(self, _request: web.Request) -> web.Response:
        """`GET /concluded`: how many."""
        return web.json_response(self.concluded)

    async def hand_over(self, message_id: bytes, body: bytes) -> None:
        """As the record system takes one row; `body` is an array of one record. Raises ClientError."""
        row = b'{"message_id":"%s","rows":[{"index":0,"operation":"register","record":%s}]}'
        data = row % (message_id.hex().encode(), body.strip()[1:-1])
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self._sink, data=data, headers=headers) as response:
            await response.read()
            response.raise_for_status()

    async def _in_turn(self, envelope: Envelope) -> None:
        async with self._free:
            await self.deliver(envelope)
        self.concluded += 1

    @classmethod
    def main(cls) -> None:
        """Serve until killed; the first line of standard output names the port."""
        parser = argparse.ArgumentParser()
        parser.add_argument("--tls", type=Path, required=True, help="folder with ca, gateway, vaccination_records")
        parser.add_argument("--database", type=Path, required=True)
        parser.add_argument("--sink", required=True, help="URL")
        uvloop.run(cls._serve(parser.parse_args()))

    @classmethod
    async def _serve(cls, options: argparse.Namespace) -> None:
        connector = aiohttp.TCPConnector(ssl=_towards(options.tls), limit=_IN_FLIGHT)
        async with aiohttp.ClientSession(connector=connector) as session:
            relay = cls(Durable(options.database), session, options.sink)
            application = web.Application()
            application.router.add_post("/", relay.arrive)
            application.router.add_get("/concluded", relay.tell)
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=_from(options.tls))
            await site.start()
            sys.stdout.write(json.dumps({"port": runner.addresses[0][1]}) + "\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


def _from(tls: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(tls / "gateway.crt", tls / "gateway.key")
    context.load_verify_locations(tls / "ca.crt")
    return context


def _towards(tls: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls / "ca.crt"))
    context.load_cert_chain(tls / "vaccination_records.crt", tls / "vaccination_records.key")
    return context
