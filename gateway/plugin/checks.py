"""Check digits, calendars and the search for individual numbers: pure functions from a text to yes or no."""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:[0-5]\d)", re.ASCII)
"""Python itself reads +09:99 as an offset, too."""
_LAST_TWO = "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
_CONTROL_CLASS = rf"\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufdd0-\ufdef\ufff9-\uffff{_LAST_TWO}\U000e0000-\U000e007f"
_CONTROL = re.compile(f"[{_CONTROL_CLASS}]")
_BLANK = re.compile(r"[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")
"""Joiners, fillers and blanks that Unicode counts among marks, letters and symbols."""
_KANJI = "〇一二三四五六七八九"
_FORMAL = dict(
    zip("零壱壹弌弐弍貳貮参參弎肆伍陸漆柒捌玖〡〢〣〤〥〦〧〨〩", "011122223334567789123456789", strict=True)
)
"""大字, as deeds and cheques have them, and the numerals of merchants (U+3021–3029)."""
_ROMAN = {start + digit: str(digit) for start in (0x215F, 0x216F) for digit in range(1, 10)}
"""Ⅰ to Ⅸ and ⅰ to ⅸ, of which NFKC would make letters."""
_CIRCLES = dict.fromkeys(map(ord, "○◯"), "0")
_STANDING_ALONE = f"{''.join(_FORMAL)}\uf96b\uf9b2\uf9d3\u2160-\u2168\u2170-\u2178○◯\uffee"
"""What is one digit in some texts and none in others: it never hides the digits that it stands beside."""
_OTHER_NUMERALS = (
    r"\u00b2\u00b3\u00b9\u00bc-\u00be\u1369-\u1371\u19da\u2070\u2074-\u2079\u2080-\u2089\u2150-\u215f\u2189"
    r"\u2460-\u249b\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792"
    r"\u2f00\u2f06\u2f0b\u3192-\u3195\u3220-\u3228\u3251-\u325f\u3280-\u3288\u32b1-\u32cb"
    r"\u3358-\u3370\u3378\u3379\u339f-\u33a6\u33a8\u33af\u33e0-\u33fe\uf9d1"
    r"\U00010a40-\U00010a43\U00010e60-\U00010e68\U00011052-\U0001105a"
    r"\U0001f100-\U0001f10a\U0001f214\U0001f229\U0001f22a\U0001f241\U0001f242"
)
"""Every other character that is a digit (unicodedata.digit), or of which NFKC makes one or a kanji one."""
_COULD_BE_DIGITS = rf"\d{_KANJI}{_STANDING_ALONE}{_OTHER_NUMERALS}"
_ONE_WRITING = re.compile(rf"\d+|[{_KANJI}]+|[{_STANDING_ALONE}]|[{_OTHER_NUMERALS}]+")
_READ_AS = {kanji: str(digit) for digit, kanji in enumerate(_KANJI)} | _FORMAL | dict.fromkeys("のノ\u115f\u1160", " ")
"""Letters that are digits, and those that separate digits: の as addresses have it, and invisible fillers."""
_BLANKED_OUT = "0" * 12
"""What ○○○○-○○○○-○○○○ would be: whoever writes it leaves a number out."""
_DIGIT = re.compile(r"[0-9]")
_NOT_DIGITS = re.compile(r"[^0-9 ]+")
_ZERO = ord("0")
"""Check digits are worked out on bytes, which count from here on; and written out, for each is checked many times."""

# Forms that the validator reads without Python (Rust's regular expressions); all that is left over is looked at here.
NO_CONTROL: Final = rf"^[^{_CONTROL_CLASS}]*\z"
"""No C0, no C1, no line or paragraph separator, no byte order mark, no non-character, no invisible tag."""
FEW_DIGITS: Final = rf"^[^{_COULD_BE_DIGITS}]*(?:[0-9０-９{_KANJI}{_STANDING_ALONE}][^{_COULD_BE_DIGITS}]*){{0,11}}\z"
"""Too few digits for an individual number, and nothing else that could be read as one."""
_PLAIN_DATE = r"^[1-9][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
_HOUR = r"(?:[01][0-9]|2[0-3])"
_PLAIN_TIME = rf"{_HOUR}:[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}})?(?:Z|[+-]{_HOUR}:[0-5][0-9])"


def individual_number(text: str) -> bool:
    """個人番号: 12 digits, the last one a check digit (番号法施行令第8条, 総務省令第85号第5条)."""
    if len(text) != 12 or not (text.isascii() and text.isdecimal()):
        return False
    a, b, c, d, e, f, g, h, i, j, k, check = text.encode()
    rest = (6 * a + 5 * b + 4 * c + 3 * d + 2 * e + 7 * f + 6 * g + 5 * h + 4 * i + 3 * j + 2 * k - 47 * _ZERO) % 11
    return check - _ZERO == (0 if rest <= 1 else 11 - rest)


