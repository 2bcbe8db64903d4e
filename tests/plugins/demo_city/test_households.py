"""Who plays a part is fit for it, always the same and unmistakable; what is registered for them has the right form."""

import csv
import io
import json

import pytest

from gateway.plugin import checks
from gateway_demo_city.city import CANARY_LENGTH, neighbours, rows
from gateway_demo_city.form import Form
from gateway_demo_city.households import LEAST, households
from gateway_demo_city.plan import answers, files, registered, templates
from tests.architecture.tree import ROOT

LOCK = json.loads((ROOT / "config/interfaces/health_management.json").read_text(encoding="utf-8"))


def labels(operation: str) -> dict[str, str]:
    (found,) = (each for each in LOCK["operations"] if each["name"] == operation)
    return {field["label"]: field["path"] for field in found["fields"] if "label" in field}


def test_the_same_seed_gives_the_same_people() -> None:
    assert households(1000, 7) == households(1000, 7)
    assert households(1000, 7) != households(1000, 8)


def test_they_live_here_have_a_number_and_no_flag() -> None:
    people = households(1000, 7)
    assert len(people) == 40
    assert sum(each.is_child for each in people) == 30
    for each in people:
        assert checks.individual_number(each.person["individual_number"])
        assert each.person["resident_status"] in ("1", "2")
        assert {each.person[f"control_flag_{name}"] for name in ("nondisclosure", "view_suspended")} == {"0"}


def test_a_neighbour_is_as_the_last_good_row_says() -> None:
    last = {row.cells["internal_no"]: row.cells for row in rows(200, 7) if row.kind == "good"}
    assert {cells["internal_no"]: cells for cells in neighbours(200, 7)} == last


@pytest.mark.parametrize("residents", [1, 5, 60])
def test_a_small_city_has_its_least_people_or_too_few(residents: int) -> None:
    assert len(households(residents, 3)) == (LEAST if residents == 60 else 0)


def test_what_is_made_up_for_them_can_be_searched_for() -> None:
    people = households(1000, 7)
    texts = [text for each in people for text in (each.dose, each.notice, each.words("回答"), each.words("所見"))]
    assert len(set(texts)) == len(texts)
    assert all(len(text) >= CANARY_LENGTH and not checks.holds_individual_number(text) for text in texts)


@pytest.mark.parametrize(
    ("name", "operation"), [("management_plan", "management.register"), ("notice_plan", "notice.register")]
)
def test_files_have_the_headers_of_the_locked_interface(name: str, operation: str) -> None:
    people = households(200, 7)
    form = Form()
    table = list(csv.DictReader(io.StringIO(files(people, form)[name].decode("cp932"), newline="")))
    assert {*table[0]} <= labels(operation).keys()
    assert [row["内部番号"] for row in table] == [each.internal_no for each in people]
    assert {row["更新日時"] for row in table} == {"20260420090000"}


def test_every_question_of_the_template_is_answered() -> None:
    (one, *_) = households(200, 7)
    for template in templates():
        assert [item["item_id"] for item in template["items"]] == [answer["item_id"] for answer in answers(one)]


def test_a_state_as_json_has_no_empty_text_and_no_text_for_a_flag() -> None:
    (one, *_) = households(200, 7)
    record = registered(one.person)
    assert "" not in record.values()
    assert {type(record[name]) for name in record if name.startswith("control_flag")} == {bool}
    assert record["update_seq"] == int(one.person["update_seq"])
