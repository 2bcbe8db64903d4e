"""Shows a run while it goes on and what it found: progress and tables on a terminal, plain lines elsewhere."""

import json
import sys
from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from gateway_demo_city.report import Report

_PLAIN_EVERY: Final = 0.25


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
        self._bar.update(self._task, completed=min(done, total))

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def show(report: Report, console: Console, *, as_json: bool) -> None:
    """The report as tables, or as one JSON object."""
    if as_json:
        sys.stdout.write(json.dumps(report.plain(), ensure_ascii=False, indent=1) + "\n")
        return
    for table in (_kinds(report), _endings(report), _mismatches(report), _deliveries(report), _checks(report)):
        if table.row_count:
            console.print(table)
    verdict = "[bold green]All of it held.[/]" if report.passed else "[bold red]Something did not hold.[/]"
    console.print(f"{verdict} {report.seconds:.1f} s", highlight=False)


def _table(title: str, columns: Iterable[str], numbers: int = 0) -> Table:
    """A table whose last columns, `numbers` of them, are figures."""
    table = Table(title=title, title_justify="left", title_style="bold")
    names = list(columns)
    for position, name in enumerate(names):
        table.add_column(name, justify="right" if position >= len(names) - numbers else "left", overflow="fold")
    return table


def _kinds(report: Report) -> Table:
    table = _table("What was in the file, and how it had to end", ("row", "ends", "code", "field", "rows", "right"), 2)
    for each in sorted(report.kinds, key=lambda each: -each.rows):
        must = each.expected
        cells = (each.kind, must.ending, must.code or "", must.path or "", f"{each.rows:,}", f"{each.right:,}")
        table.add_row(*cells, style=None if each.rows == each.right else "red")
    return table


def _endings(report: Report) -> Table:
    table = _table("What went where, what was refused and why", ("ended", "code", "field", "rows"), 1)
    for ending, rows in report.endings.most_common():
        went = "accepted → record system" if ending.ending == "accepted" else ending.ending
        table.add_row(went, ending.code or "", ending.path or "", f"{rows:,}")
    return table


def _mismatches(report: Report) -> Table:
    table = _table("Rows that ended otherwise", ("row", "kind", "expected", "actual"))
    for each in report.mismatches:
        ends = [
            " ".join(filter(None, (e.ending, e.code, e.path))) if e else "nothing" for e in (each.expected, each.actual)
        ]
        table.add_row(str(each.row), each.kind, *ends)
    return table


def _deliveries(report: Report) -> Table:
    table = _table("Deliveries, and the faults that the record system was made to show", ("what", "times"), 1)
    for counts, what in ((report.deliveries, "delivery"), (report.faults, "fault")):
        for name, times in counts.items():
            table.add_row(f"{what}: {name}", f"{times:,}")
    return table


def _checks(report: Report) -> Table:
    table = _table("What had to hold", ("check", "", "detail"))
    for each in report.checks:
        table.add_row(each.name, "[green]yes[/]" if each.passed else "[bold red]NO[/]", each.detail)
    return table
