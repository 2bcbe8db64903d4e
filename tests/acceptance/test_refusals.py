"""Every refusal three ways: status and stable code for the sender, a fact in the log, and the value nowhere."""

import http.client
import re
import ssl

import pytest

from tests.acceptance.peer import Answer
from tests.acceptance.subjects import DELETION, MUNICIPALITY, record, subject

REGISTER = f"/v1/{MUNICIPALITY}/health_management/subject.register"


def mark(number):
    """A value that must turn up nowhere; in a text, a key, a header or an address."""
    return f"Kanariya{number:06d}Himitsu"


def recorded(site, answer: Answer):
    """The one fact of the refused message; the sender knows it by its id."""
    (fact,) = [each for each in site.facts() if each.get("message_id") == answer.message_id]
    return fact


def mute(site, answer: Answer, *values: str):
    """Nothing of what was refused is in the answer, in the log, or in what the programs print."""
    assert not [value for value in values if value.encode() in answer.body]
    assert site.leaks(values) == ()


# ---- one record ------------------------------------------------------------------------------------------------------

RECORDS = {
    "unknown field": (lambda it, value: it | {value: "x"}, "unknown_field", "unknown:18:1"),
    "tax item": (lambda it, value: it | {"local_tax_info": value}, "unknown_field", "unknown:18:1"),
    "wrong type, a number": (lambda it, value: it | {"name": 12, "address": value}, "wrong_type", "name"),
    "wrong type, an object": (lambda it, value: it | {"name": {value: value}}, "wrong_type", "name"),
    "wrong type, a list": (lambda it, value: it | {"name": [value]}, "wrong_type", "name"),
    "wrong type, a text for a number": (lambda it, value: it | {"update_seq": value}, "wrong_type", "update_seq"),
    "wrong type, a number for a flag": (
        lambda it, value: it | {"control_flag_recovery": 1, "name": value},
        "wrong_type",
        "control_flag_recovery",
    ),
    "null": (lambda it, value: it | {"name": None, "address": value}, "null_value", "name"),
    "null under an unknown key": (lambda it, value: it | {value: None}, "null_value", None),
    "missing": (
        lambda it, value: {name: each for name, each in it.items() if name != "name"} | {"address": value},
        "missing_required",
        "name",
    ),
    "empty": (lambda it, value: it | {"name": "", "address": value}, "too_short", "name"),
    "too long": (lambda it, value: it | {"name": value * 10}, "too_long", "name"),
    "out of range": (lambda it, value: it | {"update_seq": -1, "name": value}, "out_of_range", "update_seq"),
    "outside the list": (lambda it, value: it | {"subject_category": value}, "too_long", "subject_category"),
    "code outside the list": (
        lambda it, value: it | {"subject_category": "T9", "name": value},
        "not_in_code_list",
        "subject_category",
    ),
    "control character": (lambda it, value: it | {"name": f"{value}\u0000"}, "control_character", "name"),
    "no date": (lambda it, value: it | {"birth_date": "2025-02-29", "name": value}, "not_a_date", "birth_date"),
    "check digit": (
        lambda it, value: it | {"individual_number": "000012345671", "name": value},
        "check_digit",
        "individual_number",
    ),
}


@pytest.mark.parametrize("case", RECORDS)
def test_refused_record(site, ordinal, case):
    spoil, code, path = RECORDS[case]
    cells, value = subject(ordinal()), mark(ordinal())
    answer = site.send("subject.register", [spoil(record(cells), value)])
    bad = {"index": 0, "code": code} | ({"path": path} if path else {})
    assert answer.refusal == (422, "all_records_refused")
    assert answer.json["records"] == [bad]
    statement = recorded(site, answer)["statement"]
    assert (statement["code"], statement["records"]) == ("records_refused", [[0, code, path]])
    mute(site, answer, value, cells["individual_number"])


def test_an_element_that_is_no_object_is_refused_alone_and_the_good_ones_pass(site, ordinal):
    value = mark(ordinal())
    answer = site.send("subject.register", [record(subject(ordinal())), value, [value], record(subject(ordinal()))])
    refused = [{"index": 1, "code": "not_an_object"}, {"index": 2, "code": "not_an_object"}]
    assert (answer.status, answer.json["refused"]) == (202, refused)
    assert [each["outcome"] for each in site.outcomes(answer.message_id)] == [
        "accepted",
        "refused",
        "refused",
        "accepted",
    ]
    mute(site, answer, value)


# ---- the whole arrival -----------------------------------------------------------------------------------------------

