"""What must not come out of a connector: values by which somebody could be known, in all forms in which they are shown.

The rule: nothing is sought that would be found by chance, or that stands in honest telemetry.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final
from urllib.parse import quote, quote_plus

from pydantic import JsonValue

from gateway.plugin.contract import ContractField
from gateway.plugin.item import DataClass

_LEAST: Final = 6
"""Characters of a value that is not found by chance."""
_CALENDAR: Final = ("date", "instant")


class Canaries:
    """What was made known so far. A date of a person's is sought unless an operational field has the same."""

    def __init__(self) -> None:
        self._sought: dict[str, str] = {}
        self._honest: set[str] = set()

    def secret(self, secret: bytes) -> None:
        """One that the settings refer to."""
        self._seek(secret.decode(errors="replace"), "a secret of its settings")

    def record(self, told: str, fields: Sequence[ContractField], record: Mapping[str, JsonValue]) -> None:
        """Texts, dates and numbers of six characters or more; what is of a closed list is not a person's alone."""
        for each in fields:
            if each.values is not None or each.data_class is None:
                continue
            for value in _at(record, each.path.replace("[]", "").split(".")):
                if isinstance(value, bool | float) or not isinstance(value, str | int):
                    continue
                if each.data_class != DataClass.OPERATIONAL:
                    self._seek(str(value), f"{each.path} of {told}", each.check)
                elif each.check in _CALENDAR:
                    self._honest.update(_forms(str(value), each.check))

    def found(self, texts: Sequence[tuple[str, str]]) -> str | None:
        """What came out first and where, of texts that each tell where they were; without the value. None if nothing
        did. Texts may be long and values many: each place of a text is looked at once, and nothing is kept of it.
        """
        ends: dict[str, list[str]] = {}
        for each in self._sought:
            if each not in self._honest:
                ends.setdefault(each[-_LEAST:], []).append(each)
        for where, text in texts:
            for end in (at + _LEAST for at in range(len(text)) if text[at : at + _LEAST] in ends):
                for each in ends[text[end - _LEAST : end]]:
                    if text.endswith(each, 0, end):
                        return f"{self._sought[each]} is in {where}"
        return None

    def _seek(self, value: str, what: str, check: str | None = None) -> None:
        if len(value) >= _LEAST:
            self._sought.update(dict.fromkeys(_forms(value, check), what))


def _forms(value: str, check: str | None) -> Iterator[str]:
    """As it is, as JSON and Python escape it, as an address has it; a date also without dashes, and as an object."""
    yield value
    yield json.dumps(value)[1:-1]
    yield from (repr(value)[1:-1], ascii(value)[1:-1], repr(value.encode("utf-8", "surrogatepass"))[2:-1])
    yield from (each(value, safe="", errors="replace") for each in (quote, quote_plus))
    if check == "date":
        yield value.replace("-", "")
        yield repr(date.fromisoformat(value))


def _at(value: object, path: list[str]) -> Iterator[object]:
    """Every value at a path, through lists."""
    if isinstance(value, list):
        for each in value:
            yield from _at(each, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _at(value[path[0]], path[1:])
