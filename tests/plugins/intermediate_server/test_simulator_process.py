"""As a process: what was answered outlasts a power cut, no number is where it must not be, only its clients come in."""

import asyncio
import hashlib
import json
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway_intermediate_server.simulator import make_keys
from tests.forking import done
from tests.plugins.intermediate_server.exchanges import (
    DATASET,
    DOSE,
    claims,
    inquire,
    opened,
    permit_wanted,
    recorded,
    replica,
    sealed,
)
from tests.plugins.intermediate_server.running import (
    MUNICIPALITY,
    QUICK,
    Resident,
    Simulator,
    Site,
    running,
)
from tests.plugins.intermediate_server.test_simulator_residents import announcement

LASTING = f'data = "data"\n{QUICK}'
FIND = "platform/v1/replicas/find"


@pytest.fixture
def own(tmp_path: Path) -> Site:
    return Site.make(tmp_path)


async def everything(site: Site, system: Simulator) -> tuple[Resident, dict[str, Any], dict[str, Any]]:
    """Something of each kind: a resident, a receipt of an inquiry, a request of another body."""
    resident = await system.resident()
    await system.call("platform/v1/replicas/register", replica(resident, "K1"))
    whose = {"individual_number": resident.individual_number}
    await system.control("person", {"body": MUNICIPALITY, "doses": [DOSE], **whose})
    asked = await system.call("server/v1/permits/request", permit_wanted(site, resident, "K1"), status=202)
    permit = (await system.call("server/v1/permits/fetch", asked))["permit"]
    receipt = await system.call("server/v1/inquiries/send", {"request_id": "K1", "permit": permit}, status=202)
    provision = await system.control("inquire", inquire(resident))
    await system.control("self-information", {"dataset_code": DATASET, **whose})
    await system.call("server/v1/announcements/send", announcement(resident, "K1"), status=202)
    return resident, receipt, provision


async def test_what_was_answered_outlasts_a_power_cut(own: Site) -> None:
    with running(own, LASTING) as first:
        resident, receipt, provision = await everything(own, first)
        whose = {"internal_no": resident.internal_no}
        before = [
            await first.call("platform/v1/addressees/find", whose),
            await first.call(FIND, whose),
            await first.call("server/v1/inquiries/result", receipt),
            await first.call("server/v1/provisions/fetch", provision),
            await first.call("server/v1/announcements/statuses"),
            await first.call("server/v1/self-information/list"),
        ]
        first.end(kill=True)
    with running(own, LASTING) as second:
        after = [
            await second.call("platform/v1/addressees/find", whose),
            await second.call(FIND, whose),
            await second.call("server/v1/inquiries/result", receipt),
            await second.call("server/v1/provisions/fetch", provision),
            await second.call("server/v1/announcements/statuses"),
            await second.call("server/v1/self-information/list"),
        ]
        jti = claims(own, before[2]["permit"])["jti"]
        assert opened(own.city_key, jti, after[2]["answer"]["enc_ciphertext"])["doses"] == [DOSE]
        permit_no = claims(own, after[3]["permit"])["jti"]
        answer = sealed(after[3]["inquirer_encryption_key"], permit_no, provision | {"doses": [DOSE]})
        content = {"permit_no": permit_no, "destination": MUNICIPALITY, "result": "answered", "answer": answer}
        content["record"] = recorded(permit_no)
        await second.call("server/v1/provisions/answer", provision | content)
        assert (await second.control("inquired", provision))["doses"] == [DOSE]
    assert after == before


async def test_only_the_platform_knows_the_number_and_no_line_tells_anything(own: Site) -> None:
    with running(own, LASTING) as system:
        resident, receipt, _ = await everything(own, system)
        integrated = (await system.call("platform/v1/addressees/find", {"internal_no": resident.internal_no}))[
            "integrated_addressee_no"
        ]
        answer = await system.call("server/v1/inquiries/result", receipt)
        status, output = system.end()
    files = {path.name: path.read_bytes() for path in (own.folder / "data").iterdir()}
    number = resident.individual_number.encode()
    holding = {name for name, content in files.items() if number in content}
    assert {name.partition(".")[0] for name in holding} == {"platform"}
    server = b"".join(content for name, content in files.items() if name.startswith("server"))
    traces = {
        "number": number,
        "digest": hashlib.sha256(number).digest(),
        "hex": hashlib.sha256(number).hexdigest().encode(),
        "internal_no": resident.internal_no.encode(),
        "integrated_addressee_no": integrated.encode(),
    }
    assert {name for name, trace in traces.items() if trace in server} == {"integrated_addressee_no"}
    assert integrated not in str(answer)
    assert status == 0
    assert [json.loads(line)["event"] for line in output.splitlines()] == ["listening", "stopped"]
    assert not any(trace in output for trace in (number, resident.internal_no.encode(), integrated.encode()))


