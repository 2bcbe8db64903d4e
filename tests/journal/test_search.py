"""Searching a log finds what a walk over all its facts finds; its index can be lost, spoilt or left behind."""

import asyncio
import contextlib
import json
import os
import random
import sqlite3
import stat
import time
import tracemalloc
import zlib
from contextlib import closing
from datetime import date
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import japanese_midnight
from gateway.errors import Deferred
from gateway.hub.journal import FactKind
from gateway.hub.journal.finding import slice_after
from gateway.hub.people import Person, Role
from gateway.hub.search import Asked, Search, Stretch, bits, search
from gateway.hub.search.bits import CHUNK
from gateway.hub.search.index_file import IndexFile
from gateway.hub.search.index_schema import bound
from gateway.hub.search.terms import term
from gateway.messages import Attestation, Ending, RecordOutcome, Tags, stamp
from tests.journal.builders import NOW, digest, id_of, message, open_journal

OFFICER = Person("staff-0900", "c" * 64, frozenset({Role.OFFICER}))
OPERATOR = Person("root", "d" * 64, frozenset({Role.OPERATOR}))
DAYS = [date(2026, 3, 31), date(2026, 4, 1), date(2026, 4, 2), date(2026, 5, 1)]
TAGS = {month: [digest(f"{month} {n}")[:32] for n in range(3)] for month in ("2026-03", "2026-04")}
WORDS = {
    "kind": [*(kind.value for kind in FactKind), "nothing.known"],
    "connector": ["health_management", "vaccination_records", "pmh", "nobody"],
    "operation": ["subject.register", "subject.put", "key.issue"],
    "route": ["R01", "R02", "R03"],
    "actor": ["staff-0001", "STAFF-0001", "staff-0002", "staff-0003"],
    "terminal": ["desk-1", "desk-2"],
    "certificate": ["a" * 64, "b" * 64],
    "code": ["accepted", "refused", "wrong_type", "too_long", "dead", "role_missing"],
    "item": ["internal_no", "guardians[].name", "name"],
    "basis": ["L1", "L2"],
}
HIDDEN = Attestation("undisclosed", "e" * 64)


def at(number):
    """Spread over four days, by and large in order."""
    day = "03-31" if number < 100 else f"04-0{1 + number // 4000}"
    return f"2026-{day}T{number % 24:02}:00:00.000000Z"


async def one_message(journal, number, dice):
    month = dice.choice(["2026-03", "2026-04"])
    tags = Tags(os.urandom(32), tuple(bytes.fromhex(each) for each in dice.sample(TAGS[month], 2)))
    changes = {
        "route": dice.choice(WORDS["route"]),
        "source": dice.choice(WORDS["connector"][:2]),
        "destination": dice.choice(["vaccination_records", "pmh"]),
        "actor": dice.choice([None, "staff-0002", "Staff-0001"]),
        "terminal": dice.choice([None, *WORDS["terminal"]]),
        "client_certificate": dice.choice([None, *WORDS["certificate"]]),
        "item_sets": (("internal_no",), dice.choice([("name",), ("guardians[].name", "internal_no")])),
        "legal_basis": dice.choice([("L1",), ("L1", "L2")]),
        "attestations": dice.choice([(), (), (HIDDEN,)]),
        "created_at": f"{month}-15T00:00:00.000000Z",
    }
    refused = [(9, "too_long", "name")] if dice.random() < 0.3 else []
    made = message((0, 1), refused=refused, tags=tags, **changes)
    await journal.record(made, at=at(number), now=NOW)
    if dice.random() < 0.7:
        ended = [RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(1, Ending.REFUSED, "wrong_type", "name")]
        await journal.attempted(id_of(made), (0, 1), attempt=1, at=at(number))
        await journal.conclude(id_of(made), ended, attempt=1, next_at=None, at=at(number), now=NOW)
    return id_of(made)


