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
