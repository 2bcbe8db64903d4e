"""The demo believes no status file: each row is held against the way it was made."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gateway_demo_city.city import rows
from gateway_demo_city.expectation import Expectation
from gateway_demo_city.faults import Expected
from gateway_demo_city.peer import said
from gateway_demo_city.report import Attempt, Report, compare, read_status
from gateway_demo_city.show import Live, show

ACCEPTED = Expected("accepted")
REFUSED = Expected("refused", "check_digit", "individual_number")
EXPECTED = [(1, "good", ACCEPTED), (2, "wrong check digit", REFUSED), (3, "good", ACCEPTED)]
RIGHT = [(1, ACCEPTED), (2, REFUSED), (3, ACCEPTED)]


def compared(statuses: list[tuple[int, Expected]]) -> Report:
    report = Report("root")
    compare(EXPECTED, statuses, report)
    return report


def test_every_row_as_expected_passes() -> None:
    report = compared(RIGHT)
    assert report.passed
    assert report.endings == {ACCEPTED: 2, REFUSED: 1}
    assert [(kind.kind, kind.rows, kind.right) for kind in report.kinds] == [
        ("good", 2, 2),
        ("wrong check digit", 1, 1),
    ]


@pytest.mark.parametrize(
    ("statuses", "row"),
    [
        pytest.param([(1, ACCEPTED), (2, ACCEPTED), (3, ACCEPTED)], 2, id="a bad row was accepted"),
        pytest.param([(1, ACCEPTED), (2, Expected("refused", "check_digit")), (3, ACCEPTED)], 2, id="another field"),
        pytest.param([(1, ACCEPTED), (3, ACCEPTED)], 2, id="a row is missing"),
        pytest.param([*RIGHT, (4, ACCEPTED)], 4, id="a row too many at the end"),
        pytest.param([(0, REFUSED), *RIGHT], 0, id="a row too many at the beginning"),
        pytest.param([*RIGHT[:2], (2, REFUSED), RIGHT[2]], 2, id="a row twice"),
        pytest.param([], 1, id="nothing"),
    ],
)
def test_any_difference_fails_and_names_the_row(statuses: list[tuple[int, Expected]], row: int) -> None:
    report = compared(statuses)
    assert not report.passed
    assert report.mismatches[0].row == row


def test_a_report_without_checks_has_not_passed() -> None:
    assert not Report("root").passed


def test_the_status_file_is_read_as_the_connector_writes_it(tmp_path: Path) -> None:
    header = '"行番号","連携処理ステータス","状態コード","規則コード","項目","項目名","メッセージID"\r\n'
    lines = '"1","受付","accepted","","","","x"\r\n'
    lines += '"2","拒否","refused","check_digit","individual_number","個人番号","x"\r\n'
    (tmp_path / "status.csv").write_bytes((header + lines).encode("cp932"))
    assert list(read_status(tmp_path / "status.csv", "cp932")) == RIGHT[:2]


def test_the_expectation_counts_what_must_be_held() -> None:
    expectation = Expectation(sample_every=10)
    made = list(rows(200, seed=5))
    assert [number for number, _, _ in expectation.gather(made)] == list(range(1, len(made) + 1))
    good = [row.cells for row in made if row.kind == "good"]
    assert expectation.persons == 200
    assert expectation.versions == len(good)
    assert expectation.deleted == sum(cells["change_type"] == "3" for cells in good)
    latest = {cells["internal_no"]: cells for cells in good}
    assert len(expectation.sample) == 20
    assert all(latest[number] == cells for number, cells in expectation.sample.items())


def test_only_the_latest_state_and_nothing_beside_it_is_a_right_answer() -> None:
    expectation = Expectation(sample_every=10)
    list(expectation.gather(row for row in rows(200, seed=5) if row.cells["change_type"] != "3"))
    state = next(iter(expectation.sample.values()))
    flags = {name: state[name] == "1" for name in state if name.startswith("control_flag")}
    version = {"updated_at": state["updated_at"], "update_seq": int(state["update_seq"])}
    record = {"internal_no": state["internal_no"], "vaccination_subject_no": "VABCDEFGHJKLM", **version, **flags}
    assert expectation.right(0, {"index": 0, "record": record})
    assert not expectation.right(1, {"index": 1, "record": record})
    assert not expectation.right(0, {"index": 0, "record": record | {"update_seq": 99}})
    assert not expectation.right(0, {"index": 0, "record": record | {"individual_number": state["individual_number"]}})
    assert not expectation.right(0, {"index": 0, "code": "no_such_person"})
    unknown, elsewhere = len(expectation.sample), len(expectation.sample) + 1
    for index in (unknown, elsewhere):
        assert expectation.right(index, {"index": index, "code": "no_such_person"})
        assert not expectation.right(index, {"index": index, "record": record})


def test_the_tables_and_the_machine_form_tell_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    report = compared([(1, ACCEPTED), (2, ACCEPTED), (3, ACCEPTED)])
    console = Console(file=io.StringIO(), width=160)
    show(report, console, as_json=False)
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Something did not hold" in told
    assert "individual_number" in told
    show(report, console, as_json=True)
    plain = json.loads(capsys.readouterr().out)
    assert plain["passed"] is False
    assert plain["mismatches"][0]["row"] == 2


def test_an_attempt_is_shown_with_how_it_ended_and_its_check_decides() -> None:
    report = Report("root")
    refused, let_in = Expected("refused", "not_attested"), Expected("answered")
    report.attempts = [
        Attempt("a clinic", "shows none", refused, let_in, 200),
        Attempt("a portal", "x", refused, refused, 403),
    ]
    report.check("what must fail fails", "1 of 2", passed=False)
    console = Console(file=io.StringIO(), width=160)
    show(report, console, as_json=False)
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert re.search(r"a clinic +shows none +answered +200", told)
    assert re.search(r"a portal +x +not_attested +403", told)
    assert "Something did not hold" in told


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        ({"replies": [{"index": 0, "record": {"a": 1}}]}, Expected("answered")),
        ({"replies": [{"index": 0, "code": "no_such_person"}]}, Expected("refused", "no_such_person")),
        ({"code": "not_attested", "message_id": "m"}, Expected("refused", "not_attested")),
        (
            {"code": "all_records_refused", "records": [{"index": 0, "code": "too_long", "path": "name"}]},
            Expected("refused", "too_long", "name"),
        ),
    ],
)
def test_one_records_ending_is_found_wherever_the_answer_has_it(body: dict[str, Any], ending: Expected) -> None:
    assert said(200, body).ending == ending


def test_progress_without_a_terminal_is_a_line_at_each_quarter() -> None:
    console = Console(file=io.StringIO(), width=100)
    live = Live(console)
    live.step("begin")
    for done in range(0, 1001, 10):
        live.progress(done, 1000)
    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "> begin", "  250 of 1,000", "  500 of 1,000", "  750 of 1,000", "  1,000 of 1,000",
    ]  # fmt: skip
