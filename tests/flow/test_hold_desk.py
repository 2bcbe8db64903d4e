"""Held messages at the operators' listener, over real mutual TLS, and by the commands: who is answered what."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from typer.testing import CliRunner

from gateway.cli import commands
from gateway.cli.hold import _content
from gateway.edge.outbox import EdgeOutbox
from gateway.errors import Deferred
from gateway.hub.admin import AdminListener
from gateway.hub.people import Configured, Person, Role
from gateway.hub.rights import Grant, Revocation
from gateway.keys.certificates import digest_of_file
from gateway.link.in_process import ToEdges
from gateway.link.tls import server_tls
from gateway.plugin import Accepted, Claim, DeferredRecord, RefusedRecord
from gateway.wiring.at_edges import LookRoute
from gateway.wiring.edge_side import EdgeSide
from tests.flow.calling import answer_of, calling
from tests.flow.holding import hold_everything
from tests.flow.line import running
from tests.flow.site import GATEWAY
from tests.flow.toys import REGISTER, TENANT, person, whole_person

HOLDS = f"/v1/{TENANT}/holds"
HISTORY = f"/v1/{TENANT}/people/history"
TERMINAL = {"Renkei-Terminal": "desk-1"}
ANNA, BEN, OPA, EVE = "staff-0011", "staff-0012", "staff-0014", "staff-0015"
"""An officer, an approver, an operator; Eve has a certificate of the same authority, and no role."""
ADMINISTRATOR = Person("staff-0100", "0" * 64, frozenset({Role.ADMINISTRATOR}))
ROLES: dict[str, Any] = {ANNA: Role.OFFICER, BEN: Role.APPROVER, OPA: Role.OPERATOR}


@dataclass
class Process:
    """The rest of the daemon; its edges are real."""

    edges: EdgeSide
    hubs: dict[str, Any]
    directories: dict[str, int] = field(default_factory=dict)

    def vitals(self):
        return {}

    def lapsed(self):
        return {}

    def law(self):
        return []

    def reviews(self):
        return []

    def witnesses(self):
        return []

    async def connectors(self):
        return []

    async def reload(self, by):
        return by

    async def look(self, *asked):
        return await self.edges.look(*asked)


@dataclass
class Desk:
    site: Any
    line: Any
    listener: AdminListener
    port: int
    process: Process

    async def ask(self, name, method, path, body=None, headers=TERMINAL):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        async with (
            calling(self.site, f"https://localhost:{self.port}", name) as session,
            session.request(method, path, data=data, headers=headers) as response,
        ):
            self.headers = response.headers
            status, answer = await answer_of(response)
        return status, answer.get("code", answer) if isinstance(answer, dict) else answer

    async def look(self, name, message_id, headers=TERMINAL):
        return await self.ask(name, "GET", f"/v1/{TENANT}/{REGISTER}/holds/{message_id}", headers=headers)

    async def slowly(self, name, message_id, body):
        """A refusal whose body comes as this generator lets it."""
        async with (
            calling(self.site, f"https://localhost:{self.port}", name) as session,
            session.post(f"{HOLDS}/{message_id}/refuse", data=body, headers=TERMINAL) as response,
        ):
            status, answer = await answer_of(response)
        return status, answer.get("code")

    async def release(self, name, message_id):
        return await self.ask(name, "POST", f"{HOLDS}/{message_id}/release")

    def digest(self, name):
        return digest_of_file(self.site.config.root / f"keys/tls/{name}.crt")

    def acts(self):
        return [(each["operator"], each["act"], each.get("code")) for each in self.line.every_fact() if "act" in each]

    async def held(self, *records, key=b"k1"):
        return (await self.line.outbox.send("person.put", list(records) or [person()], key=key)).message_id


@pytest.fixture(scope="module", autouse=True)
def certificates(site):
    certified(site)


def certified(site):
    """Everybody has a certificate."""
    tls = site.config.root / "keys/tls"
    for name in (ANNA, BEN, OPA, EVE):
        if not (tls / f"{name}.key").exists():
            site.authority.client(name, datetime.now(UTC)).write(tls, name)


async def staffed(hub, tls):
    """Everybody's role, by their real certificates."""
    now = datetime.now(UTC)
    for name, role in ROLES.items():
        digest = digest_of_file(tls / f"{name}.crt")
        grant = Grant(person=name, role=role, certificate=digest, until=(now + timedelta(days=9)).date())
        await hub.people.grant(grant, ADMINISTRATOR, "desk-1", now)


