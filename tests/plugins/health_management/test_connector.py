import errno
import hashlib
import os
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from gateway.plugin import Accepted, Act, Deferred, Delivery, Payload
from gateway_health_management.connector import HealthManagement
from gateway_health_management.simulator import StatusLine, drop, read_slip, read_status
from tests.plugins.health_management.line import (
    HEADERS,
    NOW,
    Killed,
    Line,
    Log,
    csv_bytes,
    new_life,
    rounds,
    settings,
    subject,
)

CITY = csv_bytes(
    [
        subject(1),
        subject(2, 住所="MARK"),
        subject(3),
        subject(1),
        subject(3, 2, 変更区分="3"),
        subject(3, 3),
        subject(4, 変更区分="8"),
        subject(1, 性別="2"),
        subject(5),
    ]
).replace(b"MARK", b"\x81\x20")
EXPECTED = [
    (1, "accepted", "", ""),
    (2, "refused", "undecodable_bytes", "address"),
    (3, "accepted", "", ""),
    (4, "duplicate", "", ""),
    (5, "accepted", "", ""),
    (6, "accepted", "", ""),
    (7, "refused", "not_in_code_list", "change_type"),
    (8, "refused", "version_conflict", ""),
    (9, "accepted", "", ""),
]


def seen(status: list[StatusLine] | None) -> list[tuple[int, str, str, str]]:
    assert status is not None
    return [(line.row, line.ending, line.code, line.path) for line in status]


