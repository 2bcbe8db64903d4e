import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_health_management.simulator import main

COMMAND = (sys.executable, "-m", "gateway_health_management.simulator")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("in", "status"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_a_file_is_dropped_and_the_counts_of_its_status_are_shown(folder, capsys):
    (folder / "city.csv").write_bytes(b"made up")
    assert main(["drop", str(folder), str(folder / "city.csv")]) == 0
    assert (folder / "in" / "city.csv").read_bytes() == b"made up"
    lines = ["行,ス,状,規,項,名,メ,説", "1,受付,accepted,,,,m,", "2,拒否,refused,too_long,name,氏名,m,"]
    (folder / "status" / "city.status.csv").write_text("\r\n".join(lines), encoding="cp932")
    assert main(["status", str(folder), "city.csv"]) == 0
    assert capsys.readouterr().out == "       1 accepted\n       1 refused too_long name\n"
    (folder / "in" / "other.csv").touch()
    assert main(["status", str(folder), "other.csv", "--patience", "0"]) == 1
    assert capsys.readouterr().err == "no status file yet\n"


def test_a_status_that_nothing_can_lead_to_is_not_waited_for(folder, capsys):
    assert main(["status", str(folder), "架空.csv"]) == 1
    told = capsys.readouterr().err
    assert "drop it first" in told
    assert "架空" not in told


def test_a_folder_that_is_no_exchange_folder_is_named(folder, capsys):
    assert main(["status", str(folder / "elsewhere"), "city.csv"]) == 2
    assert capsys.readouterr().err.startswith(f"{folder / 'elsewhere'}: is no exchange folder")


@pytest.mark.parametrize(
    ("act", "name", "said"),
    [
        ("drop", "架空.csv", "FILE: "),
        ("drop", "in", "FILE: "),
        ("status", "utf-8.csv", "--encoding: "),
    ],
)
def test_a_wrong_path_or_encoding_is_told_in_one_sentence_without_its_name(folder, capsys, act, name, said):
    (folder / "city.csv").write_bytes(b"made up")
    (folder / "status" / "utf-8.status.csv").write_text("説明\x81", encoding="utf-8")
    assert main([act, str(folder), name if act == "status" else str(folder / name)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(said)
    assert told.count("\n") == 1
    assert "架空" not in told


def test_what_was_pulled_is_loaded_once(folder, capsys, monkeypatch):
    dose = {
        "vaccination_record_id": "R1",
        "updated_at": "2026-05-01T09:00:00+09:00",
        "update_seq": 1,
        "is_deleted": False,
    }
    pulled = json.dumps([{"internal_no": "000000000000001", "records": [dose]}, {"internal_no": "000000000000002"}])
    for new, dropped in ((1, 0), (0, 1)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(pulled))
        assert main(["load", str(folder / "ledger")]) == 0
        told = dict(reversed(line.split()) for line in capsys.readouterr().out.splitlines())
        assert told | {"new": str(new), "dropped": str(dropped), "states": "1", "doses": "1"} == told


@pytest.mark.parametrize("given", ["架空", "[1]", '[{"records": [{}]}]', '[{"internal_no": "1", "records": [{}]}]'])
def test_what_is_no_answer_is_told_without_it(folder, capsys, monkeypatch, given):
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    assert main(["load", str(folder / "ledger")]) == 2
    assert capsys.readouterr().err == "stdin: it is no array of answers to record.pull\n"


def test_ctrl_c_is_quiet(folder):
    os.mkfifo(folder / "city.csv")
    command = (*COMMAND, "drop", str(folder), str(folder / "city.csv"))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with (folder / "city.csv").open("wb"):  # opens when the other side reads
        process.send_signal(signal.SIGINT)
        assert (process.communicate(timeout=60), process.returncode) == ((b"", b""), 130)


def test_whoever_reads_only_the_first_lines_sees_no_traceback(folder):
    command = (*COMMAND, "status", str(folder), "city.csv")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    beside = folder / "status" / "beside"
    beside.write_text("行,ス,状,規,項,名,メ,説\r\n1,受付,accepted,,,,m,", encoding="cp932")
    beside.rename(folder / "status" / "city.status.csv")
    assert process.stderr is not None
    with process.stderr as told:
        assert told.read() == b""
    assert process.wait(60) == -signal.SIGPIPE