@asynccontextmanager
async def sitting(line, site, operators=None, routes=lambda callers: ()):
    tls = site.config.root / "keys/tls"
    edges = EdgeSide(site.config, ToEdges(), line.telemetry, line.clock)
    station: Any = SimpleNamespace(edge=line.register)
    edges._stations[TENANT, REGISTER] = station
    process = Process(edges, {TENANT: line.hub})
    listener = AdminListener(process, operators or {}, line.telemetry, line.clock)
    for each in (LookRoute(listener.callers, process.look), *routes(listener.callers)):
        listener.add(each)
    runner = web.AppRunner(listener.application(), access_log=None)
    await runner.setup()
    secret = (site.config.root / "keys/passphrase").read_bytes().strip
    context = server_tls(str(tls / "gateway.crt"), str(tls / "gateway.key"), str(tls / "ca.crt"), secret)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield Desk(site, line, listener, runner.addresses[0][1], process)
    await runner.cleanup()


@pytest.fixture(params=["in_process", "https"])
async def desk(request, site, tmp_path):
    """A line that holds, over both links, with its people granted and the listener open."""
    async with running(site, tmp_path, link=request.param) as line:
        hold_everything(line)
        line.hub.people.adopt(Configured({}, {ADMINISTRATOR.id: ADMINISTRATOR.certificate}))
        await staffed(line.hub, site.config.root / "keys/tls")
        async with sitting(line, site) as made:
            yield made


async def test_a_hold_is_listed_looked_at_approved_and_released(desk):
    message_id = await desk.held(whole_person(1))
    status, (listed,) = await desk.ask(OPA, "GET", HOLDS)
    assert (status, listed["message_id"], listed["approved"]) == (200, message_id, None)
    for name in (ANNA, BEN):
        status, shown = await desk.look(name, message_id)
        assert (status, desk.headers["Cache-Control"]) == (200, "no-store")
        fields = {each["path"]: each["value"] for each in shown["records"][0]["fields"]}
        assert fields["home.address"] == "架空市見本町１－２－３"
    assert await desk.release(ANNA, message_id) == (
        200,
        {"message_id": message_id, "state": "approved", "records": []},
    )
    (listed,) = (await desk.ask(BEN, "GET", HOLDS))[1]
    assert (listed["approved"], listed["looked"]) == (ANNA, [ANNA, BEN])
    assert (await desk.release(BEN, message_id))[1]["state"] == "released"
    assert await desk.line.settlement(message_id) == {0: Accepted()}
    assert (await desk.ask(ANNA, "GET", HOLDS)) == (200, [])
    assert "架空" not in json.dumps(desk.line.every_fact(), ensure_ascii=False)


# ---- what is not to be disclosed (番号法第23条第2項), and what a hold is for (rule 5) --------------------------------


async def claimed(desk, *claims, key):
    """A message that attests these, on a route that holds for `review` only."""
    hold_everything(desk.line, hold=False, may_attest=("review", "undisclosed"))
    outbox = EdgeOutbox(desk.line.office, frozenset({"review", "undisclosed"}))
    said = [Claim(each, b"proof") for each in claims]
    return (await outbox.send("person.put", [person(len(key))], key=key, claims=said)).message_id


def trace_of(message_id):
    return f"/v1/{TENANT}/messages/{message_id}"


