"""`gateway interface`: what a connector's plugin declares, what is locked, and the difference."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.show import AsJson, Root, ending, machine, rows, stopped, tell
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from gateway.plugin.contract import Contract

app = typer.Typer(no_args_is_help=True, help="Show, compare and lock the interfaces of connectors.")
Connector = Annotated[str, typer.Argument(metavar="CONNECTOR", help="The connector's name, as in config/tenants/.")]


def _day(text: str) -> date:
    from gateway.plugin.checks import calendar_date

    if not calendar_date(text):
        raise typer.BadParameter("a day is written as YYYY-MM-DD, such as 2027-03-31")
    return date.fromisoformat(text)


@app.command(epilog=ending("gateway interface show school_register"))
def show(connector: Connector, root: Root = Path(), as_json: AsJson = False) -> None:
    """Show what a connector may send and receive.

    Every operation and field of its locked interface, with label, data class and rules.
    """
    with stopped():
        contract = _locked(root, connector)
        if as_json:
            machine(contract.model_dump(mode="json", exclude_defaults=True))
            return
        tell(f"{contract.connector} version {contract.version}, digest {contract.digest()}")
        if contract.label:
            tell(f"called {contract.label}")
        if contract.never:
            tell(f"never carries {', '.join(contract.never)}")
        for operation in contract.operations:
            tell(
                f"\n{operation.direction} {operation.name} ({operation.label}), {operation.kind}; "
                f"person key {operation.person_key}"
                + (f"; attests {', '.join(operation.attests)}" if operation.attests else "")
                + ("; ahead of all else of its person" if operation.ahead else "")
                + (f"; at most {operation.most_records} in a message" if operation.most_records else "")
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
                        ]
                    )


@app.command(epilog=ending("gateway interface diff school_register", wrong="there is a difference"))
def diff(connector: Connector, root: Root = Path()) -> None:
    """Show how the installed plugin differs from its lock.

    A line each: - only in the lock, + only in the plugin, ~ other. With a difference the gateway does not start.
    """
    from gateway.edge.plugins import difference

    with stopped():
        lines = list(difference(_locked(root, connector), _declared(connector)))
        for line in lines:
            tell(line)
        if lines:
            raise typer.Exit(1)
        tell("no difference")


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
    classes, and commit it. Ask `gateway interface diff` first what would change. With --former-until, the digest of the
    lock that is replaced goes to config/interfaces/former.toml with that day: what is in flight is not lost.
    """
    from gateway.config import write_contract

    with stopped():
        declared = _declared(connector)
        if former_until is not None:
            _keep_former(root, connector, declared, former_until)
        path, contract = write_contract(root, declared)
        tell(f"{path}: version {contract.version}, digest {contract.digest()}")


def _keep_former(root: Path, connector: str, declared: "Contract", until: date) -> None:
    """The digest that is about to be replaced, with its last day. Raises Misconfigured if that day is over."""
    from gateway.config import Former, japanese_day, keep_former, read_contract

    if until < japanese_day(datetime.now(UTC)):
        raise Misconfigured((f"--former-until {until}: is over in Japan",))
    former = read_contract(root, connector).digest()
    if former == declared.digest():
        tell("the lock does not change, so there is no former one", err=True)
        return
    path = keep_former(root, Former(connector=connector, digest=former, until=until))
    tell(f"{path}: digest {former} is valid until {until}")


def _locked(root: Path, connector: str) -> "Contract":
    """Its lock. Raises Misconfigured; where there is none, with the next step and the names that are locked."""
    from gateway.config import read_contract

    folder = root / "config/interfaces"
    if folder.is_dir() and not (folder / f"{connector}.json").exists():
        names = ", ".join(sorted(each.stem for each in folder.glob("*.json"))) or "none"
        told = f"config/interfaces/{connector}.json: there is no lock of that name; locked: {names}"
        raise Misconfigured((told, f"if its plugin is installed, run: gateway interface lock {connector}"))
    return read_contract(root, connector)


def _declared(connector: str) -> "Contract":
    """What the installed plugin declares. Raises Misconfigured, with the exception's own text: here it is code that is
    at work, no message, and the reader is who wrote it.
    """
    from gateway.edge.plugins import installed, load

    try:
        return load(connector, installed()).contract
    except Misconfigured as wrong:
        cause = wrong.__cause__
        if cause is None or isinstance(cause, Misconfigured):
            raise
        raise Misconfigured((*wrong.problems, f"{type(cause).__name__}: {cause}")) from None


def _rules(plain: dict[str, object]) -> str:
    """What decides beyond the type, as words; a closed list of codes as `1|2|3`."""
    shown = {
        key: "|".join(map(str, value)) if isinstance(value, list) else value
        for key, value in plain.items()
        if key not in ("path", "kind", "required", "label", "data_class")
    }
    return ", ".join(f"{key} {value}" for key, value in sorted(shown.items()))
