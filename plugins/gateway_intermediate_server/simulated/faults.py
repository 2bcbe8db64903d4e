"""What goes wrong, and how many more times: each fault strikes as often as it was told to, then no more."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

CALL_FAULTS: Final = {
    "maintenance": "503 with Retry-After before anything is done",
    "slow": "answers late",
    "hang": "takes the request and never answers",
    "drop": "does it, and drops the connection before the answer",
    "garbage": "does it, and answers with a body that is no answer",
}
"""They strike calls of the city's own systems."""
INQUIRY_FAULTS: Final = {
    "denied_permit": "the network denies the permit",
    "permit_other_row": "grants a permit for another row",
    "permit_other_provider": "grants a permit for another provider",
    "forged_permit": "grants a permit that another key signed",
    "answer_other_key": "the provider seals its answer with another key than ours",
    "answer_garbage": "the provider's answer is no sealed text at all",
    "refuses": "the provider refuses",
    "never_answers": "the provider never answers",
    "aborts": "the network aborts the inquiry",
}
"""They strike the city's own inquiries: down to `forged_permit` when a permit is asked for, then when it is sent."""
LIST_FAULTS: Final = {
    "forged_list": "the matching list comes signed by another key",
    "ended_list": "the matching list comes with an end that has passed",
}
ANNOUNCEMENT_FAULTS: Final = {"undeliverable": "the announcement cannot be delivered: response 9"}
FAULTS: Final = {**CALL_FAULTS, **INQUIRY_FAULTS, **LIST_FAULTS, **ANNOUNCEMENT_FAULTS}


class Faults:
    """How often each fault is still to strike, and how often it did."""

    def __init__(self, strikes: Mapping[str, int]) -> None:
        self._left = Counter(strikes)
        self.struck: Counter[str] = Counter()

    def set(self, strikes: Mapping[str, int]) -> None:
        """From now on these and no others."""
        self._left = Counter(strikes)

    def once_more(self, name: str) -> None:
        """One strike more, beside the others."""
        self._left[name] += 1

    def strikes(self, name: str) -> bool:
        """Whether it strikes now; then that is one less."""
        if self._left[name] <= 0:
            return False
        self._left[name] -= 1
        self.struck[name] += 1
        return True
