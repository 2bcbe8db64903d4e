"""`gateway assessment` as an officer runs it: files, what is said beside them, and the exit status."""

import csv
import json
import shutil
import sys

import pytest
from typer.testing import CliRunner

from gateway.assessment import Built
from gateway.cli import commands
from tests.architecture.tree import ROOT

ANSWERS = "assessment-999997-answers.toml"


def run(*words):
    return CliRunner().invoke(commands.app, ["assessment", *map(str, words)])


@pytest.fixture
def root(tmp_path):
    """A root that holds nothing but a copy of the shipped config/."""
    shutil.copytree(ROOT / "config", tmp_path / "new" / "config")
    return tmp_path / "new"


def edit(root, name, old, new):
    file = root / "config" / name
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


R21 = "keep_seconds = 86400.0"


def publish(root, first="2027-04-01"):
    """Another assessment, that every route names from now on."""
    edit(
        root,
        "legal_basis.toml",
        "[assessment.A1]",
        f'[assessment.A2]\nreference = "改定"\nvalid_from = {first}\n\n[assessment.A1]',
    )
    file = root / "config/tenants/999997.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('"A1"', '"A2"'), encoding="utf-8")


# ---- build -----------------------------------------------------------------------------------------------------------


def test_it_writes_the_files_and_says_what_depends_on_what_and_what_waits(tmp_path):
    said = run("build", "999997", "--root", ROOT, "--output", tmp_path)
    assert said.exit_code == 0
    assert {each.name for each in tmp_path.iterdir()} == {
        ANSWERS,
        "assessment-999997.md",
        "assessment-999997-flow.svg",
        "assessment-999997.docx",
    }
    assert "assessment A1: " in said.stdout
    assert "from 2024-05-27; routes that depend on it: 34" in said.stdout
    assert f"wait for an answer in {tmp_path / ANSWERS}" in said.stdout
    assert [line.split(": ")[1] for line in said.stderr.splitlines()] == [
        "passphrase",
        "blind",
        "results_all_deleted",
        "witness",
    ]


def test_without_python_docx_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    monkeypatch.delitem(sys.modules, "gateway.assessment.office", raising=False)
    said = run("build", "999997", "--root", ROOT, "--output", tmp_path)
    assert said.exit_code == 0
    assert "install it with: pip install 'renkei-gateway[office]'" in said.stderr
    assert not list(tmp_path.glob("*.docx"))


def test_an_answer_without_a_place_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(Built, "office", lambda built: None)
    (tmp_path / ANSWERS).write_text('"II-5.L9.who" = "隣町長"\n', encoding="utf-8")
    said = run("build", "999997", "--root", ROOT, "--output", tmp_path)
    assert said.exit_code == 0
    assert f"{tmp_path / ANSWERS}: II-5.L9.who: the document does not ask this any more" in said.stderr
    assert "隣町長" not in said.output


@pytest.mark.parametrize("wrong", ["a tenant that is not there", "a root that is none", "answers that are no TOML"])
def test_what_is_wrong_is_told_with_status_2(tmp_path, wrong):
    tenant = "999989" if wrong.startswith("a tenant") else "999997"
    if wrong.startswith("answers"):
        (tmp_path / ANSWERS).write_text("=", encoding="utf-8")
    said = run("build", tenant, "--root", tmp_path if wrong.startswith("a root") else ROOT, "--output", tmp_path)
    assert said.exit_code == 2
    assert said.stderr


# ---- diff ------------------------------------------------------------------------------------------------------------


def test_no_difference_is_status_0(root):
    said = run("diff", ROOT, root, "999997")
    assert (said.exit_code, said.stdout) == (0, "no difference\n")
    assert "not compared, for they are not below both roots: files of certificates and public keys: " in said.stderr


def test_what_likely_had_to_be_published_first_is_status_1_with_what_to_do(root):
    edit(root, "tenants/999997.toml", R21, "keep_seconds = 172800.0")
    said = run("diff", ROOT, root, "999997")
    assert said.exit_code == 1
    assert "not covered: R21: Ⅱ 6. 経路 R21 の保管期間" in said.stderr
    assert "publish an assessment, add it to config/legal_basis.toml with a later valid_from" in said.stderr


@pytest.mark.parametrize(("first", "status"), [("2027-04-01", 0), ("2024-05-27", 1)])
def test_an_assessment_covers_it_if_it_begins_later(root, first, status):
    edit(root, "tenants/999997.toml", R21, "keep_seconds = 172800.0")
    publish(root, first)
    said = run("diff", ROOT, root, "999997", "--json")
    assert said.exit_code == status
    (change,) = [each for each in json.loads(said.stdout) if each["important"]]
    assert (change["routes"], change["kind"], change["covered"]) == (["R21"], "weaker", status == 0)
    assert change["valid_from"] == (first if status == 0 else None)


def test_what_is_less_needs_none(root):
    edit(root, "tenants/999997.toml", R21, "keep_seconds = 3600.0")
    assert run("diff", ROOT, root, "999997").exit_code == 0


def test_the_table_is_written_as_markdown_and_as_csv_and_overwrites_nothing(root, tmp_path):
    edit(root, "tenants/999997.toml", R21, "keep_seconds = 172800.0")
    page, sheet = tmp_path / "changes.md", tmp_path / "changes.csv"
    for each in (page, sheet):
        said = run("diff", ROOT, root, "999997", "--out", each)
        assert (said.exit_code, said.stdout) == (1, f"{each}: 1 changes\n")
    heads = ["変更日", "項目", "変更前の記載", "変更後の記載", "提出時期", "提出時期に係る説明"]
    assert "| " + " | ".join(heads) + " |" in page.read_text(encoding="utf-8").splitlines()
    with sheet.open(encoding="utf-8-sig", newline="") as stream:
        head, row = csv.reader(stream)
    assert head == heads
    assert row[1:5] == ["Ⅱ 6. 経路 R21 の保管期間", "終了後1日", "終了後2日", "事前"]
    written = sheet.read_bytes()
    assert run("diff", ROOT, root, "999997", "--out", sheet).exit_code == 2
    assert sheet.read_bytes() == written


def test_a_file_of_another_kind_is_wrong_usage(root, tmp_path):
    said = run("diff", ROOT, root, "999997", "--out", tmp_path / "changes.xlsx")
    assert said.exit_code == 2
    assert "name a file that ends in .md or .csv" in said.stderr
