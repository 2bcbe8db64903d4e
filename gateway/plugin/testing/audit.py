"""What the interpreter tells of what code does (PEP 578), in whatever thread.

The rule: a hook stays for good, so there is one, and it tells only whoever wants to know.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

Hears: TypeAlias = Callable[[str, tuple[Any, ...]], None]
"""Is given the event and what belongs to it; what it raises is raised in the code that was about to act."""
_hearing: Final = list[Hears]()
_installed: Final = list[bool]()


def _hear(event: str, given: tuple[Any, ...]) -> None:
    for each in _hearing:
        each(event, given)


@contextmanager
def audited(by: Hears) -> Iterator[None]:
    """Until the end of the block."""
    if not _installed:
        sys.addaudithook(_hear)
        _installed.append(True)
    _hearing.append(by)
    try:
        yield
    finally:
        _hearing.remove(by)
