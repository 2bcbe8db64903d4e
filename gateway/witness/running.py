"""A witness's process: its configuration in, a listener out, until it is told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.config import WitnessFile, read_witness_file
from gateway.errors import Misconfigured, told_at
from gateway.keys.at_rest import Secret
from gateway.keys.layout import WitnessKeys, read_cosigner, read_verifier
from gateway.link.listening import Listening
from gateway.link.tls import present, readable, server_tls
from gateway.observe import Telemetry, tell_supervisor
from gateway.tlog.note import Verifier
from gateway.witness.listener import WitnessListener
from gateway.witness.store import Store
from gateway.witness.witness import Witness

_FILE = "config/witness.toml"


def clock() -> datetime:
    """The time, in UTC. The one place of a witness that asks."""
    return datetime.now(UTC)


async def run_until_told(root: Path, telemetry: Telemetry) -> None:
    """Until SIGTERM or SIGINT. Raises Misconfigured."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with witnessing(root, telemetry):
        telemetry.log.info("ready")
        tell_supervisor(b"READY=1")
        await stopping.wait()
        tell_supervisor(b"STOPPING=1")
    telemetry.log.info("stopped")


@contextlib.asynccontextmanager
async def witnessing(root: Path, telemetry: Telemetry) -> AsyncIterator[None]:
    """While it listens. Raises Misconfigured."""
    file = read_witness_file(root)
    passphrase = Secret.parse(file.passphrase, root, f"{_FILE}: passphrase")
    cosigner, logs = read_cosigner(WitnessKeys(root), passphrase), _logs(root, file)
    with readable(f"{_FILE}: certificate or key"):
        certificate, key = (present(root / each) for each in (file.certificate, file.key))
        tls = server_tls(certificate, key, None, passphrase.read)
    with contextlib.closing(Store.open(root / file.store)) as store:
        listening = Listening(telemetry)
        try:
            entrance = WitnessListener(Witness(cosigner, logs, store), telemetry, clock)
            await listening.begin("witness", file, tls, entrance)
            yield
        finally:
            await listening.end()


def _logs(root: Path, file: WitnessFile) -> dict[str, list[Verifier]]:
    """The trusted keys by origin, which is the key's name; while a log changes its key there are two."""
    logs: dict[str, list[Verifier]] = {}
    problems: list[str] = []
    for each in file.logs:
        try:
            with told_at(f"{_FILE}: logs"):
                verifier = read_verifier(root / each)
        except Misconfigured as wrong:
            problems += wrong.problems
        else:
            logs.setdefault(verifier.name, []).append(verifier)
    if problems:
        raise Misconfigured(problems)
    return logs