async def test_an_operators_trace_does_not_tell_what_a_hold_is_for(desk):
    message_id = await claimed(desk, "review", key=b"k1")
    await claimed(desk, "review", key=b"k1")  # a repeat says it, too
    status, facts = await desk.ask(OPA, "GET", trace_of(message_id))
    assert [each["kind"] for each in facts] == ["message.recorded", "hold.placed", "message.repeated"]
    assert (status, facts[0]["header"]["attestations"], facts[2]["attestations"]) == (200, [], [])
    facts[1].pop("code")  # which is the same for every hold
    assert "review" not in json.dumps(facts)


async def test_an_operator_is_told_of_what_is_undisclosed_that_it_is_there(desk):
    message_id = await claimed(desk, "review", "undisclosed", key=b"k1")
    facts = (await desk.ask(OPA, "GET", trace_of(message_id)))[1]
    assert [each["kind"] for each in facts] == ["message.recorded", "hold.placed"]
    left = {"message_id", "seq", "at", "kind", "undisclosed"}
    assert all(each.keys() == left for each in facts)
    (listed,) = (await desk.ask(OPA, "GET", HOLDS))[1]
    assert listed.keys() == left
    await desk.look(ANNA, message_id)
    await desk.ask(ANNA, "POST", f"{HOLDS}/{message_id}/refuse", {"reason": "content_wrong"})
    (refused,) = (await desk.ask(OPA, "GET", f"/v1/{TENANT}/refused"))[1]["refused"]
    assert refused.keys() == left
    assert refused["kind"] == "hold.refused"


async def test_who_decides_is_told_all_of_it(desk):
    message_id = await claimed(desk, "review", "undisclosed", key=b"k1")
    (listed,) = (await desk.ask(ANNA, "GET", HOLDS))[1]
    assert (listed["message_id"], listed["route"], listed["undisclosed"]) == (message_id, "T1", True)
    shown = (await desk.look(BEN, message_id))[1]
    assert [each["claim"] for each in shown["attestations"]] == ["undisclosed"]


async def test_dead_letters_of_what_is_undisclosed_are_there_and_no_more(desk):
    desk.line.hub.dispatcher.limits = desk.line.hub.dispatcher.limits.model_copy(update={"attempts": 1})
    desk.line.register_system.answer = lambda delivery: {i: DeferredRecord("system_busy") for i, _ in delivery.records}
    hidden = await claimed(desk, "undisclosed", key=b"k1")
    plain = await claimed(desk, key=b"k22")
    await desk.line.until(lambda: len(desk.line.journal.dead_letters()) == 2)
    letters = {each["message_id"]: each for each in (await desk.ask(OPA, "GET", f"/v1/{TENANT}/dead"))[1]}
    assert letters[hidden].keys() == {"message_id", "seq", "at", "kind", "undisclosed"}
    assert letters[plain]["outcomes"] == [{"ending": "dead", "code": "gave_up", "records": "0"}]
    assert desk.line.register_system.deliveries[0].message_id == hidden


async def test_a_list_of_many_pages_is_one_answer_and_one_fact(desk, monkeypatch):
    monkeypatch.setattr("gateway.hub.journal.holds.LISTED", 1)
    held = [await desk.held(person(each), key=bytes([each])) for each in (1, 2, 3)]
    status, listed = await desk.ask(OPA, "GET", HOLDS)
    assert (status, [each["message_id"] for each in listed]) == (200, held)
    assert desk.acts() == [(OPA, "holds", None)]


async def test_an_answer_that_breaks_off_is_taken_for_no_answer(desk, tmp_path, monkeypatch):
    """What follows the first page cannot be read: whoever asked hears that, and not a shorter list."""
    monkeypatch.setattr("gateway.hub.journal.holds.LISTED", 1)
    await desk.held()
    listed = desk.line.journal.holds.listed

    def once(after):
        if after:
            raise Deferred("log_unavailable")
        return listed(after)

    monkeypatch.setattr(desk.line.journal.holds, "listed", once)
    with pytest.raises(aiohttp.ClientPayloadError):
        await desk.ask(OPA, "GET", HOLDS)
    opa = ("--as", str(desk.site.config.root / f"keys/tls/{OPA}.crt"))
    status, told = await commanded(desk, tmp_path, "list", TENANT, *opa)
    assert (status, "broke its answer off" in told) == (2, True)


