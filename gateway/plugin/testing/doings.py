"""What a connector does to others while it works: whom it talks to, which programs it starts, where it holds up the
event loop.

The rule: it is judged by what is called, never by how long that takes: a machine may be busy.
"""

import fcntl
import ipaddress
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final
from weakref import ref

from gateway.plugin.testing import whose
from gateway.plugin.testing.audit import audited
from gateway.plugin.testing.fresh import PROGRAMS
from gateway.plugin.testing.verdict import Broken

_HERE: Final = ("127.0.0.1", "::1", "localhost")
_SENDS: Final = ("socket.connect", "socket.sendto", "socket.sendmsg")
_RESOLVES: Final = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_LOCKS: Final = ("fcntl.flock", "fcntl.lockf")
_AT_ONCE: Final = fcntl.LOCK_NB | fcntl.LOCK_UN
_HEARD: Final = frozenset({*_SENDS, *_RESOLVES, *_LOCKS, *PROGRAMS, "socket.__new__"})
_STREAM: Final = ("accept", "connect", "connect_ex", "recv", "recv_into", "send", "sendall")
_CALLED: Final = {"sleep": "time.sleep"} | {each: f"socket.{each}" for each in _STREAM}
_WAITING: Final = {
    threading.Condition.wait.__code__: "a lock",  # so do events, queues, futures, semaphores and barriers
    threading.Thread.join.__code__: "a thread",
    subprocess.Popen.wait.__code__: "a program",
}


@dataclass(slots=True)
class Doings:
    """Of the connector whose code lies at `code`; its system's are `ports` of this machine. Each that it did is told by
    what was called, and where in its code, if the call came from there.
    """

    code: Collection[Path]
    ports: Collection[int]
    talks: dict[str, None] = field(default_factory=dict)
    programs: dict[str, None] = field(default_factory=dict)
    waits: dict[str, None] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    """What was there still once it had closed for good; see `remains`."""
    broken: Broken | None = None
    """What ended the play before its end."""
    sockets: list[tuple[int, "ref[socket.socket]"]] = field(default_factory=list)
    """Each that it made, by the turn in which it did."""
    _thread: int = field(default_factory=threading.get_ident)
    _others: Collection[int] = field(default_factory=lambda: {each.ident or 0 for each in others()})
    """Threads in which nothing is its doing if the context does not say so."""

    @contextmanager
    def breaking(self) -> Iterator[None]:
        """What breaks in the block ends it, and is kept."""
        try:
            yield
        except Broken as broken:
            self.broken = broken

    def hear(self, event: str, given: tuple[Any, ...]) -> None:
        """See `audit.Hears`."""
        if event not in _HEARD or not whose.connector_acts(unknown=threading.get_ident() not in self._others):
            return
        if event == "socket.__new__":
            self.sockets.append((whose.turn(), ref(given[0])))
        elif event in PROGRAMS:
            self._note(self.programs, event)
        elif (event in _SENDS and self._beyond(given[1])) or (event in _RESOLVES and _asks(event, given[0])):
            self._note(self.talks, event)
        if self._in_loop() and (
            (event in _RESOLVES and _asks(event, given[0]))
            or (event in _LOCKS and not given[1] & _AT_ONCE)
            or event == "os.system"
        ):
            self._note(self.waits, event)

    def called(self, frame: FrameType, event: str, given: Any) -> None:
        """As `sys.setprofile` tells it, of the thread of the event loop."""
        what = None
        if event == "call" and frame.f_code in _WAITING:
            what = _WAITING[frame.f_code] if _waits(frame) else None
        elif event == "c_call" and (name := given.__name__) in _CALLED:
            what = _CALLED[name] if given is time.sleep or _blocks(given.__self__) else None
        if what is not None and whose.connector_acts(unknown=False):
            self._note(self.waits, what)

    def _in_loop(self) -> bool:
        return threading.get_ident() == self._thread

    def _beyond(self, address: object) -> bool:
        """None is that of a connection that there is."""
        own = isinstance(address, tuple) and address[0] in _HERE and address[1] in self.ports
        return address is not None and not own

    def _note(self, told: dict[str, None], what: str) -> None:
        frame: FrameType | None = sys._getframe()  # noqa: SLF001  (as `inspect` does)
        while frame is not None:
            file = Path(frame.f_code.co_filename)
            if any(each in (file, *file.parents) for each in self.code):
                what = f"{what} in {file.name}:{frame.f_lineno}"
                break
            frame = frame.f_back
        told[what] = None


def others() -> Iterator[threading.Thread]:
    """The threads that there are, but those of the loop's own executor, which are everybody's and grow to a bound."""
    return (each for each in threading.enumerate() if not each.name.startswith("asyncio_"))


@contextmanager
def watched(code: Collection[Path], ports: Collection[int]) -> Iterator[Doings]:
    """What it does within the block, which stays in one thread."""
    doings, former = Doings(code, ports), sys.getprofile()
    with audited(doings.hear):
        sys.setprofile(doings.called)
        try:
            yield doings
        finally:
            sys.setprofile(former)


def _waits(frame: FrameType) -> bool:
    """Not with a time of none; nor for a thread to start, which Python does whenever one is made."""
    timeout = frame.f_locals.get("timeout")
    caller = frame.f_back.f_back if frame.f_back is not None else None
    starts = caller is not None and caller.f_code is threading.Thread.start.__code__
    return not starts and (timeout is None or timeout > 0)


def _blocks(owner: object) -> bool:
    """Whether it is a socket that would wait, and not a parcel that is on its way at once."""
    return isinstance(owner, socket.socket) and owner.gettimeout() != 0 and owner.type is socket.SOCK_STREAM


def _asks(event: str, host: object) -> bool:
    """Whether somebody is asked about it."""
    text = host.decode(errors="replace") if isinstance(host, bytes) else str(host or "localhost")
    with suppress(ValueError):
        ipaddress.ip_address(text)
        return event == "socket.gethostbyaddr"
    return text != "localhost"
