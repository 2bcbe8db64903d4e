"""The exports of a hub: each follows the logs on its own, and a reload adds, changes and removes them."""

import asyncio
import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from gateway.config import Export
from gateway.errors import Deferred
from gateway.hub.exports.aside import aside
from gateway.hub.exports.destination import PATIENCE_SECONDS, Destination
from gateway.hub.exports.folder import Folder
from gateway.hub.exports.follower import Follower
from gateway.hub.exports.place import Place
from gateway.hub.exports.receiver import Receiver
from gateway.hub.journal import Journal
from gateway.observe import Telemetry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Exporting:
    """An export as it is configured, and where its copies go."""

    settings: Export
    to: Destination


@dataclass(slots=True)
class _Running:
    settings: Export
    follower: Follower
    task: "asyncio.Task[None]"


class Exports:
    """`places` is the folder where each export remembers how far it has come."""

    def __init__(self, logs: Callable[[], Mapping[str, Journal]], places: Path, telemetry: Telemetry) -> None:
        self._logs = logs
        self._places = places
        self._telemetry = telemetry
        self._running: dict[str, _Running] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def adopt(self, fresh: Sequence[Exporting]) -> None:
        """From now on these. One that is as before goes on, with its TLS files as they are now."""
        wanted = {each.settings.name: each for each in fresh}
        former = dict[str, asyncio.Task[None]]()
        for name, running in [*self._running.items()]:
            if name not in wanted or wanted[name].settings != running.settings:
                former[name] = self._end(name)
        for name, each in wanted.items():
            if name not in self._running:
                self._begin(each, former.get(name))
            elif isinstance(each.to, Receiver) and isinstance(now := self._running[name].follower.to, Receiver):
                now.tls = each.to.tls

    async def forget(self, log: str, before: date) -> None:
        """Copies of that log's facts of days before that one go, as far as they lie within reach."""
        for name, running in [*self._running.items()]:
            if log in running.settings.tenants:
                try:
                    await _patiently(name, partial(running.follower.to.forget, log, before))
                except OSError as error:
                    self._telemetry.log.warning("export.trouble", export=name, cause=error.strerror)

    async def days(self, log: str) -> dict[str, frozenset[date]]:
        """For each export of that log into a folder, of which days its files are there. Raises Deferred."""
        try:
            return {
                name: await _patiently(name, partial(each.follower.to.days, log))
                for name, each in [*self._running.items()]
                if log in each.settings.tenants and isinstance(each.follower.to, Folder)
            }
        except OSError as error:
            raise Deferred("export_unreadable", cause=error.strerror) from None

    def rows(self) -> list[dict[str, Any]]:
        """Each export with its state, as connectors have it, for operators."""
        return [_row(name, each) for name, each in self._running.items()]

    async def stop(self) -> None:
        """What is under way ends or fails, within the patience that a receiver gets."""
        for name in [*self._running]:
            self._end(name)
        if self._ending:
            await asyncio.wait(self._ending, timeout=PATIENCE_SECONDS)

    def _begin(self, each: Exporting, former: "asyncio.Task[None] | None") -> None:
        settings = each.settings
        logs = {
            log: (journal.following, Place(self._places / f"{settings.name}.{log}.json"))
            for log, journal in self._logs().items()
            if log in settings.tenants
        }
        follower = Follower(settings.name, settings.kinds, each.to, logs, self._telemetry)
        for log in settings.tenants:
            self._telemetry.export_behind.labels(settings.name, log).set_function(partial(follower.behind, log))
        self._running[settings.name] = _Running(settings, follower, asyncio.create_task(_after(former, follower)))

    def _end(self, name: str) -> "asyncio.Task[None]":
        running = self._running.pop(name)
        running.follower.stop()
        for log in running.settings.tenants:
            self._telemetry.export_behind.remove(name, log)
        self._ending.add(running.task)
        running.task.add_done_callback(self._ending.discard)
        return running.task


async def _patiently(name: str, work: Callable[[], T]) -> T:
    """What a disk that hangs keeps from ending counts as failed. Raises OSError."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await aside(work, f"export {name}")
    except TimeoutError:
        raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None


async def _after(former: "asyncio.Task[None] | None", follower: Follower) -> None:
    """Never two of one name at once: they would write into each other's file."""
    if former is not None and (await asyncio.wait([former], timeout=PATIENCE_SECONDS))[1]:
        follower.hangs()
        await asyncio.wait([former])
    await follower.run()


def _row(name: str, running: _Running) -> dict[str, Any]:
    behind, trouble = {log: running.follower.behind(log) for log in running.settings.tenants}, running.follower.trouble
    waiting = ", ".join(f"{count} facts of {log} behind" for log, count in behind.items() if count)
    return {
        "tenant": " ".join(running.settings.tenants),
        "connector": name,
        "zone": f"export: {running.settings.form}",
        "required": False,
        "state": "failing" if trouble else "open",
        "ok": not trouble,
        "detail": "; ".join(filter(None, (trouble, waiting))),
        "interface": "",
    }
