"""What goes wrong, and how many more times: each fault strikes as often as it was told to, then no more."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

TASK_FAULTS: Final = {
    "busy": "429 with Retry-After before anything is done",
    "maintenance": "503 with Retry-After before anything is done; /v1/status says 503 too while any is left",
    "token_lost": "the token ends before its time: 401",
    "slow": "answers late",
    "hang": "takes the request and never answers",
    "drop": "does it, and drops the connection before the answer",
    "garbage": "does it, and answers with a body that is no answer",
    "asynchronous": "202 with a receipt number; the result comes later",
    "row_busy": "leaves the first row for later",
    "unknown_number": "says of the first row that there is no such number",
    "extra_field": "issues, and adds a field to the first record",
    "lie": "issues, and returns another number in the first record",
}
"""They strike tasks: from `row_busy` on key tasks only, those before it confirmation tasks too."""
CONFIRMATION_FAULTS: Final = {
    "confirmation_busy": "leaves the first row for later",
    "other_person": "tells another person of the first confirmation",
    "other_clinic": "tells another clinic",
    "without_consent": "tells that there was no consent",
    "ended": "tells an end that has passed",
    "other_confirmation": "tells another confirmation than the one that was asked for",
    "surplus_field": "adds a field to the first confirmation",
}
"""They strike confirmation tasks."""
CARD_FAULTS: Final = {
    "long_ago": "confirms with a time so long ago that the confirmation has ended, in the token and in the store",
    "not_stored": "gives the terminal its token, and stores nothing",
}
"""They strike a card that is shown at a terminal."""
FAULTS: Final = {**TASK_FAULTS, **CONFIRMATION_FAULTS, **CARD_FAULTS}
"""Each is one that the real system, the network or a mistake may show."""


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
