"""A long answer at the operators' listener, a page at a time: one JSON array; a line of JSON for each row; or what
takes long to be worked out. Who takes it slowly slows that answer alone; who takes nothing of it for long loses it.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, Final

import msgspec
from aiohttp import web

from gateway.errors import GatewayError


async def streamed(request: web.Request, pages: Iterator[Sequence[Mapping[str, Any]]]) -> web.StreamResponse:
    """All rows of these pages, in their order; memory holds one page.

    The first page is read before anything is answered, so that what cannot be read is answered as such. What goes wrong
    later breaks the answer off: nobody takes a part for the whole. Raises ConnectionError then.
    """
    first = next(pages, ())
    response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    await response.prepare(request)
    mark = b"["
    with _broken_off(request):
        for page in chain((first,), pages):
            if page:
                await _taken(response, mark + b",\n".join(map(msgspec.json.encode, page)))
                mark = b",\n"
            await asyncio.sleep(0)  # others are served between two reads
        await _taken(response, (b"" if mark == b",\n" else mark) + b"]")
    await response.write_eof()
    return response


async def streamed_lines(
    request: web.Request, pages: Iterator[Sequence[Mapping[str, Any]]], head: Mapping[str, Any] | None = None
) -> web.StreamResponse:
    """As `streamed`, each row on a line of its own behind the `head` if there is one; an empty line now and then while
    there is none, so that whoever waits knows that it is being made. The last row says that it is the last.
    """
    first = next(pages, ())
    response = web.StreamResponse(headers={"Content-Type": "application/jsonl; charset=utf-8"})
    await response.prepare(request)
    told = time.monotonic()
    with _broken_off(request):
        if head is not None:
            await _taken(response, msgspec.json.encode(head) + b"\n")
        for page in chain((first,), pages):
            if page or time.monotonic() - told > _SILENCE:
                await _taken(response, b"".join(msgspec.json.encode(row) + b"\n" for row in page) or b"\n")
                told = time.monotonic()
            await asyncio.sleep(0)  # others are served between two reads
    await response.write_eof()
    return response


async def patiently(request: web.Request, work: Coroutine[Any, Any, Any]) -> web.StreamResponse:
    """What `work` comes to, as JSON; if it takes long, behind white space, so that whoever waits knows of it.

    What goes wrong by then is answered as such; later it breaks the answer off. Raises ConnectionError then.
    """
    task = asyncio.ensure_future(work)
    try:
        if (await asyncio.wait({task}, timeout=_SILENCE))[0]:
            return web.json_response(task.result())
        response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
        await response.prepare(request)
        with _broken_off(request):
            while not (await asyncio.wait({task}, timeout=_SILENCE))[0]:
                await response.write(b"\n")
            await response.write(msgspec.json.encode(task.result()))
        await response.write_eof()
    finally:
        task.cancel()  # nobody waits for it any more
    return response


@contextmanager
def _broken_off(request: web.Request) -> Iterator[None]:
    """What goes wrong ends the connection: whoever asked may else wait for the rest. Raises ConnectionError."""
    try:
        yield
    except Exception as error:
        if request.transport is not None:
            request.transport.abort()
        if isinstance(error, (GatewayError, TimeoutError)):
            raise ConnectionError from None
        raise


async def _taken(response: web.StreamResponse, some: bytes) -> None:
    """Returns when all but the last few KiB of it went on its way. Raises TimeoutError."""
    async with asyncio.timeout(_PATIENCE):
        await response.write(some)


_PATIENCE: Final = 60.0
"""Seconds for which somebody may take nothing of an answer: an index and a connection wait with it."""
_SILENCE: Final = 5.0
"""Seconds after which whoever waits hears that it is still worked on."""
