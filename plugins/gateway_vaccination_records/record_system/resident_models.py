"""The shapes of what residents hand over, ask and fill in by way of the portal (F47-F50)."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from gateway_vaccination_records.record_system.closed import (
    MOST_ROWS,
    Closed,
    Id,
    Instant,
    MessageId,
    PmhKey,
    RowIndex,
    Rows,
    ShortId,
    text,
)


class HandedOver(Closed):
    """仮名識別子の引渡し (F47)."""

    pmh_pseudonym_id: Id
    pmh_key: PmhKey


class KeyDeleted(Closed):
    """The portal has deleted the key (C140)."""

    pmh_pseudonym_id: Id


class HandOverRow(Closed):
    """A pseudonym to link."""

    index: RowIndex
    operation: Literal["hand_over"]
    record: HandedOver


class KeyDeletedRow(Closed):
    """A deletion to note."""

    index: RowIndex
    operation: Literal["key_deleted"]
    record: KeyDeleted


LinkRow: TypeAlias = HandOverRow | KeyDeletedRow


class LinksBody(Rows):
    """`POST /v1/residents/links`. (`message_id`, `index`) names a row for ever: its first outcome stands."""

    message_id: MessageId
    rows: Annotated[
        list[Annotated[LinkRow, Field(discriminator="operation")]], Field(min_length=1, max_length=MOST_ROWS)
    ]


class WantedTemplate(Closed):
    """Which questionnaire: that of one dose that the person is due (F50)."""

    pmh_pseudonym_id: Id
    vaccination_management_id: Id


class GivenAnswer(Closed):
    """One answer."""

    item_id: ShortId
    answer_content: Annotated[str, text(500)]


class FilledIn(Closed):
    """予診票事前入力 (F50)."""

    pmh_pseudonym_id: Id
    vaccination_management_id: Id
    answers: list[GivenAnswer]
    answered_at: Instant


class AskedRecords(Closed):
    """Own records and notices (F49)."""

    pmh_pseudonym_id: Id
