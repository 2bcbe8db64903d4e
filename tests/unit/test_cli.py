"""The commands as an operator meets them: whole ids on any terminal, any encoding, help that teaches, Ctrl-C."""

import base64
import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from datetime import date
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.x509 import load_pem_x509_certificate
from typer.testing import CliRunner

from gateway import config as configuration
from gateway.cli import commands, message, operator
from gateway.cli.report import _made
from gateway.cli.table import draw
from gateway.config import read_contract
from gateway.errors import Deferred
from gateway.keys.certificates import digest_of_file, fingerprint_of_file
from gateway.keys.layout import replace_whole
from gateway.wiring.people import configured
from gateway_pmh.simulated.signing import SigningKey

ROOT = Path(__file__).parents[2]
GATEWAY = str(Path(sys.executable).with_name("gateway"))
ID = "01a2003d-a4fa-75ac-8583-008af9651995"
LONG = "vaccination_records_of_another_city"
CONNECTOR = {
    "tenant": "999997",
    "connector": LONG,
    "zone": "individual_number_zone",
    "required": True,
    "state": "quarantined",
    "ok": True,
    "detail": "the record system answers",
    "interface": "690b926ee39fc62a",
}
AT_THERE = "2026-11-22 07:32:49+09:00"
"""`created_at`, as the clocks in Japan show it."""
LETTER: dict[str, Any] = {
    "message_id": ID,
    "seq": 7,
    "source": "health_management",
    "destination": LONG,
    "operation": "subject.register",
    "created_at": "2026-11-21T22:32:49.658593Z",
    "outcomes": [
        {"ending": "dead", "code": "basis_not_in_force", "records": "0-3,7"},
        {"ending": "dead", "code": "gave_up", "path": "control_flag_view_suspended", "records": "9"},
    ],
}
FACTS = [
    {
        "seq": 1,
        "at": LETTER["created_at"],
        "kind": "message.recorded",
        "header": {**LETTER, "route": "R01"},
        "statement": {
            "records": [
                [5, "check_digit", "individual_number"],
                [6, "check_digit", "individual_number"],
                [8, "x", None],
            ]
        },
    },
    {
        "seq": 2,
        "at": LETTER["created_at"],
        "kind": "delivery.concluded",
        "attempt": 1,
        "outcomes": [
            {"ending": "accepted", "records": "0-3,7"},
            {"ending": "refused", "code": "superseded", "path": "updated_at", "records": "4"},
        ],
    },
]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def printed(monkeypatch):
    """Call with a width and what prints: what then stands on a terminal of that width, line by line."""

    def on(width, prints):
        terminal = Terminal()
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TERM", "xterm")
        with contextlib.redirect_stdout(terminal), contextlib.suppress(typer.Exit):
            prints()
        return re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue())

    return on


@pytest.fixture
def answered(monkeypatch):
    """What the running gateway answers to whatever is asked but its health, which is good."""

    def answers(answer):
        for ask in ("ask", "ask_hub"):
            monkeypatch.setattr(operator, ask, lambda *words, **_: {} if "/healthz" in words else answer)

    return answers


# ---- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 80, 100, 240])
def test_no_word_of_a_table_is_ever_cut(printed, width):
    found: list[dict[str, Any]] = [
        {"id": ID, "what": f"{LONG} {'word ' * 30}{LONG}", "ok": True},
        {"id": None, "what": LONG, "ok": False},
    ]
    told = printed(width, lambda: draw(found))
    assert told.split().count(ID) == 1
    assert told.split().count(LONG) == 3
    assert "…" not in told


@pytest.mark.parametrize("width", [50, 80, 120])
def test_ids_are_whole_in_every_list_of_an_operator(printed, answered, width):
    answered([LETTER])
    assert {ID, LONG} <= set(re.split(r"[\s,]+", printed(width, lambda: message.dead("999997"))))
    answered([CONNECTOR])
    assert {LONG, "individual_number_zone", "690b926ee39fc62a"} <= set(printed(width, commands.connectors).split())
    answered(FACTS)
    told = printed(width, lambda: message.trace("999997", ID))
    assert {ID, LONG, "message.recorded", "2026-11-22", "07:32:49+09:00"} <= set(re.split(r"[\s;]+", told))


def test_a_table_that_fits_80_columns_stays_a_table(printed, answered):
    answered([LETTER | {"destination": "vaccination_records", "outcomes": LETTER["outcomes"][:1]}])
    lines = printed(80, lambda: message.dead("999997")).splitlines()
    assert lines[0].split() == ["message", "id", "what", "dead"]
    assert all(len(line.rstrip()) <= 80 for line in lines)


def test_dead_records_are_ranges(printed, answered):
    answered([LETTER])
    told = " ".join(printed(240, lambda: message.dead("999997")).split())
    assert "records 0-3, 7 basis_not_in_force; records 9 gave_up control_flag_view_suspended" in told
    assert "[" not in told


@pytest.mark.parametrize(("code", "status"), [("gave_up", 1), ("send_anew", 0)])
def test_dead_records_that_wait_for_nobody_are_not_found_wrong(monkeypatch, code, status):
    asked: list[str] = []
    letter = LETTER | {"outcomes": [{"ending": "dead", "code": code, "records": "0"}]}

    def ask(*words, **_):
        asked.append(words[-1])
        return [letter]

    monkeypatch.setattr(operator, "ask_hub", ask)
    done = CliRunner().invoke(commands.app, ["message", "dead", "999997", "--all"])
    assert (done.exit_code, ID in done.stdout) == (status, True)
    CliRunner().invoke(commands.app, ["message", "dead", "999997"])
    assert asked == ["/v1/999997/dead?all", "/v1/999997/dead"]


def test_a_trace_says_what_its_record_indices_are(printed, answered):
    answered(FACTS)
    first, _, rest = printed(240, lambda: message.trace("999997", ID)).partition("\n")
    assert first == f"message {ID}; records are indices in its payload, from 0 (not rows of a file)"
    assert "accepted: records 0-3, 7; refused: records 4 superseded updated_at" in rest


def test_a_trace_says_what_the_edge_refused(printed, answered):
    answered(FACTS)
    told = printed(240, lambda: message.trace("999997", ID))
    assert "refused at its edge: records 5-6 check_digit individual_number; refused at its edge: records 8 x" in told
    assert "kind" in told


