"""`gateway log prove --deleted`: what is left of one message, asked of the running gateway."""

from pathlib import Path
from typing import Any

from gateway.cli.show import clock, machine, rows, tell


def nothing_left(
    root: Path, tenant: str, message_id: str, as_: Path | None, terminal: str | None, *, json: bool
) -> bool:
    """Print a row for each copy; whether nothing is left that should not be."""
    from gateway.cli.operator import ask_hub

    found = ask_hub(root, "GET", f"/v1/{tenant}/messages/{message_id}/deleted", as_=as_, terminal=terminal)
    if json:
        machine(found)
    else:
        rows([_row(each) for each in found["copies"]])
        count = sum(each["left"] for each in found["copies"])
        tell(f"{message_id}: {count} copies are left, or may be" if count else f"{message_id}: nothing is left of it")
    return not found["left"]


def _row(each: dict[str, Any]) -> dict[str, Any]:
    until = f" until {each['until']}" if each["until"] else ""
    fact = f"{each['log']} {each['seq']}, {clock(each['at'])}" if each["seq"] is not None else ""
    return {
        "what": each["what"],
        "where": each["where"],
        "state": each["state"] + until,
        "by fact": fact,
        "left": "yes" if each["left"] else "",
    }
