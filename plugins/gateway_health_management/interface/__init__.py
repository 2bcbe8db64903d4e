"""What the health management system sends and is given back, by what it is about: the fixed fields of every operation.

Vaccination subjects only (rule 8): of tax and welfare there is nothing here but 減免区分. Field names and
the change types come from K 別添2(1).
"""

from typing import Final

from gateway.plugin import Interface
from gateway_health_management.interface import (
    addressee,
    announcement,
    inquiry,
    registered,
    replica,
    returned,
    subject,
)

INTERFACE: Final = Interface(
    connector="health_management",
    version="3",
    codes={"not_in_encoding": "設定の文字コードで書けない文字がある"},
    operations=(
        *subject.OPERATIONS,
        *registered.OPERATIONS,
        *returned.OPERATIONS,
        *addressee.OPERATIONS,
        *replica.OPERATIONS,
        *inquiry.OPERATIONS,
        *announcement.OPERATIONS,
    ),
)
