"""Programs under test that are forks: whatever one does, who waits for it is told, and in time."""

import signal
import socket
import subprocess
import sys
from tempfile import TemporaryFile

import pytest

from tests import forking
from tests.acceptance.programs import until
from tests.forking import Forked, Speaking

DOES = ("timeit", "-n1", "-r1")
"""A module that runs what it is given, once."""


def test_a_signal_to_one_that_has_just_ended_is_no_error(monkeypatch, tmp_path):
    with (tmp_path / "out").open("wb") as out:
        child = Forked((sys.executable, "-m", *DOES, "pass"), out.fileno(), out.fileno(), {})
    assert child.wait(30) == 0
    monkeypatch.setattr(child, "poll", lambda: None)  # it ends after that was asked
    child.send_signal(0)


def test_one_that_writes_more_than_a_pipe_holds_goes_on(tmp_path):
    done = tmp_path / "done"
    says = f"print('here', flush=True); print('x' * 300_000, flush=True); open({str(done)!r}, 'w'); import time"
    program = Speaking(*DOES, f"{says}; time.sleep(600)")
    assert program.first == b"here"
    until(done.exists)
    status, said = program.end()
    assert (status, said.count(b"x")) == (-signal.SIGTERM, 300_000)
    assert program.end() == (status, said)


def test_one_that_does_not_hear_is_killed_and_told(monkeypatch):
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True)"
    program = Speaking(*DOES, f"{deaf}; time.sleep(600)")
    monkeypatch.setattr(forking, "_PATIENCE", 0.1)
    with pytest.raises(subprocess.TimeoutExpired):
        program.end()
    assert program.end() == (-signal.SIGKILL, b"here\n")


@pytest.mark.parametrize(("does", "status"), [("raise SystemExit", 1), ("import time; time.sleep(600)", -9)])
def test_one_that_never_says_where_it_serves_is_told(monkeypatch, does, status):
    if status < 0:
        monkeypatch.setattr(forking, "_FIRST", 0.1)
    with pytest.raises(AssertionError, match=f"ended with {status}, and had not said"):
        Speaking(*DOES, does)


def test_one_that_is_not_made_leaves_no_file_open(monkeypatch):
    files = []

    def made():
        files.append(TemporaryFile())  # noqa: SIM115 - its closing is what is tested
        return files[-1]

    monkeypatch.setattr(forking, "TemporaryFile", made)
    with pytest.raises(AssertionError, match="bytes of words and environment"):
        Speaking("#" * forking._MOST)
    assert [each.closed for each in files] == [True, True]


def test_a_parent_that_is_gone_is_told_in_a_sentence(monkeypatch):
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(forking, "_parent", lambda library: ours)
    its.close()
    with ours, pytest.raises(ChildProcessError, match="the parent of the programs under test is gone"):
        Forked((), 1, 2, {})


def test_more_words_than_the_parent_reads_are_not_sent():
    with pytest.raises(AssertionError, match="bytes of words and environment"):
        Forked(("#" * forking._MOST,), 1, 2, {})
