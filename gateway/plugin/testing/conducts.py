"""The ways in which a system, or a network before it, misbehaves."""

import asyncio
import contextlib
import gzip
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Final, TypeAlias

from aiohttp import web

from gateway.plugin.testing.between import Ask, Conduct

Alter: TypeAlias = Callable[[bytes], bytes | None]
"""An answer into another one; None where it finds nothing to alter."""
_PIECE: Final = b" " * 65536
_DROP: Final = 0.2
_NOISE: Final = 1000
_BLANKS: Final = b" " * 71_000
_SWOLLEN: Final = 48 * 2**20
ENDLESS: Final = 64 * 2**20
"""Bytes of a body that never ends, after which this one does all the same."""


async def hangs(_: web.Request, __: Ask) -> web.StreamResponse:
    """Takes the request and never answers."""
    await asyncio.Event().wait()
    raise AssertionError


async def stalls(request: web.Request, _: Ask) -> web.StreamResponse:
    """Begins an answer, and never goes on."""
    await (await _begun(request)).write(b" ")
    await asyncio.Event().wait()
    raise AssertionError


async def drips(request: web.Request, _: Ask) -> web.StreamResponse:
    """An answer that comes byte by byte, and never ends: no wait for the next one is long."""
    response = await _begun(request)
    with contextlib.suppress(ConnectionError):
        await response.write(b" ")  # so that the answer goes on at once, and whoever waits for that has it
        while True:
            await response.write(b" ")
            await asyncio.sleep(_DROP)
    return response


async def _begun(request: web.Request, status: int = 200) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
    await response.prepare(request)
    return response


def late(seconds: float) -> Conduct:
    """The honest answer, so much later; the system acted at once."""

    async def conduct(_: web.Request, ask: Ask) -> web.StreamResponse:
        honest = await ask()
        await asyncio.sleep(seconds)
        return honest.response()

    return conduct


def held_back(seconds: float) -> Conduct:
    """The honest answers, but none before so many seconds since the first one are over; the system acts at once."""
    ends: float | None = None

    async def conduct(_: web.Request, ask: Ask) -> web.StreamResponse:
        nonlocal ends
        honest, now = await ask(), asyncio.get_running_loop().time()
        ends = now + seconds if ends is None else ends
        await asyncio.sleep(ends - now)
        return honest.response()

    return conduct


async def cuts_off(request: web.Request, ask: Ask) -> web.StreamResponse:
    """The first half of the honest answer, then the connection is gone."""
    honest = await ask()
    response = web.StreamResponse(status=honest.status, headers=honest.headers)
    response.content_length = max(2, len(honest.body))
    await response.prepare(request)
    await response.write(honest.body[: max(1, len(honest.body) // 2)])
    if request.transport is not None:
        request.transport.abort()
    return response


def answers(body: bytes, kind: str = "application/json", status: int = 200) -> Conduct:
    """The same to whatever it is asked."""

    async def conduct(_: web.Request, __: Ask) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={"Content-Type": kind})

    return conduct


def refuses(status: int, **headers: str) -> Conduct:
    """A status that is no answer. A header is named as in `Retry_After`."""

    async def conduct(_: web.Request, __: Ask) -> web.StreamResponse:
        return web.Response(status=status, headers={name.replace("_", "-"): text for name, text in headers.items()})

    return conduct


def echoes(status: int) -> Conduct:
    """A status that is no answer, and in its body all that was asked, as servers in trouble show it."""

    async def conduct(request: web.Request, _: Ask) -> web.StreamResponse:
        asked = f"{request.raw_path}\n".encode() + await request.read()
        return web.Response(status=status, body=asked, headers={"Content-Type": "text/plain"})

    return conduct


class Endless:
    """A body that does not end. `pushed` is how many bytes of it were taken, buffers included, in the worst case."""

    def __init__(self, status: int = 200) -> None:
        self.pushed = 0
        self._status = status

    async def __call__(self, request: web.Request, _: Ask) -> web.StreamResponse:
        response = await _begun(request, self._status)
        pushed = 0
        with contextlib.suppress(ConnectionError):
            while pushed < ENDLESS and request.transport is not None and not request.transport.is_closing():
                await response.write(_PIECE)
                pushed += len(_PIECE)
                self.pushed = max(self.pushed, pushed)
                await asyncio.sleep(0)  # else a lost connection is not heard of
        return response


def swells(status: int) -> Conduct:
    """A body of less than a megabyte, of which the gzip that it names makes more than forty."""
    body = _swelling()

    async def conduct(_: web.Request, __: Ask) -> web.StreamResponse:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        return web.Response(status=status, body=body, headers=headers)

    return conduct


@cache
def _swelling() -> bytes:
    """It grows evenly, so that who reads it piece by piece can stop in time: among the blanks there is noise, which
    comes again too late for gzip to see it.
    """
    noise = Random(1).randbytes(_NOISE * 64)  # noqa: S311  (nothing is kept secret by it)
    pieces = (noise[at : at + _NOISE] + _BLANKS for at in range(0, len(noise), _NOISE))
    whole = b"".join(pieces)
    return gzip.compress(whole * (_SWOLLEN // len(whole)), compresslevel=1, mtime=0)


def altered(alter: Alter, at: int | None = None) -> Conduct:
    """The honest answers, but that the one at that place, counted from 0, or each, is altered if that can be done."""
    seen = 0

    async def conduct(_: web.Request, ask: Ask) -> web.StreamResponse:
        nonlocal seen
        honest = await ask()
        seen += 1
        return honest.response(alter(honest.body) if at in (None, seen - 1) else None)

    return conduct
