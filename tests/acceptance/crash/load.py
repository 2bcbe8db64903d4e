"""Traffic while processes die: peers that repeat until they are answered, and remember what they were told.

Each peer has persons of its own and waits for each acknowledgement, so the order of every person's states is known, and
how each record must end follows from what was sent before.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, Final

from gateway_demo_city.city import make_city
from gateway_demo_city.expectation import Expectation
from gateway_demo_city.people import Cells
from tests.acceptance.peer import Answer
from tests.acceptance.site import Site
from tests.acceptance.subjects import city_file, lookup, record, subject

Ending = tuple[str, str]
"""How a record ends, and its code or nothing."""
ACCEPTED: Final = ("accepted", "")
LATER: Final = frozenset({202, 503})


class People:
    """Made-up persons of one peer; their states are numbered from 1."""

    def __init__(self, first_ordinal: int, chance: Random) -> None:
        self._ordinals = count(first_ordinal)
        self._chance = chance
        self._last: dict[int, int] = {}

    @property
    def persons(self) -> int:
        return len(self._last)

    @property
    def states(self) -> int:
        return sum(self._last.values())

    def some(self, most: int) -> list[int]:
        """Different persons, new ones and those of late."""
        of_late = list(self._last)[-20:]
        met = self._chance.sample(of_late, min(len(of_late), self._chance.randint(0, most)))
        return met + [next(self._ordinals) for _ in range(most - len(met))]

    def next_state(self, person: int) -> Cells:
        self._last[person] = self._last.get(person, 0) + 1
        return self.state(person, 0)

    def state(self, person: int, before_last: int) -> Cells:
        """The last state that was made of a person, or one before it."""
        seq = self._last[person] - before_last
        minutes, second = divmod(seq, 60)
        hour, minute = divmod(minutes, 60)
        return subject(person, seq, updated_at=f"2026-04-10T{9 + hour:02d}:{minute:02d}:{second:02d}+09:00")

    def with_former_states(self, among: list[int]) -> list[int]:
        return [person for person in among if self._last.get(person, 0) > 1]


class Peer(threading.Thread):
    """One client of the municipal system. Told to stop, it begins nothing new and finishes what it began."""

    def __init__(self, site: Site, name: str, first_ordinal: int, seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self.site = site
        self.chance = Random(f"{seed}/{name}")
        self.people = People(first_ordinal, self.chance)
        self._stop_asked = threading.Event()
        self._failed: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._stop_asked.is_set():
                self.work()
        except BaseException as error:  # noqa: BLE001 - told by `end`, in the test's own thread
            self._failed = error

    def work(self) -> None:
        raise NotImplementedError

    def ask_to_stop(self) -> None:
        self._stop_asked.set()

    def check(self) -> None:
        """Raises what the peer failed by, if it has."""
        if self._failed is not None:
            raise self._failed

    def end(self) -> None:
        """Raises what the peer failed by."""
        self.join(90)
        self.check()
        assert not self.is_alive(), f"{self.name} is still waiting for an answer"


@dataclass(frozen=True)
class Sent:
    """A message that was acknowledged: what was sent under which key, its id, and how each record must end."""

    key: str
    body: list[Any] = field(repr=False)
    message_id: str
    endings: tuple[Ending, ...]


class Poster(Peer):
    """Posts new states, the latest state once more, an older one once more, and what the edge refuses."""

    def __init__(self, site: Site, name: str, first_ordinal: int, seed: int) -> None:
        super().__init__(site, name, first_ordinal, seed)
        self.sent: list[Sent] = []

    def work(self) -> None:
        some = self.people.some(self.chance.randint(1, 4))
        again = self.chance.sample(formers, 1) if (formers := self.people.with_former_states(some)) else []
        made = [(self.people.next_state(person), ACCEPTED) for person in some if person not in again]
        made += [self._once_more(person) for person in again]
        if self.chance.random() < 0.2:
            made.append((subject(1, sex="3"), ("refused", "not_in_code_list")))
        self.post([record(cells) for cells, _ in made], tuple(ending for _, ending in made))
        time.sleep(self.chance.random() * 0.1)

    def post(self, body: list[Any], endings: tuple[Ending, ...]) -> None:
        """Until it is acknowledged."""
        key = f"{self.name}-{len(self.sent)}"
        answer = repeated(self.site, "subject.register", body, key, lambda each: each.status == 202)
        self.sent.append(Sent(key, body, answer.message_id, endings))

    def _once_more(self, person: int) -> tuple[Cells, Ending]:
        before_last = self.chance.choice((0, 1))
        ending = ("refused", "superseded") if before_last else ("duplicate", "")
        return self.people.state(person, before_last), ending


class Asker(Peer):
    """Looks persons up, also some that nobody knows yet. What it was told first it must be told again, for good."""

    def __init__(self, site: Site, name: str, first_ordinal: int, seed: int) -> None:
        super().__init__(site, name, first_ordinal, seed)
        self.first_ordinal = first_ordinal
        self.told: dict[str, tuple[list[Any], list[Any]]] = {}

    def work(self) -> None:
        body = [lookup(subject(self.first_ordinal + self.chance.randint(0, 40)))]
        key = f"{self.name}-{len(self.told)}"
        self.told[key] = (body, self.ask(key, body))
        time.sleep(self.chance.random() * 0.2)

    def ask(self, key: str, body: list[Any]) -> list[Any]:
        answer = repeated(self.site, "subject.lookup", body, key, lambda each: each.status == 200)
        return sorted(answer.json["replies"], key=lambda reply: int(reply["index"]))


class Filer(Peer):
    """Drops a city file with every kind of bad row, then small ones whose persons have several states in each."""

    def __init__(self, site: Site, name: str, first_ordinal: int, seed: int, residents: int = 200) -> None:
        super().__init__(site, name, first_ordinal, seed)
        self.city = make_city(residents, seed)
        self.expectation = Expectation(sample_every=40)
        self.dropped: dict[str, list[tuple[int, Ending]]] = {}
        self.statuses: dict[str, bytes] = {}
        self._done: dict[str, tuple[int, int]] = {}
        list(self.expectation.gather(self.city.rows))

    def work(self) -> None:
        """There is always one on its way, and at most two."""
        if not self.dropped:
            self._drop(
                "city.csv", self.city.content, [(e.expected.ending, e.expected.code or "") for e in self.city.rows]
            )
        elif len(self.dropped) - len(self.statuses) < 2:
            people = self.people.some(15)
            cells = [self.people.next_state(person) for _ in range(3) for person in people]
            self._drop(f"later{len(self.dropped)}.csv", city_file(cells), [ACCEPTED] * len(cells))
        self.look()
        time.sleep(0.02)

    def look(self) -> None:
        """A status file that is seen is the whole of it, for good; once its file is done nobody writes it."""
        for name in self.dropped:
            path = self.site.exchange / "status" / name.replace(".csv", ".status.csv")
            if (self.site.exchange / "done" / name).exists():
                written = path.stat().st_ino, path.stat().st_mtime_ns
                assert self._done.setdefault(name, written) == written, f"the status of {name} was written anew"
            if path.exists():
                seen = path.read_bytes()
                assert self.statuses.setdefault(name, seen) == seen, f"the status of {name} changed"

    def _drop(self, name: str, content: bytes, endings: list[Ending]) -> None:
        self.site.drop(name, content)
        self.dropped[name] = list(enumerate(endings, start=1))


def repeated(site: Site, operation: str, body: list[Any], key: str, done: Callable[[Answer], bool]) -> Answer:
    """The same again until there is an answer. Before, only a broken connection or "later" may come."""
    while True:
        try:
            answer = site.send(operation, body, Idempotency_Key=key)
        except OSError:
            answer = None
        if answer is not None and done(answer):
            return answer
        assert answer is None or answer.status in LATER, (answer.status, answer.body)
        time.sleep(0.05)


class Load:
    """Two who post, one who asks, one who drops files. `seed` makes the same persons and choices, not the same pace."""

    def __init__(self, site: Site, seed: int) -> None:
        self.posters = [Poster(site, "first", 1_000_000, seed), Poster(site, "second", 2_000_000, seed)]
        self.asker = Asker(site, "asker", 1_000_000, seed)
        self.filer = Filer(site, "filer", 3_000_000, seed)
        self._peers: list[Peer] = [*self.posters, self.asker, self.filer]

    def start(self) -> None:
        for peer in self._peers:
            peer.start()

    def check(self) -> None:
        """Raises what a peer failed by, if one has."""
        for peer in self._peers:
            peer.check()

    def end(self) -> None:
        """Everything that was begun is acknowledged when this returns. Raises what a peer failed by."""
        for peer in self._peers:
            peer.ask_to_stop()
        for peer in self._peers:
            peer.end()

    @property
    def sent(self) -> list[Sent]:
        return [each for poster in self.posters for each in poster.sent]
