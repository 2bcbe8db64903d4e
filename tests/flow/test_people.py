"""The operators' listener under personal certificates: who may do what there, and what the log says of it."""

import asyncio
import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from aiohttp import web
from typer.testing import CliRunner

from gateway.cli import commands
from gateway.errors import Misconfigured
from gateway.hub.admin import AdminListener
from gateway.hub.hub import TenantHub
from gateway.hub.journal import PERSON_FACTS, FactKind
from gateway.hub.people import Configured
from gateway.keys.certificates import digest_of_file
from gateway.link.tls import server_tls
from gateway.wiring.people import configured
from tests.flow.calling import answer_of, calling
from tests.flow.line import Line, running
from tests.flow.site import GATEWAY, Site
from tests.flow.toys import OFFICE, TENANT

PEOPLE = f"/v1/{TENANT}/people"
UNTIL = (datetime.now(UTC) + timedelta(days=90)).date().isoformat()
TERMINAL = {"Renkei-Terminal": "desk-1"}
NAMES = ("root", "staff-0100", "staff-0001", "staff-0002")


def twice(*people):
    """A whole grant that names two persons under one key."""
    rest = json.dumps({"role": "officer", "certificate": "0" * 64, "until": UNTIL})
    return ("{" + "".join(f'"person": "{each}", ' for each in people) + rest[1:]).encode()


@dataclass
class Process:
    """The rest of the daemon."""

    hubs: dict[str, TenantHub]
    directories: dict[str, int] = field(default_factory=dict)

    def vitals(self):
        return {}

    def law(self):
        return []

    def witnesses(self):
        return []

    def reviews(self):
        return []

    def lapsed(self):
        return {TENANT: 2}

    async def connectors(self):
        return []

    async def reload(self, by):
        return by


@dataclass
class Desk:
    """The listener, and everybody who may sit before it."""

    site: Site
    line: Line
    listener: AdminListener
    port: int

    def digest(self, name):
        return digest_of_file(self.site.config.root / f"keys/tls/{name}.crt")

    async def ask(self, name, method, path, body=None, headers=TERMINAL):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        async with (
            calling(self.site, f"https://localhost:{self.port}", name) as session,
            session.request(method, path, data=data, headers=headers) as response,
        ):
            if response.content_type == "application/jsonl":
                *found, last = [json.loads(line) for line in (await response.read()).splitlines() if line]
                return (response.status, {"facts": found} | last)
            status, answer = await answer_of(response)
        return (status, answer.get("code", answer) if isinstance(answer, dict) else answer)

    async def grant(self, person, role, certificate=None, by="staff-0100", **changed):
        whole = {"person": person, "role": role, "certificate": self.digest(certificate or person), "until": UNTIL}
        return await self.ask(by, "POST", PEOPLE, whole | changed)

    async def acts(self):
        """What operator.acted says: who, what and the code."""
        facts = self.line.journal.told((FactKind.OPERATOR_ACTED,))
        return [(fact["operator"], fact["act"], fact.get("code")) for _, _, fact in facts]


@pytest.fixture(scope="module", autouse=True)
def certificates(site):
    tls = site.config.root / "keys/tls"
    for name in NAMES:
        if not (tls / f"{name}.key").exists():
            site.authority.client(name, datetime.now(UTC)).write(tls, name)


@asynccontextmanager
async def sitting(site, folder, *routes):
    """`routes` make further addresses of the callers and the line."""
    tls = site.config.root / "keys/tls"
    async with running(site, folder, dispatch=False) as line:
        root, administrator = ({name: digest_of_file(tls / f"{name}.crt")} for name in ("root", "staff-0100"))
        line.hub.people.adopt(Configured(root, administrator))
        operators = {digest_of_file(tls / "root.crt"): "root"}
        listener = AdminListener(Process({TENANT: line.hub}), operators, line.telemetry, line.clock)
        for each in routes:
            listener.add(each(listener.callers, line))
        runner = web.AppRunner(listener.application(), access_log=None)
        await runner.setup()
        secret = (site.config.root / "keys/passphrase").read_bytes().strip
        context = server_tls(str(tls / "gateway.crt"), str(tls / "gateway.key"), str(tls / "ca.crt"), secret)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield Desk(site, line, listener, runner.addresses[0][1])
        await runner.cleanup()


