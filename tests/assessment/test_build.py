"""The document: all that the configuration says is in it under the form's items, and what people say stays theirs."""

import errno
import io
import os
import re
import stat
import sys
import tomllib
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import docx
import pytest
from docx.oxml.ns import qn
from docx.shared import Cm

from gateway.assessment import Built, Subject, build, judged, safeguards, write
from gateway.assessment.document import Heading, Table
from gateway.assessment.lettering import room_of, wrapped
from gateway.assessment.means import how_often
from gateway.config import LegalBasis, load
from gateway.errors import Misconfigured
from tests.architecture.tree import ROOT
from tests.assessment.changing import (
    with_connector,
    with_law,
    with_route,
    with_tenant,
    without_route,
)
from tests.flow.site import write_config
from tests.flow.toys import TENANT

ROOM = Cm(29.7 - 3.6)
"""From margin to margin."""
LOOKED = "ゲートウェイがシステムに確かめた都度(間隔は、設定からは分からない)"
ANSWERS = "assessment-999997-answers.toml"


def under(built, title):
    """The tables below the first heading that begins so, until the next of its level or above."""
    blocks = iter(built.blocks)
    level = next(each.level for each in blocks if isinstance(each, Heading) and each.text.startswith(title))
    found = []
    for each in blocks:
        if isinstance(each, Heading) and each.level <= level:
            break
        found.append(each)
    return [each for each in found if isinstance(each, Table)]


def routes_in(tables):
    """The routes that open the rows of tables of flows, replies too."""
    return {row[0] for table in tables if table.head[0] == "経路" for row in table.rows}


def recipients(built):
    """Each 提供先 and 移転先, by what is asked of it."""
    forms = [dict(each.rows) for each in under(built, "5. 特定個人情報の提供・移転") if each.head[0] == "項目"]
    return [each for each in forms if "①法令上の根拠" in each]


def counted(built):
    """提供・移転の有無."""
    return under(built, "5. 特定個人情報の提供・移転")[0].rows[0][1].splitlines()


@pytest.fixture(scope="module")
def built(shipped):
    return build(shipped, {})


# ---- what the configuration says ------------------------------------------------------------------------------------


def test_each_flow_stands_in_the_chapter_of_what_its_law_allows(shipped, built):
    chapters = {
        "inquiry": under(built, "情報提供ネットワークシステムを通じた入手"),
        "use": under(built, "事務の中でのシステム間の連携"),
        "entrustment": under(built, "4. 特定個人情報ファイルの取扱いの委託"),
        "provision": under(built, "5. 特定個人情報の提供・移転"),
    }
    flows = {kind: {each.name for each in shipped.flows() if shipped.allowed(each.route) == kind} for kind in chapters}
    assert {kind: routes_in(tables) for kind, tables in chapters.items()} == flows
    assert sum(map(len, flows.values())) == len(list(shipped.flows()))
    assert {"R01", "R03", "R03(回答)"} <= flows["entrustment"]
    assert {"R19", "R19-tax"} <= flows["inquiry"]


def test_a_flow_says_from_whom_to_whom_how_often_what_and_under_which_law(built):
    (table, *_) = under(built, "情報提供ネットワークシステムを通じた入手")
    row = next(row for row in table.rows if row[0] == "R19-tax")
    assert row[1:5] == ("中間サーバー", "健康管理システム", "情報照会の回答(税・福祉)", LOOKED)
    assert row[5].startswith("10 項目\n")
    assert "地方税・生活保護・社会福祉関係情報" in row[5]
    assert "主務省令第2条の表 27の項(照会)〔L4-27、2024-05-27 〜〕" in row[6]
    assert "必須: 情報提供許可証" in row[7]
    assert row[8] == "A1(2024-05-27 から)"


def test_every_row_of_the_order_is_a_provision_of_its_own_and_a_governor_s_says_so(built):
    tables = recipients(built)
    assert [re.findall("[0-9]+の項", each["①法令上の根拠"]) for each in tables] == [["25の項"], ["26の項"], ["153の項"]]
    parties = [each["提供先"].splitlines()[0] for each in tables]
    assert ["知事に限る" in each for each in parties] == [False, True, False]
    assert all(each["⑦時期・頻度"] == "照会を受けた都度(許可証があるとき)" for each in tables)
    assert counted(built) == ["[○] 提供を行っている(3)件", "[ ] 移転を行っている(0)件"]


