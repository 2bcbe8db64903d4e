"""The line as a connector under examination meets it: what `Outbox` and `Log` promise, and nothing kind beyond it.

The rule: it refuses, record by record, what the locked interface refuses; nothing that was sent is written anywhere.
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue, ValidationError

from gateway.errors import CODES, Deferred, Refused
from gateway.plugin.act import Act, Counted
from gateway.plugin.attest import Claim
from gateway.plugin.connector import (
    Accepted,
    Answer,
    Connector,
    Final,
    Receipt,
    RefusedRecord,
    Unreadable,
)
from gateway.plugin.contract import Contract, ContractOperation
from gateway.plugin.testing.called import LONG, SLACK, contracted
from gateway.plugin.testing.made_up import reply_to
from gateway.plugin.testing.verdict import Broken

_MEANWHILE = 0.05
"""Seconds that a send takes at most if its ending is told before it returns."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that the connector sent. `content` is what makes it the same; `passed` are its good records."""

    message_id: str
    operation: str
    key: bytes = field(repr=False)
    content: bytes = field(repr=False)
    passed: tuple[Mapping[str, JsonValue], ...] = field(repr=False)
    outcomes: Mapping[int, Final]


class Line:
    """`Outbox` and `Log` of one connector, of the module `own`; one outlives its instances. With `settles` False
    endings are kept back.
    """

    def __init__(self, contract: Contract, attests: Collection[str], own: str) -> None:
        self.sent: dict[tuple[str, bytes], Sent] = {}
        self.sends: list[Sent] = []
        self.notes: list[tuple[bytes, Mapping[str, int], str | None]] = []
        self.lines: list[tuple[str, Mapping[str, Any]]] = []
        self.settles = True
        self.raised: list[BaseException] = []
        self.broken: list[Broken] = []
        """What the connector made of an ending that its contract does not allow; it is told of none any more then."""
        self._contract = contract
        self._attests = attests
        self._own = own
        self._connector: Connector | None = None
        self._telling: set[asyncio.Task[None]] = set()

    def listens(self, connector: Connector | None) -> None:
        """Whom `settled` is told from now on."""
        self._connector = connector

    async def send(
        self,
        operation: str,
        records: "Sequence[JsonValue | Unreadable]",
        *,
        key: bytes,
        same: bytes | None = None,
        claims: Sequence[Claim] = (),
    ) -> Receipt:
        """See `gateway.plugin.Outbox.send`. Of two sends, one hears `settled` before it returns and one after."""
        taken = self._taken(operation, "event", records)
        if any(each.name not in self._attests for each in claims):
            raise Deferred("connector_bug")
        content = _content(records) if same is None else same
        known = self.sent.get((operation, key))
        if known is not None and known.content != content:
            raise Refused("request_key_reused")
        sent = known or self._recorded(taken, records, key, content)
        self.sends.append(sent)
        if self.settles:
            telling = self._settle(sent)
            if len(self.sends) % 2 == 0:  # nor does it wait for who hears of it only once this has returned
                await asyncio.wait((telling,), timeout=_MEANWHILE)
        return Receipt(sent.message_id, repeated=known is not None)

    async def ask(
        self, operation: str, records: Sequence[JsonValue], *, key: bytes | None = None, patience: float = 10.0
    ) -> tuple[Answer, ...]:
        """See `gateway.plugin.Outbox.ask`. The answers hold what the locked reply says."""
        taken = self._taken(operation, "request", records)
        sent = self._recorded(taken, records, key or b"", _content(records))
        self.sends.append(sent)
        return tuple(
            Answer(index, code=outcome.code)
            if isinstance(outcome, RefusedRecord)
            else Answer(index, record=reply_to(taken, record))
            for (index, outcome), record in zip(sent.outcomes.items(), records, strict=True)
        )

    async def note(self, act: Act, *, reference: bytes, counts: Mapping[str, int], code: str | None = None) -> None:
        """See `gateway.plugin.Outbox.note`."""
        Act(act)
        self.notes.append((reference, {Counted(name): count for name, count in counts.items()}, code))

    def info(self, event: str, **known: Any) -> None:
        """A line of telemetry, kept."""
        self.lines.append((event, known))

    warning = info

    async def settle(self) -> None:
        """Tell the endings of all that was sent, whether or not they were told before."""
        for sent in {each.message_id: each for each in self.sends}.values():
            await self._settle(sent)

    async def told(self) -> None:
        """Return once every ending that is on its way has been told; who sends more and more is not waited for."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONG):
                while self._telling:
                    await asyncio.wait(self._telling)

    def _taken(self, operation: str, kind: str, records: Sequence[object]) -> ContractOperation:
        found = self._contract.operation("sends", operation)
        if found is None or found.kind != kind:
            raise Refused("unknown_operation")
        if not records:
            raise Refused("no_records")
        if found.most_records is not None and len(records) > found.most_records:
            raise Refused("too_many_records")
        return found

    def _recorded(self, taken: ContractOperation, records: Sequence[object], key: bytes, content: bytes) -> Sent:
        outcomes = {index: _outcome(taken, record) for index, record in enumerate(records)}
        passed = tuple(
            record
            for index, record in enumerate(records)
            if isinstance(record, Mapping) and isinstance(outcomes[index], Accepted)
        )
        made = Sent(message_id(-1 - len(self.sent)), taken.name, key, content, passed, outcomes)
        self.sent[taken.name, key] = made
        return made

    def _settle(self, sent: Sent) -> "asyncio.Task[None]":
        telling = asyncio.get_running_loop().create_task(self._tell(sent))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
        return telling

    async def _tell(self, sent: Sent) -> None:
        try:
            await contracted("settled", self._settled(sent), SLACK, self.raised, self._own)
        except (Refused, Deferred):
            pass
        except Broken as broken:  # the rule that drives this will tell
            self.broken.append(broken)

    async def _settled(self, sent: Sent) -> None:
        if self._connector is not None and not self.broken:
            await self._connector.settled(sent.message_id, sent.outcomes)


def _outcome(operation: ContractOperation, record: object) -> Final:
    match record:
        case Unreadable(code, path):
            return RefusedRecord(code if code in CODES else "unreadable", path)
        case Mapping():
            return Accepted() if within(operation.model.model_validate, record) else RefusedRecord("unknown_field")
        case _:
            return RefusedRecord("not_an_object")


def within(validate: Callable[[Any], object], record: object) -> bool:
    """Whether a model takes a record, and no null is in it: pydantic would let one stand for an absent field."""
    try:
        validate(record)
    except ValidationError:
        return False
    return not _null(record)


def wrong_fields(locked: ContractOperation, reply: object) -> str:
    """Which locked fields of a reply are wrong or missing, in brackets; a strange one's name may be a value, and is not
    told.
    """
    try:
        locked.reply_model.model_validate(reply)
    except ValidationError as error:
        found = {".".join(each for each in wrong["loc"] if isinstance(each, str)) for wrong in error.errors()}
        known = sorted(found & {each.path.replace("[]", "") for each in locked.reply})
        return f" ({', '.join(known)})" if known else ""
    return ""


def _null(value: object) -> bool:
    if isinstance(value, Mapping | list):
        return any(map(_null, value.values() if isinstance(value, Mapping) else value))
    return value is None


def _content(records: Sequence[object]) -> bytes:
    return json.dumps(records, default=repr, ensure_ascii=False).encode("utf-8", "surrogatepass")


def message_id(number: int) -> str:
    """The same for the same number; no counted digits, which would be found again in made-up values."""
    return f"01990000-0000-7000-9000-{hashlib.sha256(str(number).encode()).hexdigest()[:12]}"
