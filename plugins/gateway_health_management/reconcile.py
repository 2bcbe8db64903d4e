"""`python -m gateway_health_management.reconcile`: where replicas (副本) and originals (原本) differ (F22, C195).

It reads the exports that lie in `out/` and the city's own list of originals, a file such as registers replicas, by the
settings by which the connector reads and writes them, and writes the differences alone. Nothing of it goes anywhere.
"""

import argparse
import csv
import os
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

from pydantic import ValidationError

from gateway.plugin import Unreadable
from gateway_health_management.differences import Difference, ListedTwice, Replicas, State, state_of
from gateway_health_management.forms import PAYLOADS, Form, by_label
from gateway_health_management.returned import EXPORT
from gateway_health_management.rows import FileChanged, NotAFile, Row, WholeFileRefused, fingerprint, read
from gateway_health_management.settings import Settings
from gateway_health_management.status import Refusal
from gateway_health_management.values import cell

_HEADERS: Final = ("レコード識別番号", "内部番号", "差異")


class WrongUsage(Exception):
    """The given cannot be held against each other; the text says what and why, without a value or a file's name."""


def reconcile(exports: Sequence[Path], originals: Path, out: Path, settings: Settings) -> dict[str, int]:
    """Write the differences, whole or not at all, and count. Raises WrongUsage."""
    replicas = Replicas()
    newest_first = sorted(enumerate(exports, start=1), key=lambda each: each[1].name, reverse=True)
    for position, path in newest_first:
        try:
            replicas.add_older(_exported(path, settings))
        except OSError as error:
            raise WrongUsage(f"EXPORTS: file {position} cannot be read ({error.strerror})") from None
        except (ValueError, csv.Error):  # its text may quote a row
            raise WrongUsage(f"EXPORTS: file {position} is no export in {settings.encoding}") from None
    counts = replicas.counts
    try:
        found = _write_whole(out, settings.encoding, replicas.held_against(_originals(originals, settings)))
    except ListedTwice as twice:
        raise WrongUsage(f"--originals: row {twice.row} is of a record that an earlier row is of") from None
    return counts | {each: found[each] for each in Difference}


def _exported(path: Path, settings: Settings) -> Iterator[tuple[str, str, State | None]]:
    """Person, レコード識別番号 and state of each row. Raises OSError, ValueError, csv.Error."""
    names = list(EXPORT.columns.values())
    with path.open(encoding=settings.encoding, newline="") as file:
        rows = csv.reader(file, strict=True)
        if next(rows, None) != list(EXPORT.columns):
            raise ValueError("other columns than an export's")
        for row in rows:
            cells = dict(zip(names, row, strict=True))
            record_no = cells["dataset_record_no"]
            yield cells["internal_no"], record_no, state_of(cells, settings) if record_no else None


def _originals(path: Path, settings: Settings) -> Iterator[tuple[str, State]]:
    """レコード識別番号 and state of each row, as its export would have them. Raises WrongUsage."""
    chosen = settings.files.get("replica.register")
    form = (
        chosen.form("replica.register") if chosen else Form("replica.register", by_label(PAYLOADS["replica.register"]))
    )
    try:
        for row in read(path, fingerprint(path), settings, form):
            yield _original(row, settings)
    except WholeFileRefused as refused:
        why = Refusal.of(refused, settings)
        raise WrongUsage(f"--originals: {why.result.code} {why.result.path} {why.why}") from None
    except (OSError, NotAFile) as error:
        raise WrongUsage(f"--originals: it cannot be read ({type(error).__name__})") from None
    except FileChanged:
        raise WrongUsage("--originals: somebody is writing into it") from None


def _original(row: Row, settings: Settings) -> tuple[str, State]:
    if isinstance(row.record, Unreadable):
        raise WrongUsage(f"--originals: row {row.number}: {row.record.code} {row.record.path or ''}".rstrip())
    for required in ("internal_no", "dataset_record_no"):
        if required not in row.record:
            raise WrongUsage(f"--originals: row {row.number}: missing_required {required}")
    try:
        cells = {name: cell(name, row.record.get(name), settings) for name in EXPORT.columns.values()}
        return cells["dataset_record_no"], state_of(cells, settings)
    except ValueError:
        raise WrongUsage(f"--originals: row {row.number}: not_a_time updated_at") from None


def _write_whole(out: Path, encoding: str, found: Iterator[tuple[str, str, Difference]]) -> Counter[Difference]:
    """For nobody else on this machine: it names persons."""
    unfinished = out.with_name(f".{out.name}.tmp")
    try:
        unfinished.touch(0o600)
        with unfinished.open("w", encoding=encoding, newline="") as file:
            counts = _write(file, found)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(out)
    except OSError as error:
        raise WrongUsage(f"--out: it cannot be written ({error.strerror})") from None
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return counts


def _write(out: TextIO, found: Iterator[tuple[str, str, Difference]]) -> Counter[Difference]:
    counts: Counter[Difference] = Counter()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(_HEADERS)
    for line in found:
        writer.writerow(line)
        counts[line[2]] += 1
    return counts


# ---- the command -----------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. The exit status: 0 no difference, 1 differences, 2 wrong usage, 130 interrupted."""
    said = _parser().parse_args(arguments)
    try:
        counts = reconcile(said.exports, said.originals, said.out, _settings(said.tenant))
    except WrongUsage as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    sys.stdout.write("".join(f"{many:8} {name}\n" for name, many in counts.items()))
    return 1 if any(counts[each] for each in Difference) else 0


def _settings(tenant: Path) -> Settings:
    """The connector's, from the file that configures the tenant."""
    try:
        whole = tomllib.loads(tenant.read_text(encoding="utf-8"))
        return Settings.model_validate(whole["connectors"]["health_management"]["settings"])
    except OSError as error:
        raise WrongUsage(f"--tenant: it cannot be read ({error.strerror})") from None
    except (ValidationError, ValueError, KeyError, TypeError):
        raise WrongUsage("--tenant: it has no valid settings of health_management; see gateway check") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gateway_health_management.reconcile",
        description="Hold exported replicas (副本) against the originals (原本) and write down what differs.",
    )
    parser.add_argument("exports", type=Path, nargs="+", metavar="EXPORTS", help="the files replica-*.csv of out/")
    parser.add_argument(
        "--originals", type=Path, required=True, metavar="FILE", help="the city's list, one row a record"
    )
    parser.add_argument("--tenant", type=Path, required=True, metavar="FILE", help="config/tenants/<code>.toml")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the differences, as CSV")
    return parser


if __name__ == "__main__":
    sys.exit(main())
