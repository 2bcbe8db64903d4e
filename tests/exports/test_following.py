"""At least once, resuming where it stopped, never in the way of what is written."""

import asyncio
import hashlib
import json
import os
import resource
import sqlite3
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from gateway.config import Export
from gateway.errors import Deferred
from gateway.hub.exports import Copy, Exporting, exports, follower
from gateway.hub.exports import folder as folders
from gateway.hub.exports.aside import aside
from gateway.hub.exports.place import Place
from gateway.hub.journal import FactKind
from gateway.messages import Attestation, Ending, RecordOutcome, encode
from tests.exports.collector import Collector
from tests.exports.setting import lines, running, seqs, to_folder, to_syslog, until
from tests.journal.builders import AT, NOW, TENANT, id_of, message


@dataclass
class Fake:
    """The other side, as it were: slow while `goes_on` is not set, failing at one fact."""

    again: int = 0
    fails_at: int | None = None
    handed: list[int] = field(default_factory=list)
    entered: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.goes_on.set()

    def forget(self, log: str, before: date) -> None:
        raise AssertionError

    def hand(self, copies: Sequence[Copy]) -> None:
        self.entered.set()
        self.goes_on.wait(10)
        found = [each.fact["seq"] for each in copies]
        if self.fails_at in found:
            raise OSError(5, "made up")
        self.handed += found

    def interrupt(self) -> None: ...
    def close(self) -> None:
        if self.fails_at is not None:
            raise RuntimeError("made up, too")


def export(name: str, **changes: Any) -> Export:
    return Export.model_validate({"name": name, "form": "jsonl", "tenants": [TENANT], "folder": "unused"} | changes)


NEXT_DAY_IN_JAPAN = "2026-04-01T15:00:00.000000Z"


# ---- a folder --------------------------------------------------------------------------------------------------------


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
    async with asyncio.timeout(5):
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
    async with asyncio.timeout(5):
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
    monkeypatch.setattr(os, "fsync", lambda handle: goes_on.wait(20))
    monkeypatch.setattr(folders.Folder, "days", lambda self, log: goes_on.wait(20))
    try:
        setting.adopt(to_folder(tmp_path / "copies"))
        async with asyncio.timeout(5):
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
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20, check=False)
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


# ---- which facts -----------------------------------------------------------------------------------------------------


async def test_only_the_kinds_that_were_asked_for(setting, tmp_path):
    await setting.write(150)
    await setting.journal.fact(FactKind.EDGE_LINKED, {"edge": "lgwan", "config": "0" * 64}, at=AT)
    setting.adopt(to_folder(tmp_path / "copies", kinds=["edge.linked"]))
    await until(lambda: setting.behind("copies") == 0)
    assert seqs(tmp_path / "copies") == [151]


async def test_what_is_not_to_be_disclosed_is_told_to_be_there_and_no_more(setting, tmp_path, collector):
    """番号法第23条第2項: of the message, of what comes of it, and of the reply to it, which itself attests nothing."""
    told = Attestation("undisclosed", "0" * 64)
    asked = message([0], kind="request", attestations=(told,))
    ends: dict[str, Any] = {"source": "vaccination_records", "destination": "health_management"}
    reply = message([0], kind="reply", correlation_id=id_of(asked), **ends)
    await setting.journal.record(asked, at=AT, now=NOW, goes=True)
    times = {"at": AT, "now": NOW, "next_at": None}
    accepted = [RecordOutcome(0, Ending.ACCEPTED)]
    await setting.journal.conclude(id_of(asked), accepted, attempt=1, reply=reply, **times)
    await setting.write(1)
    setting.adopt(to_folder(tmp_path / "copies"), to_syslog(collector))
    await until(lambda: setting.behind("copies") == setting.behind("siem") == 0)
    *hidden, other = lines(tmp_path / "copies")
    kinds = [each["fact"]["kind"] for each in hidden]
    assert sorted(kinds) == ["delivery.attempted", "delivery.concluded", "message.recorded", "message.recorded"]
    for each in hidden:
        assert set(each["fact"]) == {"seq", "at", "kind", "message_id", "undisclosed"}
        assert "salt" not in each
    assert {each["fact"]["message_id"] for each in hidden} == {id_of(asked), id_of(reply)}
    assert other["fact"]["kind"] == "noise.counted"
    assert ["undisclosed" in each.params for each in collector.messages] == [True] * 4 + [False]
    assert not any({"source", "destination", "operation"} & set(each.params) for each in collector.messages)


# ---- a receiver ------------------------------------------------------------------------------------------------------


async def test_a_receiver_gets_every_fact_over_one_connection(setting, collector):
    await setting.write(250)
    setting.adopt(to_syslog(collector))
    await until(lambda: collector.seqs(TENANT) == [*range(1, 251)])
    await setting.write(2)
    await until(lambda: collector.seqs(TENANT) == [*range(1, 253)])
    assert collector.connections == 1
    await setting.exports.stop()
    await until(lambda: collector.said_goodbye == 1)


