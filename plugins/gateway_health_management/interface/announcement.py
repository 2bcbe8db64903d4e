"""お知らせ to one person over the network, and what became of it (F28, C193)."""

from typing import Final

from gateway.plugin import Operation, Payload, fields


class Announcement(Payload):
    """お知らせ情報 to one person, over the network (F28)."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    notice_id: fields.NoticeId
    notice_title: fields.NoticeTitle
    notice_text: fields.NoticeText
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


class AnnouncementStatus(Payload):
    """What became of an announcement (C193)."""

    internal_no: fields.InternalNo
    notice_id: fields.NoticeId
    announcement_response: fields.AnnouncementResponse


OPERATIONS: Final = (
    Operation(
        name="announcement.send",
        label="お知らせの送信",
        direction="sends",
        payload=Announcement,
        person_key="internal_no",  # told once, by its number: no state, and so without a version
    ),
    Operation(
        name="announcement.status",
        label="お知らせの状況",
        direction="receives",
        payload=AnnouncementStatus,
        person_key="internal_no",
    ),
)
