"""A report as a file for an office: Markdown, or CSV that Excel in Japan opens. Written as it comes, a row at a time.

A cell that a spreadsheet would take for a formula, or for a number that it is not, gets an apostrophe before it.
"""

import csv
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

from gateway.errors import Misconfigured

SUFFIXES: Final = (".md", ".csv")
_FORMULA: Final = tuple("=+-@")
_CONTROL: Final = tuple("\t\r\n")
_CODE: Final = re.compile(r"0[0-9]+|[0-9]+[Ee][0-9]+")
"""Of which a spreadsheet would make another number: a body's code loses its zero."""
FACTS: Final = "記録番号"


class Sheet(Protocol):
    """One file being written."""

    def begin(self, head: Mapping[str, Any]) -> None: ...
    def row(self, row: Mapping[str, Any]) -> None: ...
    def end(self, rows: int) -> None: ...


class Csv:
    """RFC 4180, the labels first; UTF-8 with a byte order mark. The notes are not in it: it is a table."""

    def __init__(self, stream: TextIO) -> None:
        stream.write("\ufeff")
        self._writer = csv.writer(stream, lineterminator="\r\n")

    def begin(self, head: Mapping[str, Any]) -> None:
        """The line of labels."""
        self._writer.writerow([*(label for _, label in head["columns"]), FACTS])

    def row(self, row: Mapping[str, Any]) -> None:
        """One line."""
        self._writer.writerow([guarded(cell) for cell in (*row["cells"], numbered(row["facts"]))])

    def end(self, rows: int) -> None:
        """A table has no last line."""


class Markdown:
    """Title, period, by whom and when, over which checkpoint; the table; the notes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._head: Mapping[str, Any] = {}

    def begin(self, head: Mapping[str, Any]) -> None:
        """All that stands above the rows."""
        self._head = head
        english, japanese = head["title"]
        labels = [*(label for _, label in head["columns"]), FACTS]
        lines = [
            f"# {japanese}" if head["of_person"] else f"# {japanese} ({english})",
            "",
            *facts_of(head),
            "",
            _cells(labels),
            _cells(["---"] * len(labels)),
        ]
        self._stream.write("\n".join(lines) + "\n")

    def row(self, row: Mapping[str, Any]) -> None:
        """One row of the table."""
        self._stream.write(_cells((*row["cells"], numbered(row["facts"]))) + "\n")

    def end(self, rows: int) -> None:
        """How many rows there were, and the notes."""
        alone = self._head["of_person"]  # whoever it is handed to
        told = [f"以上 {rows} 件。" if alone else f"以上 {rows} 件。(rows: {rows})"]
        told += [f"- {ja}" if alone else f"- {ja} ({en})" for en, ja in self._head["notes"]]
        self._stream.write("\n" + told[0] + "\n\n" + "\n".join(told[1:]) + "\n")


def facts_of(head: Mapping[str, Any]) -> list[str]:
    """What a report is made of, and by whom, as a list."""
    since, until = head.get("since", "記録の初日"), head.get("until", "作成時まで")
    gone = f"{head['purged_before']} より前の記録には、保存期間を過ぎて消去されたものがある"
    return [
        f"- 自治体: {head['name']}({head['tenant']})",
        f"- 期間: {since} 〜 {until}(記録の初日は {head['began']})",
        f"- 消去済みの記録: {gone if head['purged_before'] else 'なし'}",
        *(f"- {japanese}" if head["of_person"] else f"- {japanese} ({english})" for english, japanese in head["above"]),
        f"- 作成: {head['made_at']} ({head['made_by']}、作成の記録 #{head['asked_in']})",
        f"- 対象の記録: {head['size']} 件、ルート {head['root']}(作成時点の記録全体の件数と検証値)",
        "- 日時は日本時間",
    ]


def guarded(cell: str | int) -> str:
    """The text of a cell that no spreadsheet computes."""
    text = str(cell)
    read = unicodedata.normalize("NFKC", text.strip())  # full-width ones count, too
    computed = read.startswith(_FORMULA) or text.startswith(_CONTROL)
    return f"'{text}" if computed or _CODE.fullmatch(read) else text


def numbered(facts: str) -> str:
    """`3-5,9` as `#3-#5 #9`, which no spreadsheet takes for a date or a number."""
    return re.sub("[0-9]+", r"#\g<0>", facts).replace(",", " ")


@contextmanager
def sheet(to: Path) -> Iterator[Sheet]:
    """A new file for its owner alone; gone again if it does not become whole. Raises Misconfigured."""
    try:
        opened = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Misconfigured((f"{to}: {error.strerror}",)) from None
    try:
        with os.fdopen(opened, "w", encoding="utf-8", newline="") as stream:
            yield Csv(stream) if to.suffix == ".csv" else Markdown(stream)
            stream.flush()
            os.fsync(opened)
    except BaseException as error:
        to.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Misconfigured((f"{to}: {error.strerror}",)) from None
        raise


def named(to: Path, report: str, tenant: str, days: Sequence[str]) -> Path:
    """`to`, or in that folder a name made of report, tenant and days: never of a person. Raises Misconfigured."""
    if to.is_dir():
        return to / ("-".join((report, tenant, *days)) + ".md")
    if to.suffix not in SUFFIXES:
        raise Misconfigured((f"--out {to}: name a folder, or a file that ends in {' or '.join(SUFFIXES)}",))
    return to


def _cells(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(_plain(str(cell)) for cell in cells) + " |"


def _plain(text: str) -> str:
    """A cell that ends nothing and marks up nothing."""
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
