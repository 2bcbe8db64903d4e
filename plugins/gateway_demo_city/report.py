"""What a demo run found out, as plain data: counts, codes, fields of the interface and row numbers, never a value."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gateway_demo_city.faults import Expected

_MISMATCHES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that had to hold, whether it did, and a sentence about it."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A row that ended otherwise than the way it was made demands."""

    row: int
    kind: str
    expected: Expected
    actual: Expected | None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of row in the file: how many there were, and how many ended as they must."""

    kind: str
    expected: Expected
    rows: int
    right: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that had to be refused: who tried what, how it had to end and ended; the HTTP status, if told."""

    who: str
    what: str
    expected: Expected
    actual: Expected
    status: int | None = None


@dataclass(slots=True)
class Report:
    """Everything that the tables at the end show. `passed` is the exit status."""

    root: str
    checks: list[Check] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    endings: Counter[Expected] = field(default_factory=Counter)
    mismatches: list[Mismatch] = field(default_factory=list)
    deliveries: dict[str, dict[str, int]] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    day: dict[str, int] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)

    def check(self, name: str, detail: str, *, passed: bool) -> None:
        """Note one more thing that had to hold."""
        self.checks.append(Check(name, passed, detail))

    def plain(self) -> dict[str, Any]:
        """The machine form: JSON values only."""
        return {
            "passed": self.passed,
            "seconds": round(self.seconds, 2),
            "root": self.root,
            "checks": [asdict(check) for check in self.checks],
            "endings": [{**asdict(ending), "rows": rows} for ending, rows in self.endings.items()],
            "kinds": [asdict(kind) for kind in self.kinds],
            "mismatches": [asdict(each) for each in self.mismatches],
            "deliveries": self.deliveries,
            "faults": self.faults,
            "keys": self.keys,
            "day": self.day,
            "attempts": [asdict(each) for each in self.attempts],
            "logs": self.logs,
        }


def read_status(path: Path, encoding: str) -> Iterator[tuple[int, Expected]]:
    """How each row of a file ended, in its order, from its status file; row 0 is the file as a whole."""
    with path.open(encoding=encoding, newline="") as file:
        for line in csv.DictReader(file):
            yield int(line["行番号"]), Expected(line["状態コード"], line["規則コード"] or None, line["項目"] or None)


def compare(
    expected: Iterable[tuple[int, str, Expected]], statuses: Iterable[tuple[int, Expected]], report: Report
) -> None:
    """Hold each row (number, kind, expected ending) against its status, both in the file's order; note the result."""
    rows: Counter[tuple[str, Expected]] = Counter()
    right: Counter[tuple[str, Expected]] = Counter()
    wrong = 0
    for number, kind, must, actual in _side_by_side(expected, statuses):
        rows[kind, must] += 1
        if actual is not None:
            report.endings[actual] += 1
        if actual == must:
            right[kind, must] += 1
        else:
            wrong += 1
            report.mismatches += [Mismatch(number, kind, must, actual)] if wrong <= _MISMATCHES_SHOWN else []
    report.kinds = [Kind(kind, must, many, right[kind, must]) for (kind, must), many in rows.items()]
    told = f"{rows.total() - wrong:,} of {rows.total():,} rows ended as the way they were made demands"
    report.check("each row's outcome", told, passed=wrong == 0)


def _side_by_side(
    expected: Iterable[tuple[int, str, Expected]], statuses: Iterable[tuple[int, Expected]]
) -> Iterator[tuple[int, str, Expected, Expected | None]]:
    """Each expected row with its status. A status that no row expects stands beside an expectation of nothing."""
    rest = iter(statuses)
    status = next(rest, None)
    for number, kind, must in expected:
        while status is not None and status[0] < number:
            yield status[0], "no such row", _NOTHING, status[1]
            status = next(rest, None)
        if status is not None and status[0] == number:
            yield number, kind, must, status[1]
            status = next(rest, None)
        else:
            yield number, kind, must, None
    for beyond in [status, *rest] if status is not None else []:
        yield beyond[0], "no such row", _NOTHING, beyond[1]


_NOTHING = Expected("nothing")
