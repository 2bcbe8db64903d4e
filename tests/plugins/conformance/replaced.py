"""What the example has not, as a request with its reply, broken in one that has it; and subjects that do not tell."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.plugin import Accepted, Deferred, Delivery, JsonValue, Outcome, Refused
from gateway.plugin.testing import Subject
from gateway_pmh import answers
from gateway_pmh.conformance import PublicMedicalHub
from gateway_pmh.connector import Pmh
from tests.plugins.example.school_register_conformance import SchoolRegisterSubject


@dataclass(frozen=True)
class Replaced:
    """A rule, a connector's subject, what is replaced in its code or in the subject, and what the suite sees."""

    rule: str
    subject: type[Subject]
    instead: Mapping[str, Callable[..., Any]]
    seen: str


_confirmation = answers._confirmation


def _copied(row: Any, sent: str) -> Outcome:
    """What the connector makes of it, and whatever else the answer holds."""
    outcome = _confirmation(row, sent)
    if not isinstance(outcome, Accepted) or outcome.reply is None:
        return outcome
    more = {name: value for name, value in row.found.items() if name not in answers._CONFIRMED}
    return Accepted(reply={**outcome.reply, **more})


def _at_least(fields: Mapping[str, str], records: Iterable[Mapping[str, Any]]) -> None:
    if any(fields.keys() - each.keys() for each in records):
        raise Refused("missing_required")


def _logged(row: Any, sent: str, asked: frozenset[str]) -> Any:
    """A key is new to whoever asks: it stands in the answer alone."""
    logging.getLogger("pmh").info("issued %s", row.issued["pmhKey"])
    return Accepted(reply={"pmh_key": row.issued["pmhKey"], "individual_number": row.issued["myNumber"]})


_deliver = Pmh.deliver


async def _last(self: Any, delivery: Delivery) -> Mapping[int, Outcome]:
    """What is in hand is kept in the connector, where the next one finds it."""
    self.in_hand = delivery
    await asyncio.sleep(0)
    return await _deliver(self, self.in_hand)


async def _deaf(self: Any, delivery: Delivery) -> Mapping[int, Outcome]:
    """A cancellation is taken for a system that cannot be reached, in what it receives second."""
    try:
        return await _deliver(self, delivery)
    except asyncio.CancelledError:
        if delivery.operation == "confirmation.fetch":
            raise
        raise Deferred("system_unreachable") from None


_record = SchoolRegisterSubject.record


def _everybody(subject: SchoolRegisterSubject, direction: str, operation: str, person: int) -> Mapping[str, JsonValue]:
    return _record(subject, direction, operation, 1)


async def _uncounted(subject: Subject, address: str) -> int | None:
    return None


async def _unoffered(subject: Subject, address: str | None, operation: str, records: Sequence[JsonValue]) -> bool:
    return False


async def _unmoved(subject: Subject, address: str) -> int | None:
    return 7


_ANSWERS = "gateway_pmh.answers."
_SUBJECT = f"{SchoolRegisterSubject.__module__}.SchoolRegisterSubject."
_EFFECTS = f"{_SUBJECT}effects"
REPLACED: Final = (
    Replaced(
        "carries",
        PublicMedicalHub,
        {f"{_ANSWERS}_outcome": lambda *_: Accepted()},
        "pmh_key.issue: a request is accepted without a reply",
    ),
    Replaced(
        "carries",
        PublicMedicalHub,
        {f"{_ANSWERS}_answered": lambda form, reply: Accepted(reply={**reply, "more": "x"})},
        "confirmation.fetch: the reply is not within the interface",
    ),
    Replaced("carries", SchoolRegisterSubject, {f"{_SUBJECT}offer": _unoffered}, "nothing that it sends is seen"),
    Replaced(
        "refuses-beyond-interface",
        SchoolRegisterSubject,
        {f"{_SUBJECT}record": _everybody},
        "subject.register: the subject's records of two persons have the same internal_no",
    ),
    Replaced(
        "lies",
        PublicMedicalHub,
        {f"{_ANSWERS}_exactly": _at_least, f"{_ANSWERS}_confirmation": _copied},
        "upon a look-alike member more: confirmation.fetch: the reply is not within the interface",
    ),
    Replaced(
        "no-leaks",
        PublicMedicalHub,
        {f"{_ANSWERS}_outcome": _logged},
        "pmh_key of the reply of pmh_key.issue is in what pmh logs",
    ),
    Replaced(
        "at-once",
        PublicMedicalHub,
        {"gateway_pmh.connector.Pmh.deliver": _last},
        "confirmation.fetch: of deliveries at the same time one has another's reply",
    ),
    Replaced(
        "cancelled",
        PublicMedicalHub,
        {"gateway_pmh.connector.Pmh.deliver": _deaf},
        "a cancelled delivery does not end as cancelled",
    ),
    Replaced("once", SchoolRegisterSubject, {_EFFECTS: _uncounted}, "the stand-in counts no effect"),
    Replaced("once", SchoolRegisterSubject, {_EFFECTS: _unmoved}, "the stand-in counts no effect"),
)
