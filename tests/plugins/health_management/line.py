"""A stand-in for the line as the door promises it, and the made-up rows of 架空市 that the tests send into it."""

import asyncio
import csv
import io
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, cast

import aiohttp

import gateway_health_management
from gateway.plugin import (
    Accepted,
    Act,
    Claim,
    Context,
    Deferred,
    Duplicate,
    Final,
    JsonValue,
    Receipt,
    Refused,
    RefusedRecord,
    Unreadable,
)
from gateway_health_management.connector import HealthManagement
from gateway_health_management.settings import Settings

README = Path(gateway_health_management.__file__).with_name("README.md").read_text(encoding="utf-8")
EXAMPLE: dict[str, Any] = tomllib.loads(cast("re.Match[str]", re.search(r"```toml\n(.*?)```", README, re.DOTALL))[1])
HEADERS = list(EXAMPLE["columns"])
TENANT = "999997"
NOW = datetime(2026, 4, 2, 0, 0, tzinfo=UTC)

Cells = dict[str, str]


def settings(folder: Path, **other: Any) -> Settings:
    """The README's example, somewhere else."""
    return Settings.model_validate(EXAMPLE | {"exchange_folder": str(folder)} | other)


def subject(number: int, seq: int = 1, **other: str) -> Cells:
    """A row of the file by header: a made-up infant with a guardian."""
    cells = dict.fromkeys(HEADERS, "") | {
        "内部番号": f"{number:010}",
        "自治体コード": TENANT,
        "氏名": f"架空　太郎{number}",
        "カナ": "ｶｸｳ ﾀﾛｳ",
        "住所": "架空市見本町１－２－３",
        "生年月日": "20250301",
        "性別": "1",
        "保護者氏名": "髙﨑　花子",
        "住民状態": "1",
        "接種対象者区分": "A1",
        "変更区分": "1",
        "更新日時": "20260401093000",
        "更新連番": str(seq),
        "制御フラグ(リカバリー)": "0",
        "制御フラグ(不開示)": "0",
        "制御フラグ(閲覧停止)": "0",
    }
    return cells | other


def csv_bytes(rows: Sequence[Cells], encoding: str = "cp932", headers: Sequence[str] = HEADERS) -> bytes:
    """The file by the standard library's writer, as a second opinion beside the simulator's."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, headers, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


@dataclass
class Log:
    """Telemetry as the connector says it."""

    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def info(self, event: str, **known: Any) -> None:
        self.said.append((event, known))

    def warning(self, event: str, **known: Any) -> None:
        self.said.append((event, known))


@dataclass
class Line:
    """Keeps what the door promises: first receipts per key, a settled after every send, before or after it returns.

    A (person, version) that came before is a duplicate. `deferring` is how often of 10 times it asks for patience.
    """

    random: Random = field(default_factory=lambda: Random(1))
    deferring: int = 0
    refusing: str | None = None
    silent: bool = False
    connector: HealthManagement | None = None
    messages: dict[bytes, tuple[str, str, tuple[JsonValue | Unreadable, ...]]] = field(default_factory=dict)
    ended: dict[str, dict[int, Final]] = field(default_factory=dict)
    states: dict[tuple[JsonValue, ...], list[tuple[str, JsonValue]]] = field(default_factory=dict)
    recorded: list[tuple[str, JsonValue | Unreadable]] = field(default_factory=list)
    notes: list[tuple[Act, bytes, dict[str, int]]] = field(default_factory=list)
    under_way: set["asyncio.Task[None]"] = field(default_factory=set)
    sends: int = 0
    open_now: set[str] = field(default_factory=set)
    most_open: int = 0

    async def send(
        self,
        operation: str,
        records: Sequence[JsonValue | Unreadable],
        *,
        key: bytes,
        same: bytes | None = None,
        claims: Sequence[Claim] = (),
    ) -> Receipt:
        assert claims == (), "a system that attests nothing"
        self.sends += 1
        await self._perhaps_later()
        if self.refusing:
            raise Refused(self.refusing)
        repeated = key in self.messages
        if not repeated:
            self._record(operation, tuple(records), key)
        message_id, *alike = self.messages[key]
        assert alike == [operation, tuple(records)], "the same key with another body"
        self.open_now.add(message_id)
        self.most_open = max(self.most_open, len(self.open_now))
        self._settle_soon(message_id)
        if self.random.random() < 0.5:
            await asyncio.sleep(0)  # settled may come before this returns
            await asyncio.sleep(0)
        return Receipt(message_id, repeated)

    async def ask(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    async def note(self, act: Act, *, reference: bytes, counts: Mapping[str, int], code: str | None = None) -> None:
        await self._perhaps_later()
        self.notes.append((act, reference, dict(counts)))

    async def _perhaps_later(self) -> None:
        await asyncio.sleep(0)
        if self.random.randrange(10) < self.deferring:
            raise Deferred("queue_full", 0.0001)

    def _record(self, operation: str, records: tuple[JsonValue | Unreadable, ...], key: bytes) -> None:
        message_id = f"message-{len(self.messages) + 1}"
        self.messages[key] = (message_id, operation, records)
        self.recorded += [(operation, each) for each in records]
        self.ended[message_id] = {index: self._outcome(each) for index, each in enumerate(records)}

    def _outcome(self, record: JsonValue | Unreadable) -> Final:
        if isinstance(record, Unreadable):
            return RefusedRecord(record.code, record.path)
        assert isinstance(record, dict)
        state = (record.get("internal_no"), record.get("updated_at"), record.get("update_seq"))
        if state[0] is None:
            return RefusedRecord("missing_required", "internal_no")
        content = sorted(record.items(), key=lambda each: each[0])
        if state not in self.states:
            self.states[state] = content
            return Accepted()
        return Duplicate() if self.states[state] == content else RefusedRecord("version_conflict")

    def _settle_soon(self, message_id: str) -> None:
        if self.silent:
            return
        task = asyncio.get_running_loop().create_task(self._settle(message_id, self.random.randrange(4)))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def _settle(self, message_id: str, after: int) -> None:
        for _ in range(after):
            await asyncio.sleep(0.001)
        self.open_now.discard(message_id)
        for _ in range(self.random.randint(1, 2)):
            if self.connector is not None:
                await self.connector.settled(message_id, self.ended[message_id])

    async def quiet(self) -> None:
        """Until all that is to be settled is."""
        while self.under_way:
            await asyncio.gather(*self.under_way)


def context(line: Line, chosen: Settings, log: Log | None = None, now: datetime = NOW) -> Context:
    session = cast("aiohttp.ClientSession", None)  # the connector opens no connection
    return Context(tenant=TENANT, settings=chosen, outbox=line, session=session, log=log or Log(), now=lambda: now)


async def new_life(line: Line, chosen: Settings, log: Log | None = None, now: datetime = NOW) -> HealthManagement:
    """A connector as the daemon makes it after a start; whatever there was before is gone."""
    connector = HealthManagement()
    line.connector = connector
    await connector.open(context(line, chosen, log, now))
    return connector


async def rounds(connector: HealthManagement, line: Line, how_many: int = 2) -> None:
    """Let the connector poll; what the line has to say in between is said."""
    for _ in range(how_many):
        await connector.poll()
        await line.quiet()