@pytest.fixture
async def desk(site, tmp_path):
    async with sitting(site, tmp_path) as made:
        yield made


async def test_a_right_is_granted_used_and_revoked_under_personal_certificates(desk):
    dead = f"/v1/{TENANT}/dead"
    assert await desk.ask("staff-0001", "GET", dead) == (403, "unknown_certificate")
    assert await desk.grant("staff-0001", "operator") == (
        200,
        {"person": "staff-0001", "role": "operator", "certificate": desk.digest("staff-0001"), "until": UNTIL},
    )
    assert await desk.ask("staff-0001", "GET", dead) == (200, [])
    status, answer = await desk.ask("staff-0100", "POST", f"{PEOPLE}/staff-0001/revoke", {"role": "operator"})
    assert (status, answer) == (200, {"person": "staff-0001", "role": "operator"})
    assert await desk.ask("staff-0001", "GET", dead) == (403, "unknown_certificate")
    said = [
        (fact["kind"], fact["person"], fact["by"], fact["client_certificate"], fact["terminal"])
        for _, _, fact in desk.line.journal.told(PERSON_FACTS)
    ]
    by = ("staff-0001", "staff-0100", desk.digest("staff-0100"), "desk-1")
    assert said == [("person.granted", *by), ("person.revoked", *by)]
    assert await desk.acts() == [("staff-0001", "dead", None), ("staff-0001", "dead", "unknown_certificate")]
    assert desk.listener.noise == 1


async def revoked(desk):
    await desk.grant("staff-0001", "operator")
    await desk.ask("staff-0100", "POST", f"{PEOPLE}/staff-0001/revoke", {"role": "operator"})


async def ended(desk):
    """Long ago, as the log has it."""
    fact = {"person": "staff-0001", "role": "operator", "certificate": desk.digest("staff-0001"), "until": "2025-04-01"}
    said = {"by": "staff-0100", "client_certificate": desk.digest("staff-0100"), "terminal": "desk-1"}
    await desk.line.journal.fact(FactKind.PERSON_GRANTED, fact | said, at="2025-03-01T00:00:00.000000Z")


async def replaced(desk):
    """By a new card."""
    await desk.grant("staff-0001", "operator")
    await desk.grant("staff-0001", "operator", "staff-0002")


@pytest.mark.parametrize("over", [revoked, ended, replaced])
@pytest.mark.parametrize(("path", "act"), [(f"/v1/{TENANT}/dead", "dead"), ("/v1/connectors", "connectors")])
async def test_who_comes_with_a_certificate_that_was_somebody_s_is_recorded_by_name(desk, over, path, act):
    """C045, C091. The answer is a stranger's."""
    await over(desk)
    assert await desk.ask("staff-0001", "GET", path) == (403, "unknown_certificate")
    status, told = await desk.ask("staff-0100", "GET", f"{PEOPLE}/history?person=staff-0001")
    (fact,) = [each for each in told if each["kind"] == "operator.acted" and each["operator"] == "staff-0001"]
    said = tuple(fact.get(key) for key in ("act", "code", "client_certificate", "terminal"))
    assert (status, said) == (200, (act, "unknown_certificate", desk.digest("staff-0001"), "desk-1"))
    assert desk.listener.noise == 0


async def test_whoever_has_no_right_any_more_cannot_fill_the_disk(desk, monkeypatch):
    monkeypatch.setattr("gateway.link.allowance.time", SimpleNamespace(monotonic=lambda: 0.0))
    monkeypatch.setattr(desk.line.hub.people._came_back, "_left", 2)
    monkeypatch.setattr(desk.line.hub.people._came_back, "_at", 0.0)
    await revoked(desk)
    for _ in range(5):
        assert await desk.ask("staff-0001", "GET", PEOPLE) == (403, "unknown_certificate")
    assert await desk.acts() == [("staff-0001", "people", "unknown_certificate")] * 2
    assert desk.listener.noise == 3


