"""Keys in motion, as an operator moves them: rotated, published, reloaded and retired while messages travel."""

import json
import secrets
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.keys.layout import PUBLIC, TenantKeys, read_directory
from tests.acceptance.programs import GATEWAY, Program, command, until
from tests.acceptance.site import DESTINATION, SOURCE, Site
from tests.acceptance.split import SplitSite
from tests.acceptance.subjects import MUNICIPALITY, lookup, record, subject

BOTH = (SOURCE, DESTINATION)


def done(root: Path, *words: str) -> str:
    """A `gateway keys` command that ends well."""
    told = command(*GATEWAY, "keys", *words, "--root", str(root))
    assert told.status == 0, told.err
    return told.out


def reload(program: Program) -> None:
    """SIGHUP, until the process says that it has applied what lies there."""
    before = program.output.read_text().count('"config.applied"')
    program.signal(signal.SIGHUP)
    until(lambda: program.output.read_text().count('"config.applied"') > before)


@contextmanager
def traffic(site: Site, ordinal: Callable[[], int]) -> Iterator[list[str]]:
    """Messages and questions without pause; the ids of what was acknowledged. Whatever is refused fails the test."""
    stop, sent, wrong = threading.Event(), list[str](), list[object]()

    def post() -> None:
        while not stop.is_set():
            answer = site.send("subject.register", [record(subject(ordinal()))], Idempotency_Key=secrets.token_hex(8))
            if answer.status == 202:
                sent.append(answer.message_id)
            elif answer.status != 503:
                wrong.append(answer.body)

    def ask() -> None:
        cells = subject(ordinal())
        while not stop.is_set():  # 202: the answer comes once the far edge has the key
            if (answer := site.send("subject.lookup", [lookup(cells)])).status not in (200, 202, 503):
                wrong.append(answer.body)

    threads = [threading.Thread(target=each) for each in (post, ask)]
    for each in threads:
        each.start()
    try:
        yield sent
    finally:
        stop.set()
        for each in threads:
            each.join()
    assert not wrong


def flows_on(sent: list[str], more: int = 5) -> None:
    """Some more messages have been taken since."""
    enough = len(sent) + more
    until(lambda: len(sent) >= enough)


def all_accepted(site: Site, sent: list[str]) -> None:
    def accepted() -> set[str]:
        ended = (fact for fact in site.facts() if fact["kind"] == "delivery.concluded")
        return {fact["message_id"] for fact in ended if {each["ending"] for each in fact["outcomes"]} == {"accepted"}}

    until(lambda: accepted() >= set(sent))
    assert "message.refused" not in {fact["kind"] for fact in site.facts()}


def signed_with(site: Site) -> set[str]:
    return {fact["header"]["signing_key"] for fact in site.facts()[-20:] if fact["kind"] == "message.recorded"}


def test_rotation_and_retirement_in_one_process(new_site, ordinal):
    """Two rotations' worth of steps under traffic; before the end nothing is refused, nothing lost."""
    site = new_site().start()
    with traffic(site, ordinal) as sent:
        flows_on(sent)
        former = signed_with(site)
        for name in BOTH:
            done(site.root, "rotate", MUNICIPALITY, name)
        site.hang_up("config.applied")
        flows_on(sent)
        assert signed_with(site) == former  # made, not published
        done(site.root, "publish", MUNICIPALITY)
        site.hang_up("config.applied")
        flows_on(sent, 25)
        assert not signed_with(site) & former
        for name in BOTH:
            done(site.root, "retire", MUNICIPALITY, name)
        done(site.root, "publish", MUNICIPALITY)
        site.hang_up("config.applied")
        flows_on(sent)
    all_accepted(site, sent)
    assert site.gateway.stop() == 0
    site.start_gateway()
    assert [each["outcome"] for each in site.outcomes(site.register(subject(ordinal())))] == ["accepted"]
    assert site.cli("log", "verify").status == 0


