"""The HTTPS entrance over real mutual TLS: the certificate decides, every fault is a stable code, nothing is echoed."""

import asyncio
import hashlib
import json
import ssl
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from prometheus_client import generate_latest

from gateway.errors import Deferred, Refused
from gateway.keys.certificates import fingerprint_of_file
from gateway.link.https import problem as problem_of
from gateway.plugin import Accepted, Act, Counted, DeferredRecord, RefusedRecord
from tests.flow.calling import FIND, PUT, answer_of, calling, posted
from tests.flow.line import HANGS
from tests.flow.toys import NUMBER, OFFICE, TENANT, person, sought

SECRET = "架空の秘密の値"


async def test_an_event_is_acknowledged_as_recorded_and_its_end_can_be_asked(line, office):
    line.register_system.answer = lambda delivery: {0: Accepted(), 2: RefusedRecord("register_full", "name")}
    async with office.post(PUT, json=[person(0), person(1, name=""), person(2)]) as response:
        status, body = await answer_of(response)
        assert response.headers["Location"] == f"/v1/messages/{body['message_id']}"
        assert "Retry-After" not in response.headers, "there is no answer to come for"
    assert status == 202
    assert body == {
        "message_id": body["message_id"],
        "repeated": False,
        "refused": [{"index": 1, "code": "too_short", "path": "name"}],
    }
    await line.settlement(body["message_id"])
    async with office.get(f"/v1/messages/{body['message_id']}") as response:
        status, told = await answer_of(response)
    assert (status, told["ended"], told["kind"]) == (200, True, "event")
    assert told["outcomes"] == [
        {"index": 0, "outcome": "accepted"},
        {"index": 1, "outcome": "refused", "code": "too_short", "path": "name"},
        {"index": 2, "outcome": "refused", "code": "register_full", "path": "name"},
    ]


async def test_a_request_is_answered_with_its_replies(line, office):
    found: dict[str, Any] = {"internal_no": "0000000001", "update_seq": 7}
    line.register_system.answer = lambda delivery: {0: Accepted(found), 1: RefusedRecord("no_such_person")}
    body = [sought(1), sought(2), {"internal_no": "x"}]
    status, told = await posted(office, FIND, body, **{"Idempotency-Key": "k"})
    assert status == 200
    assert told["replies"] == [
        {"index": 0, "record": found},
        {"index": 1, "code": "no_such_person"},
        {"index": 2, "code": "wrong_pattern"},
    ]
    assert await posted(office, FIND, body, **{"Idempotency-Key": "k"}) == (status, told)
    async with office.get(f"/v1/messages/{told['message_id']}") as response:
        assert (await answer_of(response))[1]["replies"] == told["replies"]


async def test_a_request_whose_reply_takes_longer_says_where_to_ask(line, office):
    may_answer = asyncio.Event()

    async def late(delivery):
        await may_answer.wait()
        return {0: Accepted({"internal_no": "0000000001", "update_seq": 7})}

    line.register_system.answer = late
    limits = line.office.rules.limits.model_copy(update={"request_patience": 0.05})
    line.office.rules = replace(line.office.rules, limits=limits)
    async with office.post(FIND, json=[sought()]) as response:
        where = response.headers["Location"]
        assert (response.status, response.headers["Retry-After"]) == (202, "2")
    async with office.get(where) as response:
        assert (await answer_of(response))[1]["ended"] is False
    may_answer.set()
    await line.until(lambda: line.status(where.rpartition("/")[2]).ended)
    async with office.get(where) as response:
        _, told = await answer_of(response)
    assert told["replies"] == [{"index": 0, "record": {"internal_no": "0000000001", "update_seq": 7}}]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        (PUT, b"[", {}, 400, "not_json"),
        (PUT, b'[{"a":1,"a":1}]', {}, 400, "not_json"),
        (PUT, b"{}", {}, 400, "not_an_array"),
        (PUT, b"[]", {}, 400, "no_records"),
        (PUT, b"[" + b" " * 2048 + b"]", {}, 413, "body_too_large"),
        (PUT, b"[" + b"1," * 10 + b"1]", {}, 413, "too_many_records"),
        (PUT, [{SECRET: SECRET}], {}, 422, "all_records_refused"),
        (PUT, [person(name=f"{SECRET}{NUMBER}")], {}, 422, "all_records_refused"),
        (f"/v1/{TENANT}/{OFFICE}/person.unrouted", [sought()], {}, 403, "no_route"),
        (f"/v1/{TENANT}/{OFFICE}/{SECRET}", [sought()], {}, 404, "unknown_operation"),
        (f"/v1/{TENANT}/register/person.put", [person()], {}, 403, "wrong_connector"),
        (f"/v1/{TENANT}/{SECRET}/person.put", [person()], {}, 403, "wrong_connector"),
        (f"/v1/131016/{OFFICE}/person.put", [person()], {}, 403, "wrong_tenant"),
        (PUT, [person()], {"Idempotency-Key": ""}, 400, "bad_request_key"),
        (PUT, [person()], {"Idempotency-Key": SECRET}, 400, "bad_request_key"),
        (PUT, [person()], {"Renkei-Actor": SECRET}, 400, "bad_actor"),
        (PUT, [person()], {"Renkei-Terminal": NUMBER}, 400, "bad_actor"),
    ],
)
async def test_each_refusal_is_a_problem_with_its_code_a_fact_and_no_echo(
    line, office, path, body, headers, status, code
):
    limits = line.office.rules.limits.model_copy(update={"body_bytes": 2048, "records_per_message": 10})
    line.office.rules = replace(line.office.rules, limits=limits)
    got, problem = await posted(office, path, body, **headers)
    assert (got, problem["code"], problem["status"]) == (status, code, status)
    facts = line.journal.trace(problem["message_id"])
    assert len(facts) == 1
    told = json.dumps([problem, facts], ensure_ascii=False) + line.printed.getvalue()
    assert SECRET not in told
    assert NUMBER not in told
    assert line.register_system.deliveries == []


