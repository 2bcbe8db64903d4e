"""What was refused is found again, whoever refused it, newest first, and a slice of the log at a time."""

import pytest

from gateway.hub.journal import FactKind, Journal, refusals
from gateway.messages import Ending, RecordOutcome
from tests.journal.builders import AT, NOW, id_of, message, new_id


async def refused_by_all(journal: Journal) -> list[str]:
    """By the edge in part and wholly, by the hub, by the destination; between them what was not refused."""
    there, sent, stated, forged = (
        message((0, 1)),
        message((0,), refused=[(1, "check_digit", "gtin")]),
        new_id(),
        new_id(),
    )
    silent = message((), refused=[(0, "unknown_field", "unknown:1:1")])
    for each in (there, message((0,)), sent, silent):
        await journal.record(each, at=AT, now=NOW)
    statement = {"connector": "clinic_app", "operation": "visit.query", "code": "not_attested", "records": []}
    edge = {"stage": "edge", "code": "not_attested", "statement": statement}
    await journal.state(FactKind.MESSAGE_REFUSED, edge, at=AT, message_id=stated)
    hub = {"stage": "hub", "code": "no_route", "connector": "pmh", "operation": "pmh_key.issue"}
    await journal.fact(FactKind.MESSAGE_REFUSED, hub, at=AT, message_id=forged)
    ends = [RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(1, Ending.REFUSED, "superseded", "updated_at")]
    await journal.conclude(id_of(there), ends, attempt=1, next_at=None, at=AT, now=NOW)
    taken = {"connector": "pmh", "kind": "note", "act": "file_taken"}
    refused = {"connector": "intermediate_server", "kind": "note", "act": "provision_refused", "code": "permit_denied"}
    noted = new_id()
    await journal.state(FactKind.CONNECTOR_NOTED, {"statement": taken}, at=AT, message_id=new_id())
    await journal.state(FactKind.CONNECTOR_NOTED, {"statement": refused}, at=AT, message_id=noted)
    return [noted, id_of(there), forged, stated, id_of(silent), id_of(sent)]


async def test_refusals_are_told_newest_first_with_who_refused_what_and_why(journal: Journal) -> None:
    ids = await refused_by_all(journal)
    found, down_to = journal.refusals()
    assert ([each["message_id"] for each in found], down_to) == (ids, 1)
    noted, there, forged, stated, silent, sent = found
    assert [each["by"] for each in found] == ["connector", "destination", "hub", "edge", "edge", "edge"]
    assert (noted["act"], "act" in stated) == ("provision_refused", False)
    assert (noted["source"], noted["code"], noted["outcomes"]) == ("intermediate_server", "permit_denied", [])
    assert there["outcomes"] == [{"ending": "refused", "code": "superseded", "path": "updated_at", "records": "1"}], (
        "and not what was accepted"
    )
    assert (there["source"], there["operation"]) == ("health_management", "subject.put")
    assert there["destination"] == "vaccination_records"
    assert (forged["source"], forged["operation"], forged["code"]) == ("pmh", "pmh_key.issue", "no_route")
    assert forged["outcomes"] == []
    assert (stated["source"], stated["operation"], stated["code"]) == ("clinic_app", "visit.query", "not_attested")
    assert (silent["source"], silent["outcomes"][0]["code"]) == ("health_management", "unknown_field")
    assert (sent["destination"], sent["outcomes"][0]["records"]) == ("vaccination_records", "1")


async def test_each_read_looks_at_few_facts_and_together_they_miss_and_repeat_none(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "SLICE", 2)
    ids, found, before = await refused_by_all(journal), [], None
    while before != 1:
        some, before = journal.refusals(before)
        assert len(some) <= 2
        found += some
    assert [each["message_id"] for each in found] == ids
    assert journal.refusals(10**17)[0] == journal.refusals()[0]
    assert journal.refusals(1) == ([], 1)


def test_of_an_empty_log_nothing_was_refused(journal: Journal) -> None:
    assert journal.refusals() == ([], 1)