async def test_rights_outlive_a_restart(desk, site, tmp_path):
    await desk.grant("staff-0001", "approver")
    _, before = await desk.ask("staff-0100", "GET", PEOPLE)
    desk.line.journal.close()
    again = tmp_path / "again"
    again.mkdir()
    (again / f"{TENANT}.db").write_bytes((tmp_path / f"{TENANT}.db").read_bytes())
    async with sitting(site, again) as restarted:
        assert await restarted.ask("staff-0100", "GET", PEOPLE) == (200, before)
        assert ("staff-0001", "approver", "valid") in [
            (each["person"], each["role"], each["standing"]) for each in before
        ]


OPERATORS_ACTS = (
    ("GET", f"/v1/{TENANT}/dead", "dead"),
    ("GET", f"/v1/{TENANT}/refused", "refused"),
    ("GET", f"/v1/{TENANT}/messages/x", "trace"),
    ("POST", f"/v1/{TENANT}/messages/x/replay", "replay"),
    ("GET", PEOPLE, "people"),
)
ADMINISTRATORS_ACTS = (("POST", PEOPLE, "grant"), ("POST", f"{PEOPLE}/staff-0002/revoke", "revoke"))
THE_PROCESS = (("GET", "/v1/connectors", "connectors"), ("POST", "/v1/reload", "reload"))


@pytest.mark.parametrize(
    ("role", "may"),
    [("officer", ()), ("approver", ()), ("operator", OPERATORS_ACTS)],
)
async def test_a_role_is_for_its_own_acts_and_every_other_is_refused_by_a_fact(desk, role, may):
    await desk.grant("staff-0001", role)
    for method, path, act in (*OPERATORS_ACTS, *ADMINISTRATORS_ACTS, *THE_PROCESS):
        before = len(await desk.acts())
        status, answer = await desk.ask("staff-0001", method, path)
        if (method, path, act) in may:
            assert answer != "role_missing"
        else:
            assert (status, answer) == (403, "role_missing")
            assert (await desk.acts())[before:] == [("staff-0001", act, "role_missing")]


async def test_an_administrator_is_no_operator_and_an_operator_no_administrator(desk):
    assert await desk.ask("staff-0100", "POST", "/v1/reload") == (403, "role_missing")
    assert await desk.ask("staff-0100", "GET", f"/v1/{TENANT}/dead") == (403, "role_missing")
    assert await desk.grant("staff-0001", "officer", by="root") == (403, "role_missing")
    applied = {"applied": True, "digest": "root", "directories": {}, "law": []}
    assert await desk.ask("root", "POST", "/v1/reload") == (200, applied)
    assert await desk.acts() == [
        ("staff-0100", "reload", "role_missing"),
        ("staff-0100", "dead", "role_missing"),
        ("root", "grant", "role_missing"),
    ]


async def test_who_is_known_to_one_tenant_is_nobody_to_another(desk):
    await desk.grant("staff-0001", "operator")
    assert await desk.ask("staff-0001", "GET", "/v1/011002/dead") == (403, "unknown_certificate")
    assert await desk.ask("root", "GET", "/v1/011002/dead") == (404, "unknown_tenant")


@pytest.mark.parametrize(
    ("doing", "answer"),
    [
        (lambda desk: desk.grant("staff-0100", "operator"), (403, "own_grant")),
        (lambda desk: desk.grant("root", "officer"), (403, "duties_conflict")),
        (lambda desk: desk.grant("staff-0001", "officer", "root"), (409, "certificate_taken")),
        (lambda desk: desk.grant("staff-0001", "officer", until="2020-01-01"), (422, "bad_last_day")),
        (lambda desk: desk.grant("staff-0001", "administrator"), (400, "bad_grant")),
        (lambda desk: desk.grant("staff-0001", "officer", name="架空 太郎"), (400, "bad_grant")),
        (lambda desk: desk.ask("staff-0100", "POST", PEOPLE, twice("staff-0001", "staff-0002")), (400, "bad_grant")),
        (lambda desk: desk.ask("staff-0100", "POST", PEOPLE, b"[]"), (400, "bad_grant")),
        (lambda desk: desk.ask("staff-0100", "POST", PEOPLE, b"\xff"), (400, "bad_grant")),
    ],
)
async def test_what_is_refused_to_an_administrator_is_a_fact_too(desk, doing, answer):
    assert await doing(desk) == answer
    assert await desk.acts() == [("staff-0100", "grant", answer[1])]
    assert desk.line.journal.told(PERSON_FACTS) == []


