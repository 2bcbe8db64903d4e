"""The school register for the conformance suite: a stand-in in this process, and what passes between."""

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from gateway.plugin import JsonValue
from gateway.plugin.testing import Place, Subject

_DIGITS = 15
"""Of a child's number, of which the first may be 0."""


class Register:
    """It stores a row of a message once, unless it has a later one of that child. It offers one batch of leavers until
    it is told that it has ended.
    """

    def __init__(self) -> None:
        self.stored: set[tuple[str, int]] = set()
        self.latest: dict[str, int] = {}
        self.offered: list[tuple[str, Sequence[JsonValue]]] = []
        self.batches = 0

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_put("/children/{message_id}", self._store)
        application.router.add_get("/leavers", self._offer)
        application.router.add_post("/leavers/done", self._ended)
        application.router.add_get("/alive", self._alive)
        return application

    def offer(self, rows: Sequence[JsonValue]) -> None:
        self.batches += 1
        self.offered.append((f"batch-{self.batches}", rows))

    async def _store(self, request: web.Request) -> web.Response:
        said = {}
        for row in await request.json():
            if len(row["internal_no"]) != _DIGITS:
                raise web.HTTPBadRequest
            known = (request.match_info["message_id"], row["index"])
            if row["update_seq"] < self.latest.get(row["internal_no"], 0):
                said[str(row["index"])] = "old"
                continue
            said[str(row["index"])] = "known" if known in self.stored else "stored"
            self.latest[row["internal_no"]] = row["update_seq"]
            self.stored.add(known)
        return web.json_response(said)

    async def _offer(self, request: web.Request) -> web.Response:
        batch = self.offered[0] if self.offered else None
        return web.json_response({"id": batch[0], "rows": batch[1]} if batch else {})

    async def _ended(self, request: web.Request) -> web.Response:
        said = await request.json()
        self.offered = [each for each in self.offered if each[0] != said["id"]]
        return web.json_response({})

    async def _alive(self, request: web.Request) -> web.Response:
        return web.json_response({})


class SchoolRegisterSubject(Subject):
    """What the suite is told of the school register."""

    def __init__(self) -> None:
        self.register = Register()

    @asynccontextmanager
    async def standing(self, place: Place) -> AsyncIterator[str | None]:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=place.system.ca)
        tls.load_cert_chain(place.system.certificate, place.system.key)
        tls.verify_mode = ssl.CERT_REQUIRED
        runner = web.AppRunner(self.register.application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
            yield f"https://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    def settings(self, place: Place, address: str | None) -> Mapping[str, Any]:
        files = place.connector
        tls = {"certificate": files.certificate, "key": files.key, "ca": files.ca}
        return {"base_url": address, **tls, "answer_timeout": 1.0}

    def record(self, direction: str, operation: str, person: int) -> Mapping[str, JsonValue]:
        version: dict[str, JsonValue] = {
            "updated_at": "2026-04-01T09:00:00+09:00",
            "update_seq": person if person % 3 else 0,
        }
        number: dict[str, JsonValue] = {"internal_no": f"0{person * 52_730_961_840_637 % 10**14:014d}"}
        if operation == "subject.register":
            return {**number, "resident_status": "1", **version}
        return {**number, "municipality_code": "131016", "change_type": "3", **version}

    async def effects(self, address: str) -> int | None:
        return len(self.register.stored)

    async def offer(self, address: str | None, operation: str, records: Sequence[JsonValue]) -> bool:
        self.register.offer(records)
        return True