# ---- what people did -------------------------------------------------------------------------------------------------


def said(fact):
    return fact["kind"], fact.get("by") or fact.get("operator") or fact.get("person"), fact.get("code")


async def test_the_history_tells_who_did_what_when_and_where_oldest_first(desk, monkeypatch):
    """Of holds, of their refusals, of grants and of looks; and of a person alone (C047, C091)."""
    monkeypatch.setattr("gateway.hub.journal.acts.TOLD", 2)
    message_id = await desk.held()
    assert await desk.release(OPA, message_id) == (403, "role_missing")
    assert await desk.release(ANNA, message_id) == (409, "not_looked_at")
    for name in (ANNA, BEN):
        await desk.look(name, message_id)
        await desk.release(name, message_id)
    assert await desk.ask(OPA, "POST", f"/v1/{TENANT}/messages/{message_id}/replay") == (409, "not_replayable")
    status, told = await desk.ask(OPA, "GET", HISTORY)
    grants = [("person.granted", ADMINISTRATOR.id, None)] * 3
    assert (status, [said(each) for each in told[3:]], [said(each) for each in told[:3]]) == (
        200,
        [
            ("operator.acted", OPA, "role_missing"),
            ("operator.acted", ANNA, "not_looked_at"),
            *[("hold.looked", ANNA, None), ("hold.shown", ANNA, None), ("hold.approved", ANNA, None)],
            *[("hold.looked", BEN, None), ("hold.shown", BEN, None), ("hold.released", BEN, None)],
            ("operator.acted", OPA, "not_replayable"),
            ("operator.acted", OPA, None),  # this very look
        ],
        grants,
    )
    assert {each["terminal"] for each in told} == {"desk-1"}
    assert all(len(each["client_certificate"]) == 64 and each["at"] for each in told)
    assert {each["message_id"] for each in told[3:-1]} == {message_id}
    of_ben = (await desk.ask(OPA, "GET", f"{HISTORY}?person={BEN}"))[1]
    assert [each["kind"] for each in of_ben] == [
        *["person.granted", "hold.looked", "hold.shown", "hold.released", "operator.acted"]
    ]
    assert desk.acts()[-2:] == [(OPA, "history", None)] * 2
    assert (of_ben[-1]["operator"], of_ben[-1]["act"], of_ben[-1]["person"]) == (OPA, "history", BEN)


async def test_of_what_is_undisclosed_the_history_tells_who_but_not_why(desk):
    message_id = await claimed(desk, "review", "undisclosed", key=b"k1")
    assert await desk.release(ANNA, message_id) == (409, "not_looked_at")
    await desk.look(ANNA, message_id)
    await desk.ask(ANNA, "POST", f"{HOLDS}/{message_id}/refuse", {"reason": "content_wrong"})
    told = [each for each in (await desk.ask(OPA, "GET", HISTORY))[1] if "message_id" in each]
    assert [(each["kind"], each["undisclosed"], each["terminal"]) for each in told] == [
        (kind, True, "desk-1") for kind in ("operator.acted", "hold.looked", "hold.shown", "hold.refused")
    ]
    assert not any({"code", "reason", "outcomes"} & each.keys() for each in told)
    now = datetime.now(UTC)
    grant = Grant(
        person=ANNA, role=Role.OPERATOR, certificate=desk.digest(ANNA), until=(now + timedelta(days=9)).date()
    )
    await desk.line.hub.people.grant(grant, ADMINISTRATOR, "desk-1", now)
    told = [each for each in (await desk.ask(ANNA, "GET", HISTORY))[1] if "message_id" in each]
    assert (told[0]["code"], told[-1]["reason"]) == ("not_looked_at", "content_wrong")