BODIES = {
    "no JSON": (lambda value: f'[{{"name": "{value}"'.encode(), 400, "not_json"),
    "duplicate keys": (lambda value: f'[{{"name": "{value}", "name": "{value}"}}]'.encode(), 400, "not_json"),
    "an unknown key twice": (lambda value: f'[{{"{value}": 1, "{value}": 2}}]'.encode(), 400, "not_json"),
    "not a number": (lambda value: f'[{{"name": "{value}", "update_seq": NaN}}]'.encode(), 400, "not_json"),
    "a lone surrogate": (lambda value: f'[{{"name": "{value}\\ud800"}}]'.encode(), 400, "not_json"),
    "no UTF-8": (lambda value: f'[{{"name": "{value}\udc81"}}]'.encode(errors="surrogateescape"), 400, "not_json"),
    "deep nesting": (lambda value: f'[{{"{value}": {"[" * 9999}{"]" * 9999}}}]'.encode(), 400, "not_json"),
    "two texts": (lambda value: f'[] "{value}"'.encode(), 400, "not_json"),
    "no array": (lambda value: {"name": value}, 400, "not_an_array"),
    "an empty array": (lambda value: [], 400, "no_records"),
    "too many": (lambda value: [{"name": value}] * 1001, 413, "too_many_records"),
    "too large": (lambda value: f'["{value * 200_000}"]'.encode(), 413, "body_too_large"),
}


@pytest.mark.parametrize("case", BODIES)
def test_refused_body(site, ordinal, case):
    body, *expected = BODIES[case]
    value = mark(ordinal())
    answer = site.send("subject.register", body(value))
    assert answer.refusal == tuple(expected)
    assert recorded(site, answer)["code"] == expected[1]
    mute(site, answer, value)


def test_an_operation_that_the_interface_does_not_have(site, ordinal):
    value = mark(ordinal())
    answer = site.send(value, [{}])
    assert answer.refusal == (404, "unknown_operation")
    assert recorded(site, answer)["code"] == "unknown_operation"
    mute(site, answer, value)


@pytest.mark.parametrize("key", ["{} {}", "{}" * 7, "{}\u00e9"])
def test_a_bad_idempotency_key(site, ordinal, key):
    value = mark(ordinal())
    answer = site.send("subject.register", [record(subject(ordinal()))], Idempotency_Key=key.format(*[value] * 7))
    assert answer.refusal == (400, "bad_request_key")
    assert recorded(site, answer)["code"] == "bad_request_key"
    mute(site, answer, value)


@pytest.mark.parametrize("header", ["Renkei_Actor", "Renkei_Terminal"])
@pytest.mark.parametrize("name", ["a b{}", "{}" * 7, "0000-1234-5678"])
def test_a_name_that_is_no_staff_id(site, ordinal, header, name):
    cells, value = subject(ordinal()), mark(ordinal())
    named = cells["individual_number"] if name.startswith("0") else name.format(*[value] * 7)
    answer = site.send("subject.register", [record(cells)], **{header: named})
    assert answer.refusal == (400, "bad_actor")
    assert recorded(site, answer)["code"] == "bad_actor"
    mute(site, answer, value, cells["individual_number"])


# ---- the same again --------------------------------------------------------------------------------------------------


def test_the_same_key_with_the_same_body_gets_the_same_answer_and_has_no_second_effect(site, ordinal):
    body = [record(subject(ordinal())), {"name": 1}]
    key = f"same-body-{ordinal()}"
    first, again = (site.send("subject.register", body, Idempotency_Key=key) for _ in range(2))
    assert (first.status, first.json["repeated"]) == (202, False)
    assert (again.status, again.json) == (202, first.json | {"repeated": True})
    assert [each["outcome"] for each in site.outcomes(first.message_id)] == ["accepted", "refused"]
    mine = [each["kind"] for each in site.facts() if each.get("message_id") == first.message_id]
    assert mine.count("message.repeated") == 1
    assert [each for each in mine if each != "message.repeated"] == [
        "message.recorded",
        "delivery.attempted",
        "delivery.concluded",
    ]


def test_the_same_key_with_another_body_is_a_conflict(site, ordinal):
    cells = subject(ordinal())
    key = mark(ordinal())
    assert site.send("subject.register", [record(cells)], Idempotency_Key=key).status == 202
    answer = site.send("subject.register", [record(cells | {"sex": "2"})], Idempotency_Key=key)
    assert answer.refusal == (409, "request_key_reused")
    assert site.facts()[-1]["kind"] != "message.recorded"
    assert {"stage": "hub", "code": "request_key_reused"}.items() <= [
        each for each in site.facts() if each["kind"] == "message.refused"
    ][-1].items()
    mute(site, answer, key)


