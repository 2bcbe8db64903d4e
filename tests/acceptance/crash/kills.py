"""Who dies, and when: at each named write point in turn, or anywhere at random. Every death is by SIGKILL."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from tests.acceptance.crash.city import FOREVER, City
from tests.acceptance.crash.faults import Fault
from tests.acceptance.crash.load import Load, Sent
from tests.acceptance.programs import Program, until
from tests.acceptance.subjects import record, subject

_JOURNAL: Final = "*/state/journal/999997.db"
_SYSTEM_LOG: Final = "*/state/journal/system.db"
_STATUS: Final = "*/status/.*.status.csv.tmp"
_RECORDS: Final = "*/record_system/data/999997.sqlite3"
_PATIENCE: Final = 90.0


@dataclass(frozen=True)
class Point:
    """A named place where a program writes, and the ways in which it dies there, the worst first.

    `nth`: at which such call of its life; `running`: counted from when it serves, past what a start writes.
    """

    name: str
    call: str
    pattern: str
    hows: tuple[str, ...]
    nth: int = 1
    running: bool = False

    def deaths(self, most: int) -> list["Death"]:
        """The worst ones."""
        return [Death(self, how) for how in self.hows[:most]]


@dataclass(frozen=True)
class Death:
    """One way of dying at one point."""

    point: Point
    how: str

    def fault(self) -> Fault:
        return Fault(self.point.call, self.point.pattern, self.how, self.point.nth)

    def __str__(self) -> str:
        return f"{self.point.name}, {self.how}"


_WRITE: Final = ("torn", "before", "after")
_APPEND: Final = ("lost", *_WRITE)
_CALL: Final = ("after", "before")
HUB: Final = (
    Point("journal: WAL appended", "pwrite", f"{_JOURNAL}-wal", _APPEND, nth=150, running=True),
    Point("journal: WAL synced", "sync", f"{_JOURNAL}-wal", _CALL, nth=3, running=True),
    Point("journal: WAL moved into the database at a start", "pwrite", _JOURNAL, _WRITE, nth=2),
    Point("journal: database synced at a start", "sync", _JOURNAL, _CALL),
    Point("journal: WAL emptied at a start", "truncate", f"{_JOURNAL}-wal", _CALL),
    Point("journal: WAL moved into the database under load", "pwrite", _JOURNAL, _WRITE, nth=2, running=True),
    Point("journal: database synced under load", "sync", _JOURNAL, _CALL, running=True),
    Point("journal: WAL emptied under load", "truncate", f"{_JOURNAL}-wal", _CALL, running=True),
    Point("log of the system: WAL appended", "pwrite", f"{_SYSTEM_LOG}-wal", _WRITE),
    Point("log of the system: WAL synced", "sync", f"{_SYSTEM_LOG}-wal", _CALL),
)
"""Of whoever holds the journal: the hub, or the one process."""
FOLDER: Final = (
    Point("exchange folder: file taken", "rename", "*/work/*", _CALL),
    Point("exchange folder: slip written", "write", "*/status/.*.slip.csv.tmp", _WRITE),
    Point("exchange folder: slip published", "rename", "*/status/*.slip.csv", _CALL),
    Point("exchange folder: status written", "write", _STATUS, _WRITE),
    Point("exchange folder: status synced", "sync", _STATUS, _CALL),
    Point("exchange folder: status published", "rename", "*/status/*.status.csv", _CALL),
    Point("exchange folder: file finished", "rename", "*/done/*", _CALL),
)
"""Of the edge with the exchange folder."""
RECORD_SYSTEM: Final = (
    Point("record system: WAL appended", "pwrite", f"{_RECORDS}-wal", _APPEND, nth=150),
    Point("record system: WAL synced", "sync", f"{_RECORDS}-wal", _CALL, nth=3),
    Point("record system: WAL moved into the database", "pwrite", _RECORDS, _WRITE, nth=2),
    Point("record system: database synced", "sync", _RECORDS, _CALL),
)


WALKS: Final = ({"gateway": HUB, "records": RECORD_SYSTEM}, {"edges": FOLDER})
"""Of the example `hub_and_edges`: who walks at the same time. A file needs a hub that lives for a while."""


def opening(city: City, load: Load) -> list[Sent]:
    """Dead letters, from before the record system is there; then the record system, patience for ever, and the load."""
    site = city.site
    city.limit("attempts", 2)
    for name, program in city.programs.items():
        if name != "records":
            program.start()
    dead = []
    for number in range(2):
        body = [record(subject(9_000_000 + number))]
        message_id = until(lambda: _taken(city, body, f"dead-{number}"))  # noqa: B023 - called here
        (outcome,) = site.outcomes(message_id)
        assert (outcome["outcome"], outcome["code"]) == ("dead", "gave_up")
        dead.append(Sent(f"dead-{number}", body, message_id, (("accepted", ""),)))
    city.limit("attempts", FOREVER)
    site.gateway.kill()
    city.start()
    load.start()
    return dead


def _taken(city: City, body: object, key: str) -> str:
    try:
        answer = city.site.send("subject.register", body, Idempotency_Key=key)
    except OSError:
        return ""
    return answer.message_id if answer.status == 202 else ""


def walk(
    city: City, load: Load, library: Path, scratch: Path, most: int, told: Callable[[str], object] = lambda _: None
) -> None:
    """Every point, each with its `most` worst ways to die. AssertionError, naming the point, if it is never reached."""
    for points in WALKS:
        walkers = [
            Walker(
                city, name, library, scratch / f"{name}.armed", [each for point in its for each in point.deaths(most)]
            )
            for name, its in points.items()
        ]
        while sum(walker.done(told) for walker in walkers) < len(walkers):
            load.check()
            time.sleep(0.02)
        city.start()


class Walker:
    """Lets one program die every death on its list, one after the other."""

    def __init__(self, city: City, name: str, library: Path, armed: Path, deaths: list[Death]) -> None:
        self._city = city
        self._program = city.programs[name]
        self._library = library
        self._armed = armed
        self._name = name
        self._deaths = deaths
        self._dying: Death | None = None
        self._until = 0.0
        self._program.kill()

    def done(self, told: Callable[[str], object]) -> bool:
        """One look, and what follows from it; whether all deaths have been died."""
        if self._program.running:
            if self._dying is not None:
                assert time.monotonic() < self._until, f"{self._name} never came to: {self._dying}"
                self._arm(self._dying)
            return self._dying is None
        if self._dying is not None:
            assert self._program.ended() == -signal.SIGKILL, self._program.output.read_text()[-1000:]
            told(f"{self._name}: {self._dying}")
        self._dying = self._deaths.pop(0) if self._deaths else None
        self._start(self._dying)
        return False

    def _start(self, death: Death | None) -> None:
        self._armed.unlink(missing_ok=True)
        self._until = time.monotonic() + _PATIENCE
        self._program.start(**(death.fault().environment(self._library, armed=self._armed) if death else {}))
        if death is not None and not death.point.running:
            self._armed.touch()

    def _arm(self, death: Death) -> None:
        """The hub's own health: of whatever else serves, the points do not ask it."""
        if not death.point.running or self._armed.exists():
            return
        with suppress(OSError):
            if self._city.site.admin().get("/healthz").status == 200:
                self._armed.touch()


