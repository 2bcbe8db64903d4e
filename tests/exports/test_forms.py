"""Every kind of fact in every form, held against what others wrote: a grammar, a FHIR library, the log's commitment."""

import hashlib
import json
import re

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from gateway.hub.exports import file_form, syslog_frame
from gateway.hub.journal import FactKind
from tests.exports.grammar import frames, parse
from tests.exports.samples import FIELDS, MESSAGE, REVIEW, sample
from tests.exports.samples import plain_header as header
from tests.journal.builders import TENANT

GATEWAY = "renkei.example"
LINE, EVENT = file_form("jsonl", GATEWAY), file_form("fhir", GATEWAY)
every_kind = pytest.mark.parametrize("kind", FactKind)


def of_syslog(copy, enterprise=32473):
    (message,), rest = frames(syslog_frame(copy, host=GATEWAY, enterprise=enterprise))
    assert rest == b""
    return parse(message)


def event(copy):
    """Validated as R4; AuditEvent is the same in R4 and R4B."""
    line = EVENT(copy)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    AuditEvent.model_validate_json(line)
    return json.loads(line)


def test_the_samples_hold_every_kind_there_is():
    assert set(FIELDS) == set(FactKind)


# ---- every kind ------------------------------------------------------------------------------------------------------


@every_kind
def test_a_json_line_has_the_fact_s_own_bytes_and_proves_its_commitment(kind):
    copy = sample(kind)
    line = LINE(copy)
    told = json.loads(line)
    body = re.search(rb'"fact":(.*)}\n', line)
    assert body is not None
    assert hashlib.sha256(bytes.fromhex(told["salt"]) + body[1]).hexdigest() == told["commitment"]
    assert told["fact"] == {"seq": 41, "at": copy.fact["at"], "kind": kind, **copy.fact}
    assert told["tenant"] == copy.log


@every_kind
def test_a_syslog_message_parses_and_names_its_fact(kind):
    copy = sample(kind)
    message = of_syslog(copy)
    assert (message.host, message.msgid, message.element) == (GATEWAY, kind, "fact@32473")
    assert message.facility == 13
    assert message.severity in range(3, 7)
    assert message.text
    named = {"tenant": copy.log, "seq": "41", "commitment": copy.commitment.hex()}
    assert named.items() <= message.params.items()
    assert message.params.get("message") == copy.fact.get("message_id")


@every_kind
def test_an_audit_event_is_valid_by_a_fhir_library(kind):
    copy = sample(kind)
    told = event(copy)
    assert told["id"] == f"{copy.log}-41-{copy.commitment.hex()[:16]}", "after a restore another fact may be number 41"
    assert told["entity"][0]["what"]["identifier"]["value"] == copy.commitment.hex()
    assert "patient" not in json.dumps(told).lower()
    assert all(each["who"]["type"] in ("Device", "Practitioner") for each in told["agent"])


@every_kind
def test_of_what_is_not_to_be_disclosed_each_form_tells_only_that_it_is_there(kind):
    copy = sample(kind, undisclosed=True)
    line, message, told = json.loads(LINE(copy)), of_syslog(copy), event(copy)
    left = {"message_id", "seq", "at", "kind", "undisclosed"} & {*copy.fact, "undisclosed"}
    assert set(line["fact"]) == left
    assert "salt" not in line
    assert set(message.params) - {"message"} == {"tenant", "seq", "commitment", "undisclosed"}
    assert [each["who"]["identifier"]["value"] for each in told["agent"]] == [GATEWAY]
    assert not {"outcomeDesc", "purposeOfEvent"} & set(told)
    assert told["outcome"] == event(sample(kind, fields={}, undisclosed=True))["outcome"]


# ---- what they say ---------------------------------------------------------------------------------------------------


def test_who_sent_it_where_and_who_acted_are_told():
    copy = sample(FactKind.MESSAGE_RECORDED)
    assert of_syslog(copy).params == {
        "tenant": TENANT,
        "seq": "41",
        "commitment": copy.commitment.hex(),
        "message": MESSAGE,
        "source": "health_management",
        "destination": "vaccination_records",
        "operation": "subject.put",
        "route": "R01",
        "person": "staff-0300",
        "terminal": "desk-1",
    }
    told = event(copy)
    roles = [(each["type"]["coding"][0]["code"], each["who"]["identifier"]["value"]) for each in told["agent"]]
    assert roles == [
        ("110153", f"{TENANT}/health_management"),
        ("110152", f"{TENANT}/vaccination_records"),
        ("AUT", "staff-0300"),
    ]
    assert told["agent"][2]["network"] == {"address": "desk-1", "type": "1"}
    assert told["entity"][1]["what"]["identifier"]["value"] == f"urn:uuid:{MESSAGE}"


def test_what_was_handed_over_has_the_shape_of_a_disclosure():
    """BALP, PrivacyDisclosure.Source: type, subtype, action, source and recipient with a network each."""
    told = event(sample(FactKind.DELIVERY_CONCLUDED))
    assert (told["type"]["code"], told["subtype"][0]["code"], told["action"]) == ("110106", "disclose", "R")
    assert [each["type"]["coding"][0]["code"] for each in told["agent"]][:2] == ["110153", "110152"]
    assert all("network" in each for each in told["agent"][:2])


@pytest.mark.parametrize(
    ("endings", "outcome"),
    [
        (["accepted"], "0"),
        (["accepted", "duplicate"], "0"),
        (["accepted", "refused"], "4"),
        (["deferred"], "4"),
        (["refused", "dead"], "8"),
    ],
)
def test_the_outcome_of_an_attempt_is_that_of_its_worst_record(endings, outcome):
    outcomes = [{"ending": each, "records": str(at)} for at, each in enumerate(endings)]
    copy = sample(FactKind.DELIVERY_CONCLUDED, fields={"attempt": 1, "outcomes": outcomes})
    assert event(copy)["outcome"] == outcome


def test_whom_an_act_was_about_is_apart_from_who_acted():
    copy = sample(FactKind.PERSON_GRANTED)
    assert {"person": "staff-0100", "about": "staff-0200"}.items() <= of_syslog(copy).params.items()
    told = event(copy)
    assert [each["who"]["identifier"]["value"] for each in told["agent"]] == ["staff-0100"]
    assert told["entity"][-1]["what"]["identifier"]["value"] == "staff-0200"


def test_a_signal_is_nobody():
    assert "person" not in of_syslog(sample(FactKind.CONFIG_APPLIED)).params
    assert of_syslog(sample(FactKind.CONFIG_REFUSED)).params["person"] == "operator"


@pytest.mark.parametrize("kind", [FactKind.MESSAGE_RECORDED, FactKind.MESSAGE_REPEATED])
def test_rule_5_no_form_tells_what_a_hold_is_for(kind):
    fields = {"header": header(REVIEW)} if kind is FactKind.MESSAGE_RECORDED else {"attestations": [REVIEW]}
    copy = sample(kind, fields=fields)
    for form in (LINE, EVENT, lambda each: syslog_frame(each, host=GATEWAY, enterprise=32473)):
        assert b"review" not in form(copy)
    assert "salt" not in json.loads(LINE(copy)), "what is left does not give the commitment"


def test_what_would_end_a_syslog_parameter_is_escaped():
    copy = sample(FactKind.CONFIG_REFUSED, fields={"by": 'a"]\\b', "problems": 1})
    assert of_syslog(copy).params["person"] == 'a"]\\b'


def test_the_enterprise_number_is_that_of_the_setting():
    assert of_syslog(sample(FactKind.GATEWAY_STARTED), enterprise=99999).element == "fact@99999"
