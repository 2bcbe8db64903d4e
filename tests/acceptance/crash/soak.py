"""The long form: `make soak ARGS="--kills 1000 --seed 1"`. Rounds of kills under load, each on a new city, each judged.

First every named write point in all its ways, then kills at random in one deployment after the other.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.acceptance.crash import faults
from tests.acceptance.crash.city import City
from tests.acceptance.crash.kills import RandomKills, opening, walk
from tests.acceptance.crash.load import Load
from tests.acceptance.crash.oracle import all_holds
from tests.acceptance.programs import GATEWAY, command
from tests.acceptance.subjects import MUNICIPALITY

_DEPLOYMENTS: Final = ("run", "hub_and_edges", "edge_per_zone")
_IN_A_ROUND: Final = 50


class Soak:
    """Counts what was done; what does not hold is an AssertionError that leaves the city's folder behind."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._seed = seed
        self._library = faults.compiled(folder)
        self._starter = folder / "starter"
        assert command(*GATEWAY, "init", str(self._starter), "--tenant", MUNICIPALITY).status == 0
        self._began = time.monotonic()
        self.kills: Counter[str] = Counter()
        self.traffic: Counter[str] = Counter()

    def named(self) -> None:
        """Every named write point, each in all its ways."""
        with self._round("hub_and_edges", self._seed) as (city, load):
            walk(city, load, self._library, self._folder, most=4, told=self._died)

    def random(self, number: int, kills: int) -> None:
        """So many kills at random in one city."""
        seed = self._seed + number
        with self._round(_DEPLOYMENTS[number % 3], seed) as (city, _):
            chance = RandomKills(city, self._library, seed)
            for _ in range(kills):
                self._died(chance.one())

    @contextmanager
    def _round(self, deployment: str, seed: int) -> Iterator[tuple[City, Load]]:
        folder = self._folder / f"{deployment}-{seed}"
        city = City.made(deployment, folder, self._starter)
        self._say(f"{deployment}, seed {seed}")
        try:
            load = Load(city.site, seed)
            dead = opening(city, load)
            yield city, load
            all_holds(city, load, dead)
        finally:
            city.close()
        rows = sum(map(len, load.filer.dropped.values()))
        self.traffic.update(
            posts=len(load.sent), files=len(load.filer.dropped), rows=rows, questions=len(load.asker.told)
        )
        self._say(f"{deployment}, seed {seed}: all of it held")
        shutil.rmtree(folder)

    def _died(self, what: str) -> None:
        self.kills[what] += 1
        self._say(f"{self.kills.total():5}  {what}")

    def _say(self, line: str) -> None:
        print(f"{time.monotonic() - self._began:7.1f} s  {line}", flush=True)


def _table(title: str, counted: Counter[str], line: Callable[[str], object] = print) -> None:
    line(f"\n{title}")
    for name, number in sorted(counted.items()):
        line(f"{number:8}  {name}")


def main() -> int:
    usage = "make soak ARGS='[--kills N] [--seed N]'"
    parser = argparse.ArgumentParser(usage=usage, description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--kills", type=int, default=1000, help="how often a program dies, the named write points included"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="whom it hits and how; where they are then, the machine says"
    )
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="renkei-soak-"))
    soak = Soak(folder, given.seed)
    try:
        soak.named()
        number = 0
        while (left := given.kills - soak.kills.total()) > 0:
            soak.random(number, min(left, _IN_A_ROUND))
            number += 1
    except AssertionError:
        print(f"\nIt did not hold. What is left of that city: {folder}", file=sys.stderr)
        raise
    finally:
        _table("Kills", soak.kills)
        _table("Acknowledged, and all there", soak.traffic)
    shutil.rmtree(folder)
    print(f"\n{soak.kills.total()} kills: nothing lost, nothing doubled, in order; every log verified.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
