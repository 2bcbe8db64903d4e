"""A backup is a folder that is a root of its own: every log as it is at one moment, the configuration, and all that the
logs can be verified by. No private key is in it.

To restore is to put its logs where none are, verified, and to say so in the system's log: what came after is forgotten
here, and whoever reads the log must know.
"""

import contextlib
import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.config import Config, load, read_gateway_file
from gateway.errors import Misconfigured
from gateway.hub.journal import FactKind, anchors, verify
from gateway.hub.journal.copying import copy_log, durable
from gateway.hub.journal.store import WrongStore
from gateway.keys.layout import TenantKeys, read_verifier
from gateway.messages import stamp
from gateway.tlog.note import Checkpoint, NoteError, open_note
from gateway.wiring.daemon import clock
from gateway.wiring.journals import open_journal
from gateway.wiring.opening import SYSTEM

SUMS: Final = "SHA256SUMS"
"""In the form of coreutils, so that `sha256sum --check` reads it."""
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Log:
    """One log as it is in a backup: how many facts, and the root of its tree in hex."""

    tenant: str
    facts: int
    root: str


def make(root: Path, to: Path, progress: Progress) -> list[Log]:
    """Copy every log of the configuration and verify the copies. Raises Misconfigured, also if one does not verify."""
    folder = _empty(to)
    logs = Path(read_gateway_file(root).journal.directory)
    if logs.is_absolute():
        raise Misconfigured(("config/gateway.toml: journal.directory: must be below the root for this",))
    (folder / logs).mkdir(parents=True, mode=0o700)
    shutil.copytree(root / "config", folder / "config")
    names = _logs(root)
    for name in names:  # the system's first: no log may be older than it says
        progress(name)
        keys = TenantKeys(folder, name).log_vkey
        keys.parent.mkdir(parents=True)
        shutil.copyfile(TenantKeys(root, name).log_vkey, keys)
        with _readable(root / logs / f"{name}.db"):
            copy_log(root / logs / f"{name}.db", folder / logs / f"{name}.db")
    found = _verified(folder, folder, names)
    _write_sums(folder)
    return found


def restore(root: Path, backup: Path, earlier: Sequence[Path], progress: Progress) -> list[Log]:
    """Put the logs of a backup where the configuration of `root` wants them, verified by the keys of `root`.

    `earlier` are checkpoints that were kept elsewhere: the restored logs must have grown out of them. Raises
    Misconfigured, and leaves nothing behind.
    """
    config = load(root)
    kept, target = _kept(root, earlier), config.path(config.gateway.journal.directory)
    if target.exists() and any(target.iterdir()):
        raise Misconfigured((f"{target}: there are logs; stop the gateway and move them aside, with their -wal",))
    _check_sums(backup)
    names, source = _logs(root), backup / read_gateway_file(backup).journal.directory
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        for name in names:
            progress(name)
            with _readable(source / f"{name}.db"):
                copy_log(source / f"{name}.db", target / f"{name}.db")
        found = _verified(root, root, names, kept)
    except Misconfigured:
        for name in names:
            (target / f"{name}.db").unlink(missing_ok=True)
        raise
    return found


async def say_restored(config: Config, logs: Sequence[Log]) -> None:
    """The fact that the logs are those of a backup. Raises Misconfigured or Deferred."""
    body = {
        "logs": {each.tenant: each.facts for each in logs if each.tenant != SYSTEM},
        "roots": {each.tenant: each.root for each in logs if each.tenant != SYSTEM},
    }
    with contextlib.closing(open_journal(config, SYSTEM)) as system:
        await system.fact(FactKind.LOGS_RESTORED, body, at=stamp(clock()))


def _logs(root: Path) -> list[str]:
    return [SYSTEM, *sorted(path.stem for path in (root / "config/tenants").glob("*.toml"))]


def _verified(root: Path, keys: Path, names: Sequence[str], kept: Mapping[str, Checkpoint] | None = None) -> list[Log]:
    """Every log under `root`, by the public keys under `keys`. Raises Misconfigured with all that is wrong."""
    folder = root / read_gateway_file(root).journal.directory
    told = anchors(folder / f"{SYSTEM}.db")
    found, problems = [], []
    for name in names:
        known = [told[name]] if name in told else []
        if kept and name in kept:
            known.append((kept[name].size, kept[name].root.hex()))
        verifier = read_verifier(TenantKeys(keys, name).log_vkey)
        report = verify(folder / f"{name}.db", verifier=verifier, origin=verifier.name, known=known)
        problems += [f"{name}: {report.problem}"] if report.problem else []
        found.append(Log(name, report.facts, report.root))
    if problems:
        raise Misconfigured(problems)
    return found


def _kept(root: Path, files: Sequence[Path]) -> dict[str, Checkpoint]:
    """The kept checkpoints by tenant. Raises Misconfigured if one is of none of the logs here."""
    verifiers = {name: read_verifier(TenantKeys(root, name).log_vkey) for name in _logs(root)}
    found = {}
    for file in files:
        text = _text(file)
        for name, verifier in verifiers.items():
            with contextlib.suppress(NoteError):
                found[name] = Checkpoint.parse(open_note(text, verifier))
                break
        else:
            raise Misconfigured((f"{file}: is not a checkpoint that a log here has signed",))
    return found


def _empty(to: Path) -> Path:
    """A new folder, or an empty one, for its owner alone. Raises Misconfigured."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise Misconfigured((f"{to}: is there already; name a new folder",))
    to.mkdir(parents=True, exist_ok=True, mode=0o700)
    to.chmod(0o700)
    return to


def _write_sums(folder: Path) -> None:
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    lines = (f"{_sum(each)}  {each.relative_to(folder)}\n" for each in files)
    (folder / SUMS).write_text("".join(lines))
    for each in (*files, *(each.parent for each in files), folder / SUMS, folder):
        durable(each)


def _check_sums(folder: Path) -> None:
    """Raises Misconfigured with every file that is not as it was when the backup was made."""
    problems = []
    for line in _text(folder / SUMS).splitlines():
        digest, gap, name = line.partition("  ")
        file = folder / name
        if not gap or not file.is_file() or _sum(file) != digest:
            problems.append(f"{file}: is not as it was when the backup was made")
    if problems:
        raise Misconfigured(problems)


def _sum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured((f"{file}: cannot be read ({type(error).__name__})",)) from None


@contextlib.contextmanager
def _readable(log: Path) -> Iterator[None]:
    """What stands in the way of copying a log, as one sentence."""
    try:
        yield
    except WrongStore as error:
        raise Misconfigured((f"{log}: {error}",)) from None
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        raise Misconfigured((f"{log}: cannot be copied ({name})",)) from None
    except FileExistsError as error:
        raise Misconfigured((f"{error.filename}: is there already",)) from None
