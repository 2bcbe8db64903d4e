"""`gateway demo`: plays a scenario that a plugin brings, found by its entry point; the core knows none by name."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.show import AsJson, ending, tell

_GROUP = "gateway.scenarios"
_RESIDENTS = 1000
ENDING = ending("gateway demo", "gateway demo --residents 200 --keep demo", wrong="something did not hold")


def demo(
    residents: Annotated[
        int | None,
        typer.Option(min=1, max=5_000_000, metavar="N", help="Residents of the made-up city. [default: 1000]"),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed makes the same city.")] = 1,
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, metavar="FILE", help="Your own file instead of a made-up city."),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new folder for all that the demo makes; it stays.")
    ] = None,
    as_json: AsJson = False,
    scenario: Annotated[str, typer.Option(metavar="NAME", help="Which of the installed scenarios.")] = "city",
) -> None:
    """Play one city's day against simulators.

    Real processes over real mutual TLS, on made-up data in a folder of its own that is deleted at the end. It shows
    what went where, what was refused and why, and whether all of it held.
    """
    from importlib.metadata import entry_points

    found = {each.name: each for each in entry_points(group=_GROUP)}
    if scenario not in found:
        raise typer.BadParameter(f"there is {', '.join(sorted(found)) or 'none'}", param_hint="--scenario")
    if file is not None and residents is not None:
        raise typer.BadParameter(
            "your own file is instead of a made-up city: give one or the other", param_hint="--file"
        )
    try:
        play = found[scenario].load()
        status = play(residents=residents or _RESIDENTS, seed=seed, file=file, keep=keep, as_json=as_json)
    except ModuleNotFoundError as missing:
        tell(f"the scenario needs {missing.name}: pip install 'renkei-gateway[demo]'", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(status)
