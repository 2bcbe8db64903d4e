"""Files of what is no subject, each known by the beginning of its name."""

from pathlib import Path

from gateway.plugin import Unreadable
from gateway_health_management.forms import PAYLOADS, by_label
from gateway_health_management.simulator import StatusLine, city_csv, drop, read_status
from tests.plugins.health_management.line import Line, csv_bytes, new_life, rounds, settings, subject

DUE = {
    "内部番号": "0000000001", "自治体コード": "999997", "予防接種管理ID": "M-1", "予防接種設定ID": "SET-1",
    "接種不可フラグ": "0", "強制失効日": "99991231", "勧奨情報(勧奨日)": "20260401", "更新日時": "20260401093000",
    "更新連番": "1",
}  # fmt: skip
HAD = {
    "内部番号": "0000000001", "自治体コード": "999997", "予防接種記録ID": "R-1", "予防接種管理ID": "M-1",
    "予防接種設定ID": "SET-1", "接種日": "20260401", "接種同意フラグ": "1", "要注意接種フラグ": "0",
    "海外接種フラグ": "0", "接種対象者区分": "A1", "削除フラグ": "1",
    "更新日時": "20260401093000", "更新連番": "2", "ワクチン有効期限": "",
}  # fmt: skip
NOTICE = {
    "内部番号": "0000000001", "自治体コード": "999997", "通知ID": "N-1", "通知件名": "架空の件名",
    "通知文言": "架空の通知", "更新日時": "20260401093000", "更新連番": "1",
}  # fmt: skip
ADDRESSEE = {
    "内部番号": "0000000001", "自治体コード": "999997", "個人番号": "000000000019", "氏名": "架空　太郎",
    "カナ": "", "生年月日": "20250301", "性別": "1", "住所": "架空市見本町１－２－３",
    "自動応答不可フラグ": "1", "更新日時": "20260401093000", "更新連番": "1",
}  # fmt: skip
REPLICA = {
    "内部番号": "0000000001", "自治体コード": "999997", "特定個人情報名コード": "TM00000000000001",
    "レコード識別番号": "REC-1", "特定個人情報の版番号": "1", "自動応答不可フラグ": "0", "接種日": "20260401",
    "ワクチン名(一般名)": "架空ワクチン", "接種回": "2", "接種量": "0.5", "海外接種フラグ": "0",
    "更新日時": "20260401093000", "更新連番": "1",
}  # fmt: skip
ERASED = {
    "内部番号": "0000000001", "自治体コード": "999997", "レコード識別番号": "REC-1", "更新日時": "20260401093000",
    "更新連番": "2",
}  # fmt: skip
INQUIRY = {
    "内部番号": "0000000001", "自治体コード": "999997", "照会番号": "Q-1", "照会の項": "153",
    "事務手続きコード": "JT00000000000001", "特定個人情報名コード": "TM00000000000001",
    "情報提供者機関コード": "999989", "照会開始日付": "20200401", "照会終了日付": "", "不開示コード": "0",
}  # fmt: skip
ANNOUNCEMENT = NOTICE | {"更新連番": "3"}


def written(*rows: dict[str, str]) -> bytes:
    return city_csv(list(rows[0]), [list(row.values()) for row in rows], "cp932")


async def polled(folder: Path, line: Line, files: dict[str, bytes]) -> dict[str, list[StatusLine]]:
    connector = await new_life(line, settings(folder))
    for name, data in files.items():
        drop(folder, name, data)
    await rounds(connector, line)
    return {name: read_status(folder, name, "cp932") or [] for name in files}


async def test_a_files_name_says_what_its_rows_are(tmp_path):
    line = Line()
    files = {
        "management_1.csv": written(DUE),
        "record_1.csv": written(HAD),
        "notice_1.csv": written(NOTICE),
        "addressee_1.csv": written(ADDRESSEE),
        "replica_register_1.csv": written(REPLICA),
        "replica_delete_1.csv": written(ERASED),
        "inquiry_1.csv": written(INQUIRY),
        "announcement_1.csv": written(ANNOUNCEMENT),
        "city.csv": csv_bytes([subject(1)]),
    }
    statuses = await polled(tmp_path, line, files)
    assert all([each.ending for each in status] in (["accepted"], ["refused"]) for status in statuses.values())
    recorded = dict(line.recorded)
    assert recorded["management.register"] == {
        "internal_no": "0000000001",
        "municipality_code": "999997",
        "vaccination_management_id": "M-1",
        "vaccination_setting_id": "SET-1",
        "not_eligible_flag": False,
        "forced_expiry_date": "9999-12-31",
        "recommendation_date": "2026-04-01",
        "updated_at": "2026-04-01T09:30:00+09:00",
        "update_seq": 1,
    }
    assert recorded["replica.register"] == {
        "internal_no": "0000000001",
        "municipality_code": "999997",
        "dataset_code": "TM00000000000001",
        "dataset_record_no": "REC-1",
        "dataset_version": 1,
        "no_auto_response_flag": False,
        "vaccinated_on": "2026-04-01",
        "vaccine_generic_name": "架空ワクチン",
        "dose_no": 2,
        "dose_volume": "0.5",
        "overseas_flag": False,
        "updated_at": "2026-04-01T09:30:00+09:00",
        "update_seq": 1,
    }
    assert recorded["inquiry.request"] == {
        "internal_no": "0000000001",
        "municipality_code": "999997",
        "inquiry_no": "Q-1",
        "inquiry_row": "153",
        "procedure_code": "JT00000000000001",
        "dataset_code": "TM00000000000001",
        "provider_code": "999989",
        "inquiry_from": "2020-04-01",
        "undisclosed_flag": False,
    }
    for operation, record in recorded.items():
        PAYLOADS[operation].model_validate(record)  # just as the line wants it
    assert set(recorded) == PAYLOADS.keys()


async def test_a_file_under_another_ones_name_is_refused_whole_for_its_columns(tmp_path):
    line = Line()
    files = {"city_1.csv": written(HAD), "record_1.csv": csv_bytes([subject(1)]), "notice_1.csv": written(DUE)}
    statuses = await polled(tmp_path, line, files)
    assert {(each.row, each.code) for status in statuses.values() for each in status} == {(0, "unknown_column")}
    assert line.sends == 0


async def test_a_bad_cell_refuses_its_row_and_the_status_names_the_files_own_column(tmp_path):
    line = Line()
    statuses = await polled(tmp_path, line, {"record_1.csv": written(HAD, HAD | {"接種日": "4月1日"})})
    first, second = statuses["record_1.csv"]
    assert (first.ending, second.ending, second.code, second.path) == (
        "accepted", "refused", "not_a_date", "vaccinated_on",
    )  # fmt: skip
    assert line.recorded[1] == ("record.register", Unreadable("not_a_date", "vaccinated_on"))
    assert '"接種日"'.encode("cp932") in (tmp_path / "status" / "record_1.status.csv").read_bytes()


async def test_the_same_bytes_under_two_names_of_one_form_are_the_same_messages(tmp_path):
    line = Line()
    await polled(tmp_path, line, {"record_1.csv": written(HAD), "record_2.csv": written(HAD)})
    assert len(line.messages) == 1


def test_no_two_fields_of_a_form_share_a_label():
    for payload in PAYLOADS.values():
        assert len(by_label(payload)) == len(payload.model_fields)
