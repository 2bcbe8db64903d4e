"""Tells the operator of legal bases and assessments that routes cite and that are not in force today, or soon not.

What such a day stops is refused message by message; that it stops everything must not be found out so.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime

from gateway.config import Config, ending, japanese_day, lapsed, lapses
from gateway.observe import Telemetry


class LawWatch:
    """Of one process; `config` is the one in use."""

    def __init__(self, config: Callable[[], Config], telemetry: Telemetry, clock: Callable[[], datetime]) -> None:
        self._config = config
        self._telemetry = telemetry
        self._clock = clock
        self._told: tuple[str, date] | None = None

    def sentences(self) -> list[str]:
        """What does not carry today, and what will not in 30 days."""
        config, now = self._config(), self._clock()
        return [*lapsed(config, now), *ending(config, now)]

    def stopped(self) -> Mapping[str, int]:
        """How many routes of each tenant carry nothing today."""
        config = self._config()
        found = {(each.tenant, each.route) for each in lapses(config, self._clock()) if not each.carries}
        return {code: sum(tenant == code for tenant, _ in found) for code in config.tenants}

    def tell(self) -> None:
        """A line of telemetry, once a day in Japan and once for each configuration."""
        today = self._config().digest, japanese_day(self._clock())
        if today != self._told:
            self._told = today
            if problems := self.sentences():
                self._telemetry.log.warning("law.lapses", problems=problems)
