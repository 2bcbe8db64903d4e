"""Who passes between bodies is always the same, and nobody of the city file; files about them have the right form."""

import csv
import io
import json
from collections.abc import Callable

import pytest

from gateway.plugin import checks
from gateway_demo_city.addressees import DOSE, Addressees, standing, told
from gateway_demo_city.city import CANARY_LENGTH, rows
from gateway_demo_city.form import Form
from tests.architecture.tree import ROOT

LOCK = json.loads((ROOT / "config/interfaces/health_management.json").read_text(encoding="utf-8"))
FORM = Form()
PEOPLE = Addressees.made(200, 7)
FILES: dict[str, Callable[[Form], dict[str, bytes]]] = {
    "addressee.register": PEOPLE.registration,
    "replica.register": PEOPLE.exchange,
    "inquiry.request": PEOPLE.exchange,
    "announcement.send": PEOPLE.exchange,
    "replica.delete": PEOPLE.deletion,
}


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("cp932"), newline="")))


def fields(operation: str) -> dict[str, str]:
    (found,) = (each for each in LOCK["operations"] if each["name"] == operation)
    return {field["label"]: field["path"] for field in found["fields"] if "label" in field}


def prefix(operation: str) -> str:
    whole = {"replica.register": "replica_register_", "replica.delete": "replica_delete_"}
    return whole.get(operation, operation.partition(".")[0] + "_")


def test_the_same_seed_gives_the_same_people() -> None:
    assert Addressees.made(200, 7) == PEOPLE
    assert Addressees.made(200, 8) != PEOPLE


def test_nobody_of_them_is_in_the_city_file() -> None:
    city = {row.cells["internal_no"] for row in rows(200, 7)} | {row.cells["individual_number"] for row in rows(200, 7)}
    own = {each.internal_no for each in PEOPLE.everybody} | {each.individual_number for each in PEOPLE.everybody}
    assert len(own) == 2 * len(PEOPLE.everybody)
    assert not city & own
    assert all(checks.individual_number(each.individual_number) for each in PEOPLE.everybody)
    assert all(each.individual_number.startswith("0000") for each in PEOPLE.everybody)


@pytest.mark.parametrize("operation", FILES)
def test_each_file_begins_as_configured_and_has_the_locked_headers(operation: str) -> None:
    (content,) = (each for name, each in FILES[operation](FORM).items() if name.startswith(prefix(operation)))
    found = table(content)
    assert {*found[0]} <= fields(operation).keys()
    assert {row["自治体コード"] for row in found} == {"999997"}


def test_one_of_them_is_protected_and_only_that_one() -> None:
    flags = [row["自動応答不可フラグ"] for row in table(PEOPLE.registration(FORM)["addressee_day"])]
    assert flags == ["0", "0", "0", "0", "1"]
    assert PEOPLE.everybody[-1] is PEOPLE.protected


def test_the_originals_are_what_was_registered_without_what_was_deleted() -> None:
    (registered,) = (each for name, each in PEOPLE.exchange(FORM).items() if name.startswith("replica_register_"))
    (deleted,) = table(PEOPLE.deletion(FORM)["replica_delete_day"])
    left = [row for row in table(registered) if row["レコード識別番号"] != deleted["レコード識別番号"]]
    assert len(left) == len(table(registered)) - 1
    assert table(PEOPLE.originals(FORM)) == left
    assert [each["dataset_record_no"] for each in standing(PEOPLE.asked)] == [
        row["レコード識別番号"] for row in left if row["内部番号"] == PEOPLE.asked.internal_no
    ]


def test_a_dose_is_told_without_the_record_that_it_stands_in() -> None:
    (one, *_) = told(standing(PEOPLE.asked))
    assert set(one) == set(DOSE)
    assert (one["dose_no"], one["overseas_flag"]) == (1, False)


def test_what_is_made_up_of_them_can_be_searched_for() -> None:
    found = PEOPLE.canaries()
    assert all(len(value) >= CANARY_LENGTH for values in found.values() for value in values)
    assert len(found["lot_no"]) == sum(len(each.records) for each in PEOPLE.everybody)
    texts = [*found["vaccine_generic_name"], *found["address"], *found["name"]]
    assert not any(checks.holds_individual_number(text) for text in texts)
