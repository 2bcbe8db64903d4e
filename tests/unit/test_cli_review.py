"""Reviews from the command line: what is asked of the hub, what people see, and what never leaves the office's file."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import commands, operator, user_table
from gateway.cli.remains import nothing_left
from gateway.cli.trail import line
from gateway.errors import GatewayError, Misconfigured, Refused

FINDING = {
    "finding": 5130, "at": "2026-11-20T03:00:00.000000Z", "standing": "open", "code": "off_hours",
    "person": "staff-0012", "acted": ["staff-0012"], "facts": [5101, 5102, 5103, 5104], "count": 40,
    "opened_by": "staff-0013", "by": None, "case": None, "outcome": None, "closed_by": None, "closed_at": None,
}  # fmt: skip
PERIOD = {
    "since": 4801, "to": 5123, "began": "2026-11-01T00:00:00.000000Z", "kinds": {"message.recorded": 300},
    "refused": [{"who": "clinics", "code": "not_attested", "count": 12}],
    "acts": [{"person": "staff-0012", "act": "trace", "code": None, "count": 7}],
    "copies": [
        {"fact": 12, "at": "2026-11-20T03:00:00.000000Z", "kind": "logs.copied", "operator": "operator",
         "case": None, "copy": "20261120-3f2a91c4", "form": "backup"}
    ],
    "compared": True,
    "unusual": [{key: FINDING[key] for key in ("code", "person", "facts", "count")}],
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch):
    """What the hub is asked, and what it answers next."""
    made: dict[str, Any] = {"questions": [], "answer": None}

    def ask_hub(_, method, path, **how):
        made["questions"].append((method, path, how.get("body")))
        if isinstance(made["answer"], Exception):
            raise made["answer"]
        return {"agrees": 2} if path.endswith("/users/sign") else made["answer"]

    monkeypatch.setattr(operator, "ask_hub", ask_hub)
    return made


def run(*words):
    return CliRunner().invoke(commands.app, [*words, "--as", "staff-0011.crt"])


def test_what_is_no_tags_file_is_named_and_an_empty_one_said_to_be(asked, tmp_path):
    whole, empty, other = (tmp_path / name for name in ("whole.json", "empty.json", "other.json"))
    whole.write_text('{"connector": "pmh", "tags": {}}')
    empty.write_text("")
    other.write_text('{"internal_no": "0000004711"}')
    for file, told in ((empty, "is empty"), (other, "is not what gateway keys tags has written")):
        files = ("--person", str(whole), "--person", str(file), "--reason", "audit", "--case", "R8-0012")
        done = run("log", "report", "disclosure", "999997", *files)
        assert (done.exit_code, f"{file}: {told}" in done.stderr, "4711" in done.stderr) == (2, True, False)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("disclosure",), "disclosure is about one person"),
        (("slips", "--person", "tags.json", "--reason", "audit", "--case", "R8-1"), "slips is about nobody"),
    ],
)
def test_a_report_says_before_it_is_asked_whether_it_is_about_a_person(asked, words, told):
    name, *rest = words
    done = run("log", "report", name, "999997", *rest)
    assert (done.exit_code, told in done.stderr, asked["questions"]) == (2, True, [])


def test_the_row_of_a_search_or_a_report_says_what_was_asked():
    fact = {"seq": 7, "at": "2026-11-01T00:00:00.000000Z", "kind": "operator.acted", "operator": "staff-0012"}
    row = line(fact | {"act": "search", "asked": {"kind": "message.refused", "actor": "", "since": "2026-11-01"}})
    assert "kind message.refused since 2026-11-01" in row["what"]
    assert "actor" not in row["what"]


def test_a_review_shows_everything_and_how_to_sign_just_that(asked):
    asked["answer"] = PERIOD
    told = run("log", "review", "999997")
    assert told.exit_code == 0
    for part in (
        "facts 4801 to 5123",
        "message.recorded",
        "not_attested",
        "trace",
        "off_hours",
        "20261120-3f2a91c4",
        "40: 5101, 5102, 5103, ...",
    ):
        assert part in told.stdout
    assert told.stdout.endswith("gateway log review 999997 --sign 5123 --as staff-0011.crt\n")
    told = run("log", "review", "999997", "--root", "the hub", "--terminal", "desk-3")
    whole = "gateway log review 999997 --sign 5123 --as staff-0011.crt --terminal desk-3 --root 'the hub'\n"
    assert told.stdout.endswith(whole), "it can be typed as it stands"


def test_where_nothing_came_since_there_is_nothing_to_sign(asked):
    asked["answer"] = PERIOD | {"since": 5124}
    assert run("log", "review", "999997").stdout == "nothing since fact 5123, up to which it was reviewed\n"


def test_signing_names_the_fact_up_to_which_it_was_looked_at(asked):
    asked["answer"] = {"to": 5123, "findings": 1}
    assert run("log", "review", "999997", "--sign", "5123").stdout == "signed up to fact 5123; findings opened: 1\n"
    assert asked["questions"] == [("POST", "/v1/999997/review", {"to": 5123})]


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (("flag", "999997", "7", "9"), ("POST", "/v1/999997/findings", {"facts": [7, 9]})),
        (("take", "999997", "7", "--case", "R8-1"), ("POST", "/v1/999997/findings/7/take", {"case": "R8-1"})),
        (
            ("close", "999997", "7", "misuse"),
            ("POST", "/v1/999997/findings/7/close", {"outcome": "misuse"}),
        ),
        (("list", "999997", "--all"), ("GET", "/v1/999997/findings?all", None)),
    ],
)
def test_what_a_person_does_with_a_finding_is_asked_of_the_hub(asked, words, question):
    asked["answer"] = [FINDING] if words[0] == "list" else {"finding": 7, "by": "staff-0011"}
    told = run("log", "finding", *words)
    assert (told.exit_code, asked["questions"]) == (0, [question])
    assert words[0] != "list" or ("5130" in told.stdout and "staff-0013" in told.stdout)


def test_a_finding_is_not_closed_with_a_word_of_one_s_own(asked):
    assert run("log", "finding", "close", "999997", "7", "fine").exit_code == 2
    assert asked["questions"] == []


def test_a_refusal_says_why(asked):
    asked["answer"] = GatewayError("own_finding")
    told = run("log", "finding", "take", "999997", "7", "--case", "R8-1")
    assert (told.exit_code, told.stderr.partition(":")[0]) == (1, "own_finding")


# ---- the table of rights ---------------------------------------------------------------------------------------------

ROWS = [{"person": "staff-0011", "role": "officer", "until": "2027-03-31"}, {"person": "root", "role": "operator"}]
CSV = "person,氏名,role,until\nstaff-0011,架空 太郎,officer,2027-03-31\nroot,架空 花子,operator,\n"
TOML = """
[[rights]]
person = "staff-0011"
name = "架空 太郎"
role = "officer"
until = 2027-03-31

