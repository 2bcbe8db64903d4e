"""`gateway retention`: what is deleted when its time is over, and what must not be; asked of the running gateway."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from gateway.cli.show import As, AsJson, Root, Tenant, Terminal, a_case, clock, ending, machine, rows, stopped, tell

app = typer.Typer(no_args_is_help=True, help="See to what is kept: what goes, what an investigation holds.")


Case = Annotated[str, typer.Option("--case", metavar="ID", callback=a_case, help="Under which case it is done.")]
_DAY = ["%Y-%m-%d"]


@app.command(
    epilog=ending("gateway retention run 999997 --dry-run", "gateway retention run 999997 --as staff-0100.crt --json")
)
def run(
    tenant: Tenant,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    root: Root = Path(),
    as_: As = None,
    terminal: Terminal = None,
    as_json: AsJson = False,
) -> None:
    """Delete now what is not to be kept.

    The gateway does it by itself: sealed payloads within a minute after the time that their route gives them, and
    within an hour the content of facts of days three years ago, with their person tags, their place in the search
    index, and the files of exports with nothing younger. Of each fact its commitment stays, so the log still verifies;
    and that it went is a fact. What is old and stays is told with the reason: open (its message has not ended), unheard
    (its source has not heard the end), envelope (goes with the next look), needed (other facts are judged by it),
    investigation (a legal hold), ahead (a clock that ran ahead wrote it), witnessed (by a witness's clock it is
    younger).
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        found = ask_hub(root, "POST", f"/v1/{tenant}/retention", body={"dry_run": dry_run}, as_=as_, terminal=terminal)
        if as_json:
            machine(found)
            return
        word = "would go" if dry_run else "went"
        tell(f"{found['envelopes']} payloads and the content of {found['facts']} facts {word}")
        tell(f"facts from before {clock(found['before'])} are old enough")
        if found["held"]:
            tell(f"{found['held']} payloads whose time is over stay: investigation")
        for why, count in sorted(found["stay"].items()):
            tell(f"{count} older facts stay: {why}")


