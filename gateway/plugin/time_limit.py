"""A limit to how long a plugin's code may hold up the start: a wait or a loop without end is broken off, and told.

It is against accidents, and no fence: code in our process is trusted. What Python cannot interrupt is not broken off
(code of another language that never returns), nor is what masks the signal, takes its handler, or tries again at once
after whatever is raised; and `os._exit` ends the process. Plugins are reviewed, come as signed wheels, and are held to
their locks; whoever must bear with others gives them an edge process of their own.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_AGAIN: Final = 0.25
_LEAST: Final = 0.001
"""Seconds until it is broken off once more, should the code have taken that for an error of its own; then half of that,
and so on, so that it is met while it waits to try again.
"""
_BETWEEN: Final = frozenset({__name__, "contextlib"})
"""Modules that run between the end of the block and the end of the limit: what is raised there would leave it on."""


class TookTooLong(BaseException):
    """No Exception, so that no `except Exception` of the plugin's takes it for one of its own errors."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises TookTooLong in what runs in here longer than that. Only the main thread can be interrupted so: all
    plugins are loaded there; elsewhere there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    over = put_off = False
    again = _AGAIN

    def break_off(_: int, frame: FrameType | None) -> None:
        nonlocal again, put_off
        if over:
            return
        between = frame is not None and frame.f_globals.get("__name__") in _BETWEEN
        put_off = between and not put_off  # once: a plugin, too, may hang in there
        signal.setitimer(signal.ITIMER_REAL, _AGAIN if put_off else again)
        if not put_off:
            again = max(again / 2, _LEAST)
            raise TookTooLong(seconds)

    former = signal.signal(signal.SIGALRM, break_off)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
