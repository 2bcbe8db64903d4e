"""`gateway interface`: what a connector's plugin declares, what is locked, and what others are given of it."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import interface_diff, interface_export
from gateway.cli.locks import Connector, InLanguage, Language, declared, locked
from gateway.cli.show import AsJson, Root, ending, machine, rows, stopped, tell
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from gateway.plugin.contract import Contract

app = typer.Typer(no_args_is_help=True, help="Show, export, compare and lock the interfaces of connectors.")


def _day(text: str) -> date:
    from gateway.plugin.checks import calendar_date

    if not calendar_date(text):
        raise typer.BadParameter("a day is written as YYYY-MM-DD, such as 2027-03-31")
    return date.fromisoformat(text)


@app.command(epilog=ending("gateway interface show school_register"))
def show(
    connector: Connector, root: Root = Path(), language: InLanguage = Language.EN, as_json: AsJson = False
) -> None:
    """Show what a connector may send and receive.

    Every operation and field of its locked interface, with label, data class and rules. Labels are Japanese; the rest
    is in the language that you ask for.
    """
    from gateway.interfaces import REPLY, head, heading
    from gateway.interfaces import rows as rows_of

    with stopped():
        contract = locked(root, connector)
        if as_json:
            machine(contract.model_dump(mode="json", exclude_defaults=True))
            return
        for line in head(contract, language.value):
            tell(line)
        for operation in contract.operations:
            tell(f"\n{heading(operation, language.value)}")
            rows(rows_of(operation.fields, language.value))
            if operation.reply:
                tell(f"\n{REPLY(language.value)}")
                rows(rows_of(operation.reply, language.value))


app.command(
    epilog=ending(
        "gateway interface export school_register --output school_register.openapi.json",
        "gateway interface export --listener municipal --certificate keys/tls/school_register.crt",
        "gateway interface export school_register --form table --language ja",
    )
)(interface_export.export)
app.command(
    epilog=ending(
        "gateway interface diff school_register",
        "gateway interface diff school_register --against school_register.json --json",
        "gateway interface diff --against ../reviewed --form change-table --output changes.md",
        wrong="the plugin differs from its lock; with --against, a change breaks somebody, not if it only widens",
    )
)(interface_diff.diff)


@app.command(
    epilog=ending(
        "gateway interface lock school_register",
        "gateway interface lock school_register --former-until 2027-03-31",
    )
)
def lock(
    connector: Connector,
    root: Root = Path(),
    former_until: Annotated[
        date | None,
        typer.Option(
            "--former-until",
            metavar="DAY",
            parser=_day,
            help="The last day (YYYY-MM-DD), in Japan, on which messages under the lock that is replaced still pass.",
        ),
    ] = None,
) -> None:
    """Lock what the installed plugin declares.

    It is written to config/interfaces/CONNECTOR.json. That file is the contract: have it reviewed, above all the data
    classes, and commit it. Of a lock that it replaces it shows what `gateway interface diff` does, which you ask first:
    what changes, and whom that breaks. With --former-until, the digest of the lock that is replaced goes to
    config/interfaces/former.toml with that day: what is in flight is not lost.
    """
    from gateway.config import write_contract

    with stopped():
        made = declared(connector)
        if former_until is not None:
            _keep_former(root, connector, made, former_until)
        former = _replaced(root, connector)
        told = [] if former is None else interface_diff.shown(root, former, made)
        path, contract = write_contract(root, made)
        for line in told:
            tell(line)
        tell(f"{path}: version {contract.version}, digest {contract.digest()}")
        if former is not None and former_until is None and former.digest() != contract.digest():
            tell(f"the digest before was {former.digest()}: config/interfaces/former.toml can keep it valid")


def _replaced(root: Path, connector: str) -> "Contract | None":
    """The lock that is there; None where there is none. One that cannot be read is replaced, too, and told."""
    if not (root / f"config/interfaces/{connector}.json").exists():
        return None
    try:
        return locked(root, connector)
    except Misconfigured as wrong:
        tell("\n".join(wrong.problems), err=True)
        tell("it is replaced as it stands, so nobody can be told what changes", err=True)
        return None


def _keep_former(root: Path, connector: str, made: "Contract", until: date) -> None:
    """The digest that is about to be replaced, with its last day. Raises Misconfigured if that day is over."""
    from gateway.config import Former, japanese_day, keep_former, read_contract

    if until < japanese_day(datetime.now(UTC)):
        raise Misconfigured((f"--former-until {until}: is over in Japan",))
    former = read_contract(root, connector).digest()
    if former == made.digest():
        tell("the lock does not change, so there is no former one", err=True)
        return
    path = keep_former(root, Former(connector=connector, digest=former, until=until))
    tell(f"{path}: digest {former} is valid until {until}")
