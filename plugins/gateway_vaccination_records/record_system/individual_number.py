"""個人番号 (総務省令第85号第5条): whether twelve digits are one, and those that hide in a PMH key (C022).

The rule: hyphens hide nothing. That twelve digits of a longer key are a valid number may be chance.
"""

import re
from collections.abc import Iterator
from operator import mul
from typing import Final

_WEIGHTS: Final = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_ZEROS: Final = ord("0") * sum(_WEIGHTS)  # digits are bytes here, which count from "0" on
_TWELVE: Final = re.compile("(?=([0-9]{12}))")


def valid(number: str) -> bool:
    """Whether the last of twelve ASCII digits is the check digit of the others."""
    rest = (sum(map(mul, number.encode(), _WEIGHTS)) - _ZEROS) % 11
    return int(number[11]) == (0 if rest <= 1 else 11 - rest)


def numbers_within(key: str) -> Iterator[tuple[str, bool]]:
    """Every valid number in a key, hyphens aside, and whether it is all of the key."""
    plain = key.replace("-", "")
    for found in _TWELVE.finditer(plain):
        if valid(number := found[1]):
            yield number, number == plain
