"""Check digits, calendars and the search for individual numbers: pure functions from a text to yes or no."""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_LAST_TWO = "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
_CONTROL = re.compile(f"[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ufeff\\ufdd0-\\ufdef\\ufff9-\\uffff{_LAST_TWO}]")
_DIGIT = re.compile(r"\d")
_COULD_BE_DIGITS = re.compile(
    r"[\d\u00b2\u00b3\u00b9\u00bc-\u00be\u2070\u2074-\u2079\u2080-\u2089\u2150-\u215f\u2189\u2460-\u249b\u24ea"
    r"\u3251-\u325f\u32b1-\u32cb\u3358-\u3370\u3378\u3379\u339f-\u33a6\u33a8\u33af\u33e0-\u33fe"
    r"\U0001f100-\U0001f10a]"
)
"""Every character of which NFKC makes a digit: most texts have none, and are spared the rest."""
_NOT_DIGITS = re.compile(r"[^0-9 ]+")
_ALL_DIGITS = re.compile(r"\d+", re.ASCII)


def individual_number(text: str) -> bool:
    """個人番号: 12 digits, the last one a check digit (番号法施行令第8条, 総務省令第85号第5条)."""
    if len(text) != 12 or not _ALL_DIGITS.fullmatch(text):
        return False
    weighed = sum(int(digit) * weight for digit, weight in zip(text, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=False))
    rest = weighed % 11
    return int(text[11]) == (0 if rest <= 1 else 11 - rest)


def municipality_code(text: str) -> bool:
    """全国地方公共団体コード: 6 digits, the last one a check digit."""
    if len(text) != 6 or not _ALL_DIGITS.fullmatch(text):
        return False
    weighed = sum(int(digit) * weight for digit, weight in zip(text, (6, 5, 4, 3, 2), strict=False))
    return int(text[5]) == (11 - weighed % 11) % 10


def calendar_date(text: str) -> bool:
    """A date that exists, written YYYY-MM-DD."""
    try:
        return _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def instant(text: str) -> bool:
    """A date and time that exist, with seconds and an offset (RFC 3339)."""
    try:
        return _TIME.fullmatch(text) is not None and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def has_control_character(text: str) -> bool:
    """C0, C1, line and paragraph separators, byte order marks and non-characters."""
    return _CONTROL.search(text) is not None


def holds_individual_number(text: str) -> bool:
    """True if a free text hides a 個人番号 (C022, C191; requirements §7 no. 31).

    NFKC makes full-width digits plain; whatever is neither a letter nor a digit separates groups of digits; then each
    run of neighbouring groups that has exactly twelve digits is tried for a valid check digit, so that neither a
    separator inside the number nor digits beside it hide it.
    """
    if len(_COULD_BE_DIGITS.findall(text)) * 3 < 12:  # NFKC makes at most three digits of one character
        return False
    plain = unicodedata.normalize("NFKC", text)
    if len(_DIGIT.findall(plain)) < 12:
        return False
    digits = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c if c.isalnum() else " " for c in plain)
    return any(_runs_of_twelve(neighbours.split()) for neighbours in _NOT_DIGITS.split(digits))


def _runs_of_twelve(groups: list[str]) -> bool:
    for first in range(len(groups)):
        run = ""
        for group in groups[first:]:
            run += group
            if len(run) >= 12:
                break
        if individual_number(run):
            return True
    return False


CHECKS: Final[MappingProxyType[str, tuple[Callable[[str], bool], str]]] = MappingProxyType(
    {
        "individual_number": (individual_number, "check_digit"),
        "municipality_code": (municipality_code, "check_digit"),
        "date": (calendar_date, "not_a_date"),
        "instant": (instant, "not_a_time"),
    }
)
"""Named checks that a lock file may ask for, each with the code of its refusal."""
