"""`gateway backup` and `gateway restore`."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.show import AsJson, Root, machine, rows, stopped, tell


def backup(
    to: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    root: Root = Path(),
    as_json: AsJson = False,
) -> None:
    """Copy the logs, beside the running gateway.

    Each is copied as it is at one moment. DIR becomes a root of its own: the logs with what is under way, the configuration, and the logs' public keys. The
    copies are verified, and SHA256SUMS says what was written. Private keys and the passphrase are not in it: back them
    up apart. Keep the printed roots, or better a signed checkpoint (gateway log export), in another place.
    """
    from dataclasses import asdict

    from gateway.cli.process import at_the_hub
    from gateway.wiring.backup import make

    with stopped():
        at_the_hub(root, "the logs are the hub's")
        found = make(root, to, lambda name: tell(f"copying {name}", err=True))
        if as_json:
            machine([asdict(each) for each in found])
        else:
            rows([asdict(each) for each in found])


def restore(
    backup: Annotated[Path, typer.Argument(metavar="DIR", help="What `gateway backup` made.")],
    root: Root = Path(),
    earlier: Annotated[
        list[Path] | None,
        typer.Option(
            "--earlier", metavar="FILE", help="A kept checkpoint that a log must have grown out of; may come again."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put the logs of a backup back, and verify them.

    Configuration and keys are those of the root, where no logs may be. Move former logs aside first, and be sure that no other gateway runs
    on them: both would deliver. The logs are verified by the root's own public keys before anything can start on them,
    and that they were restored becomes a fact. What came after the backup is forgotten here: have the sources send it
    again.
    """
    import asyncio
    from dataclasses import asdict

    from gateway.cli.process import at_the_hub
    from gateway.config import load
    from gateway.wiring.backup import restore as put_back
    from gateway.wiring.backup import say_restored

    with stopped():
        at_the_hub(root, "the logs are the hub's")
        found = put_back(root, backup, earlier or (), lambda name: tell(f"restoring {name}", err=True))
        asyncio.run(say_restored(load(root), found))
        if as_json:
            machine([asdict(each) for each in found])
        else:
            rows([asdict(each) for each in found])
            tell("verified; have the sources send again what they sent since, and what was under way then")
