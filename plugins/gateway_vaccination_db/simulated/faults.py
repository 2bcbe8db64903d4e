"""What goes wrong, and how many more times: each fault strikes as often as it was told to, then no more."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

FAULTS: Final = {
    "maintenance": "503 with Retry-After before anything is done; /v1/status says 503 too while any is left",
    "slow": "answers late",
    "hang": "takes the rows and never answers",
    "drop": "keeps the rows, and drops the connection before the answer",
    "garbage": "keeps the rows, and answers with a body that is no answer",
    "row_busy": "leaves the first row for later",
}
"""Each is one that the real database or the network may show; they strike the registration of doses."""


class Faults:
    """How often each fault is still to strike, and how often it did."""

    def __init__(self, strikes: Mapping[str, int]) -> None:
        self._left = Counter(strikes)
        self.struck: Counter[str] = Counter()

    def set(self, strikes: Mapping[str, int]) -> None:
        """From now on these and no others."""
        self._left = Counter(strikes)

    def waits(self, name: str) -> bool:
        """Whether it is still to strike."""
        return self._left[name] > 0

    def strikes(self, name: str) -> bool:
        """Whether it strikes now; then that is one less."""
        if not self.waits(name):
            return False
        self._left[name] -= 1
        self.struck[name] += 1
        return True
