"""Whether anything of a record, or a secret, comes out where people read who may not see it."""

import asyncio
import contextlib
import gc
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import unquote_plus

from gateway.errors import Deferred, Misconfigured, Refused
from gateway.plugin.connector import Accepted, Connector, Context, Delivery
from gateway.plugin.contract import ContractOperation
from gateway.plugin.testing import conducts, lies
from gateway.plugin.testing.between import Between, Conduct
from gateway.plugin.testing.called import SLACK
from gateway.plugin.testing.canaries import Canaries
from gateway.plugin.testing.descriptors import caught
from gateway.plugin.testing.heard import chain, heard
from gateway.plugin.testing.inline import inline
from gateway.plugin.testing.rules.network import tries_to_open
from gateway.plugin.testing.rules.repeats import counted, offered, restated
from gateway.plugin.testing.scene import Scene, portion
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.traces import traced
from gateway.plugin.testing.verdict import Broken

_STATUSES: Final = (429, 500, 503)
_ERRORS: Final = tuple(each for each in HTTPStatus if each >= HTTPStatus.BAD_REQUEST and each not in _STATUSES)
_BEYOND: Final = "not_of_the_interface"
_SHORT: Final = 2.0
_SLOW: Final = 0.8
"""Seconds after which one writes that it was slow, and of which none gives up yet."""
_ROWS: Final = 2
Trouble: TypeAlias = Callable[[], AbstractAsyncContextManager[object]]
"""What befalls the connector while the block lasts."""


