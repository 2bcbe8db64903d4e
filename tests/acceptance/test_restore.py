"""A backup that is taken beside the running gateway, put to work elsewhere, or refused."""

import hashlib
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing

from tests.acceptance.programs import until
from tests.acceptance.site import Site
from tests.acceptance.subjects import MUNICIPALITY, city_file, record, subject


def backup(site, to):
    told = site.cli("backup", str(to))
    assert told.status == 0, told.err
    sums = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=to, capture_output=True, check=False)
    assert sums.returncode == 0
    assert not [each for each in to.rglob("*") if each.suffix in (".pem", ".key")]


def restored(site, copy, root):
    """The same gateway in another folder, with keys and an empty exchange folder, towards the same record system."""
    shutil.copytree(copy / "config", root / "config")
    shutil.copytree(site.root / "keys", root / "keys")
    (root / "exchange").mkdir()
    elsewhere = Site(root, **site.ports)
    tenant = root / "config" / "tenants" / f"{MUNICIPALITY}.toml"
    tenant.write_text(tenant.read_text(encoding="utf-8").replace(f'"{site.root}/', f'"{root}/'), encoding="utf-8")
    told = elsewhere.cli("restore", str(copy))
    assert told.status == 0, told.err
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
        assert elsewhere.facts("system")[-1]["kind"] == "logs.restored"
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


def test_a_backup_that_was_altered_or_is_too_old_is_not_restored(new_site, ordinal, tmp_path):
    """Whatever is wrong is said, and nothing is left that a gateway could start on."""
    site, copy, newer = new_site(), tmp_path / "copy", tmp_path / "newer"
    site.start()
    site.outcomes(site.register(subject(ordinal())))
    backup(site, copy)
    assert "is there already" in site.cli("backup", str(copy)).err
    site.outcomes(site.register(subject(ordinal())))
    assert "there are logs" in site.cli("restore", str(copy)).err
    assert site.gateway.stop() == 0
    assert site.cli("log", "export", MUNICIPALITY, str(newer)).status == 0
    shutil.rmtree(site.root / "state")
    logs = site.root / "state/journal"

    told = site.cli("restore", str(copy), "--earlier", str(newer / "checkpoint"))
    assert (told.status, "are missing" in told.err, logs.exists()) == (2, True, False)

    database = copy / f"state/journal/{MUNICIPALITY}.db"
    with closing(sqlite3.connect(database)) as log, log:
        log.execute("UPDATE fact SET body = CAST(replace(body, 'R01', 'R02') AS BLOB) WHERE seq = 1")
    assert f"{database}: is not as it was" in site.cli("restore", str(copy)).err
    sums = copy / "SHA256SUMS"
    digest = hashlib.sha256(database.read_bytes()).hexdigest()
    sums.write_text(re.sub(rf"[0-9a-f]+(  state/journal/{MUNICIPALITY}.db)", rf"{digest}\1", sums.read_text()))
    told = site.cli("restore", str(copy))
    assert (told.status, f"{MUNICIPALITY}: fact 1 is altered" in told.err, logs.exists()) == (2, True, False)
