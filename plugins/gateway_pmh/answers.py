"""Turns PMH's answers into outcomes: the key of exactly the number that was sent, exactly the confirmation that was
asked for, or nothing.

The rule: an answer counts as a whole or not at all. One that is not exactly one known answer for each row is `Garbage`
and asked for again; one whose records have other fields than those agreed on is refused whole (C019).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Final, Literal, TypeVar

import jiter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway.plugin import Accepted, DeferredRecord, JsonValue, Outcome, Payload, Refused, RefusedRecord, checks
from gateway_pmh.interface import FoundConfirmation, IssuedKey
from gateway_pmh.token import Granted

_ISSUED: Final = {"pmhKey": "pmh_key", "myNumber": "individual_number"}
_CONFIRMED: Final = {
    "identityConfirmation": "identity_confirmation",
    "vaccinationSubjectNo": "vaccination_subject_no",
    "clinicCode": "clinic_code",
    "consentFlag": "consent_flag",
    "validUntil": "valid_until",
}
_FAILURES: Final[Mapping[str, Outcome]] = {
    "busy": DeferredRecord("system_busy"),
    "unknown_number": RefusedRecord("no_such_person", "individual_number"),
    "wrong_check_digit": RefusedRecord("check_digit", "individual_number"),
}
_UNCONFIRMED: Final[Mapping[str, Outcome]] = {
    "busy": DeferredRecord("system_busy"),
    "unknown_confirmation": RefusedRecord("no_such_person", "identity_confirmation"),
}


class Garbage(Exception):
    """The answer is not one that the system's contract allows."""


class _Closed(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        defer_build=True,  # each kind of answer is built when the first one comes
    )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


class _Succeeded(_Closed):
    rowNo: int  # noqa: N815 - PMH's own name
    status: Literal["succeeded"]
    issued: dict[str, JsonValue]


class _Found(_Closed):
    rowNo: int  # noqa: N815 - PMH's own name
    status: Literal["succeeded"]
    found: dict[str, JsonValue]


class _Failed(_Closed):
    rowNo: int  # noqa: N815 - PMH's own name
    status: Literal["failed"]
    code: Annotated[str, StringConstraints(max_length=64)]


class _Rows(_Closed):
    rows: list[Annotated[_Succeeded | _Failed, Field(discriminator="status")]]


class _FoundRows(_Closed):
    rows: list[Annotated[_Found | _Failed, Field(discriminator="status")]]


class _Receipt(_Closed):
    receiptNo: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,64}$")]  # noqa: N815 - PMH's own name


