"""The tour of the README is run as it stands there, command by command, and says what the README shows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.ports import free_port

README = (ROOT / "README.md").read_text()
TOUR = README.partition("## A five-minute tour")[2].partition("\n## ")[0]
COMMANDS = "\n".join(re.findall(r"^```sh\n(.*?)^```", TOUR, re.MULTILINE | re.DOTALL))
PORTS = ("8443", "8444", "8445")


def script(root):
    """The commands, with a scratch folder in the place of `../trial`, and ports that are free."""
    told = COMMANDS.replace(". .venv/bin/activate\n", "").replace("../trial", str(root))
    ports = {port: str(free_port()) for port in PORTS}
    edits = " ".join(f"-e s/{port}/{free}/" for port, free in ports.items())
    init = f"gateway init {root}\n"
    assert init in told
    told = told.replace(init, f"{init}sed -i {edits} {root}/config/gateway.toml {root}/config/tenants/999997.toml\n")
    for port, free in ports.items():
        told = told.replace(f"localhost:{port}", f"localhost:{free}").replace(f"port = {port}", f"port = {free}")
    return f"set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{told}"


@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "sed", "curl", "openssl", "iconv"))),
    reason="the tour speaks to the gateway as an operator's shell would, and this machine has not all of its tools",
)
def test_every_command_of_the_tour_does_what_the_readme_shows(tmp_path):
    root = tmp_path / "trial"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script(root)],
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for shown in (
        "history_lookup version 1, digest 507b5fa1b387b2535f772360031763f2ddfdadb85a47c5c7e154ffaf03830f8d",
        "1 refused check_digit individual_number",
        "1 refused individual_number_in_text address",
        "1 refused superseded updated_at",
        '"1","受付","accepted"',
        '"vaccination_subject_no": "V',
        '"records": [{"index": 0, "code": "unknown_field", "path": "unknown:3:1"}]',
        "health_management → vaccination_records subject.register by R01",
        "attempt 1; accepted: records 0; refused: records 3 superseded updated_at",
    ):
        assert shown in done.stdout
        assert shown in TOUR
    assert re.search(r"^999997: \d+ facts, \d+ checkpoints, root [0-9a-f]{64}: verified$", done.stdout, re.MULTILINE)
