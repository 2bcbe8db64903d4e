"""`gateway demo`: plays a scenario that a plugin brings, found by its entry point; the core knows none by name."""

from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

_GROUP = "gateway.scenarios"


def demo(
    residents: Annotated[int, typer.Option(min=1, max=5_000_000, help="Residents of the made-up city.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same city.")] = 1,
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Your own file instead of a made-up city.")
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="A new folder for all that the demo makes; it stays.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    scenario: Annotated[str, typer.Option(help="Which of the installed scenarios.")] = "city",
) -> None:
    """One city's day against simulators, over real mutual TLS. Exit status 0 only if everything held."""
    found = {each.name: each for each in entry_points(group=_GROUP)}
    if scenario not in found:
        raise typer.BadParameter(f"there is {', '.join(sorted(found)) or 'none'}", param_hint="--scenario")
    try:
        play = found[scenario].load()
        status = play(residents=residents, seed=seed, file=file, keep=keep, as_json=as_json)
    except ModuleNotFoundError as missing:
        typer.echo(f"the scenario needs {missing.name}: pip install 'renkei-gateway[demo]'", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(status)
