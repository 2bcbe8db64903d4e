"""Connects a school register (made up): it hears of subjects, and says which children have left.

The rule: it keeps nothing. What the register still offers is sent again under the same key, and gets the same receipt.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import ClassVar, TypeVar, cast

import jiter
from pydantic import BaseModel, ConfigDict, JsonValue, RootModel

from gateway.plugin import (
    Accepted,
    ConnectorSpec,
    Context,
    Deferred,
    DeferredRecord,
    Delivery,
    Duplicate,
    Final,
    Health,
    Interface,
    Operation,
    Outcome,
    Payload,
    RefusedRecord,
    TlsFiles,
    fields,
    hookimpl,
)
from gateway.plugin.exchange import Later, System, in_portions


class Child(Payload):
    """What the register may know of a subject."""

    internal_no: fields.InternalNo
    resident_status: fields.ResidentStatus
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


class Leaver(Payload):
    """A child that has left."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    change_type: fields.ChangeType
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


_VERSION = ("updated_at", "update_seq")
INTERFACE = Interface(
    connector="school_register",
    label="学齢簿システム",
    version="1",
    codes={"register_closed": "The register of that school year is closed."},
    operations=(
        Operation(
            name="subject.register",
            label="児童の登録",
            direction="receives",
            payload=Child,
            person_key="internal_no",
            version=_VERSION,
        ),
        Operation(
            name="subject.delete",
            label="転出児童",
            direction="sends",
            payload=Leaver,
            person_key="internal_no",
            version=_VERSION,
        ),
    ),
)


class Settings(BaseModel):
    """Where the register is, and as whom we speak to it. Times are in seconds."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    base_url: str
    certificate: str
    key: str
    ca: str
    answer_timeout: float = 10.0


class _Stored(RootModel[dict[str, str]]):
    """What became of each row, by its index."""


class _Offered(BaseModel):
    """A batch of leavers; without one, both are absent. What a row holds is for the line to judge."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    id: str = ""
    rows: list[JsonValue] = []


_OUTCOMES: dict[str, Outcome] = {
    "stored": Accepted(),
    "known": Duplicate(),
    "old": RefusedRecord("superseded", "updated_at"),
    "closed": RefusedRecord("register_closed"),
}
_ROWS = 500
_MOST_BYTES = 2**20
_Answer = TypeVar("_Answer", _Stored, _Offered)


class SchoolRegister:
    """One municipality's register."""

    def __init__(self) -> None:
        self._ended: dict[str, Mapping[int, Final]] = {}

    async def open(self, context: Context) -> None:
        self._context = context
        self._settings = cast(Settings, context.settings)
        self._register = System(context.session, self._settings.base_url, 5.0, self._settings.answer_timeout)

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """The register acts once on (message id, index), so a repeat does no harm."""
        return await in_portions(delivery, _ROWS, partial(self._store, delivery.message_id), self._context.log)

    async def poll(self) -> None:
        """Send what the register offers; once it has ended, say so, and the register offers the next."""
        try:
            offered = _read(_Offered, await self._ask("GET", "/leavers"))
            if not offered.rows:
                return
            receipt = await self._context.outbox.send("subject.delete", offered.rows, key=offered.id.encode())
            if (ended := self._ended.pop(receipt.message_id, None)) is not None:
                done = [index for index, each in ended.items() if isinstance(each, Accepted | Duplicate)]
                await self._ask("POST", "/leavers/done", {"id": offered.id, "done": done})
        except Later as later:
            raise Deferred(later.outcome.code, later.outcome.retry_after) from None

    async def settled(self, message_id: str, outcomes: Mapping[int, Final]) -> None:
        """Only remembered. If it is forgotten by a restart, the next `send` brings it again."""
        self._ended[message_id] = outcomes

    async def health(self) -> Health:
        try:
            await self._ask("GET", "/alive")
        except Later as later:
            return Health(ok=False, detail=f"the register does not answer: {later.outcome.code}")
        return Health(ok=True, detail="the register answers")

    async def close(self) -> None:
        """The session belongs to the line."""

    async def _store(self, message_id: str, portion: Mapping[int, Payload], ends: float) -> Mapping[int, Outcome]:
        """What the register says of each row; a row that it says nothing of comes again. Raises Later."""
        rows = [{"index": index, **record.model_dump(exclude_none=True)} for index, record in portion.items()]
        answered = await self._register.request("PUT", f"/children/{message_id}", rows, ends=ends, most=_MOST_BYTES)
        said = _read(_Stored, answered.body).root
        return {index: _OUTCOMES.get(said.get(str(index), ""), DeferredRecord("system_busy")) for index in portion}

    async def _ask(self, method: str, path: str, body: object = None) -> bytes:
        """Raises Later."""
        ends = asyncio.get_running_loop().time() + self._settings.answer_timeout
        return (await self._register.request(method, path, body, ends=ends, most=_MOST_BYTES)).body


def _read(model: type[_Answer], body: bytes) -> _Answer:
    """An answer of exactly that form. Raises Later: of one that is not, nobody knows what it says."""
    try:
        return model.model_validate(jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False))
    except ValueError:  # its text may quote the answer, and must not travel on
        raise Later("system_unreachable") from None


def _tls(settings: Settings) -> TlsFiles:
    return TlsFiles(certificate=settings.certificate, key=settings.key, ca=settings.ca)


@hookimpl
def renkei_connector() -> ConnectorSpec:
    """The plugin's one connector."""
    return ConnectorSpec(interface=INTERFACE, settings=Settings, factory=SchoolRegister, tls=_tls, poll_every=5.0)
