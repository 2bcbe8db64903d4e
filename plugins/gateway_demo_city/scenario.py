"""One city's day, told once from beginning to end: real processes, a real folder, real mutual TLS, injected faults.

The demo knows the gateway only from outside, by its commands, its HTTPS and the exchange folder. At the end everything
that the run left behind is searched for the values that went through it.
"""

import asyncio
import json
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from gateway_demo_city.city import canaries, count_rows, rows, tax_file, write_city
from gateway_demo_city.expectation import Expectation
from gateway_demo_city.keys import Pmh, all_issued, hold, issued
from gateway_demo_city.outside import Outside
from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.report import Report, compare, read_status
from gateway_demo_city.site import PMH_FOLDER, Site
from gateway_demo_city.stage import Failed, Process, Stage, gateway
from gateway_demo_city.sweep import Sweep, sweep

_FAULTS: Final = "503:0.05,drop_before:0.05,drop_after:0.08,garbage:0.03,busy:0.02"
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


async def play(options: Options, root: Path, tell: Teller) -> Report:
    """Run it all under an empty folder. Raises Failed where the run itself, rather than a check, breaks."""
    report = Report(str(root))
    async with Stage(root) as stage:
        tell.step("A new site: keys, certificates, signed directory, locked interfaces")
        site = await Site.make(stage)
        tell.step("The record system and PMH, with faults, and the gateway: three processes, mutual TLS between them")
        records = await _record_system(stage, site, options.seed)
        pmh = await Pmh.start(stage, site)
        daemon = await stage.start("gateway", *gateway("run", "--root", str(root)))
        async with Outside(Site.read(root), (await records.first_line())["port"]) as outside:
            await outside.ready(daemon)
            subject_numbers = await _day(options, site, outside, daemon, pmh, report, tell)
        tell.step("SIGTERM to all three; they drain and end")
        clean = await _stopped(daemon, records, pmh.process)
        report.check("all three processes ended cleanly", "exit status 0 after SIGTERM", passed=clean)
        report.faults = {name: n for name, n in records.last_line().items() if isinstance(n, int)}
        tell.step("Every fact of the log is hashed again")
        await _verify(stage, root, report)
    tell.step("Everything that was left behind is searched for the values that went through")
    _sweep(site, subject_numbers, report)
    return report


async def _record_system(stage: Stage, site: Site, seed: int) -> Process:
    """Start it on a free port, and point the connector there."""
    module = ("-m", "gateway_vaccination_records.simulator")
    faults = ("--faults", _FAULTS, "--seed", str(seed))
    process = await stage.start(
        "record_system", sys.executable, *module, "--config", str(site.record_system()), *faults
    )
    site.point_at((await process.first_line())["port"])
    return process


