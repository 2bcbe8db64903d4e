"""Turns a cell's text into the value that the interface asks for, and a value back into the system's text.

Only what is a matter of form is reshaped: dates, times, flags, change types, numbers. Whether a value is right is not
decided here: the line does that, by the locked interface. Nothing is trimmed or normalised.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Final, TypeAlias

from gateway.plugin import JsonValue
from gateway_health_management.settings import Settings

# In a fixed order: of two bad cells the same one is told in every life, for the same key must have the same body.
FLAGS: Final = (
    "control_flag_recovery", "control_flag_nondisclosure", "control_flag_view_suspended", "not_eligible_flag",
    "consent_flag", "caution_flag", "overseas_flag", "is_deleted", "no_auto_response_flag", "undisclosed_flag",
)  # fmt: skip
DATES: Final = (
    "birth_date", "deletion_event_date", "forced_expiry_date", "recommendation_date", "vaccinated_on",
    "vaccine_expiry_date", "inquiry_from", "inquiry_to",
)  # fmt: skip
TIMES: Final = ("updated_at",)
NUMBERS: Final = ("update_seq", "dataset_version", "dose_no")
_DATE: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_TIME: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")

Change: TypeAlias = Callable[[str], JsonValue]


class Unfit(Exception):
    """The cell does not have the configured form; the text is a code."""


# ---- as the system writes, into the line -----------------------------------------------------------------------------


def changes(settings: Settings) -> dict[str, Change]:
    """The fields whose form changes, the change type first, because it decides which fields count; others stay."""
    known: dict[str, Change] = {"change_type": partial(_listed, settings.change_types)}
    known |= dict.fromkeys(NUMBERS, _number)
    known |= dict.fromkeys(FLAGS, partial(_listed, settings.flags))
    if settings.dates == "YYYYMMDD":
        known |= dict.fromkeys(DATES, _date)
    if settings.datetimes == "YYYYMMDDhhmmss":
        known |= dict.fromkeys(TIMES, partial(_time, settings.utc_offset))
    return known


def _listed(known: Mapping[str, JsonValue], text: str) -> JsonValue:
    if text not in known:
        raise Unfit("not_in_code_list")
    return known[text]


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise Unfit("wrong_type")
    return int(text)


def _date(text: str) -> str:
    """Digits moved apart, no more: whether the day exists is for the line to say."""
    if not (digits := _DATE.fullmatch(text)):
        raise Unfit("not_a_date")
    return "-".join(digits.groups())


def _time(offset: str, text: str) -> str:
    if not (digits := _TIME.fullmatch(text)):
        raise Unfit("not_a_time")
    year, month, day, hour, minute, second = digits.groups()
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{offset}"


# ---- out of the line, as the system reads ----------------------------------------------------------------------------


def cell(name: str, value: JsonValue, settings: Settings) -> str:
    """The text of an admitted value; an absent one is empty."""
    if value is None:
        return ""
    if name in FLAGS:
        return next(text for text, flag in settings.flags.items() if flag is value)
    if name in DATES and settings.dates == "YYYYMMDD":
        return str(value).replace("-", "")
    if name in TIMES and settings.datetimes == "YYYYMMDDhhmmss":
        return _local(str(value), settings.utc_offset)
    return str(value)


def _local(instant: str, offset: str) -> str:
    """Local time. A fraction of a second stays, after a point: it is a part of the version (C196)."""
    at = datetime.fromisoformat(instant).astimezone(zone(offset))
    fraction = f".{at.microsecond:06d}".rstrip("0") if at.microsecond else ""
    return at.strftime("%Y%m%d%H%M%S") + fraction


def zone(offset: str) -> timezone:
    """The zone of a configured offset, as +09:00."""
    away = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:6]))
    return timezone(-away if offset[0] == "-" else away)
