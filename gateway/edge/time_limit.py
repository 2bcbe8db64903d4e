"""A limit to how long a plugin's code may hold up the start: a wait or a loop without end is broken off, and told.

Plugins run in our process, so only what Python itself can interrupt is broken off: a wait, a lock, a loop. Code of
another language that never returns is not; whoever must bear with such gives it an edge process of its own.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_AGAIN: Final = 1.0
"""Seconds until it is broken off once more, should the code have taken that for an error of its own."""
_BETWEEN: Final = frozenset({__name__, "contextlib"})
"""Modules that run between the end of the block and the end of the limit: what is raised there would leave it on."""


class TookTooLong(BaseException):
    """No Exception, so that no `except Exception` of the plugin's takes it for one of its own errors."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises TookTooLong in what runs in here longer than that. Only the main thread can be interrupted so: all
    plugins are loaded there; elsewhere there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    over = put_off = False

    def break_off(_: int, frame: FrameType | None) -> None:
        nonlocal put_off
        between = frame is not None and frame.f_globals.get("__name__") in _BETWEEN
        if between and not put_off:
            put_off = True  # once: a plugin, too, may hang in there
        elif not over:
            raise TookTooLong

    former = signal.signal(signal.SIGALRM, break_off)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
