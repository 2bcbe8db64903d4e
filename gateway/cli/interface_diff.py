"""`gateway interface diff`: from a lock to what would take its place, and whom that breaks."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import astuple
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.locks import Output, SomeConnector, declared, hand_out, locked, locked_names
from gateway.cli.show import AsJson, Root, machine, stopped, tell
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.plugin.contract import Contract

    Pair = tuple[Contract, Contract]


class Form(StrEnum):
    """As what it is written."""

    LINES = "lines"
    CHANGE_TABLE = "change-table"
    CHANGE_CSV = "change-csv"


def diff(
    connector: SomeConnector = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="FILE_OR_ROOT",
            help="A lock file, or another root with config/: what would take the place of what is locked here.",
        ),
    ] = None,
    form: Annotated[
        Form, typer.Option("--form", help="Lines; or the table of changes (別添3), as Markdown or CSV.")
    ] = Form.LINES,
    output: Output = None,
    root: Root = Path(),
    as_json: AsJson = False,
) -> None:
    """Show what would change, and whom it breaks.

    From the lock to the installed plugin, or to what --against names; with a root and no CONNECTOR, every lock. A line
    each: - only in the lock, + only in the other, ~ other. Then the verdict: what no longer works (breaks), what
    somebody has to look at (heed), and for whom: senders, receivers, routes of the tenants here, messages in flight;
    and what `gateway check` would newly say. What breaks nobody may widen what flows: that is said, too, for people
    have to agree to it. As long as plugin and lock differ, the plugin does not run.
    """
    if connector is None and (against is None or against.is_file()):
        raise typer.BadParameter("name a CONNECTOR; only --against another root does without")
    if as_json and form is not Form.LINES:
        raise typer.BadParameter("--json is the verdict for machines; it has no other --form")
    with stopped():
        pairs = _pairs(root, connector, against)
        told = _judged(pairs, *_configurations(root, against, pairs))
        if as_json:
            machine(told)
        elif form is Form.LINES:
            if told["differs"] or told["problems"]:
                tell(f"from what is locked in {root / 'config/interfaces'} to {against or 'the installed plugin'}:")
            for line in _lines(pairs, told):
                tell(line)
        else:
            hand_out(_table(pairs, form), output)
        if told["breaks"] if against is not None else told["differs"]:
            raise typer.Exit(1)


def shown(root: Path, before: "Contract", after: "Contract") -> list[str]:
    """The lines for one lock that another is about to replace."""
    pairs = [(before, after)]
    return [*_lines(pairs, _judged(pairs, *_configurations(root, None, pairs)))]


def _pairs(root: Path, connector: str | None, against: Path | None) -> "list[Pair]":
    """Each lock with what would take its place. Raises Misconfigured."""
    if against is None:
        return [(locked(root, connector or ""), declared(connector or ""))]
    if against.is_file():
        other = _lock_file(against)
        if other.connector != connector:
            raise Misconfigured((f"{against}: is the lock of {other.connector}, not of {connector}",))
        return [(locked(root, connector), other)]
    if not (against / "config/interfaces").is_dir():
        raise Misconfigured((f"{against}: is neither a lock file nor a root with config/interfaces",))
    every = locked_names(root) | locked_names(against)
    if connector is not None and connector not in every:
        locked(root, connector)  # says what is locked
    names = sorted(every) if connector is None else [connector]
    return [(_lock_or_none(root, name), _lock_or_none(against, name)) for name in names]


def _lock_file(file: Path) -> "Contract":
    from pydantic import ValidationError

    from gateway.config import sentences
    from gateway.plugin.contract import Contract

    data, written = file.read_bytes(), None
    try:
        written = json.loads(data)
        return Contract.model_validate_json(data)
    except (ValueError, RecursionError) as wrong:
        why = sentences(wrong, Contract, written) if isinstance(wrong, ValidationError) else ("it is not JSON",)
        what = f"{file}: is no lock file, such as config/interfaces/CONNECTOR.json"
        raise Misconfigured((what, *(f"  {each}" for each in why))) from None


def _lock_or_none(root: Path, name: str) -> "Contract":
    """The lock; where there is none, one without operations, so that all of the other is added or gone."""
    from gateway.plugin.contract import Contract

    return locked(root, name) if name in locked_names(root) else Contract(connector=name, version="", operations=())


def _configurations(root: Path, against: Path | None, pairs: "list[Pair]") -> "tuple[Config | None, Config | None]":
    """The configuration as it is, and as it would be; None where there are only locks: nobody knows whom it breaks."""
    from gateway.config import read
    from gateway.interfaces import with_locks

    try:
        present = read(root)
        if against is not None and (against / "config/gateway.toml").exists():
            return present, read(against)
        return present, with_locks(present, [after for _, after in pairs])
    except Misconfigured:
        return None, None


def _judged(pairs: "list[Pair]", present: "Config | None", coming: "Config | None") -> dict[str, Any]:
    """The verdict as data: of each interface its changes and effects, and what the check would newly say."""
    from gateway.interfaces import fresh_problems, gone, judge

    now = datetime.now(UTC)
    verdicts = [
        (before, after, judge(before, after, present if gone(before, after) else coming, now))
        for before, after in pairs
    ]
    problems = fresh_problems(present, coming) if present is not None and coming is not None else ()
    return {
        "differs": any(before.digest() != after.digest() for before, after in pairs),
        "breaks": bool(problems) or any(verdict.breaks for *_, verdict in verdicts),
        "widens": any(verdict.widens for *_, verdict in verdicts),
        "routes_known": coming is not None,
        "problems": list(problems),
        "interfaces": [
            {
                "connector": after.connector,
                "before": before.digest(),
                "after": after.digest(),
                "changes": [each.plain() for each in verdict.changes],
                "effects": [each.plain() for each in verdict.effects],
            }
            for before, after, verdict in verdicts
        ],
    }


def _lines(pairs: "list[Pair]", told: dict[str, Any]) -> Iterator[str]:
    from gateway.edge.plugins import difference

    if not told["differs"] and not told["problems"]:
        yield "no difference"
        return
    for before, after in pairs:
        found = list(difference(before, after))
        yield from ([f"{after.connector}:"] if found and len(pairs) > 1 else [])
        yield from found
    yield ""
    if not told["routes_known"]:
        yield "the configuration cannot be read here, so whoever there may be is taken to be concerned"
    for each in told["interfaces"]:
        named = f"{each['connector']}: " if len(pairs) > 1 else ""
        yield from (f"{named}{effect['sentence']}" for effect in each["effects"])
    yield from (f"breaks the configuration: {each}" for each in told["problems"])
    yield "verdict: it breaks somebody" if told["breaks"] else "verdict: it breaks nobody"
    if told["widens"]:
        yield "it widens what may flow: have the lock reviewed before it runs, and see whether the assessment allows it"


def _table(pairs: "list[Pair]", form: Form) -> str:
    from gateway.interfaces import as_markdown, change_table, changes

    found = [
        row
        for before, after in pairs
        for row in change_table(after.label or before.label or after.connector, changes(before, after))
    ]
    if form is Form.CHANGE_TABLE:
        return as_markdown(found)
    from gateway.cli.report_file import guarded
    from gateway.interfaces import COLUMNS

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([guarded(cell) for cell in astuple(row)] for row in found)
    return "\ufeff" + out.getvalue()  # so that offices' spreadsheets read UTF-8
