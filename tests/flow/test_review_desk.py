"""Reviews at the operators' listener: who may look, sign and close there, and what the log says of it."""

import asyncio
import io
import json
import logging
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientPayloadError

from gateway.errors import Deferred
from gateway.hub import streaming
from gateway.hub.journal import REVIEW_FACTS, FactKind
from gateway.hub.review import Subject
from gateway.observe import Telemetry, configure
from gateway.wiring.review_watch import ReviewWatch
from tests.flow.calling import calling
from tests.flow.test_people import TERMINAL, UNTIL, sitting
from tests.flow.toys import TENANT, person

REVIEW, USERS, FINDINGS = (f"/v1/{TENANT}/{each}" for each in ("review", "users", "findings"))
OFFICER, APPROVER, ADMINISTRATOR = "staff-0001", "staff-0002", "staff-0100"
AT = "2026-11-02T03:00:00.000000Z"
TABLE: dict[str, Any] = {"table": "f" * 64, "rows": [{"person": OFFICER, "role": "officer", "until": UNTIL}]}


@pytest.fixture(scope="module", autouse=True)
def certificates(site):
    tls = site.config.root / "keys/tls"
    for name in ("root", OFFICER, APPROVER, ADMINISTRATOR):
        if not (tls / f"{name}.key").exists():
            site.authority.client(name, datetime.now(UTC)).write(tls, name)


@pytest.fixture
async def desk(site, tmp_path):
    async with sitting(site, tmp_path) as made:
        await made.grant(OFFICER, "officer")
        await made.grant(APPROVER, "approver")
        yield made


def size(desk):
    return desk.line.journal.following.size


async def flagged(desk):
    status, answer = await desk.ask(OFFICER, "POST", FINDINGS, {"facts": [1]})
    assert status == 200
    return answer["finding"]


async def test_the_log_is_reviewed_signed_and_its_findings_closed(desk):
    for _ in range(10):
        assert await desk.ask("root", "GET", REVIEW) == (403, "role_missing")
    status, shown = await desk.ask(OFFICER, "GET", REVIEW)
    assert (status, shown["since"]) == (200, 1)
    assert ("refusals", "root") in [(each["code"], each["person"]) for each in shown["unusual"]]
    assert {"who": "root", "code": "role_missing", "count": 10} in shown["refused"]
    assert await desk.ask(APPROVER, "POST", REVIEW, {"to": shown["to"]}) == (409, "not_looked_at")
    status, signed = await desk.ask(OFFICER, "POST", REVIEW, {"to": shown["to"]})
    assert (status, signed) == (200, {"to": shown["to"], "findings": len(shown["unusual"])})
    _, found = await desk.ask(APPROVER, "GET", FINDINGS)
    ((finding, standing),) = [(each["finding"], each["standing"]) for each in found if each["code"] == "refusals"]
    assert standing == "open"
    taken = await desk.ask(APPROVER, "POST", f"{FINDINGS}/{finding}/take", {"case": "R8-0012"})
    assert taken == (200, {"finding": finding, "by": APPROVER})
    closing = {"outcome": "mistake"}
    assert (await desk.ask(APPROVER, "POST", f"{FINDINGS}/{finding}/close", closing))[0] == 200
    assert finding not in [each["finding"] for each in (await desk.ask(OFFICER, "GET", FINDINGS))[1]]
    every = {each["finding"]: each for each in (await desk.ask(ADMINISTRATOR, "GET", f"{FINDINGS}?all"))[1]}
    assert (every[finding]["outcome"], every[finding]["by"]) == ("mistake", APPROVER)
    kinds = [kind for _, kind, _ in desk.line.journal.told(REVIEW_FACTS)]
    assert kinds == [
        FactKind.REVIEW_SIGNED, *[FactKind.FINDING_OPENED] * signed["findings"], FactKind.FINDING_TAKEN,
        FactKind.FINDING_CLOSED,
    ]  # fmt: skip
    status, told = await desk.ask(ADMINISTRATOR, "GET", f"/v1/{TENANT}/people/history")
    acts = {(each["kind"], each["operator"]) for each in told if "operator" in each}
    assert {("review.signed", OFFICER), ("finding.taken", APPROVER), ("finding.closed", APPROVER)} <= acts


