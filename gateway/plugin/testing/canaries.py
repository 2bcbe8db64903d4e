"""What must not come out of a connector: values by which somebody could be known, in all forms in which they are shown.

The rule: nothing is sought that would be found by chance, or that stands in honest telemetry.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from gateway.plugin.contract import ContractField
from gateway.plugin.item import DataClass
from gateway.plugin.testing import forms

_LEAST: Final = 6
"""Characters of a value that is not found by chance."""
_SURE: Final = 10
"""Digits of a part that is none by chance. Shorter ones must be of two numbers: a leak repeats, chance does not."""
_WHOSE: Final = (DataClass.INDIVIDUAL_NUMBER, DataClass.IDENTIFIER)


class Canaries:
    """What was made known so far. A date of a person's is sought unless an operational field has the same."""

    def __init__(self) -> None:
        self._sought: dict[str, str] = {}
        self._numbers: dict[str, str] = {}
        self._digests: dict[str, tuple[str, str]] = {}
        self._honest: set[str] = set()
        self._in_doubt: set[str] = set()

    def secret(self, secret: bytes) -> None:
        """One that the settings refer to, or hold."""
        self._seek(secret.decode(errors="replace"), "a secret of its settings")

    def record(self, told: str, fields: Sequence[ContractField], record: Mapping[str, JsonValue]) -> None:
        """Texts, dates and numbers of six characters or more; what is of a closed list is not a person's alone. A
        number of nine digits or more also in part, and it and every identifier also hashed.
        """
        for each in fields:
            if each.values is not None or each.data_class is None:
                continue
            for value in values_at(record, each.path.replace("[]", "").split(".")):
                if isinstance(value, bool | float) or not isinstance(value, str | int):
                    continue
                if each.data_class != DataClass.OPERATIONAL:
                    self._seek_person(str(value), f"{each.path} of {told}", each)
                elif each.check in forms.CALENDAR:
                    self._honest.update(forms.forms(str(value), each.check))

    def found(self, texts: Iterable[tuple[str, str]]) -> str | None:
        """What came out first and where, of texts that each tell where they were; without the value. None if nothing
        did. Texts may be long and values many: each place of a text is looked at once, and nothing is kept of it.
        """
        ends: dict[str, set[int]] = {}
        for each in self._sought.keys() - self._honest:
            ends.setdefault(each[-_LEAST:], set()).add(len(each))
        candidates = re.compile(
            "".join(["(?=", *(f"[{re.escape(''.join(each))}]" for each in zip(*ends, strict=True)), ")"])
        )
        numbers = "\n".join(self._numbers)
        for where, told in _unpacked(texts):
            text = forms.without_addresses(told)
            if how := self._whole(text, candidates, ends) or self._in_part(text, numbers) or self._hashed(text):
                return f"{how} in {where}"
        return None

    def _whole(self, text: str, candidates: re.Pattern[str], ends: Mapping[str, Collection[int]]) -> str:
        """`ends` are those of what is sought, each with the lengths of what ends so: many may end alike."""
        for end in (each.start() + _LEAST for each in candidates.finditer(text)):
            for length in sorted(ends.get(text[end - _LEAST : end], ())):
                what = self._sought.get(text[end - length : end]) if length <= end else None
                if what is not None and text[end - length : end] not in self._honest:
                    return f"{what} is"
        return ""

    def _in_part(self, text: str, numbers: str) -> str:
        for part in forms.numbers(text):
            if part in numbers:
                digits, what = next(each for each in self._numbers.items() if part in each[0])
                self._in_doubt.add(digits)
                if len(part) >= _SURE or len(self._in_doubt) > 1:
                    return f"{what} is, at least in part,"
        return ""

    def _hashed(self, text: str) -> str:
        for digest in forms.hashed(text):
            whole, what = self._digests.get(digest[: forms.HASHED], ("", ""))
            if whole.startswith(digest):
                return f"{what} is, hashed without a key,"
        return ""

    def _seek(self, value: str, what: str, check: str | None = None) -> None:
        if len(value) >= _LEAST:
            self._sought.update(dict.fromkeys(forms.forms(value, check), what))

    def _seek_person(self, value: str, what: str, field: ContractField) -> None:
        self._seek(value, what, field.check)
        digits = forms.number(value) if field.check not in forms.CALENDAR else ""
        if digits:
            self._numbers[digits] = what
        if digits or (field.data_class in _WHOSE and len(value) >= _LEAST):
            self._digests.update({each[: forms.HASHED]: (each, what) for each in forms.digests(value)})


def _unpacked(texts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The same, and behind each what is encoded in it, which is told once."""
    known = set[str]()
    for where, text in texts:
        yield where, text
        for token in forms.encoded(text):
            if token not in known:
                known.add(token)
                yield from ((f"{where}, encoded", plain) for plain in forms.decoded(token))


def values_at(value: object, path: list[str]) -> Iterator[object]:
    """Every value at a path, through lists."""
    if isinstance(value, list):
        for each in value:
            yield from values_at(each, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from values_at(value[path[0]], path[1:])
