"""A plugin that somebody else publishes: a wheel beside the gateway's, enabled by configuration alone.

One that is broken stands alone, and none can widen what flows.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from gateway_demo_city.people import MUNICIPALITY
from tests.acceptance.kit.fresh import Fresh
from tests.acceptance.kit.packages import Package
from tests.acceptance.peer import Peer
from tests.acceptance.programs import Program, until
from tests.acceptance.site import Site

LEAVER = {
    "internal_no": "000000000000001",
    "municipality_code": MUNICIPALITY,
    "change_type": "3",
    "updated_at": "2026-04-01T09:00:00+09:00",
    "update_seq": 1,
}
BROKEN = {
    "raising_register": "raise ValueError('hidden-3f9a')",
    "hanging_register": "import time\n\ntime.sleep(86400)",
    "unopened_register": """
import asyncio
from dataclasses import replace

import gateway_pupil_register as working
from gateway.plugin import hookimpl


class Unopened(working.PupilRegister):
    async def open(self, context):
        await asyncio.Event().wait()


@hookimpl
def renkei_connector():
    spec = working.renkei_connector()
    return replace(spec, interface=replace(spec.interface, connector="unopened_register"), factory=Unopened)
""",
}
"""Of what was reviewed, what runs now raises at import, never comes to its end, or never comes to the end of `open`."""


class Town:
    """A site whose gateway is the wheel's, with packages of its own."""

    def __init__(self, site: Site, fresh: Fresh) -> None:
        self.site = site
        self.fresh = fresh
        self.gateway = Program((fresh.gateway, "run", "--root", str(site.root)), site.observed / "gateway.out")
        self.site.gateway = self.gateway
        self.programs = [self.gateway]

    def cli(self, *words: str):
        return self.fresh.run(self.fresh.gateway, *words, "--root", str(self.site.root))

    def enable(self, package: Package, port: int, *, name: str = "", required: bool = False) -> None:
        """As its lock was reviewed, or under another name; by files and commands alone."""
        connector = name or package.connector
        lock = self.site.root / f"config/interfaces/{connector}.json"
        lock.write_text(package.lock(connector), encoding="utf-8")
        done = self.cli("keys", "add", MUNICIPALITY, connector, "--zone", "lgwan")
        assert done.status == 0, done.err
        with (self.site.root / f"config/tenants/{MUNICIPALITY}.toml").open("a", encoding="utf-8") as file:
            file.write(package.stanza(connector, port, required=required))

    def connectors(self) -> dict[str, Any]:
        """As the running gateway shows them."""
        return {each["connector"]: each for each in json.loads(self.cli("connectors", "--json").out)}

    def start(self, program: Program) -> None:
        """In the environment of the wheels: nothing of this folder is on its path."""
        program.start(**dict.fromkeys(("PYTHONPATH", "PYTHONHOME"), ""))
        self.programs.append(program)


@pytest.fixture
def town(tmp_path, starter, fresh) -> Iterator[Town]:
    made = Town(Site.made(tmp_path / "site", starter, routes=("R25",)), fresh)
    yield made
    for each in made.programs:
        if each.running:
            each.kill()


def test_it_is_enabled_by_configuration_alone_and_broken_ones_stand_alone(town, fresh, tmp_path):
    register = Package.new(fresh, tmp_path, "pupil_register")
    fresh.install(register.folder)
    tls, output = town.site.tls, town.site.observed / "register.out"
    files = [f"--{word}={tls / name}" for word, name in _served_by("pupil_register").items()]
    town.enable(register, 0)
    simulator = Program((fresh.python, "-m", "gateway_pupil_register.simulator", *files), output)
    town.start(simulator)
    port = int(json.loads(until(lambda: output.read_text().partition("\n")[0]))["port"])
    town.site.edit(f"tenants/{MUNICIPALITY}.toml", "localhost:0", f"localhost:{port}")
    town.site.edit(f"tenants/{MUNICIPALITY}.toml", 'to = "vaccination_records"', 'to = "pupil_register"')
    for name, text in BROKEN.items():
        town.enable(register, port, name=name)
        fresh.place(name, text)
    town.gateway.start(PYTHONPATH="")
    until(lambda: town.site._serves(town.gateway, town.site._listens), 120.0)

    sent = town.site.send("subject.delete", [LEAVER])
    assert sent.status == 202, sent.body
    assert [each["outcome"] for each in town.site.outcomes(sent.message_id)] == ["accepted"]
    trace = town.cli("message", "trace", MUNICIPALITY, sent.message_id)
    assert "health_management → pupil_register subject.delete by R25" in trace.out
    asked = Peer(port, tls / "ca.crt", tls / "pupil_register.crt").get("/simulator/counts")
    assert asked.json == {"records": 1}
    until(lambda: town.connectors()["pupil_register"]["ok"])  # its health is asked beside its deliveries
    found = town.connectors()
    assert found["pupil_register"]["state"] == "open"
    assert {name: found[name]["state"] for name in BROKEN} == {
        "raising_register": "quarantined",
        "hanging_register": "quarantined",
        "unopened_register": "opening",
    }
    told = {name: found[name]["detail"] for name in BROKEN}
    assert "loading it raised ValueError in " in told["raising_register"]
    assert re.search(r"loading it took longer than \d+ s and was broken off in ", told["hanging_register"])
    assert "not opened yet" in told["unopened_register"]
    assert town.gateway.stop() == 0
    assert "hidden-3f9a" not in town.gateway.output.read_text()


def test_an_upgrade_that_widens_is_refused_at_start_up_with_the_difference(town, fresh, tmp_path):
    package = Package.new(fresh, tmp_path, "widening_register")
    fresh.install(package.folder)
    town.enable(package, 9, required=True)
    checked = town.cli("check")
    assert checked.status == 0, checked.err
    rules = 'name="change_type", label="変更区分", data_class=DataClass.OPERATIONAL, kind=fields.Kind.TEXT'
    package.upgraded(
        "interface",
        ("from gateway.plugin import", "from typing import Annotated\n\nfrom gateway.plugin import"),
        (
            "change_type: fields.ChangeType\n",
            f"change_type: Annotated[str, fields.Item({rules})]\n    name: fields.Name | None = None\n",
        ),
    )
    fresh.install(package.folder)
    refused = town.cli("run")
    assert refused.status == 2
    assert "connector widening_register: its code declares another interface than config/interfaces/" in refused.err
    assert re.search(
        r"^  ~ receives subject\.delete change_type: .*kind code.* → .*kind text", refused.err, re.MULTILINE
    )
    assert re.search(r"^  \+ receives subject\.delete name: data_class basic, kind text", refused.err, re.MULTILINE)


def _served_by(name: str) -> dict[str, str]:
    """With what a stand-in serves, of the trial's certificates."""
    return {"certificate": f"{name}_system.crt", "key": f"{name}_system.key", "ca": "ca.crt"}
