"""`gateway interface`: what a connector's plugin declares, what is locked, and the difference."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.show import AsJson, Root, rows, stopped

app = typer.Typer(no_args_is_help=True, help="Locked interfaces: show, diff, lock.")
Connector = Annotated[str, typer.Argument(help="The connector's name.")]


@app.command()
def show(connector: Connector, root: Root = Path(), as_json: AsJson = False) -> None:
    """The locked interface as a table: every operation and field with label, data class and rules."""
    from gateway.config import read_contract

    with stopped():
        contract = read_contract(root, connector)
        if as_json:
            typer.echo(contract.canonical().decode())
            return
        typer.echo(f"{contract.connector} version {contract.version}, digest {contract.digest()}")
        for operation in contract.operations:
            typer.echo(
                f"\n{operation.direction} {operation.name} ({operation.label}), {operation.kind}; "
                f"person key {operation.person_key}"
            )
            for title, fields in (("", operation.fields), ("reply", operation.reply)):
                if fields:
                    rows(
                        [
                            {
                                f"{title} field".strip(): each.path,
                                "label": each.label,
                                "data class": each.data_class,
                                "type": each.kind,
                                "required": each.required,
                                "rules": _rules(each.model_dump(mode="json", exclude_defaults=True)),
                            }
                            for each in fields
                        ],
                        as_json=False,
                    )


@app.command()
def diff(connector: Connector, root: Root = Path()) -> None:
    """What changes from the lock to what the installed plugin declares. Exit status 1 if anything does."""
    from gateway.config import read_contract
    from gateway.edge.plugins import difference, load

    with stopped():
        lines = list(difference(read_contract(root, connector), load(connector).contract))
        for line in lines:
            typer.echo(line)
        if lines:
            raise typer.Exit(1)
        typer.echo("no difference")


@app.command()
def lock(connector: Connector, root: Root = Path()) -> None:
    """Write what the installed plugin declares to config/interfaces/: the contract, to be reviewed and committed."""
    from gateway.config import write_contract
    from gateway.edge.plugins import load

    with stopped():
        path, contract = write_contract(root, load(connector).contract)
        typer.echo(f"{path}: version {contract.version}, digest {contract.digest()}")


def _rules(plain: dict[str, object]) -> str:
    shown = {
        key: value for key, value in plain.items() if key not in ("path", "kind", "required", "label", "data_class")
    }
    return ", ".join(f"{key} {value}" for key, value in sorted(shown.items()))