@pytest.mark.parametrize("name", [ANNA, BEN])
async def test_who_may_not_list_people_reads_no_history(desk, name):
    assert await desk.ask(name, "GET", HISTORY) == (403, "role_missing")
    assert desk.acts() == [(name, "history", "role_missing")]


async def test_what_an_operator_may_not(desk):
    message_id = await desk.held()
    assert await desk.look(OPA, message_id) == (403, "role_missing")
    assert await desk.release(OPA, message_id) == (403, "role_missing")
    assert await desk.ask(OPA, "POST", f"{HOLDS}/{message_id}/refuse", {"reason": "content_wrong"}) == (
        403,
        "role_missing",
    )
    assert [each for each in desk.acts() if each[2]] == [
        (OPA, "look", "role_missing"),
        (OPA, "release", "role_missing"),
        (OPA, "refuse", "role_missing"),
    ]
    refused = [each for each in desk.line.journal.trace(message_id) if "act" in each]
    assert [(each["terminal"], each["client_certificate"]) for each in refused] == [("desk-1", desk.digest(OPA))] * 3


async def test_a_replay_that_is_refused_is_recorded_with_its_message_if_there_is_one(desk):
    message_id = await desk.held()
    for asked, code in ((message_id, (409, "not_replayable")), ("x", (404, "unknown_message"))):
        assert await desk.ask(OPA, "POST", f"/v1/{TENANT}/messages/{asked}/replay") == code
    assert desk.acts() == [(OPA, "replay", "not_replayable"), (OPA, "replay", "unknown_message")]
    assert [each["act"] for each in desk.line.journal.trace(message_id) if "act" in each] == ["replay"]


async def test_who_is_nobody_here_is_noise(desk):
    """Also where the edge's process does not know the people itself: the hub tells it."""
    message_id = await desk.held()
    for asked in (desk.look(EVE, message_id), desk.release(EVE, message_id), desk.ask(EVE, "GET", HOLDS)):
        assert await asked == (403, "unknown_certificate")
    assert desk.listener.noise == 3
    assert desk.acts() == []
    assert desk.line.facts(message_id) == ["message.recorded", "hold.placed"]


@pytest.mark.parametrize("headers", [{}, {"Renkei-Terminal": "0000-1111-2222"}, {"Renkei-Terminal": "desk 1" * 40}])
async def test_without_a_terminal_nobody_looks(desk, headers):
    message_id = await desk.held()
    assert await desk.look(ANNA, message_id, headers) == (400, "bad_actor")
    assert desk.acts() == [(ANNA, "look", "bad_actor")]


TWICE = b'{"reason": "request_wrong", "reason": "content_wrong"}'


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"reason": 1}', b'{"reason": "", "name": "x"}', b"\xff", b"{" * 3000, TWICE]
)
async def test_a_refusal_in_another_form_is_refused_and_recorded(desk, body):
    message_id = await desk.held()
    await desk.look(ANNA, message_id)
    assert await desk.ask(ANNA, "POST", f"{HOLDS}/{message_id}/refuse", body) == (400, "bad_reason")
    assert desk.acts() == [(ANNA, "refuse", "bad_reason")]


async def test_whoever_sends_slowly_is_judged_by_what_holds_at_the_end(desk):
    """Revoked while the body is under way: it was of no use to have begun before."""
    message_id = await desk.held()
    await desk.look(ANNA, message_id)

    async def slowly():
        yield b'{"reason": '
        await asyncio.sleep(0.05)
        revocation = Revocation(person=ANNA, role=Role.OFFICER)
        await desk.line.hub.people.revoke(revocation, ADMINISTRATOR, "desk-1", datetime.now(UTC))
        yield b'"content_wrong"}'

    assert await desk.slowly(ANNA, message_id, slowly()) == (403, "unknown_certificate")
    assert desk.line.facts(message_id)[-2:] == ["hold.shown", "operator.acted"]
    assert desk.acts()[-1] == (ANNA, "refuse", "unknown_certificate")


