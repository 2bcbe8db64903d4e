"""`gateway plugin check`: it finds the connector, tells the scale, and ends with 1 if anything is to do."""

import json
import shutil
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import plugin_check
from gateway.cli.commands import app

EXAMPLE = Path(__file__).parents[1] / "example"
PROJECT = """\
[project.entry-points."gateway.connectors"]
school_register = "gateway_school_register"
[project.entry-points."gateway.conformance"]
school_register = "school_register_conformance:SchoolRegisterSubject"
"""
QUICK = ("--rule", "loads", "--rule", "door-only", "--rule", "documented")
MODULES = ("gateway_school_register", "school_register_conformance")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The example as a package's folder that is not installed; examined in this process, see `test_apart.py`."""
    monkeypatch.setattr(plugin_check, "apart", lambda work: nullcontext(iter(work())))
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("gateway_school_register.py", "school_register_conformance.py", "interface.lock.json", "README.md"):
        shutil.copy(EXAMPLE / name, tmp_path)
    (tmp_path / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield tmp_path
    for name in MODULES:
        sys.modules.pop(name, None)


def check(*words):
    done = CliRunner().invoke(app, ["plugin", "check", *map(str, words)])
    assert isinstance(done.exception, SystemExit | None)
    return done.exit_code, done.stdout or done.stderr


def test_it_shows_each_rule_and_is_content(package):
    status, told = check(package, *QUICK)
    rows = [line.split() for line in told.splitlines()[2:]]
    assert (status, rows) == (
        0,
        [["loads", "bronze", "done"], ["door-only", "bronze", "done"], ["documented", "silver", "done"]],
    )


def test_what_is_to_do_is_told_with_what_to_do_next(package):
    (package / "README.md").unlink()
    status, told = check(package, *QUICK)
    assert status == 1
    assert "to do  the package has no README.md: write one" in told


def test_programs_are_told_the_same(package):
    (package / "README.md").unlink()
    status, told = check(package, *QUICK, "--json")
    found = json.loads(told)
    assert (status, found["connector"], found["level"]) == (1, "school_register", None)
    assert [(each["id"], each["is"]) for each in found["rules"]] == [
        ("loads", "done"),
        ("door-only", "done"),
        ("documented", "to do"),
    ]


def test_where_no_terminal_is_each_rule_is_told_as_it_is_judged(package):
    (package / "README.md").unlink()
    done = CliRunner().invoke(app, ["plugin", "check", str(package), *QUICK])
    told = ["1 of 3: loads is done", "2 of 3: door-only is done", "3 of 3: documented is to do"]
    assert done.stderr.splitlines() == told


def test_where_a_rule_broke_is_shown_when_asked(package):
    code = package / "gateway_school_register.py"
    code.write_text(
        code.read_text(encoding="utf-8").replace("import asyncio\n", "import asyncio\nimport gateway.cli\n")
    )
    status, told = check(package, "--rule", "door-only", "-v")
    assert status == 1
    assert "gateway_school_register.py imports gateway.cli" in told
    assert "rules/package.py" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("no_such_connector",), "no_such_connector: 0 entry points of that name in gateway.conformance"),
        (("no/such/folder",), "no/such/folder/pyproject.toml: No such file or directory"),
    ],
)
def test_what_cannot_be_found_is_wrong_usage(words, said):
    status, told = check(*words)
    assert (status, said in told) == (2, True)


@pytest.mark.parametrize(
    ("project", "said"),
    [
        ("", "names none"),
        (PROJECT + 'other = "other:Other"\n', "names school_register, other: install it and name one of them"),
        (
            PROJECT.replace("SchoolRegisterSubject", "Register"),
            "is no class derived from gateway.plugin.testing.Subject",
        ),
        (
            PROJECT.replace("school_register_conformance:", "no_such_module:"),
            "no_such_module:SchoolRegisterSubject: loading it raised ModuleNotFoundError for no_such_module\n",
        ),
        (
            PROJECT.replace('"gateway_school_register"', '"no_such_module"'),
            "no_such_module: loading it raised ModuleNotFoundError for no_such_module\n",
        ),
        (
            PROJECT.replace('"gateway_school_register"', '""'),
            "school_register: its entry point in gateway.connectors is not of the form module or module:name",
        ),
        (
            PROJECT.replace("school_register_conformance:", "bad value !"),
            "school_register: its entry point in gateway.conformance is not of the form module or module:name",
        ),
        (
            '[project.entry-points]\n"gateway.conformance" = [["a", "x:Y"]]',
            "[project.entry-points] holds no tables of names and modules",
        ),
        ("[", "is not TOML"),
        ("project = 3", "[project.entry-points] holds no tables of names and modules"),
        ("[project]\nentry-points = 3", "[project.entry-points] holds no tables of names and modules"),
        (PROJECT.replace('"gateway_school_register"', "3"), "[project.entry-points] holds no tables of names and"),
    ],
)
def test_what_a_package_declares_wrongly_is_wrong_configuration(package, project, said):
    (package / "pyproject.toml").write_text(project, encoding="utf-8")
    status, told = check(package)
    assert (status, said in told) == (2, True), told


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("raised", ["CancelledError", "SystemExit"])
def test_whatever_its_modules_raise_is_told_by_its_type(package, module, raised):
    """An exit of the plugin's own would else be taken for the check's."""
    code = "from asyncio import CancelledError\nraise {}('hidden-3f9a')"
    (package / f"{module}.py").write_text(code.format(raised), encoding="utf-8")
    status, told = check(package)
    assert (status, f"loading it raised {raised}" in told, "hidden-3f9a" in told) == (2, True, False), told


@pytest.mark.parametrize("module", MODULES)
def test_a_module_that_hangs_is_told_with_its_line(package, module):
    """It is broken off as soon as it hangs, so that no honest one is."""
    hangs = "import signal\n\nsignal.getsignal(signal.SIGALRM)(signal.SIGALRM, None)\n"
    (package / f"{module}.py").write_text(hangs, encoding="utf-8")
    status, told = check(package)
    line = f"loading it took longer than 60 s and was broken off in {package / module}.py:3\n"
    assert (status, line in told) == (2, True), told


def test_a_rule_that_there_is_not_is_wrong_usage(package):
    status, told = check(package, "--rule", "no-such-rule")
    assert (status, "there is no rule no-such-rule; there are loads, " in told) == (2, True)
