"""What a connector leaves behind when it has closed, turn after turn.

The rule: what was begun in one turn alone may be kept for all of them; what comes again with each is never given back.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gateway.plugin.testing.doings import Doings, others
from gateway.plugin.testing.fresh import State, changed, state
from gateway.plugin.testing.whose import turn_of


@dataclass(slots=True)
class Remains:
    """Of what it does, and of what the process holds of which nobody says who began it: files, threads, processes."""

    doings: Doings
    _before: State = field(default_factory=state)
    _held: dict[tuple[str, str], int] = field(default_factory=lambda: dict.fromkeys(_held_now(), 0))

    def turn_ended(self, turn: int) -> None:
        """The connector has closed; what the process holds now, and has not before, is of that turn."""
        for each in _held_now():
            self._held.setdefault(each, turn)

    def left(self) -> list[str]:
        """What is there still of two turns or more, and what is otherwise than before the first."""
        found = defaultdict[str, set[int]](set)
        for what, turn in self._there():
            found[what].add(turn)
        again = [what for what, turns in found.items() if len(turns - {0}) > 1]
        return sorted(again) + changed(self._before, state())

    def _there(self) -> Iterator[tuple[str, int]]:
        loop = asyncio.get_running_loop()
        yield from (("a task", turn_of(each)) for each in asyncio.all_tasks())
        for timer in getattr(loop, "_scheduled", ()):
            if not timer.cancelled() and timer.when() > loop.time():
                yield "a timer", turn_of(timer)
        for turn, kept in self.doings.sockets:
            if (made := kept()) is not None and made.fileno() >= 0:
                yield "a socket", turn
        now = {*_held_now()}
        yield from ((each[0], turn) for each, turn in self._held.items() if each in now)


def _held_now() -> Iterator[tuple[str, str]]:
    """Files that are open, which sockets are not counted among, threads, and processes. Some are gone by then."""
    yield from (("a thread", str(each.native_id)) for each in others())
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if not (target := str(each.readlink())).startswith("socket:"):
                yield "a file", f"{each.name} {target}"
    for each in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            yield from (("a process", child) for child in each.read_text("ascii").split())