@pytest.mark.parametrize(
    ("person", "body", "answer"),
    [
        ("staff-0001", {"role": "officer"}, (404, "unknown_right")),
        ("staff-0100", {"role": "operator"}, (403, "own_grant")),
        ("staff-0001", {"role": "officer", "person": "staff-0002"}, (400, "bad_grant")),
        ("0000-1111-2222", {"role": "officer"}, (400, "bad_grant")),
    ],
)
async def test_what_cannot_be_revoked(desk, person, body, answer):
    assert await desk.ask("staff-0100", "POST", f"{PEOPLE}/{person}/revoke", body) == answer
    assert await desk.acts() == [("staff-0100", "revoke", answer[1])]


@pytest.mark.parametrize(
    ("doing", "named"),
    [
        (lambda desk: desk.ask("staff-0100", "GET", f"/v1/{TENANT}/dead"), {}),
        (lambda desk: desk.ask("staff-0100", "POST", "/v1/reload"), {}),
        (lambda desk: desk.grant("staff-0001", "officer", by="root"), {"person": "staff-0001", "role": "officer"}),
        (lambda desk: desk.grant("root", "officer"), {"person": "root", "role": "officer"}),
        (
            lambda desk: desk.ask("staff-0100", "POST", f"{PEOPLE}/staff-0002/revoke", {"role": "approver"}),
            {"person": "staff-0002", "role": "approver"},
        ),
        (lambda desk: desk.grant("staff-0001", "架空 太郎"), {}),
        (lambda desk: desk.grant("架空 太郎", "officer", "staff-0001"), {}),
        (lambda desk: desk.ask("root", "POST", f"{PEOPLE}/0000-1111-2222/revoke", {"role": "officer"}), {}),
        (lambda desk: desk.ask("root", "POST", PEOPLE, b"\xff"), {}),
    ],
)
async def test_what_is_refused_says_who_by_which_certificate_and_where_and_whom_it_was_about(desk, doing, named):
    """C045, C091. What does not parse is not named: it may be anything."""
    status, code = await doing(desk)
    ((_, _, fact),) = desk.line.journal.told((FactKind.OPERATOR_ACTED,))
    who = fact["operator"]
    assert (status >= 400, fact["code"], fact["terminal"]) == (True, code, "desk-1")
    assert fact["client_certificate"] == desk.digest(who)
    assert {key: fact[key] for key in ("person", "role") if key in fact} == named
    assert not re.search("架|0000-1111", json.dumps(fact, ensure_ascii=False))


async def test_a_look_says_where_too_and_what_is_no_terminal_stands_nowhere(desk):
    for headers in (TERMINAL, {"Renkei-Terminal": "0000-1111-2222"}):
        assert (await desk.ask("root", "GET", PEOPLE, headers=headers))[0] == 200
    facts = [fact for _, _, fact in desk.line.journal.told((FactKind.OPERATOR_ACTED,))]
    assert [fact.get("terminal") for fact in facts] == ["desk-1", None]
    assert {fact["client_certificate"] for fact in facts} == {desk.digest("root")}


@pytest.mark.parametrize("headers", [{}, {"Renkei-Terminal": "0000-1111-2222"}, {"Renkei-Terminal": "desk 1"}])
async def test_without_a_terminal_nothing_is_granted(desk, headers):
    whole = {"person": "staff-0001", "role": "officer", "certificate": desk.digest("staff-0001"), "until": UNTIL}
    assert await desk.ask("staff-0100", "POST", PEOPLE, whole, headers) == (400, "bad_actor")


