"""By which words a fact is found: those that stand in it, each under its dimension, and of the message it tells of."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_DIMENSION: Final = {
    "source": "connector",
    "destination": "connector",
    "connector": "connector",
    "source_operation": "operation",
    "operation": "operation",
    "route": "route",
    "actor": "actor",
    "responsible": "actor",
    "operator": "actor",
    "person": "actor",
    "by": "actor",
    "terminal": "terminal",
    "client_certificate": "certificate",
    "certificate": "certificate",
    "code": "code",
}
"""Where a word stands, and what it is sought as."""
_WAY: Final = ("source", "destination", "connector", "source_operation", "operation", "route")


def term(dimension: str, word: str) -> str:
    """A word under its dimension. One person's id is written one way (`same_person`)."""
    return f"{dimension}:{word.casefold() if dimension == 'actor' else word}"


def terms(fact: Mapping[str, Any]) -> set[str]:
    """Of all that stands in the fact: its kind, connectors, operations, route, people, terminal, certificates, endings
    and codes, items, legal bases. Raises LookupError, TypeError or AttributeError if it is no fact's body.
    """
    header, statement = fact.get("header") or {}, fact.get("statement") or {}
    found = {f"kind:{fact['kind']}"}
    for said in (fact, header, statement):
        for key in _DIMENSION.keys() & said.keys():
            found.add(term(_DIMENSION[key], said[key]))
    found.update(f"code:{word}" for word in _endings(fact, statement))
    found.update(f"item:{item}" for items in header.get("item_sets", ()) for item in items)
    found.update(f"basis:{each}" for each in header.get("legal_basis", ()))
    return found


def way(recorded: Mapping[str, Any]) -> set[str]:
    """What later facts of a message are found by, too: whose it is and which way it goes, as its first fact says. None
    if there is no such fact.
    """
    parts = (recorded.get("header") or {}, recorded.get("statement") or {})
    return {term(_DIMENSION[key], said[key]) for said in parts for key in _WAY if said.get(key) is not None}


def _endings(fact: Mapping[str, Any], statement: Mapping[str, Any]) -> Iterator[str]:
    for group in fact.get("outcomes", ()):
        yield group["ending"]
        if "code" in group:
            yield group["code"]
    if statement.get("kind") == "refusal":
        yield "refused"
        yield from {code for _, code, _ in statement["records"]} if statement.get("records") else ()
