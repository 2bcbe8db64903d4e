"""A backup that is taken as docs/operate.md says, beside the running gateway, and put to work elsewhere."""

import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.acceptance.programs import GATEWAY, until
from tests.acceptance.site import Site
from tests.acceptance.subjects import MUNICIPALITY, city_file, record, subject

PAGE = Path(__file__).parents[2] / "docs" / "operate.md"
# Python's own SQLite in the place of the command that the page names, so that the tests need no further package.
SQLITE3 = "import sqlite3, sys; sqlite3.connect(f'file:{sys.argv[2]}?mode=ro', uri=True).execute(sys.argv[3])"


def backup(site, to):
    """What the page says, word for word, but for the two folders; it ends by verifying the copies."""
    found = re.search(r"```sh\nroot=/var/lib/renkei to=.*\n((?:.+\n)+)```", PAGE.read_text(encoding="utf-8"))
    assert found
    script = f"""set -e; root='{site.root}' to='{to}'
gateway() {{ '{GATEWAY[0]}' "$@"; }}
sqlite3() {{ '{sys.executable}' -c "{SQLITE3}" "$@"; }}
{found[1]}"""
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": verified\n") == 2


def restored(site, copy, root):
    """The same gateway in another folder, with keys and an empty exchange folder, towards the same record system."""
    shutil.copytree(copy, root)
    shutil.copytree(site.root / "keys", root / "keys", dirs_exist_ok=True)
    (root / "exchange").mkdir()
    elsewhere = Site(root, **site.ports)
    tenant = root / "config" / "tenants" / f"{MUNICIPALITY}.toml"
    tenant.write_text(tenant.read_text(encoding="utf-8").replace(f'"{site.root}/', f'"{root}/'), encoding="utf-8")
    return elsewhere


def test_a_backup_taken_while_it_runs_is_restored_elsewhere_and_nothing_is_lost_or_doubled(new_site, ordinal, tmp_path):
    """What the copy holds as due is finished under the same ids; what came after it is sent again and taken once."""
    site, copy = new_site(), tmp_path / "copy"
    site.edit(f"tenants/{MUNICIPALITY}.toml", "chunk_records = 500", "chunk_records = 5")
    site.start()
    before, open_then, after = (subject(ordinal()) for _ in range(3))
    early, late = (city_file(subject(ordinal()) for _ in range(12)) for _ in range(2))
    site.outcomes(site.register(before))
    site.records.kill()
    under_way = site.register(open_then)
    site.drop("early.csv", early)
    until(lambda: site.query("SELECT count(*) FROM fact WHERE kind = 'message.recorded'")[0][0] == 5)

    backup(site, copy)  # while every attempt that fails is being written

    site.start_records()
    site.outcomes(under_way)
    ended = site.status("early.csv")
    afterwards = site.send("subject.register", [record(after)], Idempotency_Key="after").message_id
    site.outcomes(afterwards)
    site.drop("late.csv", late)
    site.status("late.csv")
    held = site.held()
    assert held == {"persons": 27, "versions": 27, "deleted": 0}
    site.gateway.kill()

    with closing(restored(site, copy, tmp_path / "elsewhere")) as elsewhere:
        elsewhere.start_gateway()
        assert [each["outcome"] for each in elsewhere.outcomes(under_way)] == ["accepted"]
        for name, data in (("early.csv", early), ("late.csv", late)):
            elsewhere.drop(name, data)
        assert elsewhere.status("early.csv") == ended  # each row under the id of its first message
        assert {each.ending for each in elsewhere.status("late.csv")} == {"duplicate"}
        again = elsewhere.send("subject.register", [record(after)], Idempotency_Key="after").message_id
        assert again != afterwards
        assert [each["outcome"] for each in elsewhere.outcomes(again)] == ["duplicate"]
        assert elsewhere.held() == held
        assert elsewhere.gateway.stop() == 0
        assert elsewhere.cli("log", "verify").status == 0
