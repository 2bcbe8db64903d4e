"""A whole day over real processes: all of it holds, every attempt ends as it must, and the README tells it as it is."""

import asyncio
import re

import pytest

from gateway_demo_city.report import Report
from gateway_demo_city.scenario import play
from gateway_demo_city.subjects import Options
from tests.architecture.tree import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
QUOTED = README.partition("## Two commands")[2].partition("```text\n")[2].partition("```")[0]

WHO = {"a clinic", "a portal", "an officer", "another body"}


class Quiet:
    """Tells nobody how the run goes on."""

    def step(self, text: str) -> None: ...
    def progress(self, done: int, total: int) -> None: ...


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return asyncio.run(play(Options(residents=100, seed=3), tmp_path_factory.mktemp("day"), Quiet()))


def test_all_of_it_holds(report: Report) -> None:
    assert [check for check in report.checks if not check.passed] == []
    assert report.keys["disputed, and not stored"] == 1
    assert report.keys["issued, and stored by the record system"] > 80


def test_every_attempt_is_refused_as_it_must_be(report: Report) -> None:
    assert [each for each in report.attempts if each.actual != each.expected] == []
    assert {each.who for each in report.attempts} == WHO


def test_every_receiver_had_something_and_nothing_was_given_up(report: Report) -> None:
    assert len(report.deliveries) == 8
    for counts in report.deliveries.values():
        assert counts["accepted"]
        assert "dead" not in counts


def test_the_readme_quotes_what_the_demo_says(report: Report) -> None:
    told = {each.name for each in report.checks} | {*report.day} | {*report.keys} | {*report.deliveries}
    told |= {each.what for each in report.attempts} | {each.kind for each in report.kinds}
    lines = [re.split(r"\s{2,}", line.strip()) for line in QUOTED.splitlines()]
    quoted = [cells[1] if cells[0] in WHO else cells[0] for cells in lines if len(cells) > 1]
    quoted = [each for each in quoted if each not in ("row", "check", "to", "who", "one day", "PMH keys")]
    assert len(quoted) > 20
    assert [each for each in quoted if not any(name.startswith(each.removesuffix(" ...")) for name in told)] == []
