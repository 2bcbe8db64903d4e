"""Turns doses that come back (record.return, F42) into files of `out/`: one for each delivery of a message.

The rule: a file's name and bytes are made of the message and of its rows alone, so that a repeat after kill -9 writes
the same file again. Whoever loads it drops what it has: (予防接種記録ID, 更新日時, 更新連番) is one state (C196).
"""

import csv
import hashlib
from collections.abc import Iterable, Mapping
from typing import TextIO

from gateway.plugin import Accepted, Delivery, JsonValue, Outcome, Payload, RefusedRecord
from gateway_health_management.folder import Folder
from gateway_health_management.settings import Settings
from gateway_health_management.values import cell


def write_returned(delivery: Delivery, folder: Folder, settings: Settings) -> dict[int, Outcome]:
    """For each record: it is in the file, or refused because the encoding lacks a character of it. Raises OSError."""
    rows = {index: _cells(record, settings) for index, record in delivery.records}
    writable = {index: cells for index, cells in rows.items() if _encodable(cells, settings.codec)}
    if writable:
        name = _name(delivery.message_id, writable)
        folder.hand_out(name, settings.encoding, lambda out: _write(out, settings.return_columns, writable.values()))
    return {index: Accepted() if index in writable else RefusedRecord("not_in_encoding") for index in rows}


def _cells(record: Payload, settings: Settings) -> list[str]:
    values: Mapping[str, JsonValue] = record.model_dump()
    return [cell(name, values[name], settings) for name in settings.return_columns.values()]


def _encodable(cells: list[str], codec: str) -> bool:
    try:
        "".join(cells).encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _name(message_id: str, indices: Iterable[int]) -> str:
    """The message, the first row, and a digest of which rows these are. Ids of later messages are greater."""
    rows = sorted(indices)
    which = hashlib.sha256(",".join(map(str, rows)).encode()).hexdigest()[:8]
    return f"return-{message_id}-{rows[0]:05}-{which}.csv"


def _write(out: TextIO, headers: Iterable[str], rows: Iterable[list[str]]) -> None:
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(headers)
    writer.writerows(rows)