async def test_no_more_of_a_body_is_read_than_the_limit(line, office):
    """The answer comes although the body never ends."""
    limits = line.office.rules.limits.model_copy(update={"body_bytes": 2048})
    line.office.rules = replace(line.office.rules, limits=limits)
    answered = asyncio.Event()

    async def endless():
        yield b"[" + b" " * 4096
        await answered.wait()

    async with asyncio.timeout(30), office.post(PUT, data=endless()) as response:
        answered.set()
        assert (await answer_of(response))[1]["code"] == "body_too_large"


async def test_who_acted_and_where_stands_in_the_fact(line, office):
    _, told = await posted(office, PUT, [person()], **{"Renkei-Actor": "yamada-3", "Renkei-Terminal": "T01"})
    header = line.journal.trace(told["message_id"])[0]["header"]
    assert (header["actor"], header["terminal"], header["responsible"]) == ("yamada-3", "T01", "staff-0001")


async def test_two_peers_of_one_connector_are_told_apart_in_the_log(line, office, site, entrance):
    """Recorded, refused by edge or hub, in part or whole, or come again: each says by which certificate."""
    tls = site.config.root / "keys/tls"
    own, other = (
        hashlib.sha256(ssl.PEM_cert_to_DER_cert((tls / f"{name}.crt").read_text())).hexdigest()
        for name in (OFFICE, "stranger")
    )
    pinned = {**line.office.rules.pinned, f"sha256:{other}": "keys/tls/stranger.crt"}
    line.office.rules = replace(line.office.rules, pinned=pinned)
    line.register_system.answer = lambda delivery: {0: Accepted({"internal_no": "0000000001", "update_seq": 7})}
    async with calling(site, entrance[1], "stranger") as stranger:
        for peer, certificate in ((office, own), (stranger, other)):
            before = len(line.every_fact())
            key = {"Idempotency-Key": certificate}
            await posted(peer, FIND, [sought(), {}], **key)
            await posted(peer, FIND, [sought(), {}], **key)
            await posted(peer, FIND, [sought(2)], **key)  # the hub refuses it: the same key, another body
            await posted(peer, FIND, b"[", **key)
            await posted(peer, f"/v1/{TENANT}/{OFFICE}/elsewhere", [sought()])
            for method, path in (("GET", "/"), ("DELETE", PUT), ("GET", "/v1/messages/x")):
                await peer.request(method, path)
            facts = line.every_fact()[before:]
            signed = [each[part] for each in facts for part in ("header", "statement") if part in each]
            told = [each for each in signed if each.get("kind") != "reply"]
            told += [each for each in facts if each["kind"] == "message.repeated" or each.get("stage") == "hub"]
            assert [each["client_certificate"] for each in told] == [certificate] * 9
            assert [each.get("client_certificate") for each in signed if each.get("kind") == "reply"] == [None]