def test_what_is_given_without_a_row_is_told_beside_what_is_given_under_rows(shipped):
    built = build(with_route(shipped, "R16", legal_basis=("L7",)), {})
    assert [each["①法令上の根拠"].partition("〔")[0] for each in recipients(built)][3:] == [
        "番号法第9条第2項及び第19条第11号に基づく条例"
    ]
    assert counted(built)[1] == "[○] 移転を行っている(1)件"
    other = LegalBasis(reference="番号法第19条第16号", valid_from=date(2021, 9, 1), allows="provision")
    built = build(with_route(with_law(shipped, L9=other), "R16", legal_basis=("L9",)), {})
    laws = [each["①法令上の根拠"].partition("〔")[0] for each in recipients(built)]
    assert (len(laws), laws.count("番号法第19条第16号")) == (4, 1)


def test_what_no_law_classes_is_asked_of_people(tmp_path):
    write_config(tmp_path)
    subject = Subject.of(load(tmp_path), TENANT)
    built = build(subject, {})
    assert routes_in(under(built, "法的根拠に区分")) == {"T1", "T2", "T2(回答)"}
    assert {"II.T1.kind", "II.T2.kind", "means.register"} <= built.blanks.asked.keys()
    assert "[○] 接続しない(入手)" in built.text.replace("\\", "")
    assert "実施しない(ゲートウェイを通じては)" in built.text


def test_the_record_items_are_those_that_routes_carry_and_no_others(shipped, built):
    tables = under(built, "(別添2)")
    assert len(tables) == len(shipped.connectors)
    for connector, table in zip(shipped.connectors, tables, strict=True):
        for at, end in ((3, "destination"), (4, "source")):
            carried = {
                (field.path.rpartition(".")[2], flow.name)
                for flow in shipped.flows()
                if getattr(flow, end) == connector
                for field in flow.fields
            }
            said = {(row[1], name) for row in table.rows for name in row[at].split("、") if name != "–"}
            assert said == carried


def test_an_item_that_no_route_carries_any_more_is_gone_from_the_record_items(shipped, built):
    fields = next(each.fields for each in shipped.routes if each.id == "R03")
    assert fields == ("individual_number",)
    pmh = list(shipped.connectors).index("pmh")
    assert ("個人番号", "individual_number") in {row[:2] for row in under(built, "(別添2)")[pmh].rows}
    without = under(build(without_route(shipped, "R03"), {}), "(別添2)")[pmh]
    assert ("個人番号", "individual_number") not in {row[:2] for row in without.rows}


def test_it_names_the_assessment_and_the_day_that_each_route_depends_on(shipped):
    later = LegalBasis(reference="架空市の評価書 改定", valid_from=date(2027, 4, 1))
    built = build(with_route(with_law(shipped, A2=later), "R16", assessment="A2"), {})
    ((_, *rows),) = [[None, *table.rows] for table in under(built, "この評価書と経路")]
    by_name = {row[0]: row for row in rows}
    assert by_name["A2"] == ("A2", "架空市の評価書 改定", "2027-04-01 〜", "R16")
    assert by_name["A1"][2] == "2024-05-27 〜"
    named = [name for row in rows for name in row[3].split("、")]
    assert sorted(named) == sorted(each.id for each in shipped.routes)


def test_a_tenant_that_has_no_route_yet_has_a_document_without_flows(tmp_path):
    write_config(tmp_path)
    built = build(with_tenant(Subject.of(load(tmp_path), TENANT), routes=()), {})
    assert built.text.count("経路がないため、何も通らない。") == 2
    assert built.office()


def test_how_long_is_said_route_by_route(shipped):
    tables = under(build(with_route(shipped, "R21", keep_seconds=5400.0), {}), "6. 特定個人情報の保管・消去")
    said = dict(tables[0].rows)["ゲートウェイにある暗号化した電文の保管期間"].splitlines()
    assert "終了後90分: R21" in said
    assert any(each.startswith("終了後7日: R19、R19-tax") for each in said)
    assert any(each.startswith("定めなし(長くとも記録とともに3年): R01") for each in said)


def test_means_are_told_as_far_as_they_show(shipped, built):
    text = built.text
    assert "交換フォルダーのファイル" in text
    assert "登録した証明書 2 件による相互 TLS" in text
    silent = build(with_connector(shipped, "pmh", settings={}), {})
    assert "means.pmh" not in built.blanks.asked
    assert "means.pmh" in silent.blanks.asked


# ---- the drawing -----------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def test_the_drawing_has_an_arrow_with_its_number_for_each_route(shipped, built):
    drawn = ET.fromstring(built.picture)
    arrows = [each for each in drawn.iter(f"{SVG}path") if each.get("marker-end")]
    assert len(arrows) == len(shipped.routes)
    assert len([each for each in arrows if each.get("marker-start")]) == sum(
        bool(e.reply_fields) for e in shipped.routes
    )
    texts = ["".join(each.itertext()) for each in drawn.iter(f"{SVG}text")]
    for number, route in enumerate(shipped.routes, 1):
        assert texts.count(str(number)) == 2
        assert any(each.startswith(f"{route.id} ") for each in texts)
    for zone in {shipped.zone(each).label for each in shipped.connectors}:
        assert zone in "".join(texts)