def test_a_question_asked_again_under_its_key_gets_the_same_replies(site, ordinal):
    cells = subject(ordinal())
    site.outcomes(site.send("subject.register", [record(cells)]).message_id)
    asked = [{name: cells[name] for name in DELETION[:2]}]
    key = f"same-question-{ordinal()}"
    first, again = (site.send("subject.lookup", asked, Idempotency_Key=key) for _ in range(2))
    assert first.status == again.status == 200
    assert first.json == again.json


# ---- who you are -----------------------------------------------------------------------------------------------------


def test_a_certificate_of_another_connector(site, ordinal):
    cells = subject(ordinal())
    answer = site.peer().post(f"/v1/{MUNICIPALITY}/vaccination_records/subject.register", [record(cells)])
    assert answer.refusal == (403, "wrong_connector")
    fact = recorded(site, answer)
    assert (fact["code"], fact["statement"]["connector"]) == ("wrong_connector", "health_management")
    mute(site, answer, cells["individual_number"])


def test_a_certificate_that_is_pinned_to_no_connector(site, ordinal):
    site.rests()
    before = len(site.facts())
    for path in (REGISTER, f"/v1/{mark(ordinal())}/x/y"):
        assert site.peer("operator").post(path, [record(subject(ordinal()))]).refusal == (403, "unknown_certificate")
    assert site.peer("operator").get("/v1/messages/x").refusal == (403, "unknown_certificate")
    assert len(site.facts()) == before  # counted, not recorded one by one: see test_must_every_act_is_a_fact


def test_without_a_certificate_nobody_gets_past_the_handshake(site):
    for port in ("listener", "admin"):
        nobody = type(site.peer())(site.ports[port], site.tls / "ca.crt", None)
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            nobody.get("/healthz")


def test_a_certificate_of_another_authority_does_not_get_past_the_handshake(site, tmp_path):
    from datetime import UTC, datetime

    from gateway.keys.certificates import Authority

    Authority.make("another", datetime.now(UTC)).client("health_management", datetime.now(UTC)).write(tmp_path, "other")
    other = type(site.peer())(site.ports["listener"], site.tls / "ca.crt", tmp_path / "other.crt")
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        other.post(REGISTER, [])


def test_an_operator_s_acts_need_an_operator_s_certificate(site):
    for method, path in (
        ("GET", "/v1/connectors"),
        ("GET", f"/v1/{MUNICIPALITY}/dead"),
        ("GET", f"/v1/{MUNICIPALITY}/messages/x"),
        ("POST", f"/v1/{MUNICIPALITY}/messages/x/replay"),
        ("POST", "/v1/reload"),
    ):
        system = type(site.peer())(site.ports["admin"], site.tls / "ca.crt", site.tls / "health_management.crt")
        assert system.ask(method, path, None).refusal == (403, "unknown_certificate")


def test_nobody_learns_of_a_message_that_is_not_their_own(site):
    assert site.peer().get("/v1/messages/01900000-0000-7000-8000-000000000000").refusal == (404, "unknown_message")
    assert site.peer().get(f"/v1/messages/{mark(1)}").refusal == (404, "unknown_message")


def test_an_address_that_is_none(site, ordinal):
    value = mark(ordinal())
    answer = site.peer().get(f"/v2/{value}")
    assert answer.status == 404
    mute(site, answer, value)


# ---- not even HTTP ---------------------------------------------------------------------------------------------------

SPOKEN = {
    "not a method": b"%s / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header name that is none": b"GET / HTTP/1.1\r\nHost: x\r\n%s : 1\r\n\r\n",
    "a length that is none": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\n",
    "a chunk that is none": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n",
    "a header too long": b"GET / HTTP/1.1\r\nHost: x\r\nX: %s" + b"y" * 20_000 + b"\r\n\r\n",
    "an expectation": b"POST /v1/999997/health_management/subject.register HTTP/1.1\r\nHost: x\r\nExpect: %s\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("spoken", SPOKEN.values(), ids=SPOKEN)
def test_what_is_not_even_http_is_not_quoted(site, ordinal, spoken):
    """The parser answers before anything of ours runs; still it is a problem, and says nothing of what came."""
    told = mark(ordinal())
    heard = site.peer().say(spoken.replace(b"%s", told.encode()))
    assert re.match(rb"HTTP/1\.[01] 4\d\d ", heard)
    assert told.encode() not in heard
    assert b"application/problem+json" in heard
    assert site.leaks({told}) == ()
