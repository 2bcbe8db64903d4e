"""PMH's part in the city's day: a process that issues keys, loses answers and lies once; and what must come of it.

Every number that somebody has is asked for, through the line, until each has its key or is in dispute.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Self

import aiohttp

from gateway_demo_city.expectation import Expectation
from gateway_demo_city.outside import Outside
from gateway_demo_city.peer import Peer
from gateway_demo_city.report import Report
from gateway_demo_city.site import PMH, PMH_FOLDER, Site
from gateway_demo_city.split import Split
from gateway_demo_city.stage import Failed, Process, Stage

FAULTS: Final = {"lie": 1, "drop": 1, "garbage": 1, "busy": 1, "asynchronous": 1, "token_lost": 1}
"""Each strikes so often. After `drop` and `garbage` the same numbers are asked again, and have their keys already."""
HONEST: Final = {name: times for name, times in FAULTS.items() if name != "lie"}
"""For a file of somebody's own: nobody is to wonder why a good row has no key."""
_NUMBERS_PER_SECOND_AT_LEAST: Final = 200


@dataclass(frozen=True, slots=True)
class Pmh:
    """The process that stands for PMH, and where it and the eligibility side before it listen."""

    process: Process
    port: int
    eligibility_port: int = 0

    @classmethod
    async def start(cls, stage: Stage, site: Site | Split, faults: Mapping[str, int] = FAULTS, more: str = "") -> Self:
        """On a free port; the connector is pointed there, and keys are to be asked for. `more` is configured too."""
        config = site.pmh_system(faults)
        with config.open("a") as file:
            file.write(more)
        process = await stage.start("pmh", sys.executable, "-m", "gateway_pmh.simulator", str(config))
        told = await process.first_line()
        site.point_at(told["port"], PMH)
        site.ask_keys()
        return cls(process, told["port"], told.get("eligibility_port", 0))


async def all_issued(outside: Outside, daemon: Process, rows: int) -> None:
    """Until no number wants a key any more. Raises Failed."""
    patience = 60 + rows / _NUMBERS_PER_SECOND_AT_LEAST
    try:
        async with asyncio.timeout(patience):
            while (await outside.keys())["wanted"]:
                daemon.running("PMH keys")
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise Failed(f"numbers still want their PMH key after {patience:.0f} s") from None


async def hold(
    outside: Outside, pmh: Pmh, site: Site | Split, report: Report, expectation: Expectation | None = None
) -> None:
    """The record system's account of keys against PMH's own, and, of a made-up city, against the way it was made."""
    held, told = await outside.keys(), await outside.pmh(pmh.port)
    report.keys = {
        "issued, and stored by the record system": held["issued"],
        "asked again, and reused: PMH had issued it before": told["rows"] - told["keys"],
        "disputed, and not stored": held["disputed"],
    }
    answered, detail = held["issued"] + held["disputed"], f"{told['keys']:,} keys issued by PMH"
    right = answered == told["keys"]
    if expectation is not None:
        least = expectation.numbers - expectation.deleted_numbers
        detail += f" for {expectation.numbers:,} numbers, {expectation.deleted_numbers:,} of them deleted since"
        right &= least <= answered <= expectation.numbers
    report.check("each number has one PMH key", detail, passed=right)
    lies = int(told["faults"].get("lie", 0))
    alarms = (site.beside / "observed" / "record_system.out").read_text(encoding="utf-8").count('"event": "dispute"')
    detail = f"{lies} lie, {held['disputed']} in dispute, {alarms} alarm"
    caught = "PMH answered with another number and was caught" if lies else "PMH answered with the number that was sent"
    report.check(caught, detail, passed=(held["disputed"], alarms) == (lies, lies))


async def keys_of(pmh: Pmh, outside: Outside, site: Split, numbers: Sequence[str]) -> list[str]:
    """The key of each number, as PMH tells it the eligibility side for the portal (F45, F46): the one that it has."""
    peer, settings = Peer(outside.session, *site.system(PMH, pmh.port)), site.offline.settings(PMH)
    await peer.put("/simulator/faults", {})
    secret = (site.offline.root / settings["client_secret"].removeprefix("file:")).read_text(encoding="ascii").strip()
    basic = {"Authorization": aiohttp.encode_basic_auth(settings["client_id"], secret)}
    token = await peer.form("/oauth2/token", {"grant_type": "client_credentials"}, basic)
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    rows = [{"rowNo": place, "modificationSeg": "1", "myNumber": number} for place, number in enumerate(numbers)]
    told = await peer.post("/v1/pmh-key-tasks", rows, bearer)
    return [row["issued"]["pmhKey"] for row in told["rows"]]


def issued(site: Site | Split) -> set[str]:
    """Every key that PMH ever issued, from its own database."""
    with closing(sqlite3.connect(site.beside / PMH_FOLDER / "keys.sqlite3")) as database:
        return {pmh_key for (pmh_key,) in database.execute("SELECT pmh_key FROM issued")}