@pytest.mark.parametrize(("name", "recorded"), [(ANNA, "body_too_slow"), (OPA, "role_missing"), (EVE, None)])
async def test_a_body_has_little_time_to_come_and_whose_it_was_is_recorded(desk, monkeypatch, name, recorded):
    monkeypatch.setattr("gateway.hub.callers.BODY_SECONDS", 0.05)
    message_id = await desk.held()
    answered = asyncio.Event()

    async def never():
        yield b'{"reason": '
        await answered.wait()

    status, code = await desk.slowly(name, message_id, never())
    answered.set()
    assert (status, code) == ((408 if name == ANNA else 403), recorded or "unknown_certificate")
    assert desk.acts() == ([(name, "refuse", recorded)] if recorded else [])
    assert desk.listener.noise == (recorded is None)


@pytest.mark.parametrize(("name", "recorded"), [(ANNA, "body_too_large"), (OPA, "role_missing"), (EVE, None)])
async def test_a_body_that_is_too_large_is_refused_and_whose_it_was_is_recorded(desk, name, recorded):
    message_id = await desk.held()
    status, code = await desk.ask(name, "POST", f"{HOLDS}/{message_id}/refuse", b" " * 20_000)
    assert (status, code) == ((413 if name == ANNA else 403), recorded or "unknown_certificate")
    assert desk.acts() == ([(name, "refuse", recorded)] if recorded else [])
    assert desk.listener.noise == (recorded is None)


async def test_what_is_asked_for_by_head_is_not_answered(desk):
    """It would be looked at, and recorded as looked at, while nothing is shown."""
    message_id = await desk.held()
    async with calling(desk.site, f"https://localhost:{desk.port}", ANNA) as session:
        for path in (f"/v1/{TENANT}/{REGISTER}/holds/{message_id}", HOLDS, "/healthz"):
            async with session.head(path, headers=TERMINAL) as response:
                assert response.status == 405
    assert desk.line.facts(message_id) == ["message.recorded", "hold.placed"]
    assert not [each for each in desk.listener.application().router.routes() if each.method == "HEAD"]


async def test_an_edge_of_another_process_is_not_asked_here(desk):
    message_id = await desk.held()
    desk.process.edges._stations.clear()
    assert await desk.look(ANNA, message_id) == (404, "edge_elsewhere")
    assert desk.line.facts(message_id) == ["message.recorded", "hold.placed"]


async def test_what_is_unknown_is_told_as_unknown(desk):
    for each in ("01a2003d-a4fa-75ac-8583-008af9651995", "x"):
        assert await desk.release(ANNA, each) == (404, "unknown_message")
        assert await desk.look(ANNA, each) == (404, "unknown_message")


async def test_while_the_log_cannot_be_written_nothing_is_shown(desk, tmp_path):
    message_id = await desk.held()
    (tmp_path / f"{TENANT}.db").unlink()
    assert await desk.look(ANNA, message_id) == (503, "log_unavailable")


async def test_how_many_are_held_is_a_metric(desk):
    await desk.held()
    async with (
        calling(desk.site, f"https://localhost:{desk.port}", OPA) as session,
        session.get("/metrics") as response,
    ):
        assert f'renkei_held{{tenant="{TENANT}"}} 1.0' in await response.text()


# ---- the commands ----------------------------------------------------------------------------------------------------


async def commanded(desk, tmp_path, *words):
    """What a command ends with and prints, asked of this listener."""
    root = tmp_path / "root"
    if not root.exists():
        (root / "config").mkdir(parents=True)
        head, admin, rest = GATEWAY.partition("[admin]")
        (root / "config/gateway.toml").write_text(head + admin + rest.replace("port = 0", f"port = {desk.port}"))
        (root / "keys").symlink_to(desk.site.config.root / "keys")
    done = await asyncio.to_thread(CliRunner().invoke, commands.app, ["hold", *words, "--root", str(root)])
    return done.exit_code, done.output


