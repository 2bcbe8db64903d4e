"""`gateway interface export` and `diff`: what an integrator, an officer and a program get."""

import csv
import io
import json
import os
import re
import shutil

import pytest
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from gateway.cli import commands
from gateway.config import read_contract
from gateway.interfaces import COLUMNS
from tests.architecture.tree import ROOT

LOCK = "vaccination_db"


def run(*words, root=ROOT):
    return CliRunner().invoke(commands.app, ["interface", *map(str, words), "--root", str(root)])


@pytest.fixture
def changed(tmp_path):
    """Another root: the same but for one lock, which lacks a field that a route lists and calls another otherwise."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    path = tmp_path / f"config/interfaces/{LOCK}.json"
    lock = json.loads(path.read_text(encoding="utf-8"))
    (operation,) = (each for each in lock["operations"] if each["name"] == "research.register")
    operation["fields"] = [each for each in operation["fields"] if each["path"] != "vaccinated_on"]
    next(each for each in operation["fields"] if each["path"] == "id5")["label"] = "=研究用ID"
    path.write_text(json.dumps(lock, ensure_ascii=False), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("form", "begins"),
    [("openapi", '{\n  "openapi": "3.1.0"'), ("schema", '{\n  "$schema"'), ("table", "# 予防接種データベース")],
)
def test_a_lock_is_written_in_each_form_the_same_to_stdout_and_into_a_file(tmp_path, form, begins):
    shown = run("export", LOCK, "--form", form)
    assert (shown.exit_code, shown.stdout[: len(begins)]) == (0, begins)
    file = tmp_path / "out"
    for _ in range(2):  # what is there is replaced
        assert run("export", LOCK, "--form", form, "--output", file).exit_code == 0
    assert file.read_text(encoding="utf-8") == shown.stdout


def test_a_table_is_in_the_language_that_is_asked_for():
    english, japanese = (run("export", LOCK, "--form", "table", "--language", each).stdout for each in ("en", "ja"))
    assert "| field | label | data class |" in english
    assert "| 項目 | 名称 | 情報区分 |" in japanese
    assert "接種日" in english, "labels are Japanese"
    assert "接種日" in japanese
    shown = run("show", "clinic_app", "--language", "ja")
    assert (shown.exit_code, "情報区分" in shown.stdout, "data class" in shown.stdout) == (0, True, False)
    head = shown.stdout.partition("\n\n")[0]
    assert ("要約値 " in head, "取り扱わない情報区分: 個人番号" in head) == (True, True)
    assert not re.search("version|digest|called|never", head)


def test_what_a_lock_says_marks_nothing_up_in_a_table(tmp_path):
    """Labels, meanings and patterns are others' words: no tag, no cell and no link is made of them."""
    shutil.copytree(ROOT / "config/interfaces", tmp_path / "config/interfaces")
    path = tmp_path / f"config/interfaces/{LOCK}.json"
    lock = json.loads(path.read_text(encoding="utf-8"))
    odd = "<img src=x>|[a](b) # `h` &lt;b> {: onclick=x }"
    lock["label"] = lock["operations"][0]["label"] = lock["operations"][0]["fields"][0]["label"] = odd
    lock["codes"] = {"busy": odd}
    lock["operations"][0]["fields"][0] |= {"pattern": "[<`|]+<b>", "values": [odd]}
    path.write_text(json.dumps(lock, ensure_ascii=False), encoding="utf-8")
    page = run("export", LOCK, "--form", "table", root=tmp_path).stdout
    html = MarkdownIt("commonmark").enable("table").render(page)
    assert not re.search("<(img|b|a)\\b", html)
    assert html.count("<h1>") == 1
    assert "&lt;img src=x&gt;|[a](b) # `h` &amp;lt;b&gt; {: onclick=x }" in html
    assert "{:" not in page.replace("\\{", ""), "nor are attributes, as some readers take them"
    assert "<code>[&lt;`|]+&lt;b&gt;</code>" in html
    assert {row.count("<td>") for row in html.split("</tr>") if "<td>" in row} == {2, 6}


