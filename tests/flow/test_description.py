"""`/openapi.json` over real mutual TLS: what the asking certificate may call there, and nothing to anybody else."""

import asyncio
import json
from dataclasses import replace

import aiohttp
import pytest
from typer.testing import CliRunner
from yarl import URL

from gateway.cli import commands
from gateway.interfaces import openapi
from gateway.keys.certificates import fingerprint_of_file
from tests.flow.calling import FIND, PUT, answer_of, calling
from tests.flow.line import running
from tests.flow.toys import OFFICE

WHERE = "/openapi.json"


@pytest.fixture
async def line(site, tmp_path):
    """Over one link: what is asked here comes to none."""
    async with running(site, tmp_path) as made:
        yield made


async def test_a_known_peer_is_told_what_it_may_call_and_no_fact_is_made(line, office):
    before = len(line.every_fact())
    async with office.get(WHERE) as response:
        assert (response.status, response.content_type) == (200, "application/json")
        document = await response.json()
    assert {path for path, item in document["paths"].items() if "post" in item} == {PUT, FIND}, "and nothing unrouted"
    assert len(line.every_fact()) == before


async def test_it_is_byte_for_byte_what_the_command_writes(line, office, site, entrance):
    root = site.config.root
    words = ("--listener", entrance[0].settings.name, "--certificate", root / f"keys/tls/{OFFICE}.crt", "--root", root)
    done = CliRunner().invoke(commands.app, ["interface", "export", *map(str, words)])
    assert done.exit_code == 0, done.stderr
    limits = site.config.gateway.limits
    line.office.rules = replace(line.office.rules, limits=limits)
    assert await (await office.get(WHERE)).read() == done.stdout_bytes
    other = ("--listener", entrance[0].settings.name, "--certificate", root / "keys/tls/stranger.crt", "--root", root)
    done = CliRunner().invoke(commands.app, ["interface", "export", *map(str, other)])
    assert not [path for path in json.loads(done.stdout)["paths"] if path.startswith("/v1/999997")]


async def test_nothing_above_the_clearance_of_the_listener_is_told(line, office):
    clearance = {"municipal": line.office.rules.listener_clearance["municipal"] - {"individual_number"}}
    line.office.rules = replace(line.office.rules, listener_clearance=clearance)
    async with office.get(WHERE) as response:
        text = await response.text()
    assert "individual_number" not in json.loads(text)["paths"].get(PUT, {})
    assert PUT not in text
    assert FIND in text
    assert "個人番号12桁" not in text


async def test_who_is_unknown_is_told_nothing_and_counted(line, site, entrance):
    made, base = entrance
    async with calling(site, base, "stranger") as stranger, stranger.get(WHERE) as response:
        status, told = await answer_of(response)
    assert (status, told["code"], made.noise) == (403, "unknown_certificate", 1)
    assert OFFICE not in json.dumps(told)


SPELT = (WHERE, f"{WHERE}/", f"/{WHERE}", "/OPENAPI.JSON", "/openapi%2Ejson", f"{WHERE}?listener=municipal", PUT, "/")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "TRACE"])
async def test_who_is_unknown_hears_the_same_whatever_is_asked(site, entrance, method):
    """Neither which addresses there are, nor by which methods, nor whose."""
    made, base = entrance
    heard = set()
    async with calling(site, base, "stranger") as stranger:
        for path in SPELT:
            async with stranger.request(method, URL(base + path, encoded=True)) as response:
                told = json.loads(await response.read() or b"{}")
                heard.add((response.status, "Allow" in response.headers, told.get("code"), len(told)))
    assert heard == {(403, False, None, 0) if method == "HEAD" else (403, False, "unknown_certificate", 4)}
    assert made.noise == len(SPELT)


async def test_without_a_certificate_nobody_is_heard(site, entrance):
    made, base = entrance
    async with calling(site, base, None) as nobody:
        with pytest.raises(aiohttp.ClientError):
            await nobody.get(WHERE)
    assert made.noise == 0


async def test_of_200_at_once_each_gets_a_whole_document_also_while_the_configuration_changes(
    line, office, monkeypatch
):
    drawn, asked = [], 0

    def counted(every):
        drawn.append(1)
        return openapi(every)

    async def ask():
        nonlocal asked
        async with office.get(WHERE) as response:
            asked += 1
            if asked == 50:
                limits = line.office.rules.limits.model_copy(update={"records_per_message": 7})
                line.office.rules = replace(line.office.rules, limits=limits)
            return response.status, await response.read()

    monkeypatch.setattr("gateway.edge.description.openapi", counted)
    answers = await asyncio.gather(*(ask() for _ in range(200)))
    assert {status for status, _ in answers} == {200}
    assert len({document for _, document in answers}) == 2 == len(drawn)
    assert [json.loads(document)["openapi"] for document in {each for _, each in answers}] == ["3.1.0"] * 2


async def test_it_is_drawn_once_and_anew_when_the_configuration_is_another(line, office, site, entrance, monkeypatch):
    drawn = []

    def counted(every):
        drawn.append(1)
        return openapi(every)

    monkeypatch.setattr("gateway.edge.description.openapi", counted)
    pinned = {**line.office.rules.pinned}
    pinned |= {fingerprint_of_file(site.config.root / "keys/tls/stranger.crt"): "keys/tls/stranger.crt"}
    line.office.rules = replace(line.office.rules, pinned=pinned)
    async with calling(site, entrance[1], "stranger") as second:
        texts = [await (await peer.get(WHERE)).text() for peer in (office, second, office)]
    assert len(set(texts)) == 1
    assert drawn == [1], "the peers of one connector have one document"
    limits = line.office.rules.limits.model_copy(update={"records_per_message": 7})
    line.office.rules = replace(line.office.rules, limits=limits)
    assert '"maxItems": 7' in await (await office.get(WHERE)).text()
    assert drawn == [1, 1]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 405), ("DELETE", 405)])
async def test_other_methods_are_answered_as_elsewhere(line, office, method, status):
    async with office.request(method, WHERE) as response:
        assert response.status == status
        if status == 405:
            assert response.headers["Allow"] == "GET, HEAD"
            told = await response.json(content_type=None)
            assert line.facts(told["message_id"]) == ["message.refused"]
