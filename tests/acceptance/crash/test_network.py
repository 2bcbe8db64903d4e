"""Inquiry and provision when the gateway dies at its writes, and when time passes: rule 7, and nothing given twice.

What was said to the network is what somebody on the line heard.
"""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.crash.faults import Fault, wrong_clock
from tests.acceptance.network import CONNECTOR, OTHER_CITY, Network
from tests.acceptance.officers import APPROVER, OFFICER, decide, grant, held, shown
from tests.acceptance.programs import until

WAL = "*/state/journal/999997.db-wal"
KEPT = 604_800
"""Seconds for which results are kept, at the server and in the journal: `result_seconds`, `keep_seconds`."""
HOUR = 3600
DEATHS = (("pwrite", 2, "lost"), ("sync", 1, "before"), ("sync", 1, "after"), ("sync", 2, "before"))
"""At the commits of one exchange: what is recorded, and what is concluded."""


@pytest.fixture
def network(tmp_path, starter) -> Iterator[Network]:
    made = Network.made(tmp_path / "site", starter)
    yield made
    made.close()


@pytest.fixture
def killed(network, library, tmp_path) -> Callable[..., None]:
    """Has the gateway die at one of its writes, whatever `does` starts; then it is there again, well."""

    def dies(call: str, nth: int, how: str, does: Callable[[], object]) -> None:
        site, armed = network.site, tmp_path / "armed"
        armed.unlink(missing_ok=True)
        site.gateway.kill()
        site.gateway.start(**Fault(call, WAL, how, nth).environment(library, armed=armed))
        until(lambda: site._serves(site.gateway, lambda: site.admin().get("/readyz").status == 200))
        armed.touch()
        does()
        until(lambda: not site.gateway.running)
        armed.unlink()
        site.start_gateway()

    return dies


def given_once(network: Network, number: str) -> None:
    """However often it was said: one answer, to one destination, one message, one 情報提供等記録."""
    said = [each for each in network.calls("/server/v1/provisions/answer") if each["provision_no"] == number]
    assert {each["result"] for each in said} == {"answered"}
    assert len({(each["permit_no"], each["destination"]) for each in said}) == 1


def test_kill_9_at_the_writes_of_a_provision_and_of_an_inquiry(network, killed, ordinal):
    network.start()
    who = network.resident(ordinal())
    network.knows(who, who.dose)
    numbers = []
    for turn, (call, nth, how) in enumerate(DEATHS):
        killed(call, nth, how, lambda: numbers.append(network.asked(who)))
        assert network.ended(numbers[-1]) == ("answered", [who.dose])
        asked = who.inquiry(f"K{turn}")

        def inquires(asked: dict[str, object] = asked) -> None:
            try:
                network.site.send("inquiry.request", [asked], Idempotency_Key=str(asked["inquiry_no"]))
            except OSError:
                return

        killed(call, nth, how, inquires)
        answer = network.site.send("inquiry.request", [asked], Idempotency_Key=str(asked["inquiry_no"]))
        assert [each["outcome"] for each in network.site.outcomes(answer.message_id)] == ["accepted"]
    until(lambda: len(told(network)) == len(DEATHS))
    for number in numbers:
        given_once(network, number)
    assert Counter(each["kind"] for each in network.records()["own"]) == {
        "provision": len(DEATHS),
        "inquiry": len(DEATHS),
    }
    assert len(network.given()) == len(network.given("inquiry.answer")) == len(DEATHS)
    assert network.site.gateway.stop() == 0
    assert network.site.cli("log", "verify").status == 0


def told(network: Network) -> list[str]:
    """Inquiries whose answer the city has."""
    return [number for (number,) in network.rows("server", "SELECT request_id FROM inquiries WHERE taken = 1")]


def test_kill_9_at_the_writes_of_a_hold_and_its_release(network, killed, ordinal):
    network.start()
    grant(network.site, network.site.root)
    who = network.resident(ordinal(), flagged=True)
    for call, nth, how in DEATHS[:3]:
        since = len(network.site.facts())
        asked: list[str] = []
        killed(call, 1, how, lambda told=asked: told.append(network.asked(who)))
        (message_id,) = network.held(since)
        for name in (OFFICER, APPROVER):
            assert shown(network.site, network.edge, CONNECTOR, message_id, name).status == 0
        assert network.told(asked[0]) == ("waiting", None)
        killed(call, 1, how, lambda held=message_id: decide(network.site, "release", held, OFFICER))
        assert network.told(asked[0]) == ("waiting", None)
        decide(network.site, "release", message_id, OFFICER)  # if the word was lost
        assert network.told(asked[0]) == ("waiting", None)
        killed(call, nth, how, lambda held=message_id: decide(network.site, "release", held, APPROVER))
        decide(network.site, "release", message_id, APPROVER)
        assert network.ended(asked[0]) == ("answered", [who.dose])
        given_once(network, asked[0])
    assert held(network.site) == []
    assert network.site.gateway.stop() == 0
    assert network.site.cli("log", "verify").status == 0


# ---- rule 7 ----------------------------------------------------------------------------------------------------------


def acts(network: Network) -> Counter[str]:
    noted = [each["statement"]["act"] for each in network.site.facts() if each["kind"] == "connector.noted"]
    return Counter(noted)


def deleted(network: Network) -> int:
    return sum(each["kind"] == "envelope.deleted" for each in network.site.facts())


def test_rule_7_results_are_deleted_after_their_time_and_not_before(network, library, ordinal, tmp_path):
    """Of a finished inquiry and of an aborted one, at the server; and in the journal. Each deletion is a fact."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    network.start_systems()
    site = network.site
    site.gateway.start(**wrong_clock(library, clock))
    until(lambda: site._serves(site.gateway, lambda: site.admin().get("/readyz").status == 200))
    who = network.resident(ordinal())
    network.knows(who, who.dose)
    assert network.ended(network.asked(who)) == ("answered", [who.dose])
    assert network.sent("inquiry.request", who.inquiry("DONE")) == ["accepted"]
    network.control("next", wrong="aborts")
    assert network.sent("inquiry.request", who.inquiry("ABORTED", provider=OTHER_CITY)) == ["accepted"]
    until(lambda: len(told(network)) == 2)
    clock.write_text(str(KEPT - HOUR))
    looks = len(network.calls("/server/v1/inquiries/list"))
    until(lambda: len(network.calls("/server/v1/inquiries/list")) > looks + 3)
    assert network.control("state")["results"] == 2
    assert (acts(network)["result_deleted"], deleted(network)) == (0, 0)
    clock.write_text(str(KEPT + HOUR))
    until(lambda: network.control("state")["results"] == 0)
    assert acts(network)["result_deleted"] == 2
    site.gateway.kill()  # it looks at a start, and then each minute
    site.gateway.start(**wrong_clock(library, clock))
    until(lambda: deleted(network) == 3)  # what was given out, what was answered to us, and what was aborted
    for each in (*network.given(), *network.given("inquiry.answer"), *network.given("inquiry.end")):
        assert site.kinds(each["message_id"])[-1] == "envelope.deleted"
    assert site.gateway.stop() == 0
    assert site.cli("log", "verify").status == 0