def prepared(folder: Path) -> Path:
    for name in ("in", "work", "done", "status"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("size", [1, 3, 500])
@pytest.mark.parametrize("how", ["renamed", "end_file"])
async def test_c181_every_row_gets_its_line_in_the_status_file(tmp_path, how, size):
    line, chosen = Line(deferring=3), settings(tmp_path, ready=how, chunk_records=size, chunks_in_flight=2)
    connector = await new_life(line, chosen)
    drop(prepared(tmp_path), "city.csv", CITY, how)
    await rounds(connector, line)
    status = read_status(tmp_path, "city.csv", "cp932")
    assert seen(status) == EXPECTED
    assert status is not None
    assert {each.message_id for each in status} == {message for message, *_ in line.messages.values()}
    assert [path.name for path in (tmp_path / "done").iterdir()] == ["city.csv"]
    assert not any((tmp_path / "work").iterdir())


async def test_c105_the_slip_has_the_date_and_the_counts(tmp_path):
    line = Line()
    connector = await new_life(line, settings(tmp_path))
    drop(prepared(tmp_path), "city.csv", CITY)
    await rounds(connector, line)
    assert read_slip(tmp_path, "city.csv", "cp932") == {
        "受渡日時": "2026-04-02T09:00:00+09:00",
        "自治体コード": "999997",
        "ファイルSHA-256": hashlib.sha256(CITY).hexdigest(),
        "結果": "finished",
        "総件数": "9",
        "受付件数": "5",
        "重複件数": "1",
        "拒否件数": "3",
        "不達件数": "0",
    }
    sha256 = hashlib.sha256(CITY).digest()
    counts = {"rows": 9, "accepted": 5, "duplicate": 1, "refused": 3, "dead": 0}
    assert line.notes == [(Act.FILE_TAKEN, sha256, {"bytes": len(CITY)}), (Act.FILE_FINISHED, sha256, counts)]


async def test_a_persons_rows_enter_the_line_in_the_files_order_across_operations(tmp_path):
    line = Line()
    connector = await new_life(line, settings(tmp_path))
    drop(prepared(tmp_path), "city.csv", CITY)
    await rounds(connector, line)
    third = [
        (operation, record["update_seq"])
        for operation, record in line.recorded
        if isinstance(record, dict) and record["internal_no"] == "0000000003"
    ]
    assert third == [("subject.register", 1), ("subject.delete", 2), ("subject.register", 3)]


async def test_the_status_file_is_written_when_the_last_row_has_ended_and_not_before(tmp_path):
    line = Line(silent=True)
    connector = await new_life(line, settings(tmp_path, chunk_records=4))
    drop(prepared(tmp_path), "city.csv", CITY)
    await connector.poll()
    for message_id, outcomes in line.ended.items():
        assert read_status(tmp_path, "city.csv", "cp932") is None
        await connector.settled(message_id, outcomes)
        await connector.poll()
    assert seen(read_status(tmp_path, "city.csv", "cp932")) == EXPECTED


async def test_a_file_is_its_bytes_another_name_gets_the_first_outcomes(tmp_path):
    line = Line()
    connector = await new_life(line, settings(tmp_path))
    drop(prepared(tmp_path), "city.csv", CITY)
    drop(tmp_path, "same-at-once.csv", CITY)
    await rounds(connector, line)
    drop(tmp_path, "same-later.csv", CITY)
    await rounds(connector, line)
    first = read_status(tmp_path, "city.csv", "cp932")
    assert seen(first) == EXPECTED
    assert read_status(tmp_path, "same-at-once.csv", "cp932") == first
    assert read_status(tmp_path, "same-later.csv", "cp932") == first
    assert len(line.recorded) == len(EXPECTED)


async def test_rule_8_a_file_with_a_tax_column_is_refused_whole_and_says_where(tmp_path):
    line, log = Line(), Log()
    connector = await new_life(line, settings(tmp_path), log)
    rows = [subject(number, 市民税額="1000", 世帯番号="架空") for number in (1, 2, 3)]
    data = csv_bytes(rows, headers=[HEADERS[0], "市民税額", *HEADERS[1:], "世帯番号"])
    drop(prepared(tmp_path), "tax.csv", data)
    await rounds(connector, line)
    assert line.sends == 0
    status = read_status(tmp_path, "tax.csv", "cp932")
    assert seen(status) == [(0, "refused", "unknown_column", "列2")]
    assert (status or [])[0].why == (
        "知らない列、または重なる列が 2 列あります。最初は 2 列目です。設定の文字コードは cp932 です。"
    )
    slip = read_slip(tmp_path, "tax.csv", "cp932") or {}
    counted = ("結果", "総件数", "受付件数", "重複件数", "拒否件数", "不達件数")
    assert [slip[each] for each in counted] == ["unknown_column", "3", "0", "0", "3", "0"]
    counts = {"rows": 3, "accepted": 0, "duplicate": 0, "refused": 3, "dead": 0}
    assert [(act, told) for act, _, told in line.notes[1:]] == [(Act.FILE_REFUSED, counts)]
    assert log.said == [
        (
            "file_ended",
            {
                "code": "unknown_column",
                "path": "列2",
                "counts": counts,
                "cause": "the configured encoding is cp932",
            },
        )
    ]
    assert "市民税額" not in repr(log.said) + repr(status) + repr(slip)
    assert (tmp_path / "done" / "tax.csv").exists()


@pytest.mark.parametrize(
    ("configured", "written", "code"),
    [
        ("cp932", "utf-8", "undecodable_bytes"),
        ("utf-8", "cp932", "undecodable_bytes"),
        ("cp932", "utf-16", "unreadable_file"),
        ("utf-8", "utf-8-sig", "unknown_column"),
    ],
)
async def test_a_header_in_another_encoding_is_told_with_the_configured_one(tmp_path, configured, written, code):
    line, log = Line(), Log()
    connector = await new_life(line, settings(tmp_path, encoding=configured), log)
    drop(prepared(tmp_path), "city.csv", csv_bytes([subject(1)], written))
    await rounds(connector, line)
    (told,) = read_status(tmp_path, "city.csv", configured) or []
    assert (told.row, told.ending, told.code) == (0, "refused", code)
    assert f"設定の文字コードは {configured} です" in told.why
    assert (read_slip(tmp_path, "city.csv", configured) or {})["結果"] == code
    (_, said), *more = log.said
    assert not more
    assert (said["code"], said["cause"]) == (code, f"the configured encoding is {configured}")


async def test_the_end_of_a_finished_file_is_told_with_its_counts(tmp_path):
    line, log = Line(), Log()
    connector = await new_life(line, settings(tmp_path), log)
    drop(prepared(tmp_path), "city.csv", csv_bytes([subject(1)]))
    await rounds(connector, line)
    counts = {"rows": 1, "accepted": 1, "duplicate": 0, "refused": 0, "dead": 0}
    assert log.said == [("file_ended", {"code": "finished", "counts": counts})]


@pytest.mark.parametrize("days", [0, 9])
async def test_a_day_later_the_same_bytes_are_the_same_messages_whatever_times_stand_in_them(tmp_path, days):
    """After a kill -9, and as another file: what a clock says now is no part of what was sent then."""
    line, chosen = Line(silent=True), settings(tmp_path)
    data = csv_bytes([subject(1), subject(2, 更新日時="20260410090000"), subject(3, 更新日時="99991231235959")])
    connector = await new_life(line, chosen)
    drop(prepared(tmp_path), "city.csv", data)
    await connector.poll()
    sent = dict(line.messages)
    line.silent = False
    later = await new_life(line, chosen, now=NOW + timedelta(days=days))
    drop(tmp_path, "again.csv", data)
    await rounds(later, line)
    assert line.messages == sent
    first = read_status(tmp_path, "city.csv", "cp932")
    assert seen(first) == [(row, "accepted", "", "") for row in (1, 2, 3)], (
        "a far time is for the record system to judge"
    )
    assert read_status(tmp_path, "again.csv", "cp932") == first


async def test_an_empty_city_is_a_finished_file(tmp_path):
    line = Line()
    connector = await new_life(line, settings(tmp_path))
    drop(prepared(tmp_path), "city.csv", csv_bytes([]))
    await rounds(connector, line)
    assert read_status(tmp_path, "city.csv", "cp932") == []


async def test_what_the_line_refuses_whole_is_refused_row_by_row(tmp_path):
    line, log = Line(refusing="basis_not_in_force"), Log()
    connector = await new_life(line, settings(tmp_path), log)
    drop(prepared(tmp_path), "city.csv", csv_bytes([subject(1), subject(2)]))
    await rounds(connector, line)
    refused = [(row, "refused", "basis_not_in_force", "") for row in (1, 2)]
    assert seen(read_status(tmp_path, "city.csv", "cp932")) == refused
    told = {"code": "basis_not_in_force", "operation": "subject.register", "row": 1, "count": 2}
    assert ("rows.refused", told) in log.said


async def test_a_file_whose_rows_wait_does_not_keep_the_next_file_back(tmp_path):
    line = Line(silent=True)
    connector = await new_life(line, settings(tmp_path))
    drop(prepared(tmp_path), "a.csv", csv_bytes([subject(1)]))
    await connector.poll()
    drop(tmp_path, "b.csv", csv_bytes([subject(2)]))
    await connector.poll()
    await connector.settled("message-2", line.ended["message-2"])
    await connector.poll()
    assert read_status(tmp_path, "a.csv", "cp932") is None
    assert seen(read_status(tmp_path, "b.csv", "cp932")) == [(1, "accepted", "", "")]


async def test_no_more_messages_are_under_way_than_allowed(tmp_path):
    line = Line()
    connector = await new_life(line, settings(tmp_path, chunk_records=1, chunks_in_flight=3))
    drop(prepared(tmp_path), "city.csv", csv_bytes([subject(number) for number in range(30)]))
    await rounds(connector, line)
    assert seen(read_status(tmp_path, "city.csv", "cp932")) == [(row, "accepted", "", "") for row in range(1, 31)]
    assert line.most_open <= 3


async def test_a_file_that_changes_while_it_is_read_is_read_anew(tmp_path):
    line = Line()
    connector = await new_life(line, settings(tmp_path, chunk_records=1))
    drop(prepared(tmp_path), "city.csv", csv_bytes([subject(1), subject(2)]))
    send = line.send

    async def meanwhile(*sent, **more):
        setattr(line, "send", send)  # noqa: B010  (a fake that changes while it is in use)
        with (tmp_path / "work" / "city.csv").open("ab") as file:
            file.write(csv_bytes([subject(3)]).splitlines(keepends=True)[1])
        return await send(*sent, **more)

    setattr(line, "send", meanwhile)  # noqa: B010  (as above)
    await rounds(connector, line)
    whole = (tmp_path / "done" / "city.csv").read_bytes()
    assert line.notes[-1] == (
        Act.FILE_FINISHED,
        hashlib.sha256(whole).digest(),
        {"rows": 3, "accepted": 1, "duplicate": 2, "refused": 0, "dead": 0},
    )


async def test_finished_files_are_deleted_after_their_time_and_the_log_knows_first(tmp_path):
    line, chosen = Line(), settings(tmp_path, keep_finished_seconds=60)
    connector = await new_life(line, chosen)
    drop(prepared(tmp_path), "city.csv", CITY)
    await rounds(connector, line)
    kept = await new_life(line, chosen, now=NOW + timedelta(seconds=60))
    await kept.poll()
    assert (tmp_path / "done" / "city.csv").exists()
    later = await new_life(line, chosen, now=NOW + timedelta(seconds=61))
    await later.poll()
    assert not (tmp_path / "done" / "city.csv").exists()
    assert line.notes[-1] == (Act.FILE_DELETED, hashlib.sha256(CITY).digest(), {"bytes": len(CITY)})
    assert read_status(tmp_path, "city.csv", "cp932") is not None


# ---- what holds a file up: told, tried again, lost never -------------------------------------------------------------

NAME = "架空太郎.csv"


def failing(effect, number: int, names: Collection[str] = (NAME,)):
    """The effect, but not on a path with one of these names: there the system has an error, which names the path."""

    def fails(path, *rest, **more):
        if Path(path).name in names:
            raise OSError(number, os.strerror(number), str(path))
        return effect(path, *rest, **more)

    return fails


@pytest.mark.parametrize("how", ["renamed", "end_file"])
async def test_a_file_that_cannot_be_taken_is_seen_in_health_keeps_nobody_back_and_is_taken_later(
    tmp_path, monkeypatch, how
):
    """Not so one that waits for its `.end` file, or is still being written: that is no trouble."""
    line, log = Line(), Log()
    connector = await new_life(line, settings(tmp_path, ready=how), log)
    (prepared(tmp_path) / "in" / "half.csv.tmp").write_bytes(b"half")
    for name, data in ((NAME, CITY), ("b.csv", csv_bytes([subject(9)]))):
        drop(tmp_path, name, data, how)
    with monkeypatch.context() as sticky:
        sticky.setattr(Path, "rename", failing(Path.rename, errno.EPERM, [NAME, f"{NAME}.end"]))
        await rounds(connector, line, 3)
        assert await detail(connector) == (
            "in/: 1 file cannot be moved to work/ (Operation not permitted): let the gateway's user move it; "
            "it goes on by itself"
        )
        assert seen(read_status(tmp_path, "b.csv", "cp932")) == [(1, "accepted", "", "")]
        assert [event for event, _ in log.said] == ["file_not_taken", "file_ended"], "told once, not in every round"
    assert "架空太郎" not in repr(log.said)
    await rounds(connector, line)
    assert await detail(connector) == ""
    assert seen(read_status(tmp_path, NAME, "cp932")) == EXPECTED
    assert "cannot be taken yet: 1" in (await connector.health()).detail


async def test_a_file_in_the_way_of_another_of_its_name_is_another_trouble(tmp_path, monkeypatch):
    line = Line()
    connector = await new_life(line, settings(tmp_path))
    (prepared(tmp_path) / "work" / NAME).mkdir()
    drop(tmp_path, NAME, CITY)
    with monkeypatch.context() as sticky:
        sticky.setattr(Path, "rename", failing(Path.rename, errno.EPERM))
        await rounds(connector, line)
        told = await detail(connector)
        assert "in/: 1 file cannot be moved to work/ (Operation not permitted)" in told
        assert "work/: 1 file cannot be read (not a plain file)" in told
    await rounds(connector, line)
    assert (await detail(connector)).startswith("work/: 1 file cannot be read (not a plain file)")


async def test_a_file_that_the_system_takes_back_while_it_is_being_taken_is_no_trouble(tmp_path, monkeypatch):
    line, log = Line(), Log()
    connector = await new_life(line, settings(tmp_path), log)
    drop(prepared(tmp_path), NAME, CITY)
    with monkeypatch.context() as gone:
        gone.setattr(Path, "rename", failing(Path.rename, errno.ENOENT))
        await connector.poll()
    assert await detail(connector) == ""
    assert log.said == []


async def detail(connector: HealthManagement) -> str:
    """Why the connector is not well, "" if it is."""
    health = await connector.health()
    assert "架空太郎" not in health.detail
    return "" if health.ok else health.detail


@pytest.mark.parametrize("suffix", [".slip.csv.tmp", ".status.csv.tmp"])
async def test_a_full_disk_is_seen_in_health_and_what_became_of_a_file_is_written_later(tmp_path, monkeypatch, suffix):
    line, log = Line(), Log()
    connector = await new_life(line, settings(tmp_path), log)
    drop(prepared(tmp_path), NAME, CITY)
    with monkeypatch.context() as full_disk:
        full_disk.setattr(Path, "open", failing(Path.open, errno.ENOSPC, [f".架空太郎{suffix}"]))
        await rounds(connector, line, 4)
        assert await detail(connector) == (
            "status/: the result of 1 file cannot be written (No space left on device): make room there, or permit it; "
            "it goes on by itself"
        )
    assert read_status(tmp_path, NAME, "cp932") is None
    sends = line.sends
    await connector.poll()
    assert seen(read_status(tmp_path, NAME, "cp932")) == EXPECTED
    assert await detail(connector) == ""
    assert line.sends == sends
    assert [act for act, *_ in line.notes] == [Act.FILE_TAKEN, Act.FILE_FINISHED]
    assert [event for event, _ in log.said] == ["status_not_written", "file_ended"], "told once, not in every round"
    assert "架空太郎" not in repr(log.said)


async def test_a_full_disk_in_the_middle_of_taking_a_file_is_seen_in_health(tmp_path, monkeypatch):
    line = Line()
    connector = await new_life(line, settings(tmp_path, ready="end_file"))
    drop(prepared(tmp_path), NAME, CITY, "end_file")
    with monkeypatch.context() as full_disk:
        full_disk.setattr(Path, "rename", failing(Path.rename, errno.ENOSPC))
        await connector.poll()
        with pytest.raises(Deferred):
            await connector.poll()
        assert "No space left on device" in await detail(connector)
    await rounds(connector, line)
    assert await detail(connector) == ""
    assert seen(read_status(tmp_path, NAME, "cp932")) == EXPECTED


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
async def test_a_file_that_cannot_be_read_is_seen_in_health_keeps_nobody_back_and_is_read_later(
    tmp_path, monkeypatch, number
):
    line, log = Line(), Log()
    connector = await new_life(line, settings(tmp_path), log)
    drop(prepared(tmp_path), NAME, CITY)
    drop(tmp_path, "b.csv", csv_bytes([subject(9)]))
    with monkeypatch.context() as unreadable:
        unreadable.setattr(Path, "open", failing(Path.open, number))
        await rounds(connector, line, 3)
        told = f"work/: 1 file cannot be read ({os.strerror(number)}): let the gateway's user read it, or take it out"
        assert await detail(connector) == f"{told}; it goes on by itself"
    assert seen(read_status(tmp_path, "b.csv", "cp932")) == [(1, "accepted", "", "")]
    assert [event for event, _ in log.said] == ["file_not_read", "file_ended"], "told once, not in every round"
    assert "架空太郎" not in repr(log.said)
    line.silent = True
    await connector.poll()
    assert await detail(connector) == "", "it is read, and waits"
    for message_id, outcomes in line.ended.items():
        await connector.settled(message_id, outcomes)
    await connector.poll()
    assert seen(read_status(tmp_path, NAME, "cp932")) == EXPECTED


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [a_folder, a_link, a_pipe])
async def test_what_is_no_file_is_not_opened_and_seen_in_health_until_it_is_gone(tmp_path, make):
    line = Line()
    connector = await new_life(line, settings(tmp_path))
    strange = prepared(tmp_path) / "work" / NAME
    make(strange)
    drop(tmp_path, NAME, CITY)
    await rounds(connector, line)
    assert await detail(connector) == (
        "work/: 1 file cannot be read (not a plain file): let the gateway's user read it, or take it out; "
        "it goes on by itself"
    )
    assert seen(read_status(tmp_path, "架空太郎~2.csv", "cp932")) == EXPECTED
    strange.rename(tmp_path / "elsewhere")
    await rounds(connector, line)
    assert await detail(connector) == ""