[[rights]]
person = "root"
role = "operator"
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rights.csv", CSV.encode()),
        ("rights.csv", CSV.encode("utf-8-sig")),
        ("rights.csv", CSV.replace("\n", "\r\n").encode("cp932")),
        ("rights.toml", TOML.encode()),
    ],
)
@pytest.mark.parametrize("sign", [(), ("--sign",)])
def test_of_the_table_only_the_rights_leave_and_its_digest(asked, tmp_path, name, said, sign):
    (tmp_path / name).write_bytes(said)
    row = {
        "person": "root",
        "role": "operator",
        "until": None,
        "table_until": None,
        "found": "agrees",
        "last_act": None,
    }
    asked["answer"] = [row]
    done = run("people", "review", "999997", str(tmp_path / name), *sign)
    assert done.exit_code == 0
    assert "root" in done.stdout
    assert done.stdout.endswith("signed: agrees 2\n") == bool(sign)
    body = {"table": hashlib.sha256(said).hexdigest(), "rows": ROWS}
    paths = ["/v1/999997/users", *(["/v1/999997/users/sign"] if sign else [])]
    assert asked["questions"] == [("POST", path, body) for path in paths], "nobody signs what was not shown"
    assert "架空" not in json.dumps(asked["questions"], ensure_ascii=False)


