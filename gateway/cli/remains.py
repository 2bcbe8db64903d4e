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
        there = sum(each["left"] and each["state"] != "may be there" for each in found["copies"])
        may_be = sum(each["left"] and each["state"] == "may be there" for each in found["copies"])
        timely = sum(not each["left"] and each["state"] not in ("gone", "not there") for each in found["copies"])
        if there or may_be:
            tell(f"{message_id}: {there} copies are left that should not be, and {may_be} may be")
        else:
            tell(f"{message_id}: nothing is left of it that should not be")
        if timely:
            tell(f"{timely} others are there, or may be, as long as they may: until the day beside them")
        tell("gone: by that fact; not there: never was; kept: within its time; there: still; may be there: in a copy")
        tell("that the gateway does not reach, until somebody declares it destroyed (gateway copies destroyed)")
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
