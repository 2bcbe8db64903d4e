"""Inquiry and provision when the gateway dies at its writes, and when time passes: rule 7, and nothing given twice.

What was said to the network is what somebody on the line heard.
"""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

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


class Killed:
    """Has the gateway die at its writes, each death in its turn; between, it is there again, well.

    What runs between two deaths has the next one's fault, which nothing sets off before that: one start for each death.
    """

    def __init__(self, network: Network, library: Path, armed: Path, deaths: Iterable[tuple[str, int, str]]) -> None:
        self._network, self._library, self._armed = network, library, armed
        self._faults = (Fault(call, WAL, how, nth) for call, nth, how in deaths)

    def start(self) -> None:
        """Well, until the file `armed` is there."""
        site, fault = self._network.site, next(self._faults, None)
        site.gateway.start(**(fault.environment(self._library, armed=self._armed) if fault else {}))
        until(lambda: site._serves(site.gateway, lambda: site.admin().get("/readyz").status == 200))

    def dies(self, does: Callable[..., object]) -> None:
        """At the writes of what `does` starts, and of nothing before it."""
        gateway = self._network.site.gateway
        until(self._rests)
        self._armed.touch()
        does()
        until(lambda: not gateway.running)
        assert gateway.ended() == -signal.SIGKILL
        self._armed.unlink()
        self.start()

    def _rests(self) -> bool:
        """Whether the journal was not written to for a while, be it a fact or a row beside."""
        journal = self._network.site.journal()
        wal = journal.with_name(f"{journal.name}-wal")
        before = wal.stat()
        time.sleep(0.2)
        after = wal.stat()
        return (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)


def given_once(network: Network, number: str) -> None:
    """However often it was said: one answer, to one destination, one message, one 情報提供等記録."""
    said = [each for each in network.calls("/server/v1/provisions/answer") if each["provision_no"] == number]
    assert {each["result"] for each in said} == {"answered"}
    assert len({(each["permit_no"], each["destination"]) for each in said}) == 1


def test_kill_9_at_the_writes_of_a_provision_and_of_an_inquiry(network, library, ordinal, tmp_path):
    network.start_systems()
    gateway = Killed(network, library, tmp_path / "armed", [death for death in DEATHS for _ in range(2)])
    gateway.start()
    who = network.resident(ordinal())
    network.knows(who, who.dose)
    numbers = []
    for turn in range(len(DEATHS)):
        gateway.dies(lambda: numbers.append(network.asked(who)))
        assert network.ended(numbers[-1]) == ("answered", [who.dose])
        asked = who.inquiry(f"K{turn}")

        def inquires(asked: dict[str, object] = asked) -> None:
            try:
                network.site.send("inquiry.request", [asked], Idempotency_Key=str(asked["inquiry_no"]))
            except OSError:
                return

        gateway.dies(inquires)
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


def test_kill_9_at_the_writes_of_a_hold_and_its_release(network, library, ordinal, tmp_path):
    network.start_systems()
    ways = DEATHS[:3]
    deaths = [(call, at, how) for call, nth, how in ways for at in (1, 1, nth)]  # asked, approved, released
    gateway = Killed(network, library, tmp_path / "armed", deaths)
    gateway.start()
    grant(network.site, network.site.root)
    who = network.resident(ordinal(), flagged=True)
    for _ in ways:
        since = len(network.site.facts())
        asked: list[str] = []
        gateway.dies(lambda told=asked: told.append(network.asked(who)))
        (message_id,) = network.held(since)
        for name in (OFFICER, APPROVER):
            assert shown(network.site, network.edge, CONNECTOR, message_id, name).status == 0
        assert network.told(asked[0]) == ("waiting", None)
        gateway.dies(lambda held=message_id: decide(network.site, "release", held, OFFICER))
        assert network.told(asked[0]) == ("waiting", None)
        decide(network.site, "release", message_id, OFFICER)  # if the word was lost
        assert network.told(asked[0]) == ("waiting", None)
        gateway.dies(lambda held=message_id: decide(network.site, "release", held, APPROVER))
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
    """Of results; what else is kept for a shorter time goes, too."""
    told = (*network.given(), *network.given("inquiry.answer"), *network.given("inquiry.end"))
    results = {each["message_id"] for each in told}
    return sum(each["kind"] == "envelope.deleted" and each["message_id"] in results for each in network.site.facts())


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
