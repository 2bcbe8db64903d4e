"""What systems say that is not so: no answer at all, one without an end, a false one; and what they offer wrongly."""

import contextlib
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Final, TypeVar

from gateway.plugin.connector import Accepted, Connector, DeferredRecord, Delivery, Duplicate, Outcome
from gateway.plugin.contract import ContractOperation
from gateway.plugin.testing import conducts, lies
from gateway.plugin.testing.between import Conduct, passes
from gateway.plugin.testing.called import until
from gateway.plugin.testing.rules.network import opened_in
from gateway.plugin.testing.rules.repeats import come, offering
from gateway.plugin.testing.scene import Scene
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken, Inapplicable

_SHORT: Final = 2.0
_LONG: Final = 60.0
"""Seconds in which a busy machine, too, carries more than `_MOST`."""
_MOST: Final = 32 * 2**20
"""Bytes that a connector may take of one answer, with what network and TLS have in their buffers."""
_LARGE: Final = {200: "a body", 500: "an error"}
_POSITIONS: Final = 4
"""Of the answers of one exchange so many are falsified in turn."""
_PLAYS: Final = 160
_ROWS: Final = 2
"""Of a delivery, so that they can be mixed up."""
_LEAST: Final = 4
_T = TypeVar("_T")
GARBAGE: Final[Mapping[str, bytes]] = {
    "nothing": b"",
    "a page of HTML": b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>",
    "bytes": bytes(range(256)),
    "half a text of JSON": b'{"rows": [{"index": 0, "st',
    "JSON nested without end": b"[" * 100_000,
    "a number beyond all bounds": b"1" + b"0" * 5000,
    "NaN": b'{"rows": NaN}',
    "a lone surrogate": b'{"a": "\\ud800"}',
    "null": b"null",
    "a text": b'"ok"',
    "a list of nothing": b"[null]",
}


