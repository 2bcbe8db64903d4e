"""The kinds of bad rows that municipal files really hold: how each is made, and what the gateway must say to it."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

from gateway_demo_city.form import Form, quoted
from gateway_demo_city.people import Cells, check_digit

_STRAY_LEAD_BYTE: Final = b"\x81"
"""Begins a character of two bytes in CP932, which the quote after the cell cannot end; begins none in UTF-8."""
_MARK: Final = "〓"

_BEFORE_ALL: Final = "2026-04-01T09:00:00+09:00"
OTHER_MUNICIPALITY: Final = "999989"
"""架空市's neighbour, as made up as 架空市 itself, with a valid check digit."""

Change: TypeAlias = Callable[[Cells, Random], Cells]
Write: TypeAlias = Callable[[Cells, Form], bytes]


@dataclass(frozen=True, slots=True)
class Expected:
    """How a row ends. `path` is the interface's field, or None where the refusal is of the row."""

    ending: str
    code: str | None = None
    path: str | None = None


def _plain(cells: Cells, form: Form) -> bytes:
    return quoted(form.texts(cells)).encode(form.codec)


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of row. `repeats`: it carries the version of the person's last good state, not a newer one.

    `change` puts the fault into a cell's text, `write` into the line.
    """

    kind: str
    expected: Expected
    change: Change
    repeats: bool = False
    write: Write = _plain


def _put(name: str, *values: str) -> Change:
    return lambda cells, random: {**cells, name: random.choice(values)}


def _as_it_is(cells: Cells, _: Random) -> Cells:
    return cells


def _number(cells: Cells) -> str:
    """The person's individual number, or one made from the internal number of a person who has none."""
    eleven = f"0000{cells['internal_no'][-7:]}"
    return cells["individual_number"] or f"{eleven}{check_digit(eleven)}"


def _wrong_check_digit(cells: Cells, random: Random) -> Cells:
    number = _number(cells)
    return {**cells, "individual_number": number[:11] + str((int(number[11]) + random.randint(1, 9)) % 10)}


def _other_content(cells: Cells, _: Random) -> Cells:
    """A deletion carries nothing but its date that could differ."""
    return {**cells, "address": cells["address"] + "改", "deletion_event_date": "2026-04-26"}


def _number_in(name: str) -> Change:
    def put(cells: Cells, random: Random) -> Cells:
        number = _number(cells)
        parts = (number[:4], number[4:8], number[8:])
        shown = random.choice(("-".join(parts), "　".join(parts), number.translate(_FULL_WIDTH)))
        return {**cells, name: f"見本番号{shown}"}

    return put


def _undecodable(cells: Cells, form: Form) -> bytes:
    return _plain(cells, form).replace(_MARK.encode(form.codec), _STRAY_LEAD_BYTE)


def _surplus(cells: Cells, form: Form) -> bytes:
    return quoted([*form.texts(cells), "余分"]).encode(form.codec)


def _missing(cells: Cells, form: Form) -> bytes:
    return quoted(form.texts(cells)[:-1]).encode(form.codec)


def _bad(
    kind: str, code: str, path: str | None, change: Change = _as_it_is, *, repeats: bool = False, write: Write = _plain
) -> Fault:
    return Fault(kind, Expected("refused", code, path), change, repeats, write)


_FULL_WIDTH: Final = str.maketrans("0123456789", "０１２３４５６７８９")

GOOD: Final = Fault("good", Expected("accepted"), _as_it_is)
FAULTS: Final = (
    _bad("wrong check digit", "check_digit", "individual_number", _wrong_check_digit),
    _bad("surplus cell", "surplus_cell", None, write=_surplus),
    _bad("missing cell", "missing_cell", None, write=_missing),
    _bad("category outside the list", "not_in_code_list", "subject_category", _put("subject_category", "T9")),
    Fault("duplicate", Expected("duplicate"), _as_it_is, repeats=True),
    _bad("version conflict", "version_conflict", None, _other_content, repeats=True),
    _bad("superseded state", "superseded", "updated_at", _put("updated_at", _BEFORE_ALL), repeats=True),
    _bad("wrong municipality (C160)", "no_such_person", None, _put("municipality_code", OTHER_MUNICIPALITY)),
    _bad("undecodable bytes", "undecodable_bytes", "name", _put("name", f"見本{_MARK}"), write=_undecodable),
    _bad("over-long field", "too_long", "address", _put("address", "架空市" * 70)),
    _bad("control character", "control_character", "address", _put("address", "架空市\t見本", "架空市\x07見本")),
    _bad("number in address", "individual_number_in_text", "address", _number_in("address")),
    _bad("number in guardian", "individual_number_in_text", "guardian_name", _number_in("guardian_name")),
    _bad("date that does not exist", "not_a_date", "birth_date", _put("birth_date", "2025-02-29", "1950-04-31")),
    _bad("missing required", "missing_required", "name", _put("name", "")),
    _bad("missing person key", "missing_required", "internal_no", _put("internal_no", "")),
    _bad("number too short", "check_digit", "individual_number", _put("individual_number", "00001234567")),
)
"""Every kind that issue 2 names, once or twice."""