def test_an_arrow_leads_from_its_source_s_line_to_its_destination_s(shipped, built):
    boxes = [each for each in ET.fromstring(built.picture).iter(f"{SVG}rect") if each.get("width") == "60"]
    columns = sorted(float(each.attrib["x"]) + 30 for each in boxes)
    assert len(columns) == len(shipped.connectors)
    zones = list(shipped.config.zones)
    order = sorted(shipped.connectors, key=lambda each: zones.index(shipped.connectors[each].zone))
    at = dict(zip(order, columns, strict=True))
    ways = [e.attrib["d"] for e in ET.fromstring(built.picture).iter(f"{SVG}path") if e.get("marker-end")]
    for route, way in zip(shipped.routes, ways, strict=True):
        start, end = re.findall(r"^M(\d+) .*?(?:H(\d+))$", way)[0]
        assert float(start) == at[route.source]
        assert abs(float(end) - at[route.destination]) <= 2


def test_no_name_breaks_the_drawing(shipped):
    drawn = build(with_tenant(shipped, name="<架空> & 市"), {}).picture
    assert next(iter(ET.fromstring(drawn))).text == "<架空> & 市 事務の内容(経路の図)"


@pytest.mark.parametrize("systems", [8, 2, 1])
def test_nothing_in_the_drawing_is_cut_off(shipped, systems):
    kept = {"health_management", "intermediate_server"} if systems == 2 else {"intermediate_server"}
    routes = tuple(each for each in shipped.routes if systems == 8 or {each.source, each.destination} <= kept)
    connectors = {name: each for name, each in shipped.connectors.items() if systems == 8 or name in kept}
    drawn = ET.fromstring(build(with_tenant(shipped, routes=routes, connectors=connectors), {}).picture)
    width = float(drawn.attrib["width"])
    texts = list(drawn.iter(f"{SVG}text"))
    assert len(texts) > 10
    for each in texts:
        room = 13 * room_of(each.text or "")
        left = float(each.attrib["x"]) - (room / 2 if each.get("text-anchor") == "middle" else 0)
        assert left >= 0
        assert left + room <= width


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("健康管理システム", ["健康管理システム"]),
        ("履歴照会回答システム", ["履歴照会回答", "システム"]),
        ("Public Medical Hub(PMH)", ["Public Medical", "Hub(PMH)"]),
        ("予防接種記録管理標準基盤", ["予防接種記録管理", "標準基盤"]),
        ("あ" * 30, ["あ" * 8, "あ" * 8, "あ" * 7 + "…"]),
    ],
)
def test_a_name_is_broken_where_its_words_end_and_what_has_no_room_is_shown_as_left_out(text, lines):
    assert wrapped(text, 8, 3) == lines


# ---- as files --------------------------------------------------------------------------------------------------------


def test_the_same_configuration_and_answers_are_the_same_bytes(tmp_path):
    write_config(tmp_path)
    subject = Subject.of(load(tmp_path), TENANT)
    first, second = (write(subject, tmp_path / name)[1] for name in ("one", "two"))
    assert [each.name for each in first] == [
        f"assessment-{TENANT}{ending}" for ending in ("-answers.toml", ".md", "-flow.svg", ".docx")
    ]
    assert [each.read_bytes() for each in first] == [each.read_bytes() for each in second]


def test_an_office_opens_it_with_the_same_tables_their_heads_repeated_and_fonts_of_japan(built):
    document = docx.Document(io.BytesIO(built.office()))
    tables = [each for each in built.blocks if isinstance(each, Table)]
    assert len(document.tables) == len(tables)
    for drawn, table in zip(document.tables, tables, strict=True):
        assert [cell.text for cell in drawn.rows[0].cells] == list(table.head)
        assert drawn.rows[0]._tr.xpath("w:trPr/w:tblHeader")
        assert all(row._tr.xpath("w:trPr/w:cantSplit") for row in drawn.rows)
        widths = [column.width for column in drawn.columns]
        assert sum(widths) == pytest.approx(ROOM, rel=0.01)
        assert [cell.width for cell in drawn.rows[-1].cells] == widths
    assert [cell.text for cell in document.tables[0].rows[1].cells] == list(tables[0].rows[0])
    headings = [each.text for each in document.paragraphs if each.style and each.style.name.startswith("Heading")]
    assert headings == [each.text for each in built.blocks if isinstance(each, Heading)]
    assert document.sections[0].footer._element.xpath(".//w:fldSimple/@w:instr") == ["PAGE"]
    fonts = document.styles["Normal"].element.rPr.rFonts
    assert fonts.get(qn("w:eastAsia")) == "MS 明朝"
    assert document.core_properties.created.date() == date(2024, 5, 27)
    assert "assessment-999997-flow.svg" in "".join(each.text for each in document.paragraphs)


