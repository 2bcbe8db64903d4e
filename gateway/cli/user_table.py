"""`gateway people review`: the users, held against the officer's own table of rights (C047)."""

import codecs
import csv
import hashlib
import io
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.show import AsJson, Root, Tenant, Terminal, machine, read_input, rows, stopped, tell
from gateway.errors import Misconfigured

_KEYS = ("person", "role", "until")
_HEADS = {"職員ID": "person", "職員番号": "person", "役割": "role", "最終日": "until"}
"""What an office calls these columns, and the report of users does."""
_SHOWN = 16


def review(  # noqa: PLR0913  (each is one thing that a review says)
    tenant: Tenant,
    table: Annotated[Path, typer.Argument(metavar="FILE", help="Your table: .csv or .toml with person, role, until.")],
    as_: Annotated[Path, typer.Option("--as", metavar="FILE", help="Your personal certificate, its .key beside it.")],
    sign: Annotated[bool, typer.Option("--sign", help="Sign that you compared them, and open findings.")] = False,
    root: Root = Path(),
    terminal: Terminal = None,
    as_json: AsJson = False,
) -> None:
    """Hold the users against your own table of rights.

    Every right, as the system and as the table have it: agrees, differs (in the last day), missing_here (the table
    alone has it), missing_there (the system alone has it); with its certificate and the day of the person's last act.
    The table has a row for each right: staff id, role, last day (none for what config/ gives); what else stands in it
    is left here. --sign is a fact with your name, the file's SHA-256 and the counts, and each difference a finding. For
    administrators, officers and approvers; auditors may look. The looking itself becomes a fact.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        body = _table(table)
        found = ask_hub(root, "POST", f"/v1/{tenant}/users", body=body, as_=as_, terminal=terminal)
        if as_json:
            machine(found)
        else:
            rows([_row(each) for each in found], empty="nobody")
        if sign:  # nobody signs what was not shown
            signed = ask_hub(root, "POST", f"/v1/{tenant}/users/sign", body=body, as_=as_, terminal=terminal)
            tell("signed: " + ", ".join(f"{word} {count}" for word, count in signed.items()), err=as_json)
    if not sign and any(each["found"] != "agrees" for each in found):
        raise typer.Exit(1)


def _row(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "person": found["person"],
        "role": found["role"],
        "until": found["until"],
        "in the table": found["table_until"],
        "found": found["found"],
        "certificate": (found.get("certificate") or "")[:_SHOWN],
        "last act": found["last_act"],
    }


def _table(file: Path) -> dict[str, Any]:
    """Its rows, without what is not asked for, and its digest. Raises Misconfigured."""
    said = read_input(file)
    try:
        read = list(_of_toml(said) if file.suffix == ".toml" else _of_csv(said))
    except (ValueError, LookupError, TypeError, AttributeError) as unread:
        told = "has no rows of person, role and until: a CSV file with these columns, or TOML with [[rights]]"
        seen = f"; {unread.args[0]}" if isinstance(unread, _NoColumns) else ""
        raise Misconfigured((f"{file}: {told}{seen}",)) from None
    if wrong := [f"{file}: row {number}: {each}" for number, row in enumerate(read, 1) for each in _wrong(row)]:
        raise Misconfigured(tuple(wrong))
    return {"table": hashlib.sha256(said).hexdigest(), "rows": read}


def _wrong(row: Mapping[str, str]) -> Iterator[str]:
    """What is not right in a row, by its cell and never by what stands in it."""
    from gateway.hub.people import Role
    from gateway.messages import staff_id

    if not staff_id(row.get("person", "")):
        yield "person: is no staff id"
    if row.get("role") not in {*Role}:
        yield f"role: is none of {', '.join(Role)}"
    try:
        date.fromisoformat(row.get("until", "2000-01-01"))
    except ValueError:
        yield "until: is no day, such as 2026-12-22 or 2026/12/22"


def _of_csv(said: bytes) -> Iterator[dict[str, str]]:
    text, encoding = _text(said)
    first, _, _ = text.partition("\n")
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in first else ",")
    heads = [_HEADS.get(each.strip(), each.strip()) for each in table.fieldnames or ()]
    if missing := {"person", "role"} - {*heads}:
        lacks = " and ".join(sorted(missing))
        raise _NoColumns(f"read as {encoding}, its first line has {len(heads)} columns, and {lacks} is not among them")
    table.fieldnames = heads
    for row in table:
        yield {key: _read(key, row[key].strip()) for key in _KEYS if (row.get(key) or "").strip()}


class _NoColumns(LookupError):
    """What was read, without a word of it: the first line may be a row."""


def _text(said: bytes) -> tuple[str, str]:
    """The text, and in which encoding it is. Raises ValueError."""
    if said.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # what spreadsheets call Unicode text
        return said.decode("utf-16"), "UTF-16"
    try:
        return said.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        return said.decode("cp932"), "CP932"  # as spreadsheets in Japan write it


def _read(key: str, cell: str) -> str:
    """A day as spreadsheets in Japan write it, 2026/4/1, is 2026-04-01."""
    day = re.fullmatch("([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})", cell) if key == "until" else None
    return f"{day[1]}-{day[2]:0>2}-{day[3]:0>2}" if day else cell


def _of_toml(said: bytes) -> Iterator[dict[str, str]]:
    for row in tomllib.loads(said.decode())["rights"]:
        yield {key: day.isoformat() if isinstance(day := row[key], date) else day for key in _KEYS if key in row}
