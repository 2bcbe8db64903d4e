"""The portal as residents use it, with a listener in the gateway's place: the hand-over, and what is sent."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.plugin import Accepted, RefusedRecord
from gateway_myna_portal.simulated.residents import Residents
from tests.forking import done
from tests.plugins.myna_portal.conftest import DROPPED, Gateway
from tests.plugins.myna_portal.running import CITY, Simulator, Site, brings, key, notice, running

RECORDED = (202, {"message_id": "m1", "repeated": False, "refused": []})


def replies(record: dict[str, Any]) -> tuple[int, Any]:
    return 200, {"message_id": "m1", "replies": [{"index": 0, "record": record}]}


async def first(portal: Simulator, **more: Any) -> tuple[str, str]:
    """A new resident who is logged in: card and pseudonym."""
    who = await portal.resident(**more)
    return who, str((await portal.login(who))["pmh_pseudonym_id"])


# ---- first use (F47) -------------------------------------------------------------------------------------------------


async def test_rule_3_the_key_is_handed_over_once_then_deleted_and_that_is_told(
    portal: Simulator, gateway: Gateway
) -> None:
    before, its_key = await portal.counts(), key()
    who, pseudonym = await first(portal, pmh_key=its_key)
    assert (await portal.counts())["keys"] == before["keys"] + 1
    gateway.answers = {
        "pseudonym.hand_over": replies({"pmh_pseudonym_id": pseudonym}),
        "pseudonym.key_deleted": RECORDED,
    }
    assert (await portal.act(who, "first-use"))["status"] == 200
    await portal.act(who, "first-use")
    (path, handed, headers), (_, deleted, later) = gateway.came
    assert path == f"/v1/{CITY}/myna_portal/pseudonym.hand_over"
    assert handed == [{"pmh_pseudonym_id": pseudonym, "pmh_key": its_key}]
    assert (deleted, "Renkei-Proof" in later) == ([{"pmh_pseudonym_id": pseudonym}], False)
    assert its_key not in str(headers)
    after = await portal.counts()
    assert after["keys"] == before["keys"]
    assert (after["linked"], after["deletions_told"]) == (before["linked"] + 1, before["deletions_told"] + 1)


def test_rule_3_the_portals_store_has_no_key_after_the_hand_over_not_even_if_it_comes_again() -> None:
    residents, its_key = Residents(), key()
    residents.arrive("CARD-A", its_key, None)
    resident = residents.of_card("CARD-A")
    assert resident is not None
    residents.pseudonym(resident)
    assert its_key in kept(residents)
    residents.handed_over(resident)
    residents.arrive("CARD-A", its_key, "CARD-B")
    assert its_key not in kept(residents)
    assert "CARD-B" in kept(residents)


def kept(store: object) -> str:
    """Everything in the store, whatever its repr hides."""
    return json.dumps(vars(store), default=lambda each: {name: getattr(each, name) for name in each.__slots__})


async def test_rule_3_a_key_that_comes_with_a_notice_is_not_taken(site: Site, portal: Simulator) -> None:
    who, pseudonym = await first(portal)
    record = {**notice(pseudonym).model_dump(), "pmh_key": key()}
    body = {"message_id": "m1", "rows": [{"index": 0, "record": record}]}
    async with site.session(site.city) as gateway, gateway.post(f"{portal.url}/v1/notices", json=body) as response:
        assert (response.status, await response.json()) == (400, {"code": "malformed"})
    assert (await portal.act(who, "notices"))["notices"] == []


@pytest.mark.parametrize(
    "answer",
    [
        (503, {"code": "stopping"}),
        (403, {"code": "not_attested"}),
        (200, {"message_id": "m1", "replies": [{"index": 0, "code": "no_such_person"}]}),
        replies({"pmh_pseudonym_id": "MPSOMEBODYELSE"}),
        (200, {"message_id": "m1", "replies": []}),
        (200, []),
    ],
)
async def test_without_the_word_that_it_is_linked_the_key_stays_and_nothing_is_told_deleted(
    portal: Simulator, gateway: Gateway, answer: tuple[int, Any]
) -> None:
    who, _ = await first(portal, pmh_key=key())
    before = await portal.counts()
    gateway.answers = {"pseudonym.hand_over": answer}
    await portal.act(who, "first-use")
    assert gateway.operations() == ["pseudonym.hand_over"]
    assert (await portal.counts())["keys"] == before["keys"]


async def test_a_hand_over_without_an_answer_is_the_same_message_again_and_after_one_another(
    portal: Simulator, gateway: Gateway
) -> None:
    who, _ = await first(portal, pmh_key=key())
    for answer in ((503, {}), (503, {}), (403, {"code": "not_attested"}), (503, {})):
        gateway.answers = {"pseudonym.hand_over": answer}
        await portal.act(who, "first-use")
    keys = [headers["Idempotency-Key"] for _, _, headers in gateway.came]
    assert keys[0] == keys[1] == keys[2] != keys[3]


async def test_a_deletion_that_was_not_heard_is_told_again(portal: Simulator, gateway: Gateway) -> None:
    who, pseudonym = await first(portal, pmh_key=key())
    gateway.answers = {"pseudonym.hand_over": replies({"pmh_pseudonym_id": pseudonym})}
    await portal.act(who, "first-use")
    gateway.answers["pseudonym.key_deleted"] = RECORDED
    for _ in range(2):
        await portal.act(who, "first-use")
    assert gateway.operations() == ["pseudonym.hand_over", "pseudonym.key_deleted", "pseudonym.key_deleted"]


async def test_without_a_key_there_is_nothing_to_hand_over(portal: Simulator, gateway: Gateway) -> None:
    who, _ = await first(portal)
    assert await portal.act(who, "first-use") == 409
    assert gateway.came == []


# ---- what residents ask ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "body", "operation"),
    [
        ("template", {"vaccination_management_id": "VM-1"}, "template.query"),
        (
            "questionnaire",
            {"vaccination_management_id": "VM-1", "answers": [{"item_id": "Q1", "answer_content": "no"}]},
            "questionnaire.enter",
        ),
        ("records", None, "record.query"),
    ],
)
async def test_what_a_resident_asks_goes_out_about_the_resident_with_the_sessions_token(
    portal: Simulator, gateway: Gateway, act: str, body: dict[str, Any] | None, operation: str
) -> None:
    who = await portal.resident()
    told = await portal.login(who)
    gateway.answers = {operation: replies({"made": "up"})}
    said = await portal.act(who, act, body)
    assert said["answer"]["replies"] == [{"index": 0, "record": {"made": "up"}}]
    ((path, (record,), headers),) = gateway.came
    assert path == f"/v1/{CITY}/myna_portal/{operation}"
    assert headers["Renkei-Proof"] == told["id_token"]
    assert record.items() >= {"pmh_pseudonym_id": told["pmh_pseudonym_id"], **(body or {})}.items()


async def test_an_answer_that_takes_its_time_is_asked_for_by_the_same_request_under_the_same_proof(
    portal: Simulator, gateway: Gateway
) -> None:
    who, _ = await first(portal)
    answer = {"message_id": "m7", "replies": [{"index": 0, "code": "no_such_person"}]}
    gateway.answers, gateway.later = {"record.query": (202, {"message_id": "m7"})}, {"record.query": (200, answer)}
    assert await portal.act(who, "records") == {"status": 200, "answer": answer}
    (path, records, headers), (again, same, later) = gateway.came
    assert (again, same) == (path, records)
    assert [later[name] for name in ("Idempotency-Key", "Renkei-Proof")] == [
        headers[name] for name in ("Idempotency-Key", "Renkei-Proof")
    ]


async def test_it_asks_again_when_the_gateway_says_so(portal: Simulator, gateway: Gateway) -> None:
    who, _ = await first(portal)
    gateway.answers, gateway.later = {"record.query": (202, {"message_id": "m7"})}, {"record.query": (200, {})}
    gateway.retry_after, began = "1", asyncio.get_running_loop().time()
    assert (await portal.act(who, "records"))["status"] == 200
    assert asyncio.get_running_loop().time() - began >= 1.0


async def test_what_was_lost_with_its_connection_is_sent_once_more_with_the_same_key(
    portal: Simulator, gateway: Gateway
) -> None:
    who, _ = await first(portal)
    answer = {"message_id": "m7", "replies": [{"index": 0, "code": "no_such_person"}]}
    gateway.answers, gateway.later = {"record.query": (DROPPED, {})}, {"record.query": (200, answer)}
    assert await portal.act(who, "records") == {"status": 200, "answer": answer}
    (path, records, headers), (again, same, later) = gateway.came
    assert (again, same, later["Idempotency-Key"]) == (path, records, headers["Idempotency-Key"])
    gateway.came.clear()
    gateway.later = {}
    assert (await portal.act(who, "records"))["status"] == 0
    assert len(gateway.came) == 2, "once more, and no more"


async def test_a_parent_asks_about_the_child_from_the_childs_session(portal: Simulator, gateway: Gateway) -> None:
    parent = await portal.resident()
    child = await portal.resident(guardian=parent)
    told = await portal.login(child, agent=parent)
    await portal.act(child, "records")
    ((_, (record,), _),) = gateway.came
    assert record["pmh_pseudonym_id"] == told["pmh_pseudonym_id"]


async def test_a_portal_that_misbehaves_sends_what_it_is_told(portal: Simulator, gateway: Gateway) -> None:
    who, pseudonym = await first(portal)
    await portal.faults({"no_token": 1})
    records = [{"pmh_pseudonym_id": pseudonym, "surplus": 1}]
    await portal.act(who, "send/record.query", records)
    ((_, came, headers),) = gateway.came
    assert (came, "Renkei-Proof" in headers) == (records, False)
    assert (await portal.counts())["faults"]["no_token"] == 1


async def test_who_has_not_logged_in_asks_nothing(portal: Simulator, gateway: Gateway) -> None:
    assert await portal.act(await portal.resident(), "records") == 409
    assert (await portal.call("POST", "/front/records"))[0] == 401
    assert gateway.came == []


async def test_a_gateway_that_is_down_is_told_as_such(portal: Simulator) -> None:
    who, _ = await first(portal)
    assert await portal.act(who, "records") == {"status": 0, "answer": {}}


async def test_one_card_has_one_pseudonym_for_good(portal: Simulator) -> None:
    who, pseudonym = await first(portal)
    assert (await portal.login(who))["pmh_pseudonym_id"] == pseudonym
    assert who not in pseudonym


# ---- the process -----------------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Site:
    return Site.make(tmp_path)


async def test_nothing_of_a_resident_is_in_its_output_nor_on_its_disk(own: Site, unused_tcp_port: int) -> None:
    its_key = key()
    with running(own, f"https://127.0.0.1:{unused_tcp_port}", "times = { retry_after = 0 }") as portal:
        who = await portal.resident(pmh_key=its_key)
        told = await portal.login(who)
        async with own.connected(portal.url) as connector:
            await portal.faults({"garbage": 1, "drop": 1})
            for _ in range(3):
                await connector.deliver(brings(notice(told["pmh_pseudonym_id"])))
        await portal.act(who, "first-use")
        await portal.act(who, "send/record.query")
        await portal.call("POST", "/v1/notices", {"its_key": its_key})
        status, output = portal.end()
    assert status == 0
    last = json.loads(output.splitlines()[-1])
    assert (last["event"], last["keys"], last["notices"]) == ("stopped", 1, 3)
    written = output + b"".join(path.read_bytes() for path in own.folder.rglob("*") if path.is_file())
    for value in (who, its_key, *told.values(), "架空の通知文言"):
        assert value.encode() not in written


async def test_who_used_the_portal_before_has_that_pseudonym_and_is_linked(own: Site) -> None:
    (own.folder / "residents.csv").write_text("card,pmh_pseudonym_id\nCARD-B,MADEUP-B\nCARD-C,MADEUP-C\n")
    with running(own, "https://127.0.0.1:1", 'residents = "residents.csv"') as portal:
        assert (await portal.login("CARD-C"))["pmh_pseudonym_id"] == "MADEUP-C"
        async with own.connected(portal.url) as connector:
            outcomes = await connector.deliver(brings(notice("MADEUP-B"), notice("MADEUP-D")))
        assert outcomes == {0: Accepted(), 1: RefusedRecord("no_such_person")}
        assert (await portal.counts())["linked"] == 2


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return done("gateway_myna_portal.simulator", *map(str, arguments))


def test_a_key_is_for_its_owner_only_and_never_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "made/provider"
    assert run("--make-key", folder).returncode == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == dict.fromkeys(before, 0o600)
    assert run("--make-key", folder).returncode == 2
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_signing_key_that_others_may_read_is_refused(own: Site) -> None:
    (own.folder / "provider/signing.pem").chmod(0o644)
    ended = run(own.configuration("https://127.0.0.1:1"))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "chmod 600" in ended.stderr


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("listen = { port = -1 }", "listen.port"),
        ("x = 1", "x"),
        ("faults = { made_up = 1 }", "faults"),
        ('residents = "portal.toml"', "residents"),
    ],
)
def test_a_wrong_configuration_is_told_by_its_key(own: Site, more: str, named: str) -> None:
    ended = run(own.configuration("https://127.0.0.1:1", more))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert named in ended.stderr


def test_help_names_every_fault_and_how_to_begin() -> None:
    told = run("--help").stdout
    assert all(word in told for word in ("--make-key", "POST /residents", "maintenance", "alg_none", "expired"))


async def test_an_unknown_fault_and_a_broken_body_are_refused(portal: Simulator) -> None:
    assert await portal.faults({"made_up": 1}) == 422
    assert (await portal.call("POST", "/residents", {"card": "a b"}))[0] == 422
