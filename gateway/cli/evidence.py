"""`gateway log prove`, `gateway log export`, and `gateway log verify --from`: what convinces a stranger, as files."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.message import a_message_id
from gateway.cli.show import As, AsJson, Root, Terminal, machine, stopped, tell
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from gateway.tlog.note import Verifier

ID = "01234567-89ab-7cde-8f01-23456789abcd"
Log = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant whose log it is, or `system`.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Where to write it. [default: named after what it proves]")
]


def prove(  # noqa: PLR0913  (each is one option)
    tenant: Log,
    message_id: Annotated[
        str, typer.Argument(metavar="[MESSAGE_ID]", help="Of a message, as its sender got it.", show_default=False)
    ] = "",
    fact: Annotated[int | None, typer.Option("--fact", min=1, metavar="SEQ", help="Instead: this fact.")] = None,
    earlier: Annotated[
        Path | None,
        typer.Option("--earlier", metavar="FILE", help="Instead: that the log grew out of this kept checkpoint."),
    ] = None,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="Instead: what is left of the message, in every copy.")
    ] = False,
    out: Out = None,
    root: Root = Path(),
    as_: As = None,
    terminal: Terminal = None,
    as_json: AsJson = False,
) -> None:
    """Write a proof that a message, or a fact, is in the log.

    One small file (c2sp.org/tlog-proof) with the fact, its place in the tree, and the signed checkpoint that counts it.
    It convinces whoever has the log's public key, log.vkey, without a gateway: `gateway log verify --from FILE`. Of a
    message it proves that it was recorded or, as a whole, refused. The fact is in it whole, also one that is not to be
    disclosed: not for whoever may not see that. With --earlier it proves that nothing was changed or taken away since a
    checkpoint that was kept.

    With --deleted it writes no file, but asks the running gateway (--as, --terminal, --json) and shows for each copy
    that the gateway made - payload, facts, person tags; in the log, its search index, the folders of exports, backups -
    whether it is gone, and which fact says so. For operators, administrators and auditors; the asking is a
    fact.
    """
    from gateway.cli.process import at_the_hub
    from gateway.cli.remains import nothing_left

    with stopped():
        if deleted:
            if not message_id or fact or earlier or out:
                raise Misconfigured(("--deleted goes with a MESSAGE_ID, and without --fact, --earlier and --out",))
            a_message_id(message_id)
            if not nothing_left(root, tenant, message_id, as_, terminal, json=as_json):
                raise typer.Exit(1)
            return
        if sum(bool(each) for each in (message_id, fact, earlier)) != 1:
            raise Misconfigured(("say what to prove: a MESSAGE_ID, --fact SEQ or --earlier FILE",))
        at_the_hub(root, "the logs are the hub's")
        name, text = _grown(root, tenant, earlier) if earlier else _fact(root, tenant, message_id, fact)
        target = out or Path(name)
        target.write_text(text)
        tell(f"{target}")


def export(  # noqa: PLR0913  (each is one option)
    tenant: Log,
    into: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="A new folder, or one with an earlier export of it; with --form, a new file."
        ),
    ],
    form: Annotated[
        str, typer.Option("--form", metavar="FORM", help="Instead: the facts alone, as jsonl or fhir. DIR - is stdout.")
    ] = "",
    since: Annotated[
        int | None, typer.Option("--since", min=1, metavar="SEQ", help="With --form: from this fact on.")
    ] = None,
    root: Root = Path(),
    as_: As = None,
    terminal: Terminal = None,
) -> None:
    """Write a whole log as files from which anybody can check it.

    The folder has the form of c2sp.org/tlog-tiles: the signed checkpoint, the tree hashes and the commitments; beside
    them, as JSON Lines under facts/, the facts themselves. It goes up to the log's last checkpoint; what the folder has
    already is not written again. `gateway log verify --from DIR` checks it without a gateway. Facts have no personal
    values, but they say who did what and when, and also what is not to be disclosed: the folder is for its owner alone,
    and a copy that you keep; do not hand it to whoever may not see that.

    With --form it writes instead, for other tools, what [[exports]] in config/gateway.toml would: a line a fact.

    Each such copy, and each going on of one, is listed before it is made (gateway copies list), in your name if the
    gateway runs.
    """
    from gateway.cli.copies import list_copy
    from gateway.cli.copying import copy, require_form
    from gateway.cli.process import at_the_hub
    from gateway.cli.progress import bar
    from gateway.hub.journal.export import export as export_log
    from gateway.hub.journal.store import WrongStore

    with stopped():
        at_the_hub(root, "the logs are the hub's")
        path, verifier = _log(root, tenant)
        if form:
            require_form(form)
            list_copy(root, form, [tenant], as_, terminal)
            with _reading(root, tenant) as connection:
                copy(connection, tenant, into, form, root, since or 1)
            return
        if since is not None:
            raise Misconfigured(("--since goes with --form; without it, what DIR already has is not written again",))
        into.mkdir(mode=0o700, parents=True, exist_ok=True)  # what cannot be made is not listed
        list_copy(root, "tiles", [tenant], as_, terminal)
        try:
            with bar(tenant) as progress:
                signed = export_log(path, into, verifier, progress)
        except (WrongStore, sqlite3.Error, ValueError) as error:
            raise Misconfigured((f"{path.name}: {error}",)) from None
        if signed is None:
            tell(f"{tenant}: nothing was signed yet; a running gateway signs a checkpoint every few seconds")
            raise typer.Exit(1)
        tell(f"{tenant}: {signed.size} facts, root {signed.root.hex()}, in {into}")


def from_files(path: Path, key: str, witnesses: Sequence[str], earlier: Path | None, *, json: bool) -> bool:
    """`gateway log verify --from`: whether what the files say is so. Raises Misconfigured."""
    from gateway.tlog.note import COSIGNATURE, ED25519

    if not key:
        raise Misconfigured(("--from needs --key: the log's public key (log.vkey), got from elsewhere than the files",))
    verifier = _key(key, ED25519)
    known = [_key(each, COSIGNATURE) for each in witnesses]
    kept = _text(earlier) if earlier is not None else None
    if path.is_dir():
        return _folder(path, verifier, known, kept, json=json)
    return _file(path, verifier, known, kept, json=json)


def _folder(path: Path, verifier: "Verifier", known: "Sequence[Verifier]", kept: str | None, *, json: bool) -> bool:
    from dataclasses import asdict

    from gateway.cli.progress import bar
    from gateway.evidence.check import check_folder
    from gateway.tlog.note import NoteError

    try:
        with bar(path.name, shown=not json) as progress:
            report = check_folder(path, verifier, witnesses=known, earlier=kept, progress=progress)
    except NoteError as error:
        raise Misconfigured((f"--earlier: {error}",)) from None
    if json:
        machine(asdict(report))
    else:
        gone = f" ({report.gone} of them purged)" if report.gone else ""
        told = report.problem or "verified" + _cosigned(report.cosigned)
        tell(f"{report.origin}: {report.facts} facts{gone}, root {report.root}: {told}")
        if report.stale:
            tell(f"of {report.stale} facts the content is here that the log has purged: export anew, and delete this")
    return report.problem is None


def _file(path: Path, verifier: "Verifier", known: "Sequence[Verifier]", kept: str | None, *, json: bool) -> bool:
    from gateway.evidence.check import check_growth, check_proof
    from gateway.tlog.note import NoteError

    text = _text(path)
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


def _fact(root: Path, tenant: str, message_id: str, seq: int | None) -> tuple[str, str]:
    """Name and text of the file."""
    from gateway.errors import Refused
    from gateway.hub.journal.proofs import fact_proof, facts_of
    from gateway.tlog.proof_file import SUFFIX

    with _reading(root, tenant) as connection:
        found = next(iter(facts_of(connection, message_id)), None) if message_id else seq
        if found is None:
            raise Refused("unknown_message")
        proof = fact_proof(connection, found)
    if proof is None:
        tell(
            f"fact {found} is not signed yet; a running gateway signs within its checkpoint_seconds: try then", err=True
        )
        raise typer.Exit(1)
    return f"{message_id or f'{tenant}-{found}'}{SUFFIX}", proof.text()


def _grown(root: Path, tenant: str, earlier: Path) -> tuple[str, str]:
    """Name and text of the file."""
    from gateway.hub.journal.proofs import growth, last_checkpoint
    from gateway.tlog.note import Checkpoint, NoteError, open_note
    from gateway.tlog.submission import Submission

    try:
        kept = Checkpoint.parse(open_note(_text(earlier), _log(root, tenant)[1]))
    except NoteError as error:
        raise Misconfigured((f"{earlier}: {error}",)) from None
    with _reading(root, tenant) as connection:
        size, note = last_checkpoint(connection) or (0, "")
        if kept.size > size:
            tell(
                f"{tenant}: has only {size} signed facts, and that checkpoint counts {kept.size}: it was cut off",
                err=True,
            )
            raise typer.Exit(1)
        path = growth(connection, kept.size, size)
    return f"{tenant}-{kept.size}-{size}.growth", Submission(kept.size, path, note).text()


@contextlib.contextmanager
def _reading(root: Path, tenant: str) -> Iterator[sqlite3.Connection]:
    """The tenant's log, of a stopped or a running gateway. Raises Misconfigured."""
    from gateway.hub.journal.store import WrongStore, connect_reader, identify, wal_of

    path, _ = _log(root, tenant)
    try:
        with contextlib.closing(connect_reader(path, at_rest=not wal_of(path).exists())) as connection:
            identify(connection)
            yield connection
    except (WrongStore, sqlite3.Error) as error:
        raise Misconfigured((f"{path.name}: {error}",)) from None