async def test_several_files_are_counted_and_one_that_is_taken_out_is_no_trouble_any_more(tmp_path, monkeypatch):
    line = Line()
    connector = await new_life(line, settings(tmp_path))
    for name in (NAME, "b.csv"):
        drop(prepared(tmp_path), name, CITY)
    monkeypatch.setattr(Path, "open", failing(Path.open, errno.EIO, [NAME, "b.csv"]))
    await rounds(connector, line)
    assert (await detail(connector)).startswith("work/: 2 files cannot be read (Input/output error): ")
    (tmp_path / "work" / NAME).unlink()
    await rounds(connector, line)
    assert (await detail(connector)).startswith("work/: 1 file cannot be read (Input/output error): ")


# ---- files of another user -------------------------------------------------------------------------------------------


async def test_a_file_of_another_user_is_finished_though_its_time_cannot_be_set(tmp_path, monkeypatch):
    line = Line()
    connector = await new_life(line, settings(tmp_path))
    drop(prepared(tmp_path), NAME, CITY)
    monkeypatch.setattr(os, "utime", failing(os.utime, errno.EPERM))
    await rounds(connector, line)
    assert seen(read_status(tmp_path, NAME, "cp932")) == EXPECTED
    assert [each.name for each in (tmp_path / "done").iterdir()] == [NAME]
    assert await detail(connector) == ""


