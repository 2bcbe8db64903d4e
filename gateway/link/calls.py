"""Calls over one WebSocket, in both directions: each has a number and gets one answer or one error.

Either side may be gone at any moment. Then every call that is under way raises Deferred, and nobody knows whether it
was heard: so whatever is called must bear being called again.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, Literal, Protocol

import msgspec
from aiohttp import WSCloseCode, WSMsgType

from gateway.errors import CODES, Deferred, Refused, patience
from gateway.link.sending import Sending, Socket
from gateway.link.words import sentence

AT_ONCE: Final = 512
"""How many calls of the other side are worked on at a time, and"""
HELD_BYTES: Final = 64 * 1024 * 1024
"""how much they may hold, unless it is one: beyond, a call is deferred. Answers are always heard."""
HANG_UP_SECONDS: Final = 2.0
"""How long the other side has to say goodbye."""


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
_NOT_THE_FORM: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(body: bytes, form: Any) -> Any:
    """A body that came over a link. Raises Refused("bad_envelope") if it has not the form."""
    try:
        return msgspec.msgpack.decode(body, type=form)
    except _NOT_THE_FORM:
        raise Refused("bad_envelope") from None


class Garbled(Deferred):
    """The other side answered in another form than it is asked for."""


class TooLarge(Deferred):
    """More than one frame may hold: it was sealed by greater limits than those of now."""


def _expected(body: bytes, form: Any) -> Any:
    """An answer. That it has not the form is its maker's fault, not the asker's: it refuses nothing."""
    try:
        return decode(body, form)
    except Refused:
        raise Garbled("internal") from None


class Channel:
    """One side of a socket. `unreachable` is the code of what cannot be called because the other side is gone; `abort`
    cuts the connection of a peer that does not let go. A frame of more than `most` bytes would make the other side hang
    up: it is not sent, and what it belongs to is deferred.
    """

    def __init__(
        self,
        socket: Socket,
        answer: Answering,
        bug: Callable[[BaseException, str], None],
        *,
        unreachable: str,
        most: int,
        abort: Callable[[], None] = lambda: None,
    ) -> None:
        self._socket = socket
        self._answer = answer
        self._bug = bug
        self._unreachable = unreachable
        self._most = most
        self._abort = abort
        self._sending = Sending(socket)
        self._numbers = itertools.count()
        self._calls: dict[int, asyncio.Future[bytes]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._held = 0
        self._hanging_up: asyncio.Task[None] | None = None

    async def call(self, name: str, body: object, form: Any) -> Any:
        """The other side's answer. Raises what the other side raised, Deferred if it is gone, Garbled, or TooLarge."""
        number = next(self._numbers)
        answer = self._calls[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(_Call(number, name, _ENCODER.encode(body)))
            return _expected(await answer, form)
        finally:
            del self._calls[number]

    async def run(self) -> None:
        """Answer and hear answers until the socket is closed, by whichever side."""
        sending = asyncio.create_task(self._sending.run())
        sending.add_done_callback(lambda _: self._hang_up())
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.BINARY:
                    break
                frame = _FRAME.decode(message.data)
                if isinstance(frame, _Call) and self._full(len(frame.body)):  # read on when it has taken that
                    await self._send(_Error(frame.number, "deferred", "queue_full"))
                else:
                    self._hear(frame)
        except (*_NOT_THE_FORM, Deferred):
            pass  # it speaks something else, or is gone: hang up
        except asyncio.CancelledError:
            if _cancelled():
                raise
        finally:
            sending.cancel()
            await self.close()

    async def drained(self) -> None:
        """Return when the other side has taken most of what it was told. Raises Deferred if it is gone."""
        try:
            await self._sending.room()
        except ConnectionError:
            raise Deferred(self._unreachable) from None

    async def quiet(self) -> None:
        """Return when nothing that the other side called for is under way."""
        while self._answering:
            await asyncio.wait(self._answering)
        await self._sending.sent()

    async def close(self) -> None:
        """Hang up, soon, whatever the other side does: what was under way raises Deferred at both ends."""
        await asyncio.wait([self._hang_up()])

    def _hang_up(self) -> "asyncio.Task[None]":
        if self._hanging_up is None:
            self._sending.end()
            for call in self._calls.values():
                if not call.done():
                    call.set_exception(Deferred(self._unreachable))
                    call.exception()  # who still waits to send it hears it elsewhere
            for task in self._answering:
                task.cancel()
            self._hanging_up = asyncio.create_task(self._let_go())
        return self._hanging_up

    async def _let_go(self) -> None:
        """In a task of its own: here too aiohttp awaits what another may have cancelled."""
        with contextlib.suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(HANG_UP_SECONDS):
                await self._socket.close()
        if self._socket.close_code in (None, WSCloseCode.ABNORMAL_CLOSURE):
            self._abort()

    def _hear(self, frame: _Call | _Answer | _Error) -> None:
        match frame:
            case _Call():
                self._held += len(frame.body)
                task = asyncio.create_task(self._respond(frame))
                self._answering.add(task)
                task.add_done_callback(partial(self._no_longer, len(frame.body)))
            case _Answer(number, body):
                if (call := self._calls.get(number)) is not None and not call.done():
                    call.set_result(body)
            case _Error():
                if (call := self._calls.get(frame.number)) is not None and not call.done():
                    call.set_exception(_raised(frame))

    def _no_longer(self, held: int, task: "asyncio.Task[None]") -> None:
        self._answering.discard(task)
        self._held -= held

    def _full(self, more: int) -> bool:
        """Whether no call with so many bytes may be worked on now."""
        held = self._held + more > HELD_BYTES
        return len(self._answering) >= AT_ONCE or (held and bool(self._answering))

    async def _respond(self, call: _Call) -> None:
        answered = await self._answer_to(call)
        with contextlib.suppress(Deferred):  # nobody is there any more to hear it
            try:
                await self._send(answered)
            except TooLarge as deferred:
                await self._send(_Error(call.number, "deferred", deferred.code))

    async def _answer_to(self, call: _Call) -> _Answer | _Error:
        try:
            return _Answer(call.number, _ENCODER.encode(await self._answer(call.name, call.body)))
        except Refused as refused:
            return _Error(call.number, "refused", refused.code, refused.path)
        except Deferred as deferred:
            return _Error(call.number, "deferred", deferred.code, None, patience(deferred.retry_after), deferred.cause)
        except (Exception, SystemExit, GeneratorExit, asyncio.CancelledError) as error:  # the other side hears no more
            if _cancelled():
                raise
            self._bug(error, "a call over the link failed")
            return _Error(call.number, "deferred", "internal")

    async def _send(self, frame: _Call | _Answer | _Error) -> None:
        if len(encoded := _ENCODER.encode(frame)) > self._most:
            raise TooLarge("limits_differ")
        try:
            await self._sending.send(encoded)
        except ConnectionError:
            raise Deferred(self._unreachable) from None


def _cancelled() -> bool:
    """Whether it is this task that is being cancelled, and not something that it awaits."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _raised(error: _Error) -> Refused | Deferred:
    """What the other side raised, its code held to the closed list, its words bounded; nobody here uses a path that
    comes this way.
    """
    code = error.code if error.code in CODES else "connector_bug"
    if error.kind == "refused":
        return Refused(code)
    return Deferred(code, patience(error.retry_after), sentence(error.cause) if error.cause is not None else None)
