"""本人確認情報 as PMH keeps it: who was confirmed at which clinic, whether with consent, and until when (C206).

The rule: what is stored never changes, is in memory only, and is found by its whole id and by nothing else.
"""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_AN_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Confirmation:
    """`consent` is the version of the purpose text, None without consent; `agent` is who consented for the person, by
    the eligibility side's own name. Times are in seconds since 1970.
    """

    id: str = field(repr=False)
    subject: str = field(repr=False)
    clinic: str
    consent: str | None
    begun: int
    ends: int
    agent: str | None = field(default=None, repr=False)

    @property
    def valid_until(self) -> str:
        """The end as a time, UTC."""
        return datetime.fromtimestamp(self.ends, UTC).isoformat()

    def told(self) -> dict[str, Any]:
        """As PMH answers."""
        return {
            "identityConfirmation": self.id,
            "vaccinationSubjectNo": self.subject,
            "clinicCode": self.clinic,
            "consentFlag": self.consent is not None,
            "validUntil": self.valid_until,
        }

    def wrong(self, fault: str) -> dict[str, Any]:
        """As a PMH answers that errs."""
        ended = datetime.fromtimestamp(self.begun - _AN_HOUR, UTC).isoformat()
        changes: dict[str, dict[str, Any]] = {
            "other_person": {"vaccinationSubjectNo": "MADEUPOTHER1"},
            "other_clinic": {"clinicCode": f"{(int(self.clinic) + 1) % 10**10:010d}"},
            "without_consent": {"consentFlag": False},
            "ended": {"validUntil": ended},
            "other_confirmation": {"identityConfirmation": new_id("IC")},
        }
        return self.told() | changes[fault]


class Confirmations:
    """By id."""

    def __init__(self) -> None:
        self._stored: dict[str, Confirmation] = {}

    def store(self, confirmation: Confirmation) -> None:
        """Keep it."""
        self._stored[confirmation.id] = confirmation

    def find(self, confirmation: str) -> Confirmation | None:
        """The one with this id."""
        return self._stored.get(confirmation)

    def count(self) -> int:
        """How many are stored."""
        return len(self._stored)


def new_id(kind: str) -> str:
    """32 letters: 144 random bits, and nothing that could be taken for an individual number."""
    return kind + "".join(secrets.choice(_LETTERS) for _ in range(32))
