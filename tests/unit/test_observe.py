"""Telemetry says what is on the allow-list and nothing else; an exception is its type and places, never its text."""

import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from gateway.messages import Ending, RecordOutcome
from gateway.observe import ALLOWED, Telemetry, configure, places

SECRET = "架空の秘密の値"


def telemetry():
    stream = io.StringIO()
    return Telemetry(configure(stream)), stream


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def boom():
    local_secret = SECRET
    raise ValueError(local_secret)


def caught() -> Exception:
    try:
        try:
            boom()
        except ValueError as error:
            raise RuntimeError(SECRET) from error
    except RuntimeError as error:
        return error
    raise AssertionError


@given(key=st.from_regex(r"[a-z_]{1,20}", fullmatch=True))
def test_only_keys_on_the_list_are_printed(key):
    observed, stream = telemetry()
    observed.log.info("something", **({key: SECRET} if key not in {"event", *ALLOWED} else {}), code="too_long")
    (line,) = lines(stream)
    assert set(line) <= ALLOWED
    assert (line["event"], line["code"], line["level"]) == ("something", "too_long", "info")
    assert SECRET not in json.dumps(line, ensure_ascii=False)


def test_records_that_their_own_edge_refused_are_one_line_with_how_many_of_each_code():
    observed, stream = telemetry()
    observed.not_admitted("999997", "clinic_app", "visit.query", "m-1", ["too_long", "too_long", "wrong_type"])
    observed.not_admitted("999997", "clinic_app", "visit.query", "m-2", [])
    (line,) = lines(stream)
    assert (line["event"], line["operation"], line["message_id"]) == ("records.refused", "visit.query", "m-1")
    assert line["counts"] == {"too_long": 2, "wrong_type": 1}


def test_what_is_bound_is_held_to_the_list_too():
    observed, stream = telemetry()
    observed.log.bind(name=SECRET, tenant="999997").warning("something")
    (line,) = lines(stream)
    assert line["tenant"] == "999997"
    assert "name" not in line


@pytest.mark.parametrize("how", ["exception", "exc_info", "stack_info"])
def test_an_exceptions_text_is_never_printed(how):
    observed, stream = telemetry()
    try:
        boom()
    except ValueError as error:
        match how:
            case "exception":
                observed.log.exception("failed")
            case "exc_info":
                observed.log.error("failed", exc_info=error)
            case _:
                observed.log.warning("failed", stack_info=True, exc_info=True)
    assert "ValueError" not in stream.getvalue() or SECRET not in stream.getvalue()
    assert SECRET not in json.dumps(lines(stream), ensure_ascii=False)


def test_a_bug_is_its_type_and_places_and_is_counted():
    observed, stream = telemetry()
    observed.bug(caught(), "deliver raised")
    observed.bug(None, "deliver left a record without an outcome", tenant="999997", connector="office")
    first, second = lines(stream)
    assert (first["error"], first["problem"]) == ("RuntimeError", "deliver raised")
    assert [each.split(":")[0] for each in first["places"]] == ["test_observe.py"]
    assert (second["error"], second["places"]) == ("contract", [])
    assert (second["tenant"], second["connector"]) == ("999997", "office")
    assert SECRET not in json.dumps([first, second], ensure_ascii=False)
    metrics = generate_latest(observed.registry).decode()
    assert 'renkei_bugs_total{error="RuntimeError"} 1.0' in metrics
    assert SECRET not in metrics


def test_places_name_files_without_folders():
    for place in places(caught()):
        assert "/" not in place
        assert place.endswith(" caught")


def test_metrics_count_arrivals_and_outcomes():
    observed, _ = telemetry()
    observed.arrived("999997", "office", "person.put", "recorded")
    outcomes = [RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(1, None, "system_busy")]
    observed.ended("999997", "register", "01a20041-1169-7010-a3fc-80119c8df1db", outcomes)
    metrics = generate_latest(observed.registry).decode()
    assert (
        'renkei_arrivals_total{code="recorded",connector="office",operation="person.put",tenant="999997"} 1.0'
        in metrics
    )
    assert 'renkei_records_total{code="system_busy",destination="register",outcome="deferred"} 1.0' in metrics
    assert 'renkei_records_total{code="",destination="register",outcome="accepted"} 1.0' in metrics


@pytest.mark.parametrize(
    ("died", "event", "level"),
    [
        (RecordOutcome(0, Ending.REFUSED, "dispute", "pmh_key"), "dispute", "error"),
        (RecordOutcome(0, Ending.DEAD, "expired"), "message.dead", "warning"),
    ],
)
def test_what_somebody_must_look_into_names_its_message(died, event, level):
    observed, stream = telemetry()
    alike = [replace(died, index=index) for index in range(3)]
    observed.ended("999997", "pmh", "01a20041", [*alike, RecordOutcome(3, Ending.ACCEPTED)])
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["count"]) == (event, level, 3)
    assert (line["tenant"], line["destination"], line["message_id"]) == ("999997", "pmh", "01a20041")
    assert line["code"] == died.code


def test_what_is_not_json_does_not_break_a_line():
    observed, stream = telemetry()
    observed.log.info("something", path=object, counts={"rows": 1}, codes=("a", "b"))
    assert lines(stream)[0]["counts"] == {"rows": 1}
