"""`gateway log`: search the central log, report of it, review and verify it, offline or beside a running gateway."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import export, prove, review
from gateway.cli.from_files import from_files
from gateway.cli.report import report
from gateway.cli.search import search
from gateway.cli.show import AsJson, Root, ending, machine, stopped, tell
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.hub.journal import VerifyReport

app = typer.Typer(no_args_is_help=True)


@app.callback()
def log() -> None:
    """Search, report, review, verify, prove, give out the log."""


app.command(
    epilog=ending(
        "gateway log search 999997 --connector school_register --code refused --since 2026-11-01",
        "gateway log search 999997 --actor staff-0012 --terminal desk-3 --json",
        "gateway log search system --kind gateway.started",
        "gateway keys tags 999997 school_register person.json | gateway log search 999997 --person - \\",
        "    --reason disclosure_request --case R8-0012",
    )
)(search)
app.command(
    epilog=ending(
        "gateway log report slips 999997 --since 2026-11-01 --until 2026-11-30 --out /srv/reports",
        "gateway log report fields 999997 --since 2026-04-01 --out fields.csv",
        "gateway log report disclosure 999997 --person tags.json --reason disclosure_request --case R8-0012 \\",
        "    --as officer.crt --out R8-0012.md",
    )
)(report)
app.command(
    epilog=ending(
        "gateway log review 999997 --as staff-0012.crt",
        "gateway log review 999997 --as staff-0012.crt --sign 5123",
        wrong="it was refused; the code says why",
    )
)(review.review)
app.add_typer(review.app, name="finding")
app.command(
    epilog=ending(
        f"gateway log prove 999997 {prove.ID} --out proof.tlog-proof",
        "gateway log prove 999997 --earlier kept-checkpoint",
        f"gateway log prove 999997 {prove.ID} --deleted",
        wrong="nothing that was signed yet counts it, the log is shorter than that checkpoint, or something is left",
    )
)(prove.prove)
app.command(
    epilog=ending(
        "gateway log export 999997 /media/log-999997",
        "gateway log export 999997 facts.jsonl --form jsonl --since 5000",
        wrong="nothing was signed yet",
    )
)(export.export)


@app.command(
    epilog=ending(
        "gateway log verify --root /var/lib/renkei",
        "gateway log verify --tenant 999997",
        "gateway log verify --from log-999997 --key log.vkey",
        "gateway log verify --from 01234567.tlog-proof --key log.vkey",
        wrong="a fact is altered, missing or reordered, or a log is gone",
    )
)
def verify(  # noqa: PLR0913  (each is one option)
    root: Root = Path(),
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="TENANT", help="Only the log of this tenant, or `system`.")
    ] = "",
    files: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", help="Not the logs here, but an exported folder or a proof."),
    ] = None,
    key: Annotated[
        str, typer.Option("--key", metavar="FILE", help="With --from: the log's public key (log.vkey).")
    ] = "",
    witness: Annotated[
        list[str] | None,
        typer.Option("--witness", metavar="FILE", help="With --from: who must have cosigned; may come again."),
    ] = None,
    earlier: Annotated[
        Path | None,
        typer.Option("--earlier", metavar="FILE", help="With --from: a kept checkpoint it must have grown out of."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that no fact of the log was altered.

    Every fact is hashed again and held against the signed checkpoints; the first that is altered, missing or reordered
    is named. It goes over every configured tenant's log and the system's, also while the gateway runs. It asks no
    witness: that all logs here are an older copy that was put back only a witness can tell, and a start asks them, as
    does the running gateway. With --from it needs no gateway and no configuration: the files, the log's public key, and
    whose cosignatures are asked for. What lies in an exported folder and is no part of the log is named as wrong.
    """
    from dataclasses import asdict
    from datetime import UTC, datetime

    from gateway.cli.process import at_the_hub
    from gateway.cli.progress import bar
    from gateway.config import read_gateway_file
    from gateway.hub.journal import anchors
    from gateway.hub.journal import verify as verify_log
    from gateway.keys.layout import log_verifier, read_verifier
    from gateway.tlog.note import COSIGNATURE

    with stopped():
        if files is not None:
            if not from_files(files, key, witness or (), earlier, json=as_json):
                raise typer.Exit(1)
            return
        at_the_hub(root, "the logs are the hub's")
        folder = root / read_gateway_file(root).journal.directory
        configured = [path.stem for path in sorted((root / "config/tenants").glob("*.toml"))]
        known = [name for name in (*configured, "system") if tenant in ("", name)]
        if not known:
            raise Misconfigured((f"--tenant {tenant}: is neither configured here nor `system`",))
        reports = []
        witnesses = [read_verifier(root / each.key, type=COSIGNATURE) for each in read_gateway_file(root).witnesses]
        known_roots = anchors(folder / "system.db")
        for name in known:
            verifier = log_verifier(root, name)
            with bar(name, shown=not as_json) as progress:
                path = folder / f"{name}.db"
                report = verify_log(
                    path,
                    verifier=verifier,
                    origin=verifier.name,
                    progress=progress,
                    known=[known_roots[name]] if name in known_roots else [],
                    witnesses=witnesses,
                    now=datetime.now(UTC),
                )
                reports.append((name, report))
        if as_json:
            silent = {"not_asked": [each.name for each in witnesses]}
            machine([{"tenant": name} | asdict(report) | silent for name, report in reports])
        else:
            _show(folder, reports, [each.name for each in witnesses])
        if any(report.problem is not None for _, report in reports):
            raise typer.Exit(1)


def _show(folder: Path, reports: "Sequence[tuple[str, VerifyReport]]", witnesses: "Sequence[str]") -> None:
    for name, found in reports:
        if not (folder / f"{name}.db").exists():
            tell(f"{name}: {folder / name}.db does not exist: the gateway never started with it, or it is gone")
            continue
        told = "verified" if found.problem is None else found.problem
        tell(f"{name}: {found.facts} facts, {found.checkpoints} checkpoints, root {found.root}: {told}")
        for each in found.follows:
            tell(f"{name}: {each}")
    if witnesses:
        told = "whether this is an older copy that was put back, a start asks them"
        tell(f"not asked: {', '.join(witnesses)}; {told}")
