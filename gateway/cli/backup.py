"""`gateway backup` and `gateway restore`."""

from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.show import As, AsJson, Root, Terminal, a_case, machine, rows, stopped, tell
from gateway.errors import Misconfigured


def backup(
    to: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    root: Root = Path(),
    as_: As = None,
    terminal: Terminal = None,
    as_json: AsJson = False,
) -> None:
    """Copy the logs, beside the running gateway.

    Each is copied as it is at one moment. DIR becomes a root of its own: the logs with what is under way, the
    configuration, and the logs' public keys. The copies are verified, and SHA256SUMS says what was written. Private
    keys and the passphrase are not in it: back them up apart. It is listed before it is made (gateway copies list), in
    your name if the gateway runs; its id stands in the file COPY. Keep the printed roots, or better a signed checkpoint
    (gateway log export), in another place.
    """
    from dataclasses import asdict

    from gateway.cli.copies import list_copy
    from gateway.cli.process import at_the_hub
    from gateway.wiring.backup import make

    with stopped():
        at_the_hub(root, "the logs are the hub's")
        found = make(
            root,
            to,
            lambda names: list_copy(root, "backup", names, as_, terminal),
            lambda name: tell(f"copying {name}", err=True),
        )
        if as_json:
            machine([asdict(each) for each in found])
        else:
            rows([asdict(each) for each in found])


def restore(  # noqa: PLR0913  (each is one option)
    backup: Annotated[Path, typer.Argument(metavar="DIR", help="What `gateway backup` made.")],
    root: Root = Path(),
    earlier: Annotated[
        list[Path] | None,
        typer.Option(
            "--earlier", metavar="FILE", help="A kept checkpoint that a log must have grown out of; may come again."
        ),
    ] = None,
    succeed: Annotated[
        list[Path] | None,
        typer.Option(
            "--succeed",
            metavar="FILE",
            help="The last checkpoint that is known of a log that is lost: another follows it. May come again.",
        ),
    ] = None,
    as_: Annotated[
        list[Path] | None,
        typer.Option("--as", metavar="FILE", help="With --succeed, twice: who says so; a .key beside each."),
    ] = None,
    case: Annotated[
        str | None, typer.Option("--case", callback=a_case, metavar="ID", help="With --succeed: under which case.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put the logs of a backup back, and verify them.

    Configuration and keys are those of the root, where no logs may be. Move former logs aside first, and be sure that
    no other gateway runs on them: both would deliver. The logs are verified by the root's own public keys, the
    configured witnesses are asked, and that they were restored becomes a fact, before they take their place. What came
    after the backup is forgotten here: have the sources send it again.

    Where a witness saw more of a log than any copy has, that log cannot go on. With --succeed another one follows it,
    under another name: its first fact says which it follows, up to where that is known, from which backup this was
    taken, and which two people, configured operators or administrators, say that the rest is lost. They sign it, each
    with the key of a personal certificate; a passphrase is asked for. Give the log's new public key to everybody who
    has the former.
    """
    from dataclasses import asdict

    from gateway.cli.process import at_the_hub
    from gateway.wiring.restoring import restore as put_back
    from gateway.wiring.succession import Agreed

    with stopped():
        at_the_hub(root, "the logs are the hub's")
        agreed = None
        if succeed:
            if case is None:
                raise Misconfigured(("--succeed: name the case under which you say so, with --case",))
            agreed = Agreed(succeed, as_ or (), case, lambda file: getpass(f"passphrase of {file}: "))
        elif as_ or case:
            raise Misconfigured(("--as and --case go with --succeed",))
        found, silent = put_back(
            root,
            backup,
            earlier or (),
            lambda name: tell(f"restoring {name}", err=True),
            agreed=agreed,
        )
        for each in silent:
            tell(each, err=True)
        if as_json:
            machine([asdict(each) for each in found])
        else:
            rows([asdict(each) for each in found])
            if agreed is not None:
                tell("other logs follow the lost ones from now on; gateway log verify says which, and what is lost")
                tell("give each new keys/TENANT/log/log.vkey to witnesses, senders and auditors; publish the directory")
            tell(
                "nothing is deleted by itself before, of each tenant, gateway retention run TENANT. First do again what"
            )
            tell("people decided since: legal holds, marks, erasures, revocations (docs/restore.md)")
            tell("verified; have the sources send again what they sent since, and what was under way then")
            if silent:
                tell("but nothing says that this backup is new enough: of a witness there is no answer, as said above")