def _log(root: Path, tenant: str) -> "tuple[Path, Verifier]":
    """The file and the public key of a tenant's log. Raises Misconfigured."""
    from gateway.config import read_gateway_file
    from gateway.keys.layout import TenantKeys, read_verifier

    configured = {path.stem for path in (root / "config/tenants").glob("*.toml")} | {"system"}
    if tenant not in configured:
        raise Misconfigured((f"{tenant}: is neither configured here nor `system`",))
    path = root / read_gateway_file(root).journal.directory / f"{tenant}.db"
    if not path.is_file():
        raise Misconfigured((f"{path}: does not exist: the gateway never started with it, or it is gone",))
    return path, read_verifier(TenantKeys(root, tenant).log_vkey)


def _key(said: str, kind: int) -> "Verifier":
    """A public key, given itself or as a file that has it."""
    from gateway.tlog.note import NoteError, Verifier

    text = _text(Path(said)).strip() if Path(said).is_file() else said
    try:
        return Verifier.parse(text, type=kind)
    except NoteError as error:
        raise Misconfigured((f"{said}: {error}",)) from None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured((f"{path}: cannot be read ({type(error).__name__})",)) from None


def _cosigned(times: "dict[str, int]") -> str:
    from datetime import UTC, datetime

    told = (
        f"; cosigned by {name} at {datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}" for name, at in times.items()
    )
    return "".join(told)
