"""The HTTP side of a witness: `add-checkpoint`, and its health. Nobody proves who he is; what counts is the log's
signature over what is submitted.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.link.https import expect, later, problems
from gateway.link.witness import SIZE
from gateway.observe import Telemetry
from gateway.witness.witness import Conflict, Rejected, Witness

_LARGEST: Final = 64 * 1024
"""Bytes of a body: a proof has 3 KiB at most, and a checkpoint some signatures."""


class WitnessListener:
    """Stands at the root of the listener: its submission prefix is the address itself."""

    def __init__(self, witness: Witness, telemetry: Telemetry, clock: Callable[[], datetime]) -> None:
        self._witness = witness
        self._telemetry = telemetry
        self._clock = clock

    def crowded(self) -> None:
        """Somebody found no room, and will come again."""

    def application(self) -> web.Application:
        """The aiohttp application of the witness."""
        application = web.Application(middlewares=[problems(self._telemetry)], client_max_size=_LARGEST)
        application.router.add_post("/add-checkpoint", self.add_checkpoint, expect_handler=expect)
        application.router.add_get("/healthz", self.healthz, allow_head=False, expect_handler=expect)
        return application

    async def add_checkpoint(self, request: web.Request) -> web.Response:
        """The cosignature's line, or the status that says why there is none."""
        body = await request.read()
        try:
            # On the event loop, disk and all: one after another, as the specification asks.
            return web.Response(text=self._witness.add(body.decode(), at=int(self._clock().timestamp())))
        except UnicodeDecodeError:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text="it is not UTF-8\n")
        except Conflict as conflict:
            return web.Response(status=conflict.status, body=f"{conflict.size}\n".encode(), content_type=SIZE)
        except Rejected as rejected:
            return web.Response(status=rejected.status, text=f"{rejected}\n")
        except sqlite3.Error as error:
            return self._forgetful(error)

    async def healthz(self, request: web.Request) -> web.Response:
        """200 while something can be remembered, else 503."""
        del request
        try:
            self._witness.can_remember()
        except sqlite3.Error as error:
            return self._forgetful(error)
        return web.json_response({"ok": True})

    def _forgetful(self, error: sqlite3.Error) -> web.Response:
        """Nothing is cosigned that cannot be remembered."""
        cause = getattr(error, "sqlite_errorname", type(error).__name__)
        self._telemetry.log.error("store.unwritable", cause=cause)
        told = {"ok": False, "store": cause}
        return web.json_response(told, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=later())
