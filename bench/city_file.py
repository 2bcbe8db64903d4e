"""The file that a made-up city sends in its exchange folder, and what comes back for it."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from gateway_demo_city.city import Row, rows
from gateway_demo_city.faults import GOOD
from gateway_demo_city.report import read_status
from gateway_demo_city.site import Site
from gateway_demo_city.stage import until

_SEED: Final = 1
_RESIDENTS: Final = 10_000_000
"""More than any file here has; always the same, because a city's size decides which of its rows are bad."""
_ROWS_PER_SECOND_AT_LEAST: Final = 200


def good_rows(count: int) -> Iterator[Row]:
    """So many rows of a made-up city, each of which must be accepted; a shorter city is the beginning of a longer."""
    return islice((row for row in rows(_RESIDENTS, _SEED) if row.kind == GOOD.kind), count)


def draft(site: Site, count: int) -> Path:
    """Write a city file beside the folders of the exchange folder, where nobody takes it."""
    file = site.exchange / "city.draft"
    with file.open("wb", buffering=1 << 20) as out:
        out.write(site.form.header() + b"\r\n")
        out.writelines(row.line + b"\r\n" for row in good_rows(count))
    return file


def send(site: Site, file: Path) -> None:
    """Let the gateway take it: a rename, as the municipal system does it."""
    file.rename(site.exchange / "in" / "city.csv")


async def ended(site: Site, running: Callable[[str], bool], count: int) -> None:
    """Until the status file is there, which is written once, when the last row has ended. Raises Failed."""
    awaited = _status(site).exists
    await until(lambda: running("the status file") and awaited(), 60 + count / _ROWS_PER_SECOND_AT_LEAST)


def accepted(site: Site) -> int:
    """How many rows the status file says are accepted."""
    return sum(ending.ending == "accepted" for _, ending in read_status(_status(site), site.form.codec))


def _status(site: Site) -> Path:
    return site.exchange / "status" / "city.status.csv"