async def test_who_is_administrator_no_more_by_the_end_of_the_body_grants_nothing(desk):
    whole = {"person": "staff-0001", "role": "officer", "certificate": desk.digest("staff-0001"), "until": UNTIL}

    async def slowly():
        yield b" "
        await asyncio.sleep(0.05)
        desk.line.hub.people.adopt(Configured())
        yield json.dumps(whole).encode()

    async with (
        calling(desk.site, f"https://localhost:{desk.port}", "staff-0100") as session,
        session.post(PEOPLE, data=slowly(), headers=TERMINAL) as response,
    ):
        assert (await answer_of(response))[1]["code"] == "unknown_certificate"
    assert desk.line.journal.told(PERSON_FACTS) == []


@pytest.mark.parametrize("file", ["gateway", "ca", "office"])
async def test_a_certificate_that_the_configuration_names_for_no_person_is_nobody_s(desk, file):
    """A listener's, an authority's, a system's."""
    people = configured(configuration(desk.site, [("root", "root")], [("staff-0100", "staff-0100")]))
    desk.line.hub.people.adopt(people[TENANT])
    assert await desk.grant("staff-0001", "officer", file) == (409, "certificate_taken")
    assert desk.line.journal.told(PERSON_FACTS) == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("", [1, 2, 3, 4]),
        ("since=2026-04-02", [2, 3, 4]),
        ("until=2026-04-02", [1, 2, 3]),
        ("since=2026-04-02&until=2026-04-02", [2, 3]),
        ("since=2026-04-04", []),
        ("person=staff-0002", [2, 4]),
        ("person=staff-0002&until=2026-04-02", [2]),
        ("person=nobody", []),
    ],
)
async def test_the_history_of_some_days_is_of_days_in_japan(desk, asked, told):
    """From midnight to midnight there, 15:00 in UTC; `person` is who did it or about whom it is."""
    for at, fact in (
        ("2026-04-01T14:59:59.999999Z", {"operator": "staff-0001", "act": "dead"}),
        ("2026-04-01T15:00:00.000000Z", {"operator": "staff-0002", "act": "dead"}),
        ("2026-04-02T14:59:59.999999Z", {"operator": "staff-0001", "act": "dead"}),
        ("2026-04-02T15:00:00.000000Z", {"operator": "staff-0100", "act": "grant", "person": "staff-0002"}),
    ):
        await desk.line.journal.fact(FactKind.OPERATOR_ACTED, fact, at=at)
    status, found = await desk.ask("staff-0100", "GET", f"{PEOPLE}/history?{asked}")
    assert (status, [each["seq"] for each in found if each["act"] != "history"]) == (200, told)


@pytest.mark.parametrize("day", ["2026-02-30", "20260401", "", "0001-01-01", "٢٠٢٦-04-01"])
async def test_a_day_that_there_is_not_is_refused_and_recorded(desk, day):
    assert await desk.ask("staff-0100", "GET", f"{PEOPLE}/history?since={day}") == (422, "not_a_date")
    assert await desk.acts() == [("staff-0100", "history", "not_a_date")]


async def test_while_the_log_cannot_be_read_there_is_no_history(desk, tmp_path):
    (tmp_path / f"{TENANT}.db").unlink()
    assert await desk.ask("staff-0100", "GET", f"{PEOPLE}/history") == (503, "log_unavailable")


async def test_a_large_body_is_not_read(desk):
    status, _ = await desk.ask("staff-0100", "POST", PEOPLE, b" " * 20_000)
    assert status == 413


async def test_while_the_log_cannot_be_written_nobody_is_granted_anything(desk, tmp_path):
    (tmp_path / f"{TENANT}.db").unlink()
    assert await desk.grant("staff-0001", "officer") == (503, "log_unavailable")


async def test_routes_that_carry_nothing_today_are_a_number(desk):
    async with calling(desk.site, f"https://localhost:{desk.port}", "root") as session, session.get("/metrics") as told:
        assert f'renkei_routes_lapsed{{tenant="{TENANT}"}} 2.0' in (await told.text()).splitlines()


