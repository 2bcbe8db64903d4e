"""What became of messages, as rows for people: who, what, which records and why; never a value."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from gateway.cli.history import LAPSED
from gateway.cli.show import clock

_HIDDEN: Final = "undisclosed"
"""Of what is not to be disclosed: that there is such a fact, and no more (番号法第23条第2項)."""


def line(fact: dict[str, Any]) -> dict[str, Any]:
    """A fact as one row: what it is, and what it adds."""
    if "undisclosed" in fact:
        return _row(fact, _HIDDEN)
    if fact["kind"] == LAPSED:
        told = f"approval of {fact['person']}; found by {fact['by']}"
        return _row(fact, told)
    header, statement = fact.get("header", {}), fact.get("statement", {})
    what = [f"{_way(header)} by {header['route']}"] if header else _named(statement or fact)
    what += [f"withheld by the route: {', '.join(header['withheld'])}"] if header.get("withheld") else []
    what += _claims(header.get("attestations", ()))
    what += [f"certificate {peer[:16]}"] if (peer := _peer(fact)) is not None else []
    what += [f"attempt {fact['attempt']}"] if "attempt" in fact else []
    what += [f"refused at its edge: {_records(group)}" for group in _stated(statement)]
    what += [" ".join(filter(None, (statement["act"], statement.get("code"))))] if statement.get("act") else []
    what += [" ".join(f"{key} {word}" for key, word in fact["asked"].items() if word)] if "asked" in fact else []
    what += [f"{group.get('ending', 'deferred')}: {_records(group)}" for group in fact.get("outcomes", [])]
    what += [
        f"{key} {fact[key]}"
        for key in ("stage", "code", "operator", "person", "act", "reason", "finding", "outcome", "case", "terminal")
        if key in fact
    ]
    return _row(fact, "; ".join(what))


def _row(fact: dict[str, Any], what: str) -> dict[str, Any]:
    return {"seq": fact["seq"], "at": clock(fact["at"]), "kind": fact["kind"], "what": what}


def folded(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines that follow each other and say the same as one, with how many they are and when the last was."""
    told = []
    for _, alike in groupby(lines, key=lambda each: (each["kind"], each["what"])):
        first, *more = alike
        again = f"{len(more) + 1} times, until {more[-1]['at']}" if more else ""
        told.append(first | {"what": "; ".join(filter(None, (first["what"], again)))})
    return told


def letter(message: dict[str, Any]) -> dict[str, Any]:
    """A message with dead records as one row."""
    hidden = "outcomes" not in message
    return {
        "message id": message["message_id"],
        "what": f"{_HIDDEN if hidden else _way(message)}, {clock(message['at' if hidden else 'created_at'])}",
        "dead": "" if hidden else "; ".join(_records(group) for group in message["outcomes"]),
    }


def refusal(found: dict[str, Any]) -> dict[str, Any]:
    """A fact that refuses a message, or records of one, as one row."""
    if "outcomes" not in found:
        what = f"{_HIDDEN}, {clock(found['at'])}"
        return {"message id": found.get("message_id"), "what": what, "refused": "", "by": ""}
    what = _way(found) if "destination" in found else " ".join((*_named(found), found.get("act", ""))).rstrip()
    return {
        "message id": found.get("message_id"),
        "what": f"{what}, {clock(found['at'])}",
        "refused": "; ".join([_records(group) for group in found["outcomes"]] or [f"all {found.get('code', '')}"]),
        "by": found["by"],
    }


def _way(message: dict[str, Any]) -> str:
    return f"{message['source']} → {message['destination']} {message['operation']}"


def _named(said: dict[str, Any]) -> list[str]:
    """Whose it is, and which operation if one is named: of what has no header."""
    words = [said[key] for key in ("connector", "source", "operation") if said.get(key)]
    return [" ".join(words)] if words else []


def _claims(attestations: Iterable[dict[str, Any]]) -> list[str]:
    """What was attested, with the version of the text consented to or the other body's code, by when it ends."""
    ends: dict[str, list[str]] = {}
    for each in attestations:
        said = (each["claim"], each.get("text"), each.get("party"))
        ends.setdefault(each.get("until", ""), []).append(" ".join(filter(None, said)))
    return [
        f"attested {', '.join(claims)}" + (f" until {clock(until)}" if until else "") for until, claims in ends.items()
    ]


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


def _records(group: dict[str, Any]) -> str:
    """Records that ended alike: their indices as ranges, and why."""
    why = (group[key] for key in ("code", "path") if key in group)
    return " ".join(("records", group["records"].replace(",", ", "), *why))