async def fill(journal):
    """Some messages, and so much else that the index has two chunks."""
    dice, ids = random.Random(7), []
    for number in range(9000):
        if number % 100 == 7:
            ids.append(await one_message(journal, number, dice))
        if number % 500 == 0:
            code = {"code": "role_missing"} if dice.random() < 0.5 else {}
            acted = {"operator": dice.choice(WORDS["actor"][2:]), "act": "dead", "terminal": "desk-2", **code}
            await journal.fact(FactKind.OPERATOR_ACTED, acted, at=at(number), message_id=dice.choice([None, *ids[-1:]]))
    noise = {"listener": "clinics", "count": 1}
    await asyncio.gather(*(journal.fact(FactKind.NOISE_COUNTED, noise, at=at(n)) for n in range(8800)))
    ids.extend([await one_message(journal, number, dice) for number in range(40)])
    return ids


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Journal, search, and every fact with its message's first and its tags, as a walk over the tables finds them."""
    path = tmp_path_factory.mktemp("log") / "999997.db"
    journal = open_journal(path)
    ids = asyncio.run(fill(journal))
    made = Search(journal)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(search, "PATIENCE", 60.0)  # to the end of the log, however busy the machine is
        index = asyncio.run(made.reader())
    with closing(sqlite3.connect(path)) as tables:
        facts = [json.loads(body) for (body,) in tables.execute("SELECT body FROM fact ORDER BY seq")]
        tags: dict[int, set[str]] = {}
        for seq, tag in tables.execute("SELECT seq, tag FROM tag"):
            tags.setdefault(seq, set()).add(tag.hex())
    first = {each["message_id"]: each for each in facts if each["kind"] == "message.recorded"}
    yield journal, made, index, facts, first, tags, ids
    index.close()
    made.close()
    journal.close()


def said(fact, *keys):
    parts = (fact, fact.get("header", {}), fact.get("statement", {}))
    return {part[key] for part in parts for key in keys if part.get(key) is not None}


def words_of(fact):
    """As a reader of docs/log-format.md would look for them."""
    header, statement, outcomes = fact.get("header", {}), fact.get("statement", {}), fact.get("outcomes", [])
    codes = said(fact, "code") | {each[key] for each in outcomes for key in ("ending", "code") if key in each}
    stated = {code for _, code, _ in statement.get("records", [])}
    return {
        "kind": {fact["kind"]},
        "connector": said(fact, "source", "destination", "connector"),
        "operation": said(fact, "source_operation", "operation"),
        "route": said(fact, "route"),
        "actor": {each.lower() for each in said(fact, "actor", "responsible", "operator", "person", "by")},
        "terminal": said(fact, "terminal"),
        "certificate": said(fact, "client_certificate", "certificate"),
        "code": codes | stated | ({"refused"} if statement else set()),
        "item": {item for items in header.get("item_sets", []) for item in items},
        "basis": set(header.get("legal_basis", [])),
    }


WORDS_OF: dict[int, dict[str, set[str]]] = {}


def fact_words(fact, first):
    """A later fact of a message is found by its message's way, too."""
    if fact["seq"] not in WORDS_OF:
        words, recorded = words_of(fact), first.get(fact.get("message_id"))
        for name in ("connector", "operation", "route"):
            words[name] |= words_of(recorded)[name] if recorded else set()
        WORDS_OF[fact["seq"]] = words
    return WORDS_OF[fact["seq"]]


def meets(fact, asked, first, tags):
    """The naive way."""
    words = fact_words(fact, first)
    given = {name: getattr(asked, name) for name in WORDS if getattr(asked, name) is not None}
    if not all((word.lower() if name == "actor" else word) in words[name] for name, word in given.items()):
        return False
    if asked.person is not None:
        made = asked.person.tags.get(fact.get("header", {}).get("created_at", "")[:7], ())
        if asked.person.connector not in words["connector"] or not tags.get(fact["seq"], set()) & set(made):
            return False
    since = asked.since is None or fact["at"] >= stamp(japanese_midnight(asked.since))
    until = asked.until is None or fact["at"] < stamp(japanese_midnight(date.fromordinal(asked.until.toordinal() + 1)))
    return since and until and asked.message in (None, fact.get("message_id"))