async def test_a_receiver_that_hangs_does_not_hold_the_line_up_and_loses_nothing(setting, collector):
    await setting.write(100)
    setting.adopt(to_syslog(collector))
    await until(lambda: setting.behind("siem") == 0)
    collector.reading.clear()
    async with asyncio.timeout(10):
        await asyncio.gather(*(setting.write(1) for _ in range(3000)))
    await until(setting.told)
    assert setting.behind("siem") > 2000, "what its machine did not acknowledge is not remembered"
    assert setting.told()[0][0] == "export.trouble"
    collector.reading.set()
    await until(lambda: set(collector.seqs(TENANT)) == set(range(1, 3101)), 20)


async def test_a_receiver_that_is_gone_for_a_while_gets_what_it_missed_and_what_it_may_have_lost(
    site, setting, collector
):
    await setting.write(30)
    setting.adopt(to_syslog(collector))
    await until(lambda: len(collector.messages) == 30 and setting.behind("siem") == 0)
    collector.close()
    await setting.write(30)
    await until(lambda: setting.exports.rows()[0]["detail"] == f"Connection refused; 30 facts of {TENANT} behind")
    password = (site.config.root / "keys/passphrase").read_bytes().strip()
    back = Collector(site.config.root / "keys/tls", password, collector.port)
    try:
        await until(lambda: back.seqs(TENANT) == [*range(1, 61)])  # the last thousand come again
        await until(lambda: setting.told()[-1] == ("export.mended", None))
    finally:
        back.close()


async def test_as_many_of_the_exported_kinds_come_again_however_much_else_is_between(site, tmp_path, collector):
    """Syslog acknowledges nothing: a program that dies may lose what its machine had taken."""
    kinds = to_syslog(collector, kinds=["noise.counted"])
    async with running(site, tmp_path) as setting:
        noise = setting.journal.fact(FactKind.NOISE_COUNTED, {"listener": "municipal", "count": 0}, at=AT)
        body = {"operator": "staff-0001", "act": "dead"}
        await asyncio.gather(noise, *(setting.write(1) for _ in range(1099)))
        await asyncio.gather(
            *(setting.journal.fact(FactKind.OPERATOR_ACTED, body, at=AT) for _ in range(1500)), setting.write(1)
        )
        setting.adopt(kinds)
        await until(lambda: len(collector.messages) == 1101, 30)
        await until(lambda: setting.behind("siem") == 0)
    async with running(site, tmp_path) as setting:
        setting.adopt(kinds)
        await until(lambda: len(collector.messages) >= 2101, 30)


async def test_a_receiver_is_reached_with_more_files_open_than_select_knows(setting, collector):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    opened: list[int] = []
    try:
        while not opened or opened[-1] < 1030:
            opened.append(os.dup(0 if not opened else opened[0]))
        await setting.write(3)
        setting.adopt(to_syslog(collector))
        await until(lambda: collector.seqs(TENANT) == [1, 2, 3])
        assert setting.told() == []
    finally:
        for each in opened:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_connection_that_breaks_again_and_again_still_gets_on(setting, collector):
    """What is sent again is not forgotten to have been there: the place never goes back."""
    setting.adopt(to_syslog(collector))
    for _ in range(5):
        await setting.write(300)
        await asyncio.sleep(0.02)
        collector.drop()
    await until(lambda: set(collector.seqs(TENANT)) == set(range(1, 1501)), 20)


async def test_a_receiver_that_another_authority_vouches_for_gets_nothing(site, setting, collector, tmp_path):
    from datetime import UTC, datetime

    from gateway.keys.at_rest import Secret
    from gateway.keys.certificates import Authority

    root = site.config.root
    Authority.make("別の認証局", datetime.now(UTC)).issued.write(
        tmp_path, "other", Secret.parse("file:keys/passphrase", root)
    )
    wanted = to_syslog(collector)
    setting.adopt(wanted | {"syslog": wanted["syslog"] | {"ca": str(tmp_path / "other.crt")}})
    await setting.write(1)
    await until(setting.told)
    assert setting.told()[0] == ("export.trouble", "CERTIFICATE_VERIFY_FAILED")
    assert collector.messages == []


async def test_what_is_sent_again_does_not_move_the_place_back(setting):
    """Otherwise each break of the connection would send a thousand more."""
    place = setting.exports._places / f"siem.{TENANT}.json"
    await setting.write(250)
    to = Fake(again=1000)
    setting.exports.adopt([Exporting(export("siem"), to)])
    await until(lambda: setting.behind("siem") == 0)
    to.handed.clear()
    to.fails_at = 151  # the second slice
    setting.exports._running["siem"].follower._logs[TENANT].at = None  # as after a connection that broke
    await until(setting.told)
    assert to.handed[:100] == [*range(1, 101)]
    assert json.loads(place.read_text())["seq"] == 250


