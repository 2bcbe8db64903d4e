"""Reports at the operators' listener: who may have them made, what the log says of it, and what they hold."""

import json
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.hub.journal import FactKind
from gateway.hub.reports import REPORTS, Asked
from gateway.hub.reports.making import Period
from gateway.hub.retention import retain
from gateway.messages import stamp
from gateway.tlog.note import Checkpoint, Signer, sign
from tests.flow.calling import calling
from tests.flow.test_people import TERMINAL, certificates, sitting  # noqa: F401  (made before anybody sits down)
from tests.flow.test_search import WHY, tags
from tests.flow.toys import OFFICE, REGISTER, TENANT, person
from tests.journal.builders import SIGNER, id_of, message
from tests.journal.test_retention import DONE


@pytest.fixture
async def desk(site, tmp_path):
    async with sitting(site, tmp_path) as made:
        yield made
        made.line.hub.search.close()


async def report(desk, name, report, **asked):
    """Head, rows by column, and the number in the last line."""
    async with (
        calling(desk.site, f"https://localhost:{desk.port}", name) as session,
        session.post(f"/v1/{TENANT}/reports/{report}", data=json.dumps(asked).encode(), headers=TERMINAL) as response,
    ):
        assert response.status == 200, await response.text()
        head, *rows, last = [json.loads(line) for line in (await response.read()).splitlines() if line]
    columns = [name for name, _ in head["columns"]]
    return head, [dict(zip(columns, each["cells"], strict=True)) for each in rows], last["rows"]


def asked_for(desk):
    return [each for _, _, each in desk.line.journal.told((FactKind.OPERATOR_ACTED,)) if each["act"] == "report"]


async def test_a_report_of_a_log_that_follows_a_lost_one_says_what_it_cannot_tell(desk):
    size, root = desk.line.journal.size_and_root()
    lost = Signer("renkei.example/lost", SIGNER.private_key)
    note = sign(Checkpoint(lost.name, size + 5, bytes(32)).text(), lost)
    fact = {"former": lost.verifier().vkey, "checkpoint": note, "facts": size, "root": root.hex()}
    await desk.line.journal.fact(FactKind.LOG_SUCCEEDED, fact, at=stamp(datetime.now(UTC)))
    head, _, _ = await report(desk, "root", "provisions")
    english, japanese = head["notes"][-1]
    assert f"facts {size + 1} to {size + 5} of that log are lost" in english
    assert f"記録{size + 1}から{size + 5}まで" in japanese


@pytest.mark.parametrize("name", sorted(set(REPORTS) - {"disclosure", "unusual", "users"}))
async def test_a_report_of_a_period_is_made_over_a_signed_log_and_is_a_fact(desk, name):
    await desk.line.outbox.send("person.put", [person(1)], key=b"k")
    size = desk.line.journal.size_and_root()
    head, rows, count = await report(desk, "root", name, since="2026-04-01", until="2099-01-01")
    assert (head["report"], head["tenant"], head["made_by"]) == (name, TENANT, "root")
    assert (head["size"], head["root"]) == (size[0], size[1].hex())
    assert (head["name"], head["asked_in"], head["purged_before"]) == ("架空市", size[0] + 1, "")
    assert count == len(rows)
    (told,) = asked_for(desk)
    assert told["asked"] == {"report": name, "since": "2026-04-01", "until": "2099-01-01"}


async def test_days_are_those_of_japan_and_both_count(desk):
    await desk.line.outbox.send("person.put", [person(1)], key=b"k")
    (at,) = {each["at"][:10] for each in (await report(desk, "root", "slips"))[1]}
    assert len((await report(desk, "root", "slips", since=at, until=at))[1]) == 1
    assert (await report(desk, "root", "slips", until="2026-01-01"))[1] == []


async def test_an_erased_trail_says_how_many_tags_went_and_one_of_none_is_no_deletion(desk, site):
    await desk.line.outbox.send("person.put", [person(4711)], key=b"k")
    journal, made = desk.line.journal, tags(site, OFFICE, internal_no="0000004711")["tags"]
    said = {"operator": "made-up", "connector": OFFICE, "months": [*made], **WHY}
    sought = [bytes.fromhex(tag) for month in made.values() for tag in month]
    for _ in range(2):
        await journal.retention.erase(sought, said, at=stamp(desk.line.clock()))
    erasures = [each["tags"] for _, _, each in journal.told([FactKind.TRAIL_ERASED])]
    assert erasures == [1, 0]
    (row,) = (await report(desk, "root", "deletions"))[1]
    assert "tags=1" in row["what"].split()


@pytest.mark.parametrize("name", sorted(set(REPORTS) - {"disclosure"}))
@pytest.mark.parametrize(
    "day", [{"since": "0001-01-01"}, {"since": "1999-12-31"}, {"until": "9998-12-31"}, {"until": "9999-12-31"}], ids=str
)
async def test_days_at_the_edge_of_the_calendar_are_no_fault_of_the_gateway(desk, name, day):
    await desk.grant("staff-0001", "officer")
    if day == {"until": "9998-12-31"}:
        await report(desk, "staff-0001", name, since="2000-01-01", **day)
    else:
        assert await desk.ask("staff-0001", "POST", f"/v1/{TENANT}/reports/{name}", day) == (400, "bad_report")


