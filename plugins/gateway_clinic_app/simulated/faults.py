"""What a clinic does wrong, and how many more times: each fault strikes as often as it was told to, then no more."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

FAULTS: Final = {
    "other_clinic": "uses the confirmation of another clinic's visit, token, person and code",
    "other_token": "shows the token of another clinic's visit for its own visit",
    "other_person": "names the person of another visit under this visit's token",
    "other_code": "names another clinic's code under this visit's token",
    "ended": "shows the token of an earlier visit that has ended, for the person of that visit",
    "altered": "shows a token whose person was changed after it was signed",
    "no_token": "shows no token at all",
    "number_in_remark": "writes an individual number in the remark of the doctor, or of the record",
}
"""They strike what a clinic sends to the gateway."""


class Faults:
    """How often each fault is still to strike, and how often it did."""

    def __init__(self, strikes: Mapping[str, int]) -> None:
        self._left = Counter(strikes)
        self.struck: Counter[str] = Counter()

    def set(self, strikes: Mapping[str, int]) -> None:
        """From now on these and no others."""
        self._left = Counter(strikes)

    def strikes(self, name: str) -> bool:
        """Whether it strikes now; then that is one less."""
        if self._left[name] < 1:
            return False
        self._left[name] -= 1
        self.struck[name] += 1
        return True
