"""Configuration in, a running process out, and out again when it is told to stop.

Start-up is all or nothing. What stops it is printed, and recorded in the system log if that can be opened.
"""

import asyncio
import contextlib
import gc
import resource
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.config import Config, read
from gateway.errors import Deferred, Misconfigured
from gateway.hub.cosigning import Cosigning
from gateway.hub.journal import FactKind, Journal
from gateway.messages import stamp
from gateway.observe import Telemetry, tell_supervisor
from gateway.wiring.daemon import Daemon, clock
from gateway.wiring.examine import examine
from gateway.wiring.journals import open_journal
from gateway.wiring.opening import SYSTEM, open_witnesses


@contextlib.asynccontextmanager
async def running(root: Path, telemetry: Telemetry, role: str = "run") -> AsyncIterator[Daemon]:
    """A started gateway. Raises Misconfigured, recorded in the system log if that can be opened."""
    try:
        examined = examine(root, clock())
        _as_told(examined.config, role)
    except Misconfigured as wrong:
        await _record_refusal(root, wrong, telemetry)
        raise
    config = examined.config
    for each in examined.expiring:
        telemetry.log.warning("certificate.ends", problem=str(each))
    for problem in examined.exposed:
        telemetry.log.warning("log.exposed", problem=problem)
    with contextlib.ExitStack() as resources:
        system: Journal | None = None
        if config.gateway.role != "edge":
            system = resources.enter_context(contextlib.closing(open_journal(config, SYSTEM)))
        try:
            daemon = Daemon(config, system, telemetry)
            try:
                await daemon.start(examined.plugs)
                yield daemon
            finally:
                await daemon.stop()
        except Misconfigured as wrong:
            if system is not None:
                await _say_refused(config, system, wrong, telemetry)
            raise


def _as_told(config: Config, role: str) -> None:
    """A configuration is for one command. Raises Misconfigured."""
    if (its := config.gateway.role) != role:
        why = "it has no [link]" if its == "run" else f"its [link] is that of {'a hub' if its == 'hub' else 'an edge'}"
        raise Misconfigured((f"config/gateway.toml: {why}; start it with: gateway {its} --root {config.root}",))


async def _record_refusal(root: Path, wrong: Misconfigured, telemetry: Telemetry) -> None:
    """In the system log, if what is wrong leaves that much."""
    with contextlib.suppress(Misconfigured):
        config = read(root)
        if config.gateway.role == "edge":
            return
        with contextlib.closing(open_journal(config, SYSTEM)) as system:
            await _say_refused(config, system, wrong, telemetry)


async def _say_refused(config: Config, system: Journal, wrong: Misconfigured, telemetry: Telemetry) -> None:
    """The fact that it did not start, unless a witness knows the system's log otherwise, or none can be asked by this
    configuration: what is not the newest copy is not signed beside it.
    """
    with contextlib.suppress(Misconfigured, Deferred):
        cosigning = Cosigning(lambda: {SYSTEM: system}, open_witnesses(config), telemetry, clock)
        if not await cosigning.before_start():
            body = {"config": config.digest, "problems": list(wrong.problems)}
            await system.fact(FactKind.GATEWAY_REFUSED_TO_START, body, at=stamp(clock()))


async def run_until_told(root: Path, telemetry: Telemetry, role: str) -> bool:
    """Until SIGTERM or SIGINT, which drain; SIGHUP reloads. False if the process must be started anew."""
    _as_many_files_as_allowed()
    stopping, hangup = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, hangup.set)  # what comes during the start is done after it
    async with running(root, telemetry, role) as daemon:
        reloads = loop.create_task(_reload_at(hangup, daemon, telemetry))
        _spare_the_collector()
        telemetry.log.info("ready")
        tell_supervisor(b"READY=1")
        ends = [loop.create_task(event.wait()) for event in (stopping, daemon.failed)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for each in (reloads, *ends):
            each.cancel()
        telemetry.log.info("stopping")
        tell_supervisor(b"STOPPING=1")
    telemetry.log.info("stopped")
    for number in (signal.SIGTERM, signal.SIGINT):  # one more changes nothing of how it ended
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)
    return not daemon.failed.is_set()


def _spare_the_collector() -> None:
    """What the start has made stays as long as the process: the garbage collector need not walk it again and again."""
    gc.collect()
    gc.freeze()


def _as_many_files_as_allowed() -> None:
    """The soft limit is for programs that select(2); each of our listeners may have hundreds of connections."""
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _reload_at(hangup: asyncio.Event, daemon: Daemon, telemetry: Telemetry) -> None:
    while True:
        await hangup.wait()
        hangup.clear()
        try:
            with contextlib.suppress(Misconfigured, Deferred):  # recorded and told, or health says why
                await daemon.reload("SIGHUP")
        except Exception as error:  # noqa: BLE001  (a reload that fails changes nothing; the next may do)
            telemetry.bug(error, "a reload failed")