@dataclass(slots=True)
class _Seen:
    """What came out, each with where; and what must not."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    canaries: Canaries = field(default_factory=Canaries)

    def take(self, where: str, text: str) -> None:
        self.texts.append((where, text))


async def no_leaks(stage: Stage) -> None:
    """See the catalogue. What leaks while nothing is wrong is told at once."""
    gc.collect()  # what was played before may speak as it is given back
    seen = _Seen()
    async with stage.scene() as scene:
        none, *troubles = _troubles(scene)
        await _without_leaks(scene, seen, _in_turn(scene, seen, [none]))
        await _without_leaks(scene, seen, _repeated(scene, seen))
        await _without_leaks(scene, seen, _in_turn(scene, seen, troubles))
        await _without_leaks(scene, seen, _more_rarely(scene, seen))


async def _without_leaks(scene: Scene, seen: _Seen, playing: Awaitable[None]) -> None:
    """Raises Broken if anything came out of that play."""
    with traced(scene.place.folder) as traces:
        with caught(scene.place.folder) as said, heard() as texts:
            await playing
        seen.texts += texts + traces.texts()
    for text in said:
        seen.take("stdout or stderr", text)
    _gathered(scene, seen)
    if (leak := seen.canaries.found(seen.texts)) is not None:
        raise Broken(leak, "say what happened by a code, a count and a path of the interface")
    seen.texts.clear()


async def _in_turn(scene: Scene, seen: _Seen, troubles: Iterable[Trouble]) -> None:
    for trouble in troubles:
        await _played(scene, seen, trouble, scene.stage.operations("receives"))


async def _repeated(scene: Scene, seen: _Seen) -> None:
    """The same messages to the same instance and to a new one: what its system knows, it may answer in other words."""
    asked = _deliveries(scene, scene.stage.operations("receives"))
    for times in (2, 1):
        async with scene.opened() as connector:
            for _ in range(times):
                await _works(scene, connector, seen, asked)


async def _more_rarely(scene: Scene, seen: _Seen) -> None:
    await _superseded(scene, seen)
    if scene.between is None:
        return
    await _refused(scene, scene.between, seen)
    for turn, conduct in enumerate(_rarer()):
        await _played(scene, seen, partial(scene.network.behaving, conduct), scene.stage.some_receiving(turn))


async def _refused(scene: Scene, between: Between, seen: _Seen) -> None:
    """One instance meets every error that there is, and so does each time another that opens."""
    async with scene.opened() as connector:
        for turn, status in enumerate(_ERRORS):
            async with between.behaving(conducts.echoes(status)):
                await tries_to_open(scene)
                await _works(scene, connector, seen, _deliveries(scene, scene.stage.some_receiving(turn)))


async def clean_addresses(stage: Stage) -> None:
    """See the catalogue."""
    seen = _Seen()
    async with stage.scene() as scene:
        network = scene.network
        await _played(scene, seen, contextlib.nullcontext, stage.operations("receives"))
    asked = [("the address of a request", f"{each} {unquote_plus(each)}") for each in network.asked]
    if (leak := seen.canaries.found(asked)) is not None:
        raise Broken(leak, "ask in the body of a request, or say in the subject which interface prescribes it")


def _troubles(scene: Scene) -> Iterator[Trouble]:
    """None; its system away; then what makes of what was asked an error, or an answer that cannot be read."""
    yield contextlib.nullcontext
    yield scene.away
    if scene.between is None:
        return
    yield from (partial(scene.between.behaving, each) for each in _conducts())


def _conducts() -> Iterator[Conduct]:
    yield conducts.hangs
    yield from (conducts.echoes(status) for status in _STATUSES)
    yield conducts.cuts_off
    yield conducts.altered(lambda body: body[: len(body) // 2])
    yield conducts.altered(lambda body: b"<html>" + body)


def _rarer() -> Iterator[Conduct]:
    """What is slow, and one of each kind of lie."""
    yield conducts.held_back(_SLOW)
    kinds: dict[str, conducts.Alter] = {}
    for told, alter in (*lies.false_answers(_ROWS), *lies.false_members()):
        kinds.setdefault(told, alter)
    yield from map(conducts.altered, kinds.values())


async def _played(scene: Scene, seen: _Seen, trouble: Trouble, operations: Sequence[ContractOperation]) -> None:
    """What is offered, of which the line refuses one record; one delivery of each of these, a poll, health, and if it
    knows now how something ended another poll; then all that can be shown of the instance. One that does not open in
    trouble opens before it.
    """
    for operation in scene.stage.operations("sends"):
        record, refused = scene.records("sends", operation.name, 2)
        for own in (record, refused):
            seen.canaries.record(operation.name, operation.fields, own)
        await offered(scene, operation.name, [record, {**refused, _BEYOND: True}])
    async with scene.context() as context:
        connector = scene.stage.spec.factory()
        scene.line.listens(connector)
        async with trouble():
            opened = await _opens(scene, connector, context)
        if opened or await _opens(scene, connector, context):
            async with trouble():
                await _works(scene, connector, seen, _deliveries(scene, operations))
        shown = {"connector": connector, "settings": context.settings, "context": context, "spec": scene.stage.spec}
        for what, each in shown.items():
            seen.take(f"the repr of its {what}", f"{each!r} {each!s}")
        for task in asyncio.all_tasks():
            seen.take("the name of a task", task.get_name())
        scene.line.listens(None)
        await scene.line.told()
        await scene.contracted("close", connector.close(), SLACK)


async def _opens(scene: Scene, connector: Connector, context: Context) -> bool:
    with contextlib.suppress(Refused, Deferred, Misconfigured):
        await scene.contracted("open", connector.open(context))
        return True
    return False


def _deliveries(scene: Scene, operations: Sequence[ContractOperation]) -> list[tuple[ContractOperation, Delivery]]:
    return [(each, scene.delivery(each, _ROWS, _SHORT)) for each in operations]


async def _works(
    scene: Scene, connector: Connector, seen: _Seen, asked: Sequence[tuple[ContractOperation, Delivery]]
) -> None:
    for operation, delivery in asked:
        _known(seen, operation, delivery)
    before = len(scene.line.sends)
    answered, health = await scene.at_once(connector, [each for _, each in asked])
    for (operation, _), outcomes in zip(asked, answered, strict=True):
        for outcome in outcomes.values():
            if isinstance(outcome, Accepted) and outcome.reply is not None:
                seen.canaries.record(f"the reply of {operation.name}", operation.reply, dict(outcome.reply))
            seen.take("an outcome", f"{outcome!r} {getattr(outcome, 'code', '')} {getattr(outcome, 'path', '')}")
    seen.take("its health", health)
    await scene.line.told()
    if len(scene.line.sends) > before:
        await scene.polled(connector)


def _known(seen: _Seen, operation: ContractOperation, delivery: Delivery) -> None:
    for _, record in delivery.records:
        seen.canaries.record(operation.name, operation.fields, record.model_dump(exclude_none=True))


async def _superseded(scene: Scene, seen: _Seen) -> None:
    """Of each operation with a version a record, and then an earlier state of it, which a system that keeps the latest
    refuses in its own words.
    """
    async with scene.opened() as connector:
        for operation in scene.stage.operations("receives"):
            if counts := counted(operation):
                earlier, other = scene.delivery(operation, 1), scene.delivery(operation, 1)
                _known(seen, operation, earlier)
                latest = tuple((index, restated(record, counts, 1)) for index, record in earlier.records)
                await scene.delivered(connector, portion(other, latest))
                await scene.delivered(connector, earlier)


def _gathered(scene: Scene, seen: _Seen) -> None:
    """What line and scene have kept, which they keep no longer."""
    for event, known in scene.line.lines:
        seen.take("a line of its log", f"{event} {known!r}")
    for reference, counts, code in scene.line.notes:
        seen.take("a note", f"{reference.decode(errors='replace')} {dict(counts)!r} {code}")
    for error in (*scene.raised, *scene.line.raised):
        for text in chain(error):
            seen.take(f"what it raised ({type(error).__name__})", text)
    kept: tuple[list[Any], ...] = (scene.line.lines, scene.line.notes, scene.raised, scene.line.raised)
    for each in kept:
        each.clear()
    key = Path(scene.place.connector.key).read_bytes().splitlines()
    framed = (line for line in key if b"-" not in line)  # but what frames every key
    address = scene.between.address if scene.between is not None else None
    for secret in (*scene.secrets, *framed, *inline(scene.subject.settings(scene.place, address))):
        seen.canaries.secret(secret)
