"""The two shapes of a body whose rows are all of one kind: what is asked, and what is told once and for all."""

from typing import Annotated, Generic, TypeVar

from pydantic import Field

from gateway_vaccination_records.record_system.closed import MOST_ROWS, Closed, MessageId, RowIndex, Rows

R = TypeVar("R", bound=Closed)


class Row(Closed, Generic[R]):
    """One record, and the index by which it is answered."""

    index: RowIndex
    record: R


class Asked(Rows, Generic[R]):
    """Rows that may be asked as often as one likes."""

    rows: Annotated[list[Row[R]], Field(min_length=1, max_length=MOST_ROWS)]


class Told(Asked[R], Generic[R]):
    """Rows that change something. (`message_id`, `index`) names a row for ever: its first answer stands."""

    message_id: MessageId
