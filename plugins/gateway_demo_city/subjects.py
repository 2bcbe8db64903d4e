"""The day's first part: the city's files go into the exchange folder, and each row ends as the way it was made demands.

A user's own file goes the same way; of that nobody knows how its rows must end.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from gateway_demo_city.city import count_rows, rows, tax_file, write_city
from gateway_demo_city.expectation import Expectation
from gateway_demo_city.outside import Outside
from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.report import Report, compare, read_status
from gateway_demo_city.split import Split
from gateway_demo_city.stage import Failed, Process

_ASKED_BACK: Final = 20
_ROWS_PER_SECOND_AT_LEAST: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to play: a made-up city of so many residents, or the user's own file."""

    residents: int = 1000
    seed: int = 1
    file: Path | None = None


class Teller(Protocol):
    """Who hears how the run goes on."""

    def step(self, text: str) -> None: ...
    def progress(self, done: int, total: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Folder:
    """The exchange folder as the municipal system uses it, with the whole gateway running."""

    site: Split
    outside: Outside
    daemons: list[Process]

    def draft(self, name: str) -> Path:
        """Where a file is written before it is renamed into `in/`."""
        return self.site.exchange / f"{name}.draft"

    def status(self, name: str) -> Path:
        """What became of a file."""
        return self.site.exchange / "status" / f"{name}.status.csv"

    async def hand_in(self, names: list[str], total: int, tell: Teller) -> None:
        """Until the status files are there, which are written once, when the last row has ended. Raises Failed."""
        for name in names:
            self.draft(name).rename(self.site.exchange / "in" / f"{name}.csv")
        ended_before = await self.outside.ended()
        patience = 60 + total / _ROWS_PER_SECOND_AT_LEAST
        try:
            async with asyncio.timeout(patience):
                while not all(self.status(name).exists() for name in names):
                    all(daemon.running("the status files") for daemon in self.daemons)
                    tell.progress(await self.outside.ended() - ended_before, total)
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise Failed(f"no status file after {patience:.0f} s") from None
        tell.progress(total, total)

    async def register(self, files: Mapping[str, bytes], tell: Teller) -> int:
        """Hand files in whose every row must be accepted; how many rows. Raises Failed."""
        for name, content in files.items():
            self.draft(name).write_bytes(content)
        total = sum(content.count(b"\r\n") - 1 for content in files.values())
        await self.hand_in([*files], total, tell)
        endings = [ending for name in files for _, ending in read_status(self.status(name), self.site.form.codec)]
        if [each.ending for each in endings] != ["accepted"] * total:
            raise Failed(f"not every row of {' and '.join(files)} was accepted")
        return total


async def hand_in(options: Options, folder: Folder, tell: Teller) -> int:
    """The city's file, and the one with tax columns; how many rows the first has. Raises Failed."""
    tell.step("The municipal system puts its files into the exchange folder")
    dropped, site = ["city"], folder.site
    if options.file is not None:
        shutil.copyfile(options.file, folder.draft("city"))
        total = count_rows(options.file)
    else:
        total = write_city(folder.draft("city"), options.residents, options.seed, site.form)
        folder.draft("tax").write_bytes(tax_file(options.seed, site.form))
        dropped.append("tax")
    tell.step(f"{total:,} rows are on their way")
    await folder.hand_in(dropped, total, tell)
    return total


def own_file(folder: Folder, report: Report) -> None:
    """A user's own file: its rows are counted; that it was taken is held."""
    site = folder.site
    for row, ending in read_status(folder.status("city"), site.form.codec):
        report.endings[ending] += 1
        if row == 0:
            place = f" at {ending.path}" if ending.path else ""
            told = (
                f"refused whole: {ending.code}{place}; the form is in plugins/gateway_health_management/README.md, "
                f"the encoding {site.form.encoding}, the municipality {MUNICIPALITY}"
            )
            report.check("your file was taken", told, passed=False)


async def made_up(options: Options, folder: Folder, report: Report, tell: Teller) -> tuple[Expectation, set[str]]:
    """Each row against the way it was made, the tax file, what the record system holds, and a sample asked back.

    What was expected, and the numbers that the record system told.
    """
    codec, outside = folder.site.form.codec, folder.outside
    expectation = Expectation(max(1, options.residents // _ASKED_BACK))
    made = rows(options.residents, options.seed, folder.site.form)
    compare(expectation.gather(made), read_status(folder.status("city"), codec), report)
    whole = list(read_status(folder.status("tax"), codec))
    refused = len(whole) == 1 and (whole[0][0], whole[0][1].code) == (0, "unknown_column")
    report.check("the file with tax columns", "refused whole: unknown_column", passed=refused)
    held = await outside.held()
    must = {"persons": expectation.persons, "versions": expectation.versions, "deleted": expectation.deleted}
    told = ", ".join(f"{held.get(name, 0):,} {name} (of {n:,})" for name, n in must.items())
    report.check("the record system holds exactly that", told, passed=must.items() <= held.items())
    tell.step("A sample is asked back through the line")
    replies = await outside.ask(expectation.questions())
    right = sum(expectation.right(index, reply) for index, reply in enumerate(replies))
    asked = len(expectation.questions())
    codes = Counter(reply.get("code", "found") for reply in replies)
    told = f"{right} of {asked} answers are right: " + ", ".join(f"{n} {code}" for code, n in codes.items())
    report.check("asked back through the line", told, passed=right == asked == len(replies))
    return expectation, {reply["record"]["vaccination_subject_no"] for reply in replies if "record" in reply}
