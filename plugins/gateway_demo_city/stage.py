"""The processes of the demo: started with their output in files, watched while they run, ended by SIGTERM.

Only processes that were started here are ever ended, each by its own handle.
"""

import asyncio
import contextlib
import json
import random
import socket
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

_PATIENCE: Final = 120.0
_TO_END: Final = 60.0
_PAUSE: Final = 0.05
_PORTS: Final = range(10000, 20000)
_given: Final[set[int]] = set()
"""Ports that somebody in this process was told: who was may not have bound it yet."""


class Failed(Exception):
    """The demo cannot go on. The text is for people and holds no value."""


@dataclass(frozen=True, slots=True)
class Process:
    """A child with its standard output and error in files."""

    name: str
    child: asyncio.subprocess.Process
    out: Path
    err: Path

    async def first_line(self) -> dict[str, Any]:
        """The first line of its standard output, which is JSON. Raises Failed."""
        await until(lambda: self.running(f"{self.name} to start") and b"\n" in self.out.read_bytes())
        line = json.loads(self.out.read_bytes().splitlines()[0])
        if not isinstance(line, dict):
            raise Failed(f"{self.name} did not begin with a JSON object")
        return line

    def last_line(self) -> dict[str, Any]:
        """The last line of its standard output, which is JSON."""
        line = json.loads(self.out.read_bytes().splitlines()[-1])
        return line if isinstance(line, dict) else {}

    def running(self, awaited: str) -> bool:
        """True; raises Failed, with what it said last, if it has ended by itself."""
        if self.child.returncode is not None:
            said = self.err.read_text(errors="replace").splitlines()[-5:]
            raise Failed("\n".join([f"{self.name} ended with {self.child.returncode} while awaiting {awaited}", *said]))
        return True

    async def stop(self) -> int:
        """SIGTERM, then its exit status; killed if it does not end in a minute, far longer than it may drain."""
        if self.child.returncode is None:
            self.child.terminate()
        try:
            return await asyncio.wait_for(self.child.wait(), _TO_END)
        except TimeoutError:
            self.child.kill()
            return await self.child.wait()


class Stage:
    """The processes of one run, all ended when it is left. Their output goes to `observed/` under the root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.observed = root / "observed"
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.observed.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()

    async def start(self, name: str, *command: str, given: bytes | None = None) -> Process:
        """Start a process that stays. What is `given` it reads from its standard input."""
        out, err = self.observed / f"{name}.out", self.observed / f"{name}.err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            stdin = None if given is None else asyncio.subprocess.PIPE
            child = await asyncio.create_subprocess_exec(
                *command, stdin=stdin, stdout=stdout, stderr=stderr, cwd=self.root
            )
        process = Process(name, child, out, err)
        self._running.push_async_callback(process.stop)
        if child.stdin is not None:
            child.stdin.write(given or b"")
            child.stdin.close()
        return process

    async def run(self, name: str, *command: str, given: bytes | None = None) -> tuple[int, str]:
        """Run a process to its end: exit status and standard output."""
        process = await self.start(name, *command, given=given)
        status = await process.child.wait()
        return status, process.out.read_text()

    async def seen(self, *command: str) -> tuple[int, str, str]:
        """Run what a person does at a screen, which nobody keeps: exit status, standard output and error."""
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, cwd=self.root)
        out, err = await child.communicate()
        return await child.wait(), out.decode(), err.decode()

    async def must(self, name: str, *command: str, given: bytes | None = None) -> str:
        """The standard output of a process that has to end with 0. Raises Failed with what it said."""
        status, out = await self.run(name, *command, given=given)
        if status != 0:
            err = (self.observed / f"{name}.err").read_text(errors="replace")
            raise Failed(f"{name} ended with {status}\n{err or out}".rstrip())
        return out


def gateway(*arguments: str) -> tuple[str, ...]:
    """The command line of the gateway that is installed beside this Python."""
    return (str(Path(sys.executable).with_name("gateway")), *arguments)


async def until(holds: Callable[[], bool], patience: float = _PATIENCE) -> None:
    """Wait until something holds. Raises Failed after `patience` seconds."""
    ends = time.monotonic() + patience
    while not holds():
        if time.monotonic() > ends:
            raise Failed(f"waited {patience:.0f} s in vain")
        await asyncio.sleep(_PAUSE)


def free_port() -> int:
    """A TCP port of the loopback address that nobody has now, and that no outgoing connection is given later."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        if port in _given:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given.add(port)
            return port


def client_tls(ca: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """Mutual TLS as the peer with this certificate."""
    context = ssl.create_default_context(cafile=str(ca))
    context.load_cert_chain(certificate, key)
    return context
