"""Copies that go to a folder: every fact in order, once more where it stopped, into no file that is not its own."""

import asyncio
import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from gateway.errors import Deferred
from gateway.hub.exports import exports, follower
from gateway.hub.exports import folder as folders
from gateway.hub.exports.aside import aside
from gateway.hub.exports.place import Place
from gateway.messages import encode
from tests.exports.setting import lines, running, seqs, to_folder, until
from tests.journal.builders import TENANT

NEXT_DAY_IN_JAPAN = "2026-04-01T15:00:00.000000Z"


async def test_every_fact_comes_in_order_and_each_can_be_held_against_its_commitment(setting, tmp_path):
    await setting.write(230)
    setting.adopt(to_folder(tmp_path / "copies"))
    await until(lambda: setting.behind("copies") == 0)
    await setting.write(3)
    await until(lambda: setting.behind("copies") == 0)
    assert seqs(tmp_path / "copies") == [*range(1, 234)]
    with closing(sqlite3.connect(tmp_path / f"{TENANT}.db")) as log:
        kept = dict(log.execute("SELECT seq, hex(commitment) FROM fact"))
    for each in lines(tmp_path / "copies"):
        assert hashlib.sha256(bytes.fromhex(each["salt"]) + encode(each["fact"])).hexdigest() == each["commitment"]
        assert each["commitment"].upper() == kept[each["fact"]["seq"]]


async def test_files_are_by_day_in_japan_and_for_their_owner_alone(setting, tmp_path):
    await setting.write(1)
    await setting.write(1, at=NEXT_DAY_IN_JAPAN)
    setting.adopt(to_folder(tmp_path / "copies"), to_folder(tmp_path / "events", name="events", form="fhir"))
    await until(lambda: setting.behind("copies") == setting.behind("events") == 0)
    files = [*(tmp_path / "copies").iterdir(), *(tmp_path / "events").iterdir()]
    assert sorted(each.name for each in files) == [
        f"{TENANT}-2026-04-01.jsonl",
        f"{TENANT}-2026-04-01.ndjson",
        f"{TENANT}-2026-04-02.jsonl",
        f"{TENANT}-2026-04-02.ndjson",
    ]
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}


async def test_a_restart_goes_on_where_it_stopped(site, tmp_path):
    for _ in range(2):
        async with running(site, tmp_path) as setting:
            await setting.write(5)
            setting.adopt(to_folder(tmp_path / "copies"))
            await until(lambda: setting.behind("copies") == 0)
    assert seqs(tmp_path / "copies") == [*range(1, 11)]


SPOILT_PLACES = {
    "empty": "",
    "cut off": "{",
    "no number": '{"seq": 1e999, "commitment": "00"}',
    "beyond every log": '{"seq": 99999999999999999999999, "commitment": "00"}',
    "more digits than a number may have": f'{{"seq": {"9" * 900}, "commitment": "00"}}',
    "below every log": '{"seq": -5, "commitment": "00"}',
    "nested": "[" * 100_000,
    "nested and whole": "[" * 500 + "]" * 500,
    "no object": "7",
}


@pytest.mark.parametrize("text", SPOILT_PLACES.values(), ids=SPOILT_PLACES)
def test_a_spoilt_place_is_none(tmp_path, text):
    (tmp_path / "place").write_text(text)
    place = Place(tmp_path / "place")
    assert place.read() is None
    place.write(7, bytes(32))
    assert place.read() == (7, bytes(32))


@pytest.mark.parametrize("name", ["place.json", "place.unfinished"])
async def test_a_place_that_is_no_file_is_none_and_nobody_waits_for_it(tmp_path, name):
    os.mkfifo(tmp_path / name)
    place = Place(tmp_path / "place.json")
    async with asyncio.timeout(60):
        assert await aside(place.read, "place") is None
        await aside(lambda: place.write(7, bytes(32)), "place")
    assert place.read() == (7, bytes(32))


async def test_a_lost_place_costs_copies_that_come_twice(site, tmp_path):
    for damage in ("", "{", None):
        async with running(site, tmp_path) as setting:
            await setting.write(1)
            setting.adopt(to_folder(tmp_path / "copies"))
            await until(lambda: setting.behind("copies") == 0)
        place = tmp_path / "places" / f"copies.{TENANT}.json"
        if damage is None:
            place.unlink()
        else:
            place.write_text(damage)
    assert seqs(tmp_path / "copies") == [1, 1, 2, 1, 2, 3]


