"""Time that passes at once."""

import asyncio


def let_pass(seconds: float) -> None:
    """The running loop's clock goes forward: what waits for its time, or is given up at a time, has it now."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]