# ---- the configuration -----------------------------------------------------------------------------------------------


def configuration(site, operators, administrators):
    """The site's, with these people by their certificates' files."""
    config, pem = site.config, "keys/tls/{}.crt".format
    admin = config.gateway.admin.model_copy(update={"operators": {name: pem(file) for name, file in operators}})
    people = {name: pem(file) for name, file in administrators}
    tenant = replace(
        config.tenants[TENANT], file=config.tenants[TENANT].file.model_copy(update={"administrators": people})
    )
    return replace(config, gateway=config.gateway.model_copy(update={"admin": admin}), tenants={TENANT: tenant})


def test_the_people_of_the_configuration_are_known_by_their_certificates(site):
    digest = digest_of_file(site.config.root / "keys/tls/root.crt")
    other = digest_of_file(site.config.root / "keys/tls/staff-0100.crt")
    found = configured(configuration(site, [("root", "root")], [("staff-0100", "staff-0100")]))
    (made,) = found.values()
    assert (made.operators, made.administrators) == ({"root": digest}, {"staff-0100": other})
    assert not {digest, other} & made.others


@pytest.mark.parametrize(
    ("administrators", "told"),
    [
        ([("staff-0100", "root")], "administrators.staff-0100: is the certificate of root already"),
        (
            [("staff-0100", "staff-0100"), ("staff-0101", "staff-0100")],
            "administrators.staff-0101: is the certificate of staff-0100 already",
        ),
        ([("staff-0100", "nobody")], "administrators.staff-0100: "),
    ],
)
def test_a_certificate_is_one_person_s_in_the_configuration_too(site, administrators, told):
    with pytest.raises(Misconfigured) as caught:
        configured(configuration(site, [("root", "root")], administrators))
    assert [each for each in caught.value.problems if each.startswith(f"config/tenants/{TENANT}.toml: {told}")]


# ---- the commands ----------------------------------------------------------------------------------------------------


async def commanded(desk, tmp_path, *words):
    """What a command ends with and prints, asked of this listener."""
    root = tmp_path / "root"
    if not root.exists():
        (root / "config").mkdir(parents=True)
        head, admin, rest = GATEWAY.partition("[admin]")
        (root / "config/gateway.toml").write_text(head + admin + rest.replace("port = 0", f"port = {desk.port}"))
        (root / "keys").symlink_to(desk.site.config.root / "keys")
    done = await asyncio.to_thread(CliRunner().invoke, commands.app, [*words, "--root", str(root)])
    return done.exit_code, done.output


async def test_people_are_listed_granted_and_revoked_by_commands(desk, tmp_path):
    tls = desk.site.config.root / "keys/tls"
    own = ("--as", str(tls / "staff-0100.crt"))
    granting = ("people", "grant", TENANT, "staff-0001", "approver", "--until", UNTIL, *own)
    pinned = ("--certificate", str(tls / "staff-0001.crt"))
    digest = desk.digest("staff-0001")
    said = (0, f"staff-0001: approver until {UNTIL}, by certificate {digest[:16]}\n")
    assert await commanded(desk, tmp_path, *granting, *pinned, "--terminal", "desk-9") == said
    assert desk.line.journal.told(PERSON_FACTS)[0][2]["terminal"] == "desk-9"
    status, listed = await commanded(desk, tmp_path, "people", "list", TENANT, "--json", *own)
    assert (status, json.loads(listed)[-1]) == (
        0,
        {"person": "staff-0001", "role": "approver", "certificate": digest, "until": UNTIL, "standing": "valid"},
    )
    status, table = await commanded(desk, tmp_path, "people", "list", TENANT, *own)
    assert (status, digest[:16] in table, digest in table) == (0, True, False)
    revoking = ("people", "revoke", TENANT, "staff-0001", "approver", *own)
    assert await commanded(desk, tmp_path, *revoking) == (0, "staff-0001: approver has ended\n")
    status, told = await commanded(desk, tmp_path, *revoking)
    assert (status, told) == (1, "unknown_right: The person has no such right.\n")


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("--certificate", "{tls}/none.crt", "--as", "{tls}/staff-0100.crt"), 2, "--certificate: "),
        (("--certificate", "{tls}/ca.key", "--as", "{tls}/staff-0100.crt"), 2, "--certificate: "),
        (("--certificate", "{tls}/staff-0001.crt", "--as", "{tls}/none.crt"), 2, "--as: "),
        (("--certificate", "{tls}/staff-0001.crt", "--as", "{tls}/staff-0002.crt"), 2, "does not know "),
        (("--certificate", "{tls}/staff-0001.crt"), 2, "--as"),
        (
            ("--certificate", "{tls}/staff-0001.crt", "--as", "{tls}/staff-0100.crt", "--terminal", "desk 1"),
            2,
            "--terminal: ",
        ),
        (("--certificate", "{tls}/root.crt", "--as", "{tls}/staff-0100.crt"), 1, "certificate_taken: "),
    ],
)
async def test_a_command_says_what_is_wrong(desk, tmp_path, words, status, told):
    tls = desk.site.config.root / "keys/tls"
    asked = ("people", "grant", TENANT, "staff-0001", "officer", "--until", UNTIL)
    done, out = await commanded(desk, tmp_path, *asked, *(each.format(tls=tls) for each in words))
    assert (done, told in out) == (status, True)


