"""What an operator is told of refusals: a bounded answer, and a place from which to go on."""

from gateway.hub import hub
from gateway.hub.journal import FactKind, refusals
from tests.flow.line import just_now
from tests.flow.toys import OFFICE


async def refused(line, times):
    for _ in range(times):
        body = {"stage": "hub", "code": "no_route", "connector": OFFICE}
        await line.journal.fact(FactKind.MESSAGE_REFUSED, body, at=just_now())


async def test_many_refusals_are_told_in_parts_without_a_gap(line):
    await refused(line, 120)
    parts, before = [], None
    while before != 1:
        found, before = await line.hub.refused(before)
        parts.append([each["seq"] for each in found])
    assert [len(part) for part in parts] == [50, 50, 20]
    assert [seq for part in parts for seq in part] == list(range(120, 0, -1))


async def test_a_long_log_without_refusals_is_not_read_to_its_end_at_once(line, monkeypatch):
    monkeypatch.setattr(refusals, "SLICE", 2)
    monkeypatch.setattr(hub, "_MOST_LOOKED", 3)
    await refused(line, 1)
    for _ in range(9):
        await line.journal.fact(FactKind.OPERATOR_ACTED, {"operator": "x", "act": "trace"}, at=just_now())
    assert await line.hub.refused(None) == ([], 5)
    found, down_to = await line.hub.refused(5)
    assert ([each["seq"] for each in found], down_to) == ([1], 1)
