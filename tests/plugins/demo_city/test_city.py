"""The city file is deterministic, holds every kind of row, and says for each how it must end."""

import csv
import io
from collections import Counter
from pathlib import Path

import pytest

from gateway.errors import CODES
from gateway.messages import Ending
from gateway.plugin import checks
from gateway_demo_city.city import (
    FORM,
    PERSONAL,
    TAX_COLUMNS,
    CityFile,
    canaries,
    make_city,
    rows,
    tax_file,
    write_city,
)
from gateway_demo_city.faults import FAULTS
from gateway_demo_city.form import Form
from gateway_demo_city.people import COLUMNS, MUNICIPALITY, half_width

LINE_LEVEL = ("undecodable bytes", "surplus cell", "missing cell")


@pytest.fixture(scope="module")
def city() -> CityFile:
    return make_city(1000, seed=7)


def test_the_same_seed_makes_the_same_bytes_and_another_seed_others(tmp_path: Path, city: CityFile) -> None:
    written = write_city(tmp_path / "city.csv", 1000, seed=7)
    assert (tmp_path / "city.csv").read_bytes() == city.content
    assert written == len(city.rows)
    assert make_city(1000, seed=8).content != city.content


def test_every_kind_of_bad_row_is_present_even_in_a_small_city() -> None:
    assert {fault.kind for fault in FAULTS} <= {row.kind for row in rows(100, seed=7)}


def test_about_three_percent_of_the_rows_are_bad(city: CityFile) -> None:
    bad = sum(row.kind != "good" for row in city.rows)
    assert 0.025 < bad / len(city.rows) < 0.035


def test_every_expectation_speaks_the_gateways_words(city: CityFile) -> None:
    for row in city.rows:
        assert row.expected.ending in set(Ending)
        assert row.expected.code is None or row.expected.code in CODES
        assert row.expected.path is None or row.expected.path in COLUMNS
        assert (row.expected.code is None) == (row.expected.ending != "refused")


def test_good_rows_hold_valid_unique_made_up_numbers(city: CityFile) -> None:
    people = {row.cells["internal_no"]: row.cells["individual_number"] for row in city.rows if row.kind == "good"}
    numbers = [number for number in people.values() if number]
    assert len(people) == 1000
    assert len(set(numbers)) == len(numbers) > 900
    assert all(number.startswith("0000") and checks.individual_number(number) for number in numbers)
    assert checks.municipality_code(MUNICIPALITY)
    assert all(number.startswith("00") and len(number) == 15 for number in people)


def test_good_rows_pass_the_gateways_own_checks(city: CityFile) -> None:
    for row in city.rows:
        if row.kind == "good":
            assert checks.calendar_date(row.cells["birth_date"])
            assert checks.instant(row.cells["updated_at"])
            for name in ("name", "name_kana", "address", "guardian_name"):
                assert not checks.holds_individual_number(row.cells[name])
                assert not checks.has_control_character(row.cells[name])


def test_each_fault_is_the_fault_that_its_code_names(city: CityFile) -> None:
    for row in city.rows:
        match row.expected.code:
            case "check_digit":
                assert not checks.individual_number(row.cells["individual_number"])
            case "not_a_date":
                assert not checks.calendar_date(row.cells["birth_date"])
            case "individual_number_in_text":
                assert checks.holds_individual_number(row.cells[row.expected.path or ""])
            case "control_character":
                assert checks.has_control_character(row.cells["address"])
            case "no_such_person":
                assert checks.municipality_code(row.cells["municipality_code"])
                assert row.cells["municipality_code"] != MUNICIPALITY
            case "undecodable_bytes":
                with pytest.raises(UnicodeDecodeError):
                    row.line.decode("cp932")


def test_a_persons_versions_rise_in_file_order_and_repeats_come_after_what_they_repeat(city: CityFile) -> None:
    last: dict[str, tuple[str, int]] = {}
    for row in city.rows:
        key, version = row.cells["internal_no"], (row.cells["updated_at"], int(row.cells["update_seq"]))
        if row.kind == "good":
            assert version > last.get(key, ("", 0))
            last[key] = version
        elif row.kind in ("duplicate", "version conflict"):
            assert version == last[key]
        elif row.kind == "superseded state":
            assert version < last[key]


