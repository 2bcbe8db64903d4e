"""Searching a log at the operators' listener: who may, what it records, and by which tags a person is found."""

import asyncio
import json
import logging
import re
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from aiohttp import ClientPayloadError
from typer.testing import CliRunner

from gateway.cli import commands
from gateway.edge.outbox import EdgeOutbox
from gateway.errors import Deferred, Misconfigured
from gateway.hub import streaming
from gateway.hub.journal import FactKind
from gateway.hub.search import IndexReader
from gateway.plugin import Claim
from gateway.wiring.tagging import months_between, person_tags
from tests.flow.calling import calling
from tests.flow.holding import hold_everything
from tests.flow.line import HANGS
from tests.flow.site import GATEWAY, make_site
from tests.flow.test_people import TERMINAL, certificates, sitting  # noqa: F401  (made before anybody sits down)
from tests.flow.toys import OFFICE, REGISTER, TENANT, person

SEARCH = f"/v1/{TENANT}/search"
WHY = {"reason": "disclosure_request", "case": "R8-0012"}


@pytest.fixture
async def desk(site, tmp_path):
    async with sitting(site, tmp_path) as made:
        yield made
        made.line.hub.search.close()


def tags(site, connector, months=None, **named):
    """By default of the month in which the test is run."""
    today = datetime.now(UTC).date()
    said = json.dumps(named).encode()
    return person_tags(site.config, TENANT, connector, said, months or months_between(today, today))


def searches(desk):
    return [each for _, _, each in desk.line.journal.told((FactKind.OPERATOR_ACTED,)) if each["act"] == "search"]


async def test_a_person_is_found_by_the_tags_of_its_connector(desk, site):
    message_id = (await desk.line.outbox.send("person.put", [person(4711), person(4712)], key=b"k")).message_id
    await desk.line.outbox.send("person.put", [person(4713)], key=b"l")
    asked = {"person": tags(site, OFFICE, internal_no="0000004711") | WHY}
    status, found = await desk.ask("root", "POST", SEARCH, asked)
    assert (status, found["up_to"]) == (200, found["of"])
    assert [(each["kind"], each["message_id"]) for each in found["facts"]] == [("message.recorded", message_id)]
    (told,) = searches(desk)
    assert (told["reason"], told["case"], told["found"]) == (*WHY.values(), 1)
    assert told["asked"] == {"person_of": OFFICE}
    for month in asked["person"]["tags"].values():
        assert not [tag for tag in month if tag in json.dumps(told)], "a tag is in no fact"


@pytest.mark.parametrize(
    ("connector", "months", "named"),
    [
        (OFFICE, None, "0000004712"),
        (OFFICE, ["2020-01"], "0000004711"),
        (REGISTER, None, "0000004711"),
    ],
    ids=["another person", "another month", "another connector"],
)
async def test_other_tags_find_nothing(desk, site, connector, months, named):
    await desk.line.outbox.send("person.put", [person(4711)], key=b"k")
    asked = {"person": tags(site, connector, months, internal_no=named) | WHY}
    assert (await desk.ask("root", "POST", SEARCH, asked))[1]["facts"] == []
    assert searches(desk)[0]["found"] == 0


async def test_the_searching_is_a_fact_and_puts_nothing_new_into_the_log(desk):
    await desk.line.outbox.send("person.put", [person(1)], key=b"k")
    planted = {"operation": "架空"} | {"code": "000000000018", "connector": OFFICE, "actor": "staff-7777"}
    assert await desk.ask("root", "POST", SEARCH, planted) == (400, "bad_search")
    status, _ = await desk.ask("root", "POST", SEARCH, {**planted, "operation": "person.put", "since": "2026-04-01"})
    refused, told = searches(desk)
    assert (status, refused["code"], "asked" in refused) == (200, "bad_search", False)
    words = {"connector": OFFICE, "operation": "person.put", "since": "2026-04-01"}
    assert told["asked"] == words | {"code": "", "actor": ""}, "what stands nowhere in the log stays out"
    assert "000000000018" not in json.dumps(searches(desk))


async def test_nobody_learns_from_a_search_s_own_fact_what_stands_in_what_is_not_to_be_disclosed(desk):
    """Whether a person at work is named there, for one; what everybody may read anyway is recorded as it was asked."""
    hold_everything(desk.line, hold=False, may_attest=("undisclosed",))
    outbox = EdgeOutbox(desk.line.office, frozenset({"undisclosed"}))
    sent = await outbox.send("person.put", [person(1)], key=b"k", claims=[Claim("undisclosed", b"proof")])
    header = desk.line.journal.trace(sent.message_id)[0]["header"]
    actor, words = header["responsible"], {"route": header["route"], "item": "internal_no", "code": "accepted"}
    await desk.grant("staff-0002", "officer")
    who = {"person": {"connector": OFFICE, "tags": {}} | WHY}
    for name, asked in (("root", {}), ("staff-0002", who)):
        for each in (actor, "staff-7777"):
            assert (await desk.ask(name, "POST", SEARCH, {**asked, **words, "actor": each}))[0] == 200
            assert {**searches(desk)[-1]["asked"], "person_of": ""} == {**words, "actor": "", "person_of": ""}
    await desk.line.outbox.send("person.put", [person(2)], key=b"l")
    await desk.ask("root", "POST", SEARCH, {"actor": actor})
    assert searches(desk)[-1]["asked"] == {"actor": actor}, "now it stands in what everybody may be told"


