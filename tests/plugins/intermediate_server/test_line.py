"""The connector on a real line, with the example's routes and rows, and people who release."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt
import pytest

from gateway import config as configuration
from gateway.config import Config, idle
from gateway.edge.outbox import EdgeOutbox
from gateway.edge.rules import EdgeRules, rules_for
from gateway.hub.rules import HubRules, hub_rules
from gateway.keys.directory import Directory
from gateway.keys.private import EdgeKeys
from gateway.plugin import Accepted, Context, DeferredRecord, Delivery, Outcome, RefusedRecord
from gateway.tlog.note import Signer
from gateway.wiring.opening import log_signer, open_directory, open_keys
from gateway_health_management.interface import INTERFACE as HEALTH_MANAGEMENT
from gateway_intermediate_server import renkei_connector
from gateway_intermediate_server.client import Client
from gateway_intermediate_server.connector import IntermediateServer
from gateway_intermediate_server.interface import INTERFACE
from gateway_intermediate_server.simulated.signing import SigningKey
from tests.acceptance.programs import GATEWAY, command
from tests.flow import line as lines
from tests.flow.holding import ANNA, BEN, TERMINAL, looked, someone, staffed
from tests.plugins.intermediate_server.exchanges import DATASET, inquire
from tests.plugins.intermediate_server.line import DOSE, patient, replica, settings
from tests.plugins.intermediate_server.running import MUNICIPALITY, PREFECTURE, Resident, Simulator, Site, running
from tests.plugins.receiving import Said
from tests.plugins.vaccination_records.subjects import CITY

OURS, THEIRS = "intermediate_server", "health_management"


@dataclass(frozen=True)
class Example:
    """What `gateway init` makes, as `tests.flow` wants it: its office is `health_management`."""

    config: Config

    @cached_property
    def directory(self) -> Directory:
        return open_directory(self.config, CITY)

    @cached_property
    def log(self) -> Signer:
        return log_signer(self.config, CITY)

    @cached_property
    def office(self) -> EdgeKeys:
        return open_keys(self.config, CITY, THEIRS, self.directory)

    @cached_property
    def register(self) -> EdgeKeys:
        return open_keys(self.config, CITY, OURS, self.directory)

    @property
    def office_rules(self) -> EdgeRules:
        return rules_for(self.config, CITY, THEIRS, self.directory, HEALTH_MANAGEMENT)

    @property
    def register_rules(self) -> EdgeRules:
        return rules_for(self.config, CITY, OURS, self.directory, INTERFACE)

    @property
    def hub_rules(self) -> HubRules:
        return hub_rules(self.config, CITY, self.directory)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    root = tmp_path_factory.mktemp("example") / "root"
    made = command(*GATEWAY, "init", str(root), "--tenant", CITY)
    assert made.status == 0, made.err
    return Example(configuration.load(Path(root)))


@dataclass
class Town:
    """The line, and the connector behind its edge."""

    line: lines.Line
    connector: IntermediateServer
    simulator: Simulator

    async def send(self, operation: str, record: Mapping[str, Any]) -> Any:
        """From the city's system: how it ended."""
        key = repr(record).encode()
        receipt = await self.line.outbox.send(operation, [dict(record)], key=key)
        return (await self.line.settlement(receipt.message_id))[0]

    async def resident(self, *, flagged: bool = False) -> Resident:
        resident = Resident.new()
        number = resident.internal_no
        for operation, record in (
            ("addressee.register", resident.addressee(no_auto_response_flag=flagged)),
            ("replica.register", replica(number, f"L-{number}")),
        ):
            assert type(await self.send(operation, record)).__name__ == "Accepted"
        return resident

    async def asked(self, resident: Resident, **changes: Any) -> str:
        asked = await self.simulator.control("inquire", inquire(resident, **changes))
        await self.connector.poll()
        return str(asked["provision_no"])

    async def asked_for_oneself(self, resident: Resident) -> str:
        wanted = {"individual_number": resident.individual_number, "dataset_code": DATASET}
        asked = await self.simulator.control("self-information", wanted)
        await self.connector.poll()
        return str(asked["self_request_no"])

    async def fetch(self, what: str, name: str, number: str) -> dict[str, Any]:
        """A request, as the server shows it."""
        return dict(await self.simulator.call(f"server/v1/{what}/fetch", {name: number}))

    async def ending(self, message_id: str) -> Any:
        """Of what the connector sent, as it hears it."""
        heard = self.line.register_system.heard
        await self.line.until(lambda: any(each == message_id for each, _ in heard))
        return next(outcomes[0] for each, outcomes in reversed(heard) if each == message_id)

    async def state(self, number: str) -> str:
        return str((await self.simulator.control("inquired", {"provision_no": number}))["state"])

    async def becomes(self, number: str, state: str) -> Any:
        async with asyncio.timeout(60):
            while await self.state(number) != state:
                await self.connector.poll()
        return (await self.simulator.control("inquired", {"provision_no": number}))["doses"]

    def recorded(self, operation: str) -> list[dict[str, Any]]:
        """Headers of what was taken, newest last."""
        facts = [each["header"] for each in self.line.every_fact() if each["kind"] == "message.recorded"]
        return [each for each in facts if each["source_operation"] == operation]