def test_all_of_a_tenant_is_one_description_and_a_listener_narrows_it():
    every = json.loads(run("export", "--tenant", "999997").stdout)["paths"]
    assert {path.split("/")[3] for path in every if path.startswith("/v1/999997")} > {"clinic_app", "myna_portal"}
    one = json.loads(run("export", "clinic_app", "--tenant", "999997").stdout)["paths"]
    assert {*one} < {*every}
    wrong = run("export", "--listener", "nowhere")
    assert (wrong.exit_code, "there is none of that name; there is: " in wrong.stderr) == (2, True)


def test_of_a_system_that_is_polled_it_is_said_that_it_may_post_nothing():
    """Who builds a client from the document meets 403, whatever it posts."""
    told = "No certificate is pinned to this system"
    done = run("export", "--tenant", "999997")
    posted = {path: item["post"] for path, item in json.loads(done.stdout)["paths"].items() if "post" in item}
    warned = {path.split("/")[3] for path, post in posted.items() if told in post["description"]}
    assert warned == {line.split()[1].rstrip(":") for line in done.stderr.splitlines()} >= {"vaccination_records"}
    assert "clinic_app" in {path.split("/")[3] for path in posted} - warned
    assert told not in run("export", "vaccination_records").stdout, "a lock alone does not know"


@pytest.mark.parametrize(
    "words",
    [["export"], ["export", "--form", "schema"], ["export", LOCK, "--form", "table", "--tenant", "999997"], ["diff"]],
)
def test_what_cannot_be_meant_is_wrong_usage(words):
    assert run(*words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["export", "--tenant", "999989"], "--tenant: none of that name is configured here; did you mean 999997?"),
        (
            ["export", "pmhh", "--tenant", "999997"],
            "CONNECTOR: none of that name is configured here; did you mean pmh?",
        ),
        (["export", "--certificate", ROOT / "pyproject.toml"], "--certificate: is not the PEM text that belongs there"),
        (["diff", "nobody", "--against", ROOT], "there is no lock of that name; locked: "),
    ],
)
def test_what_is_not_there_is_no_empty_answer(words, told):
    done = run(*words)
    assert (done.exit_code, done.stdout, told in done.stderr) == (2, "", True), done.stderr


def test_a_change_that_breaks_a_route_is_told_with_its_tenant_and_ends_with_1(changed):
    for other in (changed, changed / f"config/interfaces/{LOCK}.json"):
        done = run("diff", LOCK, "--against", other)
        assert done.exit_code == 1
        assert done.stdout.startswith(f"from what is locked in {ROOT / 'config/interfaces'} to {other}:\n")
        assert "- receives research.register vaccinated_on:" in done.stdout
        assert "breaks route (999997 R16): receives research.register vaccinated_on: lists vaccinated_on" in done.stdout
        assert "breaks the configuration: config/tenants/999997.toml: routes.R16" in done.stdout
        assert done.stdout.endswith("verdict: it breaks somebody\n")


def test_a_lock_that_is_replaced_says_what_changes_and_whom_that_breaks(changed):
    """As diff does, of which whoever is in a hurry thinks too late; and what is needed to have both stay valid."""
    path = changed / f"config/interfaces/{LOCK}.json"
    lock = json.loads((ROOT / f"config/interfaces/{LOCK}.json").read_text(encoding="utf-8"))
    next(each for each in lock["operations"][0]["fields"] if each["path"] == "vaccinated_on")["required"] = False
    path.write_text(json.dumps(lock), encoding="utf-8")
    before = read_contract(changed, LOCK).digest()
    asked, done = (run(word, LOCK, root=changed).stdout.splitlines() for word in ("diff", "lock"))
    assert asked == [f"from what is locked in {changed / 'config/interfaces'} to the installed plugin:", *done[:-2]]
    effects = {line.partition(": ")[0] for line in asked}
    assert {"~ receives research.register vaccinated_on", "breaks sender (999997 R16)", "heed in flight"} <= effects
    assert done[-1] == f"the digest before was {before}: config/interfaces/former.toml can keep it valid"
    again = run("lock", LOCK, root=changed)
    assert (again.stdout.splitlines()[0], len(again.stdout.splitlines())) == ("no difference", 2)
    path.write_text("{}", encoding="utf-8")
    spoilt = run("lock", LOCK, root=changed)
    assert (spoilt.exit_code, "nobody can be told what changes" in spoilt.stderr) == (0, True)