async def test_a_message_and_a_connector_that_nobody_knows_get_into_no_log(desk):
    unknown = "01960000-0000-7000-8000-000000000018"
    who = {"person": {"connector": "nobody", "tags": {}} | WHY}
    assert (await desk.ask("root", "POST", SEARCH, {"message": unknown} | who))[0] == 200
    assert searches(desk)[0]["asked"] == {"message": "", "person_of": ""}


@pytest.mark.parametrize(
    "wrong",
    [
        {"nothing": "known"},
        {"person": {"connector": OFFICE, "tags": {}, "case": "R8-1"}},
        {"person": {"connector": OFFICE, "tags": {}, "case": "R8-1", "reason": "curious"}},
        {"person": {"connector": OFFICE, "tags": {}, "case": "000000000018", "reason": "audit"}},
        {"person": {"connector": OFFICE, "tags": {"2026-04": ["架空"]}, "case": "R8-1", "reason": "audit"}},
        {"since": "yesterday"},
        {"since": "0001-01-01"},
        {"until": "9999-12-31"},
        {"since": "2026-04-02", "until": "2026-04-01"},
        {"since": "2099-01-01"},
        {"facts": [0]},
        {"facts": [*range(1, 102)]},
        {"limit": 0},
        {"after": 0},
        b"[]",
    ],
    ids=str,
)
async def test_a_question_of_another_form_is_refused(desk, wrong):
    assert await desk.ask("root", "POST", SEARCH, wrong) == (400, "bad_search")


@pytest.mark.parametrize("oldest", [False, True])
async def test_page_by_page_a_search_tells_what_it_tells_at_once(desk, oldest):
    for number in range(7):
        await desk.line.outbox.send("person.put", [person(number)], key=bytes([number]))
    asked = {"kind": "message.recorded", "oldest": oldest}
    _, whole = await desk.ask("root", "POST", SEARCH, asked | {"limit": None})
    assert (len(whole["facts"]), whole["found"], whole["more"], whole["next"]) == (7, 7, False, None)
    paged: list[Any] = []
    pages: list[tuple[int, bool]] = []
    more = {"limit": 3}
    while not pages or pages[-1] == (3, True):
        _, page = await desk.ask("root", "POST", SEARCH, asked | more)
        paged += page["facts"]
        pages.append((page["found"], page["more"]))
        more["after"] = page["next"]
    assert (paged, pages) == (whole["facts"], [(3, True), (3, True), (1, False)])
    _, exactly = await desk.ask("root", "POST", SEARCH, asked | {"limit": 7})
    assert (exactly["facts"], exactly["more"]) == (whole["facts"], False)


@asynccontextmanager
async def asking(desk, **asked):
    async with (
        calling(desk.site, f"https://localhost:{desk.port}", "root", read_bufsize=1024) as session,
        session.post(SEARCH, json=asked | {"limit": None}, headers=TERMINAL) as response,
    ):
        yield response


class Endless:
    """What a search finds, without end: how much of it was read, and whether the index was given back."""

    def __init__(self, desk, monkeypatch):
        self.read = 0
        self.ended = asyncio.Event()
        self._desk = desk
        close = IndexReader.close

        def closed(index):
            close(index)
            self.ended.set()

        monkeypatch.setattr(IndexReader, "close", closed)
        monkeypatch.setattr(desk.line.hub.search, "pages", self.pages)
        monkeypatch.setattr(logging.getLogger("aiohttp.server"), "disabled", True)

    def pages(self, *_):
        assert searches(self._desk), "the searching is a fact before anything is told"
        while True:
            self.read += 1
            yield [{"seq": self.read, "kind": "k" * 1000}] * 50


async def still(endless):
    """How much was read when nothing more is."""
    while (before := endless.read) == 0 or await asyncio.sleep(0.2, before) != endless.read:
        pass
    return endless.read


