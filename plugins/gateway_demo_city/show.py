"""Shows a run while it goes on and what it found: progress and tables on a terminal, plain lines elsewhere."""

import json
import sys
from collections.abc import Iterable
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from gateway_demo_city.faults import Expected
from gateway_demo_city.report import Report

_PLAIN_EVERY: Final = 0.25
_WHY: Final = "rule and field"
_WIDEST_CODE: Final = 25
_OUTCOMES: Final = ("accepted", "duplicate", "refused", "deferred", "dead")
_ROWS: Final = "What went where, what was refused and why"


class Live:
    """Tells each step as a line, and the rows' way as a bar; without a terminal, as a line at each quarter."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._told = 0.0

    def step(self, text: str) -> None:
        """One more step begins."""
        self.close()
        self._console.print(f"[bold cyan]›[/] {text}" if self._console.is_terminal else f"> {text}", highlight=False)

    def progress(self, done: int, total: int) -> None:
        """So many of the rows have ended."""
        done = min(done, total)
        if not self._console.is_terminal:
            share = done / total if total else 1.0
            if share >= self._told + _PLAIN_EVERY:
                self._told = share
                self._console.print(f"  {done:,} of {total:,}", highlight=False)
            return
        if self._bar is None:
            columns = (TextColumn("  rows"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=self._console)
            self._task = self._bar.add_task("rows", total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def show(report: Report, console: Console, *, as_json: bool) -> None:
    """The report as tables, or as one JSON object."""
    if as_json:
        sys.stdout.write(json.dumps(report.plain(), indent=1) + "\n")
        return
    rows = _kinds(report) if report.kinds else _endings(report)
    for table in (
        rows,
        _mismatches(report),
        _keys(report),
        _day(report),
        _deliveries(report),
        _faults(report),
        _attempts(report),
    ):
        if table.row_count:
            console.print(table)
    console.print(_checks(report))
    verdict = "[bold green]All of it held.[/]" if report.passed else "[bold red]Something did not hold.[/]"
    console.print(f"{verdict} {report.seconds:.1f} s", highlight=False)


def _table(title: str, columns: Iterable[str], numbers: int = 0) -> Table:
    """A table whose last columns, `numbers` of them, are figures."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    names = list(columns)
    for position, name in enumerate(names):
        justify: JustifyMethod = "right" if position >= len(names) - numbers else "left"
        table.add_column(name, justify=justify, overflow="fold", min_width=_WIDEST_CODE if name == _WHY else None)
    return table


def _kinds(report: Report) -> Table:
    table = _table(_ROWS, ("row", "ended", _WHY, "rows", "right"), 2)
    for each in sorted(report.kinds, key=lambda each: -each.rows):
        figures = f"{each.rows:,}", f"{each.right:,}"
        table.add_row(each.kind, *_ending(each.expected), *figures, style=None if each.rows == each.right else "red")
    return table


def _endings(report: Report) -> Table:
    table = _table(_ROWS, ("ended", _WHY, "rows"), 1)
    for ending, rows in report.endings.most_common():
        table.add_row(*_ending(ending), f"{rows:,}")
    return table


def _ending(ending: Expected) -> tuple[str, str]:
    ended = "recorded" if ending.ending == "accepted" else ending.ending
    return ended, f"{ending.code or ''} {ending.path or ''}".strip()


def _mismatches(report: Report) -> Table:
    table = _table("Rows that ended otherwise", ("row", "kind", "expected", "actual"))
    for each in report.mismatches:
        ends = [
            " ".join(filter(None, (e.ending, e.code, e.path))) if e else "nothing" for e in (each.expected, each.actual)
        ]
        table.add_row(str(each.row), each.kind, *ends)
    return table


def _deliveries(report: Report) -> Table:
    table = _table(
        "Records that the hub delivered, answers included", ("to", "attempts", *_OUTCOMES), 1 + len(_OUTCOMES)
    )
    for destination, counts in report.deliveries.items():
        table.add_row(destination, *(f"{counts.get(name, 0):,}" for name in ("attempts", *_OUTCOMES)))
    return table


def _faults(report: Report) -> Table:
    table = _table("Faults that the record system was made to show", ("fault", "times"), 1)
    for name, times in report.faults.items():
        if times:
            table.add_row(name, f"{times:,}")
    return table


def _keys(report: Report) -> Table:
    table = _table("PMH keys", ("what", "numbers"), 1)
    for name, numbers in report.keys.items():
        table.add_row(name, f"{numbers:,}")
    return table


def _day(report: Report) -> Table:
    table = _table("One day", ("what", "number"), 1)
    for what, number in report.day.items():
        table.add_row(what, f"{number:,}")
    return table


def _attempts(report: Report) -> Table:
    table = _table("What must fail", ("who", "attempt", "refused", "HTTP"), 1)
    for each in report.attempts:
        held = each.expected == each.actual
        ended = f"{each.actual.code or each.actual.ending} {each.actual.path or ''}".strip()
        status = "" if each.status is None else str(each.status)
        table.add_row(each.who, each.what, ended, status, style=None if held else "red")
    return table


def _checks(report: Report) -> Table:
    table = _table("What had to hold", ("check", "held", "detail"))
    for each in report.checks:
        table.add_row(each.name, "[green]yes[/]" if each.passed else "[bold red]NO[/]", each.detail)
    return table
