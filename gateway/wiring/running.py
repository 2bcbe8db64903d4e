"""Configuration in, a running process out, and out again when it is told to stop.

Start-up is all or nothing. What stops it is printed, and recorded in the system log if that can be opened.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.config import read
from gateway.errors import Deferred, Misconfigured
from gateway.hub.journal import FactKind
from gateway.messages import stamp
from gateway.observe import Telemetry
from gateway.wiring.daemon import Daemon, clock
from gateway.wiring.examine import examine
from gateway.wiring.opening import SYSTEM, open_journal


@contextlib.asynccontextmanager
async def running(root: Path, telemetry: Telemetry) -> AsyncIterator[Daemon]:
    """A started gateway. Raises Misconfigured, recorded in the system log if that can be opened."""
    try:
        config, _ = examine(root)
    except Misconfigured as wrong:
        await _record_refusal(root, wrong)
        raise
    with contextlib.closing(open_journal(config, SYSTEM)) as system:
        daemon = Daemon(config, system, telemetry)
        try:
            await daemon.start()
            yield daemon
        except Misconfigured as wrong:
            body = {"config": config.digest, "problems": list(wrong.problems)}
            await system.fact(FactKind.GATEWAY_REFUSED_TO_START, body, at=stamp(clock()))
            raise
        finally:
            await daemon.stop()


async def _record_refusal(root: Path, wrong: Misconfigured) -> None:
    """In the system log, if what is wrong leaves that much."""
    with contextlib.suppress(Misconfigured, Deferred):
        config = read(root)
        with contextlib.closing(open_journal(config, SYSTEM)) as system:
            body = {"config": config.digest, "problems": list(wrong.problems)}
            await system.fact(FactKind.GATEWAY_REFUSED_TO_START, body, at=stamp(clock()))


async def run_until_told(root: Path, telemetry: Telemetry) -> bool:
    """Until SIGTERM or SIGINT, which drain; SIGHUP reloads. False if the process must be started anew."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with running(root, telemetry) as daemon:
        reloads: set[asyncio.Task[None]] = set()

        def hangup() -> None:
            task = loop.create_task(_reload(daemon))
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, hangup)
        telemetry.log.info("ready")
        ends = [asyncio.ensure_future(event.wait()) for event in (stopping, daemon.failed)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for each in ends:
            each.cancel()
        telemetry.log.info("stopping")
        return not daemon.failed.is_set()


async def _reload(daemon: Daemon) -> None:
    with contextlib.suppress(Misconfigured, Deferred):  # recorded and told, or health says why
        await daemon.reload("SIGHUP")
