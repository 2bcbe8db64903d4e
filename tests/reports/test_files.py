"""The files that a report becomes: any cell comes back out of them, and none computes, marks up or overwrites."""

import csv
import io
import re
import stat
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.cli.report_file import Csv, Markdown, guarded, named, numbered, sheet
from gateway.errors import Misconfigured

HEAD = {
    "title": ("Hand-over slips", "受渡票"),
    "tenant": "999997",
    "name": "架空市",
    "began": "2026-01-05",
    "purged_before": "2026-02-01",
    "of_person": False,
    "above": [("Case R8-0012.", "事案番号 R8-0012")],
    "asked_in": 13,
    "since": "2026-04-01",
    "made_at": "2026-04-30 09:00:00+09:00",
    "made_by": "staff-0001",
    "size": 12,
    "root": "ab" * 32,
    "columns": [("at", "日時"), ("what", "内容")],
    "notes": [("A note.", "注記。")],
}
CELLS = st.one_of(st.integers(0, 10**9), st.text(st.characters(exclude_categories=["Cs"])))


def written(form, *rows):
    stream = io.StringIO(newline="")
    made = form(stream)
    made.begin(HEAD)
    for cells in rows:
        made.row({"cells": cells, "facts": "3-5,9"})
    made.end(len(rows))
    return stream.getvalue()


@given(CELLS, CELLS)
def test_every_cell_comes_back_out_of_csv(one, other):
    text = written(Csv, [one, other])
    assert text.startswith("\ufeff"), "so that Excel in Japan reads it"
    first, row = csv.reader(io.StringIO(text[1:], newline=""), strict=True)
    assert first == ["日時", "内容", "記録番号"]
    assert [each.removeprefix("'") for each in row[:2]] == [str(each).removeprefix("'") for each in (one, other)]
    assert row[2] == "#3-#5 #9"
    assert text.endswith("\r\n")


@given(CELLS)
def test_no_cell_is_a_formula(cell):
    shown = unicodedata.normalize("NFKC", guarded(cell))
    assert not re.match(r"[=+\-@\t\r\n]", shown[:1])


@pytest.mark.parametrize("cell", ["=1+1", "＝SUM(A1)", "@x", "+81", "-1", "\t=1", "\r=1", "\tx", " =1", "﹢1"])
def test_what_a_spreadsheet_would_compute_is_text(cell):
    assert guarded(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["012345", "０１２３４５", " 0012", "12e345", "0"])
def test_a_code_keeps_its_zero(cell):
    assert guarded(cell) == (cell if cell == "0" else f"'{cell}")
    assert guarded(10) == "10"


@pytest.mark.parametrize(
    ("facts", "told"),
    [("", ""), ("9", "#9"), ("2-4", "#2-#4"), ("111,165", "#111 #165"), ("3,40~7000", "#3 #40~#7000")],
)
def test_the_numbers_of_facts_are_no_date_and_no_number(facts, told):
    assert numbered(facts) == told


@given(CELLS, CELLS)
@example("a|b", "c\\|d\r\n# e")
def test_a_cell_ends_no_row_and_marks_nothing_up_in_markdown(one, other):
    (row,) = [line for line in written(Markdown, [one, other]).split("\n") if line.endswith("| #3-#5 #9 |")]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 4
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_<>\[\]]", row)


def test_markdown_says_of_what_it_was_made_and_by_whom():
    text = written(Markdown, ["a", 1], ["b", 2])
    for each in (
        "受渡票",
        "Hand-over slips",
        "架空市(999997)",
        "2026-04-01 〜 作成時まで",
        "2026-01-05",
        "2026-02-01 より前の記録",
        "事案番号 R8-0012 (Case R8-0012.)",
        "#13",
        "日本時間",
        "staff-0001",
        "12 件",
        "ab" * 32,
        "以上 2 件",
        "A note.",
    ):
        assert each in text


def test_what_a_person_is_handed_is_in_japanese_alone(monkeypatch):
    monkeypatch.setitem(HEAD, "of_person", True)
    text = written(Markdown, ["a", 1])
    assert ("受渡票" in text, "事案番号 R8-0012" in text, "以上 1 件。\n" in text) == (True, True, True)
    assert not re.search("Hand-over|Case|A note|rows", text)


@pytest.mark.parametrize("suffix", [".md", ".csv"])
def test_a_file_is_its_owner_s_and_overwrites_none(tmp_path, suffix):
    to = tmp_path / f"a{suffix}"
    with sheet(to) as made:
        made.begin(HEAD)
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    before = to.read_bytes()
    with pytest.raises(Misconfigured, match="exists"), sheet(to):
        pass
    assert to.read_bytes() == before


def test_half_a_report_leaves_no_file(tmp_path):
    to = tmp_path / "a.csv"
    with pytest.raises(TypeError), sheet(to) as made:
        made.row({"cells": None})  # whatever goes wrong
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_made_of_report_tenant_and_days(tmp_path):
    assert named(tmp_path, "slips", "999997", ["2026-04-01"]) == tmp_path / "slips-999997-2026-04-01.md"
    assert named(tmp_path / "x.csv", "slips", "999997", []) == tmp_path / "x.csv"
    with pytest.raises(Misconfigured, match=r"\.csv"):
        named(tmp_path / "x.xlsx", "slips", "999997", [])
