"""What a route holds goes out after two people have released it, by commands, whatever dies meanwhile."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.officers import APPROVER, OFFICER, code, decide, grant, held, shown
from tests.acceptance.programs import until
from tests.acceptance.site import DESTINATION, Site
from tests.acceptance.split import SplitSite
from tests.acceptance.subjects import MUNICIPALITY, subject

ROUTE = 'id = "R01"\n'


def holding(*roots: Path) -> None:
    """From the next start R01 holds, at hub and edges."""
    for root in roots:
        file = root / f"config/tenants/{MUNICIPALITY}.toml"
        text = file.read_text(encoding="utf-8")
        assert text.count(ROUTE) == 1
        file.write_text(text.replace(ROUTE, f"{ROUTE}hold = true\n"), encoding="utf-8")


def walk(site: Site, edge: Path, cells: dict[str, str], between: Callable[[], None]) -> str:
    """Registered, looked at by both, approved, released; `between` each two of these."""
    message_id = site.register(cells)
    for name in (OFFICER, APPROVER):
        between()
        (listed,) = held(site)
        assert (listed["message_id"], listed["cause"]) == (message_id, "review")
        told = shown(site, edge, DESTINATION, message_id, name)
        assert (told.status, f"(internal_no): {cells['internal_no']}" in told.out) == (0, True), told.err
    between()
    assert decide(site, "release", message_id, OFFICER).status == 0
    between()
    assert code(decide(site, "release", message_id, OFFICER)) == "second_person_needed"
    assert site.held()["persons"] == 0
    assert decide(site, "release", message_id, APPROVER).status == 0
    between()
    assert [each["outcome"] for each in site.outcomes(message_id)] == ["accepted"]
    return message_id


def test_rule_5_a_hold_survives_kill_9_between_each_two_words_of_its_people(new_site, ordinal):
    site = new_site()
    holding(site.root)
    site.start()
    grant(site, site.root)

    def dies() -> None:
        site.gateway.kill()
        site.start_gateway()

    cells = subject(ordinal())
    message_id = walk(site, site.root, cells, dies)
    assert held(site) == []
    assert site.held()["persons"] == 1
    kinds = [each for each in site.kinds(message_id) if each.startswith("hold.")]
    assert kinds == ["hold.placed", "hold.looked", "hold.looked", "hold.approved", "hold.released"]
    assert site.cli("log", "verify").status == 0
    assert not re.search(cells["internal_no"], json.dumps(site.facts()))


@pytest.fixture
def split(tmp_path: Path) -> Iterator[SplitSite]:
    made = SplitSite(tmp_path / "split", "hub_and_edges")
    yield made
    made.close()


def test_the_blind_hub_decides_and_the_edge_of_another_process_shows(split, ordinal):
    edges = split.folder / "edges"
    holding(split.root, *(split.folder / name for name in split.names))
    split.start()
    grant(split, split.folder / "offline")
    message_id = walk(split, edges, subject(ordinal()), lambda: None)
    other = split.register(subject(ordinal()))
    assert code(shown(split, split.root, DESTINATION, other, OFFICER)) == "edge_elsewhere"
    assert code(shown(split, edges, DESTINATION, other, "staff-0100")) == "role_missing"
    assert shown(split, edges, DESTINATION, other, OFFICER).status == 0
    assert decide(split, "refuse", other, OFFICER, "not_disclosable").status == 0
    until(lambda: [each["outcome"] for each in split.outcomes(other)] == ["refused"])
    assert "delivery.attempted" not in split.kinds(other)
    assert "hold.released" in split.kinds(message_id)