async def test_who_takes_an_answer_slowly_has_no_more_of_it_made_and_who_goes_ends_it(desk, monkeypatch):
    endless = Endless(desk, monkeypatch)
    async with asking(desk) as response:
        waits = await asyncio.wait_for(still(endless), HANGS)
        for _ in range(200):
            await response.content.readline()
        assert waits < 1000, "pages of 50 KB: what the sockets between hold, and no answer in memory"
        assert not endless.ended.is_set()
        response.close()
        await asyncio.wait_for(endless.ended.wait(), HANGS)


async def test_who_takes_nothing_of_an_answer_for_long_loses_it(desk, monkeypatch):
    endless = Endless(desk, monkeypatch)
    monkeypatch.setattr(streaming, "_PATIENCE", 0.1)
    async with asking(desk) as response:
        await asyncio.wait_for(endless.ended.wait(), HANGS)
        with pytest.raises(ClientPayloadError):
            await response.read()


async def test_a_search_that_breaks_off_is_an_error_and_no_end(desk, tmp_path, monkeypatch):
    """The command prints what came, says that it broke off, and has no last line."""
    for number in range(3):
        await desk.line.outbox.send("person.put", [person(number)], key=bytes([number]))
    found, calls = desk.line.journal.found, []

    def once(seqs, *more):
        calls.append(seqs)
        if len(calls) > 1:
            raise Deferred("log_unavailable")
        return found(seqs, *more)

    newest = desk.line.journal.following.size
    monkeypatch.setattr("gateway.hub.search.search._PAGE", 1)
    monkeypatch.setattr(desk.line.journal, "found", once)
    monkeypatch.setattr(logging.getLogger("aiohttp.server"), "disabled", True)
    done = await commanded(desk, tmp_path, "search", TENANT, "--json", "--all")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.exit_code, [each["seq"] for each in told]) == (2, [newest])
    assert "broke its answer off" in done.stderr


