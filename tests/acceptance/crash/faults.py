"""Faults of disk and clock for a child process: `faults.c`, compiled once, and how a program is told of its fault."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("faults.c")


def compiled(folder: Path) -> Path:
    """The library, for LD_PRELOAD."""
    library = folder / "faults.so"
    subprocess.run(("cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-o", library, SOURCE, "-ldl"), check=True)
    return library


@dataclass(frozen=True)
class Fault:
    """What goes wrong at which call: the words of `faults.c`."""

    call: str
    pattern: str
    how: str
    nth: int = 1

    def environment(self, library: Path, *, armed: Path | None = None) -> dict[str, str]:
        """For `Program.start`. Nothing goes wrong while the file `armed` is not there."""
        told = {"LD_PRELOAD": str(library), "FAULT": f"{self.call} {self.pattern} {self.nth} {self.how}"}
        return told | ({"FAULT_WHILE": str(armed)} if armed else {})


def wrong_clock(library: Path, seconds: Path) -> dict[str, str]:
    """For `Program.start`: its wall clock is wrong by as many seconds as stand in that file."""
    return {"LD_PRELOAD": str(library), "CLOCK": str(seconds)}
