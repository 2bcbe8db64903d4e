"""A made-up city with an area of its own, a clock that is set by hand, and a portal and clinics that speak to it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gateway_vaccination_records.record_system.area import Area
from gateway_vaccination_records.record_system.ledger_models import RegistrationsBody
from gateway_vaccination_records.record_system.models import KeyAnswersBody, SubjectsBody
from gateway_vaccination_records.record_system.resident_models import AskedRecords, FilledIn, LinksBody, WantedTemplate
from gateway_vaccination_records.record_system.row_models import Asked, Told
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.visit_models import (
    AskedVisit,
    Examination,
    FoundConfirmation,
    Vaccination,
)
from tests.plugins.vaccination_records.subjects import (
    CITY,
    UPDATED_AT,
    delete,
    deletion,
    individual_number,
    message_id,
    register,
    subject,
)

MASTER = bytes(range(32))
CLINIC, OTHER_CLINIC = "1319999999", "1319999981"  # with valid check digits
SETTING = "SETTING-A"
NOBODY = {"code": "no_such_person"}


def pmh_key(serial: int) -> str:
    return f"PMHKEYOFPERSON{serial:04d}"


def pseudonym(serial: int, use: int = 1) -> str:
    return f"PSEUDONYMOF{serial:04d}USE{use}"


def dose(serial: int, number: int = 1) -> str:
    return f"DOSEOF{serial:04d}N{number}"


def template(setting: str = SETTING, **changes: Any) -> dict[str, Any]:
    items = [
        {"item_id": "FEVER", "question_text": "熱がありますか", "answer_kind": "yesno"},
        {"item_id": "NOTE", "question_text": "心配なことがありますか", "answer_kind": "text"},
    ]
    record = {"vaccination_setting_id": setting, "template_name": "架空の予診票", "items": items}
    return record | {"updated_at": UPDATED_AT, "update_seq": 1} | changes


def management(serial: int, number: int = 1, **changes: Any) -> dict[str, Any]:
    record = {
        "internal_no": f"{serial:010d}",
        "municipality_code": CITY,
        "vaccination_management_id": dose(serial, number),
        "vaccination_setting_id": SETTING,
        "combination_no": "COMB-1",
        "not_eligible_flag": False,
        "forced_expiry_date": "9999-12-31",
        "recommendation_date": "2026-03-01",
        "updated_at": UPDATED_AT,
        "update_seq": 1,
    }
    return record | changes


def given(**changes: Any) -> dict[str, Any]:
    """What city and clinics say alike of a dose; the GTIN is made up and has a valid check digit."""
    record = {
        "vaccination_setting_id": SETTING,
        "vaccinated_on": "2026-04-01",
        "consent_flag": True,
        "doctor_name": "架空髙﨑医師",
        "place": "架空市架空医院診察室",
        "gtin": "04900000000009",
        "lot_no": "LOT-0001",
        "dose_volume": "0.5",
        "caution_flag": True,
        "special_circumstances": "架空の特別の事情がある人",
        "overseas_flag": False,
        "is_deleted": False,
        "updated_at": UPDATED_AT,
        "update_seq": 1,
    }
    return record | changes


def city_record(serial: int, number: int = 1, **changes: Any) -> dict[str, Any]:
    record = {
        **given(),
        "internal_no": f"{serial:010d}",
        "municipality_code": CITY,
        "vaccination_record_id": f"RECORDOF{serial:04d}N{number}",
        "vaccination_management_id": dose(serial, number),
        "subject_category": "A1",
        "fee_reduction_category": "2",
    }
    return record | changes


def notice(serial: int, **changes: Any) -> dict[str, Any]:
    record = {
        "internal_no": f"{serial:010d}",
        "municipality_code": CITY,
        "notice_id": f"NOTICEOF{serial:04d}",
        "notice_title": "架空の接種のお知らせ",
        "notice_text": "架空の接種の時期になりました。",
        "updated_at": UPDATED_AT,
        "update_seq": 1,
    }
    return record | changes


class Village:
    """Every call is a message of its own, unless one is named."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = datetime(2026, 4, 1, 3, tzinfo=UTC)
        self._messages = 0
        self.area = self._opened()

    def _opened(self) -> Area:
        return Area(self.folder, CITY, TenantKey(MASTER, CITY), clock=lambda: self.now)

    def again(self) -> None:
        """What is in memory goes, what is on disk stays."""
        self.area.close()
        self.area = self._opened()

    # ---- the city ---------------------------------------------------------------------------------------------------

    def people(self, *serials: int, **changes: Any) -> None:
        """Persons with keys, as they are now; a further call for the same person is a newer state."""
        rows = [register(n, subject(serial, seq=self._next(), **changes)) for n, serial in enumerate(serials)]
        self._store(*rows)
        batch = self.area.key_batch(100)
        if batch is not None:
            numbers = {individual_number(serial): serial for serial in range(100)}
            keys = [
                {"index": n, "pmh_key": pmh_key(numbers[number]), "individual_number": number}
                for n, number in enumerate(batch.numbers)
            ]
            body = KeyAnswersBody.model_validate({"batch": batch.id, "rows": keys})
            assert {*self.area.key_answers(batch.id, body.rows).values()} == {"stored"}

    def delete(self, serial: int) -> None:
        self._store(delete(0, deletion(serial, seq=self._next())))

    def _store(self, *rows: dict[str, Any]) -> None:
        body = SubjectsBody.model_validate({"message_id": message_id(self._next()), "rows": list(rows)})
        assert {*self.area.store(body.message_id, body.rows).values()} == {"accepted"}

    def registered(self, operation: str, record: dict[str, Any]) -> str:
        row = {"index": 0, "operation": operation, "record": record}
        body = RegistrationsBody.model_validate({"message_id": message_id(self._next()), "rows": [row]})
        return str(self.area.register(body.message_id, body.rows)[0])

    def ready(self, *serials: int, **changes: Any) -> None:
        """Linked persons with one dose due each, and its template."""
        self.people(*serials)
        assert self.registered("template", template(update_seq=self._next())) == "accepted"
        for serial in serials:
            assert self.registered("management", management(serial, **changes)) == "accepted"
            assert self.linked(serial) == "accepted"

    # ---- the portal -------------------------------------------------------------------------------------------------

    def linked(self, serial: int, name: str | None = None, message: int | None = None) -> str:
        record = {"pmh_pseudonym_id": name or pseudonym(serial), "pmh_key": pmh_key(serial)}
        return self._link("hand_over", record, message)

    def key_deleted(self, name: str) -> str:
        return self._link("key_deleted", {"pmh_pseudonym_id": name}, None)

    def _link(self, operation: str, record: dict[str, Any], message: int | None) -> str:
        row = {"index": 0, "operation": operation, "record": record}
        body = LinksBody.model_validate({"message_id": self._id(message), "rows": [row]})
        return str(self.area.link(body.message_id, body.rows)[0])

    def template(self, name: str, dose_id: str) -> Any:
        record = {"pmh_pseudonym_id": name, "vaccination_management_id": dose_id}
        return self.area.residents.templates(Asked[WantedTemplate].model_validate(_one(record)).rows)[0]

    def fill_in(self, serial: int, contents: dict[str, str], message: int | None = None, **changes: Any) -> Any:
        record = {
            "pmh_pseudonym_id": pseudonym(serial),
            "vaccination_management_id": dose(serial),
            "answers": [{"item_id": item, "answer_content": content} for item, content in contents.items()],
            "answered_at": "2026-04-01T09:00:00+09:00",
        }
        body = Told[FilledIn].model_validate({"message_id": self._id(message), **_one(record | changes)})
        return self.area.residents.questionnaires(body.message_id, body.rows)[0]

    def own_records(self, name: str) -> Any:
        return self.area.residents.records(Asked[AskedRecords].model_validate(_one({"pmh_pseudonym_id": name})).rows)[0]

    # ---- PMH and clinics --------------------------------------------------------------------------------------------

    def number(self, serial: int) -> str:
        person = self.area.find("internal_no", f"{serial:010d}")
        assert person is not None
        return person.vaccination_subject_no

    def confirm(self, serial: int, name: str = "CONFIRMATION-1", **changes: Any) -> str:
        record = {
            "identity_confirmation": name,
            "vaccination_subject_no": self.number(serial),
            "clinic_code": CLINIC,
            "consent_flag": True,
            "valid_until": "2026-04-01T18:00:00+09:00",
        }
        return str(self.area.confirm(Asked[FoundConfirmation].model_validate(_one(record | changes)).rows)[0])

    def asked(self, serial: int, **changes: Any) -> dict[str, Any]:
        known = {"vaccination_subject_no": self.number(serial)} if "vaccination_subject_no" not in changes else {}
        return {"identity_confirmation": "CONFIRMATION-1", "clinic_code": CLINIC} | known | changes

    def visit(self, serial: int, **changes: Any) -> Any:
        rows = Asked[AskedVisit].model_validate(_one(self.asked(serial, **changes))).rows
        return self.area.visits.queries(rows)[0]

    def examine(self, serial: int, message: int | None = None, **changes: Any) -> Any:
        """Of the answers that the clinic sees now, unless `answer_id` is told; "" is none."""
        confirmed = {name: changes[name] for name in ("identity_confirmation", "clinic_code") if name in changes}
        seen = self.visit(serial, **confirmed).get("record", {}).get("due", ())
        shown = {each["vaccination_management_id"]: each.get("answer_id", "") for each in seen}
        answers = changes.pop("answer_id", shown.get(dose(serial), ""))
        record = {
            **({"answer_id": answers} if answers else {}),
            "vaccination_management_id": dose(serial),
            "doctor_judgement": "1",
            "doctor_name": "架空髙﨑医師",
            "doctor_note": "架空の所見である",
            "examined_at": "2026-04-01T10:00:00+09:00",
        }
        body = self._told(Told[Examination], message, self.asked(serial, **record | changes))
        return self.area.visits.examinations(body.message_id, body.rows)[0]

    def vaccinate(self, serial: int, message: int | None = None, **changes: Any) -> Any:
        record = {"vaccination_management_id": dose(serial), **given()}
        body = self._told(Told[Vaccination], message, self.asked(serial, **record | changes))
        return self.area.visits.vaccinations(body.message_id, body.rows)[0]

    def _told(self, model: type[Any], message: int | None, record: dict[str, Any]) -> Any:
        return model.model_validate({"message_id": self._id(message), **_one(record)})

    def _id(self, message: int | None) -> str:
        return message_id(10_000 + message if message is not None else self._next())

    def _next(self) -> int:
        self._messages += 1
        return self._messages


def _one(record: dict[str, Any]) -> dict[str, Any]:
    return {"rows": [{"index": 0, "record": record}]}


def shaped(answer: Any, model: type[BaseModel]) -> dict[str, Any]:
    """The record of an answer, which is exactly as the interface's model says."""
    assert set(answer) == {"record"}
    record: dict[str, Any] = answer["record"]
    assert model.model_validate(record).model_dump(exclude_none=True) == record
    return record