async def test_whoever_reads_only_the_beginning_ends_the_search_without_a_word(desk, tmp_path, monkeypatch):
    """As `| head` does."""
    endless, words = Endless(desk, monkeypatch), given(desk, tmp_path, "search", TENANT, "--json", "--all")
    program = (sys.executable, "-c", "from gateway.cli import main; main()")
    started = partial(subprocess.Popen, (*program, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child: Any = await asyncio.to_thread(started)
    assert json.loads(await asyncio.to_thread(child.stdout.readline))["seq"] == 1
    child.stdout.close()
    assert (await asyncio.to_thread(child.wait, HANGS), child.stderr.read()) == (1, b"")
    child.stderr.close()
    await asyncio.wait_for(endless.ended.wait(), HANGS)


async def test_the_command_pages_and_says_where_it_goes_on(desk, tmp_path):
    for number in range(3):
        await desk.line.outbox.send("person.put", [person(number)], key=bytes([number]))
    recorded = ("search", TENANT, "--kind", "message.recorded")
    done = await commanded(desk, tmp_path, *recorded, "--limit", "2")
    (after,) = re.findall("there are more than these 2: go on with --after ([0-9]+)", done.stdout)
    more = await commanded(desk, tmp_path, *recorded, "--after", after, "--json")
    fact, last = [json.loads(line) for line in more.stdout.splitlines()]
    assert (fact["seq"] < int(after), last["found"], last["more"], last["next"]) == (True, 1, False, None)
    assert (await commanded(desk, tmp_path, *recorded, "--limit", "3")).stdout.count("there are more") == 0


@pytest.mark.parametrize(
    ("option", "word", "near"),
    [
        ("--kind", "message.recoded", "message.recorded"),
        ("--connector", "registr", REGISTER),
        ("--operation", "person.putt", "person.put"),
        ("--code", "wrong_typ", "wrong_type"),
        ("--route", "nothing-like-it", None),
    ],
)
async def test_a_word_that_nobody_knows_is_no_search_that_found_nothing(desk, tmp_path, option, word, near):
    await desk.line.outbox.send("person.put", [person(1)], key=b"k")
    done = await commanded(desk, tmp_path, "search", TENANT, option, word)
    said = f"did you mean {near}?" if near else "gateway interface show and config/ have the words that there are"
    assert (done.exit_code, f"{option} {word}" in done.stderr, said in done.stderr) == (2, True, True)
    done = await commanded(desk, tmp_path, "search", TENANT, option, word, "--json")
    assert (done.exit_code, json.loads(done.stdout)["unknown"]) == (2, {option[2:]: near})


async def test_a_word_that_is_known_and_a_person_who_did_nothing_are_searches_that_found_nothing(desk, tmp_path):
    for words in (("--kind", "message.dead"), ("--actor", "staff-7777"), ("--terminal", "desk-99")):
        done = await commanded(desk, tmp_path, "search", TENANT, *words)
        assert (done.exit_code, done.stdout) == (0, "nothing was found\n")


async def commanded(desk, tmp_path, *words):
    """What a command of `gateway log` ends with and prints, asked of this listener."""
    return await asyncio.to_thread(CliRunner().invoke, commands.app, given(desk, tmp_path, *words))


def given(desk, tmp_path, *words):
    """The words of that command."""
    root = tmp_path / "root"
    if not root.exists():
        (root / "config").mkdir(parents=True)
        head, admin, rest = GATEWAY.partition("[admin]")
        (root / "config/gateway.toml").write_text(head + admin + rest.replace("port = 0", f"port = {desk.port}"))
        (root / "keys").symlink_to(desk.site.config.root / "keys")
    identity = ("--root", str(root), "--as", str(desk.site.config.root / "keys/tls/root.crt"))
    return ["log", *words, *identity]


@pytest.mark.parametrize("role", ["officer", "approver"])
async def test_who_looks_into_a_finding_is_shown_its_facts(desk, role):
    await desk.grant("staff-0001", role)
    await desk.line.outbox.send("person.put", [person(1)], key=b"k")
    size = desk.line.journal.following.size
    unknown = 10**11 + 7
    status, found = await desk.ask("staff-0001", "POST", SEARCH, {"facts": [1, size, unknown]})
    assert (status, [each["seq"] for each in found["facts"]]) == (200, [size, 1])
    assert searches(desk)[0]["asked"] == {"facts": f"1,{size}"}, "nothing new gets into the log"
    _, found = await desk.ask("staff-0001", "POST", SEARCH, {"facts": [1, 2], "kind": "person.granted"})
    assert [each["seq"] for each in found["facts"]] == [1]


@pytest.mark.parametrize("role", ["officer", "approver"])
@pytest.mark.parametrize("word", [{"connector": OFFICE}, {"actor": "staff-0001", "kind": "operator.acted"}], ids=str)
async def test_who_decides_about_holds_searches_for_a_person_or_a_message_and_not_by_words(desk, role, word):
    await desk.grant("staff-0001", role)
    assert await desk.ask("staff-0001", "POST", SEARCH, word) == (403, "role_missing")
    assert searches(desk)[-1]["code"] == "role_missing"
    message = {"message": "01960000-0000-7000-8000-000000000001", "kind": "message.recorded", "since": "2026-04-01"}
    for asked in (message, word | {"person": {"connector": OFFICE, "tags": {}} | WHY}):
        assert (await desk.ask("staff-0001", "POST", SEARCH, asked))[0] == 200
    for who in ("root", "staff-0100"):
        assert (await desk.ask(who, "POST", SEARCH, word))[0] == 200


@pytest.mark.parametrize("role", ["operator", "officer", "approver"])
async def test_who_has_a_role_searches_and_nobody_else(desk, role):
    assert await desk.ask("staff-0001", "POST", SEARCH, {}) == (403, "unknown_certificate")
    await desk.grant("staff-0001", role)
    got, found = await desk.ask("staff-0001", "POST", SEARCH, {})
    (fact,) = found["facts"]
    assert (got, fact["kind"], fact["person"]) == (200, "person.granted", "staff-0001")
    assert (await desk.ask("staff-0100", "POST", SEARCH, {}))[0] == 200


async def test_history_says_who_searched_for_whom_and_why(desk, site):
    asked = {"person": tags(site, OFFICE, internal_no="0000004711") | WHY}
    await desk.ask("root", "POST", SEARCH, asked)
    _, history = await desk.ask("staff-0100", "GET", f"/v1/{TENANT}/people/history")
    told = next(each for each in history if each["act"] == "search")
    assert (told["operator"], told["reason"], told["case"], told["found"]) == ("root", *WHY.values(), 0)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"0000004711", "internal_no"),
        (b"{}", "internal_no"),
        (b'{"name": "0000004711"}', "internal_no"),
        (b'{"internal_no": "1", "internal_no": "2"}', "internal_no"),
        (b'{"internal_no": 4711}', "internal_no: is not of the form"),
        ('{"internal_no": "架空の値"}'.encode(), "internal_no: is not of the form"),
    ],
)
def test_a_person_is_named_by_the_fields_of_the_interface_alone(site, said, told):
    with pytest.raises(Misconfigured, match=told) as caught:
        person_tags(site.config, TENANT, OFFICE, said, ["2026-04"])
    assert "4711" not in str(caught.value)
    assert "架空" not in str(caught.value)


def test_tags_of_another_citys_keys_are_others(site, tmp_path_factory):
    other = make_site(tmp_path_factory.mktemp("other"))
    assert tags(site, OFFICE, internal_no="0000004711") != tags(other, OFFICE, internal_no="0000004711")


def test_months_run_over_the_turn_of_the_year():
    first, last = datetime(2025, 11, 30, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    assert months_between(first.date(), last.date()) == ["2025-11", "2025-12", "2026-01", "2026-02"]