async def test_records_that_the_edge_refuses_are_counted_once_by_code_from_every_entrance(line, office):
    def counted(code):
        labels = {"tenant": TENANT, "connector": OFFICE, "operation": "person.put", "code": code}
        return line.telemetry.registry.get_sample_value("renkei_records_refused_at_edge_total", labels)

    body = [person(0), person(1, name=""), {**person(2), SECRET: SECRET}, person(3, name="")]
    for _ in range(2):  # the second is a repeat
        await posted(office, PUT, body, **{"Idempotency-Key": "k"})
    assert (counted("too_short"), counted("unknown_field")) == (2, 1)
    await line.outbox.send("person.put", [person(1, name="")], key=b"k")
    assert counted("too_short") == 3
    assert SECRET not in generate_latest(line.telemetry.registry).decode()


async def test_another_peer_of_the_connector_is_told_nothing_of_a_message_that_is_not_its_own(
    line, office, site, entrance
):
    """Two clinics are one connector: neither hears whether, when or how the other's message ended."""
    tls = site.config.root / "keys/tls"
    pinned = {**line.office.rules.pinned, fingerprint_of_file(tls / "stranger.crt"): "keys/tls/stranger.crt"}
    line.office.rules = replace(line.office.rules, pinned=pinned)
    line.register_system.answer = lambda delivery: {0: Accepted({"internal_no": "0000000001", "update_seq": 7})}
    mine = [(await posted(office, FIND, [sought()]))[1]["message_id"]]
    mine.append((await posted(office, PUT, [person(name="")]))[1]["message_id"])  # refused at its edge
    own = (await line.outbox.send("person.put", [person(1)], key=b"k")).message_id
    await line.settlement(own)
    facts = len(line.every_fact())
    async with calling(site, entrance[1], "stranger") as stranger:
        told = [await answered_status(stranger, each) for each in (*mine, "01960000-0000-7000-8000-000000000001")]
        assert {(status, body["code"]) for status, body in told} == {(404, "unknown_message")}
        assert len({frozenset(body) for _, body in told}) == 1
        assert [each["kind"] for each in line.every_fact()[facts:]] == ["message.refused"] * 3, "no answer was fetched"
        assert (await answered_status(stranger, own))[0] == 200, "what the connector sent of itself is of all its peers"
    assert [(await answered_status(office, each))[0] for each in (*mine, own)] == [200] * 3


async def answered_status(peer, message_id):
    async with peer.get(f"/v1/messages/{message_id}") as response:
        return await answer_of(response)


async def test_what_a_connector_sends_of_itself_came_in_by_no_certificate(line):
    sent = await line.outbox.send("person.put", [person(1), person(2, name="")], key=b"k")
    await line.outbox.note(Act.FILE_TAKEN, reference=b"x", counts={Counted.ROWS: 1})
    await line.settlement(sent.message_id)
    assert {"message.recorded", "connector.noted"} <= {each["kind"] for each in line.every_fact()}
    assert "client_certificate" not in json.dumps(line.every_fact())


async def test_the_same_key_is_the_same_message_and_another_body_is_a_conflict(line, office):
    first = await posted(office, PUT, [person(1)], **{"Idempotency-Key": "k"})
    again = await posted(office, PUT, [person(1)], **{"Idempotency-Key": "k"})
    assert again == (202, first[1] | {"repeated": True})
    status, problem = await posted(office, PUT, [person(2)], **{"Idempotency-Key": "k"})
    assert (status, problem["code"]) == (409, "request_key_reused")
    await line.settlement(first[1]["message_id"])
    assert len(line.register_system.deliveries) == 1


async def test_a_certificate_that_is_not_pinned_is_counted_and_not_recorded(line, site, entrance):
    made, base = entrance
    before = len(line.every_fact())
    async with calling(site, base, "stranger") as session:
        status, problem = await posted(session, PUT, [person()])
        async with session.get("/v1/messages/01960000-0000-7000-8000-000000000001") as response:
            assert response.status == 403
    assert (status, problem["code"]) == (403, "unknown_certificate")
    assert made.noise == 2
    assert len(line.every_fact()) == before


async def test_without_a_certificate_there_is_no_conversation(site, entrance):
    async with calling(site, entrance[1], None) as session:
        with pytest.raises(aiohttp.ClientError):
            await posted(session, PUT, [person()])


