from pathlib import Path

import pytest

from gateway_health_management.folder import Folder
from gateway_health_management.simulator import drop


@pytest.fixture
def folder(tmp_path) -> Folder:
    made = Folder(tmp_path)
    made.prepare()
    return made


def names(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


def test_a_file_is_taken_when_it_was_renamed_and_not_while_it_is_written(folder, tmp_path):
    for unfinished in (".city.csv", "city.csv.tmp", "city.csv.part", "city.csv.PART", "city.csv.end"):
        (tmp_path / "in" / unfinished).write_bytes(b"half")
    (tmp_path / "in" / "folder.csv").mkdir()
    (tmp_path / "in" / "link.csv").symlink_to(tmp_path / "in" / "city.csv.tmp")
    folder.take("renamed")
    assert folder.in_work() == []
    drop(tmp_path, "city.csv", b"whole")
    folder.take("renamed")
    assert folder.in_work() == ["city.csv"]


def test_a_file_is_taken_when_its_end_file_appears_and_both_leave_in(folder, tmp_path):
    (tmp_path / "in" / "city.csv").write_bytes(b"half")
    folder.take("end_file")
    assert folder.in_work() == []
    drop(tmp_path, "city.csv", b"whole", how="end_file")
    folder.take("end_file")
    assert folder.in_work() == ["city.csv"]
    assert names(tmp_path / "in") == []
    assert names(tmp_path / "work") == ["city.csv"]


def test_an_end_file_from_before_a_crash_never_takes_a_file_that_is_still_being_written(folder, tmp_path, monkeypatch):
    drop(tmp_path, "city.csv", b"whole", how="end_file")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", _killed)
        with pytest.raises(KeyboardInterrupt):
            folder.take("end_file")
    (tmp_path / "in" / "city.csv").write_bytes(b"half of the next")
    folder.take("end_file")
    assert folder.in_work() == ["city.csv"]
    assert (tmp_path / "work" / "city.csv").read_bytes() == b"whole"
    assert names(tmp_path / "in") == ["city.csv"]


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("how", ["renamed", "end_file"])
def test_files_of_one_name_keep_apart_until_the_last_trace_is_gone(folder, tmp_path, how):
    for content in (b"1", b"2", b"3"):
        drop(tmp_path, "city.csv", content, how=how)
        folder.take(how)
    drop(tmp_path, "CITY.txt", b"4", how=how)
    drop(tmp_path, "city~2.csv", b"5", how=how)
    folder.take(how)
    assert names(tmp_path / "work") == ["CITY~4.txt", "city.csv", "city~2.csv", "city~2~2.csv", "city~3.csv"]
    contents = {name: (tmp_path / "work" / name).read_bytes() for name in names(tmp_path / "work")}
    assert contents["city.csv"] == b"1"
    assert contents["city~2~2.csv"] == b"5"


def test_a_status_file_that_the_system_has_not_fetched_is_not_overwritten(folder, tmp_path):
    (tmp_path / "status" / "city.status.csv").write_bytes(b"of an earlier file")
    drop(tmp_path, "city.csv", b"next")
    folder.take("renamed")
    assert folder.in_work() == ["city~2.csv"]


def test_a_name_that_leaves_no_room_for_a_status_file_stays_where_it_is(folder, tmp_path):
    (tmp_path / "in" / ("架" * 80)).write_bytes(b"x")
    folder.take("renamed")
    assert (folder.in_work(), folder.waiting()) == ([], 1)


def test_what_is_handed_out_is_for_nobody_else_on_the_machine(folder, tmp_path):
    folder.hand_out("doses.csv", "utf-8", lambda out: out.write("架空"))
    assert (tmp_path / "out" / "doses.csv").stat().st_mode & 0o077 == 0
