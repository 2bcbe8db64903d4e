"""Turns what comes to the system (doses that come back, answers, what became of announcements, replicas to be checked)
into files of `out/`: one for each delivery of a message.

The rule: a file's name and bytes are made of the message and of its records alone, so that a repeat after kill -9
writes the same file again. Whoever loads it drops what it has, of doses by (予防接種記録ID, 更新日時, 更新連番) (C196).
"""

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final, TextIO

from gateway.plugin import Accepted, Delivery, Outcome, Payload, RefusedRecord
from gateway_health_management.folder import Folder
from gateway_health_management.forms import by_label
from gateway_health_management.interface.announcement import AnnouncementStatus
from gateway_health_management.interface.inquiry import Dose, InquiryAnswer, TaxAnswer, TaxItem
from gateway_health_management.interface.replica import ExportedReplica, ReplicaExport
from gateway_health_management.settings import Settings
from gateway_health_management.values import cell


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file. `columns` maps its headers, in their order, to fields of the record and of its list `rows`.

    A record is one row for each entry of that list, with the record's own cells in each; without entries it is one row.
    """

    name: str
    columns: Mapping[str, str]
    rows: str = ""

    def cells(self, record: Payload, settings: Settings) -> list[list[str]]:
        """The record's rows as the system reads them; the cells of an absent field are empty."""
        own = record.model_dump()
        entries = own.pop(self.rows, None) or [{}]
        return [[cell(name, (own | entry).get(name), settings) for name in self.columns.values()] for entry in entries]


_INQUIRY: Final = Kind("inquiry", by_label(InquiryAnswer) | by_label(Dose), "doses")
EXPORT: Final = Kind("replica", by_label(ReplicaExport) | by_label(ExportedReplica), "replicas")
_KINDS: Final[Mapping[str, Kind]] = {
    "inquiry.answer": _INQUIRY,
    "inquiry.tax_answer": Kind("tax", by_label(TaxAnswer) | by_label(TaxItem), "tax_items"),
    "inquiry.end": _INQUIRY,
    "announcement.status": Kind("announcement", by_label(AnnouncementStatus)),
    "replica.export": EXPORT,
}


def kind_of(operation: str, settings: Settings) -> Kind:
    """The kind of file that holds what an operation brings."""
    return _KINDS.get(operation) or Kind("return", settings.return_columns)


def write_returned(delivery: Delivery, folder: Folder, settings: Settings) -> dict[int, Outcome]:
    """For each record: it is in the file, or refused because the encoding lacks a character of it. Raises OSError."""
    kind = kind_of(delivery.operation, settings)
    rows = {index: kind.cells(record, settings) for index, record in delivery.records}
    writable = {index: cells for index, cells in rows.items() if _encodable(cells, settings.codec)}
    if writable:
        name = _name(kind.name, delivery.message_id, writable)
        whole = [*chain.from_iterable(writable.values())]
        folder.hand_out(name, settings.encoding, lambda out: _write(out, kind.columns, whole))
    return {index: Accepted() if index in writable else RefusedRecord("not_in_encoding") for index in rows}


def _encodable(rows: list[list[str]], codec: str) -> bool:
    try:
        "".join(chain.from_iterable(rows)).encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _name(kind: str, message_id: str, indices: Iterable[int]) -> str:
    """The kind, the message, the first record, and a digest of which these are. Later messages have greater ids."""
    records = sorted(indices)
    which = hashlib.sha256(",".join(map(str, records)).encode()).hexdigest()[:8]
    return f"{kind}-{message_id}-{records[0]:05}-{which}.csv"


def _write(out: TextIO, headers: Iterable[str], rows: Iterable[list[str]]) -> None:
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(headers)
    writer.writerows(rows)
