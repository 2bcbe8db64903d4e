"""A family moves in: its history is asked of the city that it comes from (F24, F25), and arrives as files, as do an
announcement's statuses (F28). Of our own residents replicas go out (F21), one goes with its original, and what is left
is held against the originals (F22, C195).
"""

import asyncio
import csv
import shutil
import sys
from pathlib import Path
from typing import Final

from gateway_demo_city.addressees import FORMER_CITY, Addressees
from gateway_demo_city.day import Day
from gateway_demo_city.elsewhere import Elsewhere
from gateway_demo_city.ledger import CITY_LEDGER, loaded
from gateway_demo_city.stage import until
from gateway_demo_city.subjects import Folder, Teller

_STATUSES: Final = 2
"""Of an announcement: sent, read."""
_WHOLE_EXPORTS: Final = 2
"""The first after a deletion may have been read before it."""


async def registered(day: Day, folder: Folder, people: Addressees, elsewhere: Elsewhere, tell: Teller) -> int:
    """Everything that the city sends; how many exports of replicas there were before the last deletion had ended."""
    form = day.site.form
    await asyncio.gather(*(elsewhere.knows(FORMER_CITY, each) for each in people.family))
    await folder.register(people.registration(form), tell)
    await folder.register(people.exchange(form), tell)
    await folder.register(people.deletion(form), tell)
    for kind, values in people.canaries().items():
        day.saw(kind, *values)
    day.count("people told to the link platform, and given a code", len(people.everybody))
    return len(_files(day, "replica"))


async def announced(day: Day, people: Addressees, elsewhere: Elsewhere) -> None:
    """It has been sent, as the city is told; then it is read."""
    await until(lambda: bool(_files(day, "announcement")))
    await elsewhere.read(people.family[1].announcement)


async def ended(day: Day, people: Addressees, before: int) -> None:
    """What the city makes of all that has come back: first the exports are used, then all files are loaded."""
    await _reconciled(day, people, before)
    await _arrived(day, people)


async def _arrived(day: Day, people: Addressees) -> None:
    """The answers are files, and say what the former city has. They are loaded once, though they come twice."""
    family = people.family
    await until(lambda: len(_files(day, "inquiry")) >= len(family))
    await until(lambda: len(_files(day, "announcement")) == _STATUSES)
    files = _files(day, "inquiry")
    asked = {each.inquiry: {(dose["vaccine_generic_name"], dose["lot_no"]) for dose in each.records} for each in family}
    right = _answers(day, files) == asked
    twice = day.site.edges.folder(CITY_LEDGER)
    kept = [Path(shutil.copy2(file, twice)) for file in files]
    first = await loaded(day, "take", str(day.site.exchange))
    for copy in kept:
        shutil.move(copy, day.site.exchange / "out" / copy.name)
    again = await loaded(day, "take", str(day.site.exchange))
    doses = sum(map(len, asked.values()))
    counted = [(counts["inquiries"], counts["answered"], counts["announcements"]) for counts in (first, again)]
    right &= counted == [(len(asked), doses, _STATUSES)] * 2
    day.count("inquiries answered, doses in them", doses)
    told = f"{len(asked)} inquiries, {doses} doses as the former city has them; the same files again change nothing"
    day.report.check("a family's history arrives, and is loaded once", told, passed=right)


async def _reconciled(day: Day, people: Addressees, before: int) -> None:
    """By the city's own program, from its own list."""
    await until(lambda: len(_files(day, "replica")) >= before + _WHOLE_EXPORTS)
    own = day.site.edges.folder(CITY_LEDGER)
    originals = own / "originals.csv"
    originals.write_bytes(people.originals(day.site.form))
    settings = day.site.edges.root / "config" / "tenants" / f"{people.asked.person['municipality_code']}.toml"
    status, told = await day.stage.run(
        "reconcile",
        *(sys.executable, "-m", "gateway_health_management.reconcile", *map(str, _files(day, "replica"))),
        *("--originals", str(originals), "--tenant", str(settings), "--out", str(own / "differences.csv")),
    )
    counts = {name: int(number) for number, name in (line.strip().split(" ", 1) for line in told.splitlines())}
    replicas = originals.read_bytes().count(b"\r\n") - 1
    day.count("replicas of doses, after one was deleted with its original", replicas)
    exported, persons = counts.pop("replicas", 0), counts.pop("persons exported", 0)
    right = (status, exported, persons) == (0, replicas, len(people.everybody))
    told = f"{exported} replicas of {persons} persons, {sum(counts.values()) or 'no'} difference"
    day.report.check("replicas are as the originals", told, passed=right)


def _files(day: Day, kind: str) -> list[Path]:
    return sorted((day.site.exchange / "out").glob(f"{kind}-*.csv"))


def _answers(day: Day, files: list[Path]) -> dict[str, set[tuple[str, str]]]:
    """By 照会番号: vaccine and lot of each dose, of inquiries that were answered."""
    found: dict[str, set[tuple[str, str]]] = {}
    for path in files:
        with path.open(encoding=day.site.form.encoding, newline="") as file:
            for row in csv.DictReader(file):
                if row["照会ステータス"] == "1":
                    found.setdefault(row["照会番号"], set()).add((row["ワクチン名(一般名)"], row["ロット番号"]))
    return found
