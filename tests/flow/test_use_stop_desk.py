"""A use-stop by commands, at the operators' listener over real mutual TLS: what is said, what is changed, and when."""

import asyncio
import json
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from typer.testing import CliRunner

from gateway.cli import commands
from gateway.edge.use_stops import UseStopList
from gateway.errors import Deferred
from gateway.hub.admin import AdminListener
from gateway.hub.journal import FactKind
from gateway.hub.people import Configured
from gateway.keys.use_stops import FILE
from gateway.link.in_process import ToEdges
from gateway.link.tls import server_tls
from gateway.plugin import Accepted, RefusedRecord
from gateway.wiring.at_edges import UseStopRoute
from gateway.wiring.edge_side import EdgeSide
from tests.flow.line import Line, running
from tests.flow.test_hold_desk import ADMINISTRATOR, ANNA, BEN, OPA, Process, certificates, staffed  # noqa: F401
from tests.flow.toys import OFFICE, REGISTER, TENANT, person

CASE = ("--case", "R8-0012")


@dataclass
class Desk:
    line: Line
    root: Path
    said: Path

    async def command(self, *words: str, who: str = ANNA, case: tuple[str, ...] = CASE) -> tuple[int, str, str]:
        own = ("--as", str(self.root / f"keys/tls/{who}.crt"), "--terminal", "desk-9")
        more = (*own, *case) if words[0] != "stopped" else ()
        asked = ["keys", *words, *more, "--root", str(self.root)]
        done = await asyncio.to_thread(CliRunner().invoke, commands.app, asked)
        return done.exit_code, done.stdout, done.stderr

    async def stop(self, number: int = 1, **how: Any) -> tuple[int, str, str]:
        self.said.write_text(json.dumps(person_file(number)))
        return await self.command("stop-use", TENANT, OFFICE, str(self.said), **how)

    async def resume(self, number: int = 1, **how: Any) -> tuple[int, str, str]:
        self.said.write_text(json.dumps(person_file(number)))
        return await self.command("resume-use", TENANT, OFFICE, str(self.said), **how)

    @property
    def file(self) -> Path:
        return self.root / "keys" / TENANT / OFFICE / FILE

    def facts(self) -> list[tuple[str, str]]:
        kinds = (FactKind.USE_STOPPED, FactKind.USE_RESUMED)
        return [(kind.value, each["operator"]) for _, kind, each in self.line.journal.told(kinds)]


def person_file(number: int) -> dict[str, str]:
    return {"internal_no": f"{number:010}"}


@asynccontextmanager
async def listening(line: Line, root: Path):
    edges = EdgeSide(line.site.config, ToEdges(), line.telemetry, line.clock)
    station: Any = SimpleNamespace(edge=line.office)
    edges._stations[TENANT, OFFICE] = station
    listener = AdminListener(Process(edges, {TENANT: line.hub}), {}, line.telemetry, line.clock)
    listener.add(UseStopRoute(listener.callers, edges.use_stop))
    runner = web.AppRunner(listener.application(), access_log=None)
    await runner.setup()
    tls = root / "keys/tls"
    secret = (root / "keys/passphrase").read_bytes().strip
    context = server_tls(str(tls / "gateway.crt"), str(tls / "gateway.key"), str(tls / "ca.crt"), secret)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture(params=["in_process", "https"])
async def desk(request, site, tmp_path):
    """A line whose office stands by a root of its own: its keys, and the list beside them, are this test's."""
    root = tmp_path / "root"
    shutil.copytree(site.config.root, root)
    async with running(site, tmp_path, link=request.param) as line:
        line.office.use_stops = UseStopList(root / "keys" / TENANT / OFFICE, lambda problem: None)
        line.hub.people.adopt(Configured({}, {ADMINISTRATOR.id: ADMINISTRATOR.certificate}))
        await staffed(line.hub, root / "keys/tls")
        async with listening(line, root) as port:
            config = root / "config/gateway.toml"
            head, admin, rest = config.read_text().partition("[admin]")
            config.write_text(head.replace("port = 0", "port = 1") + admin + rest.replace("port = 0", f"port = {port}"))
            yield Desk(line, root, tmp_path / "person.json")


async def sent(desk, *numbers):
    key = b"%d" % desk.line.journal.size_and_root()[0]
    receipt = await desk.line.outbox.send("person.put", [person(each) for each in numbers], key=key)
    return await desk.line.settlement(receipt.message_id)


