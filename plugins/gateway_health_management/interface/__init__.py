"""What the health management system sends and is given back, by what it is about: the fixed fields of every operation.

Vaccination subjects only: of tax and welfare it sends 減免区分 alone, and is given what other bodies answer to its
inquiries (rule 8). Field names and the change types come from K 別添2(1).
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
    label="健康管理システム",
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
