"""`gateway keys stop-use`, `resume-use` and `stopped`: of whom nothing passes at one connector (利用停止, C252)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.show import As, AsJson, Root, Tenant, Terminal, a_case, clock, machine, read_input, rows, stopped, tell
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.wiring.use_stopping import UseStopping

Connector = Annotated[str, typer.Argument(metavar="CONNECTOR", help="The connector's name, as in config/tenants/.")]
File = Annotated[
    Path, typer.Argument(metavar="FILE", help='One JSON object, such as {"internal_no": "..."}; - is stdin.')
]


Case = Annotated[str, typer.Option("--case", callback=a_case, metavar="ID", help="The request's number in your files.")]


def stop_use(  # noqa: PLR0913  (an act is this much)
    tenant: Tenant,
    connector: Connector,
    file: File,
    case: Case,
    root: Root = Path(),
    as_: As = None,
    terminal: Terminal = None,
) -> None:
    """Stop the use of a person's data at a connector.

    From then on its edge refuses every record about this person (use_stopped), in both directions; others of the same
    message go on. Run it where the connector's private keys lie, at the running gateway or edge process; the file has
    the fields by which records there name a person, and is read, never copied. The list beside the keys names nobody:
    it has keyed digests. For operators and officers. That you do it is a fact with your name and the case, before the
    list changes; of whom, the log cannot know.
    """
    from datetime import UTC, datetime

    with stopped(), _list(root, tenant, connector) as listed:
        whom = listed.person(read_input(file))
        if listed.stop(whom, case, datetime.now(UTC), lambda: _record(root, tenant, connector, case, as_, terminal)):
            tell(f"{connector}: stopped under {case}; the running edge refuses what is about this person from now on")
        else:
            tell(f"{connector}: was stopped under {case} already; nothing has changed")
        for field, operations in whom.unnamed.items():
            tell(f"Not by {field}, which the file does not name. These go on: {', '.join(operations)}", err=True)


def resume_use(  # noqa: PLR0913  (an act is this much)
    tenant: Tenant,
    connector: Connector,
    file: File,
    case: Case,
    root: Root = Path(),
    as_: As = None,
    terminal: Terminal = None,
) -> None:
    """Let the use of a person's data at a connector go on.

    The same file and the same case as when it was stopped; under another case it stays stopped. What was refused
    meanwhile does not come by itself: its source sends it anew. It is a fact with your name, before the list changes.
    Exit status 1: nothing was stopped so, and nothing has changed.
    """
    with stopped(), _list(root, tenant, connector) as listed:
        whom = listed.person(read_input(file))
        act, changed = f"{case}/resume", True
        if listed.resume(whom, case, lambda: _record(root, tenant, connector, act, as_, terminal)):
            tell(f"{connector}: resumed under {case}")
        else:
            tell(f"{connector}: was not stopped under {case} by what the file names; nothing has changed", err=True)
            changed = False
        left = listed.former.resume(whom.digests, case)
        if others := sorted({each.case for each in left.lines if each.digest in whom.digests}):
            tell(f"Under another case it stays stopped: {', '.join(others)}.", err=True)
        if left.under(case):
            tell(f"Under {case} stay other entries, by fields that the file does not name, or of others.", err=True)
        if not changed:
            raise typer.Exit(1)


def list_stopped(tenant: Tenant, connector: Connector, root: Root = Path(), as_json: AsJson = False) -> None:
    """List under which cases the use is stopped at a connector.

    Since when, and how many entries: one for each field by which a person was named. Whose they are is not to be had
    from it. Run it where the connector's private keys lie.
    """
    from gateway.wiring.use_stopping import read_list

    with stopped():
        found: dict[str, dict[str, Any]] = {}
        for each in read_list(_config(root, tenant, connector), tenant, connector).lines:
            row = found.setdefault(each.case, {"case": each.case, "since": each.since, "entries": 0})
            row["entries"] += 1
        if as_json:
            machine([*found.values()])
        else:
            told = [{**each, "since": clock(each["since"])} for each in found.values()]
            rows(told, empty="nobody's use is stopped at this connector")


def _config(root: Path, tenant: str, connector: str) -> "Config":
    from gateway.cli.process import at_the_edge
    from gateway.config import load
    from gateway.keys.layout import TenantKeys

    at_the_edge(TenantKeys(root, tenant), connector)
    config = load(root.resolve())
    if tenant not in config.tenants:
        raise Misconfigured((f"{tenant}: is not configured here",))
    return config


@contextmanager
def _list(root: Path, tenant: str, connector: str) -> "Iterator[UseStopping]":
    from gateway.wiring.use_stopping import use_stopping

    with use_stopping(_config(root, tenant, connector), tenant, connector) as listed:
        yield listed


def _record(root: Path, tenant: str, connector: str, act: str, as_: Path | None, terminal: str | None) -> None:
    from gateway.cli.operator import ask

    ask(root, "POST", f"/v1/{tenant}/{connector}/use-stops/{act}", as_=as_, terminal=terminal)
