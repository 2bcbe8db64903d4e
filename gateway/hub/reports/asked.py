"""What may be asked of a report, in a closed form."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.config.files import Closed, StaffId
from gateway.hub.days import LogDay
from gateway.hub.search import Reason, Tags


class About(Closed):
    """One person, by the tags that the edges of one or more connectors made; why, and under which case."""

    by: Annotated[tuple[Tags, ...], Field(min_length=1, max_length=32, repr=False)]
    reason: Reason
    case: StaffId

    def months(self) -> list[str]:
        """Every month of which any connector's tags were given, in order."""
        return sorted({month for each in self.by for month in each.tags})

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({each.connector for each in self.by}) != len(self.by):
            raise ValueError("a connector stands twice")
        return self


class Asked(Closed):
    """Days are Japan's; `until` is the last. Without them, from the log's first day on, or to its last."""

    since: LogDay | None = None
    until: LogDay | None = None
    person: About | None = None
