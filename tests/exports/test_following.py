"""At least once, resuming where it stopped, never in the way of what is written."""

import asyncio
import json
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from gateway.config import Export
from gateway.hub.exports import Copy, Exporting
from gateway.hub.exports import folder as folders
from gateway.hub.journal import FactKind
from gateway.messages import Attestation, Ending, RecordOutcome
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
        self.goes_on.wait(60)
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


# ---- its place -------------------------------------------------------------------------------------------------------


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
