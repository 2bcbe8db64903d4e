"""Keys change while messages travel: hub and edges come to the new directory one after another, and nothing is lost."""

import contextlib
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gateway.edge.rules import rules_for
from gateway.errors import Deferred, Refused
from gateway.hub.rules import hub_rules
from gateway.keys.at_rest import Secret
from gateway.keys.directory import Directory
from gateway.keys.layout import TenantKeys, read_text, read_verifier
from gateway.keys.make import publish, retire, rotate
from gateway.keys.private import EdgeKeys
from gateway.plugin import Accepted
from tests.flow.line import Clock, Line, endings, running
from tests.flow.site import Site, make_site
from tests.flow.toys import OFFICE, OFFICE_INTERFACE, REGISTER, REGISTER_INTERFACE, TENANT, person, sought

ANSWER: dict[str, Any] = {"internal_no": "0000000001", "update_seq": 1}
ACCEPTED = {0: ("accepted", None)}
INTERFACES = {OFFICE: OFFICE_INTERFACE, REGISTER: REGISTER_INTERFACE}


@dataclass
class Keeper:
    """Whoever keeps the keys of the site, and brings a new directory to one place after another."""

    line: Line
    site: Site
    directory: Directory

    @property
    def keys(self) -> TenantKeys:
        return TenantKeys(self.site.config.root, TENANT)

    @property
    def secret(self) -> Secret:
        return Secret.parse("file:keys/passphrase", self.site.config.root)

    def rotate(self) -> None:
        for name in (OFFICE, REGISTER):
            rotate(self.keys, name, self.secret)
        self.publish()

    def retire(self) -> None:
        for name in (OFFICE, REGISTER):
            retire(self.keys, name)
        self.publish()

    def publish(self) -> None:
        publish(self.keys, self.secret, Clock()())
        self.directory = Directory.parse(read_text(self.keys.directory), read_verifier(self.keys.root_vkey), TENANT)

    def bring(self, place: str) -> None:
        """A reload of the hub, or of one edge."""
        limits = self.line.hub.rules.limits
        if place == "hub":
            self.line.hub.adopt(replace(hub_rules(self.site.config, TENANT, self.directory), limits=limits), limits)
            return
        edge = {OFFICE: self.line.office, REGISTER: self.line.register}[place]
        edge.rules = replace(
            rules_for(self.site.config, TENANT, place, self.directory, INTERFACES[place]), limits=limits
        )
        edge.keys = EdgeKeys.load(self.keys.connector(place), self.secret, self.directory.connectors[place])


@pytest.fixture(params=["in_process", "https"])
async def keeper(request, tmp_path):
    site = make_site(tmp_path / "root")
    async with running(site, tmp_path, link=request.param) as line:
        yield Keeper(line, site, site.directory)


async def sent(line: Line, number: int) -> str:
    receipt = await line.outbox.send("person.put", [person(number)], key=b"%d" % number)
    return receipt.message_id


@pytest.mark.parametrize("order", [("hub", OFFICE, REGISTER), ("hub", REGISTER, OFFICE)])
async def test_whoever_comes_later_to_the_new_directory_refuses_nothing(keeper, order):
    keeper.rotate()
    line, asked = keeper.line, [sought(1)]
    line.register_system.answer = lambda told: dict.fromkeys(
        (index for index, _ in told.records), Accepted(ANSWER if told.operation == "person.find" else None)
    )
    messages = [await sent(line, 0)]
    for step, place in enumerate(order, 1):
        keeper.bring(place)
        messages.append(await sent(line, step))
        with contextlib.suppress(Deferred):  # the register may lack the key yet
            assert [each.record for each in await line.outbox.ask("person.find", asked, patience=0.05)] == [ANSWER]
    for each in messages:
        await line.settlement(each)
        assert endings(line.status(each)) == ACCEPTED
    assert "message.refused" not in {each["kind"] for each in line.every_fact()}


async def test_what_is_sealed_or_signed_for_an_edge_that_lacks_the_key_waits_for_it(keeper):
    keeper.rotate()
    line = keeper.line
    keeper.bring("hub")
    keeper.bring(OFFICE)
    message_id = await sent(line, 1)
    await line.until(lambda: line.facts(message_id).count("delivery.concluded") > 2)
    concluded = [each for each in line.journal.trace(message_id) if each["kind"] == "delivery.concluded"]
    assert {each["outcomes"][0]["code"] for each in concluded} == {"key_not_here"}
    where = {"tenant": TENANT, "destination": REGISTER}
    assert line.told("delivery.key_not_here") == [where | {"code": "key_not_here"}]
    assert line.told("delivery.key_here") == []
    keeper.bring(REGISTER)
    await line.settlement(message_id)
    assert endings(line.status(message_id)) == ACCEPTED
    assert line.told("delivery.key_here") == [where]


async def test_what_is_sealed_to_a_retired_key_is_dead_and_can_only_be_sent_anew(keeper):
    line = keeper.line
    line.to_edges.edges, linked = {}, line.to_edges.edges
    message_id = await sent(line, 1)
    await line.until(lambda: "delivery.concluded" in line.facts(message_id))
    keeper.rotate()
    keeper.retire()
    keeper.bring("hub")
    await line.until(lambda: "message.dead" in line.facts(message_id))  # no attempt is under way that began before
    line.to_edges.edges = linked
    assert (await line.settlement(message_id))[0].code == "unknown_key"
    assert endings(line.status(message_id)) == {0: ("dead", "unknown_key")}
    with pytest.raises(Refused, match="send_anew"):
        await line.hub.replay(message_id, "operator")


async def test_what_is_signed_with_a_retired_key_is_refused(keeper):
    line = keeper.line
    keeper.rotate()
    keeper.retire()
    keeper.bring("hub")
    for _ in range(3):
        with pytest.raises(Refused, match="unknown_key"):
            await sent(line, 1)
    told = {"tenant": TENANT, "source": OFFICE, "code": "unknown_key", "count": 1}
    assert line.told("source.left_behind") == [told]  # the others within a minute
    keeper.bring(OFFICE)
    keeper.bring(REGISTER)
    message_id = await sent(line, 2)
    await line.settlement(message_id)
    assert endings(line.status(message_id)) == ACCEPTED


async def test_an_answer_under_a_retired_key_is_given_out_no_more_and_how_it_ended_is(keeper):
    """Nobody vouches for it any more: the asker asks anew. That it was accepted stays known."""
    line = keeper.line
    line.register_system.answer = lambda told: dict.fromkeys((index for index, _ in told.records), Accepted(ANSWER))
    await line.outbox.ask("person.find", [sought(1)], key=b"k")
    message_id = next(each["message_id"] for each in line.every_fact() if each["kind"] == "message.recorded")
    for change in (keeper.rotate, keeper.retire):
        change()
        for place in ("hub", OFFICE, REGISTER):
            keeper.bring(place)
        _, answers = await line.office.status(message_id)
        assert (answers is None) == (change == keeper.retire)
    assert endings(line.status(message_id)) == ACCEPTED
    (refusal,) = (each for each in line.every_fact() if each["kind"] == "message.refused")
    assert (refusal["stage"], refusal["code"]) == ("hub", "unknown_key")
    with pytest.raises(Refused, match="answer_expired"):
        await line.outbox.ask("person.find", [sought(1)], key=b"k")