async def test_a_file_that_cannot_leave_work_has_its_status_written_once_and_is_seen_in_health(tmp_path, monkeypatch):
    line, log = Line(silent=True), Log()
    connector = await new_life(line, settings(tmp_path), log)
    drop(prepared(tmp_path), NAME, CITY)
    await connector.poll()
    with monkeypatch.context() as sticky:
        sticky.setattr(Path, "rename", failing(Path.rename, errno.EPERM))
        for message_id, outcomes in line.ended.items():
            await connector.settled(message_id, outcomes)
        await rounds(connector, line)
        status = tmp_path / "status" / "架空太郎.status.csv"
        assert seen(read_status(tmp_path, NAME, "cp932")) == EXPECTED
        status.unlink()  # the system has fetched it
        await rounds(connector, line)
        assert not status.exists()
        assert (await detail(connector)).startswith("done/: 1 file cannot be moved there (Operation not permitted): ")
    await connector.poll()
    assert [each.name for each in (tmp_path / "done").iterdir()] == [NAME]
    assert await detail(connector) == ""
    assert [act for act, *_ in line.notes] == [Act.FILE_TAKEN, Act.FILE_FINISHED]
    assert [event for event, _ in log.said] == ["file_ended", "file_not_moved"]


async def test_an_old_file_that_cannot_be_deleted_is_noted_once_keeps_no_other_and_is_seen_in_health(
    tmp_path, monkeypatch
):
    line, chosen = Line(), settings(tmp_path, keep_finished_seconds=60)
    connector = await new_life(line, chosen)
    for name in (NAME, "b.csv"):
        drop(prepared(tmp_path), name, CITY)
    await rounds(connector, line)
    later = await new_life(line, chosen, now=NOW + timedelta(seconds=61))
    with monkeypatch.context() as sticky:
        sticky.setattr(Path, "unlink", failing(Path.unlink, errno.EPERM))
        await rounds(later, line, 3)
        health = await later.health()
        assert health.ok, "nobody's traffic waits for it"
        assert health.detail.startswith("done/: 1 file cannot be deleted (Operation not permitted): ")
        assert "架空太郎" not in health.detail
        (tmp_path / "work" / "strange").mkdir()
        await later.poll()
        assert (await detail(later)).count("1 file cannot be ") == 2, "what does hold traffic up is told beside it"
        (tmp_path / "work" / "strange").rmdir()
    assert [each.name for each in (tmp_path / "done").iterdir()] == [NAME]
    await later.poll()
    assert not any((tmp_path / "done").iterdir())
    assert "cannot be deleted" not in (await later.health()).detail
    assert [act for act, *_ in line.notes].count(Act.FILE_DELETED) == 2