# ---- a reload --------------------------------------------------------------------------------------------------------


async def test_a_reload_adds_changes_and_removes(setting, tmp_path, collector):
    await setting.write(3)
    copies = to_folder(tmp_path / "copies")
    setting.adopt(copies)
    await until(lambda: setting.behind("copies") == 0)
    setting.adopt(copies, to_syslog(collector))
    await until(lambda: collector.seqs(TENANT) == [1, 2, 3])
    moved = to_folder(tmp_path / "moved")
    setting.adopt(moved, to_syslog(collector))
    await setting.write(2)
    await until(lambda: setting.behind("copies") == 0)
    await until(lambda: collector.seqs(TENANT) == [1, 2, 3, 4, 5])
    assert seqs(tmp_path / "copies") == [1, 2, 3]
    assert seqs(tmp_path / "moved") == [4, 5], "it goes on under its name, wherever it goes"
    assert collector.connections == 1, "what did not change goes on"
    setting.adopt(moved)
    await until(lambda: collector.said_goodbye == 1)
    assert setting.behind("siem") is None
    await setting.write(1)
    await until(lambda: setting.behind("copies") == 0)
    assert len(collector.messages) == 5


async def test_two_of_one_name_never_write_at_once(setting):
    """A reload while the other side is slow: the next one begins when the former has ended, and where it ended."""
    await setting.write(3)
    slow, after = Fake(), Fake()
    slow.goes_on.clear()
    setting.exports.adopt([Exporting(export("copies"), slow)])
    await until(slow.entered.is_set)
    setting.exports.adopt([Exporting(export("copies", kinds=["noise.counted"]), after)])
    await asyncio.sleep(0.1)
    assert after.handed == []
    slow.goes_on.set()
    await setting.write(1)
    await until(lambda: after.handed)
    assert (slow.handed, after.handed) == ([1, 2, 3], [4])


async def test_certificates_that_were_renewed_count_after_a_reload(site, setting, collector):
    from functools import partial

    from gateway.hub.exports import Receiver, syslog_frame
    from gateway.wiring.exporting import exporting

    (good,) = exporting(setting.configured(to_syslog(collector)))
    assert isinstance(good.to, Receiver)
    frame = partial(syslog_frame, host="renkei.example", enterprise=1)
    stale = Receiver(
        "localhost", collector.port, ssl.create_default_context(cafile=site.config.root / "keys/tls/office.crt"), frame
    )
    setting.exports.adopt([Exporting(good.settings, stale)])
    await setting.write(1)
    await until(setting.told)
    assert setting.told() == [("export.trouble", "CERTIFICATE_VERIFY_FAILED")]
    setting.exports.adopt([good])
    await until(lambda: collector.seqs(TENANT) == [1])


async def test_what_no_contract_allows_is_told_and_takes_nothing_down(setting, tmp_path, monkeypatch):
    wanted = to_folder(tmp_path / "copies")

    def broken(*_: object) -> None:
        raise RuntimeError("with a value in it")

    with monkeypatch.context() as planted:
        planted.setattr(folders, "_append", broken)
        setting.adopt(wanted)
        await setting.write(1)
        await until(setting.told)
        assert setting.told() == [("export.trouble", "bug")]
        assert "with a value" not in setting.printed.getvalue()
    await until(lambda: setting.behind("copies") == 0)
    assert json.loads((tmp_path / "places" / f"copies.{TENANT}.json").read_text())["seq"] == 1


@pytest.mark.parametrize("moment", ["hand", "_remember"])
async def test_whatever_ends_it_nothing_is_missing_after_the_next_start(site, tmp_path, monkeypatch, moment):
    """Between handing over and remembering, at every slice."""
    from gateway.hub.exports.folder import Folder
    from gateway.hub.exports.follower import Follower

    async with running(site, tmp_path) as setting:
        await setting.write(350)
        for death in range(4):
            with monkeypatch.context() as planted:
                owner = Folder if moment == "hand" else Follower
                real, calls = getattr(owner, moment), iter(range(100))

                def dies(*args, real=real, calls=calls, death=death):
                    if next(calls) >= death:
                        raise OSError(5, "dead")
                    return real(*args)

                planted.setattr(owner, moment, dies)
                setting.adopt(to_folder(tmp_path / "copies"))
                await until(setting.told)
                setting.adopt()
                await asyncio.wait([*setting.exports._ending] or [asyncio.ensure_future(asyncio.sleep(0))])
        setting.adopt(to_folder(tmp_path / "copies"))
        await until(lambda: setting.behind("copies") == 0)
    assert set(seqs(tmp_path / "copies")) == set(range(1, 351))


async def test_a_side_that_cannot_even_be_closed_does_not_end_the_export(setting):
    await setting.write(2)
    to = Fake(fails_at=2)
    setting.exports.adopt([Exporting(export("copies"), to)])
    await until(setting.told)
    to.fails_at = None
    await until(lambda: to.handed == [1, 2])
