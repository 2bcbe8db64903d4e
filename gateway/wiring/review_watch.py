"""Reminds of reviews that are overdue, and of findings that wait (C107-C114): a log nobody looks at proves nothing."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta

from gateway.config import japanese_day
from gateway.errors import Deferred
from gateway.hub.hub import TenantHub
from gateway.hub.review import Subject
from gateway.observe import Telemetry


class ReviewWatch:
    """Of the tenants of one process."""

    def __init__(
        self, hubs: Callable[[], Mapping[str, TenantHub]], telemetry: Telemetry, clock: Callable[[], datetime]
    ) -> None:
        self._hubs = hubs
        self._telemetry = telemetry
        self._clock = clock
        self._told: date | None = None

    def sentences(self) -> list[str]:
        """What is overdue now."""
        return [each for code, hub in self._hubs().items() for each in _overdue(code, hub, self._clock())]

    def tell(self) -> None:
        """A line of telemetry, once a day in Japan."""
        today = japanese_day(self._clock())
        if today != self._told:
            self._told = today
            if problems := self.sentences():
                self._telemetry.log.warning("review.overdue", problems=problems)


def _overdue(tenant: str, hub: TenantHub, now: datetime) -> Iterator[str]:
    with contextlib.suppress(Deferred):  # the log cannot be read: health says so
        for subject in Subject:
            due = hub.reviews.due(subject)
            if due is not None and due < now:
                command = "gateway log review" if subject is Subject.LOG else "gateway people review"
                yield f"{tenant}: the review of the {subject} was due on {japanese_day(due)}: {command}"
        before = now - timedelta(hub.rules.tenant.file.review.log_days)
        waiting = [each for each in hub.reviews.standing().open_findings() if datetime.fromisoformat(each.at) < before]
        if waiting:
            since = japanese_day(datetime.fromisoformat(waiting[0].at))
            yield f"{tenant}: {len(waiting)} findings wait, the first since {since}: gateway log finding list"