async def test_an_old_file_that_somebody_deletes_instead_is_forgotten_and_another_of_its_name_is_noted(
    tmp_path, monkeypatch
):
    line = Line()
    connector = await new_life(line, settings(tmp_path, keep_finished_seconds=60))
    for _ in range(2):
        drop(prepared(tmp_path), NAME, CITY)
        await rounds(connector, line)
        os.utime(tmp_path / "done" / NAME, (0, 0))
        with monkeypatch.context() as sticky:
            sticky.setattr(Path, "unlink", failing(Path.unlink, errno.EPERM))
            await connector.poll()
            assert (await connector.health()).detail.startswith("done/: ")
        for left in (tmp_path / "done" / NAME, *(tmp_path / "status").iterdir()):
            left.unlink()
        await connector.poll()
        assert not (await connector.health()).detail.startswith("done/: ")
    assert [act for act, *_ in line.notes].count(Act.FILE_DELETED) == 2


async def test_a_missing_folder_is_deferred_without_its_path_and_seen_in_health(tmp_path):
    connector = await new_life(Line(), settings(tmp_path / "架空太郎"))
    with pytest.raises(Deferred) as later:
        await connector.poll()
    assert later.value.code == "system_unreachable"
    assert later.value.__suppress_context__
    assert not (await connector.health()).ok
    (tmp_path / "架空太郎").mkdir()
    await connector.poll()
    assert (await connector.health()).ok


