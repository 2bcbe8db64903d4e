"""Behaves as the municipal system's ledger: loads what it pulled and what came as files, once.

The rule: a state is (予防接種記録ID, 更新日時, 更新連番), with the time as an instant, however it was written (C196). A
file leaves `out/` after what it says is kept, so that a crash between the two only means that it is read again.
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
CREATE TABLE IF NOT EXISTS answers (
  inquiry_no TEXT, line INTEGER, inquiry_status TEXT, vaccinated_on TEXT, PRIMARY KEY (inquiry_no, line));
CREATE TABLE IF NOT EXISTS tax_answers (
  inquiry_no TEXT, line INTEGER, inquiry_status TEXT, fiscal_year TEXT, PRIMARY KEY (inquiry_no, line));
CREATE TABLE IF NOT EXISTS announcements (
  notice_id TEXT, announcement_response TEXT, PRIMARY KEY (notice_id, announcement_response));
CREATE TABLE IF NOT EXISTS replicas (
  dataset_record_no TEXT, updated_at TEXT, update_seq INTEGER,
  PRIMARY KEY (dataset_record_no, updated_at, update_seq));
"""
_JAPAN: Final = timezone(timedelta(hours=9))


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of file: what is kept of a row, and how. `line` is the row's place in its file, from 1."""

    columns: Mapping[str, str]
    keep: str


_DOSE: Final = _Kind(
    {
        "予防接種記録ID": "vaccination_record_id",
        "更新日時": "updated_at",
        "更新連番": "update_seq",
        "内部番号": "internal_no",
        "削除フラグ": "is_deleted",
    },
    "INSERT OR IGNORE INTO states VALUES (:vaccination_record_id, :updated_at, :update_seq, :internal_no, :is_deleted)",
)
_KINDS: Final[Mapping[str, _Kind]] = {
    "return": _DOSE,
    "inquiry": _Kind(
        {"照会番号": "inquiry_no", "照会ステータス": "inquiry_status", "接種日": "vaccinated_on"},
        "INSERT OR IGNORE INTO answers VALUES (:inquiry_no, :line, :inquiry_status, :vaccinated_on)",
    ),
    "tax": _Kind(
        {"照会番号": "inquiry_no", "照会ステータス": "inquiry_status", "課税年度": "fiscal_year"},
        "INSERT OR IGNORE INTO tax_answers VALUES (:inquiry_no, :line, :inquiry_status, :fiscal_year)",
    ),
    "announcement": _Kind(
        {"通知ID": "notice_id", "お知らせ回答結果": "announcement_response"},
        "INSERT OR IGNORE INTO announcements VALUES (:notice_id, :announcement_response)",
    ),
    "replica": _Kind(
        {"レコード識別番号": "dataset_record_no", "更新日時": "updated_at", "更新連番": "update_seq"},
        "INSERT OR IGNORE INTO replicas SELECT :dataset_record_no, :updated_at, :update_seq"
        " WHERE :dataset_record_no <> ''",
    ),
}
_STANDING: Final = """SELECT count(*) FROM (
  SELECT is_deleted, row_number() OVER (
    PARTITION BY vaccination_record_id ORDER BY updated_at DESC, update_seq DESC) AS age FROM states)
  WHERE age = 1 AND NOT is_deleted"""
_COUNTS: Final = {
    "states": "SELECT count(*) FROM states",
    "doses": _STANDING,
    "inquiries": "SELECT count(*) FROM (SELECT inquiry_no FROM answers UNION SELECT inquiry_no FROM tax_answers)",
    "answered": "SELECT count(*) FROM answers WHERE vaccinated_on <> ''",
    "tax_items": "SELECT count(*) FROM tax_answers WHERE fiscal_year <> ''",
    "announcements": "SELECT count(*) FROM announcements",
    "replicas": "SELECT count(*) FROM replicas",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many states of doses were new, and how many were there already and were dropped."""

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
        same = {"internal_no": answer["internal_no"]}
        return self._load(_DOSE, [{**dose, **same, "updated_at": _instant(dose["updated_at"])} for dose in doses])

    def load_files(self, folder: Path, encoding: str) -> Loaded:
        """All files of `out/` of the exchange folder, each of which is then taken away. Raises OSError, ValueError."""
        new = dropped = 0
        for path in sorted((folder / "out").glob("[!.]*.csv")):
            kind = _KINDS.get(path.name.partition("-")[0])
            with path.open(encoding=encoding, newline="") as file:
                rows = csv.DictReader(file, strict=True)
                if kind is None or not kind.columns.keys() <= set(rows.fieldnames or ()):
                    raise ValueError("a file of no kind, or without a column that counts")
                loaded = self._load(kind, [_named(kind, line, row) for line, row in enumerate(rows, start=1)])
            path.unlink()
            if kind is _DOSE:
                new, dropped = new + loaded.new, dropped + loaded.dropped
        return Loaded(new, dropped)

    def counts(self) -> dict[str, int]:
        """States ever loaded, doses that stand by their newest one; inquiries that ended, doses and tax
        items answered to them; answers to announcements; states of replicas.
        """
        return {name: self._db.execute(query).fetchone()[0] for name, query in _COUNTS.items()}

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _load(self, kind: _Kind, rows: list[Mapping[str, Any]]) -> Loaded:
        with self._db:
            new = self._db.executemany(kind.keep, rows).rowcount
        return Loaded(max(new, 0), len(rows) - max(new, 0))


def _named(kind: _Kind, line: int, row: Mapping[str, str]) -> dict[str, Any]:
    """A row of a file under the interface's names. Flags are "1" and "0"; who has no replicas has no version."""
    named: dict[str, Any] = {name: row[header] for header, name in kind.columns.items()} | {"line": line}
    if named.get("updated_at"):
        named |= {"updated_at": _instant(named["updated_at"]), "update_seq": int(named["update_seq"])}
    if "is_deleted" in named:
        named["is_deleted"] = named["is_deleted"] == "1"
    return named


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
