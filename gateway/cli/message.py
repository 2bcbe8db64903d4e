"""`gateway message`: the trail of one message, dead letters, and replay, asked of the running gateway."""

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.show import AsJson, Root, Tenant, rows, stopped

app = typer.Typer(no_args_is_help=True, help="The trail of a message, dead letters, and replay.")


def _message_id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
        raise typer.BadParameter("a message id is written as 01234567-89ab-7cde-8f01-23456789abcd")
    return text


MessageId = Annotated[str, typer.Argument(callback=_message_id, help="The message id, as the sender got it.")]


@app.command()
def trace(tenant: Tenant, message_id: MessageId, root: Root = Path(), as_json: AsJson = False) -> None:
    """Every fact of a message, in order: who, when, which items, each attempt, each outcome. Never a value."""
    from gateway.cli.operator import ask

    with stopped():
        facts = ask(root, "GET", f"/v1/{tenant}/messages/{message_id}")
        if as_json:
            typer.echo(json.dumps(facts, ensure_ascii=False, indent=1))
        else:
            rows([_line(fact) for fact in facts], as_json=False)


@app.command()
def dead(tenant: Tenant, root: Root = Path(), as_json: AsJson = False) -> None:
    """The messages that have dead records. Exit status 1 if there are any."""
    from gateway.cli.operator import ask

    with stopped():
        found = ask(root, "GET", f"/v1/{tenant}/dead")
        rows(found, as_json=as_json, empty="no dead letters")
        if found:
            raise typer.Exit(1)


@app.command()
def replay(tenant: Tenant, message_id: MessageId, root: Root = Path()) -> None:
    """Have the dead records of a message handed on again, under today's routes."""
    from gateway.cli.operator import ask

    with stopped():
        answer = ask(root, "POST", f"/v1/{tenant}/messages/{message_id}/replay")
        typer.echo(f"{answer['message_id']}: {len(answer['records'])} records are due again")


def _line(fact: dict[str, Any]) -> dict[str, Any]:
    """A fact as one row: what it is, and what it adds."""
    header = fact.get("header", {})
    what = (
        [f"{header['source']} → {header['destination']} {header['operation']} by {header['route']}"] if header else []
    )
    what += [f"attempt {fact['attempt']}"] if "attempt" in fact else []
    for group in fact.get("outcomes", []):
        reason = " ".join(str(group[key]) for key in ("code", "path") if key in group)
        what.append(f"{group.get('ending', 'deferred')}: records {group['records']} {reason}".strip())
    what += [f"{key} {fact[key]}" for key in ("code", "operator", "act") if key in fact]
    return {"seq": fact["seq"], "at": fact["at"], "fact": fact["kind"], "what": "; ".join(what)}
