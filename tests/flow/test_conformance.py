"""The entrance keeps to its own description: schemathesis calls it over real mutual TLS, by cases drawn from it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types of its own
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from gateway.edge.description import Descriptions
from gateway.interfaces import record_schema
from gateway.plugin import Accepted, Delivery
from gateway.plugin.interface import describe
from tests.flow.calling import FIND, PUT
from tests.flow.line import running
from tests.flow.toys import OFFICE, OFFICE_INTERFACE, person, sought

STATUS, PROOF = "/v1/messages/{message_id}", "/v1/messages/{message_id}/proof"
GAP = {"check_digit", "not_a_date", "individual_number_in_text", "wrong_type", "control_character"}
"""What passes the schema and is refused all the same, as the schema's module says."""
BOUNDED: dict[str, Any] = {
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


def answer(delivery: Delivery) -> dict[int, Accepted]:
    asked = delivery.operation == "person.find"
    named = {index: record.model_dump()["internal_no"] for index, record in delivery.records}
    return {index: Accepted({"internal_no": each, "update_seq": 7} if asked else None) for index, each in named.items()}


@pytest.fixture
async def line(site, tmp_path):
    async with running(site, tmp_path) as made:
        made.register_system.answer = answer
        yield made


@pytest.fixture
def described(line, entrance):
    """The document, as a schema of schemathesis."""
    return schemathesis.openapi.from_dict(json.loads(Descriptions(entrance[0].settings.name).of([line.office])))


@pytest.fixture
async def how(site, line, listening, entrance) -> AsyncIterator[dict[str, Any]]:
    """How schemathesis calls as the office. At the end the listener has seen that it hung up."""
    tls = site.config.root / "keys/tls"
    with requests.Session() as session:
        session.trust_env = False
        session.cert = (str(tls / f"{OFFICE}.crt"), str(tls / f"{OFFICE}.key"))
        yield {"base_url": entrance[1], "session": session, "verify": str(tls / "ca.crt"), "timeout": 60}
    _, runner = listening
    await line.until(lambda: not runner.server.connections)


def words(value: Any) -> Iterator[str]:
    """Every text that was sent, keys too."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from (str(key), *words(each))
    elif isinstance(value, list):
        for each in value:
            yield from words(each)
    elif isinstance(value, str):
        yield value


def echoed(case, response, known: str) -> list[str]:
    """What was sent, is in the answer, and is no word of the document's or of each answer's."""
    sent = [*words(case.body), *words(dict(case.headers or {})), *words(case.path_parameters)]
    answer = f"{_without_answers(response.text)} {dict(response.headers)}"
    return [each for each in sent if len(each) > 5 and each not in known and each in answer]


def unfit(path: str, body: Any) -> set[int]:
    """The records that the schema of the operation refuses."""
    operation = describe(OFFICE_INTERFACE).operation("sends", path.rpartition("/")[2])
    assert operation is not None
    validator = Draft202012Validator(record_schema(operation.fields))
    return {index for index, record in enumerate(body) if not validator.is_valid(record)}


def refused(told: Any) -> set[int]:
    return {each["index"] for each in (*told.get("refused", ()), *told.get("replies", ())) if "code" in each}


def _without_answers(text: str) -> str:
    """What the destination answers names the person who was asked for."""
    try:
        told = json.loads(text)
    except ValueError:
        return text
    told.pop("replies", None)
    return json.dumps(told, ensure_ascii=False)


@pytest.mark.parametrize(
    ("method", "path", "mode", "examples"),
    [
        ("POST", PUT, GenerationMode.NEGATIVE, 30),
        ("POST", FIND, GenerationMode.NEGATIVE, 25),
        ("GET", STATUS, GenerationMode.POSITIVE, 5),
        ("GET", STATUS, GenerationMode.NEGATIVE, 15),
        ("GET", PROOF, GenerationMode.POSITIVE, 5),
        ("GET", PROOF, GenerationMode.NEGATIVE, 15),
    ],
)
async def test_every_answer_is_one_of_those_described_and_echoes_nothing(described, how, method, path, mode, examples):
    """No status, header or form beyond the document, hence no 5xx either but those that it tells of."""
    known = json.dumps(described.raw_schema, ensure_ascii=False)
    statuses: set[int] = set()

    @settings(max_examples=examples, **BOUNDED)
    @given(described[path][method].as_strategy(generation_mode=mode))
    def calls(case):
        response = case.call(**how)
        case.validate_response(response, excluded_checks=[negative_data_rejection])
        assert echoed(case, response, known) == []
        statuses.add(response.status_code)
        if method == "POST" and response.status_code < 300:  # the unit of refusal is the record
            assert unfit(path, case.body) <= refused(response.json())

    plain = await asyncio.to_thread(lambda: how["session"].get(f"{how['base_url']}/", verify=how["verify"]))
    known += f"{plain.text} {dict(plain.headers)}"
    await asyncio.to_thread(calls)
    assert statuses


@pytest.mark.parametrize(("path", "good"), [(PUT, 202), (FIND, 200)])
async def test_what_fits_the_description_is_taken_but_for_the_stated_gap(described, how, path, good):
    statuses: set[int] = set()

    @settings(max_examples=40, **BOUNDED)
    @given(described[path]["POST"].as_strategy(generation_mode=GenerationMode.POSITIVE))
    def calls(case):
        case.headers.pop("Renkei-Proof", None)  # nobody makes up one that holds
        response = case.call(**how)
        case.validate_response(response, excluded_checks=[positive_data_acceptance])
        statuses.add(response.status_code)
        if response.status_code != good:
            told = response.json()
            assert told["code"] in {"all_records_refused", "request_key_reused", "answer_expired", "bad_actor"}
            assert {each["code"] for each in told.get("records", [])} <= GAP

    await asyncio.to_thread(calls)
    assert good in statuses


async def test_what_became_of_a_message_is_told_as_described(described, how):
    def walk():
        for path, record in ((PUT, person()), (FIND, sought())):
            posted = described[path]["POST"].Case(body=[record], media_type="application/json")
            response = posted.call(**how)
            posted.validate_response(response)
            which = {"message_id": response.json()["message_id"]}
            for address in (STATUS, PROOF):
                asked = described[address]["GET"].Case(path_parameters=which)
                answer = asked.call(**how)
                asked.validate_response(answer)
                assert answer.status_code == 200
        drawn = described["/openapi.json"]["GET"].Case()
        drawn.validate_response(drawn.call(**how))

    await asyncio.to_thread(walk)


async def test_an_answer_beyond_the_description_or_an_echo_would_be_seen(described, how):
    """The watch itself: each of these, were it answered, is found."""
    case = described[PUT]["POST"].Case(body=[person()], media_type="application/json")
    body = (await asyncio.to_thread(lambda: case.call(**how))).json()
    for status, told in (
        (200, body),
        (202, body | {"more": 1}),
        (202, {"message_id": body["message_id"]}),
        (503, {"type": "about:blank", "title": "Service Unavailable", "status": 503}),
    ):
        with pytest.raises(FailureGroup):
            case.validate_response(planted(status, told))
    assert echoed(case, planted(202, {"records": [person()["name"]]}), "") == [person()["name"]]


def planted(status: int, body: Any) -> requests.Response:
    response = requests.Response()
    response.status_code, response._content = status, json.dumps(body, ensure_ascii=False).encode()
    response.headers["Content-Type"] = "application/json"
    response.request = requests.Request("POST", f"https://localhost{PUT}").prepare()
    return response