def test_a_change_that_breaks_nobody_ends_with_0(changed):
    """The other way round a field is added, which its route does not list yet; it is not required."""
    path = changed / f"config/interfaces/{LOCK}.json"
    lock = json.loads((ROOT / f"config/interfaces/{LOCK}.json").read_text(encoding="utf-8"))
    lock["operations"][0]["label"] += "(新)"
    path.write_text(json.dumps(lock, ensure_ascii=False), encoding="utf-8")
    done = run("diff", "--against", changed)
    assert done.exit_code == 0, done.stdout
    assert f"{LOCK}: heed in flight: digest: what is under way passes only while" in done.stdout
    assert done.stdout.endswith("verdict: it breaks nobody\n")
    assert run("diff", "--against", ROOT).stdout == "no difference\n"


def test_what_breaks_nobody_and_widens_says_so(changed):
    """A review of the lock is for just this; the exit status is that of a change that breaks nobody."""
    path = changed / f"config/interfaces/{LOCK}.json"
    lock = json.loads((ROOT / f"config/interfaces/{LOCK}.json").read_text(encoding="utf-8"))
    more = {"path": "note", "kind": "text", "required": False, "label": "備考", "data_class": "basic"}
    lock["operations"][0]["fields"].append(more)
    path.write_text(json.dumps(lock, ensure_ascii=False), encoding="utf-8")
    done = run("diff", LOCK, "--against", path)
    *_, verdict, widens = done.stdout.splitlines()
    assert (done.exit_code, verdict) == (0, "verdict: it breaks nobody")
    assert widens.startswith("it widens what may flow: have the lock reviewed before it runs")
    told = json.loads(run("diff", LOCK, "--against", path, "--json").stdout)
    assert (told["breaks"], told["widens"]) == (False, True)
    assert [each["widens"] for one in told["interfaces"] for each in one["changes"]] == [True]


