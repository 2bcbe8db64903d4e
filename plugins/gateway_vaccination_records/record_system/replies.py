"""What the rows of requests were answered, so that a row that comes again has no second effect and hears the same.

The rule: (message_id, index) is judged once; the answer becomes durable with the effect, or neither does.
"""

import sqlite3
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias, TypeVar

from pydantic_core import from_json, to_json

from gateway_vaccination_records.record_system.closed import Indexed
from gateway_vaccination_records.record_system.database import transaction
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import Verdict

Answer: TypeAlias = Mapping[str, Any]
"""A row's answer as the API gives it, its index aside."""
AnyRow = TypeVar("AnyRow", bound=Indexed)


class Replies:
    """On the area's own connection; `once` is a transaction of its own."""

    def __init__(self, db: sqlite3.Connection, key: TenantKey) -> None:
        self._db = db
        self._key = key

    def once(
        self,
        message_id: str,
        rows: Collection[AnyRow],
        judge: Callable[[AnyRow], Answer],
        final: Callable[[Answer], bool] = lambda _: True,
    ) -> dict[int, Answer]:
        """Each row's answer: its first one, or what `judge` says now. An answer that is not final is not kept."""
        answers: dict[int, Answer] = {}
        with transaction(self._db):
            known = self._known(message_id, [row.index for row in rows])
            for row in rows:
                answer = answers[row.index] = known.get(row.index) or judge(row)
                if row.index not in known and final(answer):
                    sealed = self._key.seal(to_json(answer), _row(message_id, row.index))
                    self._db.execute("INSERT INTO reply VALUES (?, ?, ?)", (message_id, row.index, sealed))
        return answers

    def _known(self, message_id: str, indices: Collection[int]) -> dict[int, Answer]:
        found = self._db.execute(
            "SELECT row, sealed FROM reply WHERE message_id = ? AND row BETWEEN ? AND ?",
            (message_id, min(indices), max(indices)),
        )
        return {index: from_json(self._key.open(sealed, _row(message_id, index))) for index, sealed in found}


def answered(record: Mapping[str, Any] | Verdict) -> Answer:
    """The answer to a request's row."""
    return {"code": str(record)} if isinstance(record, Verdict) else {"record": record}


def _row(message_id: str, index: int) -> bytes:
    return b"reply|%s|%d" % (message_id.encode(), index)