@pytest.mark.parametrize("name", BOTH)
def test_what_waits_under_a_retired_key_is_dead_and_must_be_sent_anew(new_site, ordinal, name):
    """Whether it was sealed to the retired key or signed with it; the same person's newer message passes."""
    site = new_site()
    site.gateway.start()
    until(lambda: site._serves(site.gateway, site._listens))
    cells = subject(ordinal())
    message_id = site.register(cells)
    until(lambda: "delivery.concluded" in site.kinds(message_id))
    done(site.root, "rotate", MUNICIPALITY, name)
    done(site.root, "publish", MUNICIPALITY)
    site.hang_up("config.applied")
    done(site.root, "retire", MUNICIPALITY, name)
    done(site.root, "publish", MUNICIPALITY)
    site.hang_up("config.applied")
    (outcome,) = site.outcomes(message_id)
    assert (outcome["outcome"], outcome["code"]) == ("dead", "unknown_key")
    replayed = site.cli("message", "replay", MUNICIPALITY, message_id)
    assert (replayed.status, "send_anew" in replayed.err) == (1, True)
    site.start_records()
    assert [each["outcome"] for each in site.outcomes(site.register(cells))] == ["accepted"]


@pytest.fixture
def split(tmp_path):
    site = SplitSite(tmp_path / "split", "edge_per_zone")
    yield site.start()
    site.close()


def test_rotation_and_retirement_over_separate_processes(split, ordinal):
    """Each process has a directory of its own, and they come to the new one at different moments."""
    offline, edges = split.folder / "offline", {SOURCE: "individual_number_zone", DESTINATION: "lgwan"}

    def publish(*processes: str) -> None:
        for name, process in edges.items():
            here, there = (TenantKeys(split.folder / each, MUNICIPALITY) for each in (process, "offline"))
            shutil.copy(here.connector(name) / PUBLIC, there.connector(name) / PUBLIC)
        done(offline, "publish", MUNICIPALITY)
        for each in processes:
            shutil.copy(
                TenantKeys(offline, MUNICIPALITY).directory, TenantKeys(split.folder / each, MUNICIPALITY).directory
            )

    with traffic(split, ordinal) as sent:
        flows_on(sent)
        former = signed_with(split)
        for name, process in edges.items():
            done(split.folder / process, "rotate", MUNICIPALITY, name)
        reload(split.edges["lgwan"])  # the other one only later: what comes for it meanwhile waits
        publish("hub", *split.names)
        flows_on(sent)
        ahead = split.edges["lgwan"]
        ahead.signal(signal.SIGHUP)
        until(lambda: "directory_ahead" in ahead.output.read_text())
        flows_on(sent)
        reload(split.gateway)
        flows_on(sent)
        for process in split.edges.values():
            reload(process)
            flows_on(sent)
        flows_on(sent, 25)
        assert not signed_with(split) & former
    all_accepted(split, sent)

    for name, process in edges.items():
        done(split.folder / process, "rotate", MUNICIPALITY, name)
    publish("hub", *edges.values())
    for name, process in edges.items():
        done(split.folder / process, "retire", MUNICIPALITY, name)
    publish("hub")
    reload(split.gateway)
    answer = split.send("subject.register", [record(subject(ordinal()))])  # by an edge that was left behind
    assert answer.refusal == (403, "unknown_key")
    ill = split.cli("connectors", "--json")
    (row,) = [each for each in json.loads(ill.out) if each["connector"] == SOURCE]
    assert (ill.status, row["ok"]) == (1, False)
    assert row["detail"].startswith("its edge is left behind, what it sent last was not taken (unknown_key)")
    for process in edges.values():
        shutil.copy(
            TenantKeys(offline, MUNICIPALITY).directory, TenantKeys(split.folder / process, MUNICIPALITY).directory
        )
        reload(split.edges[process])
    assert split.cli("connectors").status == 0
    version = read_directory(TenantKeys(offline, MUNICIPALITY)).version
    lines = split.admin().get("/metrics").body.decode().splitlines()
    assert f'renkei_directory_version{{tenant="{MUNICIPALITY}"}} {version}.0' in lines
    told = split.cli("reload").out.splitlines()
    assert told[1:] == [f"directory of {MUNICIPALITY}: version {version}"]
    applied = [line for line in split.gateway.output.read_text().splitlines() if '"config.applied"' in line]
    assert json.loads(applied[-1])["directories"] == {MUNICIPALITY: version}
    assert [each["outcome"] for each in split.outcomes(split.register(subject(ordinal())))] == ["accepted"]
