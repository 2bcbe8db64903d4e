"""`gateway log review` and `gateway log finding`: look the log over, sign that, and follow what it found to its end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gateway.cli.show import (
    AsJson,
    Root,
    Tenant,
    Terminal,
    a_case,
    clock,
    ending,
    machine,
    next_command,
    rows,
    stopped,
    tell,
)

app = typer.Typer(no_args_is_help=True, help="Follow what a review found to its end.")
Own = Annotated[
    Path, typer.Option("--as", metavar="FILE", help="Your personal certificate as officer, its .key beside it.")
]
Number = Annotated[int, typer.Argument(min=1, metavar="FINDING", help="Its number in gateway log finding list.")]
Case = Annotated[str, typer.Option("--case", metavar="ID", callback=a_case, help="Under which case it is looked into.")]
_SHOWN = 3
"""Facts of a finding in a table."""


def review(
    tenant: Tenant,
    as_: Own,
    sign: Annotated[
        int | None, typer.Option("--sign", min=1, metavar="SEQ", help="Sign that you looked at all up to this fact.")
    ] = None,
    root: Root = Path(),
    terminal: Terminal = None,
    as_json: AsJson = False,
) -> None:
    """Review the log since the last signed review.

    Shows how many facts there are of each kind, what was refused, what people did, which copies of the log were made or
    destroyed by the system's log, and what is unusual: bursts, work out of hours, many persons by one actor, what an
    actor never did in the 90 days before, repeated refusals; each with the facts behind it. --sign is for whoever was
    shown all up to there; it is a fact with your name, and whatever was unusual by then a finding, which somebody else
    than its actor closes (gateway log finding). For officers and
    approvers; administrators and auditors may look. The looking itself becomes a fact.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        if sign is not None:
            signed = ask_hub(root, "POST", f"/v1/{tenant}/review", body={"to": sign}, as_=as_, terminal=terminal)
            tell(f"signed up to fact {signed['to']}; findings opened: {signed['findings']}")
            return
        found = ask_hub(root, "GET", f"/v1/{tenant}/review", as_=as_, terminal=terminal)
        if as_json:
            machine(found)
            return
        _show(found)
        if found["since"] <= found["to"]:
            words = ("log", "review", tenant, "--sign", found["to"])
            tell(f"looked at? then: {next_command(*words, root=root, as_=as_, terminal=terminal)}")


def _show(found: Mapping[str, Any]) -> None:
    if found["to"] < found["since"]:
        tell(f"nothing since fact {found['to']}, up to which it was reviewed")
        return
    tell(f"facts {found['since']} to {found['to']}, from {clock(found['began'])}")
    for title, some in (
        ("facts", [{"kind": kind, "count": count} for kind, count in found["kinds"].items()]),
        ("refused", found["refused"]),
        ("what people did", found["acts"]),
        ("copies of this log", [_copy(each) for each in found["copies"]]),
        ("unusual", [_row(each) for each in found["unusual"]]),
    ):
        tell()
        tell(f"{title}:")
        rows(some)
    _tell_of_others(found["unusual"])
    if not found["compared"]:
        tell("what is new is not told: the log does not go back 90 days before these facts")
    tell()


def _copy(act: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that was made or declared destroyed, by a fact of the system's log."""
    return {
        "at": clock(act["at"]),
        "what": act["kind"],
        "copy": act["copy"],
        "form": act["form"],
        "by": act["operator"],
        "case": act["case"],
        "fact of system": act["fact"],
    }


def _row(found: Mapping[str, Any]) -> dict[str, Any]:
    """Something unusual, or a finding, as one row."""
    who = found.get("person") or found.get("connector")
    peer = f"certificate {found['certificate'][:16]}" if found.get("certificate") else None
    facts, count = found.get("facts", []), found.get("count", 0)
    more = ", ..." if count > _SHOWN else ""
    return {
        "code": found["code"],
        "who": " ".join(filter(None, (who, found.get("role"), peer))),
        "at most": found.get("most"),
        "new": ", ".join(found.get("new", ())),
        "facts": f"{count}: {', '.join(map(str, facts[:_SHOWN]))}{more}" if count else "",
    }


def _tell_of_others(found: Sequence[Mapping[str, Any]]) -> None:
    """That a table has the first facts alone."""
    if any(each.get("count", 0) > _SHOWN for each in found):
        tell(f"of more than {_SHOWN} facts the first are shown; --json has up to 100 of each")


@app.command(
    "list",
    epilog=ending("gateway log finding list 999997 --as staff-0012.crt"),
)
def list_findings(
    tenant: Tenant,
    as_: Own,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    root: Root = Path(),
    as_json: AsJson = False,
) -> None:
    """List what is still to be looked into, oldest first.

    A finding has the number of the fact that opened it; --json has all that stands in it. The looking becomes a fact.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        found = ask_hub(root, "GET", f"/v1/{tenant}/findings{'?all' if every else ''}", as_=as_)
        if as_json:
            machine(found)
        else:
            rows([_finding(each) for each in found], empty="no finding is open")
            _tell_of_others(found)


def _finding(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "finding": found["finding"],
        "opened": clock(found["at"]),
        "opened by": found["opened_by"],
        **_row(found),
        "standing": found["outcome"] or found["standing"],
        "by": found["closed_by"] or found["by"],
        "case": found["case"],
    }


@app.command(epilog=ending("gateway log finding flag 999997 5120 5121 --as staff-0012.crt", wrong="it was refused"))
def flag(
    tenant: Tenant,
    facts: Annotated[list[int], typer.Argument(min=1, metavar="SEQ...", help="The facts, as a search shows them.")],
    as_: Own,
    root: Root = Path(),
    terminal: Terminal = None,
) -> None:
    """Open a finding by hand: these facts are to be looked into.

    It is a fact with your name.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        body = {"facts": facts}
        opened = ask_hub(root, "POST", f"/v1/{tenant}/findings", body=body, as_=as_, terminal=terminal)
        tell(f"finding {opened['finding']} is open")


@app.command(
    epilog=ending("gateway log finding take 999997 5130 --case R8-0012 --as staff-0012.crt", wrong="it was refused")
)
def take(tenant: Tenant, finding: Number, as_: Own, case: Case, root: Root = Path(), terminal: Terminal = None) -> None:
    """Work on a finding: from now on it stands under your name.

    Not one that may be about acts of your own (C144). It is a fact.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        path = f"/v1/{tenant}/findings/{finding}/take"
        taken = ask_hub(root, "POST", path, body={"case": case}, as_=as_, terminal=terminal)
        tell(f"finding {finding}: {taken['by']} works on it, {case}")


@app.command(epilog=ending("gateway log finding close 999997 5130 proper --as staff-0012.crt", wrong="it was refused"))
def close(
    tenant: Tenant,
    finding: Number,
    outcome: Annotated[
        Literal["proper", "mistake", "fault", "corrected", "misuse"],
        typer.Argument(metavar="OUTCOME", help="proper, mistake, fault, corrected or misuse."),
    ],
    as_: Own,
    root: Root = Path(),
    terminal: Terminal = None,
) -> None:
    """Close a finding: what became of it.

    proper: the act was right; mistake: a slip of a person; fault: of a system or its settings; corrected: a right or
    the table was wrong and is right now; misuse. What was done about it stands under the case under which it was taken,
    not here. Nobody closes what was not taken, nor what may be about acts of his own (C144). It is a fact.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        body, path = {"outcome": outcome}, f"/v1/{tenant}/findings/{finding}/close"
        ask_hub(root, "POST", path, body=body, as_=as_, terminal=terminal)
        tell(f"finding {finding}: {outcome}")
