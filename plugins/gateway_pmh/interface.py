"""What PMH takes and gives: an individual number for a PMHキー.

The rule: the question holds the number and nothing else (F43), the answer exactly the key and the same number (F44,
C019, C165).
"""

from gateway.plugin import Interface, Operation, Payload, fields


class AskedKey(Payload):
    """採番依頼: whose key is asked for."""

    individual_number: fields.IndividualNumber


class IssuedKey(Payload):
    """採番回答: the key, and the number as it was sent."""

    pmh_key: fields.PmhKey
    individual_number: fields.IndividualNumber


INTERFACE = Interface(
    connector="pmh",
    version="1",
    operations=(
        Operation(
            name="pmh_key.issue",
            label="PMHキー採番",
            direction="receives",
            payload=AskedKey,
            person_key="individual_number",
            reply=IssuedKey,
        ),
    ),
)
