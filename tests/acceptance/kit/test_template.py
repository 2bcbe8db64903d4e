"""What `gateway plugin new` makes is as good as our own plugins: form, lint, types, lock, conformance, tests."""

import builtins
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.commands import app
from gateway.cli.plugin_new import make
from gateway.errors import Misconfigured
from tests.architecture.tree import ROOT

KINDS = ("receives", "sends", "both")
LONG = "a_rather_long_name_of_some_register1"
LABEL = "架空の長い名称の" * 3 + "学齢簿等台帳"


def new(folder, **answers):
    assert list(make(folder, answers, defaults=True))
    return folder


def program(package, *words):
    """A program in the package's folder, with this tree's gateway; it must find nothing wrong."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "plugins"), str(package)])
    beside = Path(sys.executable).parent
    done = subprocess.run(
        [str(beside / words[0]), *words[1:]],
        cwd=package,
        env=os.environ | {"PYTHONPATH": paths, "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(params=KINDS)
def package(request, tmp_path):
    return new(tmp_path / "package", connector=LONG, label=LABEL, does=request.param)


def test_form_and_lint_find_nothing_and_no_trace_of_the_template_is_left(package):
    program(package, "ruff", "check", "--no-cache", ".")
    program(package, "ruff", "format", "--check", "--no-cache", ".")
    files = [path for path in package.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {
        "pyproject.toml",
        "README.md",
        "ci.sh",
        "tenant.toml",
        "test_conformance.py",
    }
    assert [
        path for path in files if "jinja" in path.name or "{{" in path.name or "{%" in path.read_text("utf-8")
    ] == []


def test_its_lock_is_what_it_declares(package):
    said = (
        "import sys; from gateway.plugin.interface import describe\n"
        f"from gateway_{LONG}.interface import INTERFACE\n"
        "declared = describe(INTERFACE).model_dump_json(indent=2, exclude_defaults=True, ensure_ascii=False) + '\\n'\n"
        f"locked = open('gateway_{LONG}/interface.lock.json', encoding='utf-8').read()\n"
        "sys.exit(declared != locked)"
    )
    program(package, "python", "-c", said)


def test_types_conformance_and_its_own_tests_find_nothing(tmp_path):
    """Of the kind that has what both others have."""
    both = new(tmp_path / "school_register", does="both")
    program(both, "mypy", "--cache-dir", str(tmp_path / "mypy"))
    program(both, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_the_folders_name_is_the_connectors(tmp_path):
    folder = new(tmp_path / "gateway-child-support")
    assert 'child_support = "gateway_child_support"' in (folder / "pyproject.toml").read_text(encoding="utf-8")


def test_the_command_asks_nothing_with_defaults_and_says_what_comes_next(tmp_path):
    words = ["plugin", "new", str(tmp_path / "register"), "--defaults", "--data", "does=sends", "--data", "label=台帳"]
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, "gateway interface lock register" in done.output) == (0, True)
    interface = (tmp_path / "register/gateway_register/interface.py").read_text(encoding="utf-8")
    assert ('label="台帳"' in interface, 'direction="sends"' in interface, "receives" in interface) == (
        True,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"connector": "School"}, "lower-case"),
        ({"connector": "x" * 37}, "lower-case"),
        ({"label": 'a"""b'}, "one line"),
        ({"label": "架" * 31}, "one line"),
        ({"zone": "no zone"}, "a zone's name"),
        ({"does": "everything"}, "does"),
    ],
)
def test_an_answer_that_cannot_be_is_told(tmp_path, answers, said):
    with pytest.raises(Misconfigured, match=said):
        new(tmp_path / "package", **answers)


def test_nothing_that_exists_is_overwritten(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "mine").write_text("mine")
    with pytest.raises(Misconfigured, match="not empty"):
        new(tmp_path / "package")
    assert [each.name for each in (tmp_path / "package").iterdir()] == ["mine"]


def test_without_a_terminal_it_does_not_wait_for_answers(tmp_path):
    done = CliRunner().invoke(app, ["plugin", "new", str(tmp_path / "package")])
    assert (done.exit_code, "--defaults" in done.output) == (2, True)


def test_without_copier_it_says_what_to_install(tmp_path, monkeypatch):
    found = builtins.__import__

    def absent(name, *rest):
        if name == "copier":
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(Misconfigured, match=r"renkei-gateway\[kit\]"):
        new(tmp_path / "package")