async def test_a_person_is_stopped_and_resumed_by_commands(desk):
    status, out, err = await desk.stop()
    assert (status, err) == (0, "")
    assert "office: stopped under R8-0012" in out
    assert await sent(desk, 1, 2) == {0: RefusedRecord("use_stopped", "internal_no"), 1: Accepted()}
    status, out, _ = await desk.command("stopped", TENANT, OFFICE)
    assert (status, "R8-0012" in out, "0000000001" in out) == (0, True, False)
    assert (await desk.stop(2, who=OPA, case=("--case", "R8-0013")))[0] == 0
    _, out, _ = await desk.command("stopped", TENANT, OFFICE, "--json")
    assert [(each["case"], each["entries"]) for each in json.loads(out)] == [("R8-0012", 1), ("R8-0013", 1)]
    assert await desk.resume() == (0, "office: resumed under R8-0012\n", "")
    assert await sent(desk, 1) == {0: Accepted()}
    assert desk.facts() == [("use.stopped", ANNA), ("use.stopped", OPA), ("use.resumed", ANNA)]
    assert "0000000001" not in json.dumps(desk.line.every_fact()) + desk.file.read_text()


async def test_what_is_so_already_is_said_and_changes_nothing(desk):
    await desk.stop()
    former = desk.file.read_bytes()
    assert (await desk.stop())[1] == "office: was stopped under R8-0012 already; nothing has changed\n"
    status, out, err = await desk.resume(2)
    assert (status, out) == (1, "")
    assert "was not stopped under R8-0012 by what the file names; nothing has changed" in err
    assert (desk.file.read_bytes(), desk.facts()) == (former, [("use.stopped", ANNA)])
    await desk.stop(case=("--case", "R8-0099"))
    assert "Under another case it stays stopped" in (await desk.resume())[2]
    assert await sent(desk, 1) == {0: RefusedRecord("use_stopped", "internal_no")}


async def test_what_the_log_cannot_take_changes_nothing(desk, monkeypatch):
    async def unavailable(*_, **__):
        raise Deferred("log_unavailable")

    monkeypatch.setattr(desk.line.hub.journal, "fact", unavailable)
    status, out, err = await desk.stop()
    assert (status, out, err.partition(":")[0]) == (1, "", "log_unavailable")
    assert not desk.file.exists()


async def test_who_may_not_changes_nothing(desk):
    status, out, err = await desk.stop(who=BEN)
    assert (status, out, err.partition(":")[0], desk.file.exists()) == (1, "", "role_missing", False)
    assert desk.facts() == []


async def test_a_list_that_cannot_be_written_is_told_and_the_same_command_again_does_it(desk):
    """It is recorded then, and the fact again is one more: the act was done twice."""
    in_the_way = desk.file.with_name(f"{FILE}.new")
    in_the_way.mkdir()
    status, out, err = await desk.stop()
    in_the_way.rmdir()
    assert (status, out) == (2, "")
    assert f"{FILE}: cannot be written: Is a directory" in err
    assert "it is recorded, but the list is as before: mend that, then give the same command again" in err
    assert (await desk.stop())[0] == 0
    assert await sent(desk, 1) == {0: RefusedRecord("use_stopped", "internal_no")}
    assert desk.facts() == [("use.stopped", ANNA)] * 2


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{}", "one JSON object with one or more of these fields: internal_no"),
        ('{"name": "架空　太郎"}', "one or more of these fields: internal_no"),
        ('{"internal_no": "架空"}', "internal_no: is not of the form"),
        ("架空", "one JSON object"),
    ],
)
async def test_a_file_that_names_nobody_changes_nothing_and_is_not_quoted(desk, said, told):
    desk.said.write_text(said)
    status, out, err = await desk.command("stop-use", TENANT, OFFICE, str(desk.said))
    assert (status, out, told in err, "架空" in err) == (2, "", True, False)
    assert (desk.facts(), desk.file.exists()) == ([], False)


async def test_an_edge_of_another_process_is_told_as_such(desk):
    desk.said.write_text(json.dumps(person_file(1)))
    status, _, err = await desk.command("stop-use", TENANT, REGISTER, str(desk.said))
    assert (status, err.partition(":")[0], desk.facts()) == (1, "edge_elsewhere", [])


async def test_check_finds_a_list_that_cannot_be_read_and_names_nobody(desk):
    await desk.stop()
    desk.file.write_bytes(desk.file.read_bytes()[:-3])
    assert "put its last copy back" in desk.line.office.problem
    status, _, err = await desk.command("stopped", TENANT, OFFICE)
    assert (status, "is not the list of whose use is stopped" in err) == (2, True)
    status, _, err = await desk.stop(2)
    assert (status, "put its last copy back" in err, desk.facts()) == (2, True, [("use.stopped", ANNA)])


def test_a_case_has_the_form_of_a_case():
    asked = ["keys", "stop-use", TENANT, OFFICE, "x", "--case", "0000-1111-2222"]
    done = CliRunner().invoke(commands.app, asked)
    assert (done.exit_code, "fewer than 12 digits" in " ".join(done.output.replace("│", " ").split())) == (2, True)
    assert ADMINISTRATOR.id not in done.output