def undisclosed(fact, first):
    header = first.get(fact.get("message_id"), {}).get("header", {})
    return any(each["claim"] == "undisclosed" for each in header.get("attestations", []))


def seqs(pages):
    return [each["seq"] for page in pages for each in page]


@st.composite
def questions(draw):
    names = draw(st.sets(st.sampled_from(sorted(WORDS)), max_size=3))
    asked = {name: draw(st.sampled_from(WORDS[name])) for name in names}
    for day in ("since", "until"):
        asked[day] = draw(st.none() | st.sampled_from(DAYS))
    if draw(st.booleans()):
        tags = {month: draw(st.lists(st.sampled_from(some), max_size=2)) for month, some in TAGS.items()}
        connector = draw(st.sampled_from(WORDS["connector"]))
        asked["person"] = {"connector": connector, "tags": tags, "reason": "audit", "case": "R8-1"}
    asked |= {"oldest": draw(st.booleans()), "limit": draw(st.sampled_from([1, 7, None]))}
    return {**asked, "after": draw(st.none() | st.sampled_from([1, 2, CHUNK, CHUNK + 1]) | st.integers(1, 2 * CHUNK))}


@given(question=questions(), reader=st.sampled_from([OFFICER, OPERATOR]), of=st.none() | st.integers(0, 100))
def test_a_search_finds_what_a_walk_over_all_facts_finds(log, question, reader, of):
    _, made, index, facts, first, tags, ids = log
    asked = Asked(**question, message=ids[of] if of is not None else None)
    walked = [
        each["seq"]
        for each in (facts if asked.oldest else reversed(facts))
        if meets(each, asked, first, tags)
        if asked.after is None or (each["seq"] > asked.after if asked.oldest else each["seq"] < asked.after)
        if reader is OFFICER or not undisclosed(each, first) or asked.blind()
    ]
    assert seqs(made.pages(index, asked, reader)) == walked[: asked.limit]


@pytest.mark.parametrize("name", WORDS)
def test_each_word_alone_finds_what_a_walk_finds(log, name):
    """Of every dimension some word stands in both chunks of the index; undisclosed facts are among them."""
    _, made, index, facts, first, tags, _ = log
    both = False
    for word in WORDS[name]:
        asked = Asked(**{name: word}, limit=10_000)
        walked = [each["seq"] for each in reversed(facts) if meets(each, asked, first, tags)]
        assert seqs(made.pages(index, asked, OFFICER)) == walked, word
        both = both or (bool(walked) and walked[-1] < CHUNK < walked[0])
    assert both
    assert any(undisclosed(each, first) for each in facts)


def test_what_is_not_to_be_disclosed_is_not_found_by_what_it_is(log):
    """Else an operator would learn it by asking. That it is there, its message id and its kind tell."""
    _, made, index, facts, first, _, _ = log
    hidden = next(each for each in facts if undisclosed(each, first) and "header" in each)
    message_id, route = hidden["message_id"], hidden["header"]["route"]
    kind = Asked(message=message_id, kind="message.recorded")
    (left,) = [each for page in made.pages(index, kind, OPERATOR) for each in page]
    assert left == {key: hidden[key] for key in ("message_id", "seq", "at", "kind")} | {"undisclosed": True}
    assert not seqs(made.pages(index, Asked(message=message_id, route=route), OPERATOR))
    assert seqs(made.pages(index, Asked(message=message_id, route=route), OFFICER))


def test_tags_of_another_month_or_connector_find_nothing(log):
    _, made, index, *_ = log

    def found(connector, tags):
        person = {"connector": connector, "tags": tags, "reason": "audit", "case": "R8-1"}
        return seqs(made.pages(index, Asked(person=person), OFFICER))

    own = TAGS["2026-04"][:1]
    assert found("health_management", {"2026-04": own})
    assert not found("health_management", {"2026-03": own})
    assert not found("nobody", {"2026-04": own})
    assert not found("health_management", {"2026-04": [digest("another connector's")[:32]]})


