"""Copies that go to a receiver: at least once each, whatever becomes of it, and to nobody else."""

import asyncio
import os
import resource

from gateway.hub.exports import receiver
from gateway.hub.journal import FactKind
from tests.exports.collector import Collector
from tests.exports.setting import running, to_syslog, until
from tests.journal.builders import AT, TENANT


async def test_a_receiver_gets_every_fact_over_one_connection(setting, collector):
    await setting.write(250)
    setting.adopt(to_syslog(collector))
    await until(lambda: collector.seqs(TENANT) == [*range(1, 251)])
    await setting.write(2)
    await until(lambda: collector.seqs(TENANT) == [*range(1, 253)])
    assert collector.connections == 1
    await setting.exports.stop()
    await until(lambda: collector.said_goodbye == 1)


async def test_a_receiver_that_hangs_does_not_hold_the_line_up_and_loses_nothing(setting, collector, monkeypatch):
    monkeypatch.setattr(receiver, "PATIENCE_SECONDS", 0.5)
    await setting.write(100)
    setting.adopt(to_syslog(collector))
    await until(lambda: setting.behind("siem") == 0)
    collector.reading.clear()
    async with asyncio.timeout(60):
        await asyncio.gather(*(setting.write(1) for _ in range(3000)))
    await until(setting.told)
    assert setting.behind("siem") > 2000, "what its machine did not acknowledge is not remembered"
    assert setting.told()[0][0] == "export.trouble"
    collector.reading.set()
    await until(lambda: set(collector.seqs(TENANT)) == set(range(1, 3101)))


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
        await until(lambda: len(collector.messages) == 1101)
        await until(lambda: setting.behind("siem") == 0)
    async with running(site, tmp_path) as setting:
        setting.adopt(kinds)
        await until(lambda: len(collector.messages) >= 2101)


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
    await until(lambda: set(collector.seqs(TENANT)) == set(range(1, 1501)))


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