def test_without_the_extra_there_is_no_office_file_and_the_rest_is_there(shipped, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    monkeypatch.delitem(sys.modules, "gateway.assessment.office", raising=False)
    _, files = write(shipped, tmp_path)
    assert [each.suffix for each in files] == [".toml", ".md", ".svg"]


def test_a_word_file_of_a_former_build_does_not_stay_beside_a_newer_text(shipped, tmp_path, monkeypatch):
    (tmp_path / "assessment-999997.docx").write_bytes(b"of a former build")
    monkeypatch.setattr(Built, "office", lambda built: None)
    write(shipped, tmp_path)
    assert not (tmp_path / "assessment-999997.docx").exists()


def test_the_example_in_the_docs_has_the_answers_that_people_would_begin_with(built):
    assert (ROOT / "docs/assessment-example/assessment-999997.md").read_text(encoding="utf-8") == built.text


def test_the_comparison_in_the_docs_has_the_figures_of_the_example(shipped, built):
    page = (ROOT / "docs/assessment-compared.ja.md").read_text(encoding="utf-8")
    concerned = list(judged(shipped))
    held = sum(each.in_force for each in concerned)
    safeguarded = f"リスク対策は{len(safeguards())}のうち{len(concerned)}がこの設定に関わり、{held}が「実施」"
    assert f"空欄は{len(built.blanks.asked)}、{safeguarded}、{len(concerned) - held}が「未実施」" in page
    tables = zip(shipped.connectors, under(built, "(別添2)"), strict=True)
    counts = {shipped.system(name): len(table.rows) for name, table in tables}
    for name in ("予診情報・予防接種記録管理システム", "健康管理システム", "中間サーバー"):
        assert f"| {name} | {counts[name]} |" in page


# ---- what people say -------------------------------------------------------------------------------------------------


@pytest.fixture
def quickly(monkeypatch):
    """Without the office's file, which takes longer to make than all else."""
    monkeypatch.setattr(Built, "office", lambda built: None)


def fill(folder: Path, **answers: str) -> str:
    file = folder / ANSWERS
    text = file.read_text(encoding="utf-8")
    for name, answer in answers.items():
        assert f'"{name}" = ""' in text
        text = text.replace(f'"{name}" = ""', f'"{name}" = {answer}')
    file.write_text(text, encoding="utf-8")
    return text


def test_every_blank_has_its_line_and_its_mark(shipped, tmp_path, quickly):
    built, _ = write(shipped, tmp_path)
    written = tomllib.loads((tmp_path / ANSWERS).read_text(encoding="utf-8"))
    assert written == dict.fromkeys(built.blanks.asked, "")
    marks = re.findall(r"【記入：[^】]*〔([^〕]+)〕】", built.text.replace("\\", ""))
    assert {*marks} == built.blanks.asked.keys()


def test_answers_stay_as_they_were_written_and_new_blanks_come_behind_them(shipped, tmp_path, quickly):
    write(without_route(shipped, "R20"), tmp_path)
    text = fill(tmp_path, **{"V-1-1": "'''架空市役所\n総務課'''  # 電話で確認済み"})
    built, _ = write(shipped, tmp_path)
    after = (tmp_path / ANSWERS).read_text(encoding="utf-8")
    assert after.startswith(text)
    new = tomllib.loads(after[len(text) :])
    assert {"II-5.L5-26.who", "II-5.L5-26.use"} <= new.keys()
    assert {*new.values()} == {""}
    assert "架空市役所<br>総務課" in built.text
    assert "〔V-1-1〕" not in built.text
    assert write(shipped, tmp_path)[0].text == built.text
    assert (tmp_path / ANSWERS).read_text(encoding="utf-8") == after


def test_answers_that_are_not_changed_are_not_written(shipped, tmp_path, quickly):
    write(shipped, tmp_path)
    before = (tmp_path / ANSWERS).stat()
    write(shipped, tmp_path)
    assert (tmp_path / ANSWERS).stat().st_ino == before.st_ino
    assert (tmp_path / ANSWERS).stat().st_mtime_ns == before.st_mtime_ns


def test_a_build_that_breaks_off_while_it_writes_leaves_the_answers_whole(shipped, tmp_path, quickly, monkeypatch):
    write(without_route(shipped, "R20"), tmp_path)
    fill(tmp_path, **{"V-1-1": "'架空市役所'"})
    (tmp_path / ANSWERS).chmod(0o640)
    before = (tmp_path / ANSWERS).read_bytes()

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space left"):
            write(shipped, tmp_path)
    assert (tmp_path / ANSWERS).read_bytes() == before
    assert not [each.name for each in tmp_path.iterdir() if each.name.startswith(".")]
    write(shipped, tmp_path)
    assert (tmp_path / ANSWERS).read_bytes().startswith(before)
    assert stat.S_IMODE((tmp_path / ANSWERS).stat().st_mode) == 0o640


@pytest.mark.parametrize("name", [ANSWERS, "assessment-999997.md"])
def test_what_a_link_leads_to_is_not_overwritten(shipped, tmp_path, quickly, name):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(elsewhere)
    with pytest.raises(Misconfigured, match=f"{name}: is a symbolic link"):
        write(shipped, tmp_path / "out")
    assert elsewhere.read_bytes() == b""
    assert [each.name for each in (tmp_path / "out").iterdir()] == [name]


def test_what_lies_where_a_file_is_made_is_not_written_through(shipped, tmp_path, quickly):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f".{ANSWERS}.new").symlink_to(elsewhere)
    write(shipped, tmp_path / "out")
    assert elsewhere.read_bytes() == b""