_ANYWHERE: Final = {
    "pwrite": ("*-wal", _APPEND),
    "sync": ("*", _CALL),
    "truncate": ("*", _CALL),
    "write": ("*/status/*", _WRITE),
    "rename": ("*", _CALL),
}


class RandomKills:
    """Kills a program at a moment, or at a write, drawn from a seed; starts it again, mostly until all serve."""

    def __init__(self, city: City, library: Path, seed: int) -> None:
        self._city = city
        self._library = library
        self._chance = Random(seed)

    def one(self) -> str:
        """Who died, and how."""
        if self._chance.random() < 0.1:
            return self._all()
        name = self._chance.choice([*self._city.programs, "gateway"])
        program = self._city.programs[name]
        how = self._at_a_write(name, program) if self._chance.random() < 0.5 else self._at_a_moment(program)
        time.sleep(self._chance.choice((0.0, self._chance.random() * 0.3)))
        if self._chance.random() < 0.75:
            self._city.start()
        else:  # the next one may die while this one starts
            program.start()
        return f"{name}: {how}"

    def _all(self) -> str:
        """The machine goes down."""
        for program in self._city.programs.values():
            if program.running:
                program.kill()
        self._city.start()
        return "all of them: at a moment"

    def _at_a_moment(self, program: Program) -> str:
        time.sleep(self._chance.random() * 0.4)
        if not program.running:
            program.start()
        program.kill()
        return "at a moment"

    def _at_a_write(self, name: str, program: Program) -> str:
        """It is started anew, to die by itself at one of its writes or syncs; at the latest after some seconds."""
        if program.running:
            program.kill()
        call = self._chance.choice(("pwrite", "pwrite", "pwrite", "sync", "sync", "truncate", "write", "rename"))
        pattern, hows = _ANYWHERE[call]
        nth = min(200, int(self._chance.paretovariate(0.5)))
        how = self._chance.choice(hows)
        program.start(**Fault(call, pattern, how, nth).environment(self._library))
        ends = time.monotonic() + 2.0
        while program.running and time.monotonic() < ends:
            time.sleep(0.01)
        if not program.running:
            assert program.ended() == -signal.SIGKILL, (name, call, how, program.output.read_text()[-1000:])
            return f"at a {call}"
        program.kill()
        return "at a moment"
