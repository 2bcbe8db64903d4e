"""`docs/tutorial.md` is run as it stands there, command by command, in a fresh environment with real processes."""

import re
import shutil
import subprocess

import pytest

from tests.architecture.tree import ROOT
from tests.ports import free_port

PAGE = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
COMMANDS = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
PORTS = ("8443", "8444", "8460")


def script(folder):
    """The commands, with a scratch folder in the place of `../first`, and ports that are free in every file of it."""
    told = COMMANDS.replace(". .venv/bin/activate\n", "").replace("../first", str(folder))
    files = f"{folder}/trial/config/gateway.toml {folder}/school_register/tenant.toml"
    ports = {port: str(free_port()) for port in PORTS}
    edits = " ".join(f"-e s/{port}/{free}/" for port, free in ports.items())
    assert told.count("gateway init trial\n") == 1
    told = told.replace("gateway init trial\n", f"gateway init trial\nsed -i {edits} {files}\n")
    for port, free in ports.items():
        told = told.replace(f"localhost:{port}", f"localhost:{free}").replace(f"--port {port}", f"--port {free}")
    assert told.count("; done'\n") == 1
    told = told.replace("; done'\n", "; done'\n" + _until("gateway connectors", "the system answers"))
    assert told.count("ask https://localhost") == 1
    told = told.replace(
        "ask https://localhost",
        _until(f"ask https://localhost:{ports['8460']}/simulator/counts", ": 1") + "ask https://localhost",
    )
    return f"set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{told}"


def _until(command, said):
    """What a person sees at the second look."""
    return f"until {command} | grep -q '{said}'; do sleep 0.2; done\n"


@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "sed", "curl"))),
    reason="the page speaks to the gateway as an integrator's shell would, and this machine has not all of its tools",
)
def test_every_command_of_the_tutorial_does_what_the_page_shows(fresh, tmp_path):
    done = subprocess.run(
        ["bash", "-c", script(tmp_path / "first")],
        cwd=ROOT,
        env=fresh.environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    for shown in (
        "receives subject.delete (転出者の通知), event; person key internal_no",
        "health_management subject.delete             school_register subject.delete               6",
        "the system answers",
        '"repeated": false, "refused": []}',
        '{"records": 1}',
        "delivery.concluded  attempt 1; accepted: records 0",
        "+ receives subject.delete resident_status: data_class basic, kind code",
        "would be quarantined: connector school_register: its code declares another interface than",
    ):
        assert shown in said
        assert shown in PAGE
    assert re.search(r"^999997: \d+ facts, \d+ checkpoints, root [0-9a-f]{64}: verified$", done.stdout, re.MULTILINE)


def test_the_page_says_how_much_there_is_to_type_and_to_read():
    """A continued line is indented."""
    way = PAGE.partition("## 6.")[0]
    (told,) = re.findall(r"these are (\d+) commands in (\d+) blocks to paste.*? (\d+) words to read", way, re.DOTALL)
    blocks = re.findall(r"^```sh\n(.*?)^```", way, re.MULTILINE | re.DOTALL)
    commands = sum(not line.startswith(" ") for line in "".join(blocks).splitlines())
    words = len(re.sub(r"^```.*?^```$", "", way, flags=re.MULTILINE | re.DOTALL).split())
    assert [*map(int, told)] == [commands, len(blocks), 50 * round(words / 50)]