@app.command(
    epilog=ending(
        "gateway retention hold 999997 --case R8-0012 --since 2026-10-01 --until 2026-10-31 --as staff-0100.crt",
        "gateway retention hold 999997 --case R8-0012 --message 01234567-89ab-7cde-8f01-23456789abcd",
        wrong="a hold under this case is in force already",
    )
)
def hold(  # noqa: PLR0913  (each is one option)
    tenant: Tenant,
    case: Case,
    message: Annotated[
        list[str] | None, typer.Option("--message", metavar="ID", help="Only this message; may come again.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=_DAY, metavar="DAY", help="The first day, Japan's.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=_DAY, metavar="DAY", help="The last day, Japan's.")
    ] = None,
    root: Root = Path(),
    as_: As = None,
    terminal: Terminal = None,
) -> None:
    """Keep what an investigation needs: a legal hold.

    Until it is lifted, nothing of it is deleted: neither facts nor payloads nor person tags. It covers the messages
    named, or all facts of the days named, or without either the whole log. For administrators; it is a fact.
    """
    from gateway.cli.operator import ask_hub

    if message and (since or until):
        raise typer.BadParameter("--message goes without --since and --until")
    days = {name: day.date().isoformat() for name, day in (("since", since), ("until", until)) if day}
    body: dict[str, Any] = {"case": case, **days} | ({"messages": message} if message else {})
    with stopped():
        ask_hub(root, "POST", f"/v1/{tenant}/legal-holds", body=body, as_=as_, terminal=terminal)
        tell(f"{case}: held")


@app.command(
    epilog=ending("gateway retention lift 999997 --case R8-0012 --as staff-0100.crt", wrong="there is no such hold")
)
def lift(tenant: Tenant, case: Case, root: Root = Path(), as_: As = None, terminal: Terminal = None) -> None:
    """Lift a legal hold: what it kept goes when its time is over. For administrators; it is a fact."""
    from gateway.cli.operator import ask_hub

    with stopped():
        path = f"/v1/{tenant}/legal-holds/lift"
        ask_hub(root, "POST", path, body={"case": case}, as_=as_, terminal=terminal)
        tell(f"{case}: lifted")


@app.command(epilog=ending("gateway retention holds 999997"))
def holds(tenant: Tenant, root: Root = Path(), as_: As = None, as_json: AsJson = False) -> None:
    """List the legal holds in force. For operators and administrators; the looking itself becomes a fact."""
    from gateway.cli.operator import ask_hub

    with stopped():
        found = ask_hub(root, "GET", f"/v1/{tenant}/legal-holds", as_=as_)
        if as_json:
            machine(found)
        else:
            rows([_row(each) for each in found], empty="none is in force")


@app.command(
    epilog=ending(
        "gateway retention erase 999997 tags.json --reason correction --case R8-0012 --as staff-0100.crt",
        wrong="a legal hold is on one of the facts: nothing was erased",
    )
)
def erase(  # noqa: PLR0913  (each is one option)
    tenant: Tenant,
    tags: Annotated[Path, typer.Argument(metavar="FILE", help="What gateway keys tags has written; - is stdin.")],
    reason: Annotated[
        Literal["disclosure_request", "correction", "incident", "audit"],
        typer.Option("--reason", metavar="REASON", help="disclosure_request, correction, incident or audit."),
    ],
    case: Case,
    root: Root = Path(),
    as_: As = None,
    terminal: Terminal = None,
) -> None:
    """Erase a person's trail.

    These are the tags by which facts can be found to be about that person. The facts stay, and so does the tree: the
    log verifies, and nobody can find this person in it by these tags again, not even for a disclosure request. It
    cannot be undone. A fact says how many tags went, of which connector and which months, why, and under which case; it
    does not say where they stood. For administrators.
    """
    from gateway.cli.operator import ask_hub
    from gateway.cli.search import person_tags

    with stopped():
        body = person_tags(tags) | {"reason": reason, "case": case}
        found = ask_hub(root, "POST", f"/v1/{tenant}/erasures", body=body, as_=as_, terminal=terminal)
        tell(f"{case}: {found['tags']} tags were erased")


@app.command(
    epilog=ending(
        "gateway retention undisclose 999997 01234567-89ab-7cde-8f01-23456789abcd --case R8-0012 --as staff-0012.crt",
        wrong="no message of that id is known",
    )
)
def undisclose(
    tenant: Tenant,
    message_id: Annotated[str, typer.Argument(metavar="MESSAGE_ID", help="Of either message of the exchange.")],
    case: Case,
    root: Root = Path(),
    as_: As = None,
    terminal: Terminal = None,
) -> None:
    """Mark an exchange as not to be disclosed (番号法第23条第2項).

    From then on, whoever does not decide about held messages is told of both its messages only that they are there:
    in traces, lists, searches, reports and exports. Copies that were exported before are not called back. It is a
    fact, and cannot be undone. For officers and approvers.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        path = f"/v1/{tenant}/messages/{message_id}/undisclosed"
        found = ask_hub(root, "POST", path, body={"case": case}, as_=as_, terminal=terminal)
        tell(f"{found['message_id']}: not to be disclosed from now on")


def _row(hold: dict[str, Any]) -> dict[str, Any]:
    if "messages" in hold:
        return {"case": hold["case"], "what": f"{len(hold['messages'])} messages"}
    since = f"from {_day_of(hold['since'])}" if hold["since"] else ""
    until = f"to {_day_of(hold['until'], -1)}" if hold["until"] < _NO_END else ""
    days = " ".join(filter(None, (since, until)))
    return {"case": hold["case"], "what": f"facts {days}, days of Japan" if days else "the whole log"}


def _day_of(midnight: str, days: int = 0) -> str:
    """The day in Japan that begins then, or one so many days from it."""
    from gateway.config import japanese_day

    return (japanese_day(datetime.fromisoformat(midnight)) + timedelta(days)).isoformat()


_NO_END: Final = "9999"
