"""How the conformance suite meets this connector: an exchange folder, and beside it the municipal system that puts its
files there and takes away what comes back.

The rule: what would spoil the rows behind it, another header or a row without measure, goes in a file of its own.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from gateway.plugin import JsonValue
from gateway.plugin.testing import MadeUp, Place, Subject
from gateway_health_management.forms import PAYLOADS, by_label
from gateway_health_management.intake import take
from gateway_health_management.interface import INTERFACE
from gateway_health_management.interface.subject import DELETE, REGISTER
from gateway_health_management.simulator import city_csv, drop

_ENCODING: Final = "utf-8"
_EFFECTS: Final = ("states", "inquiries", "announcements", "replicas")
_LONGEST: Final = 10_000
"""Characters of a row that is surely shorter than a row may be."""
_MADE_UP: Final = MadeUp(INTERFACE)


class HealthManagement(Subject):
    """One municipality's system. What is delivered has its effect when the system has loaded it."""

    _folder: Path
    _ledger: Path

    def __init__(self) -> None:
        self._dropped = count(1)

    @asynccontextmanager
    async def standing(self, place: Place) -> AsyncIterator[None]:
        """The system makes the folder and the part of it that it writes to; the connector makes the others."""
        self._folder, self._ledger = _exchange(place), place.folder / "ledger.sqlite3"
        (self._folder / "in").mkdir(parents=True, exist_ok=True)
        yield

    def settings(self, place: Place, address: str | None) -> Mapping[str, Any]:
        """Headers are the fields' labels; each operation that comes in files has its prefix."""
        return {
            "exchange_folder": str(_exchange(place)),
            "encoding": _ENCODING,
            "dates": "YYYY-MM-DD",
            "datetimes": "RFC3339",
            "columns": by_label(PAYLOADS[REGISTER]),
            "files": {operation: {"prefix": _prefix(operation)} for operation in PAYLOADS if operation != REGISTER},
        }

    def record(self, direction: str, operation: str, person: int) -> Mapping[str, JsonValue]:
        """Inquiries are numbered once, whatever becomes of them."""
        own = {"change_type": "3"} if operation == DELETE else {}
        inquiry_no = f"{operation.replace('.', '-').replace('_', '-')}-{person:04}"
        return _MADE_UP.record(direction, operation, person, inquiry_no=inquiry_no, **own)

    async def effects(self, address: str) -> int:
        """What the system has once it has loaded what lies in `out/`."""
        _, counts = await asyncio.to_thread(take, self._folder, self._ledger, _ENCODING)
        return sum(counts[name] for name in _EFFECTS)

    async def offer(self, address: str | None, operation: str, records: Sequence[JsonValue]) -> bool:
        """As CSV. A deletion is a subject's row with that change type."""
        form = REGISTER if operation == DELETE else operation
        if form not in PAYLOADS:
            return False
        for data in _files(by_label(PAYLOADS[form]), records):
            name = f"{_prefix(form)}{next(self._dropped):06}.csv"
            await asyncio.to_thread(drop, self._folder, name, data)
        return True

    @asynccontextmanager
    async def away(self) -> AsyncIterator[bool]:
        """The folder is not there, as a share that is not mounted."""
        there = self._folder.rename(self._folder.with_name("unmounted"))
        try:
            yield True
        finally:
            there.rename(self._folder)


def _exchange(place: Place) -> Path:
    return place.folder / "exchange"


def _prefix(operation: str) -> str:
    return operation.replace(".", "_") + "_"


def _files(columns: Mapping[str, str], records: Sequence[JsonValue]) -> Iterable[bytes]:
    """One file of the records that spoil no other one, and one for each other: that one's bytes if it is none."""
    known = set(columns.values())
    beside: list[Mapping[str, JsonValue]] = []
    for each in records:
        if not isinstance(each, dict):
            yield _cell(each).encode(_ENCODING)
        elif (surplus := sorted(each.keys() - known)) or len(str(each)) > _LONGEST:
            yield _file([*columns.items(), *((_cell(name), name) for name in surplus)], [each])
        else:
            beside.append(each)
    if beside:
        yield _file(columns.items(), beside)


def _file(columns: Collection[tuple[str, str]], records: Sequence[Mapping[str, JsonValue]]) -> bytes:
    """Columns by header and field; a header may come twice."""
    rows = [[_cell(each.get(name)) for _, name in columns] for each in records]
    return city_csv([header for header, _ in columns], rows, _ENCODING)


def _cell(value: JsonValue) -> str:
    """The text that the system writes. What is no character of the encoding's becomes one."""
    match value:
        case None:
            text = ""
        case bool():
            text = str(int(value))
        case str():
            text = value
        case _:
            text = json.dumps(value, ensure_ascii=False)
    return text.encode(_ENCODING, "replace").decode(_ENCODING)