def test_a_person_s_search_does_not_tell_of_whom_something_is_not_to_be_disclosed(log):
    """That it was found by a person's tags would tell whom it is about."""
    _, made, index, facts, first, tags, _ = log
    month, tag, hidden = next(
        (fact["header"]["created_at"][:7], tag, fact["seq"])
        for fact in facts
        if "header" in fact and fact["header"]["source"] == "health_management" and undisclosed(fact, first)
        for tag in sorted(tags[fact["seq"]])
    )
    person = {"connector": "health_management", "tags": {month: [tag]}, "reason": "audit", "case": "R8-1"}
    found = {who: seqs(made.pages(index, Asked(person=person, limit=10_000), who)) for who in (OFFICER, OPERATOR)}
    assert hidden in found[OFFICER]
    assert found[OPERATOR] == [each for each in found[OFFICER] if not undisclosed(facts[each - 1], first)]
    one = Asked(person=person, message=facts[hidden - 1]["message_id"])
    assert seqs(made.pages(index, one, OFFICER)) == [hidden]
    assert not seqs(made.pages(index, one, OPERATOR))


# ---- the index is lost, spoilt, or left behind -----------------------------------------------------------------------


@pytest.fixture
async def small(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "PATIENCE", 60.0)
    journal = open_journal(tmp_path / "999997.db")
    for number in range(20):
        await journal.record(message((0,), route=f"R{number % 2:02}"), at=at(number), now=NOW)
    made = Search(journal)
    yield journal, made, tmp_path / "999997-search.db"
    made.close()
    journal.close()


def journal_id(journal, seq):
    return journal.found([seq])[0].fact["message_id"]


async def end_all(journal, at):
    """Accepted, told, and their payloads deleted; side by side, for the writer to take them together."""

    async def end(message_id):
        accepted = [RecordOutcome(0, Ending.ACCEPTED)]
        await journal.conclude(message_id, accepted, attempt=1, next_at=None, at=at, now=NOW)
        await journal.settled(message_id)
        await journal.delete_envelope(message_id, at=at)

    await asyncio.gather(*(end(each.message_id) for each in journal.open_messages()))


async def routes(made, route="R01"):
    with closing(await made.reader()) as index:
        return seqs(made.pages(index, Asked(route=route), OFFICER)), index.upto


async def test_a_search_sees_what_was_just_written(small):
    journal, made, _ = small
    before, _ = await routes(made)
    await journal.record(message((0,), route="R01"), at=at(30), now=NOW)
    assert await routes(made) == ([21, *before], 21)


@pytest.mark.parametrize(
    "how", ["deleted", "spoilt", "of another form", "of another log", "cut short", "unreadable rows"]
)
async def test_an_index_is_built_anew_while_the_gateway_runs(small, how, tmp_path):
    journal, made, path = small
    whole = await routes(made)
    made.close()
    again = Search(journal)
    if how == "deleted":
        assert await routes(again) == whole
        path.unlink()  # under the running one
    elif how == "spoilt":
        path.write_bytes(b"\0" * 4096 + path.read_bytes()[4096:])
    elif how == "cut short":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        changes = {
            "of another form": "PRAGMA user_version = 99; DELETE FROM posting",
            "of another log": "UPDATE goes SET commitment = x'00'; DELETE FROM posting",
            "unreadable rows": "UPDATE posting SET bits = x'00'",
        }
        with closing(sqlite3.connect(path)) as tables:
            tables.executescript(changes[how])
        await journal.record(message((0,), route="R00"), at=at(30), now=NOW)
        whole = (whole[0], 21)
    try:
        assert await routes(again) == whole
    finally:
        again.close()


ENDLESS = """CREATE TRIGGER z AFTER UPDATE ON goes BEGIN INSERT INTO term(term)
    WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT 'x' || i FROM r; END"""
