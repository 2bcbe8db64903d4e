"""Connects a school register (made up): it hears of subjects, and says which children have left.

The rule: it keeps nothing. What the register still offers is sent again under the same key, and gets the same receipt.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, cast

import aiohttp
from pydantic import BaseModel, ConfigDict

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
    """Where the register is, and as whom we speak to it."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    base_url: str
    certificate: str
    key: str
    ca: str


_OUTCOMES: dict[str, Outcome] = {
    "stored": Accepted(),
    "known": Duplicate(),
    "old": RefusedRecord("superseded", "updated_at"),
    "closed": RefusedRecord("register_closed"),
}


class SchoolRegister:
    """One municipality's register."""

    def __init__(self) -> None:
        self._ended: dict[str, Mapping[int, Final]] = {}

    async def open(self, context: Context) -> None:
        self._context = context
        self._url = cast(Settings, context.settings).base_url

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """The register acts once on (message id, index), so a repeat does no harm."""
        rows = [{"index": index, **record.model_dump(exclude_none=True)} for index, record in delivery.records]
        said = await self._call("PUT", f"/children/{delivery.message_id}", rows)
        answers = {index: said.get(str(index), "nothing") for index, _ in delivery.records}
        return {index: _OUTCOMES.get(answer, DeferredRecord("system_busy")) for index, answer in answers.items()}

    async def poll(self) -> None:
        """Send what the register offers; once it has ended, say so, and the register offers the next."""
        offered = await self._call("GET", "/leavers", None)
        if not offered:
            return
        receipt = await self._context.outbox.send("subject.delete", offered["rows"], key=offered["id"].encode())
        if (ended := self._ended.pop(receipt.message_id, None)) is not None:
            done = [index for index, each in ended.items() if isinstance(each, Accepted | Duplicate)]
            await self._call("POST", f"/leavers/{offered['id']}", {"done": done})

    async def settled(self, message_id: str, outcomes: Mapping[int, Final]) -> None:
        """Only remembered. If it is forgotten by a restart, the next `send` brings it again."""
        self._ended[message_id] = outcomes

    async def health(self) -> Health:
        await self._call("GET", "/alive", None)
        return Health(ok=True, detail="the register answers")

    async def close(self) -> None:
        """The session belongs to the line."""

    async def _call(self, method: str, path: str, body: object) -> dict[str, Any]:
        try:
            async with self._context.session.request(method, self._url + path, json=body) as response:
                if response.status != 200:
                    raise Deferred("system_busy")
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            raise Deferred("system_unreachable") from None
        return answer if isinstance(answer, dict) else {}


def _tls(settings: Settings) -> TlsFiles:
    return TlsFiles(certificate=settings.certificate, key=settings.key, ca=settings.ca)


@hookimpl
def renkei_connector() -> ConnectorSpec:
    """The plugin's one connector."""
    return ConnectorSpec(interface=INTERFACE, settings=Settings, factory=SchoolRegister, tls=_tls, poll_every=5.0)
