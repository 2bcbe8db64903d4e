"""`gateway message`: the trail of one message, dead letters, and replay, asked of the running gateway."""

import re
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.show import As, AsJson, Root, Tenant, ending, machine, next_command, rows, stopped, tell
from gateway.cli.trail import folded, letter, line, refusal

app = typer.Typer(no_args_is_help=True, help="Follow a message, find refusals and dead letters, replay.")
_ID = "01234567-89ab-7cde-8f01-23456789abcd"


def a_message_id(text: str | None) -> str | None:
    """The option's or argument's value, if it is a message id."""
    if text is not None and not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
        raise typer.BadParameter(f"a message id is written as {_ID}")
    return text


MessageId = Annotated[
    str,
    typer.Argument(
        callback=a_message_id,
        metavar="MESSAGE_ID",
        help="As the sender got it; for a file, column メッセージID of its status file.",
    ),
]


@app.command(
    epilog=ending(f"gateway message trace 999997 {_ID}", wrong="the tenant or the message is not known to this gateway")
)
def trace(tenant: Tenant, message_id: MessageId, root: Root = Path(), as_: As = None, as_json: AsJson = False) -> None:
    """Show all that happened to a message, in order.

    Each line is one fact of the central log: who, when, which route, each attempt, each outcome; never a value. Records
    are named by their index in the payload, from 0: not by the row of a file. Of the client certificate that it came in
    by stand the first 16 digits of its SHA-256. What happened again and again stands once, with how often and until
    when. --json has each, and adds the rest, the items and the digests. The looking itself becomes a fact.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        facts = ask_hub(root, "GET", f"/v1/{tenant}/messages/{message_id}", as_=as_)
        if as_json:
            machine(facts)
            return
        tell(f"message {message_id}; records are indices in its payload, from 0 (not rows of a file)\n")
        rows(folded([line(fact) for fact in facts]))


@app.command(
    epilog=ending(
        "gateway message dead 999997", "gateway message dead 999997 --all", wrong="dead records wait for a decision"
    )
)
def dead(
    tenant: Tenant,
    root: Root = Path(),
    every: Annotated[bool, typer.Option("--all", help="Also those that were answered send_anew.")] = False,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """List the messages with dead records that wait for a decision.

    A record is dead when its attempts or its time ran out, or no route carries it any more. It waits until somebody
    replays it. If that is answered send_anew, it is its source's to send again, and only --all lists it.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        found = ask_hub(root, "GET", f"/v1/{tenant}/dead{'?all' if every else ''}", as_=as_)
        if as_json:
            machine(found)
        else:
            rows([letter(each) for each in found], empty="no dead letters")
        if any(group.get("code") != "send_anew" for each in found for group in each.get("outcomes", ({},))):
            raise typer.Exit(1)


@app.command(epilog=ending("gateway message refused 999997", "gateway message refused 999997 --before 120431"))
def refused(
    tenant: Tenant,
    root: Root = Path(),
    before: Annotated[
        int | None, typer.Option(min=1, metavar="SEQ", help="Only what is older than this fact of the log.")
    ] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """List what was refused lately, newest first.

    Whole messages and single records, with their codes, and by whom: the edge of the source, the hub, people, the
    destination (its edge or its system), or a connector of what came to it from its system (a request of another body,
    say). At most 50 at a time; then --before shows older ones. The looking itself becomes a fact.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        found = ask_hub(root, "GET", f"/v1/{tenant}/refused{f'?before={before}' if before else ''}", as_=as_)
        if as_json:
            machine(found)
            return
        rows([refusal(each) for each in found["refused"]], empty="nothing was refused")
        if found["down_to"] > 1:
            rest = ("--before", found["down_to"])
            tell(f"older: {next_command('message', 'refused', tenant, *rest, root=root, as_=as_)}")


@app.command(
    epilog=ending(f"gateway message replay 999997 {_ID}", wrong="nothing of it can be replayed; the code says why")
)
def replay(tenant: Tenant, message_id: MessageId, root: Root = Path(), as_: As = None) -> None:
    """Hand the dead records of a message on again.

    They pass today's routes first. Where they can never go as they were sealed, the answer is send_anew: have the
    source send them as a new message. Your name, from your certificate, is in the fact.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        answer = ask_hub(root, "POST", f"/v1/{tenant}/messages/{message_id}/replay", as_=as_)
        tell(f"{answer['message_id']}: {len(answer['records'])} records are due again")