DAMAGES = {
    "no row says how far it goes": "DELETE FROM goes",
    "a word says how far it goes": "UPDATE goes SET upto = 'x'",
    "bits are too long": f"UPDATE posting SET bits = x'{zlib.compress(bytes([255]) * 5000).hex()}'",
    "bits are a number": "UPDATE posting SET bits = 7",
    "bits are words": "UPDATE posting SET bits = 'x'",
    "no postings": "DROP TABLE posting",
    "no terms": "DROP TABLE term",
    "no chunks": "DROP TABLE chunk",
    "no table says how far it goes": "DROP TABLE goes",
    "a term has an id that no row can be of": "UPDATE term SET id = id + (1 << 40)",
    "cut to nothing": None,
}


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("running", [True, False], ids=["running", "before it starts"])
async def test_a_damaged_index_is_made_anew_whatever_is_wrong_with_it(small, how, running):
    """Who meets the damage is told that there is no index now; the next who asks is answered."""
    journal, made, path = small
    whole = (await routes(made))[0]
    if not running:
        made.close()
        made = Search(journal)
    if (statement := DAMAGES[how]) is None:
        os.truncate(path, 0)
    else:
        with closing(sqlite3.connect(path)) as tables, tables:
            tables.execute(statement)
    told = []
    for _ in range(2):
        with contextlib.suppress(Deferred):
            told = (await routes(made))[0]
    made.close()
    assert told == whole


async def test_it_follows_the_log_over_a_damaged_index_and_over_what_should_not_happen(small, monkeypatch):
    _, made, path = small
    await routes(made)
    monkeypatch.setattr(search, "_PAUSE", 0.01)
    monkeypatch.setattr(search, "SLICE", 1)
    with closing(sqlite3.connect(path)) as tables, tables:
        tables.execute("DELETE FROM goes")
    bugs: list[Exception] = []
    read = slice_after

    def stumbles(*asked):
        if not bugs:
            raise RuntimeError("made up")
        return read(*asked)

    monkeypatch.setattr(search, "slice_after", stumbles)
    following = asyncio.create_task(made.follow(bugs.append))
    async with asyncio.timeout(60):
        while not (made._index and bugs and made._index.upto == 20):  # noqa: ASYNC110  (a thread brings it there)
            await asyncio.sleep(0.01)
    following.cancel()
    assert [type(each) for each in bugs] == [RuntimeError]


@pytest.mark.parametrize(
    "said", ["{", "{}", '{"facts": "1-4", "before": "x"}', '{"facts": "1-999999999999999", "before": "2026-04-01"}']
)
async def test_an_altered_fact_of_what_was_purged_does_not_keep_the_index_from_being_made(small, said):
    journal, made, _ = small
    await journal.fact(FactKind.NOISE_COUNTED, {"listener": "clinics", "count": 1}, at=at(30))
    with closing(sqlite3.connect(journal.path)) as tables, tables:
        tables.execute("UPDATE fact SET kind = ?, body = ? WHERE seq = 21", (FactKind.FACTS_PURGED.value, said))
    with closing(await made.reader()) as index:
        assert index.upto == 21


async def test_what_a_crash_kept_from_the_index_is_read_again(small, tmp_path):
    """Killed between two slices: the index is older than the journal."""
    journal, made, path = small
    await routes(made)
    made.close()
    kept = path.read_bytes()
    for number in range(20, 25):
        await journal.record(message((0,), route="R01"), at=at(number), now=NOW)
    after = Search(journal)
    assert (await routes(after))[1] == 25
    after.close()
    path.write_bytes(kept)
    later = Search(journal)
    assert (await routes(later))[0][:5] == [25, 24, 23, 22, 21]
    later.close()


