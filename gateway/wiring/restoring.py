"""To restore is to put a backup's logs where none are, verified, and to say so in the system's log: what came after is
forgotten here, and whoever reads the log must know.

All of it is done in a folder beside, which takes its place at the very end: what is interrupted leaves nothing to start
on.
"""

import asyncio
import contextlib
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.config import Config, load, read_gateway_file
from gateway.errors import Misconfigured
from gateway.hub.journal import FactKind
from gateway.hub.journal.copying import copy_log, durable
from gateway.hub.journal.succeeding import begin_under
from gateway.keys.layout import TenantKeys
from gateway.keys.make import rename_log
from gateway.messages import stamp
from gateway.tlog.note import Checkpoint
from gateway.wiring.backup import COPY, SUMS, Kept, Log, Progress, log_names, readable_log, sum_of, verified
from gateway.wiring.by_command import Logs, asked, opened, say
from gateway.wiring.daemon import clock
from gateway.wiring.kept import read_kept, small_text
from gateway.wiring.opening import SYSTEM, log_signer, open_witnesses
from gateway.wiring.succession import Agreed, Succession


def restore(
    root: Path,
    backup: Path,
    earlier: Sequence[Path],
    progress: Progress,
    *,
    agreed: Agreed | None = None,
) -> tuple[list[Log], list[str]]:
    """Put the logs of a backup where the configuration of `root` wants them, verified by the keys of `root`. Returns
    them, and a sentence for each witness that could not be asked.

    `earlier` are checkpoints that were kept elsewhere: the restored logs must have grown out of them, and out of what
    the witnesses cosigned. What two people have `agreed` is lost is followed by a log of another name, and its key
    goes by that from then on. Raises Misconfigured or Deferred, and leaves nothing behind.
    """
    config = load(root)
    succession = Succession(config, agreed, small_text(backup / COPY).strip(), clock()) if agreed is not None else None
    kept, target = _kept(root, earlier), config.path(config.gateway.journal.directory).resolve()
    if target.exists() and any(target.iterdir()):
        raise Misconfigured((f"{target}: there are logs; stop the gateway and move them aside, with their -wal",))
    if target.is_mount():
        raise Misconfigured((f"{target}: is where a disk is mounted; it must be a folder on it",))
    _check_sums(backup)
    names, source = log_names(root), backup / read_gateway_file(backup).journal.directory
    with _beside(target) as folder:
        for name in names:
            progress(name)
            with readable_log(source / f"{name}.db"):
                copy_log(source / f"{name}.db", folder / f"{name}.db")
        found = verified(folder, root, names, kept)
        origins: Mapping[str, str] = {}
        if succession is None:
            silent = asyncio.run(_say_restored(config, folder, found))
        else:
            silent, origins = asyncio.run(_say_succeeded(config, folder, found, succession))
        durable(folder)
        folder.rename(target)
        durable(target.parent)
        for name, origin in origins.items():
            rename_log(TenantKeys(root, name), origin)
    return found, silent


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A new folder that can take the place of `target`; whatever ends this, it is gone."""
    folder = target.with_name(f".{target.name}.restoring")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise Misconfigured((f"{folder}: is of a restore that was killed; if none is running, delete it",)) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _say_restored(config: Config, folder: Path, logs: Sequence[Log]) -> list[str]:
    """Once no witness knows any of the logs otherwise, the fact that they are those of a backup; returns which
    witnesses could not be asked. Raises Misconfigured or Deferred.
    """
    opened = Logs(config, [each.tenant for each in logs], folder)
    return await say(opened, open_witnesses(config), FactKind.LOGS_RESTORED, _restored(logs))


async def _say_succeeded(
    config: Config, folder: Path, logs: Sequence[Log], succession: Succession
) -> tuple[list[str], dict[str, str]]:
    """The same, but what is lost is followed by another log, whose first fact says so before. Returns also its name, by
    tenant. Raises Misconfigured or Deferred.
    """
    witnesses, names, lost = open_witnesses(config), [each.tenant for each in logs], succession.lost(logs, folder)
    concerned = {each.log.tenant for each in lost}
    async with asked(Logs(config, names, folder), witnesses) as (_, cosigning):
        others = [told for tenant, told in cosigning.contradicted.items() if tenant not in concerned]
        silent = cosigning.sentences()
    if others:
        raise Misconfigured(others)
    first = {each.log.tenant: await succession.first_fact(each, witnesses) for each in lost}
    for tenant, fields in first.items():
        begin_under(folder / f"{tenant}.db", replace(log_signer(config, tenant), name=fields["origin"]))
    origins = {tenant: str(fields["origin"]) for tenant, fields in first.items()}
    with opened(Logs(config, names, folder, origins)) as journals:
        for tenant, fields in first.items():
            await journals[tenant].fact(FactKind.LOG_SUCCEEDED, fields, at=stamp(clock()))
        await journals[SYSTEM].fact(FactKind.LOGS_RESTORED, _restored(logs), at=stamp(clock()))
    return silent, origins


def _restored(logs: Sequence[Log]) -> dict[str, dict[str, Any]]:
    tenants = [each for each in logs if each.tenant != SYSTEM]
    return {
        "logs": {each.tenant: each.facts for each in tenants},
        "roots": {each.tenant: each.root for each in tenants},
    }


def _kept(root: Path, files: Sequence[Path]) -> Kept:
    """The kept checkpoints by tenant. Raises Misconfigured if one is of none of the logs here."""
    found: defaultdict[str, dict[Path, Checkpoint]] = defaultdict(dict)
    for each in (read_kept(root, file) for file in files):
        found[each.tenant][each.file] = each.checkpoint
    return found


def _check_sums(folder: Path) -> None:
    """Raises Misconfigured with every file that is not as it was when the backup was made."""
    problems = []
    for line in small_text(folder / SUMS).splitlines():
        digest, gap, name = line.partition("  ")
        file = folder / name
        if not gap or not file.is_file() or sum_of(file) != digest:
            problems.append(f"{file}: is not as it was when the backup was made")
    if problems:
        raise Misconfigured(problems)
