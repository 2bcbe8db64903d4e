"""What a sender is given to hold against us: a file that proves what became of its own message, and nobody else's."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from gateway.evidence.proof_check import check_proof
from gateway.keys.certificates import fingerprint_of_file
from tests.flow.calling import PUT, answer_of, calling, posted
from tests.flow.toys import OFFICE, REGISTER, person


async def fetched(peer, message_id):
    async with peer.get(f"/v1/messages/{message_id}/proof") as response:
        return response.status, response.headers, await response.text()


async def test_the_sender_is_given_a_proof_that_its_message_was_recorded(line, office, site):
    _, taken = await posted(office, PUT, [person(0), person(1, name="")])
    status, headers, file = await fetched(office, taken["message_id"])
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert headers["Content-Disposition"] == f'attachment; filename="{taken["message_id"]}.tlog-proof"'
    fact, checkpoint, _ = check_proof(file, site.log.verifier())
    assert (fact["kind"], fact["message_id"]) == ("message.recorded", taken["message_id"])
    assert fact["statement"]["records"] == [[1, "too_short", "name"]]
    assert checkpoint.size >= fact["seq"]


@pytest.mark.parametrize("path", [PUT, f"/v1/999997/{OFFICE}/nothing.known"])
async def test_a_refused_message_is_proven_as_well(line, office, site, path):
    """By its edge: every record of it, or the whole."""
    _, problem = await posted(office, path, [person(0, name="")])
    status, _, file = await fetched(office, problem["message_id"])
    assert status == 200
    fact, _, _ = check_proof(file, site.log.verifier())
    assert fact["message_id"] == problem["message_id"]
    assert fact["statement"]["connector"] == OFFICE


async def test_what_the_hub_refused_is_proven_as_well(line, office, site):
    rules = line.hub.rules
    file = rules.tenant.file.model_copy(update={"routes": ()})
    line.hub.rules = replace(rules, tenant=replace(rules.tenant, file=file))
    status, problem = await posted(office, PUT, [person(0)])
    assert (status, problem["code"]) == (403, "no_route")
    status, _, file = await fetched(office, problem["message_id"])
    assert status == 200
    assert check_proof(file, site.log.verifier())[0]["code"] == problem["code"]


async def test_nobody_is_given_the_proof_of_anothers_message(line, office, site, entrance):
    """Two clinics are one connector: the other's message is as unknown as one that never was."""
    tls = site.config.root / "keys/tls"
    pinned = {**line.office.rules.pinned, fingerprint_of_file(tls / "stranger.crt"): "keys/tls/stranger.crt"}
    line.office.rules = replace(line.office.rules, pinned=pinned)
    _, taken = await posted(office, PUT, [person(0)])
    _, refused = await posted(office, PUT, [person(0, name="")])
    own = (await line.outbox.send("person.put", [person(1)], key=b"k")).message_id
    for each in (taken["message_id"], own):  # nothing that befalls them comes behind what is refused to the stranger
        await line.settlement(each)
    unknown = ("01960000-0000-7000-8000-000000000001", "x", "架空の値")
    async with calling(site, entrance[1], "stranger") as stranger:
        for message_id in (taken["message_id"], refused["message_id"], *unknown):
            async with stranger.get(f"/v1/messages/{message_id}/proof") as response:
                status, problem = await answer_of(response)
            assert (status, problem["code"]) == (404, "unknown_message")
            assert line.every_fact()[-1]["kind"] == "message.refused"
        assert (await fetched(stranger, own))[0] == 200, "what the connector sent of itself is of all its peers"
    assert {(await fetched(office, each["message_id"]))[0] for each in (taken, refused)} == {200}


async def test_who_asks_for_anothers_proof_has_nothing_signed(line, office):
    _, taken = await posted(office, PUT, [person(0)])
    _, refused = await posted(office, PUT, [person(0, name="")])
    before = line.journal.proofs.checkpoint()
    for each in (taken, refused):
        assert await line.hub.proof(REGISTER, each["message_id"]) is None
    assert line.journal.proofs.checkpoint() == before
    assert {(await fetched(office, each["message_id"]))[0] for each in (taken, refused)} == {200}
    assert line.journal.proofs.checkpoint() != before


async def test_what_was_purged_is_as_unknown_as_what_never_was(line, office):
    """Nothing says any more whose it was, so nobody is told that there was something."""
    _, taken = await posted(office, PUT, [person(0)])
    with closing(sqlite3.connect(line.journal.path)) as tables, tables:
        tables.execute("UPDATE fact SET body = NULL, salt = NULL WHERE kind = 'message.recorded'")
    assert await line.hub.proof(OFFICE, taken["message_id"]) is None
