"""`gateway log report`: what the log says of a period or of one person, for an office; asked of the running gateway."""

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gateway.cli.days import named_days
from gateway.cli.report_file import FACTS, Sheet, facts_of, named, numbered, sheet
from gateway.cli.search import person_tags
from gateway.cli.show import As, AsJson, Root, Tenant, Terminal, a_case, machine, rows, stopped, tell
from gateway.errors import Misconfigured

Name = Literal["disclosure", "provisions", "unpermitted", "fields", "slips", "deletions", "unusual", "users"]
"""Those of `gateway.hub.reports.REPORTS`, which takes longer to import than to ask (a test holds both together)."""
OF_PERSON = frozenset({"disclosure"})


def _day(name: str, told: str) -> Any:
    return typer.Option(f"--{name}", metavar="DAY", help=told, formats=["%Y-%m-%d"])


def report(  # noqa: PLR0913  (each is one option)
    name: Annotated[Name, typer.Argument(metavar="NAME", help="Which one.")],
    tenant: Tenant,
    since: Annotated[datetime | None, _day("since", "The first day, Japan's. [default: the log's first]")] = None,
    until: Annotated[datetime | None, _day("until", "The last day, Japan's. [default: today]")] = None,
    person: Annotated[
        list[Path] | None,
        typer.Option(
            "--person", metavar="FILE", help="Of this person, by the tags of gateway keys tags; once a connector."
        ),
    ] = None,
    reason: Annotated[
        Literal["disclosure_request", "correction", "incident", "audit"] | None,
        typer.Option("--reason", help="With --person: why."),
    ] = None,
    case: Annotated[
        str | None, typer.Option("--case", metavar="ID", callback=a_case, help="With --person: under which case.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write it: a new FILE.md or FILE.csv, or a new file in a folder."),
    ] = None,
    root: Root = Path(),
    as_: As = None,
    terminal: Terminal = None,
    as_json: AsJson = False,
) -> None:
    """Make a report of the central log.

    A table, or with --out a file for an office: title, period, when and by whom, over which facts, and what the numbers
    mean. Every row names the facts that it was made of. That it was made is a fact of the log itself. A file
    is for its owner alone, and none is overwritten.
    """
    if bool(person) != (reason is not None) or bool(person) != (case is not None):
        raise typer.BadParameter("--person, --reason and --case go together")
    if bool(person) != (name in OF_PERSON):
        told = "is about one person: name the tags with --person, once for each connector, with --reason and --case"
        raise typer.BadParameter(f"{name} {told if name in OF_PERSON else 'is about nobody: leave --person out'}")
    days = named_days(since, until)
    asked: dict[str, Any] = {**days}
    with stopped():
        if person:
            asked["person"] = {"by": [person_tags(each) for each in person], "reason": reason, "case": case}
        to = named(out, name, tenant, list(days.values())) if out is not None else None
        path = f"/v1/{tenant}/reports/{name}"
        with sheet(to) if to is not None else contextlib.nullcontext(_Shown(as_json=as_json)) as into:
            count = _made(root, path, asked, into, as_=as_, terminal=terminal)
        if to is not None:
            tell(f"{to}: {count} rows")


def _made(root: Path, path: str, asked: dict[str, Any], into: Sheet, **how: Any) -> int:
    """Each line as it comes; how many rows there were. Raises Misconfigured if the last line does not come."""
    from gateway.cli.operator import BROKE_OFF, ask_lines

    ended: int | None = None

    def take(line: dict[str, Any]) -> None:
        nonlocal ended
        try:
            if "columns" in line:
                into.begin(line)
            elif "cells" in line:
                into.row(line)
            else:
                ended = int(line["rows"])
                into.end(ended)
        except BrokenPipeError:  # whoever reads what is printed has had enough
            raise
        except OSError as error:  # it is the file, and no fault of the gateway
            raise Misconfigured((f"--out: cannot be written: {error.strerror}",)) from None

    ask_lines(root, path, take, body=asked, **how)
    if ended is None:
        raise Misconfigured((BROKE_OFF,))
    return ended


class _Shown:
    """A report on the terminal, or as JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._head: dict[str, Any] = {}
        self._rows: list[dict[str, Any]] = []

    def begin(self, head: Any) -> None:
        """Remember what it is."""
        self._head = head

    def row(self, row: Any) -> None:
        """Remember it: a table is as wide as its widest row."""
        columns = [name if self._as_json else label for name, label in self._head["columns"]]
        facts = row["facts"] if self._as_json else numbered(row["facts"])
        self._rows.append(
            dict(zip(columns, row["cells"], strict=True)) | {FACTS if not self._as_json else "facts": facts}
        )

    def end(self, rows_: int) -> None:
        """Print it."""
        if self._as_json:
            machine({**self._head, "rows": self._rows})
            return
        for line in (*self._head["title"], *facts_of(self._head)):
            tell(line)
        rows(self._rows, empty="none")
        for english, japanese in self._head["notes"]:
            tell(f"- {english}\n  {japanese}")
