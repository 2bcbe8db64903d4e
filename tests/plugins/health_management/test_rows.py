import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from gateway.plugin import Unreadable
from gateway_health_management.interface.subject import DELETE, REGISTER
from gateway_health_management.rows import FileChanged, Row, WholeFileRefused, fingerprint, read
from gateway_health_management.settings import Settings
from gateway_health_management.simulator import city_csv
from tests.plugins.health_management.line import HEADERS, csv_bytes, settings, subject


def known_rows(path: Path, chosen: Settings) -> Iterator[Row]:
    return read(path, fingerprint(path), chosen, chosen.form(path.name))


@pytest.fixture
def rows_of(tmp_path):
    def rows(data: bytes, **other: object) -> list[Row]:
        path = tmp_path / "city.csv"
        path.write_bytes(data)
        return list(known_rows(path, settings(tmp_path, **other)))

    return rows


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
def test_a_row_becomes_the_interfaces_form_and_is_otherwise_as_written(rows_of, encoding):
    row = rows_of(csv_bytes([subject(7, 12)], encoding), encoding=encoding)[0]
    assert (row.number, row.operation, row.person) == (1, REGISTER, "0000000007")
    assert row.record == {
        "internal_no": "0000000007",
        "municipality_code": "999997",
        "name": "架空　太郎7",
        "name_kana": "ｶｸｳ ﾀﾛｳ",
        "address": "架空市見本町１－２－３",
        "birth_date": "2025-03-01",
        "sex": "1",
        "guardian_name": "髙﨑　花子",
        "resident_status": "1",
        "subject_category": "A1",
        "change_type": "1",
        "updated_at": "2026-04-01T09:30:00+09:00",
        "update_seq": 12,
        "control_flag_recovery": False,
        "control_flag_nondisclosure": False,
        "control_flag_view_suspended": False,
    }


def test_a_byte_order_mark_belongs_to_the_file_and_in_a_cell_it_stays_for_the_line_to_refuse(rows_of):
    record = rows_of(csv_bytes([subject(1, 氏名="\ufeff架空")], "utf-8-sig"), encoding="utf-8-sig")[0].record
    assert isinstance(record, dict)
    assert record["name"] == "\ufeff架空"


def test_a_deletion_sends_only_who_and_as_of_when(rows_of):
    row = rows_of(csv_bytes([subject(7, 変更区分="3", 削除の異動日="20260331")]))[0]
    assert row.operation == DELETE
    assert row.record == {
        "internal_no": "0000000007",
        "municipality_code": "999997",
        "change_type": "3",
        "deletion_event_date": "2026-03-31",
        "updated_at": "2026-04-01T09:30:00+09:00",
        "update_seq": 1,
    }


def test_of_two_bad_cells_the_same_one_is_told_in_every_life(rows_of):
    """Else the same bytes would be other records after a restart."""
    flags = ("リカバリー", "不開示", "閲覧停止")
    bad = {f"制御フラグ({name})": "はい" for name in flags} | {"生年月日": "x"}
    record = rows_of(csv_bytes([subject(1) | bad]))[0].record
    assert record == Unreadable("not_in_code_list", "control_flag_recovery")


@pytest.mark.parametrize(
    ("header", "text", "refused"),
    [
        ("生年月日", "2025-03-01", Unreadable("not_a_date", "birth_date")),
        ("更新日時", "2026-04-01T09:30:00", Unreadable("not_a_time", "updated_at")),
        ("更新連番", "1a", Unreadable("wrong_type", "update_seq")),
        ("更新連番", "１", Unreadable("wrong_type", "update_seq")),
        ("更新連番", "9" * 5000, Unreadable("wrong_type", "update_seq")),
        ("変更区分", "4", Unreadable("not_in_code_list", "change_type")),
        ("制御フラグ(不開示)", "はい", Unreadable("not_in_code_list", "control_flag_nondisclosure")),
    ],
)
def test_a_cell_without_the_configured_form_refuses_its_row_by_rule_and_field(rows_of, header, text, refused):
    rows = rows_of(csv_bytes([subject(1), subject(2, **{header: text}), subject(3)]))
    assert [isinstance(row.record, dict) for row in rows] == [True, False, True]
    assert rows[1].record == refused


def test_a_date_that_does_not_exist_goes_on_to_the_line_which_refuses_it(rows_of):
    record = rows_of(csv_bytes([subject(1, 生年月日="20240230")]))[0].record
    assert isinstance(record, dict)
    assert record["birth_date"] == "2024-02-30"


def test_a_code_that_the_settings_do_not_translate_never_passes_as_one_that_they_do(rows_of):
    file = csv_bytes([subject(1, 変更区分="1"), subject(2, 変更区分="D")])
    rows = rows_of(file, change_types={"A": "1", "U": "2", "D": "3"})
    assert rows[0].record == Unreadable("not_in_code_list", "change_type")
    assert rows[1].operation == DELETE


