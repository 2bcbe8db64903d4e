"""A vaccination subject as both locked interfaces have it, in a model of its own, strict and closed."""

import re
import unicodedata
from datetime import date, datetime
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufff9-\uffff]")
_DIGIT: Final = re.compile(r"\d")
_TWELVE: Final = re.compile(r"[0-9]{12}")
_WEIGHTS: Final = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def _is_number(text: str) -> bool:
    rest = sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS, strict=False)) % 11
    return int(text[11]) == (0 if rest <= 1 else 11 - rest)


def _number(text: str) -> str:
    if not _is_number(text):
        raise ValueError("check digit")
    return text


def _municipality(text: str) -> str:
    weighed = sum(int(digit) * weight for digit, weight in zip(text, (6, 5, 4, 3, 2), strict=False))
    if int(text[5]) != (11 - weighed % 11) % 10:
        raise ValueError("check digit")
    return text


def _date(text: str) -> str:
    date.fromisoformat(text)
    return text


def _instant(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("no offset")
    return text


def _free(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control character")
    if len(_DIGIT.findall(text)) >= 12:
        plain = "".join(character for character in unicodedata.normalize("NFKC", text) if character.isalnum())
        if any(_is_number(found[0]) for found in _TWELVE.finditer(plain)):
            raise ValueError("an individual number")
    return text


_Text: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_free)]
_Id: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,20}$")]
_Date: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_date)]


class Subject(BaseModel):
    """接種対象者."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    internal_no: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}$")]
    municipality_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$"), AfterValidator(_municipality)]
    individual_number: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$"), AfterValidator(_number)] | None = None
    name: _Text
    name_kana: _Text
    address: _Text
    birth_date: _Date
    sex: Literal["1", "2", "9"]
    guardian_name: _Text | None = None
    resident_status: Literal["1", "2", "3", "4"]
    subject_category: Literal["A1", "A2", "B1", "R1"]
    municipality_business_id: _Id | None = None
    change_type: Literal["1", "2", "3"]
    deletion_event_date: _Date | None = None
    updated_at: Annotated[str, StringConstraints(max_length=32), AfterValidator(_instant)]
    update_seq: Annotated[int, Field(ge=0, le=2**31 - 1)]
    control_flag_recovery: bool
    control_flag_nondisclosure: bool
    control_flag_view_suspended: bool


SUBJECTS: Final = TypeAdapter(list[Subject])
