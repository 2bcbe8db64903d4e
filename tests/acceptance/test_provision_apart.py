"""At the information provision network with hub and edges as processes of their own: the hub decides and is blind."""

from collections.abc import Iterator

import pytest

from tests.acceptance.network import CONNECTOR, Network
from tests.acceptance.officers import APPROVER, OFFICER, code, decide, grant, held, shown
from tests.acceptance.programs import until


@pytest.fixture
def network(tmp_path) -> Iterator[Network]:
    made = Network.apart(tmp_path / "site").start()
    grant(made.site, tmp_path / "site/offline")
    yield made
    made.close()


def test_rules_2_5_and_6_with_hub_and_edges_apart(network, ordinal):
    """One is answered, one refused, one held and released, one inquired about; whose kill -9 loses nothing."""
    free, protected = network.resident(ordinal()), network.resident(ordinal(), flagged=True)
    network.knows(free, free.dose)
    since = len(network.site.facts())
    numbers = [network.asked(free), network.asked(free, wrong="forged_permit"), network.asked(protected)]
    (message_id,) = network.held(since)
    assert network.ended(numbers[0]) == ("answered", [free.dose])
    assert network.ended(numbers[1]) == ("refused", None)
    assert network.refused() == ["permit_not_valid"]
    assert [each["cause"] for each in held(network.site)] == ["review"]
    assert code(shown(network.site, network.site.root, CONNECTOR, message_id, OFFICER)) == "edge_elsewhere"
    for name in (OFFICER, APPROVER):
        assert protected.dose["lot_no"] in shown(network.site, network.edge, CONNECTOR, message_id, name).out
    assert decide(network.site, "release", message_id, OFFICER).status == 0
    assert network.told(numbers[2]) == ("waiting", None)
    for program in (network.site.gateway, network.site.edges["edges"]):
        program.kill()
    network.start()
    assert network.told(numbers[2]) == ("waiting", None)
    assert code(decide(network.site, "release", message_id, OFFICER)) == "second_person_needed"
    assert decide(network.site, "release", message_id, APPROVER).status == 0
    assert network.ended(numbers[2]) == ("answered", [protected.dose])
    assert network.sent("inquiry.request", free.inquiry("APART")) == ["accepted"]
    until(lambda: network.rows("server", "SELECT 1 FROM inquiries WHERE taken = 1"))  # else its file may be half there
    numbers_here = {each.individual_number for each in (free, protected)}
    assert network.beyond(numbers_here) == ()
    assert network.leaks(free.values() | protected.values() | numbers_here) == ()
    assert network.anywhere(network.hidden()) == ()
    assert network.site.cli("log", "verify").status == 0
