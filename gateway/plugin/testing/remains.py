"""What a connector leaves behind when it has closed, turn after turn.

The rule: what was begun in one turn alone may be kept for all of them; what comes again with each is never given back.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from weakref import ref

from gateway.plugin.connector import Connector, Delivery
from gateway.plugin.payload import Payload
from gateway.plugin.testing.doings import Doings, others
from gateway.plugin.testing.fresh import State, changed, state
from gateway.plugin.testing.whose import turn_of


@dataclass(slots=True)
class Remains:
    """Of what it does, of its instances, of what these were given, and of what the process holds of which nobody says
    who began it: files, threads, processes, handlers of logs.
    """

    doings: Doings
    _before: State = field(default_factory=state)
    _held: dict[tuple[str, str], int] = field(default_factory=lambda: dict.fromkeys(_held_now(), 0))
    _instances: list[tuple[int, "ref[Connector]"]] = field(default_factory=list)
    _records: list[tuple[int, "ref[Payload]"]] = field(default_factory=list)

    def made(self, turn: int, connector: Connector) -> None:
        """An instance of that turn, which nobody needs any more once it has closed."""
        with suppress(TypeError):  # of a class with slots nobody can say whether it is held
            self._instances.append((turn, ref(connector)))

    def given(self, turn: int, deliveries: Iterable[Delivery]) -> None:
        """What its instance of that turn is handed; nobody needs a person's record once that has closed."""
        self._records += ((turn, ref(record)) for each in deliveries for _, record in each.records)

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
        yield from (("an instance", turn) for turn, kept in self._instances if kept() is not None)
        yield from (("a person's record", turn) for turn, kept in self._records if kept() is not None)
        now = {*_held_now()}
        yield from ((each[0], turn) for each, turn in self._held.items() if each in now)


def _held_now() -> Iterator[tuple[str, str]]:
    """Files that are open, which sockets are not counted among, threads, handlers, processes. Some are gone by then."""
    yield from (("a thread", str(each.native_id)) for each in others())
    for logger in [*logging.root.manager.loggerDict.values()]:
        yield from (("a handler of a log", str(id(each))) for each in getattr(logger, "handlers", ()))
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if not (target := str(each.readlink())).startswith("socket:"):
                yield "a file", f"{each.name} {target}"
    for each in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            yield from (("a process", child) for child in each.read_text("ascii").split())
