"""Made-up subjects of 架空市: as cells of a city file, as records of JSON over HTTPS, and whole files of them."""

from collections.abc import Iterable
from typing import Any

from gateway_demo_city.city import CANARY_LENGTH, FORM
from gateway_demo_city.form import quoted
from gateway_demo_city.people import COLUMNS, Cells, individual_number, internal_no

MUNICIPALITY = "999997"
OTHER_MUNICIPALITY = "999989"
FLAGS = ("control_flag_recovery", "control_flag_nondisclosure", "control_flag_view_suspended")
DELETION = ("internal_no", "municipality_code", "change_type", "deletion_event_date", "updated_at", "update_seq")
_KANJI = str.maketrans("0123456789", "〇一二三四五六七八九")
_KANA = str.maketrans("0123456789", "ﾏﾋﾌﾐﾖｲﾑﾅﾔｺ")


def subject(ordinal: int, seq: int = 1, **other: str) -> Cells:
    """One state of one made-up infant; every free text is unique and long enough to be searched for."""
    kanji, kana = (f"{ordinal:08d}".translate(table) for table in (_KANJI, _KANA))
    return dict.fromkeys(COLUMNS, "") | {
        "internal_no": internal_no(ordinal),
        "municipality_code": MUNICIPALITY,
        "individual_number": individual_number(ordinal),
        "name": f"架空　太郎見本{kanji}",
        "name_kana": f"ｶｸｳ ﾀﾛｳﾐﾎﾝ{kana}",
        "address": f"架空県架空市見本町{kanji}番地",
        "birth_date": "2025-03-01",
        "sex": "1",
        "guardian_name": f"架空　花子見本{kanji}",
        "resident_status": "1",
        "subject_category": "A1",
        "change_type": "1" if seq == 1 else "2",
        "updated_at": f"2026-04-10T09:00:{seq % 60:02d}+09:00",
        "update_seq": str(seq),
        **dict.fromkeys(FLAGS, "0"),
        **other,
    }


def values(*subjects: Cells) -> set[str]:
    """The personal values by which a trace of these subjects would be known; shorter ones turn up by chance."""
    named = ("internal_no", "individual_number", "name", "name_kana", "address", "guardian_name")
    return {each[name] for each in subjects for name in named if len(each[name]) >= CANARY_LENGTH}


def record(cells: Cells) -> dict[str, Any]:
    """A subject as JSON over HTTPS says it."""
    named = DELETION if cells["change_type"] == "3" else tuple(cells)
    present: dict[str, Any] = {name: cells[name] for name in named if cells[name]}
    present["update_seq"] = int(cells["update_seq"])
    return present | {flag: cells[flag] == "1" for flag in FLAGS if flag in present}


def lookup(cells: Cells) -> dict[str, str]:
    """The question for a subject."""
    return {"internal_no": cells["internal_no"], "municipality_code": cells["municipality_code"]}


def city_file(subjects: Iterable[Cells], *, tax: bool = False) -> bytes:
    """A file as the municipal system writes it; with `tax`, a tax column stands in it."""
    extra = ("市民税額",) if tax else ()
    lines = [FORM.header(extra)]
    lines += [quoted([*FORM.texts(each), *("0" for _ in extra)]).encode(FORM.codec) for each in subjects]
    return b"".join(line + b"\r\n" for line in lines)
