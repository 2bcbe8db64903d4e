"""The figures as tables for people, one line a measure and one column a case, or as one JSON object."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table as Grid

from bench.figures import Figure, Table


def show_json(machine: Mapping[str, Any], tables: Sequence[Table], wrong: Sequence[str]) -> None:
    """Everything on standard output."""
    figures = {
        table.title: {
            case: {measure: asdict(figure) for measure, figure in measures.items()}
            for case, measures in table.figures().items()
        }
        for table in tables
    }
    sys.stdout.write(json.dumps({"machine": machine, "figures": figures, "wrong": list(wrong)}, indent=1) + "\n")


def show(console: Console, machine: Mapping[str, Any], tables: Sequence[Table], wrong: Sequence[str]) -> None:
    """Medians, with the least and the most in brackets where there is more than one sample."""
    for table in tables:
        if figures := table.figures():
            console.print(_grid(table.title, figures))
    console.print(
        f"{machine['cores']} cores, of which others used {machine['others_cores']} meanwhile; "
        f"4 KiB with fsync: p50 {machine['fsync_p50_ms']} ms, p99 {machine['fsync_p99_ms']} ms; "
        f"Python {machine['python']}, {machine['system']}",
        highlight=False,
    )
    for sentence in wrong:
        console.print(f"WRONG: {sentence}", style="bold red", highlight=False)


def _grid(title: str, figures: Mapping[str, Mapping[str, Figure]]) -> Grid:
    grid = Grid(title=title, title_justify="left", title_style="bold")
    grid.add_column("", overflow="fold")
    for case in figures:
        grid.add_column(case, justify="right", overflow="fold")
    for measure in dict.fromkeys(measure for measures in figures.values() for measure in measures):
        grid.add_row(measure, *(_told(measures.get(measure)) for measures in figures.values()))
    return grid


def _told(figure: Figure | None) -> str:
    if figure is None:
        return ""
    if figure.samples == 1:
        return _number(figure.median)
    return f"{_number(figure.median)} ({_number(figure.least)}–{_number(figure.most)})"


def _number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