@pytest.mark.parametrize(
    ("method", "path", "body", "act", "may"),
    [
        ("GET", REVIEW, None, "review", {OFFICER, APPROVER, ADMINISTRATOR}),
        ("GET", FINDINGS, None, "findings", {OFFICER, APPROVER, ADMINISTRATOR}),
        ("POST", USERS, TABLE, "users", {OFFICER, APPROVER, ADMINISTRATOR}),
        ("POST", f"{USERS}/sign", TABLE, "sign_users", {OFFICER, APPROVER, ADMINISTRATOR}),
        ("POST", REVIEW, {"to": 2}, "sign", {OFFICER, APPROVER}),
        ("POST", FINDINGS, {"facts": [1]}, "flag", {OFFICER, APPROVER}),
        ("POST", f"{FINDINGS}/1/take", {"case": "R8-1"}, "take", {OFFICER, APPROVER}),
        ("POST", f"{FINDINGS}/1/close", {"outcome": "proper"}, "close", {OFFICER, APPROVER}),
    ],
)
async def test_each_act_is_for_some_and_refused_to_others_by_a_fact(desk, method, path, body, act, may):
    """Neither who runs the machine nor who grants looks the log over and says that it is well."""
    for name in (OFFICER, APPROVER, ADMINISTRATOR, "root"):
        before = len(await desk.acts())
        _, answer = await desk.ask(name, method, path, body)
        assert (answer != "role_missing") == (name in may), name
        if name not in may:
            assert (await desk.acts())[before:] == [(name, act, "role_missing")]


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        (REVIEW, {"to": 0}, (400, "bad_review")),
        (REVIEW, {"to": "2"}, (400, "bad_review")),
        (REVIEW, {"to": 2, "note": "架空"}, (400, "bad_review")),
        (USERS, {"table": "f" * 64, "rows": [{"person": "架空 太郎", "role": "officer"}]}, (400, "bad_table")),
        (USERS, {"table": "f" * 64, "rows": TABLE["rows"] * 2}, (400, "bad_table")),
        (f"{USERS}/sign", {"table": "all well"}, (400, "bad_table")),
        (FINDINGS, {"facts": []}, (400, "bad_finding")),
        (FINDINGS, {"facts": [9999]}, (404, "unknown_fact")),
        (f"{FINDINGS}/1/close", {"outcome": "all well"}, (400, "bad_finding")),
        (f"{FINDINGS}/1/take", {"case": "0000-1111-2222"}, (400, "bad_finding")),
        (f"{FINDINGS}/1/take", {"case": "R8-1"}, (404, "unknown_finding")),
        (f"{FINDINGS}/x/take", {"case": "R8-1"}, (404, "unknown_finding")),
    ],
)
async def test_what_cannot_be_read_is_refused_and_stands_nowhere(desk, path, body, answer):
    before = len(await desk.acts())
    assert await desk.ask(OFFICER, "POST", path, body) == answer
    assert [code for _, _, code in (await desk.acts())[before:]] == [answer[1]]
    (*_, (_, _, fact)) = desk.line.journal.told((FactKind.OPERATOR_ACTED,))
    assert not {"架", "0000-1111", "all well"} & {part for part in ("架", "0000-1111", "all well") if part in str(fact)}
    assert desk.line.journal.told(REVIEW_FACTS) == []


async def test_why_something_was_refused_about_what_is_not_to_be_disclosed_is_for_those_who_decide(desk):
    """番号法第23条第2項: the history says as much. What is signed becomes findings, which administrators read."""
    message_id = (await desk.line.outbox.send("person.put", [person(1)], key=b"k")).message_id
    replay = f"/v1/{TENANT}/messages/{message_id}/replay"
    await desk.line.journal.fact(FactKind.MESSAGE_UNDISCLOSED, {"operator": OFFICER}, at=AT, message_id=message_id)
    for _ in range(10):
        assert await desk.ask("root", "POST", replay) == (409, "not_replayable")
    for reader, code in ((ADMINISTRATOR, None), (OFFICER, "not_replayable")):
        _, shown = await desk.ask(reader, "GET", REVIEW)
        told = [(each["act"], each["code"], each["count"]) for each in shown["acts"] if each["person"] == "root"]
        assert told == [("replay", code, 10)]
        counted = [{"who": "root", "code": code, "count": 10}] if code else []
        assert [each for each in shown["refused"] if each["who"] == "root"] == counted
        assert ("refusals", "root") not in [(each["code"], each["person"]) for each in shown["unusual"]]


@pytest.mark.parametrize("act", [("take", {"case": "R8-1"}), ("close", {"outcome": "proper"})])
async def test_own_acts_are_looked_into_by_somebody_else(desk, act):
    """C144. Fact 1 is the administrator's grant; the finding that names one's own act is another's."""
    await desk.ask(OFFICER, "GET", FINDINGS)
    _, answer = await desk.ask(OFFICER, "POST", FINDINGS, {"facts": [size(desk)]})
    path = f"{FINDINGS}/{answer['finding']}/{act[0]}"
    if act[0] == "close":
        await desk.ask(APPROVER, "POST", path.replace("close", "take"), {"case": "R8-1"})
    assert await desk.ask(OFFICER, "POST", path, act[1]) == (403, "own_finding")
    assert (await desk.ask(APPROVER, "POST", path, act[1]))[0] == 200


