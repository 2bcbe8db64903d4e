"""Notices to residents, in memory, by pseudonym.

The rule: each (message id, index) acts once and has the same verdict ever after; of two states of a notice the newer
one stays.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

_Id = Annotated[str, StringConstraints(pattern="^[0-9A-Za-z][0-9A-Za-z-]{0,63}$")]


class _Closed(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


class Notice(_Closed):
    """What a resident reads, and which state of it this is. There is no field for a PMH key or an individual number."""

    pmh_pseudonym_id: _Id
    notice_id: _Id
    notice_title: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    notice_text: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    updated_at: AwareDatetime
    update_seq: int

    @property
    def version(self) -> tuple[datetime, int]:
        """What says which of two states is newer."""
        return self.updated_at, self.update_seq


class Row(_Closed):
    """One notice with its index in its message."""

    index: Annotated[int, Field(ge=0)]
    record: Notice


class Delivery(_Closed):
    """What the gateway brings."""

    message_id: _Id
    rows: Annotated[list[Row], Field(min_length=1, max_length=1000)]


class Notices:
    """`kept` counts notices, not their states."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str], Notice] = {}
        self._verdicts: dict[tuple[str, int], dict[str, Any]] = {}

    @property
    def kept(self) -> int:
        return len(self._latest)

    def keep(self, message_id: str, row: Row, *, known: bool) -> dict[str, Any]:
        """The verdict on a row; `known`: whether the pseudonym is anybody's."""
        verdict = self._verdicts.get((message_id, row.index))
        if verdict is None:
            verdict = self._verdicts[message_id, row.index] = self._judge(row.record, known=known)
        return {"index": row.index, **verdict}

    def of(self, pseudonym: str) -> list[dict[str, Any]]:
        """A resident's notices, the newest first."""
        own = [notice for (whose, _), notice in self._latest.items() if whose == pseudonym]
        return [each.model_dump(mode="json") for each in sorted(own, key=lambda each: each.version, reverse=True)]

    def _judge(self, notice: Notice, *, known: bool) -> dict[str, Any]:
        place = notice.pmh_pseudonym_id, notice.notice_id
        former = self._latest.get(place)
        if not known:
            return {"status": "refused", "code": "no_such_person"}
        if former is not None and notice.version < former.version:
            return {"status": "refused", "code": "superseded"}
        if former is not None and notice.version == former.version:
            same = notice == former
            return {"status": "duplicate"} if same else {"status": "refused", "code": "version_conflict"}
        self._latest[place] = notice
        return {"status": "accepted"}
