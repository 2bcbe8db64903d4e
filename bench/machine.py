"""What the figures were measured on, and what the kernel knows of a process (Linux: `/proc`)."""

import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.figures import percentile

_SYNCS: Final = 200
_BLOCK: Final = b"\0" * 4096
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process since its start: CPU in seconds; memory now, memory at its peak, bytes sent to the disk in MB."""

    cpu: float
    memory: float
    peak: float
    written: float

    @classmethod
    def of(cls, pid: int) -> "Usage":
        """As of now, all threads together. Raises OSError if there is no such process."""
        proc = Path("/proc") / str(pid)
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        io = dict(line.split(":", 1) for line in (proc / "io").read_text().splitlines())
        # After the command's name, which may hold anything, utime and stime are the 12th and 13th field (proc(5)).
        times = (proc / "stat").read_text().rpartition(")")[2].split()[11:13]
        return cls(
            cpu=sum(map(int, times)) / _TICKS,
            memory=int(status["VmRSS"].split()[0]) / 1024,
            peak=int(status["VmHWM"].split()[0]) / 1024,
            written=int(io["write_bytes"]) / 1e6,
        )


class Others:
    """How much of the machine was used by others than us and our children, from its making until it is asked."""

    def __init__(self) -> None:
        self._began = self._now()

    def cores(self) -> float:
        """On average, in cores. Ask when our children have been awaited: only then is their time known to be ours."""
        (then, busy_then, own_then), (now, busy, own) = self._began, self._now()
        return max(0.0, (busy - busy_then - own + own_then) / (now - then))

    def _now(self) -> tuple[float, float, float]:
        user, nice, system, _idle, _iowait, *rest = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:8])
        return time.monotonic(), (user + nice + system + sum(rest)) / _TICKS, sum(os.times()[:4])


def module(name: str, *options: str) -> tuple[str, ...]:
    """The command that runs a module of ours as a process of its own, wherever it is started."""
    root = Path(__file__).parents[1]
    return ("env", f"PYTHONPATH={root}:{root / 'plugins'}", sys.executable, "-m", name, *options)


def describe(folder: Path) -> dict[str, Any]:
    """Cores, Python, system, and how long the disk under `folder` takes to sync."""
    syncs = sorted(_syncs(folder / "fsync.probe"))
    return {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "fsync_p50_ms": round(percentile(syncs, 0.50), 3),
        "fsync_p99_ms": round(percentile(syncs, 0.99), 3),
    }


def _syncs(file: Path) -> list[float]:
    """Milliseconds for each append of 4 KiB with its fsync."""
    took = []
    with file.open("wb", buffering=0) as probe:
        for _ in range(_SYNCS):
            began = time.perf_counter()
            probe.write(_BLOCK)
            os.fsync(probe.fileno())
            took.append((time.perf_counter() - began) * 1e3)
    file.unlink()
    return took
