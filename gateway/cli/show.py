"""What a command prints: tables on a terminal, JSON for machines, and what stands in the way as sentences."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.errors import GatewayError, Misconfigured

Root = Annotated[Path, typer.Option("--root", help="The directory that holds config/ and keys/.")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


def _code(text: str) -> str:
    if not (len(text) == 6 and text.isascii() and text.isdigit()):
        raise typer.BadParameter("a tenant is a municipality code of 6 digits")
    return text


Tenant = Annotated[str, typer.Argument(callback=_code, help="The tenant's 6-digit code.")]


def rows(found: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str = "nothing") -> None:
    """A list of equal rows, as a table or as JSON."""
    if as_json:
        typer.echo(json.dumps(list(found), ensure_ascii=False, indent=1))
        return
    if not found:
        typer.echo(empty)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*(str(key) for key in found[0]), box=box.SIMPLE)
    for row in found:
        table.add_row(*(_cell(value) for value in row.values()))
    # Into a pipe a row stays one line; on a terminal it folds.
    Console(width=None if sys.stdout.isatty() else 240).print(table)


def _cell(value: Any) -> str:
    from rich.markup import escape

    if isinstance(value, bool):
        return "yes" if value else "[red]no[/red]"
    return "" if value is None else escape(str(value))


@contextlib.contextmanager
def stopped() -> Iterator[None]:
    """Whatever stands in the way of a command goes to stderr, a sentence a line; exit status 2 for a wrong
    configuration, 1 for what was found wrong.
    """
    try:
        yield
    except Misconfigured as wrong:
        for each in wrong.problems:
            typer.echo(each, err=True)
        raise typer.Exit(2) from None
    except GatewayError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
