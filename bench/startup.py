"""How long one waits: `gateway run` until it says that it is ready, and the commands that should not be noticed."""

import asyncio
import sys
import time
from dataclasses import dataclass

import aiohttp

from bench.figures import Table
from bench.scene import Scene
from gateway_demo_city.stage import Process, gateway

_PAUSE = 0.002


@dataclass(slots=True)
class StartUp:
    """One case for each command; the clock starts before fork and exec."""

    table: Table
    wrong: list[str]

    @classmethod
    def new(cls) -> "StartUp":
        """Nothing measured yet."""
        return cls(Table("Start-up, from exec"), [])

    async def rounds(self, here: Scene, rounds: int) -> None:
        """Stop the scene's gateway; then each command in turn, round by round. Raises Failed."""
        await here.daemon.stop()
        root = str(here.stage.root)
        commands = {
            "python -c pass": (sys.executable, "-c", "pass"),
            "gateway --help": gateway("--help"),
            "gateway check": gateway("check", "--root", root),
        }
        for _ in range(rounds):
            for name, command in commands.items():
                began = time.perf_counter()
                status, _out = await here.stage.run("command", *command)
                self.table.add(name, {"ms": (time.perf_counter() - began) * 1e3})
                if status != 0:
                    self.wrong.append(f"{name} ended with {status}")
            await self._daemon(here, root)

    async def _daemon(self, here: Scene, root: str) -> None:
        """The record system is up, so that readiness is the gateway's own matter."""
        began = time.perf_counter()
        daemon = await here.stage.start("gateway", *gateway("run", "--root", root))
        await _ready(here, daemon)
        self.table.add("gateway run, until /readyz", {"ms": (time.perf_counter() - began) * 1e3})
        if status := await daemon.stop():
            self.wrong.append(f"gateway run ended with {status} after SIGTERM")


async def _ready(here: Scene, daemon: Process) -> None:
    """As `Outside.ready`, with shorter pauses."""
    admin, tls = here.site.admin()
    async with aiohttp.ClientSession() as session:
        while daemon.running("readiness"):
            try:
                async with session.get(f"{admin}/readyz", ssl=tls) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass  # it does not listen yet
            await asyncio.sleep(_PAUSE)
