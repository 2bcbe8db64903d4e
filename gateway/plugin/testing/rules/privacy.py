"""Whether anything of a record, or a secret, comes out where people read who may not see it."""

import contextlib
import gc
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import unquote_plus

from gateway.errors import Deferred, Misconfigured, Refused
from gateway.plugin.connector import Accepted, Connector, Context, Delivery
from gateway.plugin.contract import ContractOperation
from gateway.plugin.payload import Payload
from gateway.plugin.testing import conducts, lies
from gateway.plugin.testing.between import Conduct
from gateway.plugin.testing.called import SLACK
from gateway.plugin.testing.canaries import Canaries
from gateway.plugin.testing.descriptors import caught
from gateway.plugin.testing.heard import chain, heard
from gateway.plugin.testing.rules.repeats import offered
from gateway.plugin.testing.scene import Scene, portion
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.traces import traced
from gateway.plugin.testing.verdict import Broken

_STATUSES: Final = (429, 500, 503)
_OTHERS: Final = (400, 401, 403, 404, 409, 413, 422, 502, 504)
_BEYOND: Final = "not_of_the_interface"
_SHORT: Final = 2.0
_ROWS: Final = 2
_SECRET: Final = re.compile(r"(password|passphrase|secret|token|credential|api_?key)s?$", re.IGNORECASE)
"""The name of a setting that holds one, if it does not say where it is kept."""
_KEPT: Final = ("file:", "env:", "systemd:")
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


async def _more_rarely(scene: Scene, seen: _Seen) -> None:
    await _superseded(scene, seen)
    for turn, conduct in enumerate(_rarer() if scene.between is not None else ()):
        await _played(scene, seen, partial(scene.network.behaving, conduct), scene.stage.some_receiving(turn))


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
    """The other errors, and one of each kind of lie."""
    yield from map(conducts.echoes, _OTHERS)
    kinds: dict[str, conducts.Alter] = {}
    for told, alter in (*lies.false_answers(_ROWS), *lies.false_members()):
        kinds.setdefault(told, alter)
    yield from map(conducts.altered, kinds.values())


async def _played(scene: Scene, seen: _Seen, trouble: Trouble, operations: Sequence[ContractOperation]) -> None:
    """What is offered, of which the line refuses one record; one delivery of each of these, a poll, health, and once it
    knows how it ended another poll; then all that can be shown of the instance. One that does not open in trouble opens
    before it.
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
                await _works(scene, connector, seen, operations)
        shown = {"connector": connector, "settings": context.settings, "context": context, "spec": scene.stage.spec}
        for what, each in shown.items():
            seen.take(f"the repr of its {what}", f"{each!r} {each!s}")
        scene.line.listens(None)
        await scene.line.told()
        await scene.contracted("close", connector.close(), SLACK)


async def _opens(scene: Scene, connector: Connector, context: Context) -> bool:
    with contextlib.suppress(Refused, Deferred, Misconfigured):
        await scene.contracted("open", connector.open(context))
        return True
    return False


async def _works(scene: Scene, connector: Connector, seen: _Seen, operations: Sequence[ContractOperation]) -> None:
    deliveries = [scene.delivery(each, _ROWS, _SHORT) for each in operations]
    for operation, delivery in zip(operations, deliveries, strict=True):
        _known(seen, operation, delivery)
    answered, health = await scene.at_once(connector, deliveries)
    for operation, outcomes in zip(operations, answered, strict=True):
        for outcome in outcomes.values():
            if isinstance(outcome, Accepted) and outcome.reply is not None:
                seen.canaries.record(f"the reply of {operation.name}", operation.reply, dict(outcome.reply))
            seen.take("an outcome", f"{outcome!r} {getattr(outcome, 'code', '')} {getattr(outcome, 'path', '')}")
    seen.take("its health", health)
    await scene.line.told()
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
            counts = [
                each.path for each in operation.fields if each.kind == "integer" and each.path in operation.version
            ]
            if counts:
                latest, other = scene.delivery(operation, 1), scene.delivery(operation, 1)
                _known(seen, operation, latest)
                await scene.delivered(connector, latest)
                earlier = tuple((index, _earlier(record, counts)) for index, record in latest.records)
                await scene.delivered(connector, portion(other, earlier))


def _earlier(record: Payload, counts: Sequence[str]) -> Payload:
    plain = record.model_dump(exclude_none=True)
    return type(record).model_validate(plain | {each: plain[each] - 1 for each in counts if plain[each]})


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
    for secret in (*scene.secrets, *framed, *_inline(scene.subject.settings(scene.place, address))):
        seen.canaries.secret(secret)


def _inline(value: object, name: str = "") -> Iterator[bytes]:
    """Secrets that stand in the settings themselves, by the names of their settings."""
    match value:
        case str() if _SECRET.search(name) and not value.startswith(_KEPT):
            yield value.encode()
        case Mapping():
            for inner, each in value.items():
                yield from _inline(each, str(inner))
        case list() | tuple():
            for each in value:
                yield from _inline(each, name)
