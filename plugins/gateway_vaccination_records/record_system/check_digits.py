"""Check digits of 個人番号 (総務省令第85号第5条), GTIN and 医療機関コード, and numbers that hide in a key (C022).

The rule: hyphens hide nothing. That twelve digits of a longer key are a valid number may be chance.
"""

import re
from collections.abc import Iterator
from operator import mul
from typing import Final

_WEIGHTS: Final = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_ZEROS: Final = ord("0") * sum(_WEIGHTS)  # digits are bytes here, which count from "0" on
_TWELVE: Final = re.compile("(?=([0-9]{12}))")


def individual_number(number: str) -> bool:
    """Whether the last of twelve ASCII digits is the check digit of the others."""
    rest = (sum(map(mul, number.encode(), _WEIGHTS)) - _ZEROS) % 11
    return int(number[11]) == (0 if rest <= 1 else 11 - rest)


def numbers_within(key: str) -> Iterator[tuple[str, bool]]:
    """Every valid number in a key, hyphens aside, and whether it is all of the key."""
    plain = key.replace("-", "")
    for found in _TWELVE.finditer(plain):
        if individual_number(number := found[1]):
            yield number, number == plain


def gtin(code: str) -> bool:
    """Whether the last of 8, 12, 13 or 14 ASCII digits is the check digit of the others (interfaces §10.5)."""
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(code))) % 10 == 0


def clinic_code(code: str) -> bool:
    """Whether the last of ten ASCII digits is the check digit (Luhn) of the others (interfaces §10.4).

    Substitute codes have none, so a wrong one is a warning.
    """
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(code)))
    return sum(each // 10 + each % 10 for each in doubled) % 10 == 0