def test_what_differs_is_found_wrong(asked, tmp_path):
    (tmp_path / "rights.csv").write_text(CSV, encoding="utf-8")
    row = {"person": "root", "role": "operator", "until": None, "table_until": "2027-03-31", "found": "differs"}
    asked["answer"] = [row | {"last_act": "2026-11-20"}]
    told = run("people", "review", "999997", str(tmp_path / "rights.csv"))
    assert (told.exit_code, "differs" in told.stdout) == (1, True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.csv", b"name,mail\na,b\n"),
        ("a.csv", b"\xff\xfe\x00"),
        ("a.toml", b"person = 1"),
        ("a.toml", b"rights = [1]"),
    ],
)
def test_what_is_no_table_is_told_without_what_stands_in_it(tmp_path, name, said):
    (tmp_path / name).write_bytes(said)
    with pytest.raises(Misconfigured) as wrong:
        user_table._table(tmp_path / name)
    assert len(wrong.value.problems) == 1
    assert "has no rows of person, role and until" in wrong.value.problems[0]


@pytest.mark.parametrize(
    "days", [("--since", "2026-04-02", "--until", "2026-04-01"), ("--since", "2099-01-01")], ids=" ".join
)
@pytest.mark.parametrize(
    "words",
    [
        ("log", "report", "unpermitted", "999997"),
        ("log", "search", "999997"),
        ("people", "history", "999997"),
        ("keys", "tags", "999997", "office", "person.json"),
    ],
    ids=" ".join,
)
def test_days_that_no_fact_can_be_of_are_a_wrong_usage(asked, words, days):
    own = () if words[0] == "keys" else ("--as", "staff-0011.crt")
    done = CliRunner().invoke(commands.app, [*words, *days, *own])
    assert (done.exit_code, asked["questions"]) == (2, [])
    assert "days in Japan" in done.output


@pytest.mark.parametrize("words", [("log", "prove"), ("log", "export")], ids=" ".join)
def test_help_says_that_evidence_holds_what_is_not_to_be_disclosed(words):
    told = " ".join(CliRunner().invoke(commands.app, [*words, "--help"], env={"COLUMNS": "200"}).stdout.split())
    assert "not to be disclosed" in told