@pytest.mark.parametrize("message_id", ["01960000-0000-7000-8000-000000000001", "x", SECRET, "%00", "a'--"])
async def test_a_message_that_nobody_sent_is_unknown(office, message_id):
    async with office.get(f"/v1/messages/{message_id}") as response:
        status, problem = await answer_of(response)
    assert (status, problem["code"]) == (404, "unknown_message")


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/v1/x"), ("PUT", "/")])
async def test_other_paths_are_refused_and_that_is_a_fact(line, office, method, path):
    async with office.request(method, path) as response:
        assert response.content_type == "application/problem+json"
        status, problem = await answer_of(response)
    assert (status, problem["code"]) == (404, "unknown_operation")
    fact = line.every_fact()[-1]
    assert (fact["kind"], fact["code"]) == ("message.refused", "unknown_operation")
    assert fact["statement"]["message_id"] == problem["message_id"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("GET", PUT, "POST"), ("DELETE", "/v1/messages/x", "GET, HEAD"), ("POST", "/v1/messages/x", "GET, HEAD")],
)
async def test_another_method_is_refused_with_those_that_are_taken_and_that_is_a_fact(
    line, office, method, path, allow
):
    async with office.request(method, path) as response:
        assert response.headers["Allow"] == allow
        status, problem = await answer_of(response)
    assert (status, problem["code"]) == (405, "wrong_method")
    fact = line.every_fact()[-1]
    assert (fact["kind"], fact["code"]) == ("message.refused", "wrong_method")
    assert fact["statement"]["message_id"] == problem["message_id"]


async def test_a_log_that_cannot_be_written_is_a_503_with_patience(line, office, tmp_path):
    (tmp_path / f"{TENANT}.db").unlink()
    async with office.post(PUT, json=[person()]) as response:
        status, problem = await answer_of(response)
        assert int(response.headers["Retry-After"]) >= 1
    assert (status, problem["code"]) == (503, "log_unavailable")
    assert line.register_system.deliveries == []


@pytest.mark.parametrize(("asked", "told"), [(None, 1), (0.0, 1), (0.2, 1), (1.2, 2), (5.0, 5)])
def test_every_503_says_after_how_many_whole_seconds(asked, told):
    assert problem_of(Deferred("queue_full", retry_after=asked)).headers["Retry-After"] == str(told)
    assert problem_of(Refused("gave_up")).headers["Retry-After"] == "1"
    assert "Retry-After" not in problem_of(Refused("no_route")).headers


async def test_one_peer_holds_a_quarter_of_the_memory_at_most_and_another_still_gets_in(line, office, site, entrance):
    """Eight bodies that do not end and may grow to 4 MiB each: the next of this peer is told to come later."""
    other = fingerprint_of_file(site.config.root / "keys/tls/stranger.crt")
    line.office.rules = replace(line.office.rules, pinned={**line.office.rules.pinned, other: "keys/tls/stranger.crt"})
    may_end = asyncio.Event()

    async def dawdling():
        yield b"["
        await may_end.wait()
        yield b"]"

    async def held_code():
        async with office.post(PUT, data=dawdling()) as response:
            return (await answer_of(response))[1]["code"]

    held = [asyncio.create_task(held_code()) for _ in range(8)]
    await line.until(lambda: entrance[0]._held.total() == 8 * line.office.rules.limits.body_bytes)
    async with office.post(PUT, json=[person()]) as response:
        assert (response.status, (await answer_of(response))[1]["code"]) == (503, "queue_full")
        assert int(response.headers["Retry-After"]) >= 1
    async with calling(site, entrance[1], "stranger") as session:
        assert (await posted(session, PUT, [person()]))[0] == 202
    may_end.set()
    assert set(await asyncio.gather(*held)) == {"no_records"}
    assert (await posted(office, PUT, [person()]))[0] == 202


async def test_draining_answers_who_is_in_and_takes_nobody_new(line, office, entrance):
    may_answer = asyncio.Event()

    async def late(delivery):
        await may_answer.wait()
        return {0: RefusedRecord("no_such_person")}

    line.register_system.answer = late
    asked = asyncio.create_task(posted(office, FIND, [sought()]))
    await line.until(lambda: line.register_system.deliveries)
    drained = asyncio.create_task(entrance[0].drain())
    await asyncio.sleep(0)
    status, problem = await posted(office, PUT, [person()])
    assert (status, problem["code"]) == (503, "stopping")
    assert not drained.done()
    may_answer.set()
    assert (await asked)[0] == 200
    await asyncio.wait_for(drained, HANGS)


async def test_what_is_deferred_for_ever_is_still_acknowledged_at_once(line, office):
    line.register_system.answer = lambda delivery: {0: DeferredRecord("system_busy")}
    status, _ = await posted(office, PUT, [person()])
    assert status == 202


@pytest.mark.parametrize("header", ["Idempotency-Key", "Renkei-Actor", "Renkei-Terminal"])
async def test_a_header_that_comes_twice_is_refused(office, header):
    headers = [(header, "a"), (header, "b")]
    async with office.post(PUT, json=[person()], headers=headers) as response:
        assert (await answer_of(response))[1]["code"] in ("bad_request_key", "bad_actor")
