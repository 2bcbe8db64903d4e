"""Whether anything of a record, or a secret, comes out where people read who may not see it."""

import contextlib
import io
import json
import logging
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from gateway.errors import Deferred, Misconfigured, Refused
from gateway.plugin.connector import Accepted, Connector
from gateway.plugin.contract import ContractField
from gateway.plugin.item import DataClass
from gateway.plugin.testing import conducts, lies
from gateway.plugin.testing.between import Conduct, passes
from gateway.plugin.testing.rules.repeats import offered
from gateway.plugin.testing.scene import SLACK, Scene
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken

_LEAST: Final = 6
"""Characters of a value that is not found by chance."""
_SHORT: Final = 2.0
_ROWS: Final = 3
_CALENDAR: Final = ("date", "instant")


@dataclass(slots=True)
class _Seen:
    """What came out, and where; and what must not."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    canaries: dict[str, str] = field(default_factory=dict)

    def take(self, where: str, text: str) -> None:
        self.texts.append((where, text))

    def leaked(self) -> str | None:
        """What came out where, without the value; None if nothing did."""
        for where, text in self.texts:
            for canary, what in self.canaries.items():
                if canary in text:
                    return f"{what} is in {where}"
        return None


async def no_leaks(stage: Stage) -> None:
    """See the catalogue."""
    seen = _Seen()
    async with stage.scene() as scene:
        with _listening(seen):
            for conduct in _conducts() if scene.between is not None else (passes,):
                if scene.between is not None:
                    scene.between.conduct = conduct
                await _played(scene, seen)
        _gathered(scene, seen)
    if (leak := seen.leaked()) is not None:
        raise Broken(leak, "say what happened by a code, a count and a path of the interface")


def _conducts() -> Iterator[Conduct]:
    """The honest one; then those whose answers hold what was asked, in forms that cannot be read or mislead."""
    yield passes
    yield conducts.cuts_off
    yield conducts.altered(lambda body: body[: len(body) // 2])
    yield conducts.altered(lambda body: b"<html>" + body)
    kinds: dict[str, conducts.Alter] = {}
    for told, alter in (*lies.false_answers(_ROWS), *lies.false_members()):
        kinds.setdefault(told, alter)
    yield from map(conducts.altered, kinds.values())


async def _played(scene: Scene, seen: _Seen) -> None:
    """What is offered, one delivery of each operation, a poll, health; then all that can be shown of the instance."""
    for operation in scene.stage.operations("sends"):
        (record,) = scene.records("sends", operation.name, 1)
        _mark(seen, operation.name, operation.fields, record)
        await offered(scene, operation.name, [record])
    async with scene.context() as context:
        connector = scene.stage.spec.factory()
        scene.line.listens(connector)
        with contextlib.suppress(Refused, Deferred, Misconfigured):
            await scene.contracted("open", connector.open(context), SLACK)
            await _works(scene, connector, seen)
        shown = {"connector": connector, "settings": context.settings, "context": context, "spec": scene.stage.spec}
        for what, each in shown.items():
            seen.take(f"the repr of its {what}", f"{each!r} {each!s}")
        scene.line.listens(None)
        await scene.line.told()
        await scene.contracted("close", connector.close(), SLACK)


async def _works(scene: Scene, connector: Connector, seen: _Seen) -> None:
    for operation in scene.stage.operations("receives"):
        delivery = scene.delivery(operation, _ROWS, _SHORT)
        for _, record in delivery.records:
            _mark(seen, operation.name, operation.fields, record.model_dump(exclude_none=True))
        for outcome in (await scene.delivered(connector, delivery)).values():
            if isinstance(outcome, Accepted) and outcome.reply is not None:
                _mark(seen, f"the reply of {operation.name}", operation.reply, dict(outcome.reply))
            seen.take("an outcome", f"{outcome!r} {getattr(outcome, 'code', '')} {getattr(outcome, 'path', '')}")
    await scene.polled(connector)
    with contextlib.suppress(Refused, Deferred):
        seen.take("its health", (await scene.contracted("health", connector.health(), SLACK)).detail)


def _gathered(scene: Scene, seen: _Seen) -> None:
    """What line and scene have kept."""
    for event, known in scene.line.lines:
        seen.take("a line of its log", f"{event} {known!r}")
    for reference, counts, code in scene.line.notes:
        seen.take("a note", f"{reference.decode(errors='replace')} {dict(counts)!r} {code}")
    for error in (*scene.raised, *scene.line.raised):
        for text in _chain(error):
            seen.take(f"what it raised ({type(error).__name__})", text)
    for secret in scene.secrets:
        if len(secret) >= _LEAST:
            seen.canaries[secret.decode(errors="replace")] = "a secret of its settings"


def _mark(seen: _Seen, told: str, fields: Sequence[ContractField], record: Mapping[str, JsonValue]) -> None:
    """Every value of the record by which somebody could be known, in the forms in which it would be printed. Short
    ones, numbers, dates and what is of a list are left out: they would be found by chance, or in honest telemetry.
    """
    for each in fields:
        if each.values is not None or each.check in _CALENDAR or each.data_class in (None, DataClass.OPERATIONAL):
            continue
        for value in _at(record, each.path.replace("[]", "").split(".")):
            if isinstance(value, str) and len(value) >= _LEAST:
                for form in (value, json.dumps(value)[1:-1]):
                    seen.canaries[form] = f"{each.path} of {told}"


def _at(value: object, path: list[str]) -> Iterator[object]:
    """Every value at a path, through lists."""
    if isinstance(value, list):
        for each in value:
            yield from _at(each, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _chain(error: BaseException | None) -> Iterator[str]:
    """The texts of an exception and of what it would be printed with."""
    while error is not None:
        yield f"{error} {error!r} {error.args!r}"
        yield "".join(traceback.format_exception_only(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@contextlib.contextmanager
def _listening(seen: _Seen) -> Iterator[None]:
    """To stdout, stderr, and whatever is logged by whomever at whatever level."""
    out, err, handler = io.StringIO(), io.StringIO(), _Records(seen)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        seen.take("stdout", out.getvalue())
        seen.take("stderr", err.getvalue())


class _Records(logging.Handler):
    """Each record as it would be printed, with its exception."""

    def __init__(self, seen: _Seen) -> None:
        super().__init__(logging.DEBUG)
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        """Kept as text."""
        where = f"what {record.name} logs"
        self._seen.take(where, record.getMessage())
        for text in _chain(record.exc_info[1] if record.exc_info else None):
            self._seen.take(where, text)
