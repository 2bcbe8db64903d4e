"""`gateway hold`: what waits for people; asked of the running gateway, under each person's own certificate."""

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gateway.cli.message import MessageId
from gateway.cli.show import As, AsJson, Root, Tenant, Terminal, clock, ending, machine, rows, stopped, tell

app = typer.Typer(no_args_is_help=True, help="List, look at, release and refuse what is held for review.")
_ID = "01234567-89ab-7cde-8f01-23456789abcd"
Own = Annotated[Path, typer.Option("--as", metavar="FILE", help="Your personal certificate, its .key beside it.")]
Reason = Annotated[
    Literal["not_disclosable", "content_wrong", "request_wrong"],
    typer.Argument(metavar="REASON", help="not_disclosable, content_wrong or request_wrong."),
]


@app.command("list", epilog=ending("gateway hold list 999997", "gateway hold list 999997 --as staff-0012.crt"))
def list_holds(tenant: Tenant, root: Root = Path(), as_: As = None, as_json: AsJson = False) -> None:
    """List what is held, oldest first.

    Which message, since when, until when, and whether somebody approved it. The cause is always review: it tells nobody
    whose records they are, nor why. What is not released until its time is over ends dead, and its source hears it. For
    operators, officers and approvers. The looking itself becomes a fact.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        found = ask_hub(root, "GET", f"/v1/{tenant}/holds", as_=as_)
        if as_json:
            machine(found)
        else:
            rows([_row(each) for each in found], empty="nothing is held")


@app.command(
    epilog=ending(
        f"gateway hold show 999997 CONNECTOR {_ID} --as staff-0012.crt",
        wrong="it is not held, or not yours to see; the code says why",
    )
)
def show(  # noqa: PLR0913  (a looking is this much)
    tenant: Tenant,
    connector: Annotated[
        str,
        typer.Argument(
            metavar="CONNECTOR", help="Its destination: in gateway hold list, what stands behind the arrow."
        ),
    ],
    message_id: MessageId,
    as_: Own,
    root: Root = Path(),
    terminal: Terminal = None,
    as_json: AsJson = False,
) -> None:
    """Show the content of a held message, for officers and approvers.

    Only the destination's own edge can open it: where hub and edges are apart, name with --root the root of the process
    that runs that edge. Before anything is shown, it is a fact of the log that you looked, with your name, certificate
    and terminal; without having looked nobody can release or refuse it. What you see is personal: keep no copy.
    """
    from gateway.cli.operator import ask

    with stopped():
        path = f"/v1/{tenant}/{connector}/holds/{message_id}"
        found = ask(root, "GET", path, as_=as_, terminal=terminal)
        if as_json:
            machine(found)
            return
        for line in _content(found):
            tell(line)


@app.command(
    epilog=ending(
        f"gateway hold release 999997 {_ID} --as staff-0012.crt",
        wrong="it was refused; the code says why, and the message stays held",
    )
)
def release(tenant: Tenant, message_id: MessageId, as_: Own, root: Root = Path(), terminal: Terminal = None) -> None:
    """Say that a held message may go. It takes two people.

    The first, an officer or approver, approves; the second, another person with role approver, releases: then it goes
    out at once, if today's routes carry it. Both have looked at it, and neither of them made it. If the first is
    neither officer nor approver any more, that approval has lapsed, and you approve. It is a fact with your name.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        answer = ask_hub(root, "POST", f"/v1/{tenant}/holds/{message_id}/release", as_=as_, terminal=terminal)
        if answer["state"] == "released":
            tell(f"{message_id}: released; {len(answer['records'])} records are due now")
        else:
            tell(f"{message_id}: approved; a second person, with role approver, releases it")


@app.command(
    epilog=ending(
        f"gateway hold refuse 999997 {_ID} not_disclosable --as staff-0012.crt",
        wrong="it was refused; the code says why, and the message stays held",
    )
)
def refuse(
    tenant: Tenant,
    message_id: MessageId,
    reason: Reason,
    as_: Own,
    root: Root = Path(),
    terminal: Terminal = None,
) -> None:
    """Say that a held message may not go: it ends, for good.

    One officer or approver, who has looked and did not make it. Reasons: not_disclosable (it may not be told at all),
    content_wrong (what it says is not right), request_wrong (what it answers should not have been asked). The reason
    stands in the log; the source hears not_released only. It is a fact with your name.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        path = f"/v1/{tenant}/holds/{message_id}/refuse"
        ask_hub(root, "POST", path, body={"reason": reason}, as_=as_, terminal=terminal)
        tell(f"{message_id}: refused; its source hears not_released")


def _row(hold: Mapping[str, Any]) -> dict[str, Any]:
    if "route" not in hold:  # not to be disclosed to whoever does not decide
        told = {"message id": hold["message_id"], "route": "undisclosed", "way": "", "since": clock(hold["at"])}
        return {**told, "until": "", "state": "", "cause": ""}
    return {
        "message id": hold["message_id"],
        "route": hold["route"],
        "way": f"{hold['source']} → {hold['destination']}",
        "since": clock(hold["since"]),
        "until": clock(hold["until"]),
        "state": f"approved by {hold['approved']}" if hold["approved"] else "waiting",
        "cause": hold["cause"],
    }


def _content(found: Mapping[str, Any]) -> Iterator[str]:
    """What stands in the clear, then each record: label and value, a field a line."""
    yield f"message {found['message_id']}"
    yield f"  route {found['route']}: {found['source']} → {found['destination']} {found['operation']}"
    yield f"  made {clock(found['created_at'])}, goes until {clock(found['expires_at'])}, held for {found['cause']}"
    yield f"  legal basis: {', '.join(found['legal_basis'])}"
    if found["attestations"]:
        yield f"  attested: {', '.join(each['claim'] for each in found['attestations'])}"
    for record in found["records"]:
        yield f"\nrecord {record['index']}"
        if "code" in record:
            yield f"  cannot be shown, and would not be handed over: {record['code']} {record['path'] or ''}".rstrip()
        for field in record.get("fields", ()):
            yield f"  {field['label']} ({field['path']}): {_visible(str(field['value']))}"
    yield "\nThat you looked at it is recorded, with your name, certificate and terminal."


def _visible(text: str) -> str:
    """With what would be no sign on the screen but change others (the order of what stands beside it) written out."""
    return "".join(f"\\u{{{ord(each):04x}}}" if unicodedata.category(each) in _UNSEEN else each for each in text)


_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Control and format characters, separators of lines and paragraphs."""