@pytest.fixture
async def town(example: Example, system: Simulator, tmp_path: Path) -> AsyncIterator[Town]:
    async with opened(example, system, tmp_path) as made:
        yield made


@asynccontextmanager
async def opened(example: Any, simulator: Simulator, folder: Path) -> AsyncIterator[Town]:
    connector = IntermediateServer()

    async def deliver(delivery: Delivery) -> Mapping[int, Outcome]:
        return await connector.deliver(delivery)

    with patient():
        async with (
            lines.running(example, folder) as line,
            simulator.site.session(simulator.site.city) as session,
        ):
            line.register_system.answer = deliver
            line.register_system.hear = connector.settled
            secrets = {
                "file:jwks": simulator.site.jwks,
                "file:inquiry_key": (simulator.site.folder / "keys/city.jwk").read_bytes(),
            }
            outbox = EdgeOutbox(line.register, renkei_connector().attests)
            chosen = settings(simulator)
            await connector.open(Context(CITY, chosen, outbox, session, Said(), line.clock, secret=secrets.__getitem__))
            await staffed(line.hub)
            yield Town(line, connector, simulator)


async def test_a_provision_goes_through_hub_and_both_ends(town: Town) -> None:
    number = await town.asked(await town.resident())
    assert await town.becomes(number, "answered") == [DOSE]
    (header,) = town.recorded("provision.answer")
    assert header["legal_basis"] == ["L5", "L5-25", "A1"]
    (permit,) = header["attestations"]
    assert (permit["claim"], permit["party"]) == ("permit", MUNICIPALITY)


async def test_a_governor_is_answered_under_row_26(town: Town) -> None:
    asked = {"body": PREFECTURE, "row": "26", "procedure_code": "JT00000000002601"}
    number = await town.asked(await town.resident(), **asked)
    await town.becomes(number, "answered")
    assert "L5-26" in town.recorded("provision.answer")[-1]["legal_basis"]


async def test_a_protected_person_is_answered_after_two_people_have_looked(town: Town) -> None:
    """Rules 5 and C146, C152, C153."""
    number = await town.asked(await town.resident(flagged=True))
    message_id = town.recorded("provision.answer")[-1]["message_id"]
    await town.line.until(lambda: "hold.placed" in town.line.facts(message_id))
    assert await town.state(number) == "waiting"
    await looked(town.line, message_id, ANNA, BEN)
    for name in (ANNA, BEN):
        assert await town.state(number) == "waiting"
        await town.line.hub.holds.release(message_id, someone(name), TERMINAL)
    assert await town.becomes(number, "answered") == [DOSE]


async def test_a_flag_does_not_wait_behind_the_citys_own_inquiry(example: Example, site: Site, tmp_path: Path) -> None:
    """The network takes its time with a permit; meanwhile the person is protected, and another body asks."""
    with running(site, "times = { code = 0, permit = 600, answer = 0 }") as simulator:
        async with opened(example, simulator, tmp_path) as town:
            resident = await town.resident()
            asked = await town.line.outbox.send("inquiry.request", [inquiry(resident)], key=b"inquiry")
            await town.line.until(lambda: "delivery.concluded" in town.line.facts(asked.message_id))
            flagged = resident.addressee(seq=2, no_auto_response_flag=True)
            assert await town.send("addressee.register", flagged) == Accepted()
            assert await town.send("replica.register", replica(resident.internal_no, "L-more")) == Accepted()
            number = await town.asked(resident)
            message_id = town.recorded("provision.answer")[-1]["message_id"]
            await town.line.until(lambda: "hold.placed" in town.line.facts(message_id))
            assert await town.state(number) == "waiting"
            pending = town.line.journal.message(asked.message_id)
            assert pending is not None
            assert not pending.ended


