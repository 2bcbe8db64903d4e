"""What a person did, as a row for people."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.cli.show import clock

LAPSED: Final = "hold.lapsed"
"""Nobody's own act: another's word finds an approval that counts no more; `by` is whose word."""
OPENED: Final = "finding.opened"
"""Its code is what was found."""
_SHOWN = 16
"""Digits of a certificate in a table, as in `gateway message trace`."""


def did(fact: Mapping[str, Any]) -> dict[str, Any]:
    """A fact of what a person did: when, who, what, with which message, at which terminal, by which certificate. Of an
    approval that lapsed these two are the approver's; whose word found it has a row of its own at that moment.
    """
    own = {} if fact["kind"] == LAPSED else fact
    return {
        "at": clock(fact["at"]),
        "who": fact.get("by") or fact.get("operator") or fact["person"],
        "what": _what(fact),
        "message id": fact.get("message_id"),
        "terminal": own.get("terminal"),
        "certificate": own.get("client_certificate", "")[:_SHOWN],
    }


def _what(fact: Mapping[str, Any]) -> str:
    """In the log's own words: an act by its name, all else by its kind; and why, if it was refused."""
    words = [fact.get("act") or fact["kind"]]
    if fact["kind"] == LAPSED:
        words += ["approval of", fact["person"]]
    elif fact.get("by") or fact.get("operator"):
        words += [fact[key] for key in ("person", "role") if key in fact]
    words += [f"until {fact['until']}"] if "until" in fact else []
    words += [fact["subject"], f"up to {fact['to']}"] if "subject" in fact else []
    words += [f"{fact['finding']}"] if "finding" in fact else []
    words += [fact["outcome"]] if "outcome" in fact else []
    if "code" in fact:
        words += [fact["code"]] if fact["kind"] == OPENED else [f"refused {fact['code']}"]
    words += [fact["reason"]] if "reason" in fact else []
    return " ".join(words) + (" (undisclosed)" if fact.get("undisclosed") else "")