async def test_settled_messages_that_nobody_here_sent_leave_no_trace(tmp_path):
    connector = await new_life(Line(), settings(tmp_path))
    for number in range(100):
        await connector.settled(f"foreign-{number}", {0: Accepted()})
    assert not connector._early
    await connector.close()
    await connector.close()


async def test_a_late_reply_to_a_look_up_is_acknowledged(tmp_path):
    connector = await new_life(Line(), settings(tmp_path))
    late = Delivery("m", "subject.lookup", ((0, Payload()), (2, Payload())), 1.0, reply_to="r")
    assert await connector.deliver(late) == {0: Accepted(), 2: Accepted()}


# ---- kill -9 ---------------------------------------------------------------------------------------------------------


class Death:
    """Kills at the n-th effect, before it or just after it."""

    def __init__(self, at: int) -> None:
        self.left = at

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def around(self, effect):
        def mortal(*args, **more):
            self.step()
            done = effect(*args, **more)
            self.step()
            return done

        return mortal

    def after_creating(self, opening):
        def mortal(*args, **more):
            opened = opening(*args, **more)
            if opened.mode == "w":
                try:
                    self.step()
                except Killed:
                    opened.close()
                    raise
            return opened

        return mortal

    def around_async(self, effect):
        async def mortal(*args, **more):
            self.step()
            done = await effect(*args, **more)
            self.step()
            return done

        return mortal


