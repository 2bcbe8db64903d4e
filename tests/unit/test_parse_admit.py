"""Whatever comes in, what comes out is a record, or a refusal by a code and a path of the interface: never a value."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.admit import admit, admit_here, admit_there
from gateway.edge.authenticate import authenticate
from gateway.edge.parse import parse
from gateway.edge.project import project
from gateway.errors import CODES, Refused
from gateway.messages import BadRecord, Header, Opened, path_known
from gateway.plugin import Proven
from tests.flow.toys import NUMBER, REGISTER, Sought, person, sought, whole_person
from tests.unit.test_authenticate import arrival
from tests.unit.test_messages import HEADER

CANARY = "架空の秘密の値"


def admitted(site, body, **changes):
    rules = site.office_rules
    entrance: dict[str, Any] = {} if isinstance(body, bytes) else {"entrance": "outbox", "fingerprint": None}
    attested = authenticate(arrival(site, body=body, **entrance, **changes), rules)
    return admit(parse(attested, rules.limits), rules)


def as_bytes(*records):
    return json.dumps(records, ensure_ascii=False).encode()


def first(site, record):
    """What becomes of one record, the same by bytes and by a connector's outbox."""
    through = admitted(site, as_bytes(record)), admitted(site, (record,))
    assert through[0].refused == through[1].refused
    (bad,) = through[0].refused
    return bad.code, bad.path


# ---- the whole ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"[", "not_json"),
        (b"[] []", "not_json"),
        (b"\xef\xbb\xbf[]", "not_json"),
        (b'["\xff"]', "not_json"),
        (b'["\\ud800"]', "not_json"),
        (b'["a\x00b"]', "not_json"),
        (b"[NaN]", "not_json"),
        (b"[-Infinity]", "not_json"),
        (b'[{"a":1,"a":1}]', "not_json"),
        (b'[{"b":{"a":1,"a":2}}]', "not_json"),
        (b'[{"a":1,"\\u0061":1}]', "not_json"),
        (b"[" + b"9" * 5000 + b"]", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"{}", "not_an_array"),
        (b"null", "not_an_array"),
        (b'"[]"', "not_an_array"),
        (b"[]", "no_records"),
        (b"[" + b"1," * 1000 + b"1]", "too_many_records"),
        (b"[" + b" " * 5 * 1024 * 1024 + b"]", "body_too_large"),
    ],
)
def test_a_body_that_is_no_array_of_records_is_refused_whole(site, body, code):
    with pytest.raises(Refused) as caught:
        admitted(site, body)
    assert caught.value.code == code
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("key", [b"", b"a b", "鍵".encode(), b"a" * 129, b"a\n"])
def test_an_idempotency_key_that_is_not_visible_ascii_is_refused(site, key):
    with pytest.raises(Refused, match="bad_request_key"):
        admitted(site, as_bytes(person()), request_key=key)


# ---- one record -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({CANARY: 1}, "unknown_field", f"unknown:{len(person()) + 1}:1"),
        ({"ｎａｍｅ": "太郎"}, "unknown_field", f"unknown:{len(person()) + 1}:1"),
        ({"Name": "太郎"}, "unknown_field", f"unknown:{len(person()) + 1}:1"),
        ({"name ": "太郎"}, "unknown_field", f"unknown:{len(person()) + 1}:1"),
        ({"na\u200bme": "太郎"}, "unknown_field", f"unknown:{len(person()) + 1}:1"),
        ({"": 1}, "unknown_field", f"unknown:{len(person()) + 1}:1"),
        ({"__class__": "x"}, "unknown_field", f"unknown:{len(person()) + 1}:1"),
        ({"home": {"address": "架空市", CANARY: 1}}, "unknown_field", "home.unknown:2:1"),
        (
            {"guardians": [{"guardian_name": "花子"}, {CANARY: 1, "x": 2, "guardian_name": "花子"}]},
            "unknown_field",
            "guardians[].unknown:1:2",
        ),
        ({CANARY: 1, "ｎａｍｅ": "太郎"}, "unknown_field", f"unknown:{len(person()) + 1}:2"),
        ({"name": None}, "null_value", "name"),
        ({"sex": None}, "null_value", "sex"),
        ({CANARY: None}, "null_value", None),
        ({"home": {"address": None}}, "null_value", "home.address"),
        (
            {"guardians": [{"guardian_name": "花子"}, {"guardian_name": None}]},
            "null_value",
            "guardians[].guardian_name",
        ),
        ({"guardians": [None]}, "null_value", None),
        ({"name": 1}, "wrong_type", "name"),
        ({"name": [CANARY]}, "wrong_type", "name"),
        ({"update_seq": "1"}, "wrong_type", "update_seq"),
        ({"update_seq": 1.0}, "wrong_type", "update_seq"),
        ({"update_seq": True}, "wrong_type", "update_seq"),
        ({"update_seq": 10**4000}, "out_of_range", "update_seq"),
        ({"update_seq": -1}, "out_of_range", "update_seq"),
        ({"control_flag_recovery": "false"}, "wrong_type", "control_flag_recovery"),
        ({"home": []}, "wrong_type", "home"),
        ({"home": CANARY}, "wrong_type", "home"),
        ({"home": {}}, "missing_required", "home.address"),
        ({"guardians": {}}, "wrong_type", "guardians"),
        ({"guardians": []}, "too_short", "guardians"),
        ({"guardians": [CANARY]}, "wrong_type", None),
        ({"guardians": [{}]}, "missing_required", "guardians[].guardian_name"),
        ({"guardians": [{"guardian_name": ""}]}, "too_short", "guardians[].guardian_name"),
        ({"name": "架" * 101}, "too_long", "name"),
        ({"name": "架空\u0000太郎"}, "control_character", "name"),
        ({"name": f"{CANARY}{NUMBER}"}, "individual_number_in_text", "name"),
        ({"home": {"address": "０００００００００００　0"}}, "individual_number_in_text", "home.address"),
        ({"individual_number": "000000000001"}, "check_digit", "individual_number"),
        ({"sex": "男"}, "not_in_code_list", "sex"),
        ({"internal_no": "１"}, "wrong_pattern", "internal_no"),
    ],
)
def test_a_bad_record_is_refused_by_code_and_path(site, change, code, path):
    assert first(site, person() | change) == (code, path)