def no_individual_number(text: str) -> bool:
    """An identifier that somebody outside chose is no 個人番号, hyphens aside (C022)."""
    return not individual_number(text.replace("-", ""))


def municipality_code(text: str) -> bool:
    """全国地方公共団体コード: 6 digits, the last one a check digit."""
    if len(text) != 6 or not (text.isascii() and text.isdecimal()):
        return False
    a, b, c, d, e, check = text.encode()
    return check - _ZERO == (11 - (6 * a + 5 * b + 4 * c + 3 * d + 2 * e - 20 * _ZERO) % 11) % 10


def prefecture_code(text: str) -> bool:
    """A prefecture's: the third to fifth digit are 0 (interfaces §10.2)."""
    return municipality_code(text) and text[2:5] == "000"


def gtin(text: str) -> bool:
    """GTIN-8, -12, -13 or -14: the last digit is a check digit (GS1)."""
    if len(text) not in (8, 12, 13, 14) or not (text.isascii() and text.isdecimal()):
        return False
    digits = [int(digit) for digit in reversed(text)]
    return (3 * sum(digits[1::2]) + sum(digits[::2])) % 10 == 0


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
    """C0, C1, line and paragraph separators, byte order marks, non-characters and tags (U+E0000–E007F, never seen)."""
    return _CONTROL.search(text) is not None


def has_unseen_character(text: str) -> bool:
    """That, or what turns the direction of writing, has no width or no meaning but a private one: no reader sees it.

    A kanji that Python does not know yet, and a selector of a kanji's variant, are no such characters.
    """
    unprintable = not text.isprintable() and (has_control_character(text) or any(map(_unseen, text)))
    return unprintable or _BLANK.search(text) is not None


def _unseen(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind in ("Cf", "Co") or (kind == "Cn" and not "\U00020000" <= character <= "\U0003ffff")


def holds_individual_number(text: str) -> bool:
    """True if a free text hides a 個人番号 (C022, C191; requirements §7 no. 31).

    Digits of every writing count: full-width, circled, kanji, 大字, Roman; ○ both as a zero and as a separator.
    Whatever is neither a letter nor a digit separates groups of digits; so do ー, の and a change of writing. Then each
    run of neighbouring groups that has exactly twelve digits is tried for a valid check digit, so that neither a
    separator inside the number nor digits beside it hide it.
    """
    plain = unicodedata.normalize("NFKC", _ONE_WRITING.sub(r" \g<0> ", text).translate(_ROMAN))
    readings = {plain, plain.replace("一", "ー")}  # the kanji is often typed for the dash
    circled = {each.translate(_CIRCLES) for each in readings} - readings
    return any(map(_holds_twelve, readings)) or any(_holds_twelve(each, besides=_BLANKED_OUT) for each in circled)


def _holds_twelve(plain: str, besides: str | None = None) -> bool:
    digits = "".join(map(_read, plain))
    if len(_DIGIT.findall(digits)) < 12:
        return False
    return any(_runs_of_twelve(neighbours.split(), besides) for neighbours in _NOT_DIGITS.split(digits))


@lru_cache(maxsize=8192)  # characters, not texts: nobody is known by one
def _read(character: str) -> str:
    """The digit that it is, a space if it separates digits (modifiers like ー do), else the letter itself."""
    if (digit := unicodedata.digit(character, None)) is not None:
        return str(digit)
    letter = character.isalnum() and unicodedata.category(character) != "Lm"
    return _READ_AS.get(character, character if letter else " ")


def _runs_of_twelve(groups: list[str], besides: str | None) -> bool:
    for first in range(len(groups)):
        run = ""
        for group in groups[first:]:
            run += group
            if len(run) >= 12:
                break
        if run != besides and individual_number(run):
            return True
    return False


class Check(NamedTuple):
    """A named check: what must hold, and the code of its refusal. A text of the form `surely` is known to hold."""

    holds: Callable[[str], bool]
    code: str
    surely: str | None = None


CHECKS: Final = MappingProxyType(
    {
        "individual_number": Check(individual_number, "check_digit"),
        "no_individual_number": Check(no_individual_number, "individual_number_in_text", "[A-Za-z]"),
        "municipality_code": Check(municipality_code, "check_digit"),
        "gtin": Check(gtin, "check_digit"),
        "date": Check(calendar_date, "not_a_date", rf"{_PLAIN_DATE}\z"),
        "instant": Check(instant, "not_a_time", rf"{_PLAIN_DATE}T{_PLAIN_TIME}\z"),
    }
)
"""The checks that a lock file may ask for, by name."""