async def test_users_are_held_against_the_table_and_that_is_signed(desk):
    status, rows = await desk.ask(ADMINISTRATOR, "POST", USERS, TABLE)
    found = {(each["person"], each["role"]): each["found"] for each in rows}
    assert (status, found) == (
        200,
        {
            (OFFICER, "officer"): "agrees",
            (APPROVER, "approver"): "missing_there",
            (ADMINISTRATOR, "administrator"): "missing_there",
            ("root", "operator"): "missing_there",
        },
    )
    status, signed = await desk.ask(ADMINISTRATOR, "POST", f"{USERS}/sign", TABLE)
    assert (status, signed["agrees"], signed["missing_there"], signed["findings"]) == (200, 1, 3, 3)
    ((_, _, fact), *_) = desk.line.journal.told(REVIEW_FACTS)
    assert (fact["subject"], fact["table"], fact["operator"]) == ("users", "f" * 64, ADMINISTRATOR)


async def test_whose_acts_are_looked_into_has_that_in_his_history(desk):
    """Fact 1 is the administrator's grant."""
    finding = await flagged(desk)
    _, told = await desk.ask(ADMINISTRATOR, "GET", f"/v1/{TENANT}/people/history?person={ADMINISTRATOR}")
    assert (finding, "flagged") in [(each["seq"], each.get("code")) for each in told]


@pytest.mark.parametrize("headers", [{}, {"Renkei-Terminal": "0000-1111-2222"}])
async def test_without_a_terminal_nothing_is_signed(desk, headers):
    assert await desk.ask(OFFICER, "POST", REVIEW, {"to": 1}, headers) == (400, "bad_actor")
    assert desk.line.journal.told(REVIEW_FACTS) == []


# ---- what takes long -------------------------------------------------------------------------------------------------


async def test_who_waits_for_a_long_review_hears_that_it_is_worked_on(desk, monkeypatch):
    monkeypatch.setattr(streaming, "_SILENCE", 0.01)
    reviews, quick, heard = desk.line.hub.reviews, desk.line.hub.reviews.period, asyncio.Event()

    async def slowly():
        await heard.wait()
        return await quick()

    monkeypatch.setattr(type(reviews), "period", lambda *_, **__: slowly())
    async with calling(desk.site, f"https://localhost:{desk.port}", OFFICER) as session, session.get(REVIEW) as told:
        assert await told.content.readexactly(2) == b"\n\n"
        heard.set()
        assert json.loads(await told.read())["since"] == 1


async def test_a_long_review_that_fails_breaks_off_and_is_taken_for_no_whole(desk, monkeypatch):
    monkeypatch.setattr(streaming, "_SILENCE", 0.01)
    begun = asyncio.Event()

    async def failing():
        await begun.wait()
        raise Deferred("log_unavailable")

    monkeypatch.setattr(type(desk.line.hub.reviews), "period", lambda *_, **__: failing())
    monkeypatch.setattr(logging.getLogger("aiohttp.server"), "disabled", True)
    async with calling(desk.site, f"https://localhost:{desk.port}", OFFICER) as session:
        told = await session.get(REVIEW)
        begun.set()
        with pytest.raises(ClientPayloadError):
            await told.read()


# ---- overdue ---------------------------------------------------------------------------------------------------------


async def test_metrics_say_when_the_next_review_is_due_and_how_many_findings_wait(desk):
    await flagged(desk)
    async with calling(desk.site, f"https://localhost:{desk.port}", "root") as session, session.get("/metrics") as told:
        lines = (await told.text()).splitlines()
    due = desk.line.hub.reviews.due(Subject.LOG).timestamp()
    assert f'renkei_findings_open{{tenant="{TENANT}"}} 1.0' in lines
    (said,) = [line for line in lines if line.startswith("renkei_review_due") and 'subject="log"' in line]
    assert float(said.rpartition(" ")[2]) == pytest.approx(due)