async def garbage(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene(alone=True) as scene:
        deliveries = [scene.delivery(each, _ROWS, _SHORT) for each in stage.operations("receives")]
        html = conducts.answers(GARBAGE["a page of HTML"], "text/html")
        await _nothing_accepted(scene, html, "a page of HTML", deliveries)
        for told, body in GARBAGE.items():
            await _nothing_accepted(scene, conducts.answers(body), told, deliveries)
        operations, turns = (*stage.operations("receives"), None), count()
        for operation in operations:
            for at, _ in enumerate(await _answers(scene, operation)):
                delivery = _delivery(scene, operation)
                for body in _few([*GARBAGE.values()], len(operations), next(turns)):
                    await _unbroken(scene, conducts.altered(_always(body), at), delivery)


async def huge(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene:
        deliveries = [scene.delivery(each, _ROWS, _LONG) for each in stage.operations("receives")]
        for status, told in _LARGE.items():
            endless = conducts.Endless(status)
            await _nothing_accepted(scene, endless, f"{told} without an end", deliveries)
            if endless.pushed > _MOST:
                raise _too_much(f"{told} without an end", "")
        with _allocated() as usual:  # tables of its own, too
            await _well_met(scene)
        for status, told in _LARGE.items():
            swells = conducts.swells(status)
            with _allocated() as most:
                await _nothing_accepted(scene, swells, f"{told} that swells", deliveries)
            if most() > usual() + _MOST:
                raise _too_much(f"{told} that swells", "ask with auto_decompress=False, or ")


async def _well_met(scene: Scene) -> None:
    scene.network.conduct = passes
    deliveries = [scene.delivery(each, _ROWS, _LONG) for each in scene.stage.operations("receives")]
    async with scene.opened() as connector:
        await scene.at_once(connector, deliveries)


def _too_much(told: str, first: str) -> Broken:
    return Broken(
        f"upon {told} it took more than {_MOST // 2**20} MiB of one answer",
        f"{first}stop at a bound, as gateway.plugin.exchange does",
    )


@contextlib.contextmanager
def _allocated() -> Iterator[Callable[[], int]]:
    """Bytes that Python's objects have taken at most, in the block, beyond what they had before."""
    if traced := tracemalloc.is_tracing():
        tracemalloc.reset_peak()
    else:
        tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    peak = before
    try:
        yield lambda: peak - before
    finally:
        _, peak = tracemalloc.get_traced_memory()
        if not traced:
            tracemalloc.stop()


async def lied_to(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene(alone=True) as scene:
        operations, turns = (*stage.operations("receives"), None), count()
        for operation in operations:
            rows = min(_ROWS, operation.most_records or _ROWS) if operation is not None else 1
            for at, honest in enumerate(await _answers(scene, operation)):
                members = [each for each in lies.false_members() if each[1](honest) is not None]
                whole = [each for each in lies.false_answers(rows) if each[1](honest) is not None]
                for told, alter in (*whole, *_few(members, len(operations), next(turns))):
                    if operation is not None:
                        await _not_believed(scene, operation, told, conducts.altered(alter, at))
                    else:
                        await _unbroken(scene, conducts.altered(alter, at))


def _few(found: Sequence[_T], operations: int, turn: int) -> Sequence[_T]:
    """Evenly from among them, the fewer the more operations there are: nobody waits for thousands of answers. With each
    turn others, so that all have theirs.
    """
    most = max(_LEAST, _PLAYS // (operations * _POSITIONS))
    step = -(-len(found) // most) or 1
    return found[turn % step :: step]


async def emits_within_interface(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene(alone=True) as scene:
        names = await offering(scene)
        if not names:
            raise Inapplicable("its system offers nothing that it polls for")
        for name in names:
            await _beside_wrong_ones(scene, name)


async def _beside_wrong_ones(scene: Scene, operation: str) -> None:
    """Each kind of wrong record is offered between two good ones."""
    kinds = {lie.told: lie for lie in lies.wrong_records(scene.records("sends", operation, 1)[0])}
    for lie in kinds.values():
        first, last = scene.records("sends", operation, 2)
        await scene.subject.offer(scene.system, operation, [dict(first), lie.record, dict(last)])
        async with scene.opened() as connector:
            wanted = (first, last) if lie.keeps_keys else ()
            if not await until(partial(come, scene, connector, operation, wanted)):
                raise Broken(
                    f"{operation}: beside a record with {lie.told} the good ones do not pass",
                    "send Unreadable in the place of the bad one, or send it as it is",
                )


def _always(body: bytes) -> Callable[[bytes], bytes]:
    return lambda _: body


def _delivery(scene: Scene, operation: ContractOperation | None) -> Delivery | None:
    return scene.delivery(operation, _ROWS, _SHORT) if operation is not None else None


async def _answers(scene: Scene, operation: ContractOperation | None) -> list[bytes]:
    """The first few answers of an honest exchange: of a delivery, or of a poll and a look at its health. One in which a
    record was deferred or nothing was answered, be it by a machine that stood still, is had once more: where nothing
    was answered nothing is judged.
    """
    network = scene.network
    network.conduct = passes
    answers: list[bytes] = []
    for _ in range(2):
        before = len(network.answered)
        async with scene.opened() as connector:
            outcomes = await _asks(scene, connector, _delivery(scene, operation))
        answers = [each.body for each in network.answered[before : before + _POSITIONS]]
        if answers and not any(isinstance(each, DeferredRecord) for each in outcomes.values()):
            break
    return answers


async def _asks(scene: Scene, connector: Connector, delivery: Delivery | None) -> Mapping[int, Outcome]:
    if delivery is not None:
        return await scene.delivered(connector, delivery)
    await offering(scene)
    await scene.polled(connector)
    await scene.told_health(connector)
    return {}


async def _nothing_accepted(scene: Scene, conduct: Conduct, told: str, deliveries: Sequence[Delivery]) -> None:
    """The system never hears of them, so the same ones can be delivered again."""
    async with opened_in(scene, conduct) as connector:
        sends = len(scene.line.sends)
        for delivery in deliveries:
            for each in (await scene.delivered(connector, delivery)).values():
                if isinstance(each, Accepted | Duplicate):
                    raise Broken(
                        f"{delivery.operation}: a record is accepted upon {told}", "accept upon an answer alone"
                    )
        await scene.polled(connector)
        await scene.told_health(connector)
        if len(scene.line.sends) > sends:
            raise Broken(f"something is sent upon {told}", "send what an answer says alone")


async def _unbroken(scene: Scene, conduct: Conduct, delivery: Delivery | None = None) -> None:
    """Whatever comes of it, no method raises what it may not."""
    async with opened_in(scene, conduct) as connector:
        await _asks(scene, connector, delivery)


async def _not_believed(scene: Scene, operation: ContractOperation, told: str, conduct: Conduct) -> None:
    delivery = scene.delivery(operation, _ROWS, _SHORT)
    async with opened_in(scene, conduct) as connector:
        try:
            outcomes = await scene.delivered(connector, delivery)
        except Broken as broken:
            raise Broken(f"upon {told}: {broken.seen}", broken.next) from broken
    for index, record in delivery.records:
        reply = getattr(outcomes[index], "reply", None) or {}
        asked = record.model_dump(exclude_none=True)
        if any(reply[name] != value for name, value in asked.items() if name in reply):
            raise Broken(
                f"{operation.name}: upon {told} a record is answered with another's data",
                "hold each answer against its question, and refuse it as a dispute",
            )
    if told == lies.ROW_MISSING and _all_accepted(outcomes, delivery):
        raise Broken(f"{operation.name}: a row is accepted that the answer lacks", "defer what was not answered")


def _all_accepted(outcomes: Mapping[int, Outcome], delivery: Delivery) -> bool:
    """Only where the answer really lacked one; the alteration says so by the system's own word."""
    return len(delivery.records) > 1 and all(isinstance(each, Accepted | Duplicate) for each in outcomes.values())
