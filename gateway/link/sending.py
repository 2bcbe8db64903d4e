"""Frames on their way out of one socket, in order, by one task: a peer that does not take them is given up.

All who await that aiohttp drains a socket await one future, and whoever of them is cancelled cancels it for all. So
only this task awaits it; everybody else awaits room in the queue. When it has nothing to send it sends a pong that
nobody asked for (RFC 6455 §5.5.3): our ping may lie long behind a large frame on a slow line, but whoever takes that
frame is heard.
"""

import asyncio
from collections import deque
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Final, TypeAlias

from aiohttp import ClientWebSocketResponse, web

from gateway.link.words import HEARTBEAT

Socket: TypeAlias = web.WebSocketResponse | ClientWebSocketResponse
UNSENT_BYTES: Final = 1024 * 1024
"""Beyond this many bytes, whoever has something to say waits with it."""
DRAIN_SECONDS: Final = HEARTBEAT
LEAST_BYTES_A_SECOND: Final = 64 * 1024
"""How long a peer may take for one frame: so many seconds, and as long as the slowest line takes that we work over."""
KERNEL_BYTES: Final = 128 * 1024
"""How much of what is sent may still lie in this machine's socket: the time for a frame begins when it is behind."""
BEAT_SECONDS: Final = HEARTBEAT / 3


class Sending:
    """The way out of one socket."""

    def __init__(self, socket: Socket) -> None:
        if (plain := socket.get_extra_info("socket")) is not None:
            plain.setsockopt(SOL_SOCKET, SO_SNDBUF, KERNEL_BYTES)
        self._socket = socket
        self._frames: deque[bytes] = deque()
        self._unsent = 0
        self._more = asyncio.Event()
        self._moved = asyncio.Event()
        self._turn = asyncio.Lock()
        self._ended = False

    async def send(self, frame: bytes) -> None:
        """Have it sent after those before it. Returns when it is in the queue; raises ConnectionError after the end."""
        await self.room()
        self._frames.append(frame)
        self._unsent += len(frame)
        self._more.set()

    async def room(self) -> None:
        """Return when little is unsent, to one after the other. Raises ConnectionError after the end."""
        async with self._turn:  # who comes in the moment in which there is room may not pass those who wait for it
            while self._unsent > UNSENT_BYTES and not self._ended:
                self._moved.clear()
                await self._moved.wait()
        if self._ended:
            raise ConnectionError

    async def sent(self) -> None:
        """Return when nothing is unsent, or after the end."""
        while self._unsent and not self._ended:
            self._moved.clear()
            await self._moved.wait()

    async def run(self) -> None:
        """Send until the peer is gone, or does not take a frame in time."""
        try:
            while True:
                await self._anything()
                self._more.clear()
                await self._empty()
        except (OSError, RuntimeError):  # RuntimeError: aiohttp's word for a socket that is closing
            self.end()

    def end(self) -> None:
        """Send nothing more; who waits for room hears it."""
        self._ended = True
        self._moved.set()

    async def _anything(self) -> None:
        """Return when there is a frame to send; until then a pong shows now and then that we are there."""
        while not self._more.is_set():
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._more.wait()
            except TimeoutError:
                async with asyncio.timeout(DRAIN_SECONDS):
                    await self._socket.pong()

    async def _empty(self) -> None:
        while self._frames:
            frame = self._frames.popleft()
            async with asyncio.timeout(DRAIN_SECONDS + len(frame) / LEAST_BYTES_A_SECOND):
                await self._socket.send_bytes(frame)
            self._unsent -= len(frame)
            self._moved.set()
