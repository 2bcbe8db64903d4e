"""The users as the system has them, held against the officer's own table of rights (C047)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints, model_validator

from gateway.config.files import Closed, Day, StaffId
from gateway.hub.people import Role
from gateway.hub.review.finding import Code, Observation

_COUNTS: Final = ("configured", "valid", "ends_soon")
"""The standings of a right that counts today."""


class Entitled(Closed):
    """A right as the table has it; without a last day it is one that the configuration gives."""

    person: StaffId
    role: Role
    until: Day | None = None


class Table(Closed):
    """The officer's table of rights (アクセス権限の管理表), and SHA-256 over the file that it came in."""

    table: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    rows: Annotated[tuple[Entitled, ...], Field(max_length=2000)]

    @model_validator(mode="after")
    def _each_once(self) -> "Table":
        if len({_key(each.person, each.role) for each in self.rows}) < len(self.rows):
            raise ValueError("a person has a role once")
        return self


def compared(
    rights: Iterable[Mapping[str, Any]], table: Table, last_acts: Mapping[str, str], today: date
) -> Iterator[dict[str, Any]]:
    """Each right of either, by person: it `agrees`, is `missing_here` (the table alone has it), `missing_there` (the
    system alone has it), or `differs` in its last day. What counts no more `today`, on neither side, is not held
    against anything. `last_acts` are days in Japan, by casefolded staff id.
    """
    here = {_key(each["person"], Role(each["role"])): each for each in rights if each["standing"] in _COUNTS}
    there = {
        key: each
        for each in table.rows
        if (key := _key(each.person, each.role)) in here or each.until is None or each.until >= today
    }
    for key in sorted(here.keys() | there.keys()):
        has, should = here.get(key), there.get(key)
        until = should.until.isoformat() if should is not None and should.until is not None else None
        if has is None:
            found = "missing_here"
        elif should is None:
            found = "missing_there"
        else:
            found = "agrees" if until == has["until"] else "differs"
        row = has or {"person": should.person if should else None, "role": key[1], "until": None, "standing": None}
        yield {**row, "table_until": until, "found": found, "last_act": last_acts.get(key[0])}


def to_look_into(rows: Iterable[Mapping[str, Any]]) -> list[Observation]:
    """What is not as the table has it. It may be the account of that person, or the table."""
    return [
        Observation(code=_CODES[row["found"]], person=row["person"], role=row["role"], acted=(row["person"],))
        for row in rows
        if row["found"] in _CODES
    ]


def _key(person: str, role: Role) -> tuple[str, str]:
    return person.casefold(), role.value


_CODES: Final = {
    "missing_here": Code.RIGHT_MISSING_HERE,
    "missing_there": Code.RIGHT_MISSING_THERE,
    "differs": Code.RIGHT_DIFFERS,
}
