"""A backup is a folder that is a root of its own: every log as it is at one moment, the configuration, and all that the
logs can be verified by. No private key is in it.
"""

import contextlib
import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from gateway.config import read_gateway_file
from gateway.errors import Misconfigured
from gateway.hub.journal import anchors, verify
from gateway.hub.journal.copying import copy_log, durable
from gateway.hub.journal.store import WrongStore
from gateway.keys.layout import TenantKeys, log_verifier
from gateway.tlog.note import Checkpoint
from gateway.wiring.opening import SYSTEM

SUMS: Final = "SHA256SUMS"
"""In the form of coreutils, so that `sha256sum --check` reads it."""
COPY: Final = "COPY"
"""In a backup: under which id it is listed."""
Progress: TypeAlias = Callable[[str], None]
Kept: TypeAlias = Mapping[str, Mapping[Path, Checkpoint]]
"""Checkpoints that were kept elsewhere, by log, each by its file."""


@dataclass(frozen=True, slots=True)
class Log:
    """One log as it is in a backup: how many facts, of how many last ones no checkpoint signs that they are the log's,
    and the root of its tree in hex.
    """

    tenant: str
    facts: int
    unsigned: int
    root: str


def make(root: Path, to: Path, list_copy: Callable[[Sequence[str]], str], progress: Progress) -> list[Log]:
    """Copy every log of the configuration and verify the copies. Raises Misconfigured, also if one does not verify.

    `list_copy` is called before anything is copied, with the logs' names, and gives the id; what it raises is raised.
    """
    folder = _empty(to)
    logs = Path(read_gateway_file(root).journal.directory)
    if logs.is_absolute():
        raise Misconfigured(("config/gateway.toml: journal.directory: must be below the root for this",))
    names = log_names(root)
    (folder / COPY).write_text(list_copy(names) + "\n")
    (folder / logs).mkdir(parents=True, mode=0o700)
    shutil.copytree(root / "config", folder / "config")
    for name in names:  # the system's first: no log may be older than it says
        progress(name)
        keys = TenantKeys(folder, name).log_vkey
        keys.parent.mkdir(parents=True)
        shutil.copyfile(TenantKeys(root, name).log_vkey, keys)
        with readable_log(root / logs / f"{name}.db"):
            copy_log(root / logs / f"{name}.db", folder / logs / f"{name}.db")
    found = verified(folder / logs, folder, names)
    _write_sums(folder)
    return found


def log_names(root: Path) -> list[str]:
    """The logs that a configuration has, the system's first."""
    return [SYSTEM, *sorted(path.stem for path in (root / "config/tenants").glob("*.toml"))]


def verified(folder: Path, keys: Path, names: Sequence[str], kept: Kept = MappingProxyType({})) -> list[Log]:
    """Every log in the folder, by the public keys under the root `keys`, and grown out of all that was `kept` of it.
    Raises Misconfigured with all that is wrong.
    """
    told = anchors(folder / f"{SYSTEM}.db")
    found, problems = [], []
    for name in names:
        known = [told[name]] if name in told else []
        verifier = log_verifier(keys, name)
        among = partial(verify, folder / f"{name}.db", verifier=verifier, origin=verifier.name)
        others = kept.get(name, {})
        report = among(known=[*known, *map(_size_and_root, others.values())])
        if report.problem and others and (alone := among(known=known)).problem is None:
            against = [file for file, each in others.items() if among(known=[_size_and_root(each)]).problem]
            problems += [_not_grown(name, file, others[file], alone.facts) for file in against]
        elif report.problem:
            problems.append(f"{name}: {report.problem}")
        found.append(Log(name, report.facts, report.facts - report.signed_facts, report.root))
    if problems:
        raise Misconfigured(problems)
    return found


def _size_and_root(checkpoint: Checkpoint) -> tuple[int, str]:
    return checkpoint.size, checkpoint.root.hex()


def _not_grown(name: str, file: Path, kept: Checkpoint, facts: int) -> str:
    """Of a log that is whole by itself, and against a checkpoint that was kept."""
    if kept.size > facts:
        return f"{name}: facts {facts + 1} to {kept.size} are missing: {file} counts them; take a newer backup"
    return f"{name}: facts up to {kept.size} are not those that {file} signs: it is not the log that this was made of"


def _empty(to: Path) -> Path:
    """A new folder, or an empty one, for its owner alone. Raises Misconfigured."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise Misconfigured((f"{to}: is there already; name a new folder",))
    to.mkdir(parents=True, exist_ok=True, mode=0o700)
    to.chmod(0o700)
    return to


def _write_sums(folder: Path) -> None:
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    lines = (f"{sum_of(each)}  {each.relative_to(folder)}\n" for each in files)
    (folder / SUMS).write_text("".join(lines))
    for each in (*files, *(each.parent for each in files), folder / SUMS, folder):
        durable(each)


def sum_of(file: Path) -> str:
    """SHA-256 of a file, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def readable_log(log: Path) -> Iterator[None]:
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
