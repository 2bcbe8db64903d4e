"""Reports are made by commands on a running gateway, into files that an office opens and in which nobody is named."""

import base64
import csv
import json
import re
from pathlib import Path

from tests.acceptance.officers import OFFICER, grant
from tests.acceptance.programs import until
from tests.acceptance.site import DESTINATION, SOURCE
from tests.acceptance.subjects import MUNICIPALITY, record, subject, values
from tests.acceptance.test_search import WHY, tags_of

NAMES = ("provisions", "unpermitted", "fields", "slips", "deletions")


def made(site, name, *options):
    told = site.cli("log", "report", name, MUNICIPALITY, *options)
    assert told.status == 0, told.err
    return told.out


def table(file):
    """The rows of a CSV, by label."""
    return list(csv.DictReader(file.read_text("utf-8-sig").splitlines()))


def test_a_period_becomes_files_and_a_person_s_trail_a_report_that_names_nobody(new_site, tmp_path, ordinal):
    site = new_site().start()
    grant(site, site.root)
    one, other = subject(ordinal()), subject(ordinal())
    message_id = site.register(one, other)
    until(lambda: "delivery.concluded" in site.kinds(message_id))
    site.send("subject.register", [record(subject(ordinal())) | {"no_such_field": "1"}])

    files = {name: tmp_path / f"{name}.csv" for name in NAMES}
    for name, file in files.items():
        made(site, name, "--since", "2026-04-01", "--out", str(file))
    (slip,) = [row for row in table(files["slips"]) if row["電文番号"] == message_id]
    assert (slip["引渡元"], slip["引渡先"], slip["件数"], slip["受領"]) == (SOURCE, DESTINATION, "2", "2")
    assert table(files["unpermitted"]) == [], "C101: none"
    sent = {(row["提供先"], row["項目"]): row for row in table(files["fields"]) if row["送信件数"] != "0"}
    assert sent[DESTINATION, "internal_no"]["送信件数"] == "2"
    assert {row["許可"] for row in sent.values()} == {"はい"}

    tags = tags_of(site, tmp_path, one)
    folder = tmp_path / "reports"
    folder.mkdir()
    own = ("--person", tags, *WHY, "--as", str(site.tls / f"{OFFICER}.crt"))
    made(site, "disclosure", *own, "--since", "2026-04-01", "--out", str(folder))
    (file,) = folder.iterdir()
    assert file.name == f"disclosure-{MUNICIPALITY}-2026-04-01.md"
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    said = re.search(r"(\d+) 件、ルート ([0-9a-f]{64})", text)
    assert said is not None
    ((note,),) = site.query(f"SELECT note FROM checkpoint WHERE size = {int(said[1])}")
    assert note.split("\n")[2] == base64.b64encode(bytes.fromhex(said[2])).decode(), "it is over a signed log"
    for each in (
        "架空市(999997)",
        "健康管理システム",
        "内部番号",
        "予防接種に関する事務",
        f"事案番号 {WHY[3]}、作成の理由: 開示請求",
    ):
        assert each in text
    assert "internal" not in text, "a person reads no names of programs"
    assert OFFICER in text
    secret = [tag for month in json.loads(Path(tags).read_text())["tags"].values() for tag in month]
    assert not [each for each in (*values(one, other), *secret) if each in text]
    assert site.leaks(values(one, other)) == ()
    again = site.cli("log", "report", "disclosure", MUNICIPALITY, *own, "--since", "2026-04-01", "--out", str(folder))
    assert (again.status, "exists" in again.err) == (2, True), "none is overwritten"

    asked = [fact for fact in site.facts() if fact.get("act") == "report"]
    assert [fact["asked"]["report"] for fact in asked] == [*NAMES, "disclosure"], (
        "what could not be written was not asked"
    )
    assert (asked[-1]["operator"], asked[-1]["found"], asked[-1]["case"]) == (OFFICER, 1, WHY[3])
    refused = site.cli("log", "report", "disclosure", MUNICIPALITY, "--person", tags, *WHY)
    assert (refused.status, refused.err.partition(":")[0]) == (1, "role_missing")
