"""One made-up child of 架空市: all that its city, its mother and its doctor say of it, with every field of every route.

The rule: each text is the child's own and long enough to be searched for; each entry is named after the child.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.plugin import Payload
from gateway_demo_city.city import FORM
from gateway_demo_city.people import Cells
from gateway_health_management.forms import by_label
from gateway_health_management.interface.registered import RegisteredManagement, RegisteredNotice, RegisteredRecord
from gateway_health_management.simulator import city_csv
from tests.acceptance.subjects import lookup, record, subject, values

_LETTERS: Final = str.maketrans("0123456789", "ABCDEFGHJK")
_KANJI: Final = str.maketrans("0123456789", "〇一二三四五六七八九")
_PAYLOADS: Final[Mapping[str, type[Payload]]] = {
    "management": RegisteredManagement,
    "record": RegisteredRecord,
    "notice": RegisteredNotice,
}
_REGISTERED: Final = "2026-04-10T09:00:00+09:00"
SETTING: Final = "SETTING-MADEUP-1"
TEMPLATE: Final[Mapping[str, Any]] = {
    "vaccination_setting_id": SETTING,
    "template_name": "架空ワクチンの予診票",
    "items": [
        {"item_id": "Q1", "question_text": "今日の体温は何度ですか", "answer_kind": "number"},
        {"item_id": "Q2", "question_text": "今日、具合の悪いところがありますか", "answer_kind": "text"},
    ],
    "updated_at": _REGISTERED,
    "update_seq": 1,
}


class Child:
    """`mark` tells the child's texts from another's; `due` and `earlier` are its 予防接種管理ID."""

    def __init__(self, ordinal: int) -> None:
        digits = f"{ordinal:08d}"
        self.cells: Cells = subject(ordinal)
        self.mark = digits.translate(_KANJI)
        self.letters = digits.translate(_LETTERS)
        self.card = f"CARD-CHILD-{self.letters}"
        self.mother = f"CARD-MOTHER-{self.letters}"
        self.due = f"MANAGEMENT-{self.letters}"
        self.earlier = f"MANAGEMENT-EARLIER-{self.letters}"
        self.answer = f"架空の鼻水が少し{self.mark}"
        self.note = f"架空の所見良好{self.mark}"

    @property
    def whole(self) -> dict[str, Any]:
        """A later state, as JSON says it, with what the city's files have no column for."""
        later = record(self.cells | {"change_type": "2", "update_seq": "2", "municipality_business_id": "009"})
        return later | {"fee_reduction_category": "1", "deletion_event_date": "2026-04-20"}

    @property
    def asked(self) -> dict[str, str]:
        """The city's question about the child."""
        return lookup(self.cells)

    @property
    def gone(self) -> dict[str, Any]:
        """The child moves away."""
        return record(self.cells | {"change_type": "3", "update_seq": "9", "deletion_event_date": "2026-04-25"})

    def management(self, **changes: Any) -> dict[str, Any]:
        """The dose that is due."""
        own = {
            "vaccination_management_id": self.due,
            "vaccination_setting_id": SETTING,
            "combination_no": f"COMBINATION-{self.letters}",
            "not_eligible_flag": False,
            "forced_expiry_date": "2099-03-31",
            "recommendation_rule_id": "RULE-MADEUP-1",
            "recommendation_date": "2026-05-01",
        }
        return self._registered(own | changes)

    def had(self) -> dict[str, Any]:
        """A dose of the city's own ledger."""
        own = {
            "vaccination_record_id": f"RECORD-{self.letters}",
            "vaccination_management_id": self.earlier,
            "clinic_code": "1319999999",
            "subject_category": "A1",
            "fee_reduction_category": "0",
            "is_deleted": False,
        }
        return self._registered(self.dose("EARLIER") | own)

    def notice(self, name: str = "1") -> dict[str, Any]:
        """The city's notice to the child."""
        own = {
            "notice_id": f"NOTICE-{name}-{self.letters}",
            "notice_title": f"架空の接種のご案内{self.mark}",
            "notice_text": f"{self.cells['name']}様の接種の時期です{self.mark}",
        }
        return self._registered(own)

    def dose(self, lot: str, **changes: Any) -> dict[str, Any]:
        """What is said of a dose that was given, by the clinic for one."""
        given = {
            "vaccination_management_id": self.due,
            "vaccination_setting_id": SETTING,
            "vaccinated_on": "2026-04-01",
            "consent_flag": True,
            "doctor_name": f"架空　見本医師{self.mark}",
            "place": f"架空市架空診療所{self.mark}",
            "implementation_type": "1",
            "vaccination_type": "1",
            "gtin": "04999999000008",
            "vaccine_maker": f"架空製薬見本{self.mark}",
            "vaccine_generic_name": f"架空一般名{self.mark}",
            "vaccine_common_name": f"架空通称見本{self.mark}",
            "vaccine_brand_name": f"架空販売名{self.mark}",
            "lot_no": f"LOT-{lot}-{self.letters}",
            "dose_volume": "0.5",
            "injection_site": "2",
            "injection_method": "1",
            "vaccine_expiry_date": "2027-12-31",
            "caution_flag": True,
            "special_circumstances": f"架空の特別の事情{self.mark}",
            "overseas_flag": False,
        }
        return given | changes

    def values(self, *more: str) -> set[str]:
        """By which a trace of the child would be known."""
        said = [*self.management().values(), *self.had().values(), *self.notice().values(), self.answer, self.note]
        own = {each for each in said if isinstance(each, str) and (self.mark in each or self.letters in each)}
        return values(self.cells) | {self.card, self.mother, *own, *more}

    def _registered(self, own: Mapping[str, Any]) -> dict[str, Any]:
        return {**self.asked, **own, "updated_at": _REGISTERED, "update_seq": 1}


def file(kind: str, *records: Mapping[str, Any]) -> bytes:
    """A file of the city: headers are the labels of the interface's fields."""
    columns = by_label(_PAYLOADS[kind])
    rows = [[_cell(name, each.get(name, "")) for name in columns.values()] for each in records]
    return city_csv(list(columns), rows, FORM.encoding)


def _cell(name: str, value: object) -> str:
    """As the municipal system writes it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if name == "updated_at":
        return str(value)[:19].translate(str.maketrans("", "", "-:T"))
    return str(value).replace("-", "") if name.endswith(("_date", "vaccinated_on")) else str(value)