async def _live_until_killed(line: Line, chosen, at: int) -> bool:
    """True if the connector got through without being killed."""
    death = Death(at)
    with pytest.MonkeyPatch.context() as mortal:
        for name in ("rename", "replace", "unlink"):
            mortal.setattr(Path, name, death.around(getattr(Path, name)))
        mortal.setattr(Path, "open", death.after_creating(Path.open))
        for name in ("utime", "fsync"):
            mortal.setattr(os, name, death.around(getattr(os, name)))
        mortal.setattr(line, "send", death.around_async(line.send))
        mortal.setattr(line, "note", death.around_async(line.note))
        connector = await new_life(line, chosen)
        try:
            await rounds(connector, line)
        except Killed:
            return False
    return True


@pytest.mark.parametrize("how", ["renamed", "end_file"])
async def test_kill_9_at_any_effect_loses_nothing_and_doubles_nothing(tmp_path, how):
    at, survived = 0, False
    while not survived:
        at += 1
        folder = prepared(tmp_path / str(at))
        line, chosen = Line(), settings(folder, ready=how, chunk_records=3, chunks_in_flight=1)
        drop(folder, "city.csv", CITY, how)
        survived = await _live_until_killed(line, chosen, at)
        if (left := read_status(folder, "city.csv", "cp932")) is not None:
            assert seen(left) == EXPECTED, at
        await line.quiet()
        await rounds(await new_life(line, chosen), line)
        assert seen(read_status(folder, "city.csv", "cp932")) == EXPECTED, at
        assert read_slip(folder, "city.csv", "cp932") is not None
        assert len(line.recorded) == len(EXPECTED)
        assert [each.name for each in (folder / "done").iterdir()] == ["city.csv"]
        assert {each.name for each in (folder / "status").iterdir()} == {"city.status.csv", "city.slip.csv"}
        assert not any((folder / "work").iterdir())
        assert not any((folder / "in").iterdir())
        assert {Act.FILE_TAKEN, Act.FILE_FINISHED} == {act for act, *_ in line.notes}
    assert at > 30


