"""One clinic: at its terminal a card becomes a visit, and for the visit its application asks and enters.

The rule: what is sent is about the person of the visit and shows the visit's token; a visit is in memory only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import Any, Final

import aiohttp

from gateway_clinic_app.simulated.entrance import Entrance

_JAPAN: Final = timezone(timedelta(hours=9))


class NotConfirmed(Exception):
    """The eligibility side did not confirm the person: its status, 0 if it could not be reached."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Visit:
    """What the terminal was told; `answers` is which answers (id) the application shows for each dose."""

    identity_confirmation: str = field(repr=False)
    vaccination_subject_no: str = field(repr=False)
    clinic_code: str
    valid_until: str
    token: str = field(repr=False)
    answers: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def bound(self) -> dict[str, str]:
        """What every record of the visit says."""
        return {
            "identity_confirmation": self.identity_confirmation,
            "vaccination_subject_no": self.vaccination_subject_no,
            "clinic_code": self.clinic_code,
        }

    @property
    def ended(self) -> bool:
        """Whether its time is over."""
        return datetime.fromisoformat(self.valid_until) <= datetime.now(UTC)

    def look(self, answer: Mapping[str, Any]) -> None:
        """Show what a query was answered."""
        doses = [dose for reply in answer.get("replies", ()) for dose in reply.get("record", {}).get("due", ())]
        self.answers.clear()
        self.answers.update(
            (each["vaccination_management_id"], each["answer_id"]) for each in doses if "answer_id" in each
        )


class Clinic:
    """`terminal` is a session of the clinic's towards the eligibility side at `url`."""

    def __init__(self, terminal: aiohttp.ClientSession, url: str, entrance: Entrance) -> None:
        self._terminal = terminal
        self._url = url
        self.entrance = entrance
        self.visits: dict[str, Visit] = {}  # by the clinic's own number of it
        self._sequence = count(1)

    async def receive(self, shown: Mapping[str, Any]) -> str:
        """The card is shown, with the consent or without, a parent's if so: the visit's number. Raises NotConfirmed."""
        try:
            async with self._terminal.post(f"{self._url}/eligibility/confirmations", json=dict(shown)) as response:
                if response.status != 200:
                    raise NotConfirmed(response.status)
                visit = Visit(**await response.json())
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, TypeError):
            raise NotConfirmed(0) from None
        number = str(len(self.visits) + 1)
        self.visits[number] = visit
        return number

    def examination(self, visit: Visit, given: Mapping[str, Any]) -> dict[str, Any]:
        """The doctor's part, of the answers that the doctor was shown; `given` completes it, or says otherwise."""
        own = {"doctor_name": "架空 医師", "doctor_judgement": "1", "examined_at": _now()}
        if (answers := visit.answers.get(given.get("vaccination_management_id", ""))) is not None:
            own["answer_id"] = answers
        return {**visit.bound, **own, **given}

    def vaccination(self, visit: Visit, given: Mapping[str, Any]) -> dict[str, Any]:
        """The dose that was given; `given` completes it, or says otherwise."""
        now = _now()
        own = {
            "vaccinated_on": now[:10],
            "consent_flag": True,
            "doctor_name": "架空 医師",
            "caution_flag": False,
            "overseas_flag": False,
            "is_deleted": False,
            "updated_at": now,
            "update_seq": next(self._sequence),
        }
        return {**visit.bound, **own, **given}


def _now() -> str:
    """In the clinic's own time."""
    return datetime.now(_JAPAN).isoformat(timespec="seconds")
