"""`gateway log verify --from`: what files say, checked with nothing but public keys."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.one_log import text_of
from gateway.cli.show import machine, tell
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from gateway.evidence.check import FolderReport
    from gateway.tlog.note import Verifier


def from_files(path: Path, key: str, witnesses: Sequence[str], earlier: Path | None, *, json: bool) -> bool:
    """`gateway log verify --from`: whether what the files say is so. Raises Misconfigured."""
    from gateway.evidence.bounded import sole_ending
    from gateway.tlog.note import COSIGNATURE, ED25519

    if not key:
        raise Misconfigured(("--from needs --key: the log's public key (log.vkey), got from elsewhere than the files",))
    verifier = _key(key, ED25519)
    known = [_key(each, COSIGNATURE) for each in witnesses]
    kept = sole_ending(text_of(earlier)) if earlier is not None else None
    if path.is_dir():
        return _folder(path, verifier, known, kept, json=json)
    return _file(path, verifier, known, kept, json=json)


def _folder(path: Path, verifier: "Verifier", known: "Sequence[Verifier]", kept: str | None, *, json: bool) -> bool:
    from dataclasses import asdict
    from datetime import UTC, datetime

    from gateway.cli.progress import bar
    from gateway.evidence.check import check_folder
    from gateway.tlog.note import NoteError

    try:
        with bar(path.name, shown=not json) as progress:
            now = datetime.now(UTC)
            report = check_folder(path, verifier, now=now, witnesses=known, earlier=kept, progress=progress)
    except NoteError as error:
        raise Misconfigured((f"--earlier: {error}",)) from None
    if json:
        machine(asdict(report))
    else:
        gone = f" ({report.gone} of them purged)" if report.gone else ""
        told = report.problem or "verified" + _vouched(report)
        tell(f"{report.origin}: {report.facts} facts{gone}, root {report.root}: {told}")
        for each in report.follows:
            tell(each)
        if report.stale:
            tell(f"of {report.stale} facts the content is here that the log has purged: export anew, and delete this")
    return report.problem is None


def _file(path: Path, verifier: "Verifier", known: "Sequence[Verifier]", kept: str | None, *, json: bool) -> bool:
    from gateway.evidence.proof_check import NotCosigned, check_growth, check_proof
    from gateway.tlog.note import NoteError

    text = _proof(path)
    try:
        if text.startswith("old "):
            if kept is None:
                raise Misconfigured(("it proves growth since an earlier checkpoint: name that with --earlier",))
            now, cosigned = check_growth(text, kept, verifier, witnesses=known)
            found: dict[str, object] = {}
            told = f"{now.origin}: the log of {now.size} facts grew out of that of the earlier checkpoint"
        else:
            fact, now, cosigned = check_proof(text, verifier, witnesses=known)
            found = {"fact": fact}
            what = f"fact {fact['seq']} ({fact.get('kind')}, {fact.get('at')})"
            told = f"{now.origin}: {what} is in the log of {now.size} facts"
    except NoteError as error:
        if json:
            machine({"problem": str(error)})
        elif isinstance(error, NotCosigned):
            tell(f"{path.name}: is what the log signed, but not cosigned, or not yet: {error}; get it anew in a minute")
        else:
            tell(f"{path.name}: proves nothing: {error}")
        return False
    if json:
        signed = {"origin": now.origin, "size": now.size, "root": now.root.hex(), "cosigned": cosigned}
        machine({"problem": None, **signed, **found})
    else:
        tell(f"{told}: proven{_cosigned(cosigned)}")
        for each in found.values():
            machine(each)
    return True


def _proof(path: Path) -> str:
    """Raises Misconfigured if it cannot be read, or is longer than a proof can be."""
    from gateway.evidence.bounded import PROOF_BYTES, read_ordinary

    try:
        return read_ordinary(path, PROOF_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured((f"{path}: cannot be read ({type(error).__name__})",)) from None
    except ValueError as error:
        raise Misconfigured((f"{path}: {error}",)) from None


def _key(said: str, kind: int) -> "Verifier":
    """A public key, given itself or as a file that has it."""
    from gateway.tlog.note import NoteError, Verifier

    text = text_of(Path(said)).strip() if Path(said).is_file() else said
    try:
        return Verifier.parse(text, type=kind)
    except NoteError as error:
        raise Misconfigured((f"{said}: {error}",)) from None


def _vouched(report: "FolderReport") -> str:
    if not report.cosigned:
        return ""
    told = (
        f"; facts 1 to {each.facts} cosigned by {name} at {_time(each.at)}" for name, each in report.cosigned.items()
    )
    first = max(each.facts for each in report.cosigned.values()) + 1
    rest = f"; facts {first} to {report.facts} are vouched for by the log alone" if first <= report.facts else ""
    return "".join(told) + rest


def _cosigned(times: "dict[str, int]") -> str:
    return "".join(f"; cosigned by {name} at {_time(at)}" for name, at in times.items())


def _time(at: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
