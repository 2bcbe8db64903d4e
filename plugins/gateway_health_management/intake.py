"""Behaves as the municipal system's ledger of doses: loads what it pulled and what came back as files, once.

The rule: a state is (予防接種記録ID, 更新日時, 更新連番), with the time as an instant, however it was written (C196). A
file leaves `out/` after its states are kept, so that a crash between the two only means that it is read again.
"""

import csv
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS states (
  vaccination_record_id TEXT, updated_at TEXT, update_seq INTEGER, internal_no TEXT, is_deleted INTEGER,
  PRIMARY KEY (vaccination_record_id, updated_at, update_seq));
"""
_KEEP: Final = """
INSERT OR IGNORE INTO states VALUES (:vaccination_record_id, :updated_at, :update_seq, :internal_no, :is_deleted)
"""
_JAPAN: Final = timezone(timedelta(hours=9))
_COLUMNS: Final = {
    "予防接種記録ID": "vaccination_record_id",
    "更新日時": "updated_at",
    "更新連番": "update_seq",
    "内部番号": "internal_no",
    "削除フラグ": "is_deleted",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many states were new, and how many were there already and were dropped."""

    new: int
    dropped: int


class Intake:
    """The ledger in one SQLite file, or in memory. Raises sqlite3.Error where it cannot be used."""

    def __init__(self, file: Path | None = None) -> None:
        self._db = sqlite3.connect(file or ":memory:")
        self._db.executescript(_SCHEMA)

    def load_answer(self, answer: Mapping[str, Any]) -> Loaded:
        """One person's answer to record.pull."""
        doses = answer.get("records") or ()
        return self._load({**dose, "internal_no": answer["internal_no"]} for dose in doses)

    def load_files(self, folder: Path, encoding: str) -> Loaded:
        """All files of `out/` of the exchange folder, each of which is then taken away. Raises OSError, ValueError."""
        new = dropped = 0
        for path in sorted((folder / "out").glob("[!.]*.csv")):
            with path.open(encoding=encoding, newline="") as file:
                rows = csv.DictReader(file, strict=True)
                if not _COLUMNS.keys() <= set(rows.fieldnames or ()):
                    raise ValueError("a file lacks a column that tells a state")
                loaded = self._load(map(_named, rows))
            path.unlink()
            new, dropped = new + loaded.new, dropped + loaded.dropped
        return Loaded(new, dropped)

    def counts(self) -> dict[str, int]:
        """States ever loaded, and doses that stand by their newest one."""
        standing = """SELECT count(*) FROM (
          SELECT is_deleted, row_number() OVER (
            PARTITION BY vaccination_record_id ORDER BY updated_at DESC, update_seq DESC) AS age FROM states)
          WHERE age = 1 AND NOT is_deleted"""
        asked = {"states": "SELECT count(*) FROM states", "doses": standing}
        return {name: self._db.execute(query).fetchone()[0] for name, query in asked.items()}

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _load(self, doses: Iterable[Mapping[str, Any]]) -> Loaded:
        rows = [{**each, "updated_at": _instant(each["updated_at"])} for each in doses]
        with self._db:
            new = self._db.executemany(_KEEP, rows).rowcount
        return Loaded(max(new, 0), len(rows) - max(new, 0))


def _named(row: Mapping[str, str]) -> dict[str, Any]:
    """A row of a returned file under the interface's names; its flags are "1" and "0"."""
    dose = {name: row[header] for header, name in _COLUMNS.items()}
    return dose | {"update_seq": int(dose["update_seq"]), "is_deleted": dose["is_deleted"] == "1"}


def _instant(written: str) -> str:
    """RFC 3339, or local time as YYYYMMDDhhmmss with or without a fraction."""
    if written[:14].isdecimal():
        whole, _, fraction = written.partition(".")
        at = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=_JAPAN, microsecond=int(fraction.ljust(6, "0")))
    else:
        at = datetime.fromisoformat(written)
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def take(folder: Path, ledger: Path, encoding: str) -> tuple[Loaded, dict[str, int]]:
    """Load what lies in `out/` into a ledger. Raises OSError, ValueError, sqlite3.Error."""
    with closing(Intake(ledger)) as intake:
        return intake.load_files(folder, encoding), intake.counts()


def load(answers: Iterable[Mapping[str, Any]], ledger: Path) -> tuple[Loaded, dict[str, int]]:
    """Load answers to record.pull, one for each person, into a ledger. Raises sqlite3.Error."""
    with closing(Intake(ledger)) as intake:
        loaded = [intake.load_answer(answer) for answer in answers]
        return Loaded(sum(each.new for each in loaded), sum(each.dropped for each in loaded)), intake.counts()
