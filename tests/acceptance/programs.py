"""Child processes as an operator has them: started, their output in files; awaited, stopped, killed by handle."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 30.0
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
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        assert not self.running
        with self.output.open("ab") as out:
            self._child = subprocess.Popen(
                self._command, stdout=out, stderr=subprocess.STDOUT, env=os.environ | environment
            )

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def child(self) -> "subprocess.Popen[bytes]":
        assert self._child is not None
        return self._child

    def signal(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def kill(self) -> None:
        """kill -9, and gone when this returns."""
        self.child.kill()
        self.child.wait()

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        self.child.terminate()
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
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


def until(what: Callable[[], T], patience: float = PATIENCE) -> T:
    """The first true value; AssertionError, if there is none in time."""
    ends = time.monotonic() + patience
    while not (found := what()):
        assert time.monotonic() < ends, f"not within {patience:.0f} s"
        time.sleep(0.03)
    return found
