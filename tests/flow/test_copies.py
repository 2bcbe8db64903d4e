"""Copies at the operators' listener, over real mutual TLS: who lists and declares them, and who hears what is left."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from gateway.hub.admin_copies import CopyRoutes
from gateway.hub.admin_remains import RemainsRoute
from gateway.hub.copies import listed
from gateway.hub.journal.facts import COPY_FACTS
from gateway.hub.people import Configured
from gateway.keys.certificates import digest_of_file
from tests.flow.calling import calling
from tests.flow.line import running
from tests.flow.test_hold_desk import ADMINISTRATOR, ANNA, EVE, OPA, certified, sitting, staffed
from tests.flow.toys import TENANT, person
from tests.journal.builders import open_journal

COPIES = "/v1/copies"
BACKUP = {"form": "backup", "logs": ["system", TENANT]}
UNKNOWN = "01960000-0000-7000-8000-0000000000aa"


@pytest.fixture
def system(tmp_path: Path):
    with closing(open_journal(tmp_path / "system.db")) as made:
        yield made


@pytest.fixture
def asked():
    """The sizes of the tenant's log of which witnesses were asked."""
    return []


@pytest.fixture
async def desk(site, tmp_path, system, asked):
    """Eve is a configured operator of the process; the others have roles in the tenant."""
    certified(site)
    async with running(site, tmp_path) as line:
        line.hub.people.adopt(Configured({}, {ADMINISTRATOR.id: ADMINISTRATOR.certificate}))
        await staffed(line.hub, site.config.root / "keys/tls")

        async def cosign():
            asked.append(line.journal.size_and_root()[0])

        async def no_folders(log):
            return {}

        def routes(callers):
            yield CopyRoutes(callers, line.clock, lambda: {"system": system, TENANT: line.journal}, "system", cosign)
            yield RemainsRoute(callers, line.clock, no_folders, lambda: listed(system.told(COPY_FACTS)))

        eve = digest_of_file(site.config.root / f"keys/tls/{EVE}.crt")
        async with sitting(line, site, {eve: EVE}, routes) as made:
            yield made


async def sent(desk):
    receipt = await desk.line.outbox.send("person.put", [person()], key=b"1")
    await desk.line.settlement(receipt.message_id)
    return receipt.message_id


def deleted(message_id):
    return f"/v1/{TENANT}/messages/{message_id}/deleted"


@pytest.mark.parametrize(("form", "sizes"), [("tiles", 1), ("jsonl", 0), ("backup", 0)])
async def test_before_a_log_is_exported_for_strangers_its_witnesses_are_asked_of_all_of_it(desk, asked, form, sizes):
    await sent(desk)
    await desk.ask(EVE, "POST", COPIES, {"form": form, "logs": [TENANT]})
    assert asked == [desk.line.journal.size_and_root()[0]] * sizes


async def test_a_copy_is_a_fact_with_a_name_and_the_sizes_before_it_is_made(desk, system):
    status, answer = await desk.ask(EVE, "POST", COPIES, BACKUP)
    ((_, kind, fact),) = system.told(COPY_FACTS)
    assert (status, answer, kind) == (200, {"copy": fact["copy"]}, "logs.copied")
    assert (fact["operator"], fact["client_certificate"]) == (EVE, desk.digest(EVE))
    assert (fact["terminal"], fact["form"]) == ("desk-1", "backup")
    assert fact["logs"] == {"system": 0, TENANT: desk.line.journal.size_and_root()[0]}
    gone = f"{COPIES}/{fact['copy']}/destroyed"
    assert await desk.ask(EVE, "POST", gone, {"case": "R8"}) == (200, answer)
    assert await desk.ask(EVE, "POST", gone, {"case": "R8"}) == (404, "unknown_copy")
    status, (row,) = await desk.ask(EVE, "GET", COPIES)
    assert (row["copy"], row["operator"], row["by"], row["case"]) == (fact["copy"], EVE, EVE, "R8")


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"form": "backup", "logs": []}, (400, "bad_copy")),
        ({"form": "zip", "logs": [TENANT]}, (400, "bad_copy")),
        ({"form": "backup", "logs": ["999998"]}, (404, "unknown_tenant")),
        (b"[]", (400, "bad_copy")),
        (b" " * 20_000, (413, "body_too_large")),
    ],
)
async def test_what_is_no_copy_of_logs_here_is_not_listed(desk, system, body, refused):
    assert await desk.ask(EVE, "POST", COPIES, body) == refused
    assert system.told(COPY_FACTS) == []


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", ""), ("POST", "/x/destroyed")])
async def test_copies_are_for_configured_operators_alone(desk, system, method, path):
    body = BACKUP if method == "POST" and not path else {"case": "R8"} if path else None
    assert await desk.ask(OPA, method, f"{COPIES}{path}", body) == (403, "role_missing")
    assert desk.acts()[-1][::2] == (OPA, "role_missing")
    assert system.told(COPY_FACTS) == []


