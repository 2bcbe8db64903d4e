"""A lock changes while a message is under way: until its day the former digest passes, after it the message is dead."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gateway import config as configuration
from gateway.config import Former, japanese_day, keep_former
from gateway.edge.rules import rules_for
from gateway.errors import Refused
from gateway.plugin import Accepted, Answer, fields
from gateway.plugin.connector import Dead
from gateway.plugin.interface import describe
from tests.flow.line import Clock, endings, running
from tests.flow.site import Site, make_site
from tests.flow.toys import REGISTER, REGISTER_INTERFACE, TENANT, PersonThere, person, sought


class WiderThere(PersonThere):
    """One optional field more than before."""

    birth_date: fields.BirthDate | None = None


put, find = REGISTER_INTERFACE.operations
WIDER = replace(REGISTER_INTERFACE, version="2", operations=(replace(put, payload=WiderThere), find))


class Locked(Site):
    """The site after the register's lock was widened."""

    @property
    def register_rules(self):
        return rules_for(self.config, TENANT, REGISTER, self.directory, WIDER)


def widened(site: Site, until: date) -> Site:
    root = site.config.root
    former = configuration.write_contract(root, describe(REGISTER_INTERFACE))[1].digest()
    keep_former(root, Former(connector=REGISTER, digest=former, until=until))
    configuration.write_contract(root, describe(WIDER))
    return Locked(
        **{name: getattr(site, name) for name in site.__dataclass_fields__} | {"config": configuration.load(root)}
    )


@pytest.fixture
def noon():
    """A clock at the next noon in Japan: no midnight comes in between."""
    now, clock = datetime.now(UTC), Clock()
    today = now.replace(hour=3, minute=0, second=0, microsecond=0)
    clock.ahead = (today if today >= now else today + timedelta(days=1)) - now
    return clock


@pytest.fixture
async def under_way(tmp_path):
    """A message that was recorded for the former interface, and not delivered."""
    site = make_site(tmp_path / "root")
    async with running(site, tmp_path, dispatch=False) as line:
        receipt = await line.outbox.send("person.put", [person()], key=b"1")
    return site, receipt.message_id


async def test_what_is_under_way_over_a_lock_change_is_delivered(under_way, tmp_path, noon):
    site, message_id = under_way
    async with running(widened(site, japanese_day(noon())), tmp_path, clock=noon) as line:
        await line.settlement(message_id)
        assert endings(line.status(message_id)) == {0: ("accepted", None)}
        receipt = await line.outbox.send("person.put", [person(2)], key=b"2")
        assert (await line.settlement(receipt.message_id)).keys() == {0}


async def test_after_its_last_day_it_is_a_dead_letter_that_says_so(under_way, tmp_path, noon):
    site, message_id = under_way
    async with running(widened(site, japanese_day(noon()) - timedelta(days=1)), tmp_path, clock=noon) as line:
        assert await line.settlement(message_id) == {0: Dead("interface_changed")}
        assert line.register_system.deliveries == []


@pytest.mark.parametrize("days", [0, -1])
async def test_an_answer_is_had_again_until_the_last_day_of_the_interface_it_was_sealed_under(tmp_path, noon, days):
    """After it the asker asks anew; how the question ended stays known."""
    site = make_site(tmp_path / "root")
    found: dict[str, Any] = {"internal_no": "0000000001", "update_seq": 1}
    async with running(site, tmp_path, clock=noon) as line:
        line.register_system.answer = lambda told: {index: Accepted(found) for index, _ in told.records}
        answers = await line.outbox.ask("person.find", [sought()], key=b"1")
        message_id = line.register_system.deliveries[0].message_id
    assert answers == (Answer(0, record=found),)
    async with running(widened(site, japanese_day(noon()) + timedelta(days=days)), tmp_path, clock=noon) as line:
        told = await line.office.status(message_id)
        assert told is not None
        status, again = told
        assert endings(status) == {0: ("accepted", None)}
        if days == 0:
            assert again == await line.outbox.ask("person.find", [sought()], key=b"1") == answers
            return
        assert again is None
        with pytest.raises(Refused, match="answer_expired"):
            await line.outbox.ask("person.find", [sought()], key=b"1")
        refusals = [(each["stage"], each["code"]) for each in line.every_fact() if each["kind"] == "message.refused"]
        assert refusals == [("hub", "interface_changed")] * 2 + [("edge", "answer_expired")]
