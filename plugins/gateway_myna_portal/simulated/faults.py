"""What goes wrong, and how many more times: each fault strikes as often as it was told to, then no more."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

NOTICE_FAULTS: Final = {
    "maintenance": "503 with Retry-After before anything is done; /v1/status says 503 too while any is left",
    "slow": "answers late",
    "hang": "takes the request and never answers",
    "drop": "keeps the notices, and drops the connection before the answer",
    "garbage": "keeps the notices, and answers with a body that is no answer",
    "row_busy": "leaves the first row for later",
    "duplicate": "keeps the first row, and calls it a duplicate",
}
"""They strike the delivery of notices."""
TOKEN_FAULTS: Final = {
    "expired": "shows a token that has ended",
    "other_audience": "shows a token that was made for somebody else",
    "other_signature": "shows a token with the signature of another key",
    "alg_none": "shows a token without a signature",
    "no_token": "shows no token at all",
}
"""They strike what the portal sends to the gateway for a resident."""
FAULTS: Final = {**NOTICE_FAULTS, **TOKEN_FAULTS}


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
