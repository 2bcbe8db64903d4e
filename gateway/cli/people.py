"""`gateway people`: who may act in a tenant, as what, and who did what; asked of the running gateway."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlencode

import typer

from gateway.cli import user_table
from gateway.cli.days import named_days
from gateway.cli.show import As, AsJson, Root, Tenant, Terminal, ending, machine, rows, stopped, tell
from gateway.errors import Misconfigured

app = typer.Typer(no_args_is_help=True, help="List, grant and revoke what people may do; see what they did.")
_SHOWN = 16
"""Digits of a certificate in a table, as in `gateway message trace`."""


def _staff_id(text: str | None) -> str | None:
    from gateway.messages import staff_id

    if text is not None and not staff_id(text):
        raise typer.BadParameter("a staff id is 1 to 32 letters, digits and ._- with fewer than 12 digits together")
    return text


PersonId = Annotated[str, typer.Argument(callback=_staff_id, metavar="PERSON", help="The staff id.")]
Granted = Annotated[Literal["operator", "officer", "approver", "auditor"], typer.Argument(metavar="ROLE")]
Own = Annotated[
    Path, typer.Option("--as", metavar="FILE", help="The administrator's personal certificate, its .key beside it.")
]


@app.command(
    "list", epilog=ending("gateway people list 999997", "gateway people list 999997 --json --as staff-0100.crt")
)
def list_people(tenant: Tenant, root: Root = Path(), as_: As = None, as_json: AsJson = False) -> None:
    """List who may act in a tenant, and as what.

    Standing: configured (in config/), valid, ends_soon (within 30 days), ended or revoked (shown for 30 days, with
    that day), not_counted (the configuration has the person as operator or administrator, who confirm nothing). For
    operators, administrators and auditors. --json has certificates whole: compare it with your own table of rights
    (C047). The looking itself becomes a fact.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        found = ask_hub(root, "GET", f"/v1/{tenant}/people", as_=as_)
        if as_json:
            machine(found)
        else:
            rows([{**each, "certificate": each["certificate"][:_SHOWN]} for each in found], empty="nobody")


app.command(
    epilog=ending(
        "gateway people review 999997 rights.csv --as staff-0100.crt",
        "gateway people review 999997 rights.csv --as staff-0100.crt --sign",
        wrong="something differs, or it was refused",
    )
)(user_table.review)


@app.command(
    epilog=ending(
        "gateway people history 999997 --since 2026-11-01 --until 2026-11-30",
        "gateway people history 999997 --person staff-0012 --as staff-0100.crt",
    )
)
def history(  # noqa: PLR0913  (a question is this much)
    tenant: Tenant,
    person: Annotated[
        str | None,
        typer.Option("--person", callback=_staff_id, metavar="ID", help="Only what is by or about this person."),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], metavar="DAY", help="The first day, Japan's.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], metavar="DAY", help="The last day, Japan's.")
    ] = None,
    root: Root = Path(),
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Show who did what, when and at which terminal, oldest first.

    Who looked at something, approved, released or refused what was held, granted, revoked, replayed, and who was
    refused what: from the facts of the log, as far back as they are kept (C045, C091). Days are Japan's, times UTC.
    Of what is not to be disclosed the reasons are told to officers and approvers only. For operators, administrators
    and auditors; --json has certificates whole. The looking itself becomes a fact.
    """
    from gateway.cli.history import did
    from gateway.cli.operator import ask_hub

    asked = named_days(since, until) | ({"person": person} if person else {})
    with stopped():
        found = ask_hub(root, "GET", f"/v1/{tenant}/people/history?{urlencode(asked)}", as_=as_)
        if as_json:
            machine(found)
        else:
            rows([did(fact) for fact in found], empty="nobody did anything (days are Japan's)")


@app.command(
    epilog=ending(
        "gateway people grant 999997 staff-0012 approver --certificate staff-0012.crt --until 2027-03-31 \\",
        "    --as staff-0100.crt",
        wrong="it was refused; the code says why",
    )
)
def grant(  # noqa: PLR0913  (a right is this much)
    tenant: Tenant,
    person: PersonId,
    role: Granted,
    certificate: Annotated[Path, typer.Option("--certificate", metavar="FILE", help="The person's own certificate.")],
    until: Annotated[
        datetime,
        typer.Option(
            "--until", formats=["%Y-%m-%d"], metavar="DAY", help="The last day, in Japan: at most 366 days ahead."
        ),
    ],
    as_: Own,
    root: Root = Path(),
    terminal: Terminal = None,
) -> None:
    """Grant a person a role until a day.

    Roles: operator (messages: trace, refusals, dead letters, replay), officer (looks at what is held, approves first,
    refuses), approver (releases, as the second), auditor (only reads: searches, reports, reviews, people); each
    searches the log, officers and approvers by person, message, kind and day only. A certificate is one person's; a
    new one replaces the former in all rights of that person. Who is configured as operator or administrator can be
    neither officer, approver nor auditor, an auditor nothing else, and nobody grants himself anything. Grant again
    before the last day, for another year. It is a fact with your name.
    """
    from gateway.cli.operator import ask_hub
    from gateway.keys.certificates import digest_of_file
    from gateway.link.tls import readable

    with stopped():
        with readable("--certificate"):
            digest = digest_of_file(certificate)
        last = until.date().isoformat()
        body = {"person": person, "role": role, "certificate": digest, "until": last}
        ask_hub(root, "POST", f"/v1/{tenant}/people", body=body, as_=as_, terminal=terminal)
        tell(f"{person}: {role} until {last}, by certificate {digest[:_SHOWN]}")


@app.command(
    epilog=ending(
        "gateway people revoke 999997 staff-0012 approver --as staff-0100.crt",
        wrong="it was refused; the code says why",
    )
)
def revoke(
    tenant: Tenant, person: PersonId, role: Granted, as_: Own, root: Root = Path(), terminal: Terminal = None
) -> None:
    """End a person's role at once.

    What the person has released or refused stays so; the person's approval of what is still held counts no more. It is
    a fact with your name.
    """
    from gateway.cli.operator import ask_hub

    with stopped():
        path = f"/v1/{tenant}/people/{person}/revoke"
        ask_hub(root, "POST", path, body={"role": role}, as_=as_, terminal=terminal)
        tell(f"{person}: {role} has ended")


@app.command(epilog=ending("gateway people certificate staff-0012"))
def certificate(person: PersonId, root: Root = Path()) -> None:
    """Make a personal certificate for a trial.

    Signed by the trial authority of gateway init, and only where its key lies (keys/tls/ca.key). In production a
    person's certificate comes from your own authority, best on a card, and its key is never anywhere else.
    """
    from datetime import UTC

    from gateway.cli.init import TLS
    from gateway.cli.key_files import passphrase_reference
    from gateway.keys.certificates import Authority

    with stopped():
        folder = root / TLS
        if not (folder / "ca.key").exists():
            told = "the trial authority's key is not here; take the certificate from your own authority"
            raise Misconfigured((f"{folder / 'ca.key'}: {told}",))
        authority = Authority.read(folder, "ca", passphrase_reference(root))
        made, _ = authority.client(person, datetime.now(UTC)).write(folder, person)
        tell(f"{made}: and its key beside it, for {person} alone")
