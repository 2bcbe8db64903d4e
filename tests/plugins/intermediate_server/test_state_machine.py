"""Inquiry, provision and hold in any order, with crashes between: nothing is given out without permit, list, key, and
release where a flag is set; what is given is what the replica holds; every answer and every refusal has its facts.

`STATE_MACHINE_EXAMPLES` and `STATE_MACHINE_STEPS` make it longer. The same numbers walk the same ways.
"""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gateway.errors import Deferred, Refused
from gateway.hub.journal.verify import verify
from gateway.hub.people import Person, Role
from gateway.hub.rights import Grant, Revocation
from gateway.keys.layout import TenantKeys, read_verifier
from gateway_intermediate_server import turns
from gateway_intermediate_server.simulated import signing
from gateway_intermediate_server.simulated.matching import ROWS, Row
from gateway_intermediate_server.simulated.network import OTHERS
from gateway_intermediate_server.simulated.refusal import Refusal
from gateway_intermediate_server.simulated.sealing import thumbprint
from tests.plugins.intermediate_server.city_line import ADMINISTRATOR, OURS, CityLine, Made
from tests.plugins.intermediate_server.exchanges import DATASET, DOSE
from tests.plugins.intermediate_server.running import ISSUER, MUNICIPALITY, PREFECTURE, Resident
from tests.plugins.intermediate_server.unsocketed import Clock, Kill, Unsocketed, signed
from tests.plugins.vaccination_records.subjects import CITY

EXAMPLES: Final = int(os.environ.get("STATE_MACHINE_EXAMPLES", "25"))
STEPS: Final = int(os.environ.get("STATE_MACHINE_STEPS", "40"))
TERMINAL: Final = "terminal-7"
OFFICERS: Final = ("staff-0011", "staff-0012", "staff-0013")
ROLES: Final = {"staff-0011": Role.OFFICER, "staff-0012": Role.APPROVER, "staff-0013": Role.APPROVER}
CERTIFICATES: Final = {name: f"{number:064x}" for number, name in enumerate(OFFICERS, 1)}
PROCEDURES: Final = {"25": "JT00000000002501", "26": "JT00000000002601", "153": "JT00000000015301"}
PROVIDED: Final = frozenset(PROCEDURES)
WRONG: Final = (
    "forged_permit", "replayed_permit", "expired_permit", "no_permit", "unsigned_permit", "no_key", "other_key",
    "row_out_of_bounds", "row_26_by_municipality", "not_on_list", "wrong_municipality", "forged_route",
    "claimed_destination",
)  # fmt: skip
_VERSION: Final = {"updated_at": "2026-04-01T09:00:00+09:00"}
BETWEEN: Final = (
    "nothing", "nothing", "flag lifted", "replica changes", "permit ends", "list changes", "killed", "revoked",
)  # fmt: skip
PAIRS: Final = ((0, 1), (0, 1), (1, 2), (1, 0), (1, 0), (1, 1))
"""Of officers, who approves and who releases; the third may not be the second, and nobody may be both."""
LOOK = st.sampled_from([2, 2, 2, 1])
PEOPLE = st.integers(0, 2)
BODIES = st.sampled_from([MUNICIPALITY, PREFECTURE])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("site") / "site"
    told = {"list_seconds": "1", "reconcile_seconds": "0", "datasets": f'["{DATASET}"]', "issuer": f'"{ISSUER}"'}
    return Made.at(root, told)


def network_file(site: Made) -> Path:
    """The stand-in's configuration, with keys for the other bodies."""
    root = site.config.root
    if not (root / "network").exists():
        signing.make(root / "network", list(OTHERS))
    file = root / "network.toml"
    keys = "".join(f'{body} = "network/{body}.jwk"\n' for body in OTHERS)
    nobody = f'clients = ["{"0" * 64}"]\n'
    file.write_text(
        f'body = "{CITY}"\nissuer = "{ISSUER}"\nsigning_key = "keys/tls/{OURS}_issuer.key"\n'
        "times = { code = 0, permit = 0, answer = 0, announcement = 0 }\n"
        f"[inquiry_keys]\n{keys}[listen]\n{nobody}[control]\n{nobody}"
        '[tls]\ncertificate = "x"\nkey = "x"\nca = "x"\n'
    )
    return file


