"""The guides are run as they stand, command by command, on a site that `gateway init` made: disclosure-request,
incident, restore, rotate-keys and upgrade. The shell plays systemd's part, and the places of a server are folders here.
"""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.site import Site
from tests.architecture.tree import ROOT

TOOLS = ("bash", "iconv", "openssl", "cp", "rm")
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
PRELUDE = """\
set -eu
systemctl() {
  if [ $1 = stop ]; then kill $gateway; wait $gateway; return; fi
  gateway run --root "$root" > "$root/gateway.out" & gateway=$!
  until grep -q '"ready"' "$root/gateway.out"; do kill -0 $gateway; sleep 0.1; done
}
first() { sed -n "s/.*\\"$1\\": *\\"\\([^\\"]*\\)\\".*/\\1/p" | head -n 1; }
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
cd "$root"
"""
RUNS = "systemctl start\n"
LIVED = f"""\
{RUNS}\
iconv -f utf-8 -t cp932 "$tour" > subjects.csv
python -m gateway_health_management.simulator drop exchange subjects.csv
python -m gateway_health_management.simulator status exchange subjects.csv
gateway people certificate staff-0012
gateway people grant 999997 staff-0012 officer --certificate keys/tls/staff-0012.crt --until $until \\
  --as keys/tls/staff-0100.crt
"""
"""What there is before a page begins: a gateway that runs; besides, a message about one person, and an officer."""
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, TOOLS)),
    reason="the guides speak to an operator's shell, and this machine has not its tools",
)


@pytest.fixture
def run(new_site, tmp_path):
    """Run a page's scripts, but those left out, on a new site with a record system; what they said."""

    def told(page: str, before: str = LIVED, *, but: tuple[int, ...] = (), **instead: str) -> tuple[Site, str]:
        site = new_site()
        if before:
            site.start_records()
        blocks = BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
        text = "\n".join(block for number, block in enumerate(blocks, 1) if number not in but)
        done = shell(PRELUDE + before + placed(text, site.root, tmp_path, instead), site.root)
        assert done.returncode == 0, done.stdout + done.stderr
        return site, done.stdout

    return told


def placed(text: str, root: Path, folder: Path, instead: dict[str, str]) -> str:
    """The places of a server as folders here, and words that stand for others. Packages are there already."""
    places = {"/etc/renkei": folder / "etc", "/srv/backup": folder / "backup", "/media/carry": folder / "carry"}
    for place, here in {"/var/lib/renkei": root, **places}.items():
        here.mkdir(mode=0o700, exist_ok=True)
        text = text.replace(place, str(here))
    shutil.copy(root / "keys/passphrase", folder / "etc/passphrase")
    text = text.replace("/opt/renkei/.venv/bin/pip", ":")
    for word, other in instead.items():
        assert word in text
        text = text.replace(word, other)
    return text


def shell(script: str, root: Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "root": str(root),
        "tour": str(ROOT / "docs/tour/subjects.csv"),
        "until": (datetime.now(UTC) + timedelta(days=30)).date().isoformat(),
    }
    return subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, timeout=240, check=False)


def test_a_disclosure_request_is_answered_as_the_page_says(run):
    found = "$(gateway log search 999997 --kind message.recorded --json | first message_id)"
    site, told = run("disclosure-request.md", MESSAGE_ID=found)
    report = (site.root / "R8-0012.md").read_text(encoding="utf-8")
    assert "R8-0012" in report
    assert "健康管理システム" in report
    assert "000000000000001" not in report + told
    assert "delivery.concluded" in told
    assert not (site.root / "person.json").exists()
    (asked,) = [fact for fact in site.facts() if fact.get("act") == "report"]
    assert (asked["operator"], asked["reason"], asked["case"]) == ("staff-0012", "disclosure_request", "R8-0012")
    assert asked["found"] == 1


def test_an_incident_is_met_as_the_page_says(run):
    site, told = run("incident.md", RUNS, COPY_ID="$(gateway copies list --json | first copy)")
    kinds = [fact["kind"] for fact in site.facts()]
    assert {"legal_hold.placed", "legal_hold.lifted"} <= {*kinds}
    assert "copy.destroyed" in [fact["kind"] for fact in site.facts("system")]
    assert re.search(r"^999997: \d+ facts, \d+ checkpoints, root [0-9a-f]{64}: verified$", told, re.MULTILINE)
    assert all((site.root / f"{name}.md").exists() for name in ("unpermitted", "fields", "unusual"))


def test_logs_are_backed_up_and_put_back_as_the_page_says(run):
    """Without the last script: it follows a log that is lost, as tests/unit/test_succession.py does with a witness."""
    name = "renkei-20270401-020000"
    site, told = run("restore.md", but=(4,), **{"renkei-$(date +%Y%m%d-%H%M%S)": name})
    assert "logs.restored" in [fact["kind"] for fact in site.facts("system")]
    assert "message.recorded" in [fact["kind"] for fact in site.facts()]
    assert "staff-0012" in told.rpartition("verified; have the sources send again")[2]


def test_the_root_key_leaves_as_the_page_says(run, tmp_path):
    """The second script is for the machine that is not connected: a folder of its own."""
    offline = tmp_path / "offline"
    offline.mkdir()
    _, told = run("rotate-keys.md", "", **{"cp -R ": f"cd {offline}\ncp -R "})
    assert "version 2" in told
    assert sorted(path.name for path in offline.rglob("*.pem")) == ["root.pem"]


def test_a_newer_version_takes_the_place_of_the_former_as_the_page_says(run):
    site, told = run("upgrade.md", RUNS)
    assert re.search(r"^gateway \d", told, re.MULTILINE)
    assert "gateway.stopped" in [fact["kind"] for fact in site.facts("system")]
    assert re.fullmatch(r"system: 4 facts, .*: verified", told.rstrip().rpartition("\n")[2])
