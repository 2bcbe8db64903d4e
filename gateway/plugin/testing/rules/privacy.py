"""Whether anything of a record, or a secret, comes out where people read who may not see it."""

import contextlib
import io
import logging
import traceback
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from gateway.errors import Deferred, Misconfigured, Refused
from gateway.plugin.connector import Accepted, Connector, Context
from gateway.plugin.contract import ContractOperation
from gateway.plugin.testing import conducts, lies
from gateway.plugin.testing.between import Between, Conduct, passes
from gateway.plugin.testing.called import SLACK
from gateway.plugin.testing.canaries import Canaries
from gateway.plugin.testing.descriptors import caught
from gateway.plugin.testing.rules.repeats import offered
from gateway.plugin.testing.scene import Scene
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.traces import traced
from gateway.plugin.testing.verdict import Broken

_STATUSES: Final = (429, 500, 503)
_OTHERS: Final = (400, 401, 403, 404, 409, 413, 422, 502, 504)
_BEYOND: Final = "not_of_the_interface"
_SHORT: Final = 2.0
_ROWS: Final = 2
_MOST: Final = 4
_USUAL: Final = frozenset(vars(logging.makeLogRecord({})))
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
    """See the catalogue."""
    seen = _Seen()
    async with stage.scene() as scene:
        with traced(scene.place.folder) as traces:
            with caught(scene.place.folder) as said, _listening(seen):
                for trouble in _troubles(scene):
                    await _played(scene, seen, trouble, scene.stage.operations("receives"))
                for turn, conduct in enumerate(_rarer() if scene.between is not None else ()):
                    await _played(scene, seen, partial(_met_by, scene.network, conduct), _some(scene, turn))
            seen.texts += traces.texts()
        for text in said:
            seen.take("stdout or stderr", text)
        _gathered(scene, seen)
    if (leak := seen.canaries.found(seen.texts)) is not None:
        raise Broken(leak, "say what happened by a code, a count and a path of the interface")


def _troubles(scene: Scene) -> Iterator[Trouble]:
    """None; its system away; then what makes of what was asked an error, or an answer that cannot be read."""
    yield contextlib.nullcontext
    yield scene.away
    if scene.between is None:
        return
    yield from (partial(_met_by, scene.between, each) for each in _conducts())


@asynccontextmanager
async def _met_by(between: Between, conduct: Conduct) -> AsyncIterator[None]:
    between.conduct = conduct
    yield
    between.conduct = passes


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


def _some(scene: Scene, turn: int) -> Sequence[ContractOperation]:
    """Evenly from among all that it receives, with each turn others: some receive very much."""
    operations = scene.stage.operations("receives")
    step = -(-len(operations) // _MOST) or 1
    return operations[turn % step :: step]


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
        for _, record in delivery.records:
            seen.canaries.record(operation.name, operation.fields, record.model_dump(exclude_none=True))
    answered, health = await scene.at_once(connector, deliveries)
    for operation, outcomes in zip(operations, answered, strict=True):
        for outcome in outcomes.values():
            if isinstance(outcome, Accepted) and outcome.reply is not None:
                seen.canaries.record(f"the reply of {operation.name}", operation.reply, dict(outcome.reply))
            seen.take("an outcome", f"{outcome!r} {getattr(outcome, 'code', '')} {getattr(outcome, 'path', '')}")
    seen.take("its health", health)
    await scene.line.told()
    await scene.polled(connector)


def _gathered(scene: Scene, seen: _Seen) -> None:
    """What line and scene have kept."""
    for event, known in scene.line.lines:
        seen.take("a line of its log", f"{event} {known!r}")
    for reference, counts, code in scene.line.notes:
        seen.take("a note", f"{reference.decode(errors='replace')} {dict(counts)!r} {code}")
    for error in (*scene.raised, *scene.line.raised):
        for text in _chain(error):
            seen.take(f"what it raised ({type(error).__name__})", text)
    key = Path(scene.place.connector.key).read_bytes().splitlines()
    for secret in (*scene.secrets, *(line for line in key if b"-" not in line)):  # but what frames every key
        seen.canaries.secret(secret)


def _chain(error: BaseException | None) -> Iterator[str]:
    """The texts of an exception and of what it would be printed with."""
    while error is not None:
        yield f"{error} {error!r} {error.args!r}"
        yield "".join(traceback.format_exception_only(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@contextlib.contextmanager
def _listening(seen: _Seen) -> Iterator[None]:
    """To stdout, stderr, warnings, and whatever is logged by whomever at whatever level, wherever that goes."""
    out, err, logged = io.StringIO(), io.StringIO(), list[logging.LogRecord]()
    root, make = logging.getLogger(), logging.getLogRecordFactory()
    level = root.level

    def kept(*given: Any, **named: Any) -> logging.LogRecord:
        logged.append(make(*given, **named))
        return logged[-1]

    logging.setLogRecordFactory(kept)
    root.setLevel(logging.DEBUG)
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("always")
            yield
    finally:
        root.setLevel(level)
        logging.setLogRecordFactory(make)
    seen.take("stdout", out.getvalue())
    seen.take("stderr", err.getvalue())
    seen.take("a warning", " ".join(str(each.message) for each in warned))
    for record in logged:
        for text in _printed(record):
            seen.take(f"what {record.name} logs", text)


def _printed(record: logging.LogRecord) -> Iterator[str]:
    """Whatever of it may be printed: its message, what is there beside it, its exception."""
    with contextlib.suppress(TypeError, ValueError):  # its words do not fit what it is given: stderr says so
        yield record.getMessage()
    yield repr({name: each for name, each in vars(record).items() if name not in _USUAL})
    yield from _chain(record.exc_info[1] if record.exc_info else None)
