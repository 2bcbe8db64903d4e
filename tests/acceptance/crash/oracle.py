"""What must hold after any crash, asked of everybody who can tell: peers, record system, PMH, log, status files."""

import json
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.hub.journal.outcomes import ungroup
from tests.acceptance.crash.city import City
from tests.acceptance.crash.load import Load, Sent, repeated
from tests.acceptance.programs import until
from tests.acceptance.subjects import MUNICIPALITY

_AT_THE_EDGE = frozenset({"not_in_code_list"})


def all_holds(city: City, load: Load, dead: list[Sent]) -> None:
    """Ends load and city. `dead` are messages that were dead letters before anything was killed."""
    load.end()
    city.start()
    statuses = _statuses(city, load)
    city.at_rest()
    _dead_letters(city, dead)
    _told_again(city, load)
    _held(city, load, dead)
    issued = city.pmh()["keys"]
    city.stop()
    facts = city.site.facts()
    _facts(facts, load, dead, statuses)
    _delivered(city, load, dead, statuses)
    _keys(city, load, facts, issued)
    assert (told := city.site.cli("log", "verify")).status == 0, told.out
    for program in city.programs.values():
        assert "Traceback" not in program.output.read_text(), program.output


# ---- the sender's side -----------------------------------------------------------------------------------------------


def _statuses(city: City, load: Load) -> dict[str, dict[tuple[str, int], str]]:
    """Each row of each file ended as it must. By file: (message id, row) → ending, of the rows that were sent on."""
    filer = load.filer
    found = {}
    for name, expected in filer.dropped.items():
        lines = city.site.status(name, patience=90.0)
        filer.look()
        assert [(each.row, (each.ending, each.code)) for each in lines] == expected, name
        found[name] = {(each.message_id, each.row): each.ending for each in lines if each.message_id}
    until(lambda: not list((city.site.exchange / "work").iterdir()))
    left = sorted(path.name for path in (city.site.exchange / "status").iterdir())
    assert left == sorted(name.replace(".csv", end) for name in filer.dropped for end in (".slip.csv", ".status.csv"))
    return found


def _told_again(city: City, load: Load) -> None:
    """The same key, the same id, now as a repeat; every record ended as it must; an answer stays the answer."""
    for each in load.sent:
        again = repeated(city.site, "subject.register", each.body, each.key, lambda it: it.status == 202)
        assert (again.message_id, again.json["repeated"]) == (each.message_id, True), each.key
        outcomes = city.site.peer().get(f"/v1/messages/{each.message_id}").json["outcomes"]
        ended = {one["index"]: (one["outcome"], one.get("code") or "") for one in outcomes}
        assert ended == dict(enumerate(each.endings)), each.key
    for key, (body, replies) in load.asker.told.items():
        assert load.asker.ask(key, body) == replies, key


def _dead_letters(city: City, dead: list[Sent]) -> None:
    """They are the dead letters of before, no more and no less; replayed, they arrive under their old ids."""
    told = json.loads(city.site.cli("message", "dead", MUNICIPALITY, "--json").out)
    assert {each["message_id"] for each in told} == {each.message_id for each in dead}
    for each in dead:
        assert city.site.cli("message", "replay", MUNICIPALITY, each.message_id).status == 0
        until(lambda: city.site.outcomes(each.message_id)[0]["outcome"] == "accepted")  # noqa: B023 - called here
    city.at_rest()


# ---- the receiver's side ---------------------------------------------------------------------------------------------


def _held(city: City, load: Load, dead: list[Sent]) -> None:
    """Every accepted state is held, and nothing else. The city's own, whoever else sends, are those of its file."""
    of_city = load.filer.expectation if load.filer.dropped else None
    peers = [*load.posters, load.filer]
    persons = sum(peer.people.persons for peer in peers) + len(dead)
    versions = sum(peer.people.states for peer in peers) + len(dead)
    assert city.site.held() == {
        "persons": persons + (of_city.persons if of_city else 0),
        "versions": versions + (of_city.versions if of_city else 0),
        "deleted": of_city.deleted if of_city else 0,
    }
    if of_city:
        for index, reply in enumerate(load.asker.ask("in-the-end", of_city.questions())):
            assert reply.get("code") == "dispute" or of_city.right(index, reply), index


