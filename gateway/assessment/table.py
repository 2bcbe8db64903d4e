"""別添3 変更箇所 as the form has it: six columns, a row for each change."""

from collections.abc import Iterable
from typing import Final

from gateway.assessment.change import Row
from gateway.assessment.document import Block, Heading, Table, Text

COLUMNS: Final = ("変更日", "項目", "変更前の記載", "変更後の記載", "提出時期", "提出時期に係る説明")
_UNKNOWN: Final = "【記入：変更日】"


def cells(row: Row) -> tuple[str, ...]:
    """One row. The day of an important change is the first of its assessment; others' only people know."""
    change = row.change
    why = change.why
    if change.important:
        why += f"。評価書 {row.assessment}" if row.day is not None else "。これに対する新しい評価書が、まだ設定にない"
    day = str(row.day) if change.important and row.day is not None else _UNKNOWN
    return (day, change.item, change.before, change.after, row.when, why)


def change_table(rows: Iterable[Row]) -> tuple[Block, ...]:
    """The whole table as a document."""
    found = tuple(cells(each) for each in rows)
    return (
        Heading(1, "(別添3) 変更箇所"),
        Text("2つの設定を比べたものです。重要な変更に当たるかは見込みであり、判断は人が行います。"),
        Table(COLUMNS, found) if found else Text("変更はない。"),
    )
