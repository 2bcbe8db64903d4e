"""Attested → Parsed: bytes become one array of plain JSON objects, or the whole is refused.

The parser refuses duplicate keys, NaN, lone surrogates, invalid UTF-8 and over-long numbers. A row that the connector
could not read, or an element that is no object, is refused alone and keeps its place.
"""

import re

import jiter
from pydantic import JsonValue

from gateway.config import Limits
from gateway.errors import Refused
from gateway.messages import Attested, BadRecord, Parsed

_DEPTH = 8
_PARTS = (dict, list)
_VISIBLE = re.compile(rb"[!-~]{1,128}")


def parse(attested: Attested, limits: Limits, most: int | None = None) -> Parsed:
    """`most` is how many records its operation allows, if fewer than the limits do.

    Raises Refused: bad_request_key, body_too_large, not_json, not_an_array, no_records, too_many_records.
    """
    body, key = attested.arrival.body, attested.arrival.request_key
    if attested.arrival.entrance == "http" and key is not None and not _VISIBLE.fullmatch(key):
        raise Refused("bad_request_key")
    elements = _array(body, limits) if isinstance(body, bytes) else body
    if not elements:
        raise Refused("no_records")
    if len(elements) > min(limits.records_per_message, most or limits.records_per_message):
        raise Refused("too_many_records")
    return Parsed(attested, tuple(_record(index, element) for index, element in enumerate(elements)))


def _array(body: bytes, limits: Limits) -> "tuple[JsonValue | BadRecord, ...]":
    if len(body) > limits.body_bytes:
        raise Refused("body_too_large")
    try:
        # "keys": jiter would keep values in a cache of the process, long after their message has gone.
        plain = jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
    except ValueError:  # its text quotes the body: it must not travel on
        raise Refused("not_json") from None
    if not isinstance(plain, list):
        raise Refused("not_an_array")
    return tuple(plain)


def _record(index: int, element: "JsonValue | BadRecord") -> "dict[str, JsonValue] | BadRecord":
    if isinstance(element, BadRecord):
        return element
    if not isinstance(element, dict):
        return BadRecord(index, "not_an_object")
    return BadRecord(index, "too_deep") if _deeper_than(_DEPTH, element) else element


def _deeper_than(left: int, value: "dict[str, JsonValue] | list[JsonValue]") -> bool:
    parts = [each for each in (value.values() if isinstance(value, dict) else value) if isinstance(each, _PARTS)]
    return any(left == 0 or _deeper_than(left - 1, each) for each in parts)