def test_a_program_gets_the_verdict_whole(changed):
    done = run("diff", "--against", changed, "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["breaks"], told["differs"], told["routes_known"]) == (1, True, True, True)
    assert told["widens"] is False
    (one,) = [each for each in told["interfaces"] if each["before"] != each["after"]]
    assert one["connector"] == LOCK
    assert one["before"] == read_contract(ROOT, LOCK).digest()
    assert {each["kind"] for each in one["changes"]} == {"field_removed", "renamed"}
    assert one["effects"][0]["weight"] == "breaks"
    assert one["effects"][0]["routes"] == ["999997 R16"]
    assert told["problems"]


def test_where_there_are_only_locks_whoever_there_may_be_is_concerned(changed, tmp_path_factory):
    bare = tmp_path_factory.mktemp("bare")
    shutil.copytree(ROOT / "config/interfaces", bare / "config/interfaces")
    done = run("diff", LOCK, "--against", changed / f"config/interfaces/{LOCK}.json", root=bare)
    assert (done.exit_code, "the configuration cannot be read here" in done.stdout) == (1, True)


def test_a_lock_that_is_gone_takes_its_operations_along(changed):
    (changed / f"config/interfaces/{LOCK}.json").unlink()
    tenant = changed / "config/tenants/999997.toml"
    text = tenant.read_text(encoding="utf-8")
    settings = text[text.index(f"[connectors.{LOCK}]") : text.index("[connectors.intermediate_server]")]
    route = text[text.index("# R16: ") : text.index("# R17: ")]
    tenant.write_text(text.replace(settings, "").replace(route, ""), encoding="utf-8")
    done = run("diff", LOCK, "--against", changed)
    assert (done.exit_code, "it widens" in done.stdout) == (1, False)
    assert (
        "breaks route (999997 R16): receives research.register: names research.register, which is gone" in done.stdout
    )
    assert "heed in flight: interface: the connector is gone and nothing flows by it any more" in done.stdout
    assert "promised no more" not in done.stdout
    assert "--former-until" not in done.stdout
    table = run("diff", LOCK, "--against", changed, "--form", "change-table").stdout
    assert ("取り扱う情報が減る" in table, "取り扱う情報が増える" in table) == (True, False)


def test_what_is_no_lock_or_another_s_is_told(changed, tmp_path):
    (tmp_path / "x.json").write_text("{}", encoding="utf-8")
    for other, told in (
        (tmp_path / "x.json", "is no lock file"),
        (ROOT / "config/interfaces/pmh.json", "is the lock of pmh, not of"),
        (tmp_path / "nothing", "is neither a lock file nor a root"),
    ):
        done = run("diff", LOCK, "--against", other)
        assert (done.exit_code, told in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"pattern": "["}, "its pattern is not a regular expression"),
        ({"check": "no_such_check"}, "there is no check no_such_check"),
        ({"data_class": None}, "has no data class"),
    ],
)
def test_a_lock_whose_field_admits_nothing_that_is_known_is_refused_with_its_place(changed, rules, told):
    """As it is read: not once somebody asks what the field admits."""
    file = changed / f"config/interfaces/{LOCK}.json"
    lock = json.loads(file.read_text(encoding="utf-8"))
    operation = lock["operations"][0]
    field = next(each for each in operation["fields"] if each["kind"] == "code")
    field |= rules
    file.write_text(json.dumps(lock), encoding="utf-8")
    place = f"operations.{operation['name']}.fields.{field['path']}: "
    for done in (run("diff", LOCK, "--against", file), run("show", LOCK, root=changed)):
        line = next((each for each in done.stderr.splitlines() if place in each), "")
        assert (done.exit_code, str(file) in done.stderr or f"config/interfaces/{LOCK}.json" in line) == (2, True)
        assert told in line


def test_the_table_of_changes_has_the_columns_of_the_form_as_markdown_and_for_a_spreadsheet(changed, tmp_path):
    page = run("diff", LOCK, "--against", changed, "--form", "change-table")
    assert page.exit_code == 1
    assert page.stdout.startswith("# (別添3)変更箇所\n\n| 変更日 | 項目 | 変更前の記載 | 変更後の記載 |")
    file = tmp_path / "changes.csv"
    run("diff", LOCK, "--against", changed, "--form", "change-csv", "--output", file)
    head, *rows = csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline=""))
    assert tuple(head) == COLUMNS
    gone = next(row for row in rows if "接種日" in row[1])
    assert gone[0] == "", "the day is people's to say"
    assert gone[2].startswith("接種日、コード、")
    assert gone[3] == "(なし)"
    assert all("\n" not in cell for row in rows for cell in row)


def test_nothing_is_written_through_a_link(tmp_path):
    file, link = tmp_path / "kept", tmp_path / "link"
    file.write_text("kept")
    link.symlink_to(file)
    done = run("export", LOCK, "--form", "table", "--output", link)
    assert (done.exit_code, "is a symbolic link" in done.stderr, file.read_text()) == (2, True, "kept")
    link.unlink()
    link.symlink_to(os.devnull)
    done = run("export", LOCK, "--form", "table", "--output", link)
    assert (done.exit_code, done.stderr) == (0, f"{link}: written\n"), "a device is no file that could be lost"
    with (tmp_path / "told").open("w+") as told:
        run("export", LOCK, "--form", "table", "--output", f"/dev/fd/{told.fileno()}")
        assert told.read().startswith("# "), "where /dev/stdout leads to a file, that is meant"
