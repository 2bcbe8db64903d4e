"""AdmittedHere → outcomes: the one call into plugin code; whatever a plugin does becomes an outcome per record here.

Records are handed over in waves that never hold two of one person; a deferred record keeps that person's later ones
back, so that a newer state is never overtaken by an older one (C176, C179). Once the answers to a request are more than
one message may hold, no more are drawn.
"""

import asyncio
from collections.abc import Callable, Container, Mapping
from typing import Protocol

from pydantic_core import to_json

from gateway.config import Limits
from gateway.errors import CODES, Deferred, Refused, patience
from gateway.messages import AdmittedHere
from gateway.plugin.attest import Claim
from gateway.plugin.connector import (
    Accepted,
    Connector,
    DeferredRecord,
    Delivery,
    Duplicate,
    Outcome,
    RefusedRecord,
)
from gateway.plugin.contract import Contract
from gateway.plugin.payload import Payload


class Bugs(Protocol):
    """Where a connector's misbehaviour is told to the operator: the exception's type and place, never its text, and
    what is known of whose it is.
    """

    def __call__(self, error: BaseException | None, problem: str, **known: str) -> None: ...


async def hand_over(  # noqa: PLR0913  (the step's whole world, handed in)
    here: AdmittedHere,
    person_key: str,
    connector: Connector,
    contract: Contract,
    limits: Limits,
    attests: Callable[[tuple[Claim, ...]], bool],
    bug: Bugs,
) -> dict[int, Outcome]:
    """An outcome for each admitted record. Never raises for the plugin's sake."""
    outcomes: dict[int, Outcome] = {index: DeferredRecord("behind_deferred") for index, _ in here.records}
    held: set[object] = set()
    answered_bytes = 0
    for wave in waves(here.records, person_key):
        if answered_bytes > limits.body_bytes:
            outcomes |= dict.fromkeys((index for index, _ in wave), RefusedRecord("body_too_large"))
            continue
        ready = tuple((index, record) for index, record in wave if getattr(record, person_key, None) not in held)
        if not ready:
            continue
        reply_to = here.header.correlation_id if here.header.kind == "reply" else None
        delivery = Delivery(
            *(here.header.message_id, here.header.operation, ready, limits.delivery_deadline, reply_to),
            attests=attests,
        )
        answered = await _call(connector, delivery, bug)
        for index, record in ready:
            outcome = outcomes[index] = _sound(answered.get(index), contract, bug)
            if isinstance(outcome, DeferredRecord):
                held.add(getattr(record, person_key, None))
            elif isinstance(outcome, Accepted) and here.header.kind == "request":
                answered_bytes += _size(outcome.reply)
    return outcomes


def _size(reply: object) -> int:
    """Bytes of an answer, about; what cannot be written will be refused, and so takes no room."""
    try:
        return len(to_json(reply, serialize_unknown=True))
    except ValueError:
        return 0


def waves(records: tuple[tuple[int, Payload], ...], person_key: str) -> list[list[tuple[int, Payload]]]:
    """Cut the records, in their order, into waves that never hold two of one person."""
    cut: list[list[tuple[int, Payload]]] = []
    next_wave: dict[object, int] = {}
    for index, record in records:
        person = getattr(record, person_key, None)
        number = next_wave.get(person, 0)
        next_wave[person] = number + 1
        if number == len(cut):
            cut.append([])
        cut[number].append((index, record))
    return cut


async def _call(connector: Connector, delivery: Delivery, bug: Bugs) -> Mapping[int, object]:
    """What the plugin says of each record, copied out of whatever it answered with."""
    everything = [index for index, _ in delivery.records]
    try:
        async with asyncio.timeout(delivery.deadline):
            answered = await connector.deliver(delivery)
        if isinstance(answered, Mapping):
            return {index: answered[index] for index in everything if index in answered}
        bug(None, "deliver answered something that is not a mapping")
    except Refused as refused:
        return dict.fromkeys(everything, RefusedRecord(refused.code, refused.path))
    except Deferred as deferred:
        return dict.fromkeys(everything, DeferredRecord(deferred.code, deferred.retry_after))
    except TimeoutError:
        return dict.fromkeys(everything, DeferredRecord("deadline"))
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise  # it is we who are being cancelled
        bug(error, "deliver was cancelled by its own doing")
    except (Exception, SystemExit, GeneratorExit) as error:  # noqa: BLE001  (the plugin contract: whatever else it raises is deferred, with a mark)
        bug(error, "deliver raised")
    return dict.fromkeys(everything, DeferredRecord("connector_bug"))


def _sound(outcome: object, contract: Contract, bug: Bugs) -> Outcome:
    """A plugin's word, held to the closed lists: no free text of a system may reach the log through a code."""
    match outcome:
        case Accepted() | Duplicate():
            return outcome
        case RefusedRecord(code, path):
            return RefusedRecord(_code(code, contract) or "refused_by_system", _one_of(path, contract.paths))
        case DeferredRecord(code, retry_after):
            return DeferredRecord(_code(code, contract) or "system_busy", patience(retry_after))
        case _:
            bug(None, "deliver left a record without an outcome")
            return DeferredRecord("connector_bug")


def _code(said: object, contract: Contract) -> str | None:
    """One of ours, or of the interface's own."""
    return _one_of(said, CODES) or _one_of(said, contract.codes)


def _one_of(said: object, closed: Container[str]) -> str | None:
    return said if isinstance(said, str) and said in closed else None
