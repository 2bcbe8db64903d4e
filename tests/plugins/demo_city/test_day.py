"""`make demo`, as the README has it: all of it holds, all attempts end as they must, the README tells it as it is."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway_demo_city.known_as import known_as
from gateway_demo_city.split import Split
from tests.architecture.tree import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
QUOTED = README.partition("## Two commands")[2].partition("```text\n")[2].partition("```")[0]

WHO = {"a clinic", "a portal", "an officer", "another body"}


KINDS = ("process_serial_no", "permit", "permit_no", "sealed_answer", "bodies_key", "network_key")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of the README's own first command, with what is already set up."""
    of_whoever_tests = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    folder = tmp_path_factory.mktemp("day")
    done = subprocess.run(
        ["make", f"VENV={sys.prefix}", f"--old-file={sys.prefix}/ready", "demo", f"ARGS=--json --keep {folder}"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in of_whoever_tests},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["passed"] == (done.returncode == 0)
    return told


def test_all_of_it_holds(report: dict[str, Any]) -> None:
    assert [check for check in report["checks"] if not check["passed"]] == []
    assert report["passed"]
    assert report["keys"]["disputed, and not stored"] == 1
    assert report["keys"]["issued, and stored by the record system"] > 800


def test_every_attempt_is_refused_as_it_must_be(report: dict[str, Any]) -> None:
    assert [each for each in report["attempts"] if each["actual"] != each["expected"]] == []
    assert {each["who"] for each in report["attempts"]} == WHO


def test_every_receiver_had_something_and_nothing_was_given_up(report: dict[str, Any]) -> None:
    assert len(report["deliveries"]) == 8
    for counts in report["deliveries"].values():
        assert counts["accepted"]
        assert "dead" not in counts


def test_what_the_network_knows_people_by_was_there_to_be_searched_for(report: dict[str, Any]) -> None:
    found = known_as(Split.read(Path(report["root"])))
    people = 5
    assert len(found["integrated_addressee_no"]) == people
    assert len(found["person_code"]) > people
    assert all(found[kind] for kind in KINDS)


def test_the_day_has_every_part_of_what_passes_between_bodies(report: dict[str, Any]) -> None:
    held = {check["name"] for check in report["checks"]}
    assert held >= {
        "a family's history arrives, and is loaded once",
        "replicas are as the originals",
        "another city is answered",
        "a prefecture, by row 26, is answered",
        "a resident is answered",
        "a protected person is held, and released by two",
        "what the law wants recorded is",
        "results of inquiries delete themselves",
    }
    assert {each["expected"]["code"] for each in report["attempts"] if each["who"] == "another body"} == {
        "counterparty_not_allowed",
        "no_inquirer_key",
        "not_on_matching_list",
        "permit_not_valid",
        "request_key_reused",
    }


def test_the_readme_quotes_what_the_demo_says(report: dict[str, Any]) -> None:
    told = {each["name"] for each in report["checks"]} | {*report["day"], *report["keys"], *report["deliveries"]}
    told |= {each["what"] for each in report["attempts"]} | {each["kind"] for each in report["kinds"]}
    lines = [re.split(r"\s{2,}", line.strip()) for line in QUOTED.splitlines()]
    quoted = [cells[1] if cells[0] in WHO else cells[0] for cells in lines if len(cells) > 1]
    quoted = [each for each in quoted if each not in ("row", "check", "to", "who", "one day", "PMH keys")]
    assert len(quoted) > 10
    assert [each for each in quoted if not any(name.startswith(each.removesuffix(" ...")) for name in told)] == []