def test_a_trace_says_by_which_certificate_it_came_in(printed, answered):
    """Whether it was recorded, refused or came again; what a connector sends of itself came in by none."""
    at, peer = LETTER["created_at"], {"client_certificate": "0123456789abcdef" * 4}
    for fact in (
        {"kind": "message.recorded", "header": {**LETTER, "route": "R01", **peer}},
        {"kind": "message.refused", "statement": peer},
        {"kind": "message.repeated", **peer},
    ):
        answered([{"seq": 1, "at": at, **fact}])
        told = re.split(r"[\s;]+", printed(240, lambda: message.trace("999997", ID)))
        assert told[told.index("certificate") + 1] == "0123456789abcdef"
    answered([FACTS[1]])
    assert "certificate" not in printed(240, lambda: message.trace("999997", ID))


def traced(printed, answered, *facts):
    """What a trace of these facts says, as words."""
    answered([{"seq": seq, "at": LETTER["created_at"], **fact} for seq, fact in enumerate(facts, 1)])
    return printed(240, lambda: message.trace("999997", ID))


def test_a_trace_of_a_refusal_says_who_wanted_what_and_who_refused(printed, answered):
    stated: dict[str, Any] = {
        "statement": {"connector": "clinic_app", "operation": "visit.query"},
        "code": "not_attested",
    }
    told = traced(printed, answered, {"kind": "message.refused", "stage": "edge", **stated})
    assert "clinic_app visit.query; stage edge; code not_attested" in told
    told = traced(
        printed, answered, {"kind": "message.refused", "stage": "hub", "connector": "pmh", "code": "no_route"}
    )
    assert "pmh; stage hub; code no_route" in told
    stated = {"connector": "clinic_app", "operation": "visit.query", "records": [[0, "unknown_field", "unknown:1:1"]]}
    told = traced(printed, answered, {"kind": "message.recorded", "statement": stated})
    assert "clinic_app visit.query; refused at its edge: records 0 unknown_field unknown:1:1" in told


def test_a_trace_says_what_a_connector_noted_and_why(printed, answered):
    noted = {"connector": "intermediate_server", "operation": None, "act": "provision_refused", "code": "bad_permit"}
    told = traced(printed, answered, {"kind": "connector.noted", "statement": noted})
    assert re.search("intermediate_server; provision_refused bad_permit *\n", told)
    told = traced(printed, answered, {"kind": "connector.noted", "statement": {"connector": "c", "act": "file_taken"}})
    assert re.search("c; file_taken *\n", told)


def test_a_trace_says_what_the_route_kept_back(printed, answered):
    """Its sender is told of no refusal: nowhere else would people see it."""
    header = {"source": "a", "destination": "b", "operation": "c", "route": "R01", "attestations": []}
    withheld: dict[str, Any] = {"kind": "message.recorded", "header": header | {"withheld": ["address", "children[]"]}}
    assert "withheld by the route: address, children[]" in traced(printed, answered, withheld)
    assert "withheld" not in traced(
        printed, answered, {"kind": "message.recorded", "header": header | {"withheld": []}}
    )


def test_a_trace_says_what_was_attested_and_until_when_and_no_reference(printed, answered):
    until, reference = "2026-11-22T12:00:00.000000Z", "f" * 64
    claims = [
        {"claim": "agent", "reference": reference, "until": until},
        {"claim": "consent", "reference": reference, "until": until, "text": "2026-04"},
        {"claim": "card_login", "reference": reference},
        {"claim": "permit", "reference": reference, "until": until, "party": "130001", "asked": until},
    ]
    header = {**LETTER, "route": "R09", "attestations": claims}
    told = traced(printed, answered, {"kind": "message.recorded", "header": header})
    assert "attested agent, consent 2026-04, permit 130001 until 2026-11-22 21:00:00+09:00; attested card_login" in told
    assert reference[:8] not in told


def test_what_happened_again_and_again_stands_once_in_a_trace(printed, answered):
    again = [{"kind": "message.repeated", "connector": "clinic_app"}] * 40
    facts = [*again, {"kind": "delivery.attempted", "attempt": 2}, *again[:1]]
    lines = [line for line in traced(printed, answered, *facts).splitlines() if AT_THERE in line]
    assert [line.split()[0] for line in lines] == ["1", "41", "42"], "by seq of the first, in their order"
    assert f"clinic_app; 40 times, until {AT_THERE}" in lines[0]
    assert "times" not in lines[1] + lines[2]


REFUSALS: list[dict[str, Any]] = [
    {**LETTER, "at": LETTER["created_at"], "by": "destination", "outcomes": LETTER["outcomes"]},
    {"at": LETTER["created_at"], "by": "edge", "source": "clinic_app", "code": "not_attested", "outcomes": []},
    {
        "at": LETTER["created_at"],
        "by": "connector",
        "source": "intermediate_server",
        "act": "provision_refused",
        "code": "bad_permit",
        "outcomes": [],
    },
]


def test_refusals_say_whose_which_records_why_and_by_whom(printed, monkeypatch):
    asked: list[str] = []

    def ask(*words, **_):
        asked.append(words[-1])
        return {"refused": REFUSALS, "down_to": 7}

    monkeypatch.setattr(operator, "ask_hub", ask)
    told = printed(240, lambda: message.refused("999997", before=9))
    assert asked == ["/v1/999997/refused?before=9"]
    assert {ID, LONG, "destination", "edge"} <= set(told.split())
    assert "records 9 gave_up control_flag_view_suspended" in told
    assert f"clinic_app, {AT_THERE}" in told
    assert "all not_attested" in told
    noted = re.search("intermediate_server provision_refused, .*all bad_permit +connector", told)
    assert noted is not None
    assert told.splitlines()[-1] == "older: gateway message refused 999997 --before 7"
    monkeypatch.setattr(operator, "ask_hub", lambda *_, **__: {"refused": [], "down_to": 1})
    assert printed(240, lambda: message.refused("999997")).split("\n") == ["nothing was refused", ""]


# ---- any encoding ----------------------------------------------------------------------------------------------------