@pytest.mark.parametrize("name", person())
def test_what_is_required_must_be_there(site, name):
    record = person()
    del record[name]
    assert first(site, record) == ("missing_required", name)


@pytest.mark.parametrize("element", [None, 1, 1.5, True, CANARY, [person()]])
def test_what_is_no_object_is_refused_alone(site, element):
    assert first(site, element) == ("not_an_object", None)


def test_good_records_keep_their_index_beside_bad_ones(site):
    body = as_bytes(person(1), CANARY, person(2), {CANARY: CANARY}, person(3))
    result = admitted(site, body)
    assert [index for index, _ in result.records] == [0, 2, 4]
    assert result.refused == (BadRecord(1, "not_an_object"), BadRecord(3, "missing_required", "internal_no"))


def test_a_connector_can_name_only_codes_and_paths_that_exist(site):
    bad = (BadRecord(0, CANARY, CANARY), BadRecord(1, "surplus_cell", "name"), person())
    assert admitted(site, bad).refused == (BadRecord(0, "unreadable"), BadRecord(1, "surplus_cell", "name"))


@pytest.mark.parametrize("depth", [200, 600, 5000])
def test_a_record_of_a_connector_that_is_nested_without_end_is_refused(site, depth):
    """By bytes the parser counts; what a connector hands in, nobody has counted yet."""
    deep: Any = "x"
    for _ in range(depth):
        deep = {"home": deep}
    result = admitted(site, (deep, person()))
    assert [each.index for each in result.refused] == [0]
    assert result.refused[0].code in ("too_deep", "missing_required", "unknown_field")


# ---- anything at all ------------------------------------------------------------------------------------------------

texts = st.text() | st.sampled_from([CANARY, NUMBER, "", "a\x00b", "1", "2026-02-29"])
keys = st.text() | st.sampled_from(
    ["internal_no", "name", "update_seq", "home", "guardians", "address", "guardian_name", "ｎａｍｅ", "home.address"]
)
numbers = st.integers() | st.floats() | st.integers(10**20, 10**40)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)
near_misses = st.builds(lambda record, more: record | more, st.just(whole_person()), st.dictionaries(keys, values))


def refused_soundly(result, site):
    known = {field.path for each in site.office_rules.contract.operations for field in each.fields}
    for bad in result.refused:
        assert bad.code in CODES
        assert bad.path is None or path_known(bad.path, known)


def judged_soundly(site, body):
    """It may be refused whole, record by record, or not at all."""
    try:
        refused_soundly(admitted(site, body), site)
    except Refused as refused:
        assert (refused.code in CODES, refused.path) == (True, None)  # noqa: PT017


@given(records=st.lists(values | near_misses, max_size=4))
def test_arbitrary_values_of_a_connector_are_admitted_or_refused_soundly(site, records):
    if not records:
        return
    result = admitted(site, tuple(records))
    refused_soundly(result, site)
    indices = [index for index, _ in result.records] + [bad.index for bad in result.refused]
    assert sorted(indices) == list(range(len(records)))