async def test_what_is_overdue_is_told_once_a_day_until_it_is_signed(desk):
    finding, printed, now = await flagged(desk), io.StringIO(), [desk.line.clock()]
    watch = ReviewWatch(lambda: {TENANT: desk.line.hub}, Telemetry(configure(printed)), lambda: now[0])

    def told(days):
        now[0] += timedelta(days)
        printed.seek(0)
        printed.truncate()
        watch.tell()
        watch.tell()
        return [problem for line in printed.getvalue().splitlines() for problem in json.loads(line)["problems"]]

    assert told(29) == []
    log, findings = told(2)
    assert "the review of the log was due on" in log
    assert "1 findings wait" in findings
    assert len(told(70)) == 3
    _, shown = await desk.ask(OFFICER, "GET", REVIEW)
    await desk.ask(OFFICER, "POST", REVIEW, {"to": shown["to"]})
    for act, said in (("take", {"case": "R8-1"}), ("close", {"outcome": "proper"})):
        assert (await desk.ask(APPROVER, "POST", f"{FINDINGS}/{finding}/{act}", said))[0] == 200
    now[0] = desk.line.clock()
    assert watch.sentences() == []


async def test_while_the_log_cannot_be_read_nobody_is_reminded(desk, tmp_path):
    (tmp_path / f"{TENANT}.db").unlink()
    assert await desk.grant("staff-0003", "officer", OFFICER) == (503, "log_unavailable")
    later = desk.line.clock() + timedelta(days=400)
    assert ReviewWatch(lambda: {TENANT: desk.line.hub}, desk.line.telemetry, lambda: later).sentences() == []


# ---- reports ---------------------------------------------------------------------------------------------------------


async def report(desk, name, asked, by=OFFICER):
    """The rows by column, each with its facts."""
    path = f"/v1/{TENANT}/reports/{name}"
    async with (
        calling(desk.site, f"https://localhost:{desk.port}", by) as session,
        session.post(path, data=json.dumps(asked).encode(), headers=TERMINAL) as response,
    ):
        head, *rows, last = [json.loads(line) for line in (await response.text()).splitlines() if line]
    names = [name for name, _ in head["columns"]]
    assert last == {"rows": len(rows)}
    return [dict(zip(names, row["cells"], strict=True)) | {"facts": row["facts"]} for row in rows]


async def test_what_is_unusual_is_a_report_of_any_days(desk):
    """What somebody does, and a day after again at another desk; where nothing was before, nothing is new."""
    last, begun = 0, desk.line.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    before, day, now, later = (begun + timedelta(days=days) for days in (100, 101, 102, 130))
    for at, terminal in ((before, "desk-7"), (day, "desk-8")):
        fact = {"operator": "staff-0009", "act": "trace", "client_certificate": "a" * 64, "terminal": terminal}
        last = await desk.line.journal.fact(FactKind.OPERATOR_ACTED, fact, at=f"{at:%Y-%m-%d}T03:00:00.000000Z")
    desk.line.clock.ahead += now - desk.line.clock()
    await desk.grant(OFFICER, "officer", until=f"{later:%Y-%m-%d}")
    days = {"since": f"{day:%Y-%m-%d}", "until": f"{day:%Y-%m-%d}"}
    found = await report(desk, "unusual", days)
    assert [(each["code"], each["person"], each["facts"]) for each in found] == [
        ("new_terminal", "staff-0009", str(last))
    ]
    ever = await report(desk, "unusual", {"until": days["until"]})
    assert [each for each in ever if each["code"].startswith("new_")] == []


async def test_the_list_of_users_is_a_report_with_the_facts_behind_each_right(desk):
    await desk.ask(OFFICER, "GET", FINDINGS)
    found = {each["person"]: each for each in await report(desk, "users", {})}
    assert {name: (each["role"], each["standing"]) for name, each in found.items()} == {
        OFFICER: ("担当者(officer)", "有効(valid)"),
        APPROVER: ("承認者(approver)", "有効(valid)"),
        ADMINISTRATOR: ("ユーザID管理者(administrator)", "設定による(configured)"),
        "root": ("運用者(operator)", "設定による(configured)"),
    }
    assert (found[OFFICER]["facts"], found[APPROVER]["facts"], found["root"]["facts"]) == ("1,3", "2", "")
    assert found[OFFICER]["certificate"] == desk.digest(OFFICER)
    assert (bool(found[OFFICER]["last_act"]), found[APPROVER]["last_act"]) == (True, "")


async def test_a_right_that_ended_since_anybody_did_anything_is_listed_as_ended(desk):
    """By the day of the report, or the last of its days, and not by that of the log's last fact."""
    last = date.fromisoformat(UNTIL)
    desk.line.clock.ahead += datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(2) - desk.line.clock()

    async def standing(asked):
        return {each["person"]: each["standing"] for each in await report(desk, "users", asked, ADMINISTRATOR)}

    assert (await standing({"until": "2099-01-01"}))[OFFICER] == "終了(ended)"
    assert (await standing({}))[OFFICER] == "終了(ended)"
    assert (await standing({"until": UNTIL}))[OFFICER].endswith("(ends_soon)")
    desk.line.clock.ahead += timedelta(30)
    assert OFFICER not in await standing({})
