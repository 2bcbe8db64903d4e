"""The stand-in keeps to what is known of the real one: a key is for good, and it leaves no number anywhere."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.forking import done
from tests.plugins.pmh.running import CLIENT, SECRET, Simulator, Site, asks, key_of, numbers, running


@pytest.fixture
def own(tmp_path: Path) -> Site:
    return Site.make(tmp_path)


async def test_keys_outlast_a_power_cut_and_no_number_is_left_on_the_disk(own: Site) -> None:
    asked = numbers(3)
    with running(own, 'data = "keys.sqlite3"') as first:
        async with own.connected(first.url) as connector:
            before = await connector.deliver(asks(*asked))
        first.end(kill=True)
    with running(own, 'data = "keys.sqlite3"') as second:
        async with own.connected(second.url) as connector:
            after = await connector.deliver(asks(*asked))
        assert (await second.counts())["keys"] == 3
        status, output = second.end()
    assert [key_of(each) for each in after.values()] == [key_of(each) for each in before.values()]
    assert status == 0
    assert json.loads(output.splitlines()[-1])["keys"] == 3
    written = output + b"".join(path.read_bytes() for path in own.folder.glob("keys.sqlite3*"))
    assert not any(number.encode() in written for number in asked)


async def test_the_eligibility_side_is_told_the_key_that_the_city_got_and_a_number_has_one_only(
    site: Site, pmh: Simulator
) -> None:
    (number,) = numbers(1)
    async with site.connected(pmh.url) as connector:
        outcomes = await connector.deliver(asks(number))
    told = await pmh.eligible("/pmh-keys", {"individual_number": number}, site.city)
    assert told == (200, {"pmh_key": key_of(outcomes[0])})
    for wrong in ({"individual_number": number[:11]}, {"individual_number": number, "name": "x"}, {}):
        assert await pmh.eligible("/pmh-keys", wrong, site.city) == (422, {"code": "malformed"})


async def test_faults_of_the_file_strike_as_often_as_told(own: Site) -> None:
    asked = numbers(1)
    with running(own, "faults = { lie = 1, busy = 1 }\ntimes = { retry_after = 3 }") as simulator:
        async with own.connected(simulator.url) as connector:
            outcomes = [(await connector.deliver(asks(*asked)))[0] for _ in range(3)]
        assert (await simulator.counts())["faults"] == {"lie": 1, "busy": 1}
    assert [getattr(each, "code", "accepted") for each in outcomes] == ["system_busy", "dispute", "accepted"]


async def test_rows_that_it_does_not_take_fail_alone_and_what_it_cannot_read_is_refused_whole(
    site: Site, pmh: Simulator
) -> None:
    (number,) = numbers(1)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    good = {"rowNo": 0, "modificationSeg": "1", "myNumber": number}
    async with site.session(site.city) as session:
        bearer = await token(session, pmh)
        rows = [good, good | {"rowNo": 1, "modificationSeg": "2"}, good | {"rowNo": 2, "myNumber": wrong}]
        status, answer = await task(session, pmh, bearer, rows)
        assert (status, [row.get("code") for row in answer["rows"]]) == (
            200,
            [None, "deletion_not_offered", "wrong_check_digit"],
        )
        for body in ([], [good, good], [good | {"name": "x"}], good):
            assert (await task(session, pmh, bearer, body))[0] == 400
        assert (await task(session, pmh, "Bearer made-up", rows))[0] == 401
    async with site.session(site.stranger) as stranger:
        assert (await task(stranger, pmh, bearer, rows))[0] == 401, "a token is bound to its certificate"


async def token(session: aiohttp.ClientSession, pmh: Simulator) -> str:
    login = aiohttp.encode_basic_auth(CLIENT, "a+made-up+client+secret%3A+%2B%2F%25%3F")
    form = {"grant_type": "client_credentials"}
    async with session.post(f"{pmh.url}/oauth2/token", data=form, headers={"Authorization": login}) as response:
        assert SECRET not in await response.read()
        return f"Bearer {(await response.json())['access_token']}"


async def task(session: aiohttp.ClientSession, pmh: Simulator, bearer: str, rows: object) -> tuple[int, Any]:
    headers = {"Authorization": bearer}
    async with session.post(f"{pmh.url}/v1/pmh-key-tasks", json=rows, headers=headers) as response:
        return response.status, await response.json()


async def test_an_unknown_fault_is_refused(pmh: Simulator) -> None:
    assert await pmh.faults({"made_up": 1}) == 422


@pytest.mark.parametrize(
    ("more", "named"),
    [("listen = { port = -1 }", "listen.port"), ("x = 1", "x"), ("faults = { made_up = 1 }", "faults")],
)
def test_a_wrong_configuration_is_told_by_its_key(own: Site, more: str, named: str) -> None:
    ended = done("gateway_pmh.simulator", str(own.configuration(more)))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert named in ended.stderr


def test_a_secret_that_others_may_read_is_refused(own: Site) -> None:
    (own.folder / "client_secret").chmod(0o644)
    ended = done("gateway_pmh.simulator", str(own.configuration()))
    assert ended.returncode == 2
    assert "chmod 600" in ended.stderr
