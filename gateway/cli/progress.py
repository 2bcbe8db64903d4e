"""A bar on a terminal for what takes long; nothing elsewhere."""

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def bar(name: str, *, shown: bool = True) -> Iterator[Callable[[int, int], None] | None]:
    """What to call with how much is done and how much there is; None if nobody looks."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as drawn:
        task = drawn.add_task(name)
        yield lambda done, total: drawn.update(task, completed=done, total=total)
