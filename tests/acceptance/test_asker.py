"""`docs/write-a-connector.md`, "Ask it yourself": a question is asked by these commands, in a running site."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.config import write_contract
from gateway.plugin.interface import describe
from tests.acceptance.programs import until
from tests.acceptance.site import Site
from tests.acceptance.subjects import MUNICIPALITY
from tests.architecture.tree import ROOT

PAGE = (ROOT / "docs/write-a-connector.md").read_text(encoding="utf-8").partition("\n## Ask it yourself\n")[2]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
ASKED = """
from gateway.plugin import Interface, Operation, Payload, fields

class Asked(Payload):
    internal_no: fields.InternalNo

class Found(Payload):
    internal_no: fields.InternalNo
    resident_status: fields.ResidentStatus

INTERFACE = Interface(connector="school_register", version="1", operations=(Operation(
    name="enrolment.ask", label="在籍の照会", direction="receives", payload=Asked, reply=Found, person_key="internal_no"
),))
"""
ANSWERS = """
from gateway.plugin import Accepted, ConnectorSpec, hookimpl
from gateway_school_asker import Asker, Settings
from gateway_school_register.interface import INTERFACE

class Register(Asker):
    async def deliver(self, delivery):
        return {
            index: Accepted({"internal_no": each.internal_no, "resident_status": "1"})
            for index, each in delivery.records
        }

@hookimpl
def renkei_connector():
    return ConnectorSpec(interface=INTERFACE, settings=Settings, factory=Register)
"""
ENTRIES = """\
[gateway.connectors]
school_register = gateway_school_register.hook
school_asker = gateway_school_asker
"""
ENABLED = """
[connectors.school_register]
zone = "lgwan"
required = false
responsible = "staff-0001"
"""


def written(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return str(folder)


@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl"))),
    reason="the page speaks to the gateway as an integrator's shell would, and this machine has not all of its tools",
)
def test_a_question_is_asked_by_the_commands_of_the_page(tmp_path, starter):
    ((_, asker), (_, lock), (_, enabled), (_, ask), (_, answered)) = BLOCKS
    assert [each for each, _ in BLOCKS] == ["python", "sh", "toml", "sh", "text"]
    packages = written(
        tmp_path / "packages",
        {
            "gateway_school_asker.py": asker,
            "gateway_school_register/interface.py": ASKED,
            "gateway_school_register/hook.py": ANSWERS,
            "school-1.dist-info/entry_points.txt": ENTRIES,
            "school-1.dist-info/METADATA": "Name: school\nVersion: 1\n",
        },
    )
    paths = {
        "PYTHONPATH": os.pathsep.join([packages, str(ROOT), str(ROOT / "plugins")]),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    site = Site.made(tmp_path / "site", starter, routes=())
    try:
        defined: dict[str, Any] = {"__name__": "asked"}
        exec(ASKED, defined)
        write_contract(site.root, describe(defined["INTERFACE"]))
        assert site.cli("keys", "add", MUNICIPALITY, "school_register", "--zone", "lgwan").status == 0
        shell(lock, site, paths)
        with (site.root / f"config/tenants/{MUNICIPALITY}.toml").open("a", encoding="utf-8") as file:
            file.write(ENABLED + enabled)
        site.gateway.start(**paths)
        until(lambda: site._serves(site.gateway, site._listens))
        question = ask.replace("localhost:8443", f"localhost:{site.ports['listener']}")
        said = until(lambda: [found for found in [json.loads(shell(question, site, paths))] if "replies" in found])[0]
    finally:
        site.close()
    assert said == json.loads(answered) | {"message_id": said["message_id"]}


def shell(script: str, site: Site, paths: dict[str, str]) -> str:
    """What it prints, if all of it ends well."""
    words = ["bash", "-euc", script]
    done = subprocess.run(
        words, cwd=site.root, env=os.environ | paths, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