async def test_a_person_s_report_has_the_days_that_were_asked_for(desk, site):
    await desk.grant("staff-0001", "officer")
    await desk.line.outbox.send("person.put", [person(4711)], key=b"k")
    about = {"by": [tags(site, OFFICE, internal_no="0000004711")]} | WHY
    assert len((await report(desk, "staff-0001", "disclosure", person=about, since="2026-04-01"))[1]) == 1
    assert (await report(desk, "staff-0001", "disclosure", person=about, until="2026-01-01"))[1] == []
    assert asked_for(desk)[-1]["found"] == 0


@pytest.mark.parametrize(
    ("days", "period"),
    [
        ({}, ("2026-03", "2026-05")),
        ({"since": "2026-04-01"}, ("2026-04-01", "2026-05")),
        ({"since": "2025-01-01", "until": "2026-04-30"}, ("2026-03", "2026-04-30")),
        ({"until": "2026-09-30"}, ("2026-03", "2026-05")),
    ],
    ids=str,
)
async def test_a_person_s_report_claims_no_period_of_which_no_tags_were_given(desk, days, period):
    await desk.grant("staff-0001", "officer")
    about = {"by": [{"connector": OFFICE, "tags": {month: ["1" * 32] for month in ("2026-03", "2026-05")}}]} | WHY
    head = (await report(desk, "staff-0001", "disclosure", person=about, **days))[0]
    assert (head["since"], head["until"]) == period
    assert asked_for(desk)[-1]["asked"] == {"report": "disclosure"} | days


async def test_what_straddles_the_limit_of_purging_accuses_nobody(desk):
    line, now = desk.line, desk.line.clock()
    limit, sent = now - timedelta(days=3 * 365), message((0,))  # to a day
    await line.journal.record(sent, at=stamp(limit - timedelta(days=2)), now=0.0)
    await line.journal.conclude(
        id_of(sent), DONE, attempt=1, next_at=None, at=stamp(limit + timedelta(days=2)), now=0.0
    )
    await line.journal.settled(id_of(sent))
    await retain(line.hub.rules.tenant, line.journal, now)
    assert "message.recorded" not in [each["kind"] for each in line.journal.trace(id_of(sent))]
    assert (await report(desk, "root", "unpermitted"))[1] == []


def test_a_period_ends_at_midnight_in_japan():
    april = Period.of(Asked(since=date(2026, 4, 1), until=date(2026, 4, 30)))
    assert (april.since, april.until) == ("2026-03-31T15:00:00.000000Z", "2026-04-30T15:00:00.000000Z")
    moments = ("2026-03-31T14:59:59.999999Z", april.since, "2026-04-30T14:59:59.999999Z", april.until)
    facts: list[Any] = [SimpleNamespace(fact={"at": at}) for at in moments]
    assert [april.has(each) for each in facts] == [False, True, True, False]


async def test_a_person_s_report_is_for_who_decides_and_names_nobody(desk, site):
    await desk.grant("staff-0001", "officer")
    await desk.line.outbox.send("person.put", [person(4711), person(4712, sex="1")], key=b"k")
    await desk.line.outbox.send("person.put", [person(4713)], key=b"l")
    by = [tags(site, connector, internal_no="0000004712") for connector in (OFFICE, REGISTER)]
    about = {"by": by} | WHY
    head, rows, count = await report(desk, "staff-0001", "disclosure", person=about)
    assert count == len(rows) == 1
    assert (rows[0]["from"], rows[0]["to"], rows[0]["ended"]) == (OFFICE, REGISTER, "処理中")
    assert "架空法第1条" in rows[0]["basis"]
    assert "内部番号" in rows[0]["items"]
    assert "guardian" not in rows[0]["items"]
    told = asked_for(desk)[-1]
    assert (told["reason"], told["case"], told["found"]) == (*WHY.values(), 1)
    secret = [tag for each in by for month in each["tags"].values() for tag in month]
    shown = json.dumps([head, rows, told], ensure_ascii=False)
    assert not [each for each in (*secret, "0000004712", "太郎") if each in shown]
    other = {"by": [tags(site, OFFICE, internal_no="0000000001")]} | WHY
    assert (await report(desk, "staff-0001", "disclosure", person=other))[1] == []


async def test_whoever_may_not_or_asks_wrongly_gets_none(desk, site):
    about = {"by": [tags(site, OFFICE, internal_no="0000000001")]} | WHY
    path = f"/v1/{TENANT}/reports"
    assert await desk.ask("root", "POST", f"{path}/disclosure", {"person": about}) == (403, "role_missing")
    await desk.grant("staff-0001", "officer")
    for name, wrong in (
        ("disclosure", {}),
        ("slips", {"person": about}),
        ("架空", {}),
        ("slips", {"nothing": "known"}),
        ("slips", {"since": "2026-02-30"}),
        ("slips", {"since": "2026-04-02", "until": "2026-04-01"}),
        ("slips", {"since": "2099-01-01"}),
        ("disclosure", {"person": about | {"by": []}}),
        ("disclosure", {"person": about | {"by": [*about["by"], *about["by"]]}}),
        ("disclosure", {"person": about | {"case": "000000000018"}}),
    ):
        assert await desk.ask("staff-0001", "POST", f"{path}/{name}", wrong) == (400, "bad_report")
    refused = asked_for(desk)
    assert {each["code"] for each in refused} == {"role_missing", "bad_report"}
    assert not [each for each in refused if "asked" in each or "found" in each]
    assert "000000000018" not in json.dumps(refused)