@pytest.mark.parametrize(
    "planted",
    [ENDLESS, "CREATE VIEW other AS SELECT 1", "ALTER TABLE goes ADD COLUMN other", "CREATE INDEX i ON term (id)"],
)
async def test_an_index_with_anything_that_we_did_not_make_is_made_anew(small, planted):
    journal, made, path = small
    whole = await routes(made)
    made.close()
    with closing(sqlite3.connect(path)) as tables, tables:
        before = tables.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        tables.execute(planted)
    await journal.record(message((0,), route="R00"), at=at(30), now=NOW)
    with closing(Search(journal)) as again:
        async with asyncio.timeout(60):
            assert await routes(again) == (whole[0], 21)
    with closing(sqlite3.connect(path)) as tables:
        assert tables.execute("SELECT type, name, sql FROM sqlite_master").fetchall() == before


async def test_an_index_under_way_without_end_does_not_keep_the_gateway_from_ending(small):
    journal, made, path = small
    await routes(made)
    with closing(sqlite3.connect(path)) as tables, tables:
        tables.execute(ENDLESS)  # while it runs
    await journal.record(message((0,), route="R00"), at=at(30), now=NOW)
    asked = asyncio.create_task(made.upto())
    await asyncio.sleep(0.2)
    began = time.monotonic()
    made.close()
    assert time.monotonic() - began < 60  # it would go on for ever
    with pytest.raises(Deferred):
        await asked


def test_no_more_is_read_or_unpacked_than_a_row_has():
    with closing(bound(sqlite3.connect(":memory:"))) as tables:
        tables.executescript("CREATE TABLE posting (row INTEGER PRIMARY KEY, bits BLOB)")
        tables.execute("INSERT INTO posting VALUES (1, ?)", (zlib.compress(bytes(50_000_000)),))
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match="not the bits of a row"):
                bits.stored(tables, 1)
            assert tracemalloc.get_traced_memory()[1] < 1_000_000
        finally:
            tracemalloc.stop()
        with pytest.raises(sqlite3.DataError, match="too big"):
            tables.execute("SELECT zeroblob(100000)").fetchone()


@pytest.mark.parametrize("how", ["a link", "a second name", "a FIFO", "a link as its WAL"])
async def test_what_is_no_file_of_its_own_is_not_followed(small, how, tmp_path):
    journal, made, path = small
    whole = await routes(made)
    made.close()
    other, wal = tmp_path / "other", path.with_name(path.name + "-wal")
    path.rename(other)
    if how == "a link":
        path.symlink_to(other)
    elif how == "a second name":
        path.hardlink_to(other)
    elif how == "a FIFO":
        os.mkfifo(path)
    else:
        path.write_bytes(other.read_bytes())
        wal.symlink_to(other)
    kept = other.read_bytes()
    await journal.record(message((0,), route="R00"), at=at(30), now=NOW)
    again = Search(journal)
    assert await routes(again) == (whole[0], 21)
    assert path.lstat().st_nlink == 1
    again.close()
    assert stat.S_ISREG(path.lstat().st_mode)
    assert other.read_bytes() == kept


@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_was_purged_is_found_no_more(small, when):
    """Whether the index was made of it or not."""
    journal, made, _ = small
    before = (await routes(made))[0] if when == "after" else [20, 18, 16, 14, 12, 10, 8, 6, 4, 2]
    with closing(sqlite3.connect(journal.path)) as tables, tables:
        tables.execute("UPDATE fact SET body = NULL, salt = NULL WHERE seq = 4")
    assert (await routes(made))[0] == [each for each in before if each != 4]


async def test_what_the_log_says_was_purged_is_in_the_index_no_more(small):
    """Neither in its terms' bits nor among its tags; what lies beside it in the same rows stays."""
    journal, made, path = small
    later = {"before": "2026-04-02T00:00:00.000000Z", "at": "2029-04-02T00:00:00.000000Z"}
    for number in (30, 9000):
        await journal.record(message((0,), route="R01"), at=at(number), now=NOW)
    assert (await routes(made))[0][:2] == [22, 21]
    await end_all(journal, later["at"])
    assert (await journal.retention.purge(0, **later)).go == [*range(1, 22)]
    with closing(await made.reader()) as index:
        (left,) = index.chunks([term("kind", "message.recorded")], None, Stretch(), oldest=True)
    assert left == [22]
    with closing(sqlite3.connect(path)) as tables:
        assert tables.execute("SELECT seq FROM tag").fetchall() == [(22,)]
        asked = "SELECT 1 FROM term JOIN posting ON posting.row >> 32 = id WHERE term = 'route:R00'"
        assert not tables.execute(asked).fetchall()


