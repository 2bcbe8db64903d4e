"""The parent of the programs under test: it has loaded what they load, and each is a fork of it, ready within moments.

A fork runs the program's own entry point as `__main__`, with its own words, environment and files, and ends as an
interpreter ends. What it does not do again is to find, read and run the modules of the gateway and of its libraries.
"""

import atexit
import ctypes
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from pkgutil import walk_packages
from tempfile import TemporaryFile
from typing import BinaryIO, Final

_ROOT: Final = Path(__file__).parents[1]
_MOST: Final = 1 << 17
"""Bytes of words and environment."""
_NUMBER: Final = struct.Struct("i")
_FIRST: Final = 60.0
_PATIENCE: Final = 60.0
"""Seconds until a program has said its first line, and has ended once it was told to: limits for what hangs."""
_PAUSE: Final = 0.01
_GONE: Final = "the parent of the programs under test is gone: what it said stands above, if it said anything"
_PROGRAMS: Final = ("simulator", "__main__")
"""Modules that run as `__main__`, and so are never loaded under their own names."""

_one_at_a_time: Final = threading.Lock()
"""Of two who ask first, one makes the parent."""


class Forked:
    """A program that is a fork: what the tests use of `subprocess.Popen`."""

    def __init__(self, words: Sequence[str], out: int, error: int, environment: Mapping[str, str]) -> None:
        asked = json.dumps([words, str(Path.cwd()), dict(environment)]).encode()
        assert len(asked) <= _MOST, f"{len(asked)} bytes of words and environment; the parent reads {_MOST}"
        self._told, tell = os.pipe()
        with _one_at_a_time:
            parent = _parent(environment.get("LD_PRELOAD", ""))
        try:
            socket.send_fds(parent, [asked], [out, error, tell])
        except ConnectionError:
            raise ChildProcessError(_GONE) from None
        finally:
            os.close(tell)
        self.pid = self._number()
        self._status: int | None = None

    def poll(self) -> int | None:
        """The exit status, or the negative number of the signal that ended it; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """The same, once it has ended; TimeoutExpired, if it does not in so many seconds."""
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return status

    def ended(self) -> int:
        """The same, in good time. Raises TimeoutExpired if it does not end; it is killed, then."""
        try:
            return self.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.send_signal(signal.SIGKILL)
            self.wait()
            raise

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended, and the parent has yet to tell
                os.kill(self.pid, number)

    def _ended(self, patience: float | None) -> int | None:
        if self._status is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._told, selectors.EVENT_READ)
                if selector.select(patience):
                    self._status = self._number()
                    os.close(self._told)
        return self._status

    def _number(self) -> int:
        if not (said := os.read(self._told, _NUMBER.size)):
            raise ChildProcessError(_GONE)
        return int(_NUMBER.unpack(said)[0])


class Speaking:
    """A fork of a module that says in its first line where it serves: made when that line is there.

    It writes into files, which are never full, and which nobody has to empty while it runs.
    """

    def __init__(self, module: str, *words: str) -> None:
        self._files = TemporaryFile(), TemporaryFile()  # noqa: SIM115 - closed by `end`
        out, error = (each.fileno() for each in self._files)
        self._said: bytes | None = None
        try:
            self._child = Forked((sys.executable, "-m", module, *words), out, error, os.environ)
            self.first = self._line(out)
        except BaseException:
            for each in self._files:
                each.close()
            raise

    def end(self, how: int = signal.SIGTERM) -> tuple[int, bytes]:
        """Exit status, and everything that it wrote to stdout and stderr. Nothing more happens the second time.

        Raises TimeoutExpired if it does not end; it is killed, then.
        """
        self._child.send_signal(how)
        status = self._child.ended()
        if self._said is None:
            self._said = b"".join(_all(each) for each in self._files)
        return status, self._said

    def _line(self, out: int) -> bytes:
        """The offset is the program's own: it is left where it is. Raises as `end` does, and AssertionError."""
        ends = time.monotonic() + _FIRST
        while b"\n" not in (said := os.pread(out, _MOST, 0)):
            if self._child.poll() is not None or time.monotonic() > ends:
                status, _ = self.end(signal.SIGKILL)
                raise AssertionError(f"it ended with {status}, and had not said where it serves")
            time.sleep(_PAUSE)
        return said.partition(b"\n")[0]


def done(module: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """A fork of a module that has ended by itself. Raises TimeoutExpired if it does not; it is killed, then."""
    with TemporaryFile() as out, TemporaryFile() as error:
        status = Forked((sys.executable, "-m", module, *words), out.fileno(), error.fileno(), os.environ).ended()
        said = [_all(each).decode() for each in (out, error)]
    return subprocess.CompletedProcess((module, *words), status, *said)


def _all(file: BinaryIO) -> bytes:
    with file:
        file.seek(0)
        return file.read()


@cache
def _parent(library: str) -> socket.socket:
    """Over which the parent is asked whose calls go through this library first. It ends with this process."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    words, environment = [sys.executable, "-m", __name__], os.environ | ({"LD_PRELOAD": library} if library else {})
    parent = subprocess.Popen(words, cwd=_ROOT, env=environment, stdin=its.fileno(), stdout=subprocess.DEVNULL)
    its.close()
    atexit.register(parent.wait)
    atexit.register(ours.close)  # which happens first
    return ours


def _load() -> None:
    """What programs load. A process has them all, also those that it would not have loaded."""
    for name in ("gateway.cli.commands", "gateway.wiring.running", "gateway.witness.running", "uvloop", "aiohttp.web"):
        import_module(name)
    for point in entry_points(group="gateway.connectors"):
        for module in walk_packages(import_module(point.value).__path__, f"{point.value}."):
            if module.name.rpartition(".")[2] not in _PROGRAMS and "conformance" not in module.name:
                import_module(module.name)
    gc.collect()
    gc.freeze()


def _asked(line: socket.socket) -> tuple[list[str], str, dict[str, str]]:
    """What a fork is to do. The parent itself forks whenever it is asked, tells number and end, and never returns."""
    with selectors.DefaultSelector() as selector:
        selector.register(line, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not line:
                    _ended(selector, key)
                    continue
                said, files, *_ = socket.recv_fds(line, _MOST, 3)
                if not said:
                    raise SystemExit
                pid = os.fork()
                if not pid:
                    selector.close()
                    line.detach()
                    _take_over(*files[:2])
                    words, folder, environment = json.loads(said)
                    return words, folder, environment
                _begun(selector, pid, *files)


def _take_over(out: int, error: int) -> None:
    """Nothing of the parent's stays open."""
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), out, error)):
        os.dup2(file, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def _begun(selector: selectors.BaseSelector, pid: int, out: int, error: int, tell: int) -> None:
    for each in (out, error):
        os.close(each)
    _tell(tell, pid)
    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, tell))


def _ended(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    selector.unregister(key.fileobj)
    pid, tell = key.data
    _tell(tell, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    for each in (tell, key.fd):
        os.close(each)


def _tell(to: int, number: int) -> None:
    with suppress(BrokenPipeError):  # nobody asks any more
        os.write(to, _NUMBER.pack(number))


def _main() -> None:
    _load()
    words, folder, environment = _asked(socket.socket(fileno=0))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if "LD_PRELOAD" in environment:
        ctypes.CDLL(environment["LD_PRELOAD"]).be_told()
    if words[0] == sys.executable:
        _, _, module, *sys.argv[1:] = words
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    _main()