class _Grant(BaseModel):
    """RFC 6749 §5.1; a server may add parameters of its own. Without `expires_in` a token counts as short-lived."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)

    access_token: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._~+/-]{1,4096}=*$")]
    token_type: Annotated[str, StringConstraints(pattern=r"^[Bb][Ee][Aa][Rr][Ee][Rr]$")]
    expires_in: Annotated[int, Field(gt=0, le=2**31 - 1)] = 60


_Body = TypeVar("_Body", _Rows, _FoundRows, _Receipt, _Grant)


def issued(answer: bytes, asked: Mapping[int, str]) -> dict[int, Outcome]:
    """An outcome for each row of `asked` (row → number sent). Raises Garbage, or Refused if the whole is refused."""
    rows = _parse(_Rows, answer).rows
    _one_each((row.rowNo for row in rows), asked)
    _exactly(_ISSUED, (row.issued for row in rows if isinstance(row, _Succeeded)))
    numbers = frozenset(asked.values())
    outcomes = {row.rowNo: _outcome(row, asked[row.rowNo], numbers) for row in rows}
    return outcomes | _shared_keys(outcomes)


def confirmed(answer: bytes, asked: Mapping[int, str]) -> dict[int, Outcome]:
    """An outcome for each row of `asked` (row → confirmation). Raises Garbage, or Refused if the whole is refused."""
    rows = _parse(_FoundRows, answer).rows
    _one_each((row.rowNo for row in rows), asked)
    _exactly(_CONFIRMED, (row.found for row in rows if isinstance(row, _Found)))
    return {row.rowNo: _confirmation(row, asked[row.rowNo]) for row in rows}


def receipt(answer: bytes) -> str:
    """The receipt number of what PMH has accepted and will answer later. Raises Garbage."""
    return _parse(_Receipt, answer).receiptNo


def granted(answer: bytes) -> Granted:
    """A bearer token (RFC 6750 §2.1). Raises Garbage."""
    grant = _parse(_Grant, answer)
    return Granted(grant.access_token, float(grant.expires_in))


def _parse(model: type[_Body], answer: bytes) -> _Body:
    try:
        # "keys": jiter would keep values in a cache of the process, long after their answer has gone.
        plain = jiter.from_json(answer, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
        return model.model_validate(plain)
    except ValueError:  # pydantic's ValidationError is one; the texts of both may quote the answer
        raise Garbage from None


def _one_each(rows: Iterable[int], asked: Mapping[int, str]) -> None:
    if sorted(rows) != sorted(asked):
        raise Garbage


def _exactly(fields: Mapping[str, str], records: Iterable[Mapping[str, JsonValue]]) -> None:
    for record in records:
        if record.keys() != fields.keys():
            raise Refused("unknown_field" if record.keys() - fields.keys() else "missing_required")


def _outcome(row: _Succeeded | _Failed, sent: str, asked: frozenset[str]) -> Outcome:
    if isinstance(row, _Failed):
        return _FAILURES.get(row.code, RefusedRecord("refused_by_system"))
    if row.issued["myNumber"] != sent:  # byte for byte (C165, C166)
        return RefusedRecord("dispute", "individual_number")
    if _is_a_number(row.issued["pmhKey"], asked):  # it would go where no number may (C022)
        return RefusedRecord("dispute", "pmh_key")
    return _answered(IssuedKey, {ours: row.issued[theirs] for theirs, ours in _ISSUED.items()})


def _confirmation(row: _Found | _Failed, sent: str) -> Outcome:
    """Whom it is about, where and until when it holds, the record system judges: here it is only the one asked for."""
    if isinstance(row, _Failed):
        return _UNCONFIRMED.get(row.code, RefusedRecord("refused_by_system"))
    if row.found["identityConfirmation"] != sent:
        return RefusedRecord("dispute", "identity_confirmation")
    return _answered(FoundConfirmation, {ours: row.found[theirs] for theirs, ours in _CONFIRMED.items()})


def _answered(form: type[Payload], reply: Mapping[str, JsonValue]) -> Outcome:
    """Accepted with that reply, if each of its values is of the interface's form."""
    try:
        form.model_validate(reply)
    except ValidationError as wrong:  # its text may quote the answer, its places are our own names
        first, *_ = wrong.errors(include_input=False, include_context=False, include_url=False)
        code = "wrong_type" if first["type"].endswith("_type") else "wrong_pattern"
        return RefusedRecord(code, str(first["loc"][0]))
    return Accepted(reply=reply)


def _is_a_number(key: JsonValue, asked: frozenset[str]) -> bool:
    """Whether a key, its separators aside, holds any number that was asked, or is itself a valid one. That a valid one
    stands within may be chance: so it is in one of 400 UUIDs.
    """
    if not isinstance(key, str) or sum(map(str.isdigit, key)) < 12:
        return False  # what is not text the locked interface refuses
    plain = "".join(filter(str.isalnum, key))
    within = (plain[start : start + 12] for start in range(len(plain) - 11))
    return not asked.isdisjoint(within) or checks.individual_number(plain)


def _shared_keys(outcomes: Mapping[int, Outcome]) -> dict[int, Outcome]:
    """One key for two numbers would join two persons: neither is used (I02: 1 to 1)."""
    keys = {row: each.reply["pmh_key"] for row, each in outcomes.items() if isinstance(each, Accepted) and each.reply}
    often = Counter(map(repr, keys.values()))
    return {row: RefusedRecord("dispute", "pmh_key") for row, key in keys.items() if often[repr(key)] > 1}