@pytest.mark.parametrize(
    "words",
    [
        ("log", "finding", "take", "999997", "7"),
        ("log", "report", "disclosure", "999997", "--person", "tags.json", "--reason", "audit"),
        ("log", "search", "999997", "--person", "tags.json", "--reason", "audit"),
        ("retention", "lift", "999997"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("case", ["000000000018", "架空 太郎", ""])
def test_a_case_has_one_form_everywhere(asked, words, case):
    done = run(*words, "--case", case)
    assert (done.exit_code, asked["questions"]) == (2, [])
    assert "a case is 1 to 32" in " ".join(done.output.split())


def test_a_day_may_be_as_spreadsheets_write_it(asked, tmp_path):
    (tmp_path / "rights.csv").write_text("person,role,until\nstaff-0011,officer,2026/4/1\n")
    asked["answer"] = []
    assert run("people", "review", "999997", str(tmp_path / "rights.csv")).exit_code == 0
    ((_, _, body),) = asked["questions"]
    assert body["rows"] == [{"person": "staff-0011", "role": "officer", "until": "2026-04-01"}]


def test_a_table_that_cannot_be_read_is_told_by_row_and_cell_and_never_by_its_words(asked, tmp_path):
    rows = ("staff-0011,officer,", "架空 太郎,officer,", "staff-0012,課長,", "staff-0013,approver,2026/13/1")
    (tmp_path / "rights.csv").write_text("person,role,until\n" + "\n".join(rows), encoding="utf-8")
    done = run("people", "review", "999997", str(tmp_path / "rights.csv"))
    assert (done.exit_code, asked["questions"]) == (2, [])
    said = [line.partition("rights.csv: ")[2] for line in done.stderr.splitlines()]
    assert said == [
        "row 2: person: is no staff id",
        "row 3: role: is none of operator, officer, approver, administrator, auditor",
        "row 4: until: is no day, such as 2026-12-22 or 2026/12/22",
    ]


def test_a_row_of_the_log_says_which_finding_case_and_outcome():
    fact = {"seq": 9, "at": "2026-04-01T00:00:00.000000Z", "kind": "finding.closed", "operator": "staff-0012"}
    told = line(fact | {"finding": 7, "outcome": "proper", "case": "R8-0012"})["what"]
    assert told == "operator staff-0012; finding 7; outcome proper; case R8-0012"


OWN = "職員ID,役割,最終日,状態,証明書,最後の操作,記録番号\nstaff-0011,officer,2027-03-31,valid,aa,,12\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp932"])
@pytest.mark.parametrize("comma", [",", "\t"])
def test_a_table_may_be_headed_as_an_office_does_and_as_the_report_of_users_is(asked, tmp_path, encoding, comma):
    (tmp_path / "rights.csv").write_bytes(OWN.replace(",", comma).encode(encoding))
    asked["answer"] = []
    assert run("people", "review", "999997", str(tmp_path / "rights.csv")).exit_code == 0
    ((_, _, body),) = asked["questions"]
    assert body["rows"] == [{"person": "staff-0011", "role": "officer", "until": "2027-03-31"}]


def test_a_table_without_the_columns_says_how_it_was_read_and_none_of_its_words(asked, tmp_path):
    (tmp_path / "rights.csv").write_bytes("架空 太郎,role,x\n".encode("cp932"))
    done = run("people", "review", "999997", str(tmp_path / "rights.csv"))
    assert done.stderr.rstrip().endswith("; read as CP932, its first line has 3 columns, and person is not among them")
    assert (done.exit_code, "架空" in done.stderr, asked["questions"]) == (2, False, [])


def test_whoever_is_refused_hears_who_he_is_and_who_may(asked):
    asked["answer"] = Refused("role_missing", cause="you are staff-0100, as administrator; it is for officer")
    told = run("log", "finding", "take", "999997", "7", "--case", "R8-1").stderr
    assert told.endswith("(you are staff-0100, as administrator; it is for officer)\n")


def test_a_table_of_findings_says_that_it_has_the_first_facts_alone(asked):
    for count, expected in ((40, True), (3, False)):
        asked["answer"] = [FINDING | {"count": count}]
        assert ("--json" in run("log", "finding", "list", "999997").stdout) is expected


def test_legal_holds_are_listed_by_the_days_that_were_said(asked):
    asked["answer"] = [
        {"case": "R1", "since": "2026-10-31T15:00:00.000000Z", "until": "2026-11-30T15:00:00.000000Z"},
        {"case": "R2", "since": "", "until": "9999-12-31T23:59:59.999999Z"},
    ]
    told = run("retention", "holds", "999997").stdout
    assert "facts from 2026-11-01 to 2026-11-30, days of Japan" in told
    assert "the whole log" in told


def test_what_is_left_that_should_not_be_is_counted_apart_from_what_may_be(asked, capsys):
    states = (("there", True), ("may be there", True), ("may be there", True), ("kept", False), ("gone", False))
    copies = [
        {"what": "payload", "where": "w", "state": state, "until": None, "log": None, "seq": None, "at": None,
         "left": left}
        for state, left in states
    ]  # fmt: skip
    asked["answer"] = {"message_id": "m", "left": True, "copies": copies}
    assert not nothing_left(Path(), "999997", "m", None, None, json=False)
    told = capsys.readouterr().out
    assert "m: 1 copies are left that should not be, and 2 may be\n1 others are there, or may be" in told
    asked["answer"] = {"message_id": "m", "left": False, "copies": copies[-1:]}
    assert nothing_left(Path(), "999997", "m", None, None, json=False)
    told = capsys.readouterr().out
    assert ("nothing is left of it" in told, "others" in told) == (True, False)
