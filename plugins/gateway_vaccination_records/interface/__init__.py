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
)