async def test_another_log_than_the_one_that_was_copied_is_copied_from_its_beginning(site, tmp_path):
    """As after a restore: fact 3 is there again, and is another."""
    async with running(site, tmp_path) as setting:
        await setting.write(3)
        setting.adopt(to_folder(tmp_path / "copies"))
        await until(lambda: setting.behind("copies") == 0)
    for each in tmp_path.glob(f"{TENANT}.db*"):
        each.unlink()
    async with running(site, tmp_path) as setting:
        await setting.write(4)
        setting.adopt(to_folder(tmp_path / "copies"))
        await until(lambda: setting.behind("copies") == 0)
        assert setting.told() == [("export.anew", None)]
    assert seqs(tmp_path / "copies") == [1, 2, 3, 1, 2, 3, 4]


async def test_a_line_that_a_crash_cut_off_is_written_anew(setting, tmp_path):
    await setting.write(1)
    cut = tmp_path / "copies" / f"{TENANT}-2026-04-01.jsonl"
    copies = to_folder(tmp_path / "copies")
    cut.write_bytes(b'{"tenant":"999997","fact":{}}\n{"tenant":"9999' + b"7" * 200_000)
    setting.adopt(copies)
    await until(lambda: setting.behind("copies") == 0)
    assert [each["fact"].get("seq") for each in lines(tmp_path / "copies")] == [None, 1]


async def test_a_full_disk_is_told_and_the_rest_comes_when_there_is_room(setting, tmp_path, monkeypatch):
    real, full = os.fsync, True

    def fsync(handle: int) -> None:
        if full:
            raise OSError(28, os.strerror(28))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    setting.adopt(to_folder(tmp_path / "copies"))
    async with asyncio.timeout(60):
        await setting.write(20)  # the line goes on
    await until(setting.told)
    (row,) = setting.exports.rows()
    assert (row["ok"], row["required"]) == (False, False)
    assert row["detail"] == f"No space left on device; 20 facts of {TENANT} behind"
    full = False
    await until(lambda: setting.behind("copies") == 0)
    assert set(seqs(tmp_path / "copies")) == set(range(1, 21))
    assert setting.told() == [("export.trouble", "No space left on device"), ("export.mended", None)]


async def test_a_disk_that_hangs_is_told_and_waited_for_no_longer_than_a_receiver(setting, tmp_path, monkeypatch):
    """It neither takes anything nor fails. Even to look which files there are is not done on the line's own time."""
    for module in (exports, follower):
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.2)
    goes_on = threading.Event()
    monkeypatch.setattr(os, "fsync", lambda handle: goes_on.wait(120))
    monkeypatch.setattr(folders.Folder, "days", lambda self, log: goes_on.wait(120))
    try:
        setting.adopt(to_folder(tmp_path / "copies"))
        async with asyncio.timeout(60):
            await setting.write(2)
            await until(setting.told)
            (row,) = setting.exports.rows()
            assert (row["ok"], row["detail"]) == (False, f"hangs; 2 facts of {TENANT} behind")
            with pytest.raises(Deferred, match="export_unreadable"):
                await setting.exports.days(TENANT)
            setting.adopt(to_folder(tmp_path / "moved"))
            await until(lambda: len(setting.told()) > 1)
            assert setting.exports.rows()[0]["detail"].startswith("hangs")  # the former has not ended yet
            await setting.exports.stop()
    finally:
        goes_on.set()


def test_what_hangs_does_not_keep_the_process_from_ending():
    hangs = "asyncio.run(asyncio.wait_for(aside(threading.Event().wait, 'export copies'), 0.1))"
    program = f"import asyncio, threading\nfrom gateway.hub.exports.aside import aside\n{hangs}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=120, check=False)
    assert ended.stderr.splitlines()[-1] == b"TimeoutError"


async def test_a_folder_that_is_not_there_is_trouble_and_is_not_made(setting, tmp_path):
    wanted = to_folder(tmp_path / "copies")
    (tmp_path / "copies").rmdir()
    setting.adopt(wanted)
    await setting.write(1)
    await until(setting.told)
    assert setting.told() == [("export.trouble", "No such file or directory")]
    assert not (tmp_path / "copies").exists()


async def test_a_link_in_the_folder_is_not_followed(setting, tmp_path):
    wanted = to_folder(tmp_path / "copies")
    (tmp_path / "copies" / f"{TENANT}-2026-04-01.jsonl").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").touch()
    setting.adopt(wanted)
    await setting.write(1)
    await until(setting.told)
    assert (tmp_path / "elsewhere").read_bytes() == b""


async def test_a_fifo_where_a_file_should_be_is_told_to_be_none(setting, tmp_path):
    copies = to_folder(tmp_path / "copies")
    os.mkfifo(tmp_path / "copies" / f"{TENANT}-2026-04-01.jsonl")
    await setting.write(1)
    setting.adopt(copies)
    await until(setting.told)
    assert setting.told() == [("export.trouble", "Not a regular file")]
