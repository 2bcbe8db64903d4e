"""Which days a question about a log may name: Japan's, as the log's own times are told to people."""

from datetime import date
from typing import Annotated

from pydantic import Field

from gateway.config.files import Day

LogDay = Annotated[Day, Field(ge=date(2000, 1, 1), le=date(9998, 12, 31))]
"""No fact is of another day, and each of these has days before and after it."""


def days_can_be(since: date | None, until: date | None, today: date) -> bool:
    """Whether a fact can be of these days. A period that none can be in is a slip, and no answer to it is "none"."""
    return since is None or (since <= today and (until is None or since <= until))