@pytest.mark.parametrize("seed", range(5))
async def test_kill_9_again_and_again_at_random_over_several_files(tmp_path, seed):
    random = Random(seed)
    line = Line(random, deferring=2)
    chosen = settings(prepared(tmp_path), chunk_records=4, chunks_in_flight=2)
    files = {
        f"{n}.csv": csv_bytes([subject(n * 100 + each) for each in range(random.randrange(1, 30))]) for n in range(3)
    }
    for name, data in files.items():
        drop(tmp_path, name, data)
        await _live_until_killed(line, chosen, random.randrange(1, 60))
    await line.quiet()
    await rounds(await new_life(line, chosen), line)
    for name, data in files.items():
        rows = data.count(b"\r\n") - 1
        assert seen(read_status(tmp_path, name, "cp932")) == [(row, "accepted", "", "") for row in range(1, rows + 1)]
    assert len(line.recorded) == sum(data.count(b"\r\n") - 1 for data in files.values())


async def test_a_file_that_breaks_off_in_an_open_quote_says_so_on_its_slip(tmp_path):
    """Nothing after the quote was taken: a slip that said `finished` would hide it."""
    line = Line()
    connector = await new_life(line, settings(tmp_path))
    drop(prepared(tmp_path), "city.csv", csv_bytes([subject(1)]) + b'"never closed\r\n' + csv_bytes([subject(2)]))
    await rounds(connector, line)
    assert (read_slip(tmp_path, "city.csv", "cp932") or {})["結果"] == "broken_off"