async def test_a_flag_does_not_wait_behind_an_ill_replica(example: Example, site: Site, tmp_path: Path) -> None:
    """The platform cannot take one replica of the person, who is protected meanwhile; and another body asks."""
    with running(site) as simulator:
        async with opened(example, simulator, tmp_path) as town:
            resident, takes = await town.resident(), town.line.register_system.answer

            async def answer(delivery: Delivery) -> Mapping[int, Outcome]:
                if delivery.operation == "replica.register":
                    return dict.fromkeys((index for index, _ in delivery.records), DeferredRecord("system_unreachable"))
                return dict(await takes(delivery))

            town.line.register_system.answer = answer
            ill = await town.line.outbox.send("replica.register", [replica(resident.internal_no, "L-ill")], key=b"ill")
            await town.line.until(lambda: "delivery.concluded" in town.line.facts(ill.message_id))
            flagged = resident.addressee(seq=2, no_auto_response_flag=True)
            assert await town.send("addressee.register", flagged) == Accepted()
            number = await town.asked(resident)
            message_id = town.recorded("provision.answer")[-1]["message_id"]
            await town.line.until(lambda: "hold.placed" in town.line.facts(message_id))
            assert await town.state(number) == "waiting"
            pending = town.line.journal.message(ill.message_id)
            assert pending is not None
            assert not pending.ended


async def test_a_replica_that_comes_first_follows_its_person(town: Town) -> None:
    """People have lanes of their own, so nothing else keeps the two in order."""
    resident = Resident.new()
    early = await town.line.outbox.send("replica.register", [replica(resident.internal_no, "L-early")], key=b"early")
    await town.line.until(lambda: "delivery.concluded" in town.line.facts(early.message_id))
    assert await town.send("addressee.register", resident.addressee()) == Accepted()
    assert (await town.line.settlement(early.message_id))[0] == Accepted()


def test_the_example_bounds_how_long_an_inquiry_waits_and_how_long_exports_are_kept(example: Example) -> None:
    routes = {each.id: each for each in example.config.tenants[CITY].file.routes}
    assert routes["R18"].message_seconds == 36000
    assert not any("message_seconds" in each for each in idle(example.config))  # and is not given up before
    assert routes["R21"].keep_seconds == 86400


@pytest.mark.parametrize("route", ["R19", "R19-tax", "R19-end", "R20", "R20-self"])
def test_rule_7_the_example_keeps_nothing_of_an_inquiry_or_of_a_provision_for_ever(
    example: Example, route: str
) -> None:
    """C117: of finished and of aborted inquiries alike."""
    routes = {each.id: each for each in example.config.tenants[CITY].file.routes}
    assert routes[route].keep_seconds == 604800


async def test_what_people_do_not_release_is_refused_like_all_else(town: Town) -> None:
    number = await town.asked(await town.resident(flagged=True))
    message_id = town.recorded("provision.answer")[-1]["message_id"]
    await looked(town.line, message_id, ANNA)
    await town.line.hub.holds.refuse(message_id, someone(ANNA), TERMINAL, "not_disclosable")
    assert await town.becomes(number, "refused") is None


def renewed(rules: Any) -> Any:
    """The same rules, and the assessment of R20 is another one."""
    file = rules.tenant.file
    routes = (each.model_copy(update={"assessment": "A2"}) if each.id == "R20" else each for each in file.routes)
    tenant = replace(rules.tenant, file=file.model_copy(update={"routes": tuple(routes)}))
    return replace(rules, tenant=tenant, legal_basis={**rules.legal_basis, "A2": rules.legal_basis["A1"]})


