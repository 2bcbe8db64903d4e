import csv
import io
import os
from pathlib import Path

import pytest

from gateway.plugin import Accepted, Deferred, RefusedRecord
from gateway_health_management.intake import Intake, Loaded
from gateway_health_management.simulator import main
from tests.plugins.health_management.doses import brings, pulled, returned
from tests.plugins.health_management.line import Killed, Line, Log, new_life, settings


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


def rows(folder: Path, encoding: str = "cp932") -> list[dict[str, str]]:
    found = [path.read_bytes().decode(encoding) for path in sorted((folder / "out").iterdir())]
    return [row for text in found for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)]


async def test_a_delivery_is_one_file_in_the_systems_own_encoding_and_forms(tmp_path):
    connector = await new_life(Line(), settings(tmp_path))
    outcomes = await connector.deliver(brings(returned(1), returned(2, is_deleted=True)))
    assert outcomes == {0: Accepted(), 1: Accepted()}
    (written,) = files(tmp_path).values()
    assert written.count(b"\r\n") == 3
    assert written.startswith('"内部番号","予防接種対象者番号","予防接種記録ID"'.encode("cp932"))
    first, second = rows(tmp_path)
    assert {header: cell for header, cell in first.items() if cell} == {
        "内部番号": "0000000001",
        "予防接種対象者番号": "S-1",
        "予防接種記録ID": "R-1",
        "予防接種管理ID": "M-1",
        "予防接種設定ID": "SET-1",
        "接種日": "20260401",
        "接種同意フラグ": "1",
        "医療機関コード": "1319999999",
        "医師名": "架空髙﨑医師",
        "ロット番号": "LOT-1",
        "接種量": "0.5",
        "ワクチン有効期限": "20270331",
        "要注意接種フラグ": "0",
        "特別の事情": 'その一, "引用"',
        "海外接種フラグ": "0",
        "削除フラグ": "0",
        "更新日時": "20260401100000",
        "更新連番": "1",
    }
    assert second["削除フラグ"] == "1"


async def test_headers_and_forms_are_those_of_the_settings(tmp_path):
    headers = {f"列{name}": name for name in type(returned(1)).model_fields}
    chosen = settings(tmp_path, encoding="utf-8", dates="YYYY-MM-DD", datetimes="RFC3339", return_columns=headers)
    connector = await new_life(Line(), chosen)
    await connector.deliver(brings(returned(1, doctor_name="架空𠮷医師")))
    (row,) = rows(tmp_path, "utf-8")
    assert list(row) == list(headers)
    told = (row["列vaccinated_on"], row["列updated_at"], row["列doctor_name"])
    assert told == ("2026-04-01", "2026-04-01T01:00:00Z", "架空𠮷医師")


async def test_a_repeat_after_kill_9_is_the_same_file_at_whatever_point_it_died(tmp_path, monkeypatch):
    delivery = brings(returned(1), returned(2))
    for killing in ("fsync", "replace"):
        connector = await new_life(Line(), settings(tmp_path))
        with monkeypatch.context() as patched:
            patched.setattr(os if killing == "fsync" else Path, killing, _killed)
            with pytest.raises(Killed):
                await connector.deliver(delivery)
        assert not [name for name in files(tmp_path) if not name.startswith(".")], "a half file was seen"
    connector = await new_life(Line(), settings(tmp_path))
    await connector.deliver(delivery)
    once = files(tmp_path)
    await (await new_life(Line(), settings(tmp_path))).deliver(delivery)
    assert files(tmp_path) == once
    assert len(once) == 1


async def test_other_rows_of_a_message_never_overwrite_what_was_not_fetched(tmp_path):
    connector = await new_life(Line(), settings(tmp_path))
    whole = brings(returned(1), returned(2), returned(3))
    for kept in (whole.records, whole.records[:2], whole.records[1:], whole.records[:1] + whole.records[2:]):
        await connector.deliver(type(whole)(whole.message_id, whole.operation, kept, 30.0))
    await connector.deliver(brings(returned(1), message=2))
    assert len(rows(tmp_path)) == 3 + 2 + 2 + 2 + 1
    assert max(files(tmp_path)).startswith("return-00000000-0000-0000-0000-000000000002-")


async def test_a_character_that_the_encoding_lacks_refuses_its_row_only(tmp_path):
    connector = await new_life(Line(), settings(tmp_path))
    outcomes = await connector.deliver(brings(returned(1, doctor_name="架空𠮷医師"), returned(2)))
    assert outcomes == {0: RefusedRecord("not_in_encoding"), 1: Accepted()}
    assert [row["内部番号"] for row in rows(tmp_path)] == ["0000000002"]


async def test_a_folder_that_cannot_be_written_defers_and_says_why_without_a_path(tmp_path):
    log = Log()
    connector = await new_life(Line(), settings(tmp_path), log)
    (tmp_path / "out").rmdir()
    (tmp_path / "out").write_bytes(b"in the way")
    with pytest.raises(Deferred, match="system_unreachable"):
        await connector.deliver(brings(returned(1)))
    assert log.said == [("return_not_written", {"error": "FileExistsError", "cause": "File exists"})]


async def test_health_counts_what_the_system_has_not_fetched(tmp_path):
    connector = await new_life(Line(), settings(tmp_path))
    await connector.deliver(brings(returned(1)))
    told = await connector.health()
    assert told.ok
    assert "in out/, not fetched: 1" in told.detail


# ---- the system's own side -------------------------------------------------------------------------------------------


async def test_c196_what_was_pulled_and_returned_as_a_file_is_loaded_once(tmp_path):
    """The same states by pull, by file, and by the file again; then a correction, which comes by both as well."""
    connector = await new_life(Line(), settings(tmp_path))
    intake = Intake()
    first = [returned(1), returned(1, vaccination_record_id="R-9", updated_at="2026-04-01T10:00:00.250+09:00")]
    delivery = brings(first[0], returned(2))
    await connector.deliver(delivery)
    await connector.deliver(brings(first[1], message=2))
    assert intake.load_answer(pulled(*first)) == Loaded(new=2, dropped=0)
    assert intake.load_files(tmp_path, "cp932") == Loaded(new=1, dropped=2)
    await connector.deliver(delivery)  # the repeat after kill -9: the system has taken the file already
    assert intake.load_files(tmp_path, "cp932") == Loaded(new=0, dropped=2)

    corrected = returned(1, update_seq=2, is_deleted=True)
    await connector.deliver(brings(corrected, message=3))
    assert intake.load_files(tmp_path, "cp932") == Loaded(new=1, dropped=0)
    assert intake.load_answer(pulled(corrected, first[1])) == Loaded(new=0, dropped=2)
    counts = intake.counts()
    assert (counts["states"], counts["doses"]) == (4, 2)
    assert not files(tmp_path)
    intake.close()


async def test_the_command_loads_into_a_ledger_that_stays(tmp_path, capsys):
    connector = await new_life(Line(), settings(tmp_path))
    command = ["take", str(tmp_path), str(tmp_path / "ledger.sqlite3")]
    for new in (1, 0):
        await connector.deliver(brings(returned(1)))
        assert main(command) == 0
        told = dict(reversed(line.split()) for line in capsys.readouterr().out.splitlines())
        assert told | {"new": str(new), "dropped": str(1 - new), "states": "1", "doses": "1"} == told
    (tmp_path / "out" / "return-x.csv").write_bytes("架空".encode())
    assert main(command) == 2
    assert "架空" not in capsys.readouterr().err


def _killed(*_: object, **__: object) -> None:
    raise Killed
