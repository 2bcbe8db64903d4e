"""Turns a seed into a city file as a municipal system writes it, and into the outcome that each of its rows must have.

The expectation comes from the way a row was made and never from the gateway. Rows are made in blocks, so that a city
of any size takes the same memory, and the same seed makes the same bytes.
"""

import csv
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final

from gateway_demo_city.faults import FAULTS, GOOD, Expected, Fault
from gateway_demo_city.form import Form
from gateway_demo_city.people import Cells, Pools, later, life, resident

_BLOCK: Final = 512
_ONE_BAD_IN: Final = 27
FORM: Final = Form()
PERSONAL: Final = ("internal_no", "individual_number", "name", "name_kana", "address", "guardian_name")
TAX_COLUMNS: Final = ("課税年度", "市民税額")
_REPLACED: Final = "\ufffd"
CANARY_LENGTH: Final = 12
"""In characters: shorter values turn up by chance."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file without its line end. `number` counts data rows from 1; `kind` is why the row is there."""

    number: int
    kind: str
    expected: Expected
    line: bytes = field(repr=False)
    cells: Cells = field(repr=False)


@dataclass(frozen=True, slots=True)
class CityFile:
    """A whole city in memory: the file's bytes, and its rows with their expectations."""

    content: bytes = field(repr=False)
    rows: tuple[Row, ...] = field(repr=False)


def rows(residents: int, seed: int, form: Form = FORM) -> Iterator[Row]:
    """The city's data rows in file order: about 1.25 rows for each resident, about 3 % of the rows bad."""
    pools = Pools.seeded(seed)
    number = 0
    for block, start in enumerate(range(0, residents, _BLOCK)):
        random = Random(f"{seed}/{block}")
        for cells, fault in _mixed(range(start, min(start + _BLOCK, residents)), residents, random, pools):
            number += 1
            yield Row(number, fault.kind, fault.expected, fault.write(cells, form), cells)


def neighbours(residents: int, seed: int) -> list[Cells]:
    """The residents of the city's first block, each as the last good row left the person, in the file's order."""
    last: dict[str, Cells] = {}
    for cells, fault in _mixed(range(min(_BLOCK, residents)), residents, Random(f"{seed}/0"), Pools.seeded(seed)):
        if fault is GOOD:
            last[cells["internal_no"]] = cells
    return list(last.values())


def write_city(path: Path, residents: int, seed: int, form: Form = FORM) -> int:
    """Write the city file and return how many data rows it has; the memory needed does not grow with it."""
    written = 0
    with path.open("wb", buffering=1 << 20) as file:
        file.write(form.header() + b"\r\n")
        for row in rows(residents, seed, form):
            file.write(row.line + b"\r\n")
            written += 1
    return written


def make_city(residents: int = 1000, seed: int = 1, form: Form = FORM) -> CityFile:
    """The same file in memory, with its rows."""
    made = tuple(rows(residents, seed, form))
    return CityFile(b"".join(line + b"\r\n" for line in (form.header(), *(row.line for row in made))), made)


def tax_file(seed: int, form: Form = FORM) -> bytes:
    """A small file with a tax column, which must be refused whole (rule 8)."""
    lines = [form.header(TAX_COLUMNS)]
    lines += [row.line + b',"2026","0"' for row in rows(20, seed, form) if row.kind == GOOD.kind]
    return b"".join(line + b"\r\n" for line in lines)


def count_rows(file: Path) -> int:
    """About how many data rows a file has: its lines but the header."""
    with file.open("rb") as lines:
        return max(0, sum(1 for _ in lines) - 1)


def canaries(file: Path, form: Form = FORM, most_rows: int = 2000) -> dict[str, set[str]]:
    """The personal values of a file that are long enough to be unmistakable: item name → values.

    Any file of that form will do, also one that nobody made up. Of a larger file every n-th row is read.
    """
    found: dict[str, set[str]] = {name: set() for name in PERSONAL}
    names = dict(form.columns)
    every = 1 + count_rows(file) // (most_rows + 1)
    # csv.Error: somebody's own file need not be CSV to its end; what could be read so far is sought.
    with file.open(encoding=form.encoding, errors="replace", newline="") as lines, suppress(csv.Error):
        for row in islice(csv.DictReader(lines), 0, None, every):
            for header, value in row.items():
                name = names.get(header, "")
                if name in found and value and len(value) >= CANARY_LENGTH and _REPLACED not in value:
                    found[name].add(value)
    return found


def _mixed(ordinals: range, residents: int, random: Random, pools: Pools) -> list[tuple[Cells, Fault]]:
    """The rows of a block, shuffled, while each person's own rows keep their order."""
    one_bad_in = max(1, min(_ONE_BAD_IN, residents // len(FAULTS)))
    placed: list[tuple[float, int, Cells, Fault]] = []
    for ordinal in ordinals:
        states = life(resident(ordinal, random, pools), random, pools)
        written = [(cells, GOOD) for cells in states]
        turn, rest = divmod(ordinal, one_bad_in)
        if rest == 0:
            fault = FAULTS[turn % len(FAULTS)]
            base = states[-1] if fault.repeats else later(states[-1], random)
            written.append((fault.change(base, random), fault))
        places = sorted(random.random() for _ in written)
        placed += [(place, n, *each) for n, (place, each) in enumerate(zip(places, written, strict=True))]
    return [(cells, fault) for _, _, cells, fault in sorted(placed, key=lambda each: each[:2])]
