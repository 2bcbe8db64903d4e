"""In which forms a value comes out: escaped, as an object, in part, hashed, encoded.

The rule: a part counts only where it stands alone. Honest telemetry is full of digits and hex, and in the middle of
them each part of a number would be found by chance one day.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import partial
from typing import Final
from urllib.parse import quote, quote_plus

CALENDAR: Final = ("date", "instant")
PART: Final = 8
"""Digits of a longer number by which it is as good as known."""
_FEW: Final = 2
"""Different digits of a round number, which says nothing."""
HASHED: Final = 12
"""Hex characters of a digest that is cut off."""
_BETWEEN: Final = re.compile(r"(?<=[0-9])[ -](?=[0-9])")
_RUNS: Final = tuple(
    re.compile(rf"(?<![0-9a-f.])[0-9](?:{between}[0-9]){{7,}}(?!-?[0-9a-f])") for between in ("", "[ -]?")
)
"""Neither in a UUID, a digest, nor behind a decimal point; also in groups."""
_ADDRESS: Final = re.compile(r"0x[0-9a-f]{6,}")
"""In memory, as the repr of an object has it."""
_HEX: Final = re.compile(r"[0-9a-f]{12,}", re.IGNORECASE)
_BASE64: Final = re.compile(r"[0-9A-Za-z+/_-]{16,}")
_TO_STANDARD: Final = str.maketrans("-_", "+/")
_DIGESTS: Final = tuple(partial(hashlib.new, name, usedforsecurity=False) for name in ("md5", "sha1", "sha256"))


def forms(value: str, check: str | None) -> Iterator[str]:
    """As it is, as JSON and Python escape it, as an address has it; a date also without dashes, and as an object."""
    yield value
    yield json.dumps(value)[1:-1]
    yield from (repr(value)[1:-1], ascii(value)[1:-1], repr(value.encode("utf-8", "surrogatepass"))[2:-1])
    yield from (each(value, safe="", errors="replace") for each in (quote, quote_plus))
    if check == "date":
        yield value.replace("-", "")
        yield repr(date.fromisoformat(value))
    if check == "instant":
        at = datetime.fromisoformat(value)
        plain = repr(at.replace(tzinfo=None))
        yield from (str(at), plain, f"{plain[:-1]}, tzinfo=")


def without_addresses(text: str) -> str:
    """They are random: among some hundred of them the eight digits of a date come by chance one day."""
    return _ADDRESS.sub("0x", text)


def number(value: str) -> str:
    """The digits of one of nine or more, of which a part is told from chance; empty if it is none."""
    digits = _BETWEEN.sub("", value)
    return _telling(digits) if len(digits) > PART and re.fullmatch("[0-9]+", digits) else ""


def numbers(text: str) -> Iterator[str]:
    """What may be a number or a part of one, as `number` has it; a mask and blanks are none of it."""
    for runs in _RUNS:
        for run in runs.findall(text):
            if digits := _telling(_BETWEEN.sub("", run)):
                yield digits


def _telling(digits: str) -> str:
    """Without zeros before them; empty if then they are few, or nearly all the same."""
    known = digits.lstrip("0")
    return known if len(known) >= PART and len(set(known)) > _FEW else ""


def digests(value: str) -> Iterator[str]:
    """Without a key, in hex. There are so few numbers of twelve digits that each is found back from its digest."""
    yield from (each(value.encode("utf-8", "surrogatepass")).hexdigest() for each in _DIGESTS)


def hashed(text: str) -> Iterator[str]:
    """What stands there that may be a digest, whole or its beginning."""
    yield from (each.lower() for each in _HEX.findall(text))


def encoded(text: str) -> Iterator[str]:
    """What stands there that may be Base64, of either alphabet."""
    yield from _BASE64.findall(text)


def decoded(token: str) -> Iterator[str]:
    """What Base64 says, wherever in the token it begins: what stands before it may be of its alphabet."""
    standard = token.translate(_TO_STANDARD)
    for start in range(4):
        whole = standard[start:]
        whole = whole[: len(whole) - (len(whole) % 4 == 1)]
        yield base64.b64decode(whole + "=" * (-len(whole) % 4)).decode(errors="replace")
