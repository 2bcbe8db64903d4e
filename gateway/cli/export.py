"""`gateway log export`: a whole log as files."""

import sqlite3
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.one_log import Log, log_of, reading
from gateway.cli.show import As, Root, Terminal, stopped, tell
from gateway.errors import Misconfigured


def export(  # noqa: PLR0913  (each is one option)
    tenant: Log,
    into: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="A new folder, or one with an earlier export of it; with --form, a new file."
        ),
    ],
    form: Annotated[
        str, typer.Option("--form", metavar="FORM", help="Instead: the facts alone, as jsonl or fhir. DIR - is stdout.")
    ] = "",
    since: Annotated[
        int | None, typer.Option("--since", min=1, max=2**63 - 1, metavar="SEQ", help="With --form: from this fact on.")
    ] = None,
    root: Root = Path(),
    as_: As = None,
    terminal: Terminal = None,
) -> None:
    """Write a whole log as files from which anybody can check it.

    The folder has the form of c2sp.org/tlog-tiles: the signed checkpoint, the tree hashes and the commitments; beside
    them, as JSON Lines under facts/, the facts themselves. It goes up to the log's last checkpoint, and has beside it
    the newest that each witness cosigned; a running gateway asks them first. What the folder has already is not written
    again. `gateway log verify --from DIR` checks it without a gateway. Facts have no personal
    values, but they say who did what and when, and also what is not to be disclosed: the folder is for its owner alone,
    and a copy that you keep; do not hand it to whoever may not see that.

    With --form it writes instead, for other tools, what [[exports]] in config/gateway.toml would: a line a fact.

    Each such copy, and each going on of one, is listed before it is made (gateway copies list), in your name if the
    gateway runs.
    """
    from gateway.cli.copies import list_copy
    from gateway.cli.copying import copy, require_form, require_new
    from gateway.cli.process import at_the_hub
    from gateway.cli.progress import bar
    from gateway.hub.journal.export import export as export_log
    from gateway.hub.journal.store import WrongStore

    with stopped():
        at_the_hub(root, "the logs are the hub's")
        path, verifier = log_of(root, tenant)
        if form:
            require_form(form)
            require_new(into)
            list_copy(root, form, [tenant], as_, terminal)
            with reading(root, tenant) as connection:
                copy(connection, tenant, into, form, root, since or 1)
            return
        if since is not None:
            raise Misconfigured(("--since goes with --form; without it, what DIR already has is not written again",))
        into.mkdir(mode=0o700, parents=True, exist_ok=True)  # what cannot be made is not listed
        list_copy(root, "tiles", [tenant], as_, terminal)
        try:
            with bar(tenant) as progress:
                done = export_log(path, into, verifier, progress)
        except BlockingIOError:
            raise Misconfigured(
                (f"{into}: another export writes there just now; wait for it, or name another",)
            ) from None
        except (WrongStore, sqlite3.Error, ValueError) as error:
            raise Misconfigured((f"{path.name}: {error}",)) from None
        if done is None:
            tell(f"{tenant}: nothing was signed yet; a running gateway signs a checkpoint every few seconds")
            raise typer.Exit(1)
        signed, cosigned = done
        if 0 < cosigned < signed.size:
            tell(f"{tenant}: no witness has cosigned more than the first {cosigned} facts yet", err=True)
        tell(f"{tenant}: {signed.size} facts, root {signed.root.hex()}, in {into}")
