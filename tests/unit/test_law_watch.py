"""That time has passed by what routes cite is told once a day, and once for each configuration."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.config import load
from gateway.observe import Telemetry, configure
from gateway.wiring.law_watch import LawWatch
from tests.flow.site import write_config
from tests.flow.toys import TENANT

LAST_DAY = datetime(2099, 3, 31, 3, tzinfo=UTC)


def test_it_is_told_once_a_day_and_for_each_configuration(tmp_path: Path) -> None:
    write_config(tmp_path)
    printed, state = io.StringIO(), {"config": load(tmp_path), "now": LAST_DAY - timedelta(days=31)}
    watch = LawWatch(lambda: state["config"], Telemetry(configure(printed)), lambda: state["now"])  # type: ignore[arg-type, return-value]

    def told(**changes: Any) -> list[str]:
        printed.truncate(0)
        printed.seek(0)
        state.update(changes)
        watch.tell()
        watch.tell()
        lines = [json.loads(line) for line in printed.getvalue().splitlines()]
        return [problem for line in lines for problem in line["problems"]]

    assert told() == []
    soon = told(now=LAST_DAY)
    assert len(soon) == 1
    assert "L2 (架空法第2条) ends on 2099-03-31" in soon[0]
    assert told() == []
    assert told(config=replace(load(tmp_path), digest="another")) == soon
    (ended,) = told(now=LAST_DAY + timedelta(days=1))
    assert "routes.T1 carries nothing today: L2" in ended
    assert watch.sentences() == [ended]


def test_what_stops_many_routes_is_one_sentence_and_a_number(tmp_path: Path) -> None:
    """Both routes cite the assessment, one of them L2, too."""
    write_config(tmp_path)
    bases = (tmp_path / "config/legal_basis.toml").read_text(encoding="utf-8")
    whole = "valid_from = 2024-05-27\nvalid_until = 2099-03-31\n"
    head, assessment = bases.split("[assessment.A1]")
    ended = f"{head}[assessment.A1]{assessment.replace('valid_from = 2024-05-27', whole)}"
    (tmp_path / "config/legal_basis.toml").write_text(ended, encoding="utf-8")
    config, state = load(tmp_path), {"now": LAST_DAY}
    watch = LawWatch(lambda: config, Telemetry(configure(io.StringIO())), lambda: state["now"])
    assert watch.stopped() == {TENANT: 0}
    state["now"] += timedelta(days=1)
    both = "2 routes, T1 the first, carry nothing today: A1 (架空市の特定個人情報保護評価書) ended on 2099-03-31"
    one = "routes.T1 carries nothing today: L2 (架空法第2条) ended on 2099-03-31"
    assert sorted(watch.sentences()) == [f"config/tenants/{TENANT}.toml: {each}" for each in (both, one)]
    assert watch.stopped() == {TENANT: 2}
