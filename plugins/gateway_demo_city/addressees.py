"""Who passes between bodies that day, and the files by which the city registers it: a family that moves in, a person
whom others ask about, and one who is protected (自動応答不可).

The rule: they are in nobody's part of the day else; all that is made up of them is unique and long.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from gateway_demo_city.form import Form
from gateway_demo_city.people import MUNICIPALITY, Cells, Pools, individual_number, resident

FORMER_CITY: Final = "999989"
"""Where the family comes from, and who asks about ours."""
PREFECTURE: Final = "990001"
DATASET: Final = "TM00000000000101"
PROCEDURES: Final = {"25": "JT00000000002501", "26": "JT00000000002601", "153": "JT00000000015301"}
"""項 → 事務手続きコード, as the matching list of the made-up network has them."""
DOSE: Final = ("vaccinated_on", "vaccine_generic_name", "dose_no", "lot_no", "overseas_flag")
"""What is told of a dose."""
_VERSION: Final = {"updated_at": "2026-04-20T09:00:00+09:00", "update_seq": "1"}
_LATER: Final = {"updated_at": "2026-04-21T09:00:00+09:00", "update_seq": "2"}
_PERSON: Final = {"内部番号": "internal_no", "自治体コード": "municipality_code"}
_ITS_VERSION: Final = {"更新日時": "updated_at", "更新連番": "update_seq"}
_ADDRESSEE: Final = {
    **_PERSON,
    "個人番号": "individual_number",
    "氏名": "name",
    "カナ": "name_kana",
    "生年月日": "birth_date",
    "性別": "sex",
    "住所": "address",
    "自動応答不可フラグ": "no_auto_response_flag",
    **_ITS_VERSION,
}
_REPLICA: Final = {
    **_PERSON,
    "特定個人情報名コード": "dataset_code",
    "レコード識別番号": "dataset_record_no",
    "特定個人情報の版番号": "dataset_version",
    "自動応答不可フラグ": "no_auto_response_flag",
    "接種日": "vaccinated_on",
    "ワクチン名(一般名)": "vaccine_generic_name",
    "接種回": "dose_no",
    "ロット番号": "lot_no",
    "海外接種フラグ": "overseas_flag",
    **_ITS_VERSION,
}
_DELETION: Final = {**_PERSON, "レコード識別番号": "dataset_record_no", **_ITS_VERSION}
_INQUIRY: Final = {
    **_PERSON,
    "照会番号": "inquiry_no",
    "照会の項": "inquiry_row",
    "事務手続きコード": "procedure_code",
    "特定個人情報名コード": "dataset_code",
    "情報提供者機関コード": "provider_code",
    "不開示コード": "undisclosed_flag",
}
_ANNOUNCEMENT: Final = {
    **_PERSON,
    "通知ID": "notice_id",
    "通知件名": "notice_title",
    "通知文言": "notice_text",
    **_ITS_VERSION,
}
_DOSES_OF_EACH: Final = 2
_NUMERALS: Final = str.maketrans("0123456789", "〇一二三四五六七八九")


@dataclass(frozen=True, slots=True)
class Addressee:
    """One of them. `row` is the 項 under which the city asks for the history of who moves in."""

    place: int
    person: Cells = field(repr=False)
    row: str = ""
    protected: bool = False
    more_doses: int = 0

    @property
    def internal_no(self) -> str:
        return self.person["internal_no"]

    @property
    def individual_number(self) -> str:
        return self.person["individual_number"]

    @property
    def inquiry(self) -> str:
        """照会番号."""
        return f"INQUIRYMADEUP{self.place:05d}X"

    @property
    def announcement(self) -> str:
        """通知ID."""
        return f"ANNOUNCEMADEUP{self.place:05d}X"

    @property
    def records(self) -> list[Cells]:
        """Each dose as the record of a replica; of who moves in, as the former city has them."""
        return [self._record(dose_no) for dose_no in range(1, _DOSES_OF_EACH + self.more_doses + 1)]

    def _record(self, dose_no: int) -> Cells:
        mark = f"{self.place:05d}"
        return {
            "dataset_record_no": f"RECORDMADEUP{mark}N{dose_no}",
            "vaccinated_on": f"2025-0{dose_no}-1{self.place % 9}",
            "vaccine_generic_name": f"架空の見本のためのワクチン{mark.translate(_NUMERALS)}の{dose_no}",
            "dose_no": str(dose_no),
            "lot_no": f"LOTMADEUP{mark}N{dose_no}",
            "overseas_flag": "0",
        }


@dataclass(frozen=True, slots=True)
class Addressees:
    """All of them. The last record of `asked` is deleted that day, and so is its replica."""

    family: tuple[Addressee, ...]
    asked: Addressee
    protected: Addressee

    @classmethod
    def made(cls, residents: int, seed: int) -> "Addressees":
        """People whom the city file does not have; the first of the family is a child."""
        random, pools = Random(f"{seed}/addressees"), Pools.seeded(seed)
        ordinals = range(8 * (residents // 8 + 1), 8 * (residents // 8 + 6), 8)  # every eighth is a canary

        def person(ordinal: int) -> Cells:
            return resident(ordinal, random, pools) | {"individual_number": individual_number(ordinal)}

        child, *parents, asked, protected = (person(ordinal) for ordinal in ordinals)
        child |= {"birth_date": "2023-05-14", "sex": "2"}
        home = {"address": child["address"]}
        family = [Addressee(place, each | home, row="153") for place, each in enumerate(parents, start=2)]
        return cls(
            (Addressee(1, child, row="25"), *family),
            Addressee(4, asked, more_doses=1),
            Addressee(5, protected, protected=True),
        )

    @property
    def everybody(self) -> tuple[Addressee, ...]:
        return (*self.family, self.asked, self.protected)

    # ---- as files ----------------------------------------------------------------------------------------------------

    def registration(self, form: Form) -> dict[str, bytes]:
        """Who they are; name of the file without ending → content."""
        flags = {each.place: {"no_auto_response_flag": str(int(each.protected))} for each in self.everybody}
        rows = [each.person | flags[each.place] | _VERSION for each in self.everybody]
        return {"addressee_day": form.table(_ADDRESSEE, rows)}

    def exchange(self, form: Form) -> dict[str, bytes]:
        """Replicas of ours; inquiries about the family; an announcement to a parent."""
        child, parent, *_ = self.family
        inquiries = [
            _of(each)
            | {
                "inquiry_no": each.inquiry,
                "inquiry_row": each.row,
                "procedure_code": PROCEDURES[each.row],
                "dataset_code": DATASET,
                "provider_code": FORMER_CITY,
                "undisclosed_flag": "0",
            }
            for each in self.family
        ]
        announcement = {
            "notice_id": parent.announcement,
            "notice_title": "予防接種のお知らせ",
            "notice_text": f"架空のお知らせのための見本の文{child.place:05d}番".translate(_NUMERALS),
        }
        return {
            "replica_register_day": form.table(_REPLICA, self._replicas()),
            "inquiry_day": form.table(_INQUIRY, inquiries),
            "announcement_day": form.table(_ANNOUNCEMENT, [_of(parent) | announcement | _VERSION]),
        }

    def deletion(self, form: Form) -> dict[str, bytes]:
        """The last record of `asked` is erased."""
        erased = {"dataset_record_no": self.asked.records[-1]["dataset_record_no"]}
        return {"replica_delete_day": form.table(_DELETION, [_of(self.asked) | erased | _LATER])}

    def originals(self, form: Form) -> bytes:
        """What the city has then: the list that replicas are held against."""
        return form.table(_REPLICA, [row for row in self._replicas() if row["dose_no"] <= str(_DOSES_OF_EACH)])

    def _replicas(self) -> list[Cells]:
        fixed = {"dataset_code": DATASET, "dataset_version": "1", "no_auto_response_flag": "0"}
        return [
            _of(each) | fixed | record | _VERSION for each in (self.asked, self.protected) for record in each.records
        ]

    # ---- what must not stay behind -----------------------------------------------------------------------------------

    def canaries(self) -> dict[str, set[str]]:
        """By kind."""
        found: dict[str, set[str]] = {
            name: {each.person[name] for each in self.everybody}
            for name in ("internal_no", "individual_number", "name", "name_kana", "address")
        }
        records = [record for each in self.everybody for record in each.records]
        for name in ("dataset_record_no", "vaccine_generic_name", "lot_no"):
            found[name] = {record[name] for record in records}
        found["inquiry_no"] = {each.inquiry for each in self.family}
        found["notice_id"] = {self.family[1].announcement}
        return found


def told(records: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Doses as bodies tell each other of them: as JSON, and nothing of the record that they stand in."""
    whole = [{name: record[name] for name in DOSE} for record in records]
    return [each | {"dose_no": int(each["dose_no"]), "overseas_flag": each["overseas_flag"] == "1"} for each in whole]


def standing(addressee: Addressee) -> Sequence[Cells]:
    """Its records once the deleted one is gone."""
    return addressee.records[:_DOSES_OF_EACH]


def _of(addressee: Addressee) -> Cells:
    return {"internal_no": addressee.internal_no, "municipality_code": MUNICIPALITY}
