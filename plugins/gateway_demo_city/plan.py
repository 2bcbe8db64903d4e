"""What the city registers for the day, as its own system does: templates as JSON; doses due and notices as files.

The rule: files have the headers of the catalogue's labels, in the encoding and the forms that the site configures.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway_demo_city.form import Form
from gateway_demo_city.households import INFLUENZA, MEASLES_RUBELLA, Household
from gateway_demo_city.people import MUNICIPALITY, Cells

_VERSION: Final = {"updated_at": "2026-04-20T09:00:00+09:00", "update_seq": "1"}
_PERSON: Final = {"内部番号": "internal_no", "自治体コード": "municipality_code"}
_ITS_VERSION: Final = {"更新日時": "updated_at", "更新連番": "update_seq"}
_DUE: Final = {
    **_PERSON,
    "予防接種管理ID": "vaccination_management_id",
    "予防接種設定ID": "vaccination_setting_id",
    "接種不可フラグ": "not_eligible_flag",
    "強制失効日": "forced_expiry_date",
    "勧奨情報(勧奨日)": "recommendation_date",
    **_ITS_VERSION,
}
_NOTICE: Final = {
    **_PERSON,
    "通知ID": "notice_id",
    "通知件名": "notice_title",
    "通知文言": "notice_text",
    **_ITS_VERSION,
}
_QUESTIONS: Final = (
    ("temperature", "今日の体温は何度ですか", "number"),
    ("fever", "最近1か月以内に熱が出たり、病気にかかったりしましたか", "yesno"),
    ("allergy", "薬や食品で具合が悪くなったことがあれば書いてください", "text"),
)
_NAMES: Final = {MEASLES_RUBELLA: "麻しん風しん混合 第1期 予診票", INFLUENZA: "インフルエンザ 予診票"}


def templates() -> list[dict[str, Any]]:
    """予診票ひな形, one for each setting."""
    items = [{"item_id": item, "question_text": text, "answer_kind": kind} for item, text, kind in _QUESTIONS]
    version = {"updated_at": _VERSION["updated_at"], "update_seq": 1}
    return [
        {"vaccination_setting_id": setting, "template_name": name, "items": items, **version}
        for setting, name in _NAMES.items()
    ]


def answers(household: Household) -> list[dict[str, str]]:
    """What a parent or a person answers to it."""
    given = ("36.5", "no", household.words("回答"))
    return [{"item_id": item, "answer_content": text} for (item, _, _), text in zip(_QUESTIONS, given, strict=True)]


def files(households: Sequence[Household], form: Form) -> dict[str, bytes]:
    """Name without ending → content: a dose due and a notice for each."""
    due = [
        {
            "vaccination_management_id": each.dose,
            "vaccination_setting_id": each.setting,
            "not_eligible_flag": "0",
            "forced_expiry_date": "2099-03-31",
            "recommendation_date": "2026-05-01",
        }
        for each in households
    ]
    notices = [
        {"notice_id": each.notice, "notice_title": "予防接種のお知らせ", "notice_text": each.words("通知")}
        for each in households
    ]
    return {
        "management_plan": _file(_DUE, households, due, form),
        "notice_plan": _file(_NOTICE, households, notices, form),
    }


def registered(state: Cells) -> dict[str, Any]:
    """A subject's state as JSON: what is empty is absent, flags and the sequence are no texts."""
    record: dict[str, Any] = {name: text for name, text in state.items() if text}
    record |= {name: text == "1" for name, text in state.items() if name.startswith("control_flag")}
    return record | {"update_seq": int(state["update_seq"])}


def _file(
    columns: Mapping[str, str], households: Sequence[Household], rows: Sequence[Mapping[str, str]], form: Form
) -> bytes:
    cells = (
        {"internal_no": each.internal_no, "municipality_code": MUNICIPALITY, **row, **_VERSION}
        for each, row in zip(households, rows, strict=True)
    )
    return form.table(columns, cells)
