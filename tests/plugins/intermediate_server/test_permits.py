"""What the network signs counts for one body, one use and a while; and a list never gets older."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from gateway.plugin import Refused
from gateway.plugin.exchange import Later
from gateway_intermediate_server.matching_list import MatchingList
from gateway_intermediate_server.permits import (
    Authorisation,
    Exchange,
    MatchingListToken,
    Network,
    Permit,
    Route,
    body_kind,
)
from gateway_intermediate_server.simulated.signing import SigningKey
from tests.plugins.intermediate_server.exchanges import DATASET, PROCEDURE
from tests.plugins.intermediate_server.running import ISSUER, MUNICIPALITY, PREFECTURE
from tests.plugins.vaccination_records.subjects import CITY

KEY = SigningKey(ec.generate_private_key(ec.SECP256R1()))
NOW = datetime.now(UTC)
WHEN = int(NOW.timestamp())


def network() -> Network:
    import json

    return Network(ISSUER, json.dumps(KEY.jwks).encode(), CITY)


def permit(**changes: Any) -> dict[str, Any]:
    return {
        "iss": ISSUER,
        "aud": CITY,
        "sub": "PS-1",
        "jti": "PM-1",
        "iat": WHEN - 10,
        "exp": WHEN + 600,
        "use": "permit",
        "inquirer": MUNICIPALITY,
        "provider": CITY,
        "row": "25",
        "procedure_code": PROCEDURE,
        "dataset_code": DATASET,
        "undisclosed_flag": False,
        "key": "A" * 43,
    } | changes


def test_a_permit_is_read() -> None:
    read = network().read(KEY.sign(permit()), Permit, NOW)
    assert read.exchange == Exchange("25", PROCEDURE, MUNICIPALITY, CITY, DATASET)
    (claim,) = read.claims(MUNICIPALITY)
    assert (claim.name, claim.proof, claim.party) == ("permit", b"PM-1", MUNICIPALITY)
    assert claim.until == datetime.fromtimestamp(WHEN + 600, UTC)
    assert claim.asked == datetime.fromtimestamp(WHEN - 10, UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"aud": MUNICIPALITY},
        {"exp": WHEN},
        {"iat": WHEN - 600, "exp": WHEN - 300},
        {"iat": WHEN + 300, "exp": WHEN + 600, "aud": MUNICIPALITY},
        {"use": "self"},
        {"use": "route"},
        {"undisclosed_flag": "false"},
        {"row": "25; 26"},
        {"inquirer": "99998"},
        {"jti": "PM 1"},
        {"key": None},
    ],
)
def test_what_is_wrong_with_a_permit_makes_it_none(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="permit_not_valid"):
        network().read(KEY.sign(permit(**changes)), Permit, NOW)


@pytest.mark.parametrize("changes", [{"iat": WHEN + 300, "exp": WHEN + 600}, {"nbf": WHEN + 300}])
def test_what_is_genuine_and_too_early_waits_for_the_clock(changes: dict[str, Any]) -> None:
    """Ours may be behind: nothing is refused for good by it."""
    with pytest.raises(Later, match="not_yet_valid"):
        network().read(KEY.sign(permit(**changes)), Permit, NOW)
    with pytest.raises(Refused, match="permit_not_valid"):
        network().read(KEY.forged(KEY.sign(permit(**changes))), Permit, NOW)


def test_a_token_for_one_use_is_none_for_another() -> None:
    for form in (Route, Authorisation, MatchingListToken):
        with pytest.raises(Refused, match="permit_not_valid"):
            network().read(KEY.sign(permit()), form, NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        KEY.forged,
        KEY.unsigned,
        lambda token: token[:-3] + ("BBB" if token.endswith("AAA") else "AAA"),
        lambda token: None,
    ],
)
def test_what_the_network_did_not_sign_is_none(wrong: Callable[[str], str | None]) -> None:
    with pytest.raises(Refused, match="permit_not_valid"):
        network().read(wrong(KEY.sign(permit())), Permit, NOW)


@given(st.text(max_size=200))
def test_no_text_makes_anything_else_of_it(text: str) -> None:
    with pytest.raises(Refused, match="permit_not_valid") as refused:
        network().read(text, Permit, NOW)
    assert str(refused.value) == str(Refused("permit_not_valid"))


@pytest.mark.parametrize(
    ("code", "kind"), [(PREFECTURE, "governor"), (MUNICIPALITY, "municipality"), (CITY, "municipality")]
)
def test_a_code_tells_what_kind_of_body_it_is(code: str, kind: str) -> None:
    assert body_kind(code) == kind


def test_a_code_with_a_wrong_check_digit_is_no_bodys() -> None:
    with pytest.raises(Refused, match="permit_not_valid"):
        body_kind("990002")


# ---- the matching list ---------------------------------------------------------------------------------------------

LINE = {"row": "26", "procedure_code": PROCEDURE, "inquirer": "governor", "provider": "any", "dataset_code": DATASET}
LISTED = Exchange("26", PROCEDURE, PREFECTURE, CITY, DATASET)


def listed(version: int = 1, *, rows: list[dict[str, str]] | None = None, **changes: Any) -> str:
    claims = {"iss": ISSUER, "aud": CITY, "sub": "matching-list", "jti": "ML-1", "iat": WHEN - 10, "exp": WHEN + 86400}
    return KEY.sign(claims | {"use": "list", "version": version, "rows": [LINE] if rows is None else rows} | changes)


class Kept:
    """A list with a clock, and what the server gives next."""

    def __init__(self, *given: str) -> None:
        self._given = iter(given)
        self.now = NOW
        self.steady = 0.0
        self.fetched = 0
        self.list = MatchingList(network(), self._fetch, lambda: self.now, lambda: self.steady, 300)

    async def _fetch(self, ends: float) -> str:
        self.fetched += 1
        return next(self._given)


async def test_what_the_list_has_is_admitted_and_nothing_else() -> None:
    kept = Kept(listed())
    await kept.list.admits(LISTED, time.monotonic())
    for other in (
        Exchange("25", PROCEDURE, PREFECTURE, CITY, DATASET),
        Exchange("26", "JT00000000009999", PREFECTURE, CITY, DATASET),
        Exchange("26", PROCEDURE, MUNICIPALITY, CITY, DATASET),
        Exchange("26", PROCEDURE, PREFECTURE, CITY, "TM00000000009999"),
    ):
        with pytest.raises(Refused, match="not_on_matching_list"):
            await kept.list.admits(other, time.monotonic())
    assert kept.fetched == 1


@pytest.mark.parametrize(
    "wrong",
    [
        KEY.forged(listed()),
        listed(aud=MUNICIPALITY),
        listed(exp=WHEN - 1),
        listed(sub="PS-1"),
        listed(rows=[LINE | {"inquirer": "everybody"}]),
        KEY.sign(permit()),
        "garbage",
    ],
)
async def test_without_a_list_that_counts_nothing_is_judged(wrong: str) -> None:
    kept = Kept(wrong, listed())
    with pytest.raises(Later, match="not_on_matching_list"):
        await kept.list.admits(LISTED, time.monotonic())
    await kept.list.admits(LISTED, time.monotonic())


async def test_a_list_is_fetched_anew_after_its_time_and_what_it_no_longer_has_is_refused() -> None:
    kept = Kept(listed(1), listed(2, rows=[]))
    await kept.list.admits(LISTED, time.monotonic())
    kept.steady += 301
    with pytest.raises(Refused, match="not_on_matching_list"):
        await kept.list.admits(LISTED, time.monotonic())


async def test_a_clock_that_is_set_back_keeps_no_list_in_use() -> None:
    kept = Kept(listed(1), listed(2, rows=[]))
    await kept.list.admits(LISTED, time.monotonic())
    kept.steady += 301
    kept.now -= timedelta(seconds=40)
    with pytest.raises(Refused, match="not_on_matching_list"):
        await kept.list.admits(LISTED, time.monotonic())


async def test_an_older_list_never_takes_the_place_of_a_newer_one() -> None:
    kept = Kept(listed(2, rows=[]), listed(1), listed(2))
    with pytest.raises(Refused, match="not_on_matching_list"):
        await kept.list.admits(LISTED, time.monotonic())
    kept.steady += 301
    with pytest.raises(Later, match="not_on_matching_list"):
        await kept.list.admits(LISTED, time.monotonic())
    await kept.list.admits(LISTED, time.monotonic())


async def test_who_waits_for_anothers_look_at_the_list_waits_no_longer_than_it_can() -> None:
    """So a server that hangs is told as one, and not as a fault of ours."""
    kept, hangs, loop = Kept(listed()), asyncio.Event(), asyncio.get_running_loop()

    async def fetch(_: float) -> str:
        await hangs.wait()
        return listed()

    kept.list._fetch = fetch
    first = asyncio.create_task(kept.list.admits(LISTED, loop.time() + 60))
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        with pytest.raises(Later, match="deadline"):
            await kept.list.told(loop.time() + 0.01)
        hangs.set()
        await first
    assert "version 1" in await kept.list.told(loop.time() + 60)


async def test_the_operator_is_told_version_and_age() -> None:
    kept = Kept(listed(7))
    assert await kept.list.told(time.monotonic()) == "matching list version 7, 0 s old"
    kept.steady += 120
    assert await kept.list.told(time.monotonic()) == "matching list version 7, 120 s old"
