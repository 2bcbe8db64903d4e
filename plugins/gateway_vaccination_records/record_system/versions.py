"""Which of two states of one person stands: a pure rule over versions, with no clock, no store and no values in sight.

The rule: the higher version wins whenever it arrives, so an older state never overtakes a newer one (C176, C179).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
CITY_AHEAD: Final = timedelta(days=1)
"""How far a time of the city's may be ahead of ours: its batches are stamped with the day they are for."""
DESK_AHEAD: Final = timedelta(minutes=5)
"""The same of what somebody enters as it happens: JST that is written as UTC would shut out what is true for hours."""


class Version(NamedTuple):
    """(更新日時, 更新連番): microseconds since 1970 in UTC, then a counter. Comparable within one source."""

    instant: int
    seq: int


def instant(moment: datetime) -> int:
    """Microseconds since 1970 in UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def written(instant: int) -> str:
    """An `instant` as an RFC 3339 time in UTC."""
    return (_EPOCH + instant * _MICROSECOND).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class State:
    """One state of one person. `content` is the record without `updated_at`, whose notation (offset) may differ."""

    version: Version
    deleted: bool
    content: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, record: Mapping[str, Any], *, deleted: bool) -> Self:
        """The state that a record describes; its `updated_at` is an RFC 3339 time with an offset, else ValueError."""
        version = Version(instant(datetime.fromisoformat(record["updated_at"])), record["update_seq"])
        content = {name: value for name, value in record.items() if name != "updated_at"}
        return cls(version, deleted, content)


class Verdict(StrEnum):
    """How one row ended. Only ACCEPTED changed anything."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    VERSION_CONFLICT = "version_conflict"
    OUT_OF_RANGE = "out_of_range"
    NO_SUCH_PERSON = "no_such_person"
    WRONG_MUNICIPALITY = "wrong_municipality"
    DOSE_EXISTS = "dose_exists"
    NOT_YOURS = "not_yours"
    WRONG_SETTING = "wrong_setting"
    ITEM_EXISTS = "item_exists"
    NO_SUCH_TEMPLATE = "no_such_template"
    UNKNOWN_ITEM = "unknown_item"
    WRONG_ANSWER_KIND = "wrong_answer_kind"
    TOO_MANY_ANSWERS = "too_many_answers"
    A_NUMBER = "individual_number_in_text"
    EXPIRED_QUESTIONNAIRE = "expired_questionnaire"
    DISPUTE = "dispute"
    CONFIRMATION_WANTED = "confirmation_wanted"


def judge(latest: State | None, new: State, now: datetime, ahead: timedelta = CITY_AHEAD) -> Verdict:
    """What becomes of `new`, given the latest state of that person, or None if the person is unknown here.

    A state of a time more than `ahead` of ours is not taken: every true one would be superseded until then.
    """
    if new.version.instant > instant(now + ahead):
        return Verdict.OUT_OF_RANGE
    if latest is None:
        return Verdict.NO_SUCH_PERSON if new.deleted else Verdict.ACCEPTED
    if new.version > latest.version:
        return Verdict.ACCEPTED
    if new.version < latest.version:
        return Verdict.SUPERSEDED
    same = (new.deleted, new.content) == (latest.deleted, latest.content)
    return Verdict.DUPLICATE if same else Verdict.VERSION_CONFLICT
