"""Equal rows into a table that folds between words only: an id is whole, and can be copied, on a narrow terminal too.

Where the words of a row do not fit beside each other, each row becomes a block of its own, a line for each column.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

_PIPE: Final = 240
"""The width where there is no terminal: a row stays one line."""
_GAP: Final = 2


def draw(found: Sequence[Mapping[str, Any]]) -> None:
    """Print rows, at least one; all have the keys of the first."""
    console = Console(width=None if sys.stdout.isatty() else _PIPE, highlight=False)
    columns = {key: [key, *(_text(row[key]) for row in found)] for key in found[0]}
    widths = _widths(list(columns.values()), console.width)
    if widths is None:
        _blocks(found, console)
        return
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    for key, width in zip(columns, widths, strict=True):
        table.add_column(key, width=width)
    for row in found:
        table.add_row(*map(_cell, row.values()))
    console.print(table)


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """As wide as the longest word, and wider where there is room and text for it; None if the words do not fit."""
    widths = [max(cell_len(word) for text in texts for word in text.split() or [""]) for texts in columns]
    wants = [max(map(cell_len, texts)) - width for texts, width in zip(columns, widths, strict=True)]
    spare = room - sum(widths) - _GAP * (len(columns) - 1)
    if spare < 0:
        return None
    for others, at in enumerate(sorted(range(len(columns)), key=wants.__getitem__)):
        given = min(wants[at], spare // (len(columns) - others))
        widths[at] += given
        spare -= given
    return widths


def _blocks(found: Sequence[Mapping[str, Any]], console: Console) -> None:
    width = max(map(cell_len, found[0]))
    for row in found:
        for key, value in row.items():
            console.print(f"{key:<{width}}  {_cell(value)}".rstrip(), soft_wrap=True)
        console.print()


def _cell(value: Any) -> str:
    text = escape(_text(value))
    return f"[red]{text}[/red]" if value is False else text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
