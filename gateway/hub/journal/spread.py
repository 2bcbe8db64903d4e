"""Many pieces of work of one kind, side by side in processes of their own, with their results in order.

Python works on one core; what verifies millions of facts takes as many as there are.
"""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context, parent_process
from operator import call
from typing import Any, Final, Protocol, TypeVar

R = TypeVar("R")
AHEAD: Final = 64
"""How many pieces at most are under way or done before their turn: bounds the memory."""
_NICE: Final = 5
"""A gateway at work beside it goes first."""


class Spread(Protocol):
    """Each piece's result, in the order of the pieces. Raises what the first of them raised."""

    def __call__(self, pieces: Iterable[Callable[[], R]], /) -> Iterator[R]: ...


@contextmanager
def spread(processes: int) -> Iterator[Spread]:
    """Over so many processes, to which pieces and results must be able to go; with 1, one after another in this one."""
    if processes < 2:
        yield partial(map, call)
        return
    # A forked process would inherit the locks of threads; a new one has nothing but what it is given.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_begin) as pool:
        try:
            yield partial(_in_order, pool)
        finally:
            pool.shutdown(cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, pieces: Iterable[Callable[[], R]]) -> Iterator[R]:
    waiting: deque[Future[R]] = deque()
    for piece in pieces:
        waiting.append(pool.submit(piece))
        if len(waiting) == AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _begin() -> None:
    """In each process: the terminal's interrupt is the parent's business, and nobody stays when it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):  # a unit may forbid it
        os.nice(_NICE)
    threading.Thread(target=_end_with, args=(parent_process(),), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
