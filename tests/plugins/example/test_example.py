"""The example of `docs/write-a-connector.md` is this file, it is a plugin, and it does what the page says."""

import re
import sys
from datetime import UTC, datetime
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.config import read_contract, write_contract
from gateway.edge import plugins
from gateway.errors import Misconfigured
from gateway.plugin import Accepted, Context, Delivery, Duplicate, Receipt, RefusedRecord
from gateway.plugin.contract import leaves
from gateway.plugin.interface import Interface, Operation, describe
from tests.architecture.tree import ROOT, imported, modules

HERE = Path(__file__).parent
NAME = "school_register"
MESSAGE = "01990000-0000-7000-8000-000000000000"


@pytest.fixture
def loaded(monkeypatch):
    """Loaded as the gateway does it, by its entry point, as if its package were installed."""
    monkeypatch.syspath_prepend(HERE)
    yield plugins.load(NAME, EntryPoints([EntryPoint(NAME, "gateway_school_register", plugins.GROUP)]))
    sys.modules.pop("gateway_school_register", None)


def test_page_shows_the_very_file():
    page = (ROOT / "docs/write-a-connector.md").read_text()
    assert f"```python\n{(HERE / 'gateway_school_register.py').read_text()}```" in page


def test_a_field_of_ones_own_is_locked_as_the_page_declares_it():
    page = (ROOT / "docs/write-a-connector.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```python\n((?:(?!```).)*class Pupil.*?)^```", page, re.MULTILINE | re.DOTALL)
    defined: dict[str, Any] = {"__name__": "page"}
    exec(shown, defined)  # the page's own code
    operation = Operation(
        name="pupil.register", label="児童", direction="receives", payload=defined["Pupil"], person_key="internal_no"
    )
    contract = describe(Interface(connector="pupils", version="1", operations=(operation,)))
    (field,) = (each for each in contract.operations[0].fields if each.path == "school_code")
    assert (field.label, field.data_class, field.kind, field.pattern) == ("学校コード", "basic", "code", "[0-9A-Z]{13}")


def test_it_imports_nothing_behind_the_door():
    tree = modules("tests/plugins/example")["tests/plugins/example/gateway_school_register.py"]
    ours = {name for name in imported(tree) if name.partition(".")[0] == "gateway"}
    assert "gateway.plugin" in ours
    assert [name for name in ours if not name.startswith("gateway.plugin")] == []


def test_it_locks_and_a_wider_declaration_is_refused(loaded, tmp_path):
    (tmp_path / "config").mkdir()
    write_contract(tmp_path, loaded.contract)
    locked = read_contract(tmp_path, NAME)
    plugins.same_as_locked(NAME, loaded.contract, locked)
    (register,) = (each for each in locked.operations if each.name == "subject.register")
    assert leaves(register.fields) == {"internal_no", "resident_status", "updated_at", "update_seq"}
    narrower = register.model_copy(update={"fields": register.fields[:-1]})
    others = tuple(each for each in locked.operations if each is not register)
    with pytest.raises(Misconfigured, match="update_seq"):
        plugins.same_as_locked(NAME, loaded.contract, locked.model_copy(update={"operations": (*others, narrower)}))


class Register:
    """The school register: it stores children, and offers one batch of leavers until it is told that it has ended."""

    def __init__(self):
        self.offered = {"id": "2026-04", "rows": [{"internal_no": "000000000000001"}]}
        self.done = None

    def application(self):
        application = web.Application()
        application.router.add_put("/children/{message_id}", self.store)
        application.router.add_get("/leavers", self.offer)
        application.router.add_post("/leavers/done", self.ended)
        return application

    async def store(self, request):
        rows = await request.json()
        said = {"1": "stored", "2": "known", "3": "old", "4": "closed"}
        return web.json_response({str(row["index"]): said[row["resident_status"]] for row in rows})

    async def offer(self, request):
        return web.json_response(self.offered)

    async def ended(self, request):
        self.done, self.offered = (await request.json())["done"], {}
        return web.json_response({})


class Outbox:
    """The line's promise: the same key gets the same receipt."""

    def __init__(self):
        self.sent = []

    async def send(self, operation, records, *, key, same=None, claims=()):
        self.sent.append((operation, key))
        return Receipt(MESSAGE, repeated=len(self.sent) > 1)

    async def ask(self, operation, records, *, key=None, patience=10.0):
        raise NotImplementedError

    async def note(self, act, *, reference, counts, code=None):
        raise NotImplementedError


class NoLog:
    def info(self, event, **known): ...

    def warning(self, event, **known): ...


@pytest.fixture
async def running(loaded):
    """The connector, open, beside its register."""
    register, outbox = Register(), Outbox()
    async with TestServer(register.application()) as server, aiohttp.ClientSession() as session:
        base_url = str(server.make_url("")).rstrip("/")
        settings = loaded.spec.settings(base_url=base_url, certificate="c", key="k", ca="ca")
        connector = loaded.spec.factory()
        await connector.open(Context("999997", settings, outbox, session, NoLog(), lambda: datetime.now(UTC)))
        yield connector, register, outbox
        await connector.close()


async def test_it_answers_each_record(loaded, running):
    child = loaded.spec.interface.operations[0].payload
    version = {"updated_at": "2026-04-01T09:00:00+09:00", "update_seq": 1}
    records = tuple(
        (index, child.model_validate({"internal_no": f"{index}", "resident_status": status} | version))
        for index, status in enumerate("1234")
    )
    outcomes = await running[0].deliver(Delivery(MESSAGE, "subject.register", records, 60.0))
    assert outcomes == {
        0: Accepted(),
        1: Duplicate(),
        2: RefusedRecord("superseded", "updated_at"),
        3: RefusedRecord("register_closed"),
    }


async def test_it_tells_the_register_once_all_has_ended(running):
    connector, register, outbox = running
    await connector.poll()
    assert register.done is None
    await connector.settled(MESSAGE, {0: Accepted()})
    await connector.poll()
    assert register.done == [0]
    await connector.poll()
    assert outbox.sent == [("subject.delete", b"2026-04")] * 2


async def test_a_register_that_does_not_answer_well_is_not_well(running):
    said = await running[0].health()
    assert (said.ok, said.detail) == (False, "the register does not answer: connector_bug")
