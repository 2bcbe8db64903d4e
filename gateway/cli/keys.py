"""`gateway keys`: which keys there are, and a new signed directory of their public halves."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.errors import Misconfigured

app = typer.Typer(no_args_is_help=True, help="Keys and the signed directory.")
Root = Annotated[Path, typer.Option("--root", help="The directory that holds config/ and keys/.")]


@app.command("list")
def list_keys(
    root: Root = Path(), as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False
) -> None:
    """Every connector's keys, and whether the directory names them. Exit status 1 if it does not name one."""
    from gateway.keys.layout import tenants

    try:
        rows = [row for tenant in tenants(root) for row in _rows(root, tenant)]
        if not rows:
            raise Misconfigured((f"{root / 'keys'}: holds no connector's keys",))
    except Misconfigured as error:
        raise _stopped(error) from None
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        _table(rows)
    if not all(row["in_directory"] for row in rows):
        raise typer.Exit(1)


@app.command("publish")
def publish_directory(
    tenant: Annotated[str, typer.Argument(help="The tenant's 6-digit code.")],
    root: Root = Path(),
    passphrase: Annotated[
        str, typer.Option("--passphrase", help="Of the offline root key, by reference: file:, env: or systemd:.")
    ] = "file:keys/passphrase",  # noqa: S107 (a reference)
) -> None:
    """Sign the connectors' public keys as the directory's next version, with the tenant's offline root key."""
    from datetime import UTC, datetime

    from gateway.config import read_connectors
    from gateway.keys.at_rest import Secret
    from gateway.keys.layout import TenantKeys
    from gateway.keys.make import publish

    keys = TenantKeys(root, tenant)
    try:
        directory = publish(keys, Secret.parse(passphrase, root), datetime.now(UTC))
    except Misconfigured as error:
        raise _stopped(error) from None
    enabled = read_connectors(root, tenant)
    for name in sorted(enabled - directory.connectors.keys()):
        typer.echo(f"connector {name} is enabled but has no keys here; see docs/write-a-connector.md", err=True)
    typer.echo(f"{keys.directory}: version {directory.version}, {len(directory.connectors)} connectors")
    typer.echo(f"To refuse any older one: directory_version = {directory.version} in config/tenants/{tenant}.toml")


def _rows(root: Path, tenant: str) -> list[dict[str, Any]]:
    """One row for each key of a tenant's connectors."""
    from gateway.keys.directory import Directory
    from gateway.keys.layout import KEM_X25519, SIGNING, TenantKeys, read_public, read_text, read_verifier

    keys = TenantKeys(root, tenant)
    published: set[tuple[str, str]] = set()
    if keys.directory.exists():
        directory = Directory.parse(read_text(keys.directory), read_verifier(keys.root_vkey), keys.tenant)
        for name, known in directory.connectors.items():
            published |= {(name, each.id) for each in known.kem} | {(name, each.id) for each in known.signing}
    rows = []
    for name in keys.connectors():
        folder = keys.connector(name)
        public = read_public(folder)
        found = [("kem", each.id, each.suite.value, KEM_X25519) for each in public.kem]
        found += [("signing", each.id, "Ed25519", SIGNING) for each in public.signing]
        rows += [
            {
                "tenant": keys.tenant,
                "connector": name,
                "use": use,
                "id": key_id,
                "suite": suite,
                "file": str((folder / file).relative_to(keys.config_root)),
                "in_directory": (name, key_id) in published,
            }
            for use, key_id, suite, file in found
        ]
    return rows


def _table(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("tenant", "connector", "use", "key id", "suite", "file", "in directory", box=box.SIMPLE)
    for row in rows:
        *texts, known = row.values()
        table.add_row(*map(escape, texts), "yes" if known else "[red]no[/red]")
    # Into a pipe a row stays one line; on a terminal it folds.
    Console(width=None if sys.stdout.isatty() else 240).print(table)


def _stopped(error: Misconfigured) -> typer.Exit:
    """What stands in the way, one sentence a line; the exit status says that it is the configuration."""
    for problem in error.problems:
        typer.echo(problem, err=True)
    return typer.Exit(2)
