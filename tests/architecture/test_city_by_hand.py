"""`docs/city-by-hand.md` is run as it stands there: its processes start from the files that init made, and a resident's
way goes through all of them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.plugin import checks
from tests.architecture.tree import ROOT
from tests.ports import free_port

PAGE = (ROOT / "docs/city-by-hand.md").read_text()
COMMANDS = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
SYSTEMS = ("records", "pmh", "portal", "clinics", "history", "research", "network")
PORTS = sorted({*re.findall(r"\b84\d\d\b", PAGE)})


def script(root):
    """The commands, with a scratch folder in the place of `../city`, and ports that are free in every file of it."""
    told = COMMANDS.replace(". .venv/bin/activate\n", "").replace("../city", str(root))
    ports = {port: str(free_port()) for port in PORTS}
    init = f"gateway init {root} --example edge_per_zone\n"
    assert init in told
    edits = " ".join(f"-e 's/\\b{port}\\b/{free}/'" for port, free in ports.items())
    find = f"find {root} -name '*.toml' -not -path '*/interfaces/*' -exec sed -i {edits} {{}} +\n"
    for port, free in ports.items():
        told = told.replace(f"localhost:{port}", f"localhost:{free}")
    told = told.replace(init, init + find)
    return f"set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{told}"


@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "sed", "find", "curl", "iconv"))),
    reason="the page speaks to the gateway as an operator's shell would, and this machine has not all of its tools",
)
def test_every_command_of_the_page_does_what_the_page_shows(tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script(tmp_path / "city")],
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for shown in (
        "the portal answers",
        "the certificates of 2 clinics are known",
        '"answer_kind": "number"}]}}]}}',
        '"answer_status": "1", "forced_expiry_date": "2099-12-31"}}]}}',
        '"answer_content": "36.5"}]}]}}]}}',
        '"answer_status": "2"}}]}}',
        '"vaccination_record_id": "R',
        '"code": "not_attested"',
        '"records": [{"index": 0, "code": "unknown_field", "path": "unknown:2:1"}]}}',
        "the server answers, matching list version 1, ",
        '"000000000000001","I-1","1","25","TM00000000000101","999989","0","20250601","架空ワクチン",',
        "  ワクチン名(一般名) (doses[0].vaccine_generic_name): 見本ワクチン",
        ": approved; a second person, with role approver, releases it",
        '{"state": "waiting", "doses": null, "statutory_records": 0}',
        ": released; 1 records are due now",
        '{"state": "answered", "doses": [{"vaccinated_on": "2026-04-02", ',
    ):
        assert shown in done.stdout
        assert shown in PAGE
    assert re.search(r"^999997: \d+ facts, \d+ checkpoints, root [0-9a-f]{64}: verified$", done.stdout, re.MULTILINE)
    logs = [tmp_path / f"city/log/{name}.jsonl" for name in SYSTEMS]
    assert {json.loads(log.read_text().splitlines()[-1])["event"] for log in logs} == {"stopped"}


def test_every_individual_number_of_the_page_is_made_up_and_valid():
    numbers = re.findall(r"\b\d{12}\b", PAGE)
    assert len({*numbers}) >= 6
    assert all(each.startswith("0000") and checks.individual_number(each) for each in numbers)


def test_the_ports_of_the_page_and_of_the_plugins_pages_are_those_of_the_examples():
    examples = ROOT / "config/examples"
    used = {
        port
        for folder in (examples / "edge_per_zone", examples / "systems")
        for file in folder.glob("*.toml")
        for port in re.findall(r"port = (\d+)", file.read_text())
    }
    assert used == set(PORTS)
    for page in (ROOT / "plugins").glob("*/README.md"):
        assert set(re.findall(r"(?:localhost|127\.0\.0\.1):(\d+)", page.read_text())) <= used, page.parent.name