def _delivered(city: City, load: Load, dead: list[Sent], statuses: dict[str, dict[tuple[str, int], str]]) -> None:
    """The record system judged each record once, under the id that its sender was told, and no other."""
    expected = Counter(
        (each.message_id, ending)
        for each in (*load.sent, *dead)
        for ending, code in each.endings
        if code not in _AT_THE_EDGE
    )
    judged: Counter[tuple[str, str]] = Counter()
    for message_id, verdict in _rows(
        city.site.root / f"record_system/data/{MUNICIPALITY}.sqlite3", "SELECT message_id, verdict FROM outcome"
    ):
        judged[message_id, verdict if verdict in {"accepted", "duplicate"} else "refused"] += 1
    of_files = Counter((message_id, ending) for rows in statuses.values() for (message_id, _), ending in rows.items())
    posted = {each.message_id for each in (*load.sent, *dead)}
    assert Counter({key: n for key, n in judged.items() if key[0] in posted}) == expected
    assert {message_id for message_id, _ in judged} <= posted | {message_id for message_id, _ in of_files}
    assert all(judged[key] == n for key, n in of_files.items() if key[1] != "refused")


def _keys(city: City, load: Load, facts: list[dict[str, Any]], issued: int) -> None:
    """Each number has one key or one dispute; each dispute is one that the log tells of."""
    database = city.site.root / f"record_system/data/{MUNICIPALITY}.sqlite3"
    ((held, disputes, wanted),) = _rows(
        database,
        "SELECT (SELECT count(*) FROM pmh_key), (SELECT count(*) FROM dispute), (SELECT count(*) FROM wanted)",
    )
    asked = {each["header"]["message_id"] for each in facts if _operation(each) == "pmh_key.issue"}
    told = sum(
        outcome.code == "dispute"
        for each in facts
        if each["kind"] == "delivery.concluded" and each["message_id"] in asked
        for outcome in ungroup(each["outcomes"])
    )
    assert (held + disputes, disputes, wanted) == (issued, told, 0)
    people = sum(peer.people.persons for peer in (*load.posters, load.filer))
    assert people + load.filer.expectation.numbers - load.filer.expectation.deleted_numbers <= issued


def _rows(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


# ---- the log ---------------------------------------------------------------------------------------------------------


def _facts(
    facts: list[dict[str, Any]], load: Load, dead: list[Sent], statuses: dict[str, dict[tuple[str, int], str]]
) -> None:
    """Nothing was recorded that nobody sent; attempts are counted on, never anew; each message ended once."""
    recorded = Counter(_id(each) for each in facts if each["kind"] == "message.recorded")
    assert set(recorded.values()) == {1}
    sent = {each.message_id for each in (*load.sent, *dead)}
    of_files = {message_id for rows in statuses.values() for message_id, _ in rows}
    events = {_id(each) for each in facts if _operation(each) in {"subject.register", "subject.delete"}}
    assert events == sent | of_files
    questions = [each for each in facts if _operation(each) == "subject.lookup"]
    assert len([each for each in questions if each["header"]["kind"] == "request"]) == len(load.asker.told) + bool(
        load.filer.dropped
    )
    attempts, replayed = defaultdict(list), {each.message_id for each in dead}
    for each in facts:
        if each["kind"] == "delivery.attempted" and each["message_id"] not in replayed:
            attempts[each["message_id"]].append(each["attempt"])
    assert all(numbers == sorted(set(numbers)) for numbers in attempts.values())


def _named(fact: dict[str, Any]) -> dict[str, Any]:
    return dict(fact.get("header") or fact.get("statement") or {}) if fact["kind"] == "message.recorded" else {}


def _operation(fact: dict[str, Any]) -> str:
    return str(_named(fact).get("operation", ""))


def _id(fact: dict[str, Any]) -> str:
    return str(_named(fact)["message_id"])