ASCII = (
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
)


def run(*words, **environment):
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "LC_", "LANG"))}
    return subprocess.run([GATEWAY, *words], capture_output=True, timeout=120, check=False, env=plain | environment)


@pytest.mark.parametrize("environment", ASCII, ids=["PYTHONIOENCODING", "LANG=C"])
def test_a_terminal_that_cannot_show_japanese_shows_the_rest(environment):
    done = run("interface", "show", "health_management", "--root", str(ROOT), **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    told = done.stdout.decode("ascii")
    assert "individual_number" in told
    assert "?" in told


@pytest.mark.parametrize("environment", ASCII, ids=["PYTHONIOENCODING", "LANG=C"])
def test_json_is_whole_in_any_encoding(environment):
    words = ("interface", "show", "health_management", "--root", str(ROOT), "--json")
    assert run(*words, **environment).stdout == run(*words, PYTHONIOENCODING="utf-8").stdout


@pytest.mark.parametrize("environment", ASCII, ids=["PYTHONIOENCODING", "LANG=C"])
def test_a_site_is_made_and_checked_in_any_encoding(tmp_path, environment):
    root = tmp_path / "架空市"
    assert run("init", str(root), **environment).returncode == 0
    done = run("check", "--root", str(root), **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    (root / "config/gateway.toml").write_text('"名" = "x"\n', encoding="utf-8")
    done = run("connectors", "--root", str(root), **environment)
    assert done.returncode == 2
    assert "config/gateway.toml: name: is missing" in done.stderr.decode("ascii")


# ---- a wrong root ----------------------------------------------------------------------------------------------------

ROOTED = (
    ["check"],
    ["run"],
    ["connectors"],
    ["reload"],
    ["interface", "show", "health_management"],
    ["interface", "diff", "health_management"],
    ["interface", "lock", "health_management"],
    ["keys", "list"],
    ["log", "verify"],
    ["message", "dead", "999997"],
    ["message", "refused", "999997"],
)


@pytest.mark.parametrize("words", ROOTED, ids=" ".join)
def test_a_wrong_root_is_told_with_what_was_looked_for_and_the_next_step(tmp_path, words):
    root = tmp_path / "nowhere"
    done = CliRunner().invoke(commands.app, [*words, "--root", str(root)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{root}/keys" in done.stderr if words[0] == "keys" else f"{root}/config/gateway.toml" in done.stderr
    assert f"gateway init {root}" in done.stderr
    assert not root.exists()


def test_what_may_not_be_read_is_one_sentence(monkeypatch, tmp_path):
    def forbidden(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_dir", forbidden)
    done = CliRunner().invoke(commands.app, ["check", "--root", str(tmp_path)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"{tmp_path}/config: Permission denied; run this as the service's user\n"


def test_a_lock_that_is_not_there_is_told_with_the_next_step():
    done = CliRunner().invoke(commands.app, ["interface", "diff", "nobody", "--root", str(ROOT)])
    assert done.exit_code == 2
    assert "locked: clinic_app, health_management, history_lookup, " in done.stderr
    assert "gateway interface lock nobody" in done.stderr


@pytest.fixture
def narrower(tmp_path):
    """A root whose lock of health_management lacks a field that the plugin declares."""
    folder = tmp_path / "config/interfaces"
    folder.mkdir(parents=True)
    lock = json.loads((ROOT / "config/interfaces/health_management.json").read_text(encoding="utf-8"))
    (sends,) = [each for each in lock["operations"] if each["name"] == "subject.register"]
    sends["fields"] = [each for each in sends["fields"] if each["path"] != "guardian_name"]
    (folder / "health_management.json").write_text(json.dumps(lock), encoding="utf-8")
    return tmp_path


def test_a_lock_that_replaces_another_keeps_its_digest_until_a_day(narrower):
    former = read_contract(narrower, "health_management").digest()
    words = ["interface", "lock", "health_management", "--root", str(narrower), "--former-until"]
    late = CliRunner().invoke(commands.app, [*words, "2020-01-01"])
    assert (late.exit_code, "is over in Japan" in late.stderr) == (2, True)
    assert read_contract(narrower, "health_management").digest() == former
    done = CliRunner().invoke(commands.app, [*words, "2099-03-31"])
    assert done.exit_code == 0, done.stderr
    kept = tomllib.loads((narrower / "config/interfaces/former.toml").read_text(encoding="utf-8"))["former"]
    assert kept == [{"connector": "health_management", "digest": former, "until": date(2099, 3, 31)}]
    again = CliRunner().invoke(commands.app, [*words, "2099-03-31"])
    assert (again.exit_code, "no former one" in again.stderr) == (0, True)


def test_a_lock_that_was_stopped_midway_is_the_former_and_is_locked_again(narrower, monkeypatch):
    """The digest that is about to be replaced is kept first: said twice, it stands once; a link stays one."""
    lock, elsewhere = narrower / "config/interfaces/health_management.json", narrower / "kept.json"
    lock.rename(elsewhere)
    lock.symlink_to(elsewhere)
    before = lock.read_bytes()
    words = ["interface", "lock", "health_management", "--root", str(narrower), "--former-until", "2099-03-31"]
    with monkeypatch.context() as patched:
        patched.setattr(sys.modules["gateway.config.load"], "replace_whole", _only_former)
        assert CliRunner().invoke(commands.app, words).exit_code != 0
    assert lock.read_bytes() == before
    done = CliRunner().invoke(commands.app, words)
    assert done.exit_code == 0, done.stderr
    assert (narrower / "config/interfaces/former.toml").read_text(encoding="utf-8").count("[[former]]") == 1
    assert lock.is_symlink()
    assert elsewhere.read_bytes() != before
    assert {each.name for each in lock.parent.iterdir()} == {lock.name, "former.toml"}


def _only_former(path, text):
    if path.suffix == ".json":
        raise KeyboardInterrupt
    replace_whole(path, text)


def test_a_lock_that_its_owner_has_made_read_only_is_left(narrower, monkeypatch):
    before = (narrower / "config/interfaces/health_management.json").read_bytes()
    only_read = SimpleNamespace(access=lambda *_: False, W_OK=os.W_OK)
    monkeypatch.setattr(sys.modules["gateway.config.load"], "os", only_read)  # whoever is root may write everything
    done = CliRunner().invoke(commands.app, ["interface", "lock", "health_management", "--root", str(narrower)])
    assert (done.exit_code, "cannot be written: it is read-only" in done.stderr) == (2, True)
    assert (narrower / "config/interfaces/health_management.json").read_bytes() == before


@pytest.mark.parametrize("day", ["yesterday", "2099-02-30", "20990331", ""])
def test_a_day_that_is_none_is_told_with_the_form_of_one(narrower, day):
    words = ["interface", "lock", "health_management", "--root", str(narrower), "--former-until", day]
    done = CliRunner().invoke(commands.app, words, env={"COLUMNS": "200"})
    assert (done.exit_code, "a day is written as YYYY-MM-DD, such as 2027-03-31" in done.stderr) == (2, True)
    assert "%Y" not in done.stderr


def test_publishing_where_no_keys_are_names_the_root(tmp_path):
    done = CliRunner().invoke(commands.app, ["keys", "publish", "999997", "--root", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr == f"{tmp_path}/keys/999997: no keys are here; name the folder that holds keys/ with --root\n"


@pytest.fixture
def trial(tmp_path):
    """A root as `gateway init` makes it."""
    root = tmp_path / "trial"
    assert CliRunner().invoke(commands.app, ["init", str(root)]).exit_code == 0
    return root


def test_a_person_s_tags_say_by_what_else_the_connector_s_records_name_a_person(trial):
    def made(connector, **named):
        file = trial / "person.json"
        file.write_text(json.dumps(named))
        words = ["keys", "tags", "999997", connector, str(file), "--since", "2026-05-01", "--root", str(trial)]
        return CliRunner().invoke(commands.app, words)

    one = made("vaccination_records", internal_no="0000004711")
    assert (one.exit_code, json.loads(one.stdout)["connector"]) == (0, "vaccination_records")
    assert (
        "vaccination_records name a person by id5 (ID5), identity_confirmation (本人確認情報), individual_number"
        in one.stderr
    )
    assert "4711" not in one.stderr
    assert min(json.loads(one.stdout)["tags"]) == "2026-04", "of the month before: recorded in May, made in April"
    whole = made("health_management", internal_no="0000004711")
    assert (whole.exit_code, whole.stderr) == (0, ""), "a template's id names nobody"
    wrong = made("health_management", vaccination_setting_id="S-1")
    fields = "the file is to be one JSON object with one or more of these fields: internal_no (内部番号)\n"
    assert (wrong.exit_code, wrong.stderr) == (2, fields)
    none = made("vaccination_db", internal_no="0000004711")
    assert (none.exit_code, "no record here names a person" in none.stderr) == (2, True)
    all_ = made("intermediate_server", internal_no="0000004711")
    assert (all_.exit_code, all_.stderr) == (0, "")


def test_init_says_what_to_edit_and_what_must_run(tmp_path):
    done = CliRunner().invoke(commands.app, ["init", str(tmp_path / "city"), "--tenant", "131016"])
    edit, systems, following = done.stdout.splitlines()[-3:]
    assert f"edit {tmp_path}/city/config/tenants/131016.toml: name is the example's" in edit
    assert "start the systems" in systems
    assert following.startswith("next: gateway check --root ")


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        (lambda tls: (tls / "ca.crt").unlink(), "admin.client_ca: {root}/keys/tls/ca.crt: No such file or directory"),
        (lambda tls: (tls / "ca.crt").write_text("x"), "admin.client_ca: the authority's file holds no certificate"),
        (
            lambda tls: (tls / "operator.key").write_bytes((tls / "gateway.key").read_bytes()),
            "admin.operators.operator: the certificate and the key do not belong together",
        ),
        (lambda tls: (tls / "operator.key").write_text("x"), "admin.operators.operator: one of them is not the PEM"),
    ],
    ids=["no authority", "no certificate in it", "another key", "no key"],
)
def test_a_fault_on_this_side_is_not_laid_to_the_gateway(trial, spoilt, told):
    spoilt(trial / "keys/tls")
    done = CliRunner().invoke(commands.app, ["connectors", "--root", str(trial)])
    assert done.exit_code == 2
    assert done.stderr.startswith("config/gateway.toml: " + told.format(root=trial))


def test_a_log_that_never_was_is_not_shown_with_a_root_of_nothing(trial):
    done = CliRunner().invoke(commands.app, ["log", "verify", "--root", str(trial)])
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"{name}: {trial}/state/journal/{name}.db does not exist: the gateway never started with it, or it is gone"
        for name in ("999997", "system")
    ]


class Enough:
    """A reader who has had enough."""

    def begin(self, head):
        raise BrokenPipeError(32, "Broken pipe")

    def row(self, row):
        raise AssertionError

    end = row


def test_who_has_read_enough_of_a_report_is_not_told_of_a_file(monkeypatch, tmp_path):
    monkeypatch.setattr(operator, "ask_lines", lambda _root, _path, take, **_: take({"columns": []}))
    with pytest.raises(BrokenPipeError):
        _made(tmp_path, "/v1/999997/reports/fields", {}, Enough())


@pytest.mark.parametrize("words", [["check", "--root", "{trial}"], ["log", "verify", "--root", "{trial}"], ["--help"]])
def test_a_reader_who_is_gone_ends_a_command_without_a_word(trial, words):
    reads, writes = os.pipe()
    os.close(reads)
    command = [GATEWAY, *(each.format(trial=trial) for each in words)]
    done = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writes)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_fact_of_a_number_that_no_log_has_is_wrong_usage(trial):
    done = CliRunner().invoke(commands.app, ["log", "prove", "999997", "--fact", str(2**63), "--root", str(trial)])
    assert (done.exit_code, "--fact" in done.stderr, "Traceback" in done.output) == (2, True, False)


# ---- hub and edges apart ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    """The roots of a hub and its edges as `gateway init --example` makes them, and what it said. Nothing runs."""
    root = tmp_path_factory.mktemp("apart")
    done = CliRunner().invoke(commands.app, ["init", str(root), "--example", "edge_per_zone"])
    assert done.exit_code == 0
    return root, done.stdout


def test_init_of_an_example_says_what_to_edit_what_must_run_and_what_is_next(apart):
    root, said = apart
    edit, systems, following = said.splitlines()[-3:]
    assert "edit config/tenants/999997.toml in each of them" in edit
    assert systems.startswith("start the systems")
    assert following.startswith(f"next: gateway check --root {root}/")


def test_new_keys_are_told_for_the_processes_that_there_are(apart, trial, tmp_path):
    shutil.copytree(apart[0] / "lgwan", tmp_path / "lgwan")
    told = []
    for root in (tmp_path / "lgwan", trial):
        place = ["999997", "vaccination_records", "--root", str(root)]
        done = CliRunner().invoke(commands.app, ["keys", "rotate", *place])
        assert done.exit_code == 0
        told.append(done.stdout)
    assert ["reload the hub, then every edge" in each for each in told] == [True, False]
    assert ["1. reload the gateway, so" in each for each in told] == [False, True]


def test_init_says_what_lies_offline_and_what_each_process_got(apart):
    root, said = apart
    held = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert "each of these has the keys of its own connectors" in said
    assert f"{root}/offline/keys: all private keys" in said
    private = {each.partition("/")[2] for each in held if each.endswith((".pem", ".key")) and "/keys/" in each}
    assert all(f"offline/{each}" in held for each in private)
    assert f"{root}/systems: what stands for the systems in a trial" in said
    assert {"systems/pmh.toml", "systems/keys/tls/pmh_system.key", "systems/keys/tls/clinic_app_system.key"} <= held
    given = {each.name for each in (root / "systems/keys/tls").iterdir()}
    assert not given & {"ca.key", "operator.key", "pmh.key", "vaccination_records.key", "internet_server.key"}


def test_help_loads_no_part_of_the_gateway_but_the_commands():
    loaded = "import sys, gateway.cli.commands\n"
    loaded += "print(*sorted({each.split('.')[1] for each in sys.modules if each.startswith('gateway.')}))"
    done = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True)
    assert done.stdout == "cli errors\n"


def test_a_command_that_asks_or_reads_keys_loads_no_web_server():
    """It would wait for that longer than for the answer."""
    loaded = "import sys, gateway.cli.operator, gateway.cli.key_files\nprint(*{'aiohttp', 'asyncio'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True)
    assert done.stdout == "\n"


def test_the_hub_knows_the_administrator_and_no_process_has_the_key(apart):
    root, _ = apart
    files = {path.relative_to(root).as_posix() for path in root.glob("*/keys/tls/staff-0100.*")}
    assert files == {
        "hub/keys/tls/staff-0100.crt",
        "offline/keys/tls/staff-0100.crt",
        "offline/keys/tls/staff-0100.key",
    }


def test_a_trial_s_certificate_is_made_once_and_only_where_the_trial_s_authority_is(apart, tmp_path):
    root, _ = apart
    shutil.copytree(root / "offline", tmp_path / "offline")
    made = tmp_path / "offline/keys/tls/staff-0012.crt"
    for where, status, told in (
        (tmp_path / "offline", 0, f"{made}: and its key beside it, for staff-0012 alone\n"),
        (tmp_path / "offline", 2, "staff-0012.key: exists already"),
        (root / "hub", 2, "ca.key: the trial authority's key is not here"),
    ):
        done = CliRunner().invoke(commands.app, ["people", "certificate", "staff-0012", "--root", str(where)])
        assert (done.exit_code, told in done.output) == (status, True)
    assert CliRunner().invoke(commands.app, ["people", "certificate", "000011112222"]).exit_code == 2
    one, authority = (load_pem_x509_certificate(each.read_bytes()) for each in (made, made.with_name("ca.crt")))
    one.verify_directly_issued_by(authority)


def test_a_connector_and_its_system_have_the_same_secret_and_the_system_pins_the_connectors_certificate(apart):
    root, _ = apart
    told = tomllib.loads((root / "systems/pmh.toml").read_text(encoding="utf-8"))
    (client,) = told["client"]
    mine = (root / "closed_network/keys/999997/pmh/client_secret").read_bytes()
    assert (root / "systems" / client["client_secret"].removeprefix("file:")).read_bytes() == mine
    pinned = fingerprint_of_file(root / "closed_network/keys/tls/pmh.crt")
    assert f"sha256:{client['certificate']}" == pinned
    for file in (root / "systems").rglob("*"):
        private = file.is_file() and file.suffix not in (".crt", ".toml")
        assert not private or file.stat().st_mode & 0o077 == 0


def test_the_network_s_stand_in_has_its_bodies_keys_and_the_connector_another_to_open_answers_with(apart):
    root, _ = apart
    told = tomllib.loads((root / "systems/intermediate_server.toml").read_text(encoding="utf-8"))
    files = [root / "systems" / each for each in told["inquiry_keys"].values()]
    files.append(root / "lgwan/keys/999997/intermediate_server/inquiry_key.jwk")
    assert len({json.loads(each.read_bytes())["d"] for each in files}) == len(files) == 3
    assert {each.stat().st_mode & 0o077 for each in files} == {0}
    assert not (root / "systems/keys/999997/intermediate_server").exists()
    assert f"sha256:{told['listen']['clients'][0]}" == fingerprint_of_file(
        root / "lgwan/keys/tls/intermediate_server.crt"
    )


def test_what_init_makes_to_open_answers_with_is_a_key_of_two_halves_that_fit(apart):
    key = json.loads((apart[0] / "lgwan/keys/999997/intermediate_server/inquiry_key.jwk").read_bytes())
    assert {each: key[each] for each in ("kty", "crv")} == {"kty": "OKP", "crv": "X25519"}
    private, public = (base64.urlsafe_b64decode(f"{key[half]}=") for half in ("d", "x"))
    assert X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw() == public


def test_every_process_of_an_example_is_found_right_as_it_was_made(apart):
    for process in sorted(each for each in apart[0].iterdir() if each.name not in ("offline", "systems")):
        done = CliRunner().invoke(commands.app, ["check", "--root", str(process)])
        assert (done.exit_code, done.stderr) == (0, "")


MACHINES = {
    "pinned to a connector": "health_management",
    "pinned, one of two": "clinic_b",
    "of a connector towards its system": "pmh",
    "of an edge process": "lgwan",
    "of an edge's listener": "internet_server",
    "of the hub": "hub",
    "of the authority": "ca",
}


@pytest.mark.parametrize("file", MACHINES.values(), ids=MACHINES)
def test_with_hub_and_edges_apart_no_machine_is_a_person(apart, file):
    (known,) = configured(configuration.load(apart[0] / "hub")).values()
    assert digest_of_file(apart[0] / f"offline/keys/tls/{file}.crt") in known.others
    assert known.missing == ()
    assert {each.stem for each in (apart[0] / "hub/keys/tls").glob("*.key")} == {"hub", "operator"}


@pytest.mark.parametrize("file", sorted({*MACHINES.values()} - {"hub", "ca", "lgwan"}))
@pytest.mark.parametrize("left", [None, "no certificate"])
def test_while_a_machine_s_certificate_is_not_at_the_hub_nobody_is_granted_anything(apart, tmp_path, file, left):
    """The grant that is refused then is in test_people.py; the hub's check says which file, and that it is wrong."""
    hub = tmp_path / "hub"
    shutil.copytree(apart[0] / "hub", hub)
    certificate = hub / f"keys/tls/{file}.crt"
    certificate.unlink()
    if left is not None:
        certificate.write_text(left)
    (known,) = configured(configuration.load(hub)).values()
    assert known.missing
    assert all(f"keys/tls/{file}.crt: " in each for each in known.missing)
    done = CliRunner().invoke(commands.app, ["check", "--root", str(hub)])
    assert (done.exit_code, done.stderr.splitlines()) == (1, [*known.missing])


@pytest.mark.parametrize(
    ("process", "connector"),
    [("internet", "clinic_app"), ("internet", "myna_portal"), ("lgwan", "intermediate_server")],
)
def test_what_signs_proofs_in_a_trial_lies_offline_and_each_connector_pins_its_own(apart, process, connector):
    root, said = apart
    assert f"{root}/offline/keys/tls/*_issuer.key: what signs proofs and permits in a trial" in said
    pinned = json.loads((root / f"{process}/keys/999997/{connector}/jwks.json").read_text())
    issuer = root / f"offline/keys/tls/{connector}_issuer.key"
    assert SigningKey.load(issuer).jwks == pinned
    assert issuer.stat().st_mode & 0o077 == 0
    assert {each.relative_to(root).parts[0] for each in root.rglob(issuer.name)} == {"offline", "systems"}


def test_the_keys_of_healthy_processes_are_found_right(apart):
    root, _ = apart
    processes = {
        "individual_number_zone": {"health_management"},
        "lgwan": {"vaccination_records", "intermediate_server"},
        "closed_network": {"pmh", "history_lookup", "vaccination_db"},
        "internet": {"myna_portal", "clinic_app"},
    }
    for process, connectors in processes.items():
        done = CliRunner().invoke(commands.app, ["keys", "list", "--root", str(root / process), "--json"])
        assert (done.exit_code, {each["connector"] for each in json.loads(done.stdout)}) == (0, connectors)
    done = CliRunner().invoke(commands.app, ["keys", "list", "--root", str(root / "hub")])
    assert (done.exit_code, done.stdout.startswith("none expected here")) == (0, True)
    done = CliRunner().invoke(commands.app, ["keys", "list", "--root", str(root / "hub"), "--json"])
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])


def test_an_edge_that_lacks_the_keys_of_its_connector_is_found_wrong(apart, tmp_path):
    root = tmp_path / "lgwan"
    shutil.copytree(apart[0] / "lgwan", root)
    shutil.rmtree(root / "keys/999997/vaccination_records")
    done = CliRunner().invoke(commands.app, ["keys", "list", "--root", str(root), "--json"])
    states = {each["connector"]: each["state"] for each in json.loads(done.stdout)}
    assert (done.exit_code, states["vaccination_records"]) == (1, "missing")
    assert "missing" not in {states[each] for each in states if each != "vaccination_records"}


AT_THE_HUB = "config/gateway.toml: its [link] is that of an edge; {}: name the hub's root with --root\n"
AT_AN_EDGE = (
    "config/gateway.toml: its [link] is that of a hub; the keys of a connector lie with its edge: "
    "name that edge's root with --root\n"
)
ELSEWHERE = {
    "message dead 999997": ("lgwan", AT_THE_HUB.format("a tenant's log is asked at the hub")),
    f"message trace 999997 {ID}": ("lgwan", AT_THE_HUB.format("a tenant's log is asked at the hub")),
    f"message replay 999997 {ID}": ("lgwan", AT_THE_HUB.format("a tenant's log is asked at the hub")),
    "log verify": ("lgwan", AT_THE_HUB.format("the logs are the hub's")),
    "keys rotate 999997 pmh": ("hub", AT_AN_EDGE),
    "keys retire 999997 pmh": ("hub", AT_AN_EDGE),
    "keys rotate 999997 vaccination_record": (
        "lgwan",
        "{root}/keys/999997/vaccination_record: holds no keys of a connector; did you mean vaccination_records?\n",
    ),
    "keys rotate 999997 pmh ": (
        "lgwan",
        "{root}/keys/999997/pmh: holds no keys of a connector; there is intermediate_server, vaccination_records\n",
    ),
}


@pytest.mark.parametrize("words", ELSEWHERE)
def test_a_command_at_the_wrong_process_says_which_one_is_meant(apart, words):
    process, told = ELSEWHERE[words]
    root = apart[0] / process
    done = CliRunner().invoke(commands.app, [*words.split(), "--root", str(root)])
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", told.format(root=root))


WRONG_PLACES = {
    "a passphrase that is not set": (
        "gateway.toml",
        'passphrase = "file:keys/passphrase"',
        'passphrase = "env:NO_SUCH_NAME"',
        "config/gateway.toml: passphrase: env:NO_SUCH_NAME: is not set",
    ),
    "a passphrase that is no reference": (
        "gateway.toml",
        'passphrase = "file:keys/passphrase"',
        'passphrase = "a secret of mine"',
        "config/gateway.toml: passphrase: a passphrase must be given by reference",
    ),
    "a root key": ("tenants/999997.toml", "root.vkey", "rut.vkey", "config/tenants/999997.toml: root_key: "),
    "a directory": ("tenants/999997.toml", ".note", ".nut", "config/tenants/999997.toml: directory: "),
    "a version": (
        "tenants/999997.toml",
        "directory_version = 1",
        "directory_version = 9",
        "config/tenants/999997.toml: directory: the directory of 999997 is version 1, older than version 9",
    ),
    "a zone": (
        "tenants/999997.toml",
        'zone = "lgwan"',
        'zone = "individual_number_zone"',
        "config/tenants/999997.toml: connectors.vaccination_records.zone: the directory of 999997 has it in another",
    ),
    "TLS files": (
        "tenants/999997.toml",
        "keys/tls/vaccination_records.key",
        "keys/tls/operator.key",
        "config/tenants/999997.toml: connectors.vaccination_records.settings: TLS files: the certificate and the key ",
    ),
    "a chunk that is larger than a message": (
        "gateway.toml",
        "records_per_message = 1000",
        "records_per_message = 499",
        "config/gateway.toml: limits.records_per_message: must be at least 500: by its settings connector health_man",
    ),
    "a listener's key": (
        "gateway.toml",
        'key = "keys/tls/gateway.key"\nclient_ca = "keys/tls/ca.crt"\n\n# Where operators',
        'key = "keys/tls/operator.key"\nclient_ca = "keys/tls/ca.crt"\n\n# Where operators',
        "config/gateway.toml: listeners.municipal: certificate, key or client_ca: the certificate and the key do not",
    ),
}


@pytest.mark.parametrize("name", WRONG_PLACES)
def test_every_problem_begins_with_its_file_and_key(trial, name):
    file, old, new, told = WRONG_PLACES[name]
    path = trial / "config" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    done = CliRunner().invoke(commands.app, ["check", "--root", str(trial)])
    assert done.exit_code == 2
    assert [line for line in done.stderr.splitlines() if not line.startswith("config/")] == []
    assert told in done.stderr
    assert len(set(done.stderr.splitlines())) == len(done.stderr.splitlines())


SECRET = "keys/999997/pmh/client_secret"


def test_a_secret_that_the_settings_refer_to_and_that_is_not_there_is_found(trial):
    (trial / SECRET).unlink()
    done = CliRunner().invoke(commands.app, ["check", "--root", str(trial)])
    at = "config/tenants/999997.toml: connectors.pmh.settings.client_secret"
    told = f"{at}: {trial / SECRET}: cannot be read: No such file or directory"
    assert (done.exit_code, done.stderr.splitlines()) == (1, [f"would be quarantined: {told}"])
    path = trial / "config/tenants/999997.toml"
    head, tail = path.read_text(encoding="utf-8").split("[connectors.pmh]", 1)
    path.write_text(f"{head}[connectors.pmh]{tail.replace('required = false', 'required = true', 1)}", encoding="utf-8")
    done = CliRunner().invoke(commands.app, ["check", "--root", str(trial)])
    assert (done.exit_code, done.stderr.splitlines()) == (2, [told])


def test_a_secret_that_others_may_read_is_found_and_not_shown(trial):
    (trial / SECRET).chmod(0o644)
    done = CliRunner().invoke(commands.app, ["check", "--root", str(trial)])
    assert (done.exit_code, "connectors.pmh.settings.client_secret" in done.stderr, "chmod 600" in done.stderr) == (
        1,
        True,
        True,
    )
    assert (trial / SECRET).read_text().strip() not in done.output


def test_a_log_that_others_may_write_is_found(trial):
    folder = trial / "state/journal"
    folder.mkdir(parents=True, mode=0o700)
    for name, mode in (("system.db", 0o600), ("999997.db", 0o666), ("999997.db-wal", 0o660), ("other.db", 0o666)):
        (folder / name).touch()
        (folder / name).chmod(mode)
    done = CliRunner().invoke(commands.app, ["check", "--root", str(trial)])
    told = "{0}: others than its owner may write it (mode {1}): chmod go-w {0}"
    assert (done.exit_code, done.stderr.splitlines()) == (
        1,
        [told.format(folder / "999997.db", 666), told.format(folder / "999997.db-wal", 660)],
    )
    for each in folder.iterdir():
        each.chmod(0o600)
    folder.chmod(0o770)
    done = CliRunner().invoke(commands.app, ["check", "--root", str(trial)])
    assert (done.exit_code, done.stderr.splitlines()) == (1, [told.format(folder, 770)])


def test_a_connector_that_would_be_quarantined_is_found_wrong_line_by_line_and_marked(trial):
    path = trial / "config/tenants/999997.toml"
    head = '[connectors.vaccination_records]\nzone = "lgwan"\nrequired = '
    text = path.read_text(encoding="utf-8").replace(head + "true", head + "false")
    path.write_text(text.replace("https://localhost:8445", 'http://localhost"\nsurplus = "x'), encoding="utf-8")
    at = "config/tenants/999997.toml: connectors.vaccination_records.settings"
    problems = [f"{at}.base_url: must be an address that begins with https://", f"{at}.surplus: there is no such key"]
    done = CliRunner().invoke(commands.app, ["check", "--root", str(trial)])
    assert done.exit_code == 1
    told = done.stderr.splitlines()
    assert [line.partition("; there is")[0] for line in told] == [f"would be quarantined: {each}" for each in problems]
    done = CliRunner().invoke(commands.app, ["check", "--root", str(trial), "--json"])
    assert [line.partition("; there is")[0] for line in json.loads(done.stdout)["quarantined"]] == problems


def test_a_connector_that_is_not_required_does_not_stop_the_others_for_a_file_that_is_gone(trial):
    """Nor does the look at when certificates end, which comes last."""
    path = trial / "config/tenants/999997.toml"
    head = '[connectors.vaccination_records]\nzone = "lgwan"\nrequired = '
    path.write_text(path.read_text(encoding="utf-8").replace(head + "true", head + "false"), encoding="utf-8")
    (trial / "keys/tls/vaccination_records.crt").unlink()
    done = CliRunner().invoke(commands.app, ["check", "--root", str(trial)])
    assert done.exit_code == 1
    assert "would be quarantined: config/tenants/999997.toml: connectors.vaccination_records.settings" in done.stderr


# ---- help ------------------------------------------------------------------------------------------------------------


def leaves():
    found = {}

    def walk(path, command):
        if not hasattr(command, "commands"):
            found[path] = command
        for name, below in getattr(command, "commands", {}).items():
            walk((*path, name), below)

    walk((), typer.main.get_command(commands.app))
    return found


LEAVES = leaves()


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_help_says_what_a_command_does_with_an_example_and_exit_statuses(path):
    told = CliRunner().invoke(commands.app, [*path, "--help"], env={"COLUMNS": "80"}).stdout
    assert f"\n    gateway {' '.join(path)}" in told
    assert "\n    0 done" in told
    assert "\n    2 " in told
    assert "For machines" not in told
    for words in re.findall(r"^    (gateway .*)$", told, re.MULTILINE):
        options = [each for each in words.split() if each.startswith("--")]
        assert set(options) <= {name for each in LEAVES[path].params for name in each.opts}


def test_help_of_reload_tells_a_refusal_by_the_hub(monkeypatch):
    def ahead(*_):
        raise Deferred("directory_ahead")

    monkeypatch.setattr(operator, "ask", ahead)
    assert CliRunner().invoke(commands.app, ["reload"]).exit_code == 1
    told = CliRunner().invoke(commands.app, ["reload", "--help"], env={"COLUMNS": "80"}).stdout
    assert "directory_ahead" in told[told.index("\n    1 ") : told.index("\n    2 ")]


def test_no_summary_of_a_command_is_cut_at_80_columns():
    for group in ((), *{path[:1] for path in LEAVES if len(path) > 1}):
        told = CliRunner().invoke(commands.app, [*group, "--help"], env={"COLUMNS": "80"}).stdout
        assert "..." not in told.partition("Commands:")[2]


def test_version():
    done = CliRunner().invoke(commands.app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"gateway {version('renkei-gateway')}\n")


# ---- Ctrl-C ----------------------------------------------------------------------------------------------------------


def interrupted(*words, until):
    """A command that has the terminal to itself, and Ctrl-C as soon as something holds."""
    command = subprocess.Popen(
        [GATEWAY, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        until(command)
        os.killpg(command.pid, signal.SIGINT)
        out, err = command.communicate(timeout=120)
    finally:
        command.kill()
    with pytest.raises(ProcessLookupError):
        os.killpg(command.pid, 0)  # nobody of its group is left
    return command.returncode, out + err


def test_ctrl_c_while_a_gateway_does_not_answer_ends_with_130_and_no_traceback(tmp_path):
    root = tmp_path / "root"
    assert CliRunner().invoke(commands.app, ["init", str(root)]).exit_code == 0
    with socket.create_server(("127.0.0.1", 0)) as mute:
        file = root / "config/gateway.toml"
        file.write_text(file.read_text(encoding="utf-8").replace("port = 8444", f"port = {mute.getsockname()[1]}"))
        mute.settimeout(60)
        connected = []
        status, told = interrupted(
            "connectors", "--root", str(root), until=lambda _: connected.append(mute.accept()[0])
        )
        connected[0].close()
    assert (status, told) == (130, "")


def test_a_demo_of_ones_own_file_makes_no_residents_up(tmp_path):
    file = tmp_path / "city.csv"
    file.write_bytes(b"")
    done = CliRunner().invoke(commands.app, ["demo", "--file", str(file), "--residents", "10"])
    assert (done.exit_code, "one or the other" in done.stderr) == (2, True)


def test_ctrl_c_ends_a_demo_with_all_its_processes(tmp_path):
    keep = tmp_path / "demo"
    words = ("demo", "--residents", "100", "--keep", str(keep))
    status, told = interrupted(*words, until=lambda command: [command.stdout.readline() for _ in range(3)])
    assert (status, "Traceback" in told) == (130, False)


# ---- hanging up ------------------------------------------------------------------------------------------------------

HANGS_UP = """
import os, signal, sys

class HangsUp:
    def find_spec(self, name, path=None, target=None):
        if name == "gateway.cli.commands":
            os.kill(os.getpid(), signal.SIGHUP)

sys.meta_path.insert(0, HangsUp())
from gateway.cli import main
main()
"""
"""The command, and SIGHUP as soon as it begins to import what it is made of."""


@pytest.mark.parametrize("role", ["run", "hub", "edge"])
def test_a_sighup_before_there_is_anything_to_reload_ends_no_process(tmp_path, role):
    words = (sys.executable, "-c", HANGS_UP, role, "--root", str(tmp_path / "nowhere"))
    told = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert (told.returncode, "config/gateway.toml" in told.stderr) == (2, True), "it went on to its configuration"


# ---- nowhere to print ------------------------------------------------------------------------------------------------


def test_what_is_told_on_a_closed_stderr_goes_nowhere(tmp_path):
    code = "from gateway.cli import main; main()"
    words = ("sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", code, "check", "--root", str(tmp_path))
    assert subprocess.run(words, timeout=120, check=False).returncode == 2


# ---- quick -----------------------------------------------------------------------------------------------------------


def test_check_loads_no_more_than_it_opens():
    """Journals, web servers and telemetry are the daemon's, and take a fifth of the time."""
    code = "import sys, gateway.cli.check; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    loaded = set(done.stdout.split())
    assert "gateway.wiring.examine" in loaded
    assert not loaded & {"aiohttp.web", "prometheus_client", "structlog", "sqlite3", "uvloop"}


# ---- what is not to be disclosed -------------------------------------------------------------------------------------


def test_what_is_undisclosed_is_a_row_that_says_so_and_no_more(printed, answered):
    """番号法第23条第2項."""
    left = {"message_id": ID, "seq": 7, "at": LETTER["created_at"], "kind": "message.recorded", "undisclosed": True}
    answered([left])
    told = printed(240, lambda: message.trace("999997", ID)) + printed(240, lambda: message.dead("999997"))
    answered({"refused": [left], "down_to": 1})
    told += printed(240, lambda: message.refused("999997"))
    assert (told.count("undisclosed"), told.count(ID)) == (3, 3)
