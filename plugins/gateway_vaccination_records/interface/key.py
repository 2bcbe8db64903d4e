"""Asking for PMH keys: exactly the key and the number that it is for come back (F43, F44, C019)."""

from typing import Final

from gateway.plugin import Operation, Payload, fields


class NumberWithoutKey(Payload):
    """採番依頼 (F43): a number for which a PMH key is wanted, and nothing else."""

    individual_number: fields.IndividualNumber


class IssuedKey(Payload):
    """採番回答 (F44): exactly the key and the number that it is for (C019)."""

    pmh_key: fields.PmhKey
    individual_number: fields.IndividualNumber


OPERATIONS: Final = (
    Operation(
        name="pmh_key.issue",
        label="PMHキー採番依頼",
        direction="sends",
        payload=NumberWithoutKey,
        person_key="individual_number",
        reply=IssuedKey,
    ),
)
