"""The quality scale: every rule held to one connector, and the level that it has reached."""

import asyncio
import traceback
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.plugin.failed import FROM_SETTINGS, place, wants_variable
from gateway.plugin.testing.rule import Level, Rule
from gateway.plugin.testing.rules import RULES
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken, Inapplicable

_LONGEST: Final = 1800.0
"""Seconds in which one rule must be judged, also on a machine so busy that some take minutes."""


class State(StrEnum):
    """How a rule stands."""

    DONE = "done"
    EXEMPT = "exempt"
    TO_DO = "to do"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule and how it stands. `seen` is why, `next` what to do, a line each; `detail` is for whoever mends it."""

    rule: Rule
    state: State
    seen: str = ""
    next: str = ""
    detail: str = ""


async def judged(rule: Rule, stage: Stage) -> Finding:
    """Hold one rule to a connector. An exemption that is not needed is to do, too, and so is an author's of bronze."""
    reason = stage.subject.exempt.get(rule.id)
    try:
        async with asyncio.timeout(_LONGEST):
            told = await rule.holds(stage)
    except Inapplicable as nothing:
        return Finding(rule, State.EXEMPT, reason or str(nothing))
    except Broken as broken:
        return _broken(rule, broken, reason)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (suite, stand-in or factory failed: a finding, too)
        what = "time ran out" if isinstance(error, TimeoutError) else f"{type(error).__name__} was raised"
        at = place(error, stage.module.__name__, stage.subject.__module__, brief=True)
        next_ = _VARIABLE if wants_variable(error) else _LOOK
        return Finding(rule, State.TO_DO, f"{what}{at} while the scene was set or played", next_, _told(error))
    if reason is not None:
        return Finding(rule, State.TO_DO, "exemption not needed: the rule holds", f"take {rule.id} out of exempt")
    return Finding(rule, State.DONE, told or "")


_EXITED: Final = "a task that it left behind ended the process"
_LOOK: Final = "look at the stand-in and the subject with -v"
_VARIABLE: Final = f"a subject sets what it reads of the environment itself; a connector: {FROM_SETTINGS}"


def findings(stage: Stage, only: Collection[str] = ()) -> Iterator[Finding]:
    """Every rule, or only those named, one after the other, until an exit of the connector's own."""
    with asyncio.Runner() as runner:
        keeping = stage.keeping()
        runner.run(keeping.__aenter__())
        try:
            for rule in RULES:
                if not only or rule.id in only:
                    yield (found := _run(runner, rule, stage))
                    if found.seen == _EXITED:
                        return  # the loop was torn, and with it all that stands in it
        finally:
            runner.run(keeping.__aexit__(None, None, None))


def _run(runner: asyncio.Runner, rule: Rule, stage: Stage) -> Finding:
    try:
        return runner.run(judged(rule, stage))
    except SystemExit as left:  # else the check would end with that, perhaps as if all were well
        runner.get_loop().set_exception_handler(lambda *_: None)  # asyncio would log its text
        return Finding(rule, State.TO_DO, _EXITED, "raise no exit in a task of its own", _told(left))


def _broken(rule: Rule, broken: Broken, reason: str | None) -> Finding:
    """The author's reason exempts, but for bronze: what may be enabled is nobody's word."""
    seen = broken.seen
    if reason is not None:
        if rule.level is not Level.BRONZE:
            return Finding(rule, State.EXEMPT, reason)
        seen = f"no reason exempts from a rule of bronze, and {seen}"
    return Finding(rule, State.TO_DO, seen, broken.next, _told(broken))


def reached(found: Collection[Finding]) -> Level | None:
    """The highest level of which nothing, and nothing before, is to do."""
    level = None
    for each in Level:
        if any(one.state is State.TO_DO for one in found if one.rule.level is each):
            return level
        level = each
    return level


def _told(error: BaseException) -> str:
    """Where it happened, through all its causes, without any exception's text."""
    lines: list[str] = []
    at: BaseException | None = error
    while at is not None:
        lines += [f"{each.filename}:{each.lineno} in {each.name}" for each in traceback.extract_tb(at.__traceback__)]
        lines.append(str(at) if isinstance(at, Broken | Inapplicable) else type(at).__name__)
        at = at.__cause__
    return "\n".join(lines)