def test_rows_of_one_person_do_not_stand_together(city: CityFile) -> None:
    seen = Counter(row.cells["internal_no"] for row in city.rows)
    neighbours = sum(
        a.cells["internal_no"] == b.cells["internal_no"] for a, b in zip(city.rows, city.rows[1:], strict=False)
    )
    assert sum(count > 1 for count in seen.values()) > 150
    assert neighbours < 10


def test_the_form_is_quoted_cp932_with_crlf_and_reads_back(city: CityFile) -> None:
    lines = city.content.split(b"\r\n")
    assert lines[-1] == b""
    assert b"\n" not in b"".join(lines)
    assert lines[0].decode("cp932") == ",".join(f'"{label}"' for label in COLUMNS.values())
    for row, line in zip(city.rows, lines[1:], strict=False):
        assert (line[:1], line[-1:]) == (b'"', b'"')
        if row.kind not in LINE_LEVEL:
            assert next(csv.reader(io.StringIO(line.decode("cp932")))) == FORM.texts(row.cells)


def test_the_city_has_everyone_that_issue_2_names(city: CityFile) -> None:
    good = [row.cells for row in city.rows if row.kind == "good"]
    assert {cells["resident_status"] for cells in good} == {"1", "2", "3", "4"}
    assert {cells["subject_category"] for cells in good} == {"A1", "A2", "R1", "B1"}
    assert {cells["change_type"] for cells in good} == {"1", "2", "3"}
    assert any(cells["guardian_name"] for cells in good if cells["subject_category"] == "A1")
    text = "".join(cells["name"] + cells["address"] for cells in good)
    assert set("髙﨑德Ⅲ　－") <= set(text)
    assert any(not cells["individual_number"] for cells in good)
    assert any(cells["control_flag_recovery"] == "1" for cells in good)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf_8_is_written_on_request(encoding: str) -> None:
    form = Form(encoding=encoding)
    assert form.header().decode(encoding).startswith('"')
    made = list(rows(100, seed=7, form=form))
    assert all(row.line.decode("utf-8") for row in made if row.kind != "undecodable bytes")
    for row in made:
        if row.kind == "undecodable bytes":
            with pytest.raises(UnicodeDecodeError):
                row.line.decode("utf-8")


def test_dates_are_written_as_the_connector_is_configured_to_read_them() -> None:
    columns = {"個人を示す番号": "internal_no", "誕生日": "birth_date", "日時": "updated_at"}
    settings = {"encoding": "cp932", "columns": columns, "dates": "YYYYMMDD", "datetimes": "YYYYMMDDhhmmss"}
    cells = dict.fromkeys(COLUMNS, "") | {"birth_date": "2020-01-31", "updated_at": "2026-04-10T08:09:10+09:00"}
    assert Form.configured(settings).texts(cells) == ["", "20200131", "20260410080910"]
    plain = Form.configured(settings | {"dates": "YYYY-MM-DD", "datetimes": "RFC3339"})
    assert plain.texts(cells) == ["", "2020-01-31", "2026-04-10T08:09:10+09:00"]


def test_the_tax_file_has_its_columns_and_nothing_else_wrong() -> None:
    lines = tax_file(seed=7).decode("cp932").splitlines()
    table = list(csv.reader(lines))
    assert table[0] == [*COLUMNS.values(), *TAX_COLUMNS]
    assert all(len(row) == len(table[0]) for row in table)


def test_canaries_are_in_every_personal_field(tmp_path: Path, city: CityFile) -> None:
    (tmp_path / "city.csv").write_bytes(city.content)
    found = canaries(tmp_path / "city.csv")
    assert set(found) == set(PERSONAL)
    assert all(len(value) >= 12 for values in found.values() for value in values)
    assert len(found["internal_no"]) == 1000
    assert found["individual_number"] >= {row.cells["individual_number"] for row in city.rows if row.kind == "good"} - {
        ""
    }
    assert min(map(len, found.values())) > 30


def test_of_a_large_file_some_rows_give_canaries(tmp_path: Path, city: CityFile) -> None:
    (tmp_path / "city.csv").write_bytes(city.content)
    assert 100 < len(canaries(tmp_path / "city.csv", most_rows=200)["internal_no"]) <= 200


def test_half_width_kana_keeps_voicing_marks() -> None:
    assert half_width("タカハシ　ガップ") == "ﾀｶﾊｼ ｶﾞｯﾌﾟ"
