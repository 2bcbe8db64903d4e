"""`gateway log`: verify the central log, offline or beside a running gateway."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.show import AsJson, Root, ending, machine, stopped, tell
from gateway.errors import Misconfigured

app = typer.Typer(no_args_is_help=True)


@app.callback()
def log() -> None:
    """Verify the central log."""


@app.command(
    epilog=ending(
        "gateway log verify --root /var/lib/renkei",
        "gateway log verify --tenant 999997",
        wrong="a fact is altered, missing or reordered, or a log is gone",
    )
)
def verify(
    root: Root = Path(),
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="TENANT", help="Only the log of this tenant, or `system`.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Prove that no fact of the log was altered.

    Every fact is hashed again and held against the signed checkpoints; the first that is altered, missing or reordered
    is named. It goes over every configured tenant's log and the system's, also while the gateway runs.
    """
    from dataclasses import asdict

    from gateway.cli.process import at_the_hub
    from gateway.config import read_gateway_file
    from gateway.hub.journal import anchors
    from gateway.hub.journal import verify as verify_log
    from gateway.keys.layout import TenantKeys, read_verifier

    with stopped():
        at_the_hub(root, "the logs are the hub's")
        folder = root / read_gateway_file(root).journal.directory
        configured = [path.stem for path in sorted((root / "config/tenants").glob("*.toml"))]
        known = [name for name in (*configured, "system") if tenant in ("", name)]
        if not known:
            raise Misconfigured((f"--tenant {tenant}: is neither configured here nor `system`",))
        reports = []
        known_roots = anchors(folder / "system.db")
        for name in known:
            verifier = read_verifier(TenantKeys(root, name).log_vkey)
            with _progress(name, shown=sys.stderr.isatty() and not as_json) as progress:
                path = folder / f"{name}.db"
                report = verify_log(
                    path,
                    verifier=verifier,
                    origin=verifier.name,
                    progress=progress,
                    anchor=known_roots.get(name),
                )
                reports.append((name, report))
        if as_json:
            machine([{"tenant": name} | asdict(report) for name, report in reports])
        for name, report in reports if not as_json else ():
            if not (folder / f"{name}.db").exists():
                tell(f"{name}: {folder / name}.db does not exist: the gateway never started with it, or it is gone")
                continue
            found = "verified" if report.problem is None else report.problem
            tell(f"{name}: {report.facts} facts, {report.checkpoints} checkpoints, root {report.root}: {found}")
        if any(report.problem is not None for _, report in reports):
            raise typer.Exit(1)


@contextlib.contextmanager
def _progress(name: str, *, shown: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal, nothing elsewhere."""
    if not shown:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name)
        yield lambda done, total: bar.update(task, completed=done, total=total)
