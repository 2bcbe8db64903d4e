"""One export at work: follows its logs, hands copies over, and remembers what the other side has, at least once.

It reads a slice at a time, between the line's own work, and waits for the other side in a thread of its own: however
slow that is, the line goes at its pace, and if it hangs, the process ends all the same.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from gateway.errors import Deferred
from gateway.hub.exports.aside import aside
from gateway.hub.exports.copy import copy_of
from gateway.hub.exports.destination import PATIENCE_SECONDS, Destination
from gateway.hub.exports.place import Place
from gateway.hub.journal import Followed, Following
from gateway.observe import Telemetry

T = TypeVar("T")
_LOOK_SECONDS: Final = 0.5
_GRACE_SECONDS: Final = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_HANGS: Final = "hangs"


@dataclass(slots=True)
class _Log:
    """`at` is up to where it was looked, None before it is known; `reached` the last fact that the other side has."""

    following: Following
    place: Place
    at: int | None = None
    reached: int = 0


class Follower:
    """`trouble` says in a few words why nothing goes on; empty if all is well."""

    def __init__(
        self,
        name: str,
        kinds: Sequence[str],
        to: Destination,
        logs: Mapping[str, tuple[Following, Place]],
        telemetry: Telemetry,
    ) -> None:
        self.to = to
        self.trouble = ""
        self._name = name
        self._kinds = kinds
        self._logs = {log: _Log(*each) for log, each in logs.items()}
        self._telemetry = telemetry
        self._pause = _FIRST_PAUSE
        self._stopping = asyncio.Event()

    def behind(self, log: str) -> int:
        """How many facts of that log it has not come past yet."""
        each = self._logs[log]
        return each.following.size - max(each.at or 0, each.reached)

    def stop(self) -> None:
        """`run` returns soon: what is under way ends, or a moment later fails."""
        self._stopping.set()
        asyncio.get_running_loop().call_later(_GRACE_SECONDS, self.to.interrupt)

    async def run(self) -> None:
        """Until `stop`."""
        while not self._stopping.is_set():
            pause = await self._go_on()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
        await self._close()

    def hangs(self) -> None:
        """The other side neither takes anything nor fails."""
        self._in_trouble(_HANGS)

    async def _go_on(self) -> float:
        """A slice of each log; returns for how long to sleep then, in seconds."""
        try:
            more = [await self._slice(log, each) for log, each in self._logs.items()]
        except OSError as error:
            return await self._failed(_words(error))
        except Exception as error:  # noqa: BLE001  (an export never takes the gateway down)
            self._telemetry.bug(error, "an export failed")
            return await self._failed("bug")
        if self.trouble:
            self._telemetry.log.info("export.mended", export=self._name)
        self.trouble, self._pause = "", _FIRST_PAUSE
        return 0.0 if any(more) else _LOOK_SECONDS

    async def _slice(self, log: str, each: _Log) -> bool:
        """Whether there is more. Raises OSError."""
        try:
            if each.at is None:
                each.at = await self._begin(log, each)
            found, until = each.following.after(each.at, self._kinds)
        except Deferred:  # this log cannot be read, and health says why
            return False
        if found:
            await self._blocking(lambda: self.to.hand([copy_of(log, one) for one in found]))
            await self._remember(each, found[-1])
        each.at = until
        return until < each.following.size

    async def _begin(self, log: str, each: _Log) -> int:
        """From where on: behind what the other side has, and before what it may have lost."""
        known = await self._blocking(each.place.read)
        if known is not None and not each.following.has(*known):
            self._telemetry.log.warning("export.anew", export=self._name, tenant=log)
            known = None
        each.reached = at = known[0] if known is not None else 0
        left = self.to.again
        while at and left > 0 and not self._stopping.is_set():
            found, at = each.following.back(at, self._kinds)
            left -= found
            await asyncio.sleep(0)  # others are served between two reads
        return at

    async def _remember(self, each: _Log, last: Followed) -> None:
        if last.seq > each.reached:
            await self._blocking(lambda: each.place.write(last.seq, last.commitment))
            each.reached = last.seq

    async def _failed(self, why: str) -> float:
        """Every log begins anew: what was under way may be lost, and so may what the connection had taken."""
        await self._close()
        for each in self._logs.values():
            each.at = None
        self._in_trouble(why)
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE)
        return pause

    def _in_trouble(self, why: str) -> None:
        if not self.trouble and not self._stopping.is_set():
            self._telemetry.log.warning("export.trouble", export=self._name, cause=why)
        self.trouble = why

    async def _close(self) -> None:
        try:
            await self._blocking(self.to.close)
        except Exception as error:  # noqa: BLE001  (what cannot even be closed does not end the export)
            self._telemetry.bug(error, "an export's other side could not be closed")

    async def _blocking(self, work: Callable[[], T]) -> T:
        """One at a time: the other side is of one thread at once. Raises what the work raises."""
        hangs = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self.hangs)
        try:
            return await aside(work, f"export {self._name}")
        finally:
            hangs.cancel()


def _words(error: OSError) -> str:
    """What the system says, without what a peer or a path may say: OpenSSL's texts quote certificates."""
    if isinstance(error, ssl.SSLError):
        return error.reason or type(error).__name__
    return error.strerror or type(error).__name__
