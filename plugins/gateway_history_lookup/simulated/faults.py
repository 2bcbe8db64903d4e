"""What goes wrong, and how many more times: each fault strikes as often as it was told to, then no more."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

FAULTS: Final = {
    "maintenance": "503 with Retry-After before anything is done; /v1/status says 503 too while any is left",
    "slow": "answers late",
    "hang": "takes the inquiry and never answers",
    "drop": "drops the connection before the answer",
    "garbage": "answers with a body that is no answer",
    "asynchronous": "202 with a receipt; the answer comes later",
    "forgotten": "202 with a receipt that nobody knows afterwards",
    "row_busy": "leaves the first row for later",
    "unknown": "says of the first row that there is no such key",
    "swapped": "answers the first two rows with each other's key and ID5",
    "shared": "answers the second row with the ID5 of the first",
}
"""Each is one that the real system or the network may show; they strike inquiries."""


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
