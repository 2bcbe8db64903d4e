"""Keeps how each row of one file ended, and turns that into the status file and the hand-over slip (C181, C105).

Neither holds anything of a row besides its number: an ending, a code, a field of the interface, a message id.
A row costs six bytes of memory while its file is under way.
"""

import csv
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self, TextIO

from gateway.plugin import Accepted, Dead, Duplicate, RefusedRecord
from gateway.plugin import Final as Ending
from gateway_health_management.rows import WholeFileRefused
from gateway_health_management.settings import Settings
from gateway_health_management.values import zone

_WORDS: Final = {"accepted": "受付", "duplicate": "重複", "refused": "拒否", "dead": "不達"}
_STATUS: Final = ("行番号", "連携処理ステータス", "状態コード", "規則コード", "項目", "項目名", "メッセージID", "説明")
_SLIP: Final = (
    "受渡日時", "自治体コード", "ファイルSHA-256", "結果", "総件数", "受付件数", "重複件数", "拒否件数", "不達件数",
)  # fmt: skip
_ENCODING: Final = "設定の文字コードは {encoding} です。"
_WHY: Final = {
    "undecodable_bytes": "見出しの {unfit} 列を読めません。最初は {column} 列目です。" + _ENCODING,
    "unknown_column": "知らない列、または重なる列が {unfit} 列あります。最初は {column} 列目です。" + _ENCODING,
    "missing_column": "必要な列がありません。" + _ENCODING,
    "unreadable_file": "見出しの行がないか、CSV として読めません。" + _ENCODING,
    "body_too_large": "ファイルが {most} バイトを超えています。",
}


@dataclass(frozen=True, slots=True)
class Result:
    """How a row, or a whole file, ended. `path` is a field of the interface, or 列n for the n-th column of a file."""

    ending: str
    code: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was refused whole: its line in the status file, with a sentence why, and its counts."""

    result: Result
    why: str
    counts: Mapping[str, int]

    @classmethod
    def of(cls, refused: WholeFileRefused, settings: Settings) -> Self:
        """All rows that can be told apart came in, and all are refused."""
        why = _WHY[refused.code].format(
            unfit=refused.unfit, column=refused.column, encoding=settings.encoding, most=settings.max_file_bytes
        )
        place = f"列{refused.column}" if refused.column else refused.path
        counts = {"rows": refused.rows} | dict.fromkeys(_WORDS, 0) | {"refused": refused.rows}
        return cls(Result("refused", refused.code, place), why, counts)


def result_of(ending: Ending) -> Result:
    """A record's ending as the line tells it."""
    match ending:
        case Accepted():
            return Result("accepted")
        case Duplicate():
            return Result("duplicate")
        case RefusedRecord(code, path):
            return Result("refused", code, path or "")
        case Dead(code):
            return Result("dead", code)


@dataclass(slots=True)
class Results:
    """The results of one file's rows.

    `_pending` holds, for each message that has not ended, the row number of each of its records.
    """

    _ended: "array[int]" = field(default_factory=lambda: array("H"))
    _carried: "array[int]" = field(default_factory=lambda: array("I"))
    _kinds: dict[Result | None, int] = field(default_factory=lambda: {None: 0})
    _messages: list[str] = field(default_factory=lambda: [""])
    _pending: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def pending(self) -> int:
        """How many messages have not ended."""
        return len(self._pending)

    def sent(self, message_id: str, numbers: tuple[int, ...]) -> None:
        """These rows are on their way, in this order, as the records of this message."""
        self._messages.append(message_id)
        self._reach(numbers[-1])
        for number in numbers:
            self._carried[number - 1] = len(self._messages) - 1
        self._pending[message_id] = numbers

    def refused(self, numbers: tuple[int, ...], code: str, path: str | None) -> None:
        """The line refused these rows together; they are not in any message."""
        self._reach(numbers[-1])
        for number in numbers:
            self._end(number, Result("refused", code, path or ""))

    def settled(self, message_id: str, outcomes: Mapping[int, Ending]) -> None:
        """The message's records have ended; whatever is not known here, or not any more, is passed over."""
        numbers = self._pending.get(message_id, ())
        for index, outcome in outcomes.items():
            if 0 <= index < len(numbers):
                self._end(numbers[index], result_of(outcome))
        if numbers and all(self._ended[number - 1] for number in numbers):
            del self._pending[message_id]

    def counts(self) -> dict[str, int]:
        """How many rows there are, and how many ended in each way."""
        kinds = list(self._kinds)
        by_ending: Counter[str] = Counter()
        for kind, many in Counter(self._ended).items():
            if (result := kinds[kind]) is not None:
                by_ending[result.ending] += many
        return {"rows": len(self._ended)} | {ending: by_ending[ending] for ending in _WORDS}

    def each(self) -> Iterator[tuple[int, Result, str]]:
        """Row number, result, message id; for all rows that have ended, in the file's order."""
        kinds = list(self._kinds)
        for number, (kind, message) in enumerate(zip(self._ended, self._carried, strict=True), start=1):
            if (result := kinds[kind]) is not None:
                yield number, result, self._messages[message]

    def _reach(self, number: int) -> None:
        missing = number - len(self._ended)
        if missing > 0:
            self._ended.extend([0] * missing)
            self._carried.extend([0] * missing)

    def _end(self, number: int, result: Result) -> None:
        self._ended[number - 1] = self._kinds.setdefault(result, len(self._kinds))


def write_status(
    out: TextIO, rows: Iterable[tuple[int, Result, str]], columns: Mapping[str, str], why: str = ""
) -> None:
    """One line for each row; row 0 is the file as a whole, and says `why`. 項目名 is the column's configured header."""
    headers = {name: header for header, name in columns.items()}
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(_STATUS)
    for number, result, message_id in rows:
        said = (_WORDS[result.ending], result.ending, result.code, result.path, headers.get(result.path, ""))
        writer.writerow((number, *said, message_id, why))


@dataclass(frozen=True, slots=True)
class Slip:
    """受渡票 (C105): when, to which municipality, which bytes, with what end (`finished` or a code), and the counts."""

    at: datetime
    tenant: str
    sha256: bytes
    end: str
    counts: Mapping[str, int]


def write_slip(out: TextIO, slip: Slip, settings: Settings) -> None:
    """A heading and one line."""
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(_SLIP)
    counts = (slip.counts[name] for name in ("rows", *_WORDS))
    at = slip.at.astimezone(zone(settings.utc_offset)).isoformat(timespec="seconds")
    writer.writerow((at, slip.tenant, slip.sha256.hex(), slip.end, *counts))