async def test_what_is_left_is_told_to_operators_and_the_asking_is_a_fact(desk):
    message_id = await sent(desk)
    await desk.ask(EVE, "POST", COPIES, BACKUP)
    status, told = await desk.ask(OPA, "GET", deleted(message_id))
    assert (status, told["left"], "undisclosed" in told) == (200, True, False)
    assert [each["where"].split()[0] for each in told["copies"] if each["left"]] == ["envelope", "backup"]
    assert {each["what"] for each in told["copies"]} == {"payload", "facts", "person tags"}
    assert desk.line.every_fact()[-1]["message_id"] == message_id
    assert await desk.ask(OPA, "GET", deleted(UNKNOWN)) == (404, "unknown_message")
    assert await desk.ask(ANNA, "GET", deleted(message_id)) == (403, "role_missing")
    assert desk.acts()[-3:] == [
        (OPA, "deleted", None),
        (OPA, "deleted", "unknown_message"),
        (ANNA, "deleted", "role_missing"),
    ]


async def test_of_an_exchange_that_is_not_to_be_disclosed_an_operator_hears_no_tags(desk):
    message_id = await sent(desk)
    await desk.line.journal.retention.mark(message_id, {"operator": "made-up"}, at="2026-04-01T00:00:00.000000Z")
    _, told = await desk.ask(OPA, "GET", deleted(message_id))
    assert told["undisclosed"] is True
    assert {each["what"] for each in told["copies"]} == {"payload", "facts"}


async def test_who_signs_the_log_is_shown_which_copies_operators_made_of_it(desk, system):
    """By the system's log, which no tenant's officer reads; once, with the review in whose time it was."""
    await sent(desk)
    copy = (await desk.ask(EVE, "POST", COPIES, BACKUP))[1]["copy"]
    await desk.ask(EVE, "POST", COPIES, {"form": "jsonl", "logs": ["system"]})
    await desk.ask(EVE, "POST", f"{COPIES}/{copy}/destroyed", {"case": "R8-0012"})
    review = f"/v1/{TENANT}/review"
    await desk.ask(ANNA, "GET", review)
    _, shown = await desk.ask(ANNA, "GET", review)
    made = {"kind": "logs.copied", "operator": EVE, "copy": copy, "form": "backup"}
    ended = {"kind": "copy.destroyed", "operator": EVE, "copy": copy, "case": "R8-0012"}
    assert [each["fact"] for each in shown["copies"]] == [1, 3]
    for said, told in zip((made, ended), shown["copies"], strict=True):
        assert said.items() <= told.items()
    assert (await desk.ask(ANNA, "POST", review, {"to": shown["to"]}))[0] == 200
    assert (await desk.ask(ANNA, "GET", review))[1]["copies"] == []


async def test_copies_are_told_with_the_deletions_that_they_are_held_against(desk, system):
    await sent(desk)
    copy = (await desk.ask(EVE, "POST", COPIES, BACKUP))[1]["copy"]
    await desk.ask(EVE, "POST", f"{COPIES}/{copy}/destroyed", {"case": "R8-0012"})
    path = f"/v1/{TENANT}/reports/deletions"

    async def told(**asked):
        url = f"https://localhost:{desk.port}"
        async with calling(desk.site, url, ANNA) as session, session.post(path, json=asked) as response:
            lines = [json.loads(line) for line in (await response.text()).splitlines() if line]
        return [line["cells"] for line in lines if "cells" in line]

    made, ended = await told(until="2099-01-01")
    assert (made[1], made[4], f"copy={copy} form=backup system=1" in made) == ("記録の写しの作成", EVE, True)
    assert (ended[1], f"copy={copy} form=backup case=R8-0012 system=2" in ended) == ("記録の写しの廃棄", True)
    assert await told(until="2026-01-01") == []
