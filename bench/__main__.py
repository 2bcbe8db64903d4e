"""`python -m bench`: from options to figures and an exit status; 0 measured, 1 an outcome was wrong, 2 wrong usage."""

import argparse
import sys
import tempfile
from pathlib import Path

import uvloop
from rich.console import Console

from bench import machine
from bench.beside import Beside
from bench.bulk import WAYS as BULK_WAYS
from bench.bulk import Bulk
from bench.log_cost import LogCost
from bench.lookup import Lookups
from bench.message import Messages
from bench.portal import Queries
from bench.scene import scene
from bench.search import Searches
from bench.show import show, show_json
from bench.startup import StartUp
from bench.verify import Verifications
from gateway_demo_city.stage import Failed

_EPILOGUE = """\
Figures are medians over the rounds (least to most), each bulk sample with new processes and a new folder. The folders
are made where TMPDIR says: the disk there is what is measured. Nothing else should run on the machine."""


def main() -> int:
    """Measure everything that was asked for."""
    options = _options()
    console = Console(stderr=options.as_json, width=None if sys.stdout.isatty() else 120)
    messages, log_cost, queries = Messages.new(), LogCost.new(), Queries.new()
    bulk, lookups, start_up = Bulk.new(), Lookups.new(), StartUp.new()
    searches, verifications, beside = Searches.new(), Verifications.new(), Beside.new()
    measures = (messages, log_cost, queries, bulk, lookups, start_up, searches, verifications, beside)
    wrong: list[str] = []
    known = machine.describe(Path(tempfile.gettempdir()))
    others = machine.Others()
    try:
        uvloop.run(_measure(options, console, *measures))
    except Failed as failed:
        wrong.append(f"broke off: {failed}")
    known["others_cores"] = round(others.cores(), 2)
    wrong += [sentence for each in measures for sentence in each.wrong]
    tables = [each.table for each in measures]
    if options.as_json:
        show_json(known, tables, wrong)
    else:
        show(console, known, tables, wrong)
    return 1 if wrong else 0


async def _measure(  # noqa: C901, PLR0913  (each is one of the tables)
    options: argparse.Namespace,
    console: Console,
    messages: Messages,
    log_cost: LogCost,
    queries: Queries,
    bulk: Bulk,
    lookups: Lookups,
    start_up: StartUp,
    searches: Searches,
    verifications: Verifications,
    beside: Beside,
) -> None:
    turns = options.turns
    only = options.only
    if only in (None, "messages"):
        console.print(f"{turns} rounds of one-record messages: floors and line in turn", highlight=False)
        await messages.rounds(turns, options.seconds, options.singles)
        log_cost.rounds(turns, options.singles)
    if only in (None, "portal"):
        console.print(f"{turns} rounds of a resident's query: directly and through the line in turn", highlight=False)
        await queries.rounds(turns, options.seconds, options.singles)
    if only in (None, "search"):
        console.print(f"a log of {options.facts:,} facts, its index, and {turns} rounds of questions", highlight=False)
        await searches.rounds(turns, options.facts)
    if only in (None, "verify"):
        console.print(f"a log of {options.facts:,} facts, verified {options.rounds} times", highlight=False)
        await verifications.rounds(options.rounds, options.facts)
    if only in (None, "beside"):
        console.print(f"{turns} rounds of messages with what works beside the line, and without", highlight=False)
        await beside.rounds(turns, 5 * options.seconds)
    if only not in (None, "bulk"):
        return
    for number in range(options.rounds):
        for rows in options.rows:
            for way in BULK_WAYS:
                told = f"round {number + 1} of {options.rounds}: a file of {rows:,} rows, {way}"
                console.print(told, highlight=False)
                await bulk.sample(way, rows)
    if only is not None:
        return
    async with scene() as here:
        console.print(f"{options.rounds} rounds of {options.requests:,} look-ups each way", highlight=False)
        await lookups.rounds(here, options.rounds, options.requests)
        console.print(f"{options.starts} starts", highlight=False)
        await start_up.rounds(here, options.starts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench", description=__doc__, epilog=_EPILOGUE)
    parser.add_argument("--rows", type=int, nargs="+", metavar="N", help="rows of each file (5000 30000)")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of bulk, look-ups and verifying (3)")
    parser.add_argument(
        "--facts", type=int, metavar="N", help="facts of the log that is searched or verified (1000000)"
    )
    only = parser.add_mutually_exclusive_group()
    for name, told in (
        ("messages", "only what a message costs"),
        ("portal", "only a resident's query by way of the portal"),
        ("bulk", "only files, every way"),
        ("search", "only searches of a long log"),
        ("beside", "only what the search's index and exports cost the line"),
        ("verify", "only the verification of a long log"),
    ):
        only.add_argument(f"--{name}", action="store_const", const=name, dest="only", help=told)
    parser.add_argument("--quick", action="store_true", help="one or two short rounds of everything, two minutes")
    parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object on standard output")
    options = parser.parse_args()
    options.rows = options.rows or ([1000, 6000] if options.quick else [5000, 30_000])
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.facts = options.facts or (60_000 if options.quick else 1_000_000)
    options.requests, options.starts = (200, 2) if options.quick else (500, 5)
    options.turns, options.seconds, options.singles = (2, 0.6, 20) if options.quick else (9, 1.2, 60)
    if min(*options.rows, options.rounds) < 1:
        parser.error("there is nothing to measure with less than one")
    return options


if __name__ == "__main__":
    sys.exit(main())