def files(path):
    """All that stands on the disk of the index."""
    return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))


@pytest.mark.parametrize("killed", [False, True], ids=["running", "killed in between"])
async def test_a_tag_that_was_erased_or_purged_leaves_all_files_of_the_index_by_itself(small, monkeypatch, killed):
    """At the next look, however few facts there are; what a crash left of it in the WAL goes at the next start."""
    journal, made, path = small
    monkeypatch.setattr(search, "_PAUSE", 0.01)
    tag, young = os.urandom(16), os.urandom(16)
    ids = [message((0,), tags=Tags(os.urandom(32), (each,))) for each in (tag, young)]
    await journal.record(ids[0], at=at(30), now=NOW)
    await journal.record(ids[1], at=at(9000), now=NOW)
    await routes(made)
    with closing(sqlite3.connect(journal.path)) as tables:
        old = [bytes(each) for (each,) in tables.execute("SELECT DISTINCT tag FROM tag WHERE seq < 21")]
    assert all(each in files(path) for each in (tag, young, *old))
    await journal.retention.erase([tag], {"connector": "health_management", "months": ["2026-04"]}, at=at(9001))
    later = {"before": "2026-04-02T00:00:00.000000Z", "at": "2029-04-02T00:00:00.000000Z"}
    await end_all(journal, later["at"])
    assert (await journal.retention.purge(0, **later)).go
    if killed:
        with monkeypatch.context() as patched:
            patched.setattr(IndexFile, "swept", lambda index: False)
            await routes(made)
            kept = {each: each.read_bytes() for each in path.parent.glob(f"{path.name}*")}
        made.close()
        for each, content in kept.items():
            each.write_bytes(content)
        assert tag in files(path)
        made = Search(journal)
    following = asyncio.create_task(made.follow(lambda error: None))
    async with asyncio.timeout(60):
        while any(each in files(path) for each in (tag, *old)):  # noqa: ASYNC110  (a thread brings it there)
            await asyncio.sleep(0.01)
    following.cancel()
    assert young in files(path)
    made.close()


async def test_the_index_is_not_said_to_have_forgotten_what_its_wal_has_still(small):
    journal, made, path = small
    tag = os.urandom(16)
    await journal.record(message((0,), tags=Tags(os.urandom(32), (tag,))), at=at(30), now=NOW)
    await routes(made)
    with closing(sqlite3.connect(path, isolation_level=None)) as somebody:
        somebody.execute("BEGIN")
        somebody.execute("SELECT * FROM goes").fetchall()
        await journal.retention.erase([tag], {"connector": "health_management", "months": ["2026-04"]}, at=at(31))
        await made.forget()
        assert tag in files(path)
        assert await made.upto() == 21
    assert await made.upto() == 22
    assert tag not in files(path)


async def test_a_trail_that_was_erased_is_in_the_index_no_more(small):
    journal, made, path = small
    tag, other = os.urandom(16), os.urandom(16)
    await journal.record(message((0, 1), tags=Tags(os.urandom(32), (tag, other))), at=at(30), now=NOW)
    await routes(made)
    await journal.retention.erase([tag], {"connector": "health_management", "months": ["2026-04"]}, at=at(31))
    await made.forget()
    assert (tag in files(path), other in files(path)) == (False, True)
    with closing(sqlite3.connect(path)) as tables:
        kept = {row[0] for row in tables.execute("SELECT tag FROM tag")}
    assert (tag in kept, other in kept, len(kept)) == (False, True, 21)


