"""What comes out on stdout and stderr at their descriptors: of a stream that was bound earlier, of a library in another
language, of a program that was started.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

_STANDARD: Final = (1, 2)
_MOST: Final = 2**24
"""Bytes that are read."""


@contextlib.contextmanager
def caught(folder: Path) -> Iterator[list[str]]:
    """Until the end of the block it goes to a file in that folder; then its text is put to what is yielded.

    So does what is written to the streams that stand for stdout and stderr now, be they those of a test runner.
    """
    streams = [each for each in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__) if each is not None]
    texts: list[str] = []
    with (folder / "said").open("w+b") as file:
        _flush(streams)
        kept = {number: os.dup(number) for number in {*_STANDARD, *_numbers(streams)}}
        try:
            for number in kept:
                os.dup2(file.fileno(), number, inheritable=number in _STANDARD)
            yield texts
        finally:
            _flush(streams)
            for number, former in kept.items():
                os.dup2(former, number, inheritable=number in _STANDARD)
                os.close(former)
        file.seek(0)
        texts.append(file.read(_MOST).decode(errors="replace"))


def _numbers(streams: Sequence[TextIO]) -> Iterator[int]:
    for each in streams:
        with contextlib.suppress(OSError, ValueError):  # it has none, or is closed
            yield each.fileno()


def _flush(streams: Sequence[TextIO]) -> None:
    for each in streams:
        with contextlib.suppress(OSError, ValueError):
            each.flush()
