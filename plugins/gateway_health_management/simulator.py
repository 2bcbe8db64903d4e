"""Behaves as the municipal system does at its exchange folder: drops files the way it does, and reads what comes back.

`python -m gateway_health_management.simulator drop FOLDER FILE`, `... status FOLDER NAME`, `... take FOLDER LEDGER` and
`... load LEDGER` do it by hand.
"""

import argparse
import csv
import json
import os
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final, Literal

from gateway_health_management.intake import Loaded, load, take

How = Literal["renamed", "end_file"]
_GLANCE: Final = 0.05


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One line of a status file. Row 0 is the file as a whole and says `why`; `path` is an interface's field or 列n."""

    row: int
    ending: str
    code: str
    path: str
    message_id: str
    why: str


def city_csv(headers: Sequence[str], rows: Iterable[Sequence[str]], encoding: str) -> bytes:
    """A file as these systems write it: every field quoted, CRLF."""
    lines = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in (headers, *rows))
    return "".join(line + "\r\n" for line in lines).encode(encoding)


def drop(folder: Path, name: str, data: bytes, how: How = "renamed") -> None:
    """Put a file into `in/`: written beside and renamed, or written in place and followed by its `.end` file."""
    there = folder / "in" / name
    written = there.with_name(f".{name}.tmp") if how == "renamed" else there
    with written.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if how == "renamed":
        written.rename(there)
    else:
        there.with_name(f"{name}.end").touch()


def read_status(folder: Path, name: str, encoding: str) -> list[StatusLine] | None:
    """The status file of a dropped file, or None while there is none."""
    try:
        with _status_path(folder, name, "status").open(encoding=encoding, newline="") as file:
            lines = list(csv.reader(file, strict=True))[1:]
    except FileNotFoundError:
        return None
    return [StatusLine(int(row), ending, code, path, *more) for row, _, ending, code, path, _, *more in lines]


def read_slip(folder: Path, name: str, encoding: str) -> dict[str, str] | None:
    """The hand-over slip (受渡票) of a dropped file by its headings, or None while there is none."""
    try:
        with _status_path(folder, name, "slip").open(encoding=encoding, newline="") as file:
            return next(csv.DictReader(file))
    except FileNotFoundError:
        return None


def wait_status(folder: Path, name: str, encoding: str, patience: float = 60.0) -> list[StatusLine]:
    """The status file, as soon as it is there; TimeoutError after `patience` seconds."""
    until = time.monotonic() + patience
    while (lines := read_status(folder, name, encoding)) is None:
        if time.monotonic() > until:
            raise TimeoutError("no status file yet")
        time.sleep(_GLANCE)
    return lines


def _can_come(folder: Path, name: str) -> bool:
    """Whether a dropped file has a status, or is on its way to one: it goes from `in/` to `work/`, then has it."""
    here = (folder / "in" / name, folder / "work" / name, _status_path(folder, name, "status"))
    return any(each.exists() for each in here)


def _status_path(folder: Path, name: str, kind: Literal["status", "slip"]) -> Path:
    return folder / "status" / f"{PurePath(name).stem}.{kind}.csv"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. The exit status: 1 no status file, or not in time, 2 wrong usage, 130 interrupted."""
    said = _parser().parse_args(arguments)
    try:
        if said.act == "load":
            return _load(said)
        if not (said.folder / "in").is_dir() or not (said.folder / "status").is_dir():
            raise _WrongUsage(
                f"{said.folder}: is no exchange folder: it lacks in/ or status/, made as a gateway starts"
            )
        return {"drop": _drop, "status": _status, "take": _take}[said.act](said)
    except _WrongUsage as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    except KeyboardInterrupt:
        return 130


class _WrongUsage(Exception):
    pass


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="health-management-simulator", description=__doc__.partition("\n")[0])
    acts = parser.add_subparsers(dest="act", required=True)
    dropping = acts.add_parser("drop", help="put FILE into the exchange folder")
    dropping.add_argument("folder", type=Path)
    dropping.add_argument("file", type=Path)
    dropping.add_argument("--how", choices=("renamed", "end_file"), default="renamed")
    asking = acts.add_parser("status", help="wait for the status of the file called NAME and show its counts")
    asking.add_argument("folder", type=Path)
    asking.add_argument("name")
    asking.add_argument("--encoding", choices=("cp932", "utf-8", "utf-8-sig"), default="cp932")
    asking.add_argument("--patience", type=float, default=60.0)
    taking = acts.add_parser("take", help="load the returned files in out/ into LEDGER, each state once")
    taking.add_argument("folder", type=Path)
    taking.add_argument("ledger", type=Path)
    taking.add_argument("--encoding", choices=("cp932", "utf-8", "utf-8-sig"), default="cp932")
    loading = acts.add_parser("load", help="load answers to record.pull, a JSON array on stdin, into LEDGER likewise")
    loading.add_argument("ledger", type=Path)
    return parser


def _drop(said: argparse.Namespace) -> int:
    try:
        data = said.file.read_bytes()
    except OSError as error:
        raise _WrongUsage(f"FILE: it cannot be read ({error.strerror})") from None
    try:
        drop(said.folder, said.file.name, data, said.how)
    except OSError as error:
        raise _WrongUsage(f"FOLDER: in/ cannot be written ({error.strerror})") from None
    return 0


def _status(said: argparse.Namespace) -> int:
    if not _can_come(said.folder, said.name):
        sys.stderr.write("no status file, and none comes: no file of that name is in in/ or work/; drop it first\n")
        return 1
    try:
        lines = wait_status(said.folder, said.name, said.encoding, said.patience)
    except TimeoutError:
        sys.stderr.write("no status file yet\n")
        return 1
    except OSError as error:
        raise _WrongUsage(f"NAME: its status file cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise _WrongUsage(f"--encoding: the status file is not in {said.encoding}") from None
    for (ending, code, path), many in sorted(Counter((each.ending, each.code, each.path) for each in lines).items()):
        sys.stdout.write(f"{many:8} {ending} {code} {path}".rstrip() + "\n")
    return 0


def _take(said: argparse.Namespace) -> int:
    try:
        loaded, counts = take(said.folder, said.ledger, said.encoding)
    except (OSError, sqlite3.Error) as error:
        raise _WrongUsage(f"out/ or LEDGER: it cannot be used ({type(error).__name__})") from None
    except (ValueError, KeyError, csv.Error):  # its text may quote a row
        raise _WrongUsage(f"out/: a file there is no returned file in {said.encoding}") from None
    return _told(loaded, counts)


def _load(said: argparse.Namespace) -> int:
    try:
        loaded, counts = load(json.load(sys.stdin), said.ledger)
    except (OSError, sqlite3.Error) as error:
        raise _WrongUsage(f"LEDGER: it cannot be used ({type(error).__name__})") from None
    except (ValueError, KeyError, TypeError, AttributeError):  # its text may quote an answer
        raise _WrongUsage("stdin: it is no array of answers to record.pull") from None
    return _told(loaded, counts)


def _told(loaded: Loaded, counts: Mapping[str, int]) -> int:
    told = {"new": loaded.new, "dropped": loaded.dropped, **counts}
    sys.stdout.write("".join(f"{many:8} {name}\n" for name, many in told.items()))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` has read enough: end, as other commands do
    sys.exit(main())
