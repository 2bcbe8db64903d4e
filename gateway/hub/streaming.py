"""A long answer at the operators' listener: one JSON array, or an object that ends with one, a page at a time."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
from aiohttp import web

from gateway.errors import GatewayError


async def streamed(
    request: web.Request, pages: Iterator[Sequence[Mapping[str, Any]]], head: Mapping[str, Any] | None = None
) -> web.StreamResponse:
    """All rows of these pages, in their order; memory holds one page. With a `head`, that as an object, and the rows as
    its `facts`.

    The first page is read before anything is answered, so that what cannot be read is answered as such. What goes wrong
    later breaks the answer off: nobody takes a part for the whole. Raises ConnectionError then.
    """
    first = next(pages, ())
    response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    await response.prepare(request)
    before = msgspec.json.encode(head)[:-1] + b',"facts":' if head else b""
    mark = before + b"["
    try:
        for page in chain((first,), pages):
            if page:
                await response.write(mark + b",\n".join(map(msgspec.json.encode, page)))
                mark = b",\n"
            await asyncio.sleep(0)  # others are served between two reads
    except Exception as error:
        if request.transport is not None:
            request.transport.abort()  # else whoever asked may wait for the rest
        if isinstance(error, GatewayError):
            raise ConnectionError from None
        raise
    await response.write((b"" if mark == b",\n" else mark) + b"]" + (b"}" if head else b""))
    await response.write_eof()
    return response
