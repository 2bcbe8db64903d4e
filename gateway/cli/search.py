"""`gateway log search`: facts of the central log, by what stands in them; asked of the running gateway."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gateway.cli.days import named_days
from gateway.cli.message import a_message_id
from gateway.cli.show import As, AsJson, Log, Root, a_case, machine_line, read_input, rows, stopped, tell
from gateway.cli.trail import line
from gateway.errors import Misconfigured

Word = str | None


def _option(name: str, metavar: str, told: str, **more: Any) -> Any:
    return typer.Option(f"--{name}", metavar=metavar, help=told, **more)


def search(  # noqa: PLR0913  (each is one condition)
    tenant: Log,
    message: Annotated[Word, _option("message", "ID", "Of this message.", callback=a_message_id)] = None,
    fact: Annotated[
        list[int] | None, _option("fact", "N", "This fact, as a finding or a report names it; may come again.", min=1)
    ] = None,
    kind: Annotated[Word, _option("kind", "KIND", "Of this kind, such as message.recorded.")] = None,
    connector: Annotated[Word, _option("connector", "NAME", "From, to or about this connector.")] = None,
    operation: Annotated[Word, _option("operation", "NAME", "Of this operation, at either end.")] = None,
    route: Annotated[Word, _option("route", "ID", "By this route.")] = None,
    actor: Annotated[Word, _option("actor", "ID", "By or about this staff id.")] = None,
    terminal: Annotated[Word, _option("terminal", "ID", "At this terminal.")] = None,
    certificate: Annotated[Word, _option("certificate", "SHA256", "By this client certificate (hex).")] = None,
    code: Annotated[Word, _option("code", "CODE", "With this ending or code: accepted, dead, wrong_type.")] = None,
    item: Annotated[Word, _option("item", "PATH", "Of a message that holds this item.")] = None,
    basis: Annotated[Word, _option("basis", "ID", "Of a message that cites this legal basis.")] = None,
    person: Annotated[
        Path | None, _option("person", "FILE", "Of a person, by the tags of gateway keys tags; - is stdin.")
    ] = None,
    reason: Annotated[
        Literal["disclosure_request", "correction", "incident", "audit"] | None,
        _option("reason", "REASON", "With --person: disclosure_request, correction, incident or audit."),
    ] = None,
    case: Annotated[
        Word, _option("case", "ID", "With --person: under which case it is asked.", callback=a_case)
    ] = None,
    since: Annotated[datetime | None, _option("since", "DAY", "The first day, Japan's.", formats=["%Y-%m-%d"])] = None,
    until: Annotated[datetime | None, _option("until", "DAY", "The last day, Japan's.", formats=["%Y-%m-%d"])] = None,
    oldest: Annotated[bool, typer.Option("--oldest", help="Oldest first. [default: newest first]")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many.")] = 100,
    every: Annotated[bool, typer.Option("--all", help="All there are, however many.")] = False,
    after: Annotated[
        int | None, _option("after", "N", "Go on after this fact, as the page before said at its end.", min=1)
    ] = None,
    root: Root = Path(),
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Search the central log.

    Facts that meet all conditions, newest first; --json prints each whole on a line of its own, as it is found, and a
    last line: found, up_to and of (up to which fact of how many was looked), more and next (there are more: go on
    with --after), and unknown, the words that nobody knows, each with the known one that comes nearest: exit status 2.
    Without that line, and with exit status 2, it was broken off. What happened to a message later is
    found by its connectors, operations and route, too. A person is sought by tags, which are made where the
    connector's keys lie: gateway keys tags; found is what was recorded of that person there. What is not to be
    disclosed is found by number, message, kind and day alone, but of a person by officers and approvers. For
    operators, administrators and auditors; by person, fact, message, kind and day for officers and approvers, too.
    The searching itself becomes a fact, with the conditions, and of a person with reason, case and how many were
    found. The log of `system` (starts, reloads, copies, restores) is for configured operators.
    """
    from gateway.cli.operator import ask_lines

    if (person is None) != (reason is None) or (person is None) != (case is None):
        raise typer.BadParameter("--person, --reason and --case go together")
    words = {
        "message": message, "kind": kind, "connector": connector, "operation": operation, "route": route,
        "actor": actor, "terminal": terminal, "certificate": certificate, "code": code, "item": item, "basis": basis,
    }  # fmt: skip
    asked: dict[str, Any] = {name: word for name, word in words.items() if word}
    asked |= {"facts": sorted({*fact})} if fact else {}
    asked |= named_days(since, until) | {"oldest": oldest, "limit": None if every else limit}
    asked |= {"after": after} if after is not None else {}
    with stopped():
        if person is not None:
            asked["person"] = person_tags(person) | {"reason": reason, "case": case}
        shown = _Shown(as_json=as_json)
        ask_lines(root, f"/v1/{tenant}/search", shown.take, body=asked, as_=as_)
        shown.end()
        if shown.unknown:
            raise Misconfigured([_unknown(name, asked[name], near) for name, near in shown.unknown.items()])


def _unknown(name: str, word: str, near: str | None) -> str:
    step = f"did you mean {near}?" if near else "gateway interface show and config/ have the words that there are"
    known = "no kind of fact is called that" if name == "kind" else "neither a fact here nor the configuration has it"
    return f"--{name} {word}: {known}; {step}"


class _Shown:
    """What was found, as it comes: a line each for a program; for people tables of so many rows as a wide screen of
    facts has.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._found = 0
        self._rows: list[dict[str, Any]] = []
        self._last: dict[str, Any] | None = None

    def take(self, told: dict[str, Any]) -> None:
        """One fact, or the last line."""
        if "seq" not in told:
            self._last = told
            return
        self._found += 1
        if self._as_json:
            machine_line(told)
            return
        self._rows.append(_row(told))
        if len(self._rows) == _TABLE:
            rows(self._rows)
            self._rows = []

    @property
    def unknown(self) -> dict[str, str | None]:
        """By option: words that nobody knows, each with the nearest that is known."""
        unknown: dict[str, str | None] = (self._last or {}).get("unknown", {})
        return unknown

    def end(self) -> None:
        """Raises Misconfigured if the last line did not come, or counts other facts than these."""
        from gateway.cli.operator import BROKE_OFF

        if self._rows or (not self._found and not self._as_json and self._last is not None):
            rows(self._rows, empty="nothing was found")
        if self._last is None or self._last["found"] != self._found:
            raise Misconfigured((BROKE_OFF,))
        if self._as_json:
            machine_line(self._last)
            return
        if self._last["up_to"] < self._last["of"]:
            looked = f"{self._last['up_to']} of {self._last['of']}"
            tell(f"looked up to fact {looked}: the index is still being made; ask again")
        if self._last["more"]:
            tell(f"there are more than these {self._found}: go on with --after {self._last['next']}, or narrow it")


_TABLE = 1000
"""Rows of one table, which is as wide as its widest: memory holds no more."""


def _row(fact: dict[str, Any]) -> dict[str, Any]:
    told = line(fact)
    return {"seq": told["seq"], "at": told["at"], "message id": fact.get("message_id"), **told}


def person_tags(file: Path) -> dict[str, Any]:
    """What `gateway keys tags` has written. Raises Misconfigured."""
    import json

    said = read_input(file)
    if not said.strip():
        raise Misconfigured((f"{file}: is empty: gateway keys tags has failed, and said why on stderr",))
    try:
        made = json.loads(said)
        return {"connector": made["connector"], "tags": made["tags"]}
    except (ValueError, LookupError, TypeError):
        raise Misconfigured((f"{file}: is not what gateway keys tags has written",)) from None
