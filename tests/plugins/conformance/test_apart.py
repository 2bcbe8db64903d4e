"""`gateway plugin check` judges in a process of its own: whatever ends that process is told, and never passes."""

import json
import shutil
import signal
from pathlib import Path

import pytest

from tests.acceptance.programs import GATEWAY, Program, command, until
from tests.plugins.conformance.test_check import EXAMPLE, PROJECT

CHECK = (*GATEWAY, "plugin", "check")
NEXT = "let nothing of yours end it: no os._exit, no signal, no crash of a library"
ENDS = """
import contextlib, os

@contextlib.asynccontextmanager
async def ends(self, place, standing=SchoolRegisterSubject.standing):
    async with standing(self, place) as address:
        yield address
    os._exit(0)

SchoolRegisterSubject.standing = ends
"""
LEAVES = """
if os.fork():
    os._exit(0)
import time
time.sleep(600)
"""
"""Another process has all that this one had open."""
FOREIGN = """
import gc
from multiprocessing.connection import Connection
for each in gc.get_objects():
    if isinstance(each, Connection) and each.writable:
        each.send_bytes(b"hello")
"""
"""To whom the check is told, but not in the form of anything that is."""
HANGS = """
import os, subprocess
from pathlib import Path
left = subprocess.Popen(["sleep", "600"])
here = Path(__file__).parent
(here / "made").write_text(f"{os.getpid()} {left.pid}")
(here / "made").rename(here / "running")
try:
    left.wait()
except KeyboardInterrupt:
    (here / "interrupted").touch()
    raise
"""


@pytest.fixture
def package(tmp_path):
    for name in ("gateway_school_register.py", "school_register_conformance.py", "interface.lock.json"):
        shutil.copy(EXAMPLE / name, tmp_path)
    (tmp_path / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    return tmp_path


def written(package, code):
    """Its module imports `os`, and has that at its end."""
    module = package / "gateway_school_register.py"
    text = module.read_text(encoding="utf-8").replace("import asyncio\n", "import asyncio\nimport os\n")
    module.write_text(f"{text}\n{code}\n", encoding="utf-8")


@pytest.mark.parametrize("what", ["check", "lock"])
def test_an_end_while_it_is_loaded_is_told(package, what):
    written(package, LEAVES)
    done = command(*GATEWAY, "plugin", what, str(package))
    assert (done.status, done.out) == (1, "")
    assert done.err == f"{package}: the process ended with status 0 as it was loaded: {NEXT}\n"


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where temporary files lie."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def test_the_rule_in_which_it_ended_is_to_do(package, temporary):
    written(package, "SchoolRegister.__init__ = lambda self: os.kill(os.getpid(), 9)")
    rules = ("--rule", "documented", "--rule", "settings-closed", "--rule", "opens-and-closes", "--json")
    done = command(*CHECK, str(package), *rules)
    assert (done.status, done.err) == (1, "1 of 3: settings-closed is done\n")
    assert [(each["id"], each["is"], each["seen"]) for each in json.loads(done.out)["rules"]] == [
        ("settings-closed", "done", ""),
        ("opens-and-closes", "to do", "the process ended by signal 9; what is not shown was not judged"),
    ]
    assert [*temporary.iterdir()] == []


def test_a_process_that_ends_once_all_was_judged_is_not_passed(package):
    with (package / "school_register_conformance.py").open("a", encoding="utf-8") as subject:
        subject.write(ENDS)
    done = command(*CHECK, str(package), "--rule", "settings-closed", "--rule", "opens-and-closes", "--json")
    assert (done.status, [each["is"] for each in json.loads(done.out)["rules"]]) == (1, ["done", "to do"])


def test_what_it_prints_is_not_on_the_commands_stdout(package):
    written(package, "print('by Python'); os.system('echo by a program')")
    done = command(*CHECK, str(package), "--rule", "loads", "--json")
    assert [each["id"] for each in json.loads(done.out)["rules"]] == ["loads"]
    assert {"by Python", "by a program"} <= {*done.err.splitlines()}


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("os.closerange(3, 4096)", "the process ended with status 0"),
        (FOREIGN, "the process was ended for writing to a descriptor not its own"),
    ],
)
def test_what_it_does_to_descriptors_not_its_own_is_told_without_a_traceback(package, code, seen):
    written(package, code)
    done = command(*CHECK, str(package), "--rule", "loads")
    assert (done.status, done.out, done.err) == (1, "", f"{package}: {seen} as it was loaded: {NEXT}\n")


@pytest.mark.parametrize(("by", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_nothing_stays_when_the_check_is_ended(package, temporary, by, status):
    written(package, HANGS)
    check = Program((*CHECK, str(package)), package / "told")
    check.start()
    until((package / "running").is_file)
    left = [*map(int, (package / "running").read_text(encoding="utf-8").split())]
    assert [*temporary.iterdir()]
    check.signal(by)
    assert (check.ended(), (package / "told").read_bytes()) == (status, b"")
    until(lambda: not any(map(runs, left)))
    assert [*temporary.iterdir()] == []
    assert (package / "interrupted").exists() == (by == signal.SIGINT), "it may take down what it has started"


def runs(pid):
    """Whether it does; what has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
