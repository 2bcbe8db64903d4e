"""Runs the connector's jobs beside each other, so that none waits for the others to end."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Protocol


class Job(Protocol):
    """Something that is done until there is nothing to do, again and again."""

    def run(self) -> Awaitable[None]: ...


class Jobs:
    """Every call of `run` begins those that are not running; what one raises, it raises."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._running: dict[asyncio.Task[None], Job] = {}

    async def run(self) -> None:
        """Returns when one of them has ended; the others go on."""
        running = set(self._running.values())
        for job in self._jobs:
            if job not in running:
                self._running[asyncio.create_task(_run(job))] = job
        if not self._running:
            return
        ended, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            del self._running[task]
        await asyncio.gather(*ended)

    async def close(self) -> None:
        """End those that run."""
        running, self._running = list(self._running), {}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _run(job: Job) -> None:
    await job.run()
