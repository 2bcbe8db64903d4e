"""What a rule is: a name, a level, one sentence, and a way to see whether it holds. The catalogue is `rules`.

The rule of rules: each can be judged by a machine, and each can fail.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from gateway.plugin.testing.stage import Stage


class Level(StrEnum):
    """How far a connector has come. A level is reached when each rule of it, and of those before, is done or exempt."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"

    @property
    def means(self) -> str:
        """What may be done with a connector of this level."""
        return {"bronze": "may be enabled", "silver": "can be relied on", "gold": "can be trusted"}[self.value]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the catalogue. `holds` returns if it does, with what there is to know all the same; it raises
    `Broken`, or `Inapplicable`.
    """

    id: str
    level: Level
    meaning: str
    why: str
    holds: Callable[[Stage], Awaitable[str | None]]