async def test_a_hold_is_released_by_commands(desk, tmp_path):
    message_id = await desk.held(whole_person(1))
    tls = desk.site.config.root / "keys/tls"
    anna, ben = (("--as", str(tls / f"{name}.crt"), "--terminal", "desk-9") for name in (ANNA, BEN))
    status, table = await commanded(desk, tmp_path, "list", TENANT, *anna[:2])
    assert (status, message_id in table, "waiting" in table, "review" in table) == (0, True, True, True)
    assert await commanded(desk, tmp_path, "release", TENANT, message_id, *anna) == (
        1,
        "not_looked_at: Whoever decides about a held message, or signs a review, has to look at it first.\n",
    )
    for person_ in (anna, ben):
        status, told = await commanded(desk, tmp_path, "show", TENANT, REGISTER, message_id, *person_)
        assert status == 0
        assert "住所 (home.address): 架空市見本町１－２－３" in told
        assert told.endswith("is recorded, with your name, certificate and terminal.\n")
    status, told = await commanded(desk, tmp_path, "release", TENANT, message_id, *anna)
    assert (status, told) == (0, f"{message_id}: approved; a second person, with role approver, releases it\n")
    assert f"approved by {ANNA}" in (await commanded(desk, tmp_path, "list", TENANT, *ben[:2]))[1]
    status, told = await commanded(desk, tmp_path, "release", TENANT, message_id, *ben)
    assert (status, told) == (0, f"{message_id}: released; 1 records are due now\n")
    assert await desk.line.settlement(message_id) == {0: Accepted()}
    assert (await commanded(desk, tmp_path, "list", TENANT, *ben[:2])) == (0, "nothing is held\n")
    (released,) = [each for each in desk.line.journal.trace(message_id) if each["kind"] == "hold.released"]
    assert released["terminal"] == "desk-9"


def test_what_would_change_the_order_of_signs_on_a_screen_is_written_out():
    """Whoever decides sees what is there; how a 異体字 is written (variation selectors) stays."""
    text = "見本\u202e子花\u2066\u2069\u200b\x1b[2J\u2028\U000e0001葛\U000e0100"
    field = {"label": "氏名", "path": "name", "value": text}
    clear = dict.fromkeys(("created_at", "expires_at"), "2026-04-01T00:00:00Z")
    named = dict.fromkeys(("message_id", "route", "source", "destination", "operation", "cause"), "x")
    found = {**clear, **named, "legal_basis": [], "attestations": [], "records": [{"index": 0, "fields": [field]}]}
    written = r"見本\u{202e}子花\u{2066}\u{2069}\u{200b}\u{001b}[2J\u{2028}\u{e0001}葛" + "\U000e0100"
    assert f"  氏名 (name): {written}" in list(_content(found))


async def test_a_hold_is_refused_by_a_command(desk, tmp_path):
    message_id = await desk.held()
    anna = ("--as", str(desk.site.config.root / f"keys/tls/{ANNA}.crt"))
    shown = json.loads((await commanded(desk, tmp_path, "show", TENANT, REGISTER, message_id, "--json", *anna))[1])
    assert shown["records"][0]["index"] == 0
    assert (await commanded(desk, tmp_path, "refuse", TENANT, message_id, "because", *anna))[0] == 2
    status, told = await commanded(desk, tmp_path, "refuse", TENANT, message_id, "request_wrong", *anna)
    assert (status, told) == (0, f"{message_id}: refused; its source hears not_released\n")
    assert await desk.line.settlement(message_id) == {0: RefusedRecord("not_released")}
    listed = json.loads((await commanded(desk, tmp_path, "list", TENANT, "--json", *anna))[1])
    assert listed == []
