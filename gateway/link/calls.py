"""Calls over one WebSocket, in both directions: each has a number and gets one answer or one error.

Either side may be gone at any moment. Then every call that is under way raises Deferred, and nobody knows whether it
was heard: so whatever is called must bear being called again.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, Protocol, TypeAlias

import msgspec
from aiohttp import ClientWebSocketResponse, WSMsgType, web

from gateway.errors import Deferred, Refused

Socket: TypeAlias = web.WebSocketResponse | ClientWebSocketResponse
AT_ONCE: Final = 512
"""How many calls of the other side are worked on at a time; those beyond are told to come later."""


class Answering(Protocol):
    """What the other side may call for: the name of the call and its undecoded body."""

    def __call__(self, name: str, body: bytes) -> Awaitable[object]: ...


class _Call(msgspec.Struct, tag=0, array_like=True):
    number: int
    name: str
    body: bytes


class _Answer(msgspec.Struct, tag=1, array_like=True):
    number: int
    body: bytes


class _Error(msgspec.Struct, tag=2, array_like=True):
    number: int
    kind: Literal["refused", "deferred"]
    code: str
    path: str | None = None
    retry_after: float | None = None
    cause: str | None = None


_ENCODER: Final = msgspec.msgpack.Encoder()
_FRAME: Final = msgspec.msgpack.Decoder(_Call | _Answer | _Error)


def decode(body: bytes, form: Any) -> Any:
    """A body that came over a link. Raises Refused("bad_envelope") if it has not the form."""
    try:
        return msgspec.msgpack.decode(body, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused("bad_envelope") from None


class Channel:
    """One side of a socket. `unreachable` is the code of what cannot be called because the other side is gone."""

    def __init__(
        self,
        socket: Socket,
        answer: Answering,
        bug: Callable[[BaseException, str], None],
        *,
        unreachable: str,
    ) -> None:
        self._socket = socket
        self._answer = answer
        self._bug = bug
        self._unreachable = unreachable
        self._numbers = itertools.count()
        self._calls: dict[int, asyncio.Future[bytes]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    async def call(self, name: str, body: object, form: Any) -> Any:
        """The other side's answer, in its form. Raises what the other side raised, or Deferred if it is gone."""
        number = next(self._numbers)
        answer = self._calls[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(_Call(number, name, _ENCODER.encode(body)))
            return decode(await answer, form)
        finally:
            del self._calls[number]

    async def run(self) -> None:
        """Answer and hear answers until the socket is closed, by whichever side."""
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.BINARY:
                    break
                self._hear(_FRAME.decode(message.data))
        except msgspec.DecodeError:
            pass  # it speaks something else: hang up
        finally:
            await self.close()

    async def quiet(self) -> None:
        """Return when nothing that the other side called for is under way."""
        while self._answering:
            await asyncio.wait(self._answering)

    async def close(self) -> None:
        """Hang up: what was under way raises Deferred at both ends."""
        for call in self._calls.values():
            if not call.done():
                call.set_exception(Deferred(self._unreachable))
        for task in self._answering:
            task.cancel()
        await self._socket.close()

    def _hear(self, frame: _Call | _Answer | _Error) -> None:
        match frame:
            case _Call():
                task = asyncio.create_task(self._respond(frame))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
            case _Answer(number, body):
                if (call := self._calls.get(number)) is not None and not call.done():
                    call.set_result(body)
            case _Error():
                if (call := self._calls.get(frame.number)) is not None and not call.done():
                    call.set_exception(_raised(frame))

    async def _respond(self, call: _Call) -> None:
        try:
            if len(self._answering) > AT_ONCE:
                raise Deferred("queue_full")
            answered: _Answer | _Error = _Answer(call.number, _ENCODER.encode(await self._answer(call.name, call.body)))
        except Refused as refused:
            answered = _Error(call.number, "refused", refused.code, refused.path)
        except Deferred as deferred:
            answered = _Error(call.number, "deferred", deferred.code, None, deferred.retry_after, deferred.cause)
        except (Exception, SystemExit, GeneratorExit) as error:  # noqa: BLE001  (the other side hears only that)
            self._bug(error, "a call over the link failed")
            answered = _Error(call.number, "deferred", "internal")
        with contextlib.suppress(Deferred):  # nobody is there any more to hear it
            await self._send(answered)

    async def _send(self, frame: _Call | _Answer | _Error) -> None:
        try:
            await self._socket.send_bytes(_ENCODER.encode(frame))
        except (OSError, RuntimeError):  # RuntimeError: aiohttp's word for a socket that is closing
            raise Deferred(self._unreachable) from None


def _raised(error: _Error) -> Refused | Deferred:
    if error.kind == "refused":
        return Refused(error.code, error.path)
    return Deferred(error.code, error.retry_after, error.cause)
