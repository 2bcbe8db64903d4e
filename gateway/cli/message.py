"""`gateway message`: the trail of one message, dead letters, and replay, asked of the running gateway."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.show import AsJson, Root, Tenant, ending, machine, rows, stopped, tell

app = typer.Typer(no_args_is_help=True, help="Follow a message, find dead letters, replay them.")
_ID = "01234567-89ab-7cde-8f01-23456789abcd"


def _message_id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
        raise typer.BadParameter(f"a message id is written as {_ID}")
    return text


MessageId = Annotated[
    str,
    typer.Argument(
        callback=_message_id,
        metavar="MESSAGE_ID",
        help="As the sender got it; for a file, the last column of its status file.",
    ),
]


@app.command(
    epilog=ending(f"gateway message trace 999997 {_ID}", wrong="the tenant or the message is not known to this gateway")
)
def trace(tenant: Tenant, message_id: MessageId, root: Root = Path(), as_json: AsJson = False) -> None:
    """Show all that happened to a message, in order.

    Each line is one fact of the central log: who, when, which route, each attempt, each outcome; never a value. Records
    are named by their index in the payload, from 0: not by the row of a file. Of the client certificate that it came in
    by stand the first 16 digits of its SHA-256. --json adds the rest, the items and the digests. The looking itself
    becomes a fact.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        facts = ask_hub(root, "GET", f"/v1/{tenant}/messages/{message_id}")
        if as_json:
            machine(facts)
            return
        tell(f"message {message_id}; records are indices in its payload, from 0 (not rows of a file)\n")
        rows([_line(fact) for fact in facts])


@app.command(
    epilog=ending(
        "gateway message dead 999997", "gateway message dead 999997 --all", wrong="dead records wait for a decision"
    )
)
def dead(
    tenant: Tenant,
    root: Root = Path(),
    every: Annotated[bool, typer.Option("--all", help="Also those that were answered send_anew.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the messages with dead records that wait for a decision.

    A record is dead when its attempts or its time ran out, or no route carries it any more. It waits until somebody
    replays it. If that is answered send_anew, it is its source's to send again, and only --all lists it.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        found = ask_hub(root, "GET", f"/v1/{tenant}/dead{'?all' if every else ''}")
        if as_json:
            machine(found)
        else:
            rows([_letter(each) for each in found], empty="no dead letters")
        if any(group.get("code") != "send_anew" for each in found for group in each["outcomes"]):
            raise typer.Exit(1)


@app.command(
    epilog=ending(f"gateway message replay 999997 {_ID}", wrong="nothing of it can be replayed; the code says why")
)
def replay(tenant: Tenant, message_id: MessageId, root: Root = Path()) -> None:
    """Hand the dead records of a message on again.

    They pass today's routes first. Where they can never go as they were sealed, the answer is send_anew: have the
    source send them as a new message. Your name, from the operator's certificate, is in the fact.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        answer = ask_hub(root, "POST", f"/v1/{tenant}/messages/{message_id}/replay")
        tell(f"{answer['message_id']}: {len(answer['records'])} records are due again")


def _line(fact: dict[str, Any]) -> dict[str, Any]:
    """A fact as one row: what it is, and what it adds."""
    what = [f"{_way(fact['header'])} by {fact['header']['route']}"] if "header" in fact else []
    what += [f"certificate {peer[:16]}"] if (peer := _peer(fact)) is not None else []
    what += [f"attempt {fact['attempt']}"] if "attempt" in fact else []
    what += [f"refused at its edge: {_records(group)}" for group in _stated(fact.get("statement", {}))]
    what += [f"{group.get('ending', 'deferred')}: {_records(group)}" for group in fact.get("outcomes", [])]
    what += [f"{key} {fact[key]}" for key in ("code", "operator", "act") if key in fact]
    return {"seq": fact["seq"], "at": fact["at"], "kind": fact["kind"], "what": "; ".join(what)}


def _peer(fact: dict[str, Any]) -> str | None:
    """By which client certificate it came in: it stands in the header, in the statement, or of a repeat in the fact."""
    signed = fact.get("header") or fact.get("statement") or fact
    return signed.get("client_certificate")


def _stated(statement: dict[str, Any]) -> list[dict[str, Any]]:
    """The records that the sending edge refused, grouped as outcomes are."""
    from gateway.hub.journal.outcomes import group
    from gateway.messages import Ending, RecordOutcome

    refused = statement.get("records", ())
    return group(RecordOutcome(index, Ending.REFUSED, code, path) for index, code, path in refused)


def _letter(message: dict[str, Any]) -> dict[str, Any]:
    """A message with dead records as one row."""
    return {
        "message id": message["message_id"],
        "what": f"{_way(message)}, {message['created_at'][:19]}Z",
        "dead": "; ".join(_records(group) for group in message["outcomes"]),
    }


def _way(message: dict[str, Any]) -> str:
    return f"{message['source']} → {message['destination']} {message['operation']}"


def _records(group: dict[str, Any]) -> str:
    """Records that ended alike: their indices as ranges, and why."""
    why = (group[key] for key in ("code", "path") if key in group)
    return " ".join(("records", group["records"].replace(",", ", "), *why))