async def test_an_index_that_says_too_much_invents_nothing(small):
    """Every fact that is told was held against the question itself."""
    _, made, path = small
    await routes(made)
    with closing(sqlite3.connect(path)) as tables, tables:
        one, other = (row[0] for row in tables.execute("SELECT id FROM term WHERE term LIKE 'route:%' ORDER BY term"))
        tables.execute(
            "UPDATE posting SET bits = (SELECT bits FROM posting WHERE row >> 32 = ?) WHERE row >> 32 = ?", (one, other)
        )
    assert (await routes(made))[0] == []


async def test_an_index_that_names_other_people_or_messages_invents_nothing(small):
    journal, made, path = small
    tag, other = os.urandom(16), os.urandom(16)
    for each in (tag, other):
        await journal.record(message((0,), tags=Tags(os.urandom(32), (each,))), at=at(30), now=NOW)
    await routes(made)
    with closing(sqlite3.connect(path)) as tables, tables:
        tables.execute("INSERT INTO tag SELECT month, ?, seq FROM tag WHERE tag = ?", (tag, other))
    month = journal.trace(journal_id(journal, 21))[0]["header"]["created_at"][:7]
    who = {"connector": "health_management", "tags": {month: [tag.hex()]}, "reason": "audit", "case": "R8-1"}
    with closing(await made.reader()) as index:
        assert seqs(made.pages(index, Asked(person=who), OFFICER)) == [21]
        of_another = Asked(person=who, message=journal_id(journal, 22))
        assert seqs(made.pages(index, of_another, OFFICER)) == []


async def test_the_index_holds_no_tag_of_a_record_that_names_no_person(small):
    journal, made, path = small
    await journal.record(
        message((0, 1), tags=Tags(os.urandom(32), (bytes(16), tag := os.urandom(16)))), at=at(30), now=NOW
    )
    await routes(made)
    with closing(sqlite3.connect(path)) as tables:
        assert tables.execute("SELECT tag FROM tag WHERE seq = 21").fetchall() == [(tag,)]


async def test_the_index_is_its_owner_s_alone_and_what_is_erased_from_it_is_overwritten(small):
    _, made, path = small
    await routes(made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made._index._connection.execute("PRAGMA secure_delete").fetchone() == (1,)


async def test_a_search_that_is_closed_leaves_the_index_alone(small):
    """A slice that was on its way opens no file again that nobody would close."""
    _, made, path = small
    made.close()
    with pytest.raises(Deferred):
        await routes(made)
    assert not path.exists()


async def test_it_leaves_the_line_alone_four_times_as_long_as_it_works(small, monkeypatch):
    _, made, _ = small
    monkeypatch.setattr(search, "SLICE", 10)
    rests, now = [], iter(range(100))

    async def rest(seconds):
        rests.append(seconds)
        if len(rests) == 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", rest)
    monkeypatch.setattr(search, "time", SimpleNamespace(monotonic=lambda: next(now)))
    with pytest.raises(asyncio.CancelledError):
        await made.follow(pytest.fail)
    assert rests == [4, 4, search._PAUSE]


async def test_an_index_that_cannot_be_written_is_no_matter_of_the_log(small, monkeypatch):
    journal, made, path = small
    path.mkdir()
    with pytest.raises(Deferred, match="index_unavailable"):
        await routes(made)
    await journal.record(message((0,), route="R01"), at=at(30), now=NOW)
    assert journal.health()[0]
    path.rmdir()
    assert (await routes(made))[1] == 21


async def test_a_search_says_how_far_it_has_looked_when_its_patience_ends(small, monkeypatch):
    _, made, _ = small
    monkeypatch.setattr(search, "SLICE", 8)
    monkeypatch.setattr(search, "PATIENCE", 0.0)
    assert [(await routes(made))[1] for _ in range(3)] == [8, 16, 20]


async def test_it_follows_the_log_beside_the_line(small, monkeypatch):
    _, made, _ = small
    monkeypatch.setattr(search, "SLICE", 5)
    following = asyncio.create_task(made.follow(pytest.fail))
    async with asyncio.timeout(60):
        while not (made._index and made._index.upto == 20):  # noqa: ASYNC110  (a thread brings it there)
            await asyncio.sleep(0.01)
    following.cancel()