async def test_a_code_is_another_one_at_every_body_and_leaves_the_server_never(own: Site) -> None:
    with running(own, LASTING) as system:
        resident, receipt, provision = await everything(own, system)
        told = [
            await system.call("platform/v1/addressees/find", {"internal_no": resident.internal_no}),
            await system.call("server/v1/inquiries/result", receipt),
            await system.call("server/v1/provisions/fetch", provision),
            await system.control("state"),
        ]
        system.end()
    with closing(sqlite3.connect(own.folder / "data/network.sqlite3")) as network:
        codes = [code for (code,) in network.execute("SELECT code FROM codes")]
    assert len(codes) == len(set(codes)) == 2
    assert not any(code in str(told) for code in codes)


async def test_only_its_clients_come_in(own: Site) -> None:
    with running(own) as system:
        assert await system.ask("server/v1/inquiries/list", who=own.elsewhere) == (403, {"code": "not_a_client"})
        assert await system.control("state", who=own.city, status=403) == {"code": "not_a_client"}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as bare:
            with pytest.raises((aiohttp.ClientError, ConnectionError)):
                await bare.post(f"{system.url}/server/v1/inquiries/list", json={})


async def test_faults_strike_as_often_as_told(own: Site) -> None:
    more = "faults = { maintenance = 1 }"
    with running(own, f"{QUICK}\n{more}") as system:
        path = "server/v1/inquiries/list"
        async with own.session(own.city) as session, session.post(f"{system.url}/{path}", json={}) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "7")
        assert await system.call(path) == {"inquiries": []}
        await system.control("faults", {"faults": {"slow": 1}})
        begun = asyncio.get_running_loop().time()
        await system.call(path)
        assert asyncio.get_running_loop().time() - begun >= 0.2
        await system.control("faults", {"faults": {"garbage": 1}})
        with pytest.raises(json.JSONDecodeError):
            await system.call(path)
        await system.control("faults", {"faults": {"hang": 1}})
        hanging = asyncio.create_task(system.call(path))
        async with asyncio.timeout(60):
            while "hang" not in (await system.control("state"))["faults"]:
                assert not hanging.done()
        assert await system.call(path) == {"inquiries": []}
        assert not hanging.done()
        hanging.cancel()
        resident = Resident.new()
        await system.control("faults", {"faults": {"drop": 1}})
        with pytest.raises(aiohttp.ClientError):
            await system.call("platform/v1/addressees/register", resident.addressee())
        again = await system.call("platform/v1/addressees/register", resident.addressee())
        assert again["result"] == "duplicate", "it was done before the connection was dropped"
        struck = (await system.control("state"))["faults"]
        assert struck == dict.fromkeys(("maintenance", "slow", "garbage", "hang", "drop"), 1)
        assert await system.control("faults", {"faults": {"made_up": 1}}, status=422) == {"code": "format"}


def test_keys_are_made_for_their_owner_and_never_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert make_keys(folder) == 0
    names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert names == dict.fromkeys(("network.pem", "jwks.json", "city.jwk", "999989.jwk", "990001.jwk"), 0o600)
    before = (folder / "network.pem").read_bytes()
    assert make_keys(folder) == 2
    assert (folder / "network.pem").read_bytes() == before
    assert b'"d"' not in (folder / "jwks.json").read_bytes()


@pytest.mark.parametrize(
    ("more", "named"),
    [("x = 1", "x"), ("faults = { made_up = 1 }", "faults"), ("times = { code = -1 }", "times.code")],
)
def test_a_wrong_configuration_is_told_by_its_key(own: Site, more: str, named: str) -> None:
    ended = started(own, more)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert named in ended.stderr


def test_a_key_that_others_may_read_or_that_is_missing_is_refused(own: Site) -> None:
    file = own.folder / "keys/999989.jwk"
    file.chmod(0o644)
    assert "chmod 600" in started(own).stderr
    file.unlink()
    ended = started(own)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "inquiry_keys.999989" in ended.stderr


def started(site: Site, more: str = "") -> "subprocess.CompletedProcess[str]":
    return done("gateway_intermediate_server.simulator", str(site.configuration(more)))
