import hashlib
import os
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from gateway.plugin import Accepted, Act, Deferred, Delivery, Payload
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
    line = Line()
    connector = await new_life(line, settings(tmp_path))
    data = csv_bytes([subject(1, 市民税額="1000")], headers=[*HEADERS, "市民税額"])
    drop(prepared(tmp_path), "tax.csv", data)
    await rounds(connector, line)
    assert line.sends == 0
    assert seen(read_status(tmp_path, "tax.csv", "cp932")) == [(0, "refused", "unknown_column", "列20")]
    slip = read_slip(tmp_path, "tax.csv", "cp932")
    assert slip is not None
    assert (slip["結果"], slip["総件数"]) == ("unknown_column", "0")
    assert [act for act, *_ in line.notes] == [Act.FILE_TAKEN, Act.FILE_REFUSED]
    assert (tmp_path / "done" / "tax.csv").exists()


async def test_an_empty_city_is_a_finished_file(tmp_path):
    line = Line()
    connector = await new_life(line, settings(tmp_path))
    drop(prepared(tmp_path), "city.csv", csv_bytes([]))
    await rounds(connector, line)
    assert read_status(tmp_path, "city.csv", "cp932") == []


async def test_what_the_line_refuses_whole_is_refused_row_by_row(tmp_path):
    line = Line(refusing="basis_not_in_force")
    connector = await new_life(line, settings(tmp_path))
    drop(prepared(tmp_path), "city.csv", csv_bytes([subject(1), subject(2)]))
    await rounds(connector, line)
    refused = [(row, "refused", "basis_not_in_force", "") for row in (1, 2)]
    assert seen(read_status(tmp_path, "city.csv", "cp932")) == refused


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


async def test_a_status_that_cannot_be_written_is_written_later_without_sending_anew(tmp_path, monkeypatch):
    line, log = Line(), Log()
    connector = await new_life(line, settings(tmp_path), log)
    drop(prepared(tmp_path), "架空太郎.csv", CITY)
    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "fsync", _full)
        await rounds(connector, line)
    assert read_status(tmp_path, "架空太郎.csv", "cp932") is None
    sends = line.sends
    await connector.poll()
    assert seen(read_status(tmp_path, "架空太郎.csv", "cp932")) == EXPECTED
    assert line.sends == sends
    assert [act for act, *_ in line.notes] == [Act.FILE_TAKEN, Act.FILE_FINISHED]
    assert "架空太郎" not in repr(log.said)


def _full(_: int) -> None:
    raise OSError(28, "No space left on device", "架空太郎.csv")


async def test_a_file_that_cannot_be_read_does_not_keep_the_others_back(tmp_path, monkeypatch):
    line, log = Line(), Log()
    connector = await new_life(line, settings(tmp_path), log)
    drop(prepared(tmp_path), "架空太郎.csv", CITY)
    drop(tmp_path, "b.csv", csv_bytes([subject(9)]))
    whole = Path.open

    def opened(path: Path, *rest, **more):
        if path.name == "架空太郎.csv":
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path, *rest, **more)

    monkeypatch.setattr(Path, "open", opened)
    await rounds(connector, line)
    assert seen(read_status(tmp_path, "b.csv", "cp932")) == [(1, "accepted", "", "")]
    assert ("file_not_read", {"error": "PermissionError"}) in log.said
    assert "架空太郎" not in repr(log.said)


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
