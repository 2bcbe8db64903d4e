"""The commands as a script uses them: exit status 0 done, 1 found wrong, 2 wrong usage or configuration; JSON."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.keys.certificates import Authority
from tests.acceptance.programs import GATEWAY, command
from tests.acceptance.subjects import MUNICIPALITY, record, subject

NOBODY = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def message_id(site, ordinal):
    answer = site.send("subject.register", [record(subject(ordinal()))])
    site.outcomes(answer.message_id)
    return answer.message_id


def as_json(site, *words, status=0):
    told = site.cli(*words, "--json")
    assert told.status == status, told
    return json.loads(told.out)


def test_check(site):
    found = as_json(site, "check")
    routes = found.pop("routes")
    assert found.pop("exposed") == []
    unused = f"config/tenants/{MUNICIPALITY}.toml: connectors.vaccination_records: no route carries pmh_key.issue"
    assert f"{unused}, which it sends" in found.pop("idle")
    assert found == {"quarantined": [], "expiring": [], "missing": [], "use_stops": [], "ending": [], "passed": []}
    assert [(each["route"], each["fields"], each["reply"]) for each in routes] == [
        ("R01", 20, None),
        ("R25", 6, None),
        ("R02", 2, 7),
    ]


LAW = {
    "L1": "番号法第9条第1項 別表の14の項及び126の項",
    "A1": "予防接種に関する事務 全項目評価書(架空市の例)",
}


@pytest.mark.parametrize("cited", LAW)
@pytest.mark.parametrize(
    ("dates", "status", "when"),
    [
        ("valid_from = 2024-05-27\nvalid_until = 2025-03-31", 1, "ended on 2025-03-31"),
        ("valid_from = 2999-04-01", 0, "begins on 2999-04-01"),
    ],
)
def test_check_names_each_route_whose_legal_basis_or_assessment_is_not_in_force(new_site, dates, status, when, cited):
    """It would start, so the status is not 2: what has ended is found wrong, what has yet to begin is said."""
    site = new_site()
    assert {len(each["not in force"]) for each in as_json(site, "check")["routes"]} == {0}
    reference = f'reference = "{LAW[cited]}"\n'
    site.edit("legal_basis.toml", f"{reference}valid_from = 2024-05-27", f"{reference}{dates}")
    told = site.cli("check")
    assert told.status == status
    for route in ("R01", "R25", "R02"):
        line = f"routes.{route} carries nothing today: {cited} ({LAW[cited]}) {when}"
        assert line in told.err
    assert (f"{cited} ended" if status else f"{cited} not yet") in told.out
    lapses = [each["not in force"] for each in as_json(site, "check", status=status)["routes"]]
    assert [(each["id"], each["ended"]) for (each,) in lapses] == [(cited, bool(status))] * 3


def test_connectors(site):
    site.ready()
    assert {each["connector"]: each["state"] for each in as_json(site, "connectors")} == {
        "health_management": "open",
        "vaccination_records": "open",
    }


def test_message_trace(site, message_id):
    facts = as_json(site, "message", "trace", MUNICIPALITY, message_id)
    assert [each["kind"] for each in facts] == ["message.recorded", "delivery.attempted", "delivery.concluded"]
    table = site.cli("message", "trace", MUNICIPALITY, message_id)
    assert (table.status, "operator.acted" in table.out) == (0, True)  # the first look is a fact of its own
    told = site.cli("message", "trace", MUNICIPALITY, NOBODY)
    assert (told.status, told.err, told.out) == (1, "unknown_message: No such message is known here.\n", "")
    for words in ((MUNICIPALITY, "no id"), (MUNICIPALITY, ""), (MUNICIPALITY, "../../x"), ("nowhere", message_id)):
        told = site.cli("message", "trace", *words)
        assert (told.status, "Traceback" in told.err, told.out) == (2, False, "")


def test_message_dead_and_replay(site, message_id):
    assert as_json(site, "message", "dead", MUNICIPALITY) == []
    told = site.cli("message", "replay", MUNICIPALITY, message_id)
    assert (told.status, "not_replayable" in told.err) == (1, True)


def test_message_refused(site, ordinal):
    wrong = site.send("subject.register", [record(subject(ordinal())) | {"sex": "x"}])
    found = as_json(site, "message", "refused", MUNICIPALITY)
    assert found["refused"][0]["message_id"] == wrong.json["message_id"]
    assert (found["refused"][0]["by"], found["refused"][0]["operation"]) == ("edge", "subject.register")
    older = as_json(site, "message", "refused", MUNICIPALITY, "--before", str(found["refused"][0]["seq"]))
    assert wrong.json["message_id"] not in {each.get("message_id") for each in older["refused"]}
    table = site.cli("message", "refused", MUNICIPALITY)
    assert (table.status, wrong.json["message_id"] in table.out) == (0, True)


@pytest.mark.parametrize("words", [["dead"], ["refused"], ["trace"], ["replay"]])
def test_an_unknown_tenant_is_wrong_usage(site, words, message_id):
    told = site.cli("message", *words, "000000", *([message_id] if words[0] in ("trace", "replay") else []))
    assert (told.status, told.out) == (2, "")
    assert told.err == "unknown_tenant: the running gateway has no such tenant in config/tenants\n"


def test_a_certificate_that_is_no_operator_s_is_told_as_one(new_site):
    site = new_site().start()
    site.edit("gateway.toml", "keys/tls/operator.crt", "keys/tls/health_management.crt")
    told = site.cli("connectors")
    assert told.status == 2
    assert "does not know keys/tls/health_management.crt as an operator's" in told.err


def test_the_cause_of_a_log_that_cannot_be_written_is_told(new_site, message_id):
    site = new_site().start()
    site.journal().unlink()
    site.send("subject.register", [])
    told = site.cli("message", "dead", MUNICIPALITY)
    assert told.status == 1
    assert told.err.startswith("log_unavailable: ")
    assert f"{MUNICIPALITY}.db" in told.err


def test_interface_show_diff_and_lock(new_site):
    site = new_site()
    shown = as_json(site, "interface", "show", "health_management")
    assert shown["connector"] == "health_management"
    table = site.cli("interface", "show", "health_management")
    assert (table.status, "個人番号" in table.out) == (0, True)
    assert "; ahead of all else of its person" not in table.out
    table = site.cli("interface", "show", "intermediate_server")
    assert table.out.count("; ahead of all else of its person") == 1
    assert site.cli("interface", "diff", "health_management").status == 0
    path = site.root / "config/interfaces/health_management.json"
    locked = path.read_bytes()
    path.write_text(path.read_text().replace('"max_length": 100', '"max_length": 99'))
    diff = site.cli("interface", "diff", "health_management")
    assert diff.status == 1
    assert "~ sends subject.register name:" in diff.out
    assert site.cli("interface", "lock", "health_management").status == 0
    assert path.read_bytes() == locked
    assert site.cli("interface", "lock", "no_such_connector").status == 2


def test_keys_list_and_publish(new_site):
    site = new_site()
    rows = [each for each in as_json(site, "keys", "list") if each["use"] != "secret"]
    assert {(each["connector"], each["use"], each["in_directory"]) for each in rows} == {
        (connector, use, True)
        for connector in (path.stem for path in (site.root / "config/interfaces").glob("*.json"))
        for use in ("kem", "signing")
    }
    told = site.cli("keys", "publish", MUNICIPALITY)
    assert (told.status, "version 2" in told.out) == (0, True)
    assert site.cli("keys", "publish", "999989").status == 2


def flip(site, seq):
    """One bit of one fact of a stopped journal."""
    with closing(sqlite3.connect(site.journal())) as journal, journal:
        (body,) = journal.execute("SELECT body FROM fact WHERE seq = ?", (seq,)).fetchone()
        changed = bytes([*body[:-2], body[-2] ^ 1, body[-1]])
        journal.execute("UPDATE fact SET body = ? WHERE seq = ?", (changed, seq))


def test_log_verify_names_the_fact_in_which_a_bit_is_flipped(new_site, ordinal):
    site = new_site().start()
    for _ in range(3):
        site.outcomes(site.send("subject.register", [record(subject(ordinal()))]).message_id)
    reports = as_json(site, "log", "verify")  # beside the running gateway
    assert {each["tenant"]: each["problem"] for each in reports} == {MUNICIPALITY: None, "system": None}
    assert site.gateway.stop() == 0
    assert {each["facts"] for each in as_json(site, "log", "verify", "--tenant", MUNICIPALITY)} == {9}
    flip(site, 5)
    (report,) = as_json(site, "log", "verify", "--tenant", MUNICIPALITY, status=1)
    assert report["at_seq"] == 5
    told = site.cli("log", "verify")
    assert (told.status, "fact 5" in told.out, "system:" in told.out) == (1, True, True)
    assert as_json(site, "log", "verify", "--tenant", "system")[0]["problem"] is None


def test_a_log_that_is_gone_does_not_verify_and_is_not_begun_anew(new_site, ordinal):
    site = new_site().start()
    site.register(subject(ordinal()))
    assert site.gateway.stop() == 0
    assert site.cli("log", "verify").status == 0
    for file in (site.root / "state/journal").glob(f"{MUNICIPALITY}.db*"):
        file.unlink()
    told = site.cli("log", "verify")
    assert (told.status, "does not exist" in told.out) == (1, True)
    refused = site.cli("run")
    assert (refused.status, "fewer than" in refused.err) == (2, True)
    assert site.cli("log", "verify").status == 1


def test_check_finds_what_a_start_would_miss(new_site):
    """All of it together, each with its file."""
    site = new_site()
    gone = ("keys/tls/gateway.key", "keys/tls/health_management.crt", f"keys/{MUNICIPALITY}/log/log.pem")
    for file in gone:
        (site.root / file).unlink()
    told = site.cli("check")
    assert told.status == 2
    assert all(file.rpartition("/")[2] in told.err for file in gone)


@pytest.mark.parametrize("words", [["connectors"], ["reload"], ["message", "dead", MUNICIPALITY]])
def test_nobody_is_there_to_be_asked(new_site, words):
    told = new_site().cli(*words)
    assert (told.status, "no gateway answers at" in told.err) == (2, True)


def test_reload_tells_what_is_wrong(new_site):
    site = new_site().start()
    assert site.cli("reload").status == 0
    site.edit(f"tenants/{MUNICIPALITY}.toml", 'legal_basis = ["L1"]', 'legal_basis = ["L9"]')
    told = site.cli("reload")
    assert (told.status, "routes.R02.legal_basis: L9" in told.err) == (2, True)
    by = [(each["kind"], each["by"]) for each in site.facts("system") if each["kind"].startswith("config.")]
    assert by == [("config.applied", "operator"), ("config.refused", "operator")]


WRONG = (
    ["no-such-command"],
    ["check", "--no-such-option"],
    ["message", "trace", MUNICIPALITY],
    ["check", "--root", "no/such/place"],
    ["run", "--root", "no/such/place"],
    ["init", "--tenant", "999998", "no/such/place"],
)


def test_wrong_usage_ends_with_2(tmp_path):
    for words in WRONG:
        told = command(*GATEWAY, *words)
        assert told.status == 2, words
        assert told.err
        assert "Traceback" not in told.err


def test_init_overwrites_nothing(site):
    before = (site.root / "config/gateway.toml").read_bytes()
    told = command(*GATEWAY, "init", str(site.root))
    assert (told.status, "nothing was changed" in told.err) == (2, True)
    assert (site.root / "config/gateway.toml").read_bytes() == before


def test_init_takes_a_name_of_ones_own_for_the_logs(tmp_path):
    named = tmp_path / "named"
    assert command(*GATEWAY, "init", str(named), "--name", "renkei.city.example.jp").status == 0
    assert (named / "keys/999997/log/log.vkey").read_text().startswith("renkei.city.example.jp/")
    told = command(*GATEWAY, "init", str(tmp_path / "x"), "--name", "a city")
    assert (told.status, "--name" in told.err, (tmp_path / "x/config").exists()) == (2, True, False)


@pytest.mark.parametrize(("age", "status", "said"), [(300, 0, ""), (340, 0, "ends on"), (366, 1, "ended on")])
def test_check_names_certificates_that_end(new_site, age, status, said):
    """They are made for a year; one that ends within 30 days is told, one that has ended is found wrong."""
    site = new_site()
    authority = Authority.make("An authority of the past", datetime.now(UTC) - timedelta(days=age))
    old = authority.client("operator", datetime.now(UTC) - timedelta(days=age)).certificate
    (site.tls / "operator.crt").write_bytes(old.public_bytes(Encoding.PEM))
    told = command(*GATEWAY, "check", "--root", str(site.root))
    assert told.status == status
    assert ("admin.operators.operator: keys/tls/operator.crt " + said in told.err) == bool(said)


def test_help_loads_none_of_the_machinery():
    """Every command loads what it needs and no more: what `--help` is not to wait for is not there."""
    import sys

    asked = (
        "import sys; from typer.testing import CliRunner; from gateway.cli.commands import app; "
        "print(CliRunner().invoke(app, ['--help']).exit_code, *sys.modules)"
    )
    status, *loaded = command(sys.executable, "-c", asked).out.split()
    assert status == "0"
    heavy = {
        "aiohttp",
        "asyncio",
        "cryptography",
        "pydantic",
        "structlog",
        "uvloop",
        "gateway.config",
        "gateway.wiring",
    }
    assert heavy & {*loaded} == set()