async def test_a_certificate_that_nobody_has_is_counted_and_named_nowhere(desk):
    for name in (OFFICE, "stranger"):
        assert await desk.ask(name, "GET", PEOPLE) == (403, "unknown_certificate")
    assert desk.listener.noise == 2
    assert desk.line.journal.size_and_root()[0] == 0
    desk.listener.noise -= 2
    assert desk.listener.noise == 0


async def test_who_did_what_is_shown_by_a_command_and_that_is_one_fact(desk, tmp_path):
    own = ("--as", str(desk.site.config.root / "keys/tls/staff-0100.crt"), "--terminal", "desk-9")
    history = ("people", "history", TENANT, *own[:2])
    granting = ("people", "grant", TENANT, "staff-0001", "approver", "--until", UNTIL, *own)
    certificate = ("--certificate", str(desk.site.config.root / "keys/tls/staff-0001.crt"))
    assert (await commanded(desk, tmp_path, *granting, *certificate))[0] == 0
    await desk.grant("staff-0100", "operator")
    status, shown = await commanded(desk, tmp_path, *history)
    lines = [re.sub("  +", "  ", each) for each in shown.splitlines()]
    assert status == 0
    assert f"staff-0100  person.granted staff-0001 approver until {UNTIL}  desk-9  " in lines[2]
    assert "staff-0100  grant staff-0100 operator refused own_grant  desk-1  " in lines[3]
    assert (await desk.acts())[1:] == [("staff-0100", "history", None)]
    status, shown = await commanded(desk, tmp_path, *history, "--person", "staff-0001", "--json")
    assert [(each["kind"], each["until"]) for each in json.loads(shown)[:-1]] == [("person.granted", UNTIL)]
    days = ("--since", "2026-04-02", "--until", "2026-04-02")
    status, shown = await commanded(desk, tmp_path, *history, *days)
    assert (status, shown) == (0, "nobody did anything (days are Japan's)\n")


async def test_days_that_are_no_range_are_told_as_days_in_japan(desk, tmp_path):
    own = ("--as", str(desk.site.config.root / "keys/tls/staff-0100.crt"))
    turned = ("--since", "2026-04-02", "--until", "2026-04-01")
    status, told = await commanded(desk, tmp_path, "people", "history", TENANT, *own, *turned)
    assert (status, "name days in Japan" in " ".join(told.split())) == (2, True)
    certificate = ("--certificate", str(desk.site.config.root / "keys/tls/staff-0001.crt"))
    granting = ("people", "grant", TENANT, "staff-0001", "approver", "--until", "2020-01-01", *own, *certificate)
    assert await commanded(desk, tmp_path, *granting) == (
        1,
        "bad_last_day: A right's last day is today in Japan at the earliest, and 366 days after that at the latest.\n",
    )