def test_undecodable_bytes_refuse_their_row_only(rows_of):
    data = csv_bytes([subject(1), subject(2, 氏名="MARK"), subject(3)]).replace(b"MARK", b"\x81")
    rows = rows_of(data)
    assert rows[1].record == Unreadable("undecodable_bytes", "name")
    assert all(isinstance(rows[at].record, dict) for at in (0, 2))


def test_surplus_and_missing_cells_refuse_their_row_only(rows_of):
    good = list(subject(1).values())
    rows = rows_of(city_csv(HEADERS, [good, [*good, "x"], good[:-1], good], "cp932"))
    assert [row.record for row in rows[1:3]] == [Unreadable("surplus_cell"), Unreadable("missing_cell")]
    assert all(isinstance(rows[at].record, dict) for at in (0, 3))


def test_from_where_rows_cannot_be_told_apart_nothing_is_taken(rows_of):
    rows = rows_of(csv_bytes([subject(1)]) + b'"never closed\r\n' + csv_bytes([subject(2)]))
    assert [row.record for row in rows[1:]] == [Unreadable("unreadable_file")]


@pytest.mark.parametrize(
    ("headers", "code", "column", "unfit", "path"),
    [
        ([*HEADERS, "市民税額"], "unknown_column", 21, 1, ""),
        ([*HEADERS, "氏名"], "unknown_column", 21, 1, ""),
        (["市民税額", *HEADERS[:5], "世帯番号", "氏名", *HEADERS[5:]], "unknown_column", 1, 3, ""),
        (["\ufeff内部番号", *HEADERS[1:]], "unknown_column", 1, 1, ""),
        ([each for each in HEADERS if each != "接種対象者区分"], "missing_column", 0, 0, "subject_category"),
    ],
)
def test_rule_8_a_file_with_a_tax_or_any_other_unfit_column_is_refused_whole(
    rows_of, headers, code, column, unfit, path
):
    with pytest.raises(WholeFileRefused) as refused:
        rows_of(city_csv(headers, [["x"] * len(headers)] * 3, "utf-8"), encoding="utf-8")
    told = refused.value
    assert (told.code, told.column, told.unfit, told.path, told.rows) == (code, column, unfit, path, 3)
    assert "市民税額" not in str(told)


def test_a_header_in_another_encoding_says_so_even_if_a_part_of_it_can_be_read(rows_of):
    with pytest.raises(WholeFileRefused, match="undecodable_bytes") as refused:
        rows_of(csv_bytes([subject(1)], headers=[*HEADERS, "unknown", "市民税額"]), encoding="utf-8")
    assert (refused.value.column, refused.value.unfit, refused.value.rows) == (1, 21, 1)


@pytest.mark.parametrize("data", [b"", b"\r\n", b'"open', b"\xff\xfe\x00", b"a" * 70_000])
def test_a_file_without_a_readable_header_is_refused_whole(rows_of, data):
    with pytest.raises(WholeFileRefused) as refused:
        rows_of(data, encoding="utf-8")
    assert refused.value.rows == 0


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59Z", "2099-04-31T00:00:00Z", "2099-04-01T00:00:00"])
@pytest.mark.parametrize("change_type", ["1", "3"])
def test_no_clock_says_how_a_row_is_read(rows_of, text, change_type):
    """Whether a time exists is for the line to judge, whether it may be that late for the record system."""
    (row,) = rows_of(csv_bytes([subject(1, 更新日時=text, 変更区分=change_type)]), datetimes="RFC3339")
    assert isinstance(row.record, dict)
    assert (row.person, row.record["updated_at"]) == ("0000000001", text)


def test_a_file_over_the_limit_is_refused_whole(rows_of):
    with pytest.raises(WholeFileRefused, match="body_too_large") as refused:
        rows_of(csv_bytes([subject(1), subject(2)]), max_file_bytes=100)
    assert refused.value.rows == 2


@examples(deadline=None)
@given(noise=st.binary(max_size=200))
def test_no_bytes_below_a_good_header_make_it_raise(tmp_path_factory, noise):
    path: Path = tmp_path_factory.getbasetemp() / "noise.csv"
    path.write_bytes(csv_bytes([]) + noise)
    for row in known_rows(path, settings(path.parent)):
        assert isinstance(row.record, Unreadable | dict)


def test_c199_a_file_that_is_altered_while_it_is_read_is_not_finished(tmp_path):
    path = tmp_path / "city.csv"
    path.write_bytes(csv_bytes([subject(1), subject(2)]))
    rows = known_rows(path, settings(tmp_path))
    next(rows)
    with path.open("ab") as file:
        file.write(b"more")
        os.utime(path, ns=(1, 1))
    with pytest.raises(FileChanged):
        list(rows)


def test_rows_and_their_like_do_not_show_values(rows_of):
    row = rows_of(csv_bytes([subject(7)]))[0]
    assert "架空" not in repr(row)
    assert "0000000007" not in repr(row)
