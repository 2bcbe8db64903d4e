import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plugin import Accepted, DeferredRecord, Refused, RefusedRecord
from gateway_pmh import answers
from tests.plugins.vaccination_records.subjects import individual_number

ASKED = {0: individual_number(1), 7: individual_number(2)}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["rows", "rowNo", "status", "issued"]), inner),
)


def succeeded(row: int, **changes: Any) -> dict[str, Any]:
    return {"rowNo": row, "status": "succeeded", "issued": {"pmhKey": f"K{row}", "myNumber": ASKED[row]} | changes}


def read(*rows: Any) -> dict[int, Any]:
    return dict(answers.issued(json.dumps({"rows": rows}).encode(), ASKED))


def test_rows_count_by_their_number_in_whatever_order() -> None:
    assert read(succeeded(7), succeeded(0)) == {
        row: Accepted(reply={"pmh_key": f"K{row}", "individual_number": number}) for row, number in ASKED.items()
    }


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [succeeded(0)],
        [succeeded(0), succeeded(0)],
        [succeeded(0), succeeded(7), succeeded(7)],
        [succeeded(0), succeeded(7) | {"rowNo": 1}],
        [succeeded(0), succeeded(7) | {"rowNo": "7"}],
        [succeeded(0), succeeded(7) | {"status": "perhaps"}],
        [succeeded(0), succeeded(7) | {"surplus": 1}],
        [succeeded(0), {"rowNo": 7, "status": "failed"}],
        [succeeded(0), {"rowNo": 7, "status": "succeeded"}],
    ],
)
def test_what_is_not_one_known_answer_for_each_row_is_garbage(rows: list[Any]) -> None:
    with pytest.raises(answers.Garbage):
        read(*rows)


def test_two_members_of_one_name_are_garbage() -> None:
    row = json.dumps(succeeded(0)).replace('"myNumber"', '"myNumber": "x", "myNumber"')
    with pytest.raises(answers.Garbage):
        answers.issued(f'{{"rows": [{row}]}}'.encode(), {0: ASKED[0]})


@pytest.mark.parametrize(
    ("issued", "code"),
    [
        ({"pmhKey": "K", "myNumber": ASKED[7], "name": "架空 太郎"}, "unknown_field"),
        ({"pmhKey": "K", "myNumber": ASKED[7], "linkingNo": "1"}, "unknown_field"),
        ({"pmhKey": "K", "name": "架空 太郎"}, "unknown_field"),
        ({"pmhKey": "K"}, "missing_required"),
        ({}, "missing_required"),
    ],
)
def test_rule_1_other_fields_than_the_two_refuse_the_whole(issued: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        read(succeeded(0), {"rowNo": 7, "status": "succeeded", "issued": issued})
    assert (refused.value.code, refused.value.path) == (code, None)


@pytest.mark.parametrize(
    "returned", [individual_number(3), ASKED[0], ASKED[7][:-1], f"{ASKED[7]} ", int(ASKED[7]), None, "", "０" * 12]
)
def test_rule_1_a_number_that_is_not_the_one_sent_to_the_byte_is_a_dispute(returned: Any) -> None:
    outcomes = read(succeeded(0), succeeded(7, myNumber=returned))
    assert outcomes[7] == RefusedRecord("dispute", "individual_number")
    assert isinstance(outcomes[0], Accepted)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "wrong_type"),
        (7, "wrong_type"),
        ({"value": "K7"}, "wrong_type"),
        ("", "wrong_pattern"),
        ("K7" * 999, "wrong_pattern"),
    ],
    ids=["null", "a number", "nested", "empty", "long"],
)
def test_a_key_that_the_interface_does_not_take_is_not_handed_on(key: Any, code: str) -> None:
    outcomes = read(succeeded(0), succeeded(7, pmhKey=key))
    assert outcomes[7] == RefusedRecord(code, "pmh_key")
    assert isinstance(outcomes[0], Accepted)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(key, id=name)
        for name, key in {
            "its own": ASKED[7],
            "that of another row": ASKED[0],
            "anybody's": individual_number(3),
            "another row's after a letter": "K-" + ASKED[0],
            "with hyphens": f"{individual_number(3)[:4]}-{individual_number(3)[4:8]}-{individual_number(3)[8:]}",
            "another row's beside a group of digits": f"1-{ASKED[0]}",
            "another row's within more digits": f"9{ASKED[0][:6]}-{ASKED[0][6:]}9",
        }.items()
    ],
)
def test_rule_1_a_number_in_the_keys_place_is_a_dispute(key: str) -> None:
    outcomes = read(succeeded(0), succeeded(7, pmhKey=key))
    assert outcomes[7] == RefusedRecord("dispute", "pmh_key")
    assert isinstance(outcomes[0], Accepted)


@pytest.mark.parametrize(
    "key",
    [
        f"00000000-0000-4000-8000-{individual_number(3)}",
        "000000000011",
        "0000000000000",
        "PMH00000000000",
        "00000A000000",
        "1" * 64,
    ],
)
def test_a_key_of_digits_is_a_key_if_they_are_no_number(key: str) -> None:
    assert isinstance(read(succeeded(0), succeeded(7, pmhKey=key))[7], Accepted)


def test_one_key_for_two_numbers_is_used_for_neither() -> None:
    outcomes = read(succeeded(0, pmhKey="K"), succeeded(7, pmhKey="K"))
    assert outcomes == dict.fromkeys(ASKED, RefusedRecord("dispute", "pmh_key"))


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("busy", DeferredRecord("system_busy")),
        ("unknown_number", RefusedRecord("no_such_person", "individual_number")),
        ("wrong_check_digit", RefusedRecord("check_digit", "individual_number")),
        ("架空 太郎", RefusedRecord("refused_by_system")),
    ],
)
def test_a_rows_failure_becomes_a_code_of_ours(code: str, outcome: object) -> None:
    assert read(succeeded(0), {"rowNo": 7, "status": "failed", "code": code})[7] == outcome


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_that_is_no_answer_is_garbage_and_mute(answer: bytes) -> None:
    with pytest.raises(answers.Garbage) as garbage:
        answers.issued(answer, ASKED)
    assert garbage.value.args == ()
    assert garbage.value.__suppress_context__ or garbage.value.__context__ is None


@pytest.mark.parametrize(
    "grant",
    [
        {},
        {"access_token": "a", "token_type": "mac"},
        {"access_token": "", "token_type": "Bearer"},
        {"access_token": "a\r\nX: y", "token_type": "Bearer"},
        {"access_token": "a", "token_type": "Bearer", "expires_in": 0},
        {"access_token": "a", "token_type": "Bearer", "expires_in": "60"},
        {"access_token": "a", "token_type": "Bearer", "expires_in": 10**400},
    ],
)
def test_what_is_no_bearer_token_is_garbage(grant: dict[str, Any]) -> None:
    with pytest.raises(answers.Garbage):
        answers.granted(json.dumps(grant).encode())


def test_a_token_without_a_time_counts_as_short_lived_and_is_not_shown() -> None:
    granted = answers.granted(b'{"access_token":"secret-token==","token_type":"bearer","scope":"x"}')
    assert (granted.value, granted.seconds) == ("secret-token==", 60.0)
    assert "secret" not in repr(granted)