async def test_between_the_reload_of_an_edge_and_of_its_hub_a_request_waits(town: Town) -> None:
    line = town.line
    line.register.rules = renewed(line.register.rules)
    number = await town.asked(await town.resident())
    assert (await town.state(number), town.recorded("provision.answer")) == ("waiting", [])
    line.hub.adopt(renewed(line.hub.rules), line.hub.dispatcher.limits)
    assert await town.becomes(number, "answered") == [DOSE]
    assert town.recorded("provision.answer")[-1]["legal_basis"][-1] == "A2"


async def test_what_was_released_and_a_reload_overtook_is_held_anew_and_given(town: Town) -> None:
    line, answer = town.line, town.line.register_system.answer
    number = await town.asked(await town.resident(flagged=True))
    line.register_system.answer = lambda _: {}
    first = town.recorded("provision.answer")[-1]["message_id"]
    await looked(line, first, ANNA, BEN)
    for name in (ANNA, BEN):
        await line.hub.holds.release(first, someone(name), TERMINAL)
    await line.until(lambda: "delivery.concluded" in line.facts(first))
    line.register.rules = renewed(line.register.rules)
    line.hub.adopt(renewed(line.hub.rules), line.hub.dispatcher.limits)
    await line.until(lambda: line.status(first).ended)
    assert [each.code for each in line.status(first).outcomes] == ["header_mismatch"]
    line.register_system.answer = answer
    await line.until(lambda: first in [message_id for message_id, _ in line.register_system.heard])
    await town.connector.poll()
    again = town.recorded("provision.answer")[-1]["message_id"]
    assert again != first
    await line.until(lambda: "hold.placed" in line.facts(again))
    assert await town.state(number) == "waiting"
    await looked(line, again, ANNA, BEN)
    for name in (ANNA, BEN):
        await line.hub.holds.release(again, someone(name), TERMINAL)
    assert await town.becomes(number, "answered") == [DOSE]


async def test_a_refused_request_leaves_a_fact_with_its_cause(town: Town) -> None:
    number = await town.asked(await town.resident(), wrong="forged_permit")
    assert await town.state(number) == "refused"
    noted = [each["statement"] for each in town.line.every_fact() if each["kind"] == "connector.noted"]
    (fact,) = [
        each for each in noted if each["reference"] == town.line.register.keys.reference("note", number.encode())
    ]
    assert (fact["act"], fact["code"]) == ("provision_refused", "permit_not_valid")
    assert town.recorded("provision.answer") == []


async def test_a_replayed_permit_is_refused_by_the_line(town: Town) -> None:
    resident = await town.resident()
    await town.becomes(await town.asked(resident), "answered")
    replayed = await town.asked(resident, wrong="replayed_permit")
    assert await town.state(replayed) == "refused"
    assert len(town.recorded("provision.answer")) == 1


def shown_instead(monkeypatch: pytest.MonkeyPatch, changed: Callable[[Any], dict[str, Any]]) -> None:
    """From now on the server tells of every request what it was and, of these fields, what it makes of them."""
    real = Client.ask

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(client, path, body, form, *args, **kwargs)
        return answer.model_copy(update=changed(answer)) if path.endswith("/fetch") else answer

    monkeypatch.setattr(Client, "ask", ask)


async def released(town: Town, message_id: str) -> Any:
    """By two who looked: how it ended."""
    await looked(town.line, message_id, ANNA, BEN)
    for name in (ANNA, BEN):
        await town.line.hub.holds.release(message_id, someone(name), TERMINAL)
    return await town.ending(message_id)


