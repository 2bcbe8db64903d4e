"""What the record system takes and gives, by whom it is with: the fixed fields of every operation."""

from gateway.plugin import Interface
from gateway_vaccination_records.interface import city, clinic, key, research, resident, subject

INTERFACE = Interface(
    connector="vaccination_records",
    version="2",
    operations=(
        *subject.OPERATIONS,
        *key.OPERATIONS,
        *city.OPERATIONS,
        *resident.OPERATIONS,
        *clinic.OPERATIONS,
        *research.OPERATIONS,
    ),
    codes={
        "confirmation_awaited": "PMH has not told yet whether it has the confirmation that the clinic refers to.",
        "dose_exists": "The dose was recorded already, and that record is not deleted.",
        "expired_questionnaire": "The questionnaire's day of expiry has come; nothing can be filled in any more.",
        "no_such_template": "There is no such questionnaire for that person.",
        "not_yours": "The record belongs to somebody else, or another one entered it.",
        "unknown_item": "An answer names an item that the questionnaire does not have, or the same one twice.",
    },
)
