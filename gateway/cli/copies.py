"""`gateway copies`: the copies of logs that this gateway made. `list_copy` is what lists one before it is made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.retention import Case
from gateway.cli.show import As, AsJson, Root, Terminal, clock, ending, machine, next_command, rows, stopped, tell

app = typer.Typer(no_args_is_help=True, help="List copies of the logs; declare them destroyed.")


def list_copy(root: Path, form: str, logs: Sequence[str], as_: Path | None, terminal: str | None) -> str:
    """The id under which a copy of these logs is listed from now on: in the name of whoever asks, or while no gateway
    runs in nobody's. Raises GatewayError: then no copy may be made.
    """
    import asyncio

    from gateway.cli.operator import ask_hub, somebody_listens

    if somebody_listens(root):
        body = {"form": form, "logs": list(logs)}
        copy = str(ask_hub(root, "POST", "/v1/copies", body=body, as_=as_, terminal=terminal)["copy"])
    else:
        from gateway.wiring.copying import say_copied

        copy = asyncio.run(say_copied(root, form, logs))
    next_step = next_command("copies", "destroyed", copy, "--case", "ID", root=root, as_=as_, terminal=terminal)
    tell(f"listed as copy {copy}; when it is destroyed: {next_step}", err=True)
    return copy


@app.command("list", epilog=ending("gateway copies list", "gateway copies list --json"))
def list_(root: Root = Path(), as_: As = None, as_json: AsJson = False) -> None:
    """Show every copy of logs that this gateway made.

    Backups and exported logs: when, by whom, how many facts of each log, and whether somebody declared it destroyed.
    Without a name it was made while no gateway ran. For configured operators.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        found = ask_hub(root, "GET", "/v1/copies", as_=as_)
        if as_json:
            machine(found)
            return
        shown = [
            {
                "copy": each["copy"],
                "form": each["form"],
                "at": clock(each["at"]),
                "by": each["operator"] or "",
                "facts": ", ".join(f"{name} {size}" for name, size in each["logs"].items()),
                "destroyed": f"{clock(each['destroyed'])} by {each['by']}, {each['case']}" if each["destroyed"] else "",
            }
            for each in found
        ]
        rows(shown, empty="no copy was made")


@app.command(
    epilog=ending(
        "gateway copies destroyed 20261122-3f2a91c4 --case R8-0012",
        wrong="no such copy is listed, or it was declared destroyed before",
    )
)
def destroyed(
    copy: Annotated[str, typer.Argument(metavar="ID", help="As it was listed; in a backup, the file COPY has it.")],
    case: Case,
    root: Root = Path(),
    as_: As = None,
    terminal: Terminal = None,
) -> None:
    """Declare that a copy was destroyed.

    Say it when the copy, and whatever was copied from it, is gone. The gateway cannot know: the fact has your name.
    It cannot be undone. For configured operators.
    """
    from urllib.parse import quote

    from gateway.cli.operator import ask_hub

    with stopped():
        path = f"/v1/copies/{quote(copy, safe='')}/destroyed"
        ask_hub(root, "POST", path, body={"case": case}, as_=as_, terminal=terminal)
        tell(f"{copy}: declared destroyed")