async def test_what_was_released_under_one_permit_goes_under_no_other(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server shows another permit, with all that goes with it, which has answered somebody else."""
    used = await town.asked(await town.resident())
    await town.becomes(used, "answered")
    fetched = await town.fetch("provisions", "provision_no", used)
    number = await town.asked(await town.resident(flagged=True))
    message_id = town.recorded("provision.answer")[-1]["message_id"]
    swapped = {name: fetched[name] for name in ("permit", "route_info", "inquirer_encryption_key")}
    shown_instead(monkeypatch, lambda _: swapped)
    assert await released(town, message_id) == RefusedRecord("permit_not_valid")
    assert await town.becomes(number, "refused") is None
    own = (await town.simulator.control("statutory-records"))["own"]
    permit_no = jwt.decode(fetched["permit"], options={"verify_signature": False})["jti"]
    assert ["provided_at" in each for each in own if each["permit_no"] == permit_no] == [True]


async def test_what_was_released_for_one_resident_goes_to_no_other(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server shows another one's authorisation, and so another one's key."""
    theirs = await town.asked_for_oneself(await town.resident())
    assert await town.ending(town.recorded("self_information.answer")[-1]["message_id"]) == Accepted()
    fetched = await town.fetch("self-information", "self_request_no", theirs)
    number = await town.asked_for_oneself(await town.resident(flagged=True))
    message_id = town.recorded("self_information.answer")[-1]["message_id"]
    swapped = {name: fetched[name] for name in ("authorisation", "recipient_encryption_key")}
    shown_instead(monkeypatch, lambda _: swapped)
    assert await released(town, message_id) == RefusedRecord("permit_not_valid")
    told = await town.simulator.control("self-informed", {"self_request_no": number})
    assert (told["state"], told["doses"]) == ("refused", None)


@pytest.mark.parametrize("marked", [False, True])
async def test_the_mark_of_a_permit_is_the_logs_and_the_servers_or_nothing_goes(
    town: Town, monkeypatch: pytest.MonkeyPatch, *, marked: bool
) -> None:
    """番号法第23条第2項: the network signs the same permit once more, with the mark turned."""
    network = SigningKey.load(town.simulator.site.folder / "keys/network.pem")

    def turned(answer: Any) -> dict[str, Any]:
        claims = jwt.decode(answer.permit, options={"verify_signature": False})
        return {"permit": network.sign(claims | {"undisclosed_flag": not marked})}

    number = await town.asked(await town.resident(flagged=True), undisclosed_flag=marked)
    message_id = town.recorded("provision.answer")[-1]["message_id"]
    shown_instead(monkeypatch, turned)
    assert await released(town, message_id) == RefusedRecord("permit_not_valid")
    assert await town.becomes(number, "refused") is None


def inquiry(resident: Resident, **changes: Any) -> dict[str, Any]:
    return {
        "internal_no": resident.internal_no,
        "municipality_code": CITY,
        "inquiry_no": f"L-{resident.internal_no}",
        "inquiry_row": "25",
        "procedure_code": "JT00000000002501",
        "dataset_code": "TM00000000000101",
        "provider_code": MUNICIPALITY,
        "undisclosed_flag": False,
    } | changes


async def told_of(town: Town, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the city is told of that inquiry, and not of one that another test left."""

    def arrived() -> list[dict[str, Any]]:
        told = [one for _, one in town.line.office_system.records()]
        return [one for one in told if one.get("inquiry_no") == asked["inquiry_no"]]

    await town.line.until(arrived)
    return arrived()


async def test_a_history_is_inquired_and_arrives(town: Town) -> None:
    resident = await town.resident()
    person = {"body": MUNICIPALITY, "individual_number": resident.individual_number, "doses": [DOSE]}
    await town.simulator.control("person", person)
    asked = inquiry(resident)
    assert type(await town.send("inquiry.request", asked)).__name__ == "Accepted"
    await town.connector.poll()
    arrived = await told_of(town, asked)
    (answer,) = arrived
    assert (answer["inquiry_status"], answer["doses"]) == ("1", [DOSE])
    assert town.recorded("inquiry.answer")[-1]["legal_basis"] == ["L4", "L4-25", "A1"]


async def test_an_inquiry_that_ends_without_an_answer_ends_under_its_permit(town: Town) -> None:
    """By the example's own route; with the mark of 番号法第23条第2項."""
    resident = await town.resident()
    await town.simulator.control("next", {"wrong": "refuses"})
    asked = inquiry(resident, undisclosed_flag=True)
    assert type(await town.send("inquiry.request", asked)).__name__ == "Accepted"
    await town.connector.poll()
    arrived = await told_of(town, asked)
    assert [each["inquiry_status"] for each in arrived] == ["3"]
    attested = {each["claim"] for each in town.recorded("inquiry.end")[-1]["attestations"]}
    assert attested == {"permit", "undisclosed"}


async def test_no_number_of_a_person_is_in_the_log(town: Town) -> None:
    resident = await town.resident()
    await town.becomes(await town.asked(resident), "answered")
    facts = repr(town.line.every_fact()) + town.line.printed.getvalue()
    for value in (resident.internal_no, resident.individual_number, DOSE["vaccine_generic_name"]):
        assert str(value) not in facts
