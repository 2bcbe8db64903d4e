"""One fact by itself: its bytes give its commitment, and it names the place in which it stands."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from gateway.evidence.altered import Altered
from gateway.evidence.folder import Content


def read_fact(seq: int, commitment: bytes, content: Content | None) -> Mapping[str, Any] | None:
    """What stands in the place of fact `seq`, if its content is there. Raises Altered."""
    if content is None:
        return None
    if hashlib.sha256(content.salt + content.body).digest() != commitment:
        raise Altered(f"fact {seq} is altered: its salt and body do not give its commitment", seq)
    try:
        fact: Mapping[str, Any] = json.loads(content.body)
        named = seq_of(fact)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Altered(f"fact {seq} is not a fact", seq) from None
    if named != seq:
        raise Altered(f"fact {seq} is out of order: in its place lies fact {named}", seq)
    return fact


def seq_of(fact: Any) -> int:
    """The number that it names. Raises KeyError or TypeError if that is none: what nobody signed is shown to nobody."""
    seq = fact["seq"]
    if type(seq) is not int:
        raise TypeError
    return seq