surrogates = st.text(alphabet=st.characters(categories=["Cs"]), min_size=1, max_size=3)


@given(surrogate=surrogates, place=st.sampled_from(["value", "key", "nested key", "nested value"]))
def test_lone_surrogates_of_a_connector_are_refused_alone(site, surrogate, place):
    change: dict[str, dict[str, Any]] = {
        "value": {"name": surrogate},
        "key": {surrogate: 1},
        "nested key": {"home": {"address": "架空市", surrogate: 1}},
        "nested value": {"home": {"address": surrogate}},
    }
    result = admitted(site, (person() | change[place], person(2)))
    assert [bad.index for bad in result.refused] == [0]
    refused_soundly(result, site)


@given(
    body=st.binary()
    | st.builds(lambda v: json.dumps(v).encode(), values)
    | st.lists(near_misses).map(
        lambda records: json.dumps(records, ensure_ascii=False, allow_nan=True).encode("utf-8", "surrogatepass")
    )
)
def test_arbitrary_bytes_are_admitted_or_refused_soundly(site, body):
    judged_soundly(site, body)


@given(data=st.data())
def test_a_good_body_with_a_few_bytes_exchanged_never_breaks_anything(site, data):
    body = bytearray(as_bytes(whole_person(), person(2)))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    judged_soundly(site, bytes(body))


# ---- the other end --------------------------------------------------------------------------------------------------


def test_what_the_destination_may_not_have_is_refused_before_sealing(site):
    rules = site.office_rules
    there = rules.contracts["register"].operation("receives", "person.put")
    projected = project(admitted(site, (whole_person(1), person(2))), ("internal_no", "sex", "name"))
    result = admit_there(projected, there)
    assert result.records == ()
    assert {(bad.index, bad.code) for bad in result.refused} == {(0, "missing_required"), (1, "missing_required")}


def test_the_receiving_edge_admits_by_its_own_interface_again(site):
    header = Header(**HEADER | {"kind": "event"})
    there = person(1), person(2, sex="1"), person(3, name="")
    here = admit_here(Opened(header, tuple(enumerate(there))), site.register_rules)
    assert [index for index, _ in here.records] == [0]
    assert here.refused == (
        BadRecord(1, "unknown_field", f"unknown:{len(person()) + 1}:1"),
        BadRecord(2, "too_short", "name"),
    )
    with pytest.raises(Refused, match="unknown_operation"):
        admit_here(Opened(header, ()), site.office_rules)


# ---- what is answered ------------------------------------------------------------------------------------------------


def answered(site, found):
    rules = site.register_rules
    reply = arrival(site, connector=REGISTER, operation="person.find", body=(found,), entrance="reply")
    return admit(parse(authenticate(reply, rules), rules.limits), rules, {0: Sought(**sought(1))})


def test_rule_1_an_answer_about_another_person_than_was_asked_for_is_a_dispute(site):
    assert [index for index, _ in answered(site, sought(1) | {"update_seq": 1}).records] == [0]
    other = answered(site, sought(2) | {"update_seq": 1})
    assert (other.records, other.refused) == ((), (BadRecord(0, "dispute", "internal_no"),))


# ---- whose use is stopped (C252) -------------------------------------------------------------------------------------


def test_who_shows_a_proof_of_one_person_does_not_learn_that_another_s_use_is_stopped(site):
    """It is asked last: of that other person this sender may know nothing."""
    rules = replace(site.office_rules, stopped=lambda named: True)
    came = arrival(site, body=as_bytes(person(1), person(2)), proof="shown")
    shown = authenticate(came, rules, lambda _: Proven((), {"internal_no": "0000000001"}))
    refused = admit(parse(shown, rules.limits), rules).refused
    assert [(each.index, each.code) for each in refused] == [(0, "use_stopped"), (1, "not_attested")]


def test_a_record_that_its_interface_refuses_is_refused_for_that(site):
    rules = replace(site.office_rules, stopped=lambda named: True)
    bad = admit(parse(authenticate(arrival(site, body=as_bytes({"internal_no": "x"})), rules), rules.limits), rules)
    assert [each.code for each in bad.refused] != ["use_stopped"]


def test_every_field_by_which_records_name_persons_is_looked_at(site):
    rules = replace(site.office_rules, person_fields=("name", "individual_number"), stopped=NUMBER.__eq__)
    came = arrival(site, body=as_bytes(whole_person(1), person(2)))
    (refused,) = admit(parse(authenticate(came, rules), rules.limits), rules).refused
    assert refused == BadRecord(0, "use_stopped", "individual_number")