class Witness:
    """Stands between the connector and the stand-in, believes nobody, and notes what should not have been."""

    def __init__(self, line: CityLine, reached: Counter[str]) -> None:
        self.line = line
        self.reached = reached
        self.problems: list[str] = []
        self.used: dict[str, str] = {}
        self.given: dict[str, list[dict[str, Any]]] = {}
        self.turned_down: set[str] = set()
        self.inquired: dict[str, dict[str, Any]] = {}
        self.words: dict[tuple[str, str, str], bool] = {}

    def __call__(self, path: str, body: Mapping[str, Any]) -> None:
        if path == "/server/v1/provisions/answer" and body["result"] == "refused":
            self._must("provided_at" not in body.get("record", {}), "refused, and recorded as provided")
            self._refusal(body["provision_no"])
        elif path == "/server/v1/provisions/answer":
            self._answer(body)
        elif path == "/server/v1/inquiries/send":
            self._inquiry(body)

    def _must(self, so: object, what: str) -> None:
        if not so:
            self.problems.append(what)

    # ---- an answer ---------------------------------------------------------------------------------------------------

    def _answer(self, body: Mapping[str, Any]) -> None:
        number = body["provision_no"]
        server = self.line.network.server
        asked = server.provisions.fetch(number)
        permit = self._permit(asked)
        self._must(permit is not None, "given without a permit")
        if permit is None:
            return
        self._must(self.used.setdefault(permit["jti"], number) == number, "a permit is used twice")
        exchange = (permit["row"], permit["procedure_code"], permit["inquirer"], permit["dataset_code"])
        self._must(permit["row"] in PROVIDED, "given under another row")
        self._must(permit["row"] != "26" or OTHERS[permit["inquirer"]] == "governor", "26 given to a municipality")
        self._must(self._listed(*exchange), "given outside the list")
        self._must(body["destination"] == permit["inquirer"], "given to another body")
        key = asked.get("inquirer_encryption_key")
        self._must(key is not None and thumbprint(key) == permit["key"], "given without the inquirer's key")
        self._content(number, asked, permit["jti"], body)
        self._record(number, permit, body["record"])
        self._facts(number, permit)

    def _permit(self, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        """If the network signed it for us, it still holds, and it is for what is asked."""
        permit = self._signed(asked.get("permit"), "permit")
        route = self._signed(asked.get("route_info"), "route")
        if permit is None or route is None or permit["provider"] != CITY:
            return None
        same = ("row", "procedure_code", "dataset_code")
        if (route["permit"], route["destination"]) != (permit["jti"], permit["inquirer"]):
            return None
        return permit if all(permit[name] == asked[name] for name in same) else None

    def _signed(self, token: str | None, use: str) -> dict[str, Any] | None:
        network = self.line.network
        claims = signed(network.server.network.key, token, CITY)
        holds = claims is not None and claims["use"] == use and claims["exp"] >= network.clock().timestamp() - 1
        return claims if holds else None

    def _listed(self, row: str, procedure: str, inquirer: str, dataset: str, provider: str = CITY) -> bool:
        kinds = OTHERS | {CITY: "municipality"}
        return any(
            (each.row, each.procedure_code, each.dataset_code) == (row, procedure, dataset)
            and each.inquirer in ("any", kinds[inquirer])
            and each.provider in ("any", kinds[provider])
            for each in self.line.network.rows
        )

    def _content(self, number: str, asked: Mapping[str, Any], jti: str, body: Mapping[str, Any]) -> None:
        """What the body can open is what the replica holds at this moment."""
        server = self.line.network.server
        kept = server.replicas.of(asked["integrated_addressee_no"], DATASET)
        doses = sorted((_told(each) for each in kept), key=lambda each: each["lot_no"])
        opened = self._opened(jti, body)
        self._must(opened == self.line.said[number], "given is not what people saw")
        self._must(sorted(opened, key=lambda each: each["lot_no"]) == doses, "given is not what the replica holds")
        self.given[number] = opened
        self.reached["answered"] += 1
        person = server.platform.person(server.platform.internal_no(asked["integrated_addressee_no"]) or "")
        if person.no_auto_response_flag or any(each["no_auto_response_flag"] for each in kept):
            self._must(self._released(self.line.made[number]), "a flagged answer went without release")
            self.reached["released"] += 1

    def _opened(self, jti: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """With the key of the body to which it goes; "no data" is none."""
        if body["result"] == "no_data":
            return []
        key = self.line.network.server.bodies.key(body["destination"])
        return list((key.open(jti, body["answer"]["enc_ciphertext"]) or {}).get("doses", []))

    def _released(self, message_id: str) -> bool:
        """By two people, each of whom had looked and had the right to; an approval that lapsed is none."""
        told = [each for each in self.line.journal.trace(message_id) if each["kind"].startswith("hold.")]
        who = {kind: [each["person"] for each in told if each["kind"] == f"hold.{kind}"] for kind in
               ("looked", "approved", "lapsed", "released")}  # fmt: skip
        if not (len(who["approved"]) - len(who["lapsed"]) == len(who["released"]) == 1):
            return False
        first, (second,) = who["approved"][-1], who["released"]
        may = self.words.get((message_id, first, "approved")) and self.words.get((message_id, second, "released"))
        return bool(may and first != second and {first, second} <= {*who["looked"]})

    def _record(self, number: str, permit: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        """番号法第23条: what is provided now, and nothing else."""
        said = (record["permit_no"], record["inquirer_code"], record["provider_code"], record["row"])
        self._must(said == (permit["jti"], permit["inquirer"], CITY, permit["row"]), "recorded as another exchange")
        items = sorted({name for dose in self.given[number] for name in dose})
        self._must(record["items"] == items, "recorded with other items")
        self._must(("provided_at" in record) == bool(items), "recorded as provided, or not, against what is so")

    def _facts(self, number: str, permit: Mapping[str, Any]) -> None:
        """It was recorded, and is about to be handed over, with the items and parties that the law wants."""
        trace = self.line.journal.trace(self.line.made[number])
        self._must(_about_to_be_handed_over(trace), "given without its facts")
        header = trace[0]["header"]
        (claim,) = [each for each in header["attestations"] if each["claim"] == "permit"]
        self._must(claim["party"] == permit["inquirer"], "the log names another body")
        self._must(f"L5-{permit['row']}" in header["legal_basis"], "the log names another row")
        items = {item for each in header["item_sets"] for item in each}
        told = {f"doses[].{name}" for dose in self.given[number] for name in dose}
        self._must(told == {each for each in items if each.startswith("doses[]")}, "the log names other items")

    # ---- a refusal ---------------------------------------------------------------------------------------------------

    def _refusal(self, number: str) -> None:
        self.turned_down.add(number)
        self.reached["refused"] += 1
        message_id = self.line.sent.get(number)
        ended = message_id is not None and any(
            each["kind"] in ("hold.refused", "message.dead", "delivery.concluded")
            for each in self.line.journal.trace(message_id)
        )
        self._must(self.line.refused.get(number) or ended, "refused without a fact")

    # ---- an inquiry --------------------------------------------------------------------------------------------------

    def _inquiry(self, body: Mapping[str, Any]) -> None:
        asked, network = self.inquired[body["request_id"]], self.line.network
        self.reached["inquired"] += 1
        permit = self._signed(body["permit"], "permit")
        if permit is None:
            known = [each["request_id"] for each in network.server.inquiries.kept()]
            self._must(body["request_id"] in known, "inquired without a permit")
            return
        wanted = {name: asked[name] for name in ("procedure_code", "dataset_code", "undisclosed_flag")}
        wanted |= {"row": asked["inquiry_row"], "provider": asked["provider_code"], "inquirer": CITY}
        self._must({name: permit[name] for name in wanted} == wanted, "inquired with a permit for something else")
        listed = self._listed(permit["row"], permit["procedure_code"], CITY, permit["dataset_code"], permit["provider"])
        self._must(listed, "inquired outside the list")
        trace = self.line.journal.trace(self.line.made[body["request_id"]])
        self._must(_about_to_be_handed_over(trace), "inquired without its facts")


def _about_to_be_handed_over(trace: Sequence[Mapping[str, str]]) -> bool:
    """Whether or not it came again meanwhile: the connector looks while it is handed over, after a start."""
    told = [each["kind"] for each in trace if each["kind"] != "message.repeated"]
    kinds = [kind for kind in told if kind.partition(".")[0] in ("message", "delivery")]
    return (kinds[0], kinds[-1]) == ("message.recorded", "delivery.attempted")


def _told(replica: Mapping[str, Any]) -> dict[str, Any]:
    return {name: replica[name] for name in (*DOSE, "overseas_flag") if name in replica}


class Provision(RuleBasedStateMachine):
    """One gateway, three residents, two other bodies, three officers."""

    site: Made
    reached: Counter[str]

    @initialize()
    def begins(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(dir=self.site.config.root.parent))
        self.network = Unsocketed(Clock(), pytest.MonkeyPatch())
        self.network.serve(network_file(self.site))
        self.network.patched.setattr(turns, "LONGEST", 0.0)  # nobody waits here
        self.line = CityLine(self.site, self.folder, self.network)
        self.witness = Witness(self.line, self.reached)
        self.network.witness = self.witness
        self.people = [Resident.new() for _ in range(3)]
        self.serial = 0
        self.asked: list[str] = []
        self.may: set[str] = set()
        for each in self.people:
            self._addressee(each, flagged=False)
            whose = {"internal_no": each.internal_no}
            serial = self.network.city("/platform/v1/process-serials", **whose)
            self.network.city("/platform/v1/codes/acquire", **whose, **serial)
            self._replica(each, 0, flagged=False)
            doses = [{**DOSE, "overseas_flag": False, "lot_no": f"THERE{each.internal_no}"}]
            for body in OTHERS:
                self.network.control("person", body=body, individual_number=each.individual_number, doses=doses)
        self._now(self.line.open())
        for name in OFFICERS:
            self._grant(name)

    def teardown(self) -> None:
        """Left in peace, all comes to an end, and the log is whole."""
        if not hasattr(self, "line"):
            return
        try:
            self.network.wrong.clear()
            self.network.kill = None
            self.network.faults.set({})
            self.network.rows[:] = ROWS
            self.network.clock.ahead += timedelta(seconds=2)
            for _ in range(6):  # one for each message that was made of one request, told once more since the last start
                self._now(self.line.alive(self._poll()))
            self._all_told()
        finally:
            self._now(self.line.crash())
            self.loop.close()
            self.network.close()
        keys = TenantKeys(self.site.config.root, CITY)
        report = verify(self.folder / f"{CITY}.db", verifier=read_verifier(keys.log_vkey))
        assert report.problem is None

    def _all_told(self) -> None:
        """What was given ended as accepted in the log; whatever waits, waits for people."""
        held = {each["message_id"] for each in self.line.journal.holds.listed()}
        for number in self.asked:
            state = self.network.control("inquired", provision_no=number)["state"]
            message_id = self.line.made.get(number)
            own = self.line.network.server.records.of(number)
            assert (own is not None and "provided_at" in own) == (state == "answered")
            if number in self.witness.given:
                assert state != "refused"
                ended = [each["outcomes"] for each in self.line.journal.trace(str(message_id)) if "outcomes" in each]
                assert ended[-1] == [{"records": "0", "ending": "accepted"}]
            elif number in self.witness.turned_down:
                assert state == "refused"
            else:
                assert held, "neither answered nor held"

    @invariant()
    def nothing_that_should_not_be(self) -> None:
        if hasattr(self, "witness"):
            assert self.witness.problems == []

    # ---- the gateway -------------------------------------------------------------------------------------------------

    @rule()
    def the_connector_looks(self) -> None:
        self._now(self.line.alive(self._poll()))

    @rule(calls=st.integers(0, 8), done=st.booleans())
    def it_will_be_killed(self, calls: int, done: bool) -> None:
        self.network.kill = Kill(calls, done)

    @rule()
    def it_is_killed(self) -> None:
        self._now(self.line.crash())
        self._now(self.line.open())

    @rule(seconds=st.sampled_from([2, 300, 601, 4 * 86400]))
    def time_passes(self, seconds: int) -> None:
        self.network.clock.ahead += timedelta(seconds=seconds)
        self.line.hub.dispatcher.overdue.look()

    @rule(on=st.booleans())
    def the_route_holds(self, on: bool) -> None:
        self.line.hold_all(on=on)

    # ---- elsewhere ---------------------------------------------------------------------------------------------------

    @rule(who=PEOPLE, body=BODIES, row=st.sampled_from(sorted(PROCEDURES)), undisclosed=st.booleans())
    def a_body_asks(self, who: int, body: str, row: str, undisclosed: bool) -> None:
        self._asks(who, body, row, undisclosed_flag=undisclosed)

    @rule(who=PEOPLE, body=BODIES, change=st.sampled_from(["flag", "record flag", "replica", "list", "permit ends"]))
    def something_changes_while_an_answer_is_under_way(self, who: int, body: str, change: str) -> None:
        """It was made of what was then, free to go, and is handed over now."""
        one = self.people[who]
        self._free(one)
        does: Mapping[str, Callable[[], None]] = {
            "flag": lambda: self._addressee(one, flagged=True),
            "record flag": lambda: self._replica(one, 0, flagged=True),
            "replica": lambda: self._replica(one, 0, flagged=False),
            "list": lambda: self.the_list_changes("153"),
            "permit ends": lambda: self.time_passes(601),
        }
        self._asks(who, body, "153")
        self.line.meanwhile.append(does[change])
        self._now(self.line.alive(self._poll()))
        self.line.meanwhile.clear()

    @rule(who=PEOPLE, body=BODIES, wrong=st.sampled_from(WRONG))
    def a_body_asks_wrongly(self, who: int, body: str, wrong: str) -> None:
        self._asks(who, body, "25", wrong=wrong)

    @rule(who=PEOPLE, body=BODIES)
    def everything_wrong_is_tried(self, who: int, body: str) -> None:
        """At once, behind a good question whose permit can be replayed."""
        self._free(self.people[who])
        self._asks(who, body, "25")
        self._now(self.line.alive(self._poll()))
        for wrong in WRONG:
            self._asks(who, body, "25", wrong=wrong)
        self._now(self.line.alive(self._poll()))

    @rule(fault=st.sampled_from(["drop", "garbage", "maintenance"]))
    def the_connection_is_bad(self, fault: str) -> None:
        self.network.wrong.append(fault)

    @rule(fault=st.sampled_from(["denied_permit", "permit_other_row", "permit_other_provider", "forged_permit",
                                 "answer_other_key", "answer_garbage", "refuses", "aborts"]))  # fmt: skip
    def the_network_will_misbehave(self, fault: str) -> None:
        self.network.control("next", wrong=fault)

    @rule(row=st.sampled_from(["25", "26", "153"]))
    def the_list_changes(self, row: str) -> None:
        """A row goes from it, or comes back; our copy is too old at once."""
        rows = [each for each in ROWS if each.row == row]
        left = [each for each in self.network.rows if each.row != row]
        self.network.rows[:] = left if len(left) < len(self.network.rows) else [*left, *rows]
        self.network.version += 1
        self.network.clock.ahead += timedelta(seconds=2)

    @rule()
    def the_list_is_too_wide_and_a_municipality_asks_by_row_26(self) -> None:
        """L6 stands, whatever the list says."""
        self.network.rows.append(Row("26", PROCEDURES["26"], "any", "any", DATASET))
        self.network.clock.ahead += timedelta(seconds=2)
        self._asks(0, MUNICIPALITY, "25", wrong="row_26_by_municipality")
        self._now(self.line.alive(self._poll()))

    # ---- the city ----------------------------------------------------------------------------------------------------

    @rule(who=PEOPLE, flagged=st.booleans())
    def a_person_is_flagged_or_not(self, who: int, flagged: bool) -> None:
        self._addressee(self.people[who], flagged=flagged)

    @rule(who=PEOPLE, which=st.integers(0, 1), flagged=st.booleans())
    def a_replica_changes(self, who: int, which: int, flagged: bool) -> None:
        self._replica(self.people[who], which, flagged=flagged)

    @rule(who=PEOPLE, which=st.integers(0, 1))
    def a_replica_is_deleted(self, who: int, which: int) -> None:
        one = self.people[who]
        body = {"internal_no": one.internal_no, "dataset_record_no": f"R-{one.internal_no}-{which}"}
        self.network.city("/platform/v1/replicas/delete", **body, **self._version())

    @rule(who=PEOPLE, body=BODIES, row=st.sampled_from(["25", "153"]), undisclosed=st.booleans())
    def the_city_inquires(self, who: int, body: str, row: str, undisclosed: bool) -> None:
        self.serial += 1
        asked = {
            "internal_no": self.people[who].internal_no,
            "municipality_code": CITY,
            "inquiry_no": f"INQ-{self.people[who].internal_no}-{self.serial}",
            "inquiry_row": row,
            "procedure_code": PROCEDURES[row],
            "dataset_code": DATASET,
            "provider_code": body,
            "undisclosed_flag": undisclosed,
        }
        self.witness.inquired[str(asked["inquiry_no"])] = asked
        self._now(self.line.alive(self.line.send("inquiry.request", asked, str(asked["inquiry_no"]))))

    # ---- people ------------------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(OFFICERS), nth=st.integers(0, 2))
    def somebody_looks(self, name: str, nth: int) -> None:
        if (message_id := self._held(nth)) is not None:
            self._tried(self.line.edges[OURS].look(message_id, CERTIFICATES[name], TERMINAL))

    @rule(name=st.sampled_from(OFFICERS), nth=st.integers(0, 2))
    def somebody_releases(self, name: str, nth: int) -> None:
        if (message_id := self._held(nth)) is not None:
            self._release(name, message_id)

    @rule(first=st.sampled_from(OFFICERS), second=st.sampled_from(OFFICERS), nth=st.integers(0, 2))
    def two_look_and_release(self, first: str, second: str, nth: int) -> None:
        """They may be one, or lack the role, and what is held may have changed meanwhile."""
        if (message_id := self._held(nth)) is not None:
            for name in (first, second):
                self._tried(self.line.edges[OURS].look(message_id, CERTIFICATES[name], TERMINAL))
            for name in (first, second):
                self._release(name, message_id)

    @rule(who=PEOPLE, body=BODIES, between=st.sampled_from(BETWEEN), two=st.sampled_from(PAIRS), look=LOOK)
    def somebody_protected_is_asked_about_and_released(
        self, who: int, body: str, between: str, two: tuple[int, int], look: int
    ) -> None:
        """Mostly by two who may and have looked; between their looking and their words something may happen."""
        one = self.people[who]
        self._free(one)
        self._addressee(one, flagged=True)
        self._asks(who, body, "25")
        self._now(self.line.alive(self._poll()))
        if (message_id := self._held(-1)) is None:  # killed on the way, or the list lacks it today
            return
        names = [OFFICERS[each] for each in two]
        for name in names:
            if name not in self.may:
                self._grant(name)
        for name in names[:look]:
            self._tried(self.line.edges[OURS].look(message_id, CERTIFICATES[name], TERMINAL))
        does: Mapping[str, Callable[[], None]] = {
            "flag lifted": lambda: self._addressee(one, flagged=False),
            "replica changes": lambda: self._replica(one, 1, flagged=False),
            "permit ends": lambda: self.time_passes(601),
            "list changes": lambda: self.the_list_changes("25"),
            "killed": self.it_is_killed,
            "revoked": lambda: self.somebody_is_granted_or_revoked(names[1]),
        }
        does.get(between, lambda: None)()
        for name in names:
            self._release(name, message_id)

    @rule(name=st.sampled_from(OFFICERS), nth=st.integers(0, 2))
    def somebody_refuses(self, name: str, nth: int) -> None:
        if (message_id := self._held(nth)) is not None:
            person = self._person(name)
            self._tried(self.line.hub.holds.refuse(message_id, person, TERMINAL, "not_disclosable"))

    @rule(name=st.sampled_from(OFFICERS))
    def somebody_is_granted_or_revoked(self, name: str) -> None:
        if name in self.may:
            revocation = Revocation(person=name, role=ROLES[name])
            self._now(self.line.hub.people.revoke(revocation, ADMINISTRATOR, TERMINAL, self.network.clock()))
            self.may.discard(name)
        else:
            self._grant(name)

    # ---- how ---------------------------------------------------------------------------------------------------------

    def _now(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def _tried(self, work: Any) -> Any:
        """A person may be refused; what follows is awaited."""

        async def tried() -> Any:
            try:
                return await work
            except (Refused, Deferred):
                return None

        return self._now(self.line.alive(tried()))

    async def _poll(self) -> None:
        await self.line.connector.poll()

    def _asks(self, who: int, body: str, row: str, **more: Any) -> None:
        number = self.people[who].individual_number
        asked = {"body": body, "individual_number": number, "row": row, "procedure_code": PROCEDURES[row]}
        try:
            told = self.network.control("inquire", **asked, dataset_code=DATASET, **more)
        except Refusal:  # the network itself denies it
            return
        self.asked.append(told["provision_no"])

    def _release(self, name: str, message_id: str) -> None:
        may = name in self.may
        for word in ("approved", "released"):
            rightful = may and (word == "approved" or ROLES[name] is Role.APPROVER)
            self.witness.words.setdefault((message_id, name, word), rightful)
        self._tried(self.line.hub.holds.release(message_id, self._person(name), TERMINAL))

    def _person(self, name: str) -> Person:
        """As the hub knows them by their certificate; a stranger has no role."""
        found = self.line.hub.people.person(CERTIFICATES[name], self.network.clock())
        return found or Person(name, CERTIFICATES[name], frozenset())

    def _held(self, nth: int) -> str | None:
        listed = self.line.journal.holds.listed()
        return str(listed[nth % len(listed)]["message_id"]) if listed else None

    def _grant(self, name: str) -> None:
        until = (self.network.clock() + timedelta(days=100)).date()
        grant = Grant(person=name, role=ROLES[name], certificate=CERTIFICATES[name], until=until)
        self._now(self.line.hub.people.grant(grant, ADMINISTRATOR, TERMINAL, self.network.clock()))
        self.may.add(name)

    def _free(self, one: Resident) -> None:
        """Nothing keeps an answer about this person back."""
        self.line.hold_all(on=False)
        self.network.rows[:] = ROWS
        self.network.clock.ahead += timedelta(seconds=2)
        self._addressee(one, flagged=False)
        for which in range(2):
            self._replica(one, which, flagged=False)

    def _version(self) -> dict[str, Any]:
        self.serial += 1
        return {**_VERSION, "update_seq": self.serial}

    def _addressee(self, who: Resident, *, flagged: bool) -> None:
        told = who.addressee(no_auto_response_flag=flagged) | self._version()
        self.network.city("/platform/v1/addressees/register", **told)

    def _replica(self, who: Resident, which: int, *, flagged: bool) -> None:
        own = {
            "internal_no": who.internal_no,
            "dataset_code": DATASET,
            "dataset_record_no": f"R-{who.internal_no}-{which}",
            "dataset_version": 1,
            "no_auto_response_flag": flagged,
        }
        version = self._version()
        dose = {**DOSE, "overseas_flag": False, "lot_no": f"LOT{self.serial}"}
        self.network.city("/platform/v1/replicas/register", **own, **dose, **version)


def test_provision_inquiry_and_hold_in_any_order(made: Made) -> None:
    Provision.site, Provision.reached = made, Counter()
    bounds = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(Provision, settings=bounds)
    assert {"answered", "released", "refused", "inquired"} <= set(Provision.reached)  # it has been there