def test_nothing_is_replaced_before_all_is_made(shipped, tmp_path, monkeypatch):
    monkeypatch.setattr(Built, "office", lambda built: b"of before")
    write(shipped, tmp_path)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}

    def breaks(built: Built) -> bytes:
        raise ValueError("not for a document")

    monkeypatch.setattr(Built, "office", breaks)
    with pytest.raises(ValueError, match="not for a document"):
        write(with_tenant(shipped, name="別の市"), tmp_path)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_how_often_is_said_only_where_it_is_known(shipped):
    said = {flow.name: how_often(shipped, flow) for flow in shipped.flows()}
    assert said["R01"] == "発生の都度(ファイルは置かれた都度)"
    assert said["R07-deleted"] == "発生の都度"
    assert said["R14"] == "求めの都度"
    assert {said[name] for name in ("R16", "R19", "R21")} == {LOOKED}


def test_an_answer_without_a_place_is_named_and_kept(shipped, tmp_path, quickly):
    write(shipped, tmp_path)
    fill(tmp_path, **{"II-5.L5-26.who": "'架空県知事'", "II-5.L5-25.who": "'隣町長'"})
    without, _ = write(with_route(shipped, "R20", legal_rows={"25": "L5-25"}), tmp_path)
    assert without.blanks.without_place == ["II-5.L5-26.who"]
    assert "架空県知事" not in without.text
    assert "架空県知事" in write(shipped, tmp_path)[0].text


def test_what_people_write_marks_nothing_up(shipped):
    built = build(shipped, {"0.name": "| <b>*評価*</b> | `x`\n# 見出し"})
    (line,) = [each for each in built.text.splitlines() if each.startswith("| 評価書名 |")]
    assert line == "| 評価書名 | \\| &lt;b&gt;\\*評価\\*&lt;/b&gt; \\| \\`x\\`<br>\\# 見出し |"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('"V-1-1" = ', "not TOML"),
        ('"V-1-1" = 1', "V-1-1: must be a text, in quotes"),
        ('[table]\n"V-1-1" = "x"', "table: must be a text, in quotes"),
        ('"V-1-1" = "\\u0007秘密"', "V-1-1: holds a control character"),
        ('"V-1-1" = "\\uFFFE秘密"', "V-1-1: holds a control character"),
        ('"V-1-1" = "\\u202E秘密"', "V-1-1: holds a control character, or another that nobody sees"),
    ],
)
def test_a_file_of_answers_that_cannot_be_read_is_named_and_not_touched(shipped, tmp_path, written, told):
    (tmp_path / ANSWERS).write_text(written, encoding="utf-8")
    with pytest.raises(Misconfigured) as caught:
        write(shipped, tmp_path)
    assert any(told in each and ANSWERS in each for each in caught.value.problems)
    assert "秘密" not in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == [ANSWERS]
    assert (tmp_path / ANSWERS).read_text(encoding="utf-8") == written


def test_a_tenant_that_is_not_there_is_told_with_those_that_are(shipped):
    with pytest.raises(Misconfigured, match="there is no such tenant; there is 999997"):
        Subject.of(shipped.config, "999989")