async def _day(  # noqa: PLR0913 - all that there is on that day
    options: Options, site: Site, outside: Outside, daemon: Process, pmh: Pmh, report: Report, tell: Teller
) -> set[str]:
    """What happens while the processes run; gives the numbers that the record system told."""
    tell.step("The municipal system puts its files into the exchange folder")
    dropped = ["city"]
    if options.file is not None:
        shutil.copyfile(options.file, _draft(site, "city"))
        total = count_rows(options.file)
    else:
        total = write_city(_draft(site, "city"), options.residents, options.seed, site.form)
        _draft(site, "tax").write_bytes(tax_file(options.seed, site.form))
        dropped.append("tax")
    for name in dropped:
        _draft(site, name).rename(site.exchange / "in" / f"{name}.csv")
    tell.step(f"{total:,} rows are on their way")
    await _watch([_status(site, name) for name in dropped], outside, daemon, total, tell)
    tell.step("A PMH key is asked for each number that has none")
    await all_issued(outside, daemon, total)
    report.deliveries = await outside.deliveries()
    if options.file is not None:
        await hold(outside, pmh, site, report)
        return _own_file(site, report)
    expectation = Expectation(max(1, options.residents // _ASKED_BACK))
    numbers = await _made_up(options, expectation, site, outside, report, tell)
    await hold(outside, pmh, site, report, expectation)
    return numbers


def _draft(site: Site, name: str) -> Path:
    """Where a file is written before it is renamed into `in/`."""
    return site.exchange / f"{name}.draft"


async def _watch(awaited: list[Path], outside: Outside, daemon: Process, total: int, tell: Teller) -> None:
    """Until the status files are there, which are written once, when the last row has ended."""
    patience = 60 + total / _ROWS_PER_SECOND_AT_LEAST
    try:
        async with asyncio.timeout(patience):
            while not all(path.exists() for path in awaited):
                daemon.running("the status files")
                tell.progress(await outside.ended(), total)
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise Failed(f"no status file after {patience:.0f} s") from None
    tell.progress(total, total)


def _own_file(site: Site, report: Report) -> set[str]:
    """A user's own file: nobody knows how its rows must end, so they are counted; that it was taken is held."""
    for row, ending in read_status(_status(site, "city"), site.form.codec):
        report.endings[ending] += 1
        if row == 0:
            place = f" at {ending.path}" if ending.path else ""
            told = (
                f"refused whole: {ending.code}{place}; the form is in plugins/gateway_health_management/README.md, "
                f"the encoding {site.form.encoding}, the municipality {MUNICIPALITY}"
            )
            report.check("your file was taken", told, passed=False)
    return set()


async def _made_up(
    options: Options, expectation: Expectation, site: Site, outside: Outside, report: Report, tell: Teller
) -> set[str]:
    """Each row against the way it was made, the tax file, what the record system holds, and a sample asked back."""
    made = rows(options.residents, options.seed, site.form)
    compare(expectation.gather(made), read_status(_status(site, "city"), site.form.codec), report)
    whole = list(read_status(_status(site, "tax"), site.form.codec))
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
    return {reply["record"]["vaccination_subject_no"] for reply in replies if "record" in reply}


async def _stopped(*processes: Process) -> bool:
    return [await process.stop() for process in processes] == [0] * len(processes)


async def _verify(stage: Stage, root: Path, report: Report) -> None:
    """The tenant's log and the system's, as anyone can do it who has the files."""
    status, out = await stage.run("verify", *gateway("log", "verify", "--root", str(root), "--json"))
    if status not in {0, 1}:
        raise Failed(f"log verify ended with {status}")
    report.logs = json.loads(out)
    for log in report.logs:
        told = f"{log['facts']:,} facts, {log['checkpoints']} checkpoints, root {log['root']}"
        report.check(f"log verify: {log['tenant']}", told, passed=log["problem"] is None)


def _sweep(site: Site, subject_numbers: set[str], report: Report) -> None:
    """Search everything under the root but the municipal system's own files and PMH's, then show that a planted one is
    found.
    """
    sought: dict[str, set[str]] = {"vaccination_subject_no": subject_numbers, "pmh_key": issued(site)}
    own = [site.exchange / name for name in ("in", "work", "done")]
    for file in sorted(own[2].iterdir()):
        for kind, values in canaries(file, site.form).items():
            sought.setdefault(kind, set()).update(values)
    swept = sweep([site.root], sought, leave_out=[*own, site.root / PMH_FOLDER])
    report.check("canary sweep", _told(swept), passed=not swept.findings)
    canary = next((value for values in sought.values() for value in values), None)
    if canary is None:  # somebody's own file, which the gateway could not read either
        return
    planted = site.root / "observed" / "planted.json"
    planted.write_text(json.dumps({"planted": canary}))
    found = sweep([planted], sought).findings
    report.check("a planted canary is found", "written to a file as JSON, found, deleted", passed=bool(found))
    planted.unlink()


def _told(swept: Sweep) -> str:
    seen = f"{swept.files:,} files, {swept.size / 1e6:,.1f} MB, {swept.canaries:,} values in {swept.forms:,} forms"
    found = [f"{each.place}: {each.kind} in {each.form}" for each in swept.findings[:5]]
    return "; ".join([seen, *(found or ["none found"])])


def _status(site: Site, name: str) -> Path:
    return site.exchange / "status" / f"{name}.status.csv"
