"""Who is allocated 団体内統合宛名番号 by the link platform, inside the city (F20)."""

from typing import Final

from gateway.plugin import Operation, Payload, fields


class Addressee(Payload):
    """A person to whom 団体内統合宛名番号 is allocated from the individual number, inside the city (F20).

    The number goes no further than the link platform. `no_auto_response_flag` is the person's (C152).
    """

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    individual_number: fields.IndividualNumber
    name: fields.Name
    name_kana: fields.NameKana | None = None
    birth_date: fields.BirthDate
    sex: fields.Sex
    address: fields.Address
    no_auto_response_flag: fields.NoAutoResponseFlag
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


OPERATIONS: Final = (
    Operation(
        name="addressee.register",
        label="宛名の登録",
        direction="sends",
        payload=Addressee,
        person_key="internal_no",
        version=("updated_at", "update_seq"),
    ),
)
