"""`gateway log prove`: what convinces a stranger of one message, of one fact, or that nothing was taken away."""

import os
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.copying import new_file
from gateway.cli.message import a_message_id
from gateway.cli.one_log import Log, log_of, reading, text_of
from gateway.cli.show import As, AsJson, Root, Terminal, stopped, tell
from gateway.errors import Misconfigured

ID = "01234567-89ab-7cde-8f01-23456789abcd"
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="A new file. [default: named after what it proves]")
]


def prove(  # noqa: PLR0913  (each is one option)
    tenant: Log,
    message_id: Annotated[
        str, typer.Argument(metavar="[MESSAGE_ID]", help="Of a message, as its sender got it.", show_default=False)
    ] = "",
    fact: Annotated[
        int | None, typer.Option("--fact", min=1, max=2**63 - 1, metavar="SEQ", help="Instead: this fact.")
    ] = None,
    earlier: Annotated[
        Path | None,
        typer.Option("--earlier", metavar="FILE", help="Instead: that the log grew out of this kept checkpoint."),
    ] = None,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="Instead: what is left of the message, in every copy.")
    ] = False,
    out: Out = None,
    root: Root = Path(),
    as_: As = None,
    terminal: Terminal = None,
    as_json: AsJson = False,
) -> None:
    """Write a proof that a message, or a fact, is in the log.

    One small file (c2sp.org/tlog-proof) with the fact, its place in the tree, and the signed checkpoint that counts it.
    It convinces whoever has the log's public key, log.vkey, without a gateway: `gateway log verify --from FILE`. Of a
    message it proves that it was recorded or, as a whole, refused. The fact is in it whole, also one that is not to be
    disclosed: not for whoever may not see that. With --earlier it proves that nothing was changed or taken away since a
    checkpoint that was kept.

    With --deleted it writes no file, but asks the running gateway (--as, --terminal, --json) and shows for each copy
    that the gateway made - payload, facts, person tags; in the log, its search index, the folders of exports, backups -
    whether it is gone, and which fact says so. For operators, administrators and auditors; the asking is a
    fact.
    """
    from gateway.cli.process import at_the_hub
    from gateway.cli.remains import nothing_left

    with stopped():
        if deleted:
            if not message_id or fact or earlier or out:
                raise Misconfigured(("--deleted goes with a MESSAGE_ID, and without --fact, --earlier and --out",))
            a_message_id(message_id)
            if not nothing_left(root, tenant, message_id, as_, terminal, json=as_json):
                raise typer.Exit(1)
            return
        if sum(bool(each) for each in (message_id, fact, earlier)) != 1:
            raise Misconfigured(("say what to prove: a MESSAGE_ID, --fact SEQ or --earlier FILE",))
        at_the_hub(root, "the logs are the hub's")
        name, text = _grown(root, tenant, earlier) if earlier else _fact(root, tenant, message_id, fact)
        target = out or Path(name)
        with os.fdopen(new_file(target), "w") as stream:
            stream.write(text)
        tell(f"{target}")


def _fact(root: Path, tenant: str, message_id: str, seq: int | None) -> tuple[str, str]:
    """Name and text of the file."""
    from gateway.errors import Refused
    from gateway.hub.journal.proofs import fact_proof, facts_of
    from gateway.tlog.proof_file import SUFFIX

    with reading(root, tenant) as connection:
        found = next(iter(facts_of(connection, message_id)), None) if message_id else seq
        if found is None:
            raise Refused("unknown_message")
        proof = fact_proof(connection, found)
    if proof is None:
        tell(
            f"fact {found} is not signed yet; a running gateway signs within its checkpoint_seconds: try then", err=True
        )
        raise typer.Exit(1)
    return f"{message_id or f'{tenant}-{found}'}{SUFFIX}", proof.text()


def _grown(root: Path, tenant: str, earlier: Path) -> tuple[str, str]:
    """Name and text of the file."""
    from gateway.evidence.bounded import sole_ending
    from gateway.hub.journal.proofs import growth, last_checkpoint
    from gateway.tlog.note import Checkpoint, NoteError, open_note
    from gateway.tlog.submission import Submission

    try:
        kept = Checkpoint.parse(open_note(sole_ending(text_of(earlier)), log_of(root, tenant)[1]))
    except NoteError as error:
        raise Misconfigured((f"{earlier}: {error}",)) from None
    with reading(root, tenant) as connection:
        size, note = last_checkpoint(connection) or (0, "")
        if kept.size > size:
            tell(
                f"{tenant}: has only {size} signed facts, and that checkpoint counts {kept.size}: it was cut off",
                err=True,
            )
            raise typer.Exit(1)
        path = growth(connection, kept.size, size)
    return f"{tenant}-{kept.size}-{size}.growth", Submission(kept.size, path, note).text()
