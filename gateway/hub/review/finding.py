"""What a review comes to: a finding, opened under a closed word, and closed under one; no free text anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.hub.people import Role

SIGNS: Final = (Role.OFFICER, Role.APPROVER)
"""Neither who runs the machine nor who grants rights looks the log over, for it is about them, too."""
COMPARES: Final = (*SIGNS, Role.ADMINISTRATOR)
"""Who signs that the users were held against the table of rights."""
LOOKS: Final = (*COMPARES, Role.AUDITOR)
"""Who is shown what stands out, and the users."""


class Code(StrEnum):
    """Why something is to be looked into."""

    BURST = "burst"
    OFF_HOURS = "off_hours"
    MANY_PERSONS = "many_persons"
    NEW_ACTOR = "new_actor"
    NEW_ROUTE = "new_route"
    NEW_OPERATION = "new_operation"
    NEW_TERMINAL = "new_terminal"
    NEW_CERTIFICATE = "new_certificate"
    REFUSALS = "refusals"
    UNDISCLOSED = "undisclosed"
    FLAGGED = "flagged"
    RIGHT_MISSING_HERE = "right_missing_here"
    RIGHT_MISSING_THERE = "right_missing_there"
    RIGHT_DIFFERS = "right_differs"


class Outcome(StrEnum):
    """What became of a finding: proper work, a slip, something of ours that was amiss and is mended, or misuse."""

    PROPER = "proper"
    MISTAKE = "mistake"
    FAULT = "fault"
    CORRECTED = "corrected"
    MISUSE = "misuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Something to be looked into. It is of a `person`, or of a `connector`, maybe of one peer of it by its
    `certificate`. `acted` are whose own acts it may be about: none of them closes it. `count` facts are behind it, the
    first of which are `facts`; `most` is the figure that stands out; `new` names what was never seen before, the first
    of it: routes, operations, terminals or certificates.
    """

    code: Code
    acted: tuple[str, ...]
    facts: tuple[int, ...] = ()
    count: int = 0
    most: int = 0
    new: tuple[str, ...] = ()
    person: str | None = None
    connector: str | None = None
    certificate: str | None = None
    role: str | None = None

    def told(self) -> dict[str, Any]:
        """As plain JSON, for people and for its fact."""
        whole: Mapping[str, Any] = {
            "code": self.code.value,
            "acted": list(self.acted),
            "facts": list(self.facts),
            "count": self.count,
            "most": self.most,
            "new": list(self.new),
            "person": self.person,
            "connector": self.connector,
            "certificate": self.certificate,
            "role": self.role,
        }
        return {key: value for key, value in whole.items() if value not in (None, 0, [])}
