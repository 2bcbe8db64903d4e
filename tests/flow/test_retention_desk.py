"""Seeing to what is kept, at the operators' listener: who may, what becomes a fact, and what is refused."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from gateway.hub.admin_retention import RetentionRoutes
from gateway.hub.journal import FactKind
from gateway.hub.retention import delete_outdated, purge_old, retain
from gateway.messages import stamp
from tests.flow.calling import calling
from tests.flow.test_people import TERMINAL, certificates, sitting  # noqa: F401  (made before anybody sits down)
from tests.flow.test_retention import keeping
from tests.flow.test_search import SEARCH, WHY, tags
from tests.flow.toys import OFFICE, TENANT, person
from tests.journal.builders import id_of, message, open_journal
from tests.journal.test_retention import DONE

RUN, HOLDS, ERASE = f"/v1/{TENANT}/retention", f"/v1/{TENANT}/legal-holds", f"/v1/{TENANT}/erasures"
CASE = {"case": "R8-0012"}


def routes(callers, line):
    async def now(hub):
        return await retain(hub.rules.tenant, hub.journal, line.clock())

    return RetentionRoutes(callers, line.clock, now)


@pytest.fixture
async def desk(site, tmp_path):
    async with sitting(site, tmp_path, routes) as made:
        yield made
        made.line.hub.search.close()


def told(desk, kind):
    return [fact for _, _, fact in desk.line.journal.told((kind,))]


async def test_what_would_go_is_told_and_goes_only_when_it_is_said(desk):
    line = desk.line
    await line.journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at="2019-04-01T00:00:00.000000Z")
    status, found = await desk.ask("root", "POST", RUN, {"dry_run": True})
    assert (status, found["facts"], found["envelopes"], found["stay"]) == (200, 1, 0, {})
    assert found["before"] < (line.clock() - timedelta(days=3 * 365)).isoformat()
    assert told(desk, FactKind.NOISE_COUNTED)
    status, found = await desk.ask("root", "POST", RUN, {"dry_run": False})
    assert (status, found["facts"]) == (200, 1)
    assert told(desk, FactKind.NOISE_COUNTED) == []
    assert await desk.acts() == [("root", "retention", None)] * 2


async def test_after_a_restore_nothing_goes_by_itself_before_somebody_has_it_go(desk):
    """Legal holds that came after the backup are forgotten; a dry run decides nothing."""
    journal, old = desk.line.journal, "2019-04-01T00:00:00.000000Z"
    await journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=old)

    async def gone(log):
        return (await purge_old(log, desk.line.clock())).facts

    with closing(open_journal(journal.path.with_name("system.db"))) as system:
        await system.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=old)
        restored = {"logs": {TENANT: journal.following.size}, "roots": {TENANT: ""}}
        await system.fact(FactKind.LOGS_RESTORED, restored, at=stamp(desk.line.clock()))
        assert await gone(journal) == 0
        assert (await desk.ask("root", "POST", RUN, {"dry_run": True}))[1]["facts"] == 1
        assert (await desk.ask("staff-0001", "POST", RUN, {"dry_run": False}))[0] == 403
        assert await gone(journal) == 0
        assert await delete_outdated(keeping(desk.line, 0.0), journal, desk.line.clock()) == 0
        assert await gone(system) == 0
        assert (await desk.ask("root", "POST", RUN, {"dry_run": False}))[1]["facts"] == 1
        assert (await gone(system), journal.retention.waits()) == (1, False)


async def test_who_may_not_hears_who_he_is_and_who_may(desk):
    url = f"https://localhost:{desk.port}"
    async with calling(desk.site, url, "root") as session, session.post(HOLDS, json=CASE, headers=TERMINAL) as answer:
        told = await answer.json()
    assert (answer.status, told["code"]) == (403, "role_missing")
    assert told["detail"] == "you are root, as operator; it is for administrator; --as names another certificate"


async def test_an_administrator_holds_what_an_investigation_needs_and_lifts_it(desk):
    await desk.line.journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at="2019-04-01T00:00:00.000000Z")
    hold = CASE | {"since": "2019-01-01", "until": "2019-12-31"}
    assert await desk.ask("root", "POST", HOLDS, hold) == (403, "role_missing")
    assert await desk.ask("staff-0100", "POST", HOLDS, hold) == (200, hold)
    assert await desk.ask("staff-0100", "POST", HOLDS, CASE) == (409, "case_taken")
    (placed,) = told(desk, FactKind.LEGAL_HOLD_PLACED)
    assert (placed["operator"], placed["client_certificate"]) == ("staff-0100", desk.digest("staff-0100"))
    assert (placed["terminal"], placed["case"]) == (TERMINAL["Renkei-Terminal"], "R8-0012")
    found = (await desk.ask("root", "POST", RUN, {"dry_run": False}))[1]
    assert (found["facts"], found["stay"]) == (0, {"investigation": 1})
    (listed,) = (await desk.ask("root", "GET", HOLDS))[1]
    assert listed == {"case": "R8-0012", "since": "2018-12-31T15:00:00.000000Z", "until": "2019-12-31T15:00:00.000000Z"}
    assert await desk.ask("staff-0100", "POST", f"{HOLDS}/lift", CASE) == (200, CASE)
    assert await desk.ask("staff-0100", "POST", f"{HOLDS}/lift", CASE) == (404, "unknown_case")
    assert (await desk.ask("root", "POST", RUN, {"dry_run": False}))[1]["facts"] == 1


async def test_an_erased_trail_is_found_no_more_and_the_fact_does_not_say_whose_it_was(desk, site):
    await desk.line.outbox.send("person.put", [person(4711), person(4712)], key=b"k")
    asked = tags(site, OFFICE, internal_no="0000004711") | WHY
    assert await desk.ask("root", "POST", ERASE, asked) == (403, "role_missing")
    assert await desk.ask("staff-0100", "POST", ERASE, asked) == (200, {"tags": 1})
    assert (await desk.ask("root", "POST", SEARCH, {"person": asked}))[1]["facts"] == []
    other = tags(site, OFFICE, internal_no="0000004712") | WHY
    assert len((await desk.ask("root", "POST", SEARCH, {"person": other}))[1]["facts"]) == 1
    (fact,) = told(desk, FactKind.TRAIL_ERASED)
    assert (fact["operator"], fact["connector"], fact["months"], fact["tags"]) == (
        "staff-0100",
        OFFICE,
        [*asked["tags"]],
        1,
    )
    assert not [tag for some in asked["tags"].values() for tag in some if tag in json.dumps(fact)]
    history = (await desk.ask("staff-0100", "GET", f"/v1/{TENANT}/people/history"))[1]
    assert [each["kind"] for each in history if each["kind"] == "trail.erased"]


async def test_a_trail_that_was_erased_is_in_no_index_and_one_of_another_month_stays_in_both(desk, site):
    journal = desk.line.journal
    await desk.line.outbox.send("person.put", [person(4711), person(4712)], key=b"k")
    asked, other = (tags(site, OFFICE, internal_no=f"000000{number}") | WHY for number in (4711, 4712))
    assert len((await desk.ask("root", "POST", SEARCH, {"person": asked}))[1]["facts"]) == 1
    (some,) = asked["tags"].values()
    assert await desk.ask("staff-0100", "POST", ERASE, asked | {"tags": {"2020-01": some}}) == (200, {"tags": 0})
    assert len((await desk.ask("root", "POST", SEARCH, {"person": asked}))[1]["facts"]) == 1
    assert await desk.ask("staff-0100", "POST", ERASE, asked) == (200, {"tags": 1})
    assert len((await desk.ask("root", "POST", SEARCH, {"person": other}))[1]["facts"]) == 1
    with closing(sqlite3.connect(journal.path.with_name(f"{TENANT}-search.db"))) as index:
        left = {tag.hex() for (tag,) in index.execute("SELECT tag FROM tag")}
    assert left == {*next(iter(other["tags"].values()))}


async def test_who_decides_about_holds_marks_an_exchange_and_operators_see_it_no_more(desk):
    message_id = (await desk.line.outbox.send("person.put", [person(1)], key=b"k")).message_id
    trace, mark = f"/v1/{TENANT}/messages/{message_id}", f"/v1/{TENANT}/messages/{message_id}/undisclosed"
    assert "header" in (await desk.ask("root", "GET", trace))[1][0]
    assert await desk.ask("root", "POST", mark, CASE) == (403, "role_missing")
    await desk.grant("staff-0001", "officer")
    assert await desk.ask("staff-0001", "POST", mark, CASE) == (200, {"message_id": message_id})
    facts = (await desk.ask("root", "GET", trace))[1]
    assert all(each["undisclosed"] and "header" not in each for each in facts)
    assert await desk.ask("staff-0001", "POST", mark.replace(message_id, "x"), CASE) == (404, "unknown_message")


async def test_what_is_left_of_an_exchange_is_marked_when_its_recording_was_purged(desk):
    line, limit = desk.line, desk.line.clock() - timedelta(days=3 * 365)  # to a day
    sent = message((0,))
    message_id = id_of(sent)
    trace, mark = f"/v1/{TENANT}/messages/{message_id}", f"/v1/{TENANT}/messages/{message_id}/undisclosed"
    await line.journal.record(sent, at=stamp(limit - timedelta(days=2)), now=0.0)
    await line.journal.conclude(message_id, DONE, attempt=1, next_at=None, at=stamp(limit + timedelta(days=2)), now=0.0)
    await line.journal.settled(message_id)
    await retain(line.hub.rules.tenant, line.journal, line.clock())
    left = [each["kind"] for each in line.journal.trace(message_id)]
    assert "delivery.concluded" in left
    assert "message.recorded" not in left
    await desk.grant("staff-0001", "officer")
    assert await desk.ask("staff-0001", "POST", mark, CASE) == (200, {"message_id": message_id})
    assert all(each["undisclosed"] for each in (await desk.ask("root", "GET", trace))[1])


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (RUN, {}),
        (RUN, {"dry_run": "yes"}),
        (HOLDS, {}),
        (HOLDS, {"case": "000000000018"}),
        (HOLDS, CASE | {"messages": ["架空"]}),
        (HOLDS, CASE | {"messages": ["01960000-0000-7000-8000-000000000001"], "since": "2026-01-01"}),
        (HOLDS, CASE | {"why": "somebody asked"}),
        (f"{HOLDS}/lift", {"case": ""}),
        (ERASE, WHY),
        (ERASE, WHY | {"connector": OFFICE, "tags": {"2026-04": ["0" * 32]}}),
    ],
    ids=str,
)
async def test_what_is_out_of_form_is_refused_and_recorded_without_what_it_said(desk, path, wrong):
    assert await desk.ask("staff-0100", "POST", path, wrong) == (400, "bad_retention")
    (act,) = told(desk, FactKind.OPERATOR_ACTED)
    assert (act["code"], set(act) - {"act", "terminal", "operator", "client_certificate"}) == (
        "bad_retention",
        {"seq", "at", "kind", "code"},
    )
