"""What 履歴照会回答システム is asked: a PMH key, for which it gives the ID5 (F56, F58, R14).

The rule: insured numbers stay behind it, and there is no individual number here.
"""

from gateway.plugin import DataClass, Interface, Operation, Payload, fields


class AskedId5(Payload):
    """ID5取得依頼."""

    pmh_key: fields.PmhKey


class FoundId5(Payload):
    """The ID5, and the key that it is for."""

    pmh_key: fields.PmhKey
    id5: fields.Id5


INTERFACE = Interface(
    connector="history_lookup",
    label="履歴照会回答システム",
    version="1",
    never=frozenset(
        {
            DataClass.INDIVIDUAL_NUMBER,
            DataClass.BASIC,
            DataClass.CONTACT,
            DataClass.HEALTH,
            DataClass.TAX_WELFARE,
        }
    ),
    operations=(
        Operation(
            name="id5.fetch",
            label="ID5取得",
            direction="receives",
            payload=AskedId5,
            person_key="pmh_key",
            reply=FoundId5,
        ),
    ),
)
