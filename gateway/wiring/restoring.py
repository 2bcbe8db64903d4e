"""To restore is to put a backup's logs where none are, verified, and to say so in the system's log: what came after is
forgotten here, and whoever reads the log must know.

All of it is done in a folder beside, which takes its place at the very end: what is interrupted leaves nothing to start
on.
"""

import asyncio
import contextlib
import io
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.config import Config, load, read_gateway_file
from gateway.errors import Misconfigured
from gateway.hub.cosigning import Cosigning
from gateway.hub.journal import PERSON_FACTS, FactKind
from gateway.hub.journal.copying import copy_log, durable
from gateway.hub.journal.reading import told
from gateway.hub.journal.store import connect_reader
from gateway.keys.layout import TenantKeys, read_verifier
from gateway.messages import stamp
from gateway.observe import Telemetry, configure
from gateway.tlog.note import Checkpoint, NoteError, open_note
from gateway.wiring.backup import SUMS, Kept, Log, Progress, log_names, readable_log, sum_of, verified
from gateway.wiring.daemon import clock
from gateway.wiring.journals import open_journal
from gateway.wiring.opening import SYSTEM, open_witnesses


def restore(
    root: Path, backup: Path, earlier: Sequence[Path], progress: Progress, *, unsigned: bool = False
) -> tuple[list[Log], list[str]]:
    """Put the logs of a backup where the configuration of `root` wants them, verified by the keys of `root`. Returns
    them, and a sentence for each witness that could not be asked.

    `earlier` are checkpoints that were kept elsewhere: the restored logs must have grown out of them, and out of what
    the witnesses cosigned. Unless `unsigned` says that they may, no fact that no checkpoint signs may say who may act:
    it takes no key to add one. Raises Misconfigured or Deferred, and leaves nothing behind.
    """
    config = load(root)
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
        if not unsigned:
            _require_signed(folder, found)
        silent = asyncio.run(_say_restored(config, folder, found))
        durable(folder)
        folder.rename(target)
        durable(target.parent)
    return found, silent


def _require_signed(folder: Path, logs: Sequence[Log]) -> None:
    problems = []
    for each in logs:
        with contextlib.closing(connect_reader(folder / f"{each.tenant}.db", at_rest=True)) as connection:
            tail = told(connection, PERSON_FACTS, each.facts - each.unsigned)
        if tail:
            why = "says who may act, and no checkpoint signs it: whoever could write the backup can have added it"
            problems.append(f"{each.tenant}: fact {tail[0][0]} {why}; if you know that it was so, add --unsigned")
    if problems:
        raise Misconfigured(problems)


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
    tenants = [each for each in logs if each.tenant != SYSTEM]
    body = {
        "logs": {each.tenant: each.facts for each in tenants},
        "roots": {each.tenant: each.root for each in tenants},
    }
    with contextlib.ExitStack() as opened:
        journals = {
            each.tenant: opened.enter_context(contextlib.closing(open_journal(config, each.tenant, folder)))
            for each in logs
        }
        cosigning = Cosigning(lambda: journals, open_witnesses(config), Telemetry(configure(io.StringIO())))
        if problems := await cosigning.before_start():
            raise Misconfigured(problems)
        await journals[SYSTEM].fact(FactKind.LOGS_RESTORED, body, at=stamp(clock()))
    return cosigning.sentences()


def _kept(root: Path, files: Sequence[Path]) -> Kept:
    """The kept checkpoints by tenant. Raises Misconfigured if one is of none of the logs here."""
    verifiers = {name: read_verifier(TenantKeys(root, name).log_vkey) for name in log_names(root)}
    found = defaultdict(list)
    for file in files:
        text = _text(file)
        for name, verifier in verifiers.items():
            with contextlib.suppress(NoteError):
                found[name].append(Checkpoint.parse(open_note(text, verifier)))
                break
        else:
            raise Misconfigured((f"{file}: is not a checkpoint that a log here has signed",))
    return found


def _check_sums(folder: Path) -> None:
    """Raises Misconfigured with every file that is not as it was when the backup was made."""
    problems = []
    for line in _text(folder / SUMS).splitlines():
        digest, gap, name = line.partition("  ")
        file = folder / name
        if not gap or not file.is_file() or sum_of(file) != digest:
            problems.append(f"{file}: is not as it was when the backup was made")
    if problems:
        raise Misconfigured(problems)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured((f"{file}: cannot be read ({type(error).__name__})",)) from None
