"""Child processes as an operator has them: started, their output in files; awaited, stopped, killed by handle."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeVar

from tests.forking import Forked

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds: a limit for what hangs, on a machine that may stand still for a while."""
GATEWAY = (str(Path(sys.executable).with_name("gateway")),)


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str


class Program:
    """A process that stays, its standard output and error together in one file."""

    def __init__(self, command: tuple[str, ...], output: Path) -> None:
        self.output = output
        self._command = command
        self._child: subprocess.Popen[bytes] | Forked | None = None

    def start(self, **environment: str) -> None:
        """In an environment with these words more."""
        assert not self.running
        environ = os.environ | environment
        with self.output.open("ab") as out:
            if _forkable(self._command, environment):
                self._child = Forked(self._command, out.fileno(), out.fileno(), environ)
            else:
                self._child = subprocess.Popen(self._command, stdout=out, stderr=subprocess.STDOUT, env=environ)

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def child(self) -> "subprocess.Popen[bytes] | Forked":
        assert self._child is not None
        return self._child

    def logged(self) -> list[dict[str, Any]]:
        """What it has said, line by line, but for one that may still be written."""
        return [json.loads(line) for line in self.output.read_text().rpartition("\n")[0].splitlines()]

    def signal(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def kill(self) -> None:
        """kill -9, and gone when this returns."""
        self.signal(signal.SIGKILL)
        self.child.wait()

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """The exit status, once it has ended."""
        try:
            return self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


def command(*words: str) -> Ended:
    """Run a command to its end."""
    if not _forkable(words):
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
        return Ended(done.returncode, done.stdout, done.stderr)
    with TemporaryFile("w+") as out, TemporaryFile("w+") as error:
        child = Forked(words, out.fileno(), error.fileno(), os.environ)
        try:
            status = child.wait(PATIENCE)
        finally:
            child.send_signal(signal.SIGKILL)
        out.seek(0)
        error.seek(0)
        return Ended(status, out.read(), error.read())


def _forkable(words: Sequence[str], environment: Iterable[str] = ()) -> bool:
    """Whether it is the command `gateway` or a simulator, and what its interpreter reads at its start is ours."""
    if any(name.startswith("PYTHON") for name in environment):
        return False
    simulator = tuple(words[:2]) == (sys.executable, "-m") and words[2].startswith("gateway_")
    return words[0] == GATEWAY[0] or simulator


def until(what: Callable[[], T], patience: float = PATIENCE) -> T:
    """The first true value; AssertionError, if there is none in time. It is looked once more when the time is over."""
    ends = time.monotonic() + patience
    while True:
        late = time.monotonic() >= ends
        if found := what():
            return found
        assert not late, f"not within {patience:.0f} s"
        time.sleep(0.03)
