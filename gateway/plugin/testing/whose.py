"""Whose doing something is: the connector's, in what the suite called it for, or that of the suite and the stand-in.

The rule: it goes by the context, which tasks, timers and `asyncio.to_thread` take along from whoever began them.
"""

import gc
from contextvars import Context, ContextVar, copy_context
from typing import Final

_calls: Final = ContextVar[bool]("calls")
_turn: Final = ContextVar[int]("turn", default=0)


def connectors() -> Context:
    """A context like the present one, in which whatever is done is the connector's doing."""
    context = copy_context()
    context.run(_calls.set, True)  # noqa: FBT003  (what a context variable holds)
    return context


def suite_acts(turn: int) -> None:
    """What is done from here on is the suite's; what the connector is called for is its doing of that turn."""
    _calls.set(False)
    _turn.set(turn)


def connector_acts(*, unknown: bool) -> bool:
    """Whether what is done just now is the connector's doing; `unknown` where the context does not say."""
    return _calls.get(unknown)


def turn() -> int:
    """The turn that this belongs to."""
    return _turn.get()


def turn_of(begun: object) -> int:
    """The turn in which the connector began a task or a timer; 0 if somebody else did."""
    contexts = (each for each in gc.get_referents(begun) if isinstance(each, Context))
    return next((each.get(_turn, 0) for each in contexts if each.get(_calls)), 0)
