"""The connector of the health management system: each file of the exchange folder goes into the line and gets a status,
and what is returned to the system becomes a file for it.

It keeps nothing of its own. After kill -9 a file that is still in `work/` is read again from its beginning; the same
chunks get the same receipts, so that nothing is lost and nothing comes twice.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from gateway.plugin import Accepted, Act, Context, Deferred, Delivery, Final, Health, Outcome, Refused, Unreadable
from gateway_health_management.chunks import Batch, batches
from gateway_health_management.folder import Folder
from gateway_health_management.returned import write_returned
from gateway_health_management.rows import FileChanged, NotAFile, WholeFileRefused, fingerprint, read
from gateway_health_management.settings import Settings
from gateway_health_management.status import Refusal, Slip, write_slip, write_status
from gateway_health_management.taken import TakenFile
from gateway_health_management.troubles import Step, Troubles, cause

_SECOND_TRY = 1.0
_REST = Unreadable("unreadable_file")


class HealthManagement:
    """One municipality's system. `poll` does all the work on files; `settled` only remembers what it hears."""

    def __init__(self) -> None:
        self._files: dict[str, TakenFile] = {}
        self._heard = asyncio.Event()
        self._early: dict[str, Mapping[int, Final]] | None = None
        self._deleting: set[str] = set()  # the log has their deletion
        self._stuck = ""
        self._put_off = ""

    async def open(self, context: Context) -> None:
        assert isinstance(context.settings, Settings)  # noqa: S101  (the spec says so)
        self._context, self._settings = context, context.settings
        self._folder = Folder(self._settings.exchange_folder)
        self._troubles = Troubles(context.log)
        with contextlib.suppress(OSError):  # health says so, and every round tries again
            await asyncio.to_thread(self._folder.prepare)

    async def close(self) -> None:
        self._files.clear()

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """Files for `out/`. A late reply to a look-up or a pull is fetched by its asker at GET /v1/messages/{id}."""
        if delivery.reply_to is not None:
            return {index: Accepted() for index, _ in delivery.records}
        try:
            await asyncio.to_thread(self._folder.prepare)
            return await asyncio.to_thread(write_returned, delivery, self._folder, self._settings)
        except OSError as problem:  # its text holds a path
            self._context.log.warning("return_not_written", error=type(problem).__name__, cause=cause(problem))
            raise Deferred("system_unreachable") from None

    async def health(self) -> Health:
        try:
            if not await asyncio.to_thread(self._folder.usable):
                return Health(ok=False, detail="the exchange folder or a folder in it is missing or not writable")
            waiting = await asyncio.to_thread(self._folder.waiting)
            working = len(await asyncio.to_thread(self._folder.in_work))
            returned = await asyncio.to_thread(self._folder.handed_out)
        except OSError:
            return Health(ok=False, detail="the exchange folder cannot be read")
        if self._stuck:
            told = f"in/ or work/ cannot be changed ({self._stuck}): make room there, or permit the gateway's user to"
            return Health(ok=False, detail=f"{told}; it goes on by itself")
        if self._put_off:
            return Health(
                ok=False, detail=f"the line takes nothing now ({self._put_off}); files wait and go on by themselves"
            )
        counted = f"files in work: {working}; in in/, cannot be taken yet: {waiting}; in out/, not fetched: {returned}"
        return self._troubles.health() or Health(ok=True, detail=counted)

    async def settled(self, message_id: str, outcomes: Mapping[int, Final]) -> None:
        """May come before `send` has returned, for two files with the same bytes, or for a life before this one."""
        if self._early is not None:
            self._early[message_id] = {**self._early.get(message_id, {}), **outcomes}
        for file in self._files.values():
            file.results.settled(message_id, outcomes)
        self._heard.set()

    # ---- the folder --------------------------------------------------------------------------------------------------

    async def poll(self) -> None:
        """One round: take what is ready, send what is not sent, finish what has ended, delete what is old."""
        try:
            await asyncio.to_thread(self._folder.prepare)
            await self._take()
            names = await asyncio.to_thread(self._folder.in_work)
            self._troubles.keep(Step.READ, names)
            for name in names:
                if name not in self._files:
                    await self._work_on(name)
            await self._finish_ended()
            await self._delete_old()
        except OSError as problem:  # its text holds a path, and so perhaps a person's name
            self._stuck = cause(problem)
            raise Deferred("system_unreachable") from None
        self._stuck = ""

    async def _take(self) -> None:
        """With `in/` before its name: in `work/` there may be trouble with another file of that name."""
        held_up = await asyncio.to_thread(self._folder.take, self._settings.ready)
        troubles = {f"in/{name}": problem for name, problem in held_up.items()}
        self._troubles.keep(Step.TAKE, troubles)
        for name, problem in troubles.items():
            self._troubles.arose(name, Step.TAKE, problem)

    async def _work_on(self, name: str) -> None:
        """Send a whole file. If that breaks off, it is forgotten, and begins anew in the next round."""
        try:
            known = await asyncio.to_thread(fingerprint, self._folder.work / name)
            file = self._files[name] = TakenFile(name, self._settings.form(name), known)
            await self._note(Act.FILE_TAKEN, known.sha256, {"bytes": known.size})
            await self._send(file)
            file.all_sent = True
            self._troubles.over(name)
        except (OSError, FileChanged, NotAFile) as problem:  # this file's trouble; the others go on
            self._troubles.arose(name, Step.READ, problem)
        finally:
            if name in self._files and not self._files[name].all_sent:
                del self._files[name]

    async def _send(self, file: TakenFile) -> None:
        rows = read(self._folder.work / file.name, file.known, self._settings, file.form)
        cut = batches(rows, self._settings.chunk_records)
        try:
            while (batch := await asyncio.to_thread(next, cut, None)) is not None:
                await self._room()
                await self._send_batch(file, batch)
                file.broken_off = file.broken_off or any(each == _REST for each in batch.records)
        except WholeFileRefused as refused:
            file.refusal = Refusal.of(refused, self._settings)

    async def _send_batch(self, file: TakenFile, batch: Batch) -> None:
        key = batch.key(file.known.sha256, self._settings.reading(file.form))
        while True:
            self._early = {}
            try:
                receipt = await self._context.outbox.send(batch.operation, batch.records, key=key)
            except Deferred as later:
                await self._later(later)
                continue
            except Refused as refused:
                of = {"operation": batch.operation, "row": batch.numbers[0], "count": len(batch.numbers)}
                self._context.log.warning("rows.refused", code=refused.code, **of)
                return file.results.refused(batch.numbers, refused.code, refused.path)
            finally:
                early, self._early = self._early, None
            self._put_off = ""
            file.results.sent(receipt.message_id, batch.numbers)
            return file.results.settled(receipt.message_id, early.get(receipt.message_id, {}))

    async def _room(self) -> None:
        """Until fewer messages are under way than may be. Meanwhile other files may come to their end."""
        while True:
            self._heard.clear()
            await self._finish_ended()
            if sum(file.results.pending for file in self._files.values()) < self._settings.chunks_in_flight:
                return
            await self._heard.wait()

    async def _note(self, act: Act, sha256: bytes, counts: Mapping[str, int]) -> None:
        while True:
            try:
                await self._context.outbox.note(act, reference=sha256, counts=counts)
            except Deferred as later:
                await self._later(later)
                continue
            self._put_off = ""
            return

    async def _later(self, deferred: Deferred) -> None:
        """The line says when; health says why."""
        self._put_off = deferred.code
        await asyncio.sleep(deferred.retry_after or _SECOND_TRY)

    # ---- the end of a file -------------------------------------------------------------------------------------------

    async def _finish_ended(self) -> None:
        for file in [each for each in self._files.values() if each.ended]:
            try:
                await self._finish(file)
            except OSError as problem:  # a full disk, say: it stays ended, and is tried again
                self._troubles.arose(file.name, Step.FINISH if file.published else Step.PUBLISH, problem)

    async def _finish(self, file: TakenFile) -> None:
        """First the log, then the slip, then the status that the system waits for, then the file leaves `work/`."""
        counts = file.refusal.counts if file.refusal else await asyncio.to_thread(file.results.counts)
        if not file.noted:
            act = Act.FILE_REFUSED if file.refusal else Act.FILE_FINISHED
            await self._note(act, file.known.sha256, counts)
            file.noted = True
        if not file.published:
            await asyncio.to_thread(self._publish, file, counts)
            file.published = True
            self._context.log.info("file_ended", code=file.end, counts=counts, **self._reason(file))
        await asyncio.to_thread(self._folder.finish, file.name, self._context.now().timestamp())
        self._troubles.over(file.name)
        del self._files[file.name]

    def _reason(self, file: TakenFile) -> dict[str, str]:
        if file.refusal is None:
            return {}
        return {"path": file.refusal.result.path, "cause": f"the configured encoding is {self._settings.encoding}"}

    def _publish(self, file: TakenFile, counts: Mapping[str, int]) -> None:
        settings, refusal = self._settings, file.refusal
        slip = Slip(self._context.now(), self._context.tenant, file.known.sha256, file.end, counts)
        rows = [(0, refusal.result, "")] if refusal else file.results.each()
        why = refusal.why if refusal else ""
        self._folder.publish(file.name, ".slip.csv", settings.encoding, lambda out: write_slip(out, slip, settings))
        self._folder.publish(
            file.name, ".status.csv", settings.encoding, lambda out: write_status(out, rows, file.form.columns, why)
        )

    async def _delete_old(self) -> None:
        before = self._context.now() - timedelta(seconds=self._settings.keep_finished_seconds)
        old = await asyncio.to_thread(self._folder.finished_before, before.timestamp())
        names = {path.name for path in old}
        self._troubles.keep(Step.DELETE, names)
        self._deleting &= names
        for path in old:
            try:
                await self._delete(path)
            except (OSError, NotAFile) as problem:
                self._troubles.arose(path.name, Step.DELETE, problem)

    async def _delete(self, path: Path) -> None:
        """The log first, once: it does not hear again in every round of what cannot be deleted."""
        if path.name not in self._deleting:
            gone = await asyncio.to_thread(fingerprint, path)
            await self._note(Act.FILE_DELETED, gone.sha256, {"bytes": gone.size})
            self._deleting.add(path.name)
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self._troubles.over(path.name)
