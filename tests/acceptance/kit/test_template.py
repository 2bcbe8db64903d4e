"""What `gateway plugin new` makes is as good as our own plugins: form, lint, types, lock, conformance, tests."""

import builtins
import os
import subprocess
import sys
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from typer.testing import CliRunner

from gateway.cli.commands import app
from gateway.cli.plugin_new import make
from gateway.errors import Misconfigured
from tests.architecture.tree import ROOT

KINDS = ("receives", "sends", "both")
LONG = "a_rather_long_name_of_some_register1"
ZONES = ["internet", "lgwan"]
LABEL = "架空の長い名称の" * 3 + "学齢簿等台帳"


def new(folder, **answers):
    assert list(make(folder, answers, ZONES, defaults=True))
    return folder


def program(package, *words):
    """What a program says in the package's folder, with this tree's gateway; it must find nothing wrong."""
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
    return done.stdout


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
    lock = package / f"gateway_{LONG}/interface.lock.json"
    brought = lock.read_text(encoding="utf-8")
    (told,) = program(package, "gateway", "plugin", "lock", ".").splitlines()
    assert (lock.read_text(encoding="utf-8"), "version 1, digest" in told) == (brought, True)


def test_a_changed_interface_is_locked_anew_and_the_change_is_shown(tmp_path):
    register = new(tmp_path / "register")
    interface = register / "gateway_register/interface.py"
    text = interface.read_text(encoding="utf-8")
    interface.write_text(text.replace("    deletion_event_date: fields.DeletionEventDate | None = None\n", ""))
    told = program(register, "gateway", "plugin", "lock", ".").splitlines()
    assert [line.partition(":")[0] for line in told[:-1]] == ["- receives subject.delete deletion_event_date"]
    assert "deletion_event_date" not in (register / "gateway_register/interface.lock.json").read_text(encoding="utf-8")


def test_types_conformance_and_its_own_tests_find_nothing(tmp_path):
    """Of the kind that has what both others have."""
    both = new(tmp_path / "school_register", does="both")
    program(both, "mypy", "--cache-dir", str(tmp_path / "mypy"))
    program(both, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_the_folders_name_is_the_connectors(tmp_path):
    folder = new(tmp_path / "gateway-child-support")
    assert 'child_support = "gateway_child_support"' in (folder / "pyproject.toml").read_text(encoding="utf-8")


def test_capitals_of_the_folders_name_are_no_matter(tmp_path):
    folder = new(tmp_path / "Meals-2")
    assert 'meals_2 = "gateway_meals_2"' in (folder / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("defaults", [True, False])
def test_a_folders_name_that_can_be_no_connectors_is_told_with_the_way_out(tmp_path, defaults):
    with pytest.raises(Misconfigured, match=r"2meals: gives no connector's name.*--data connector=NAME"):
        list(make(tmp_path / "2meals", {}, ZONES, defaults=defaults))
    assert not (tmp_path / "2meals").exists()


def test_what_is_typed_at_the_terminal_is_the_label_whole(tmp_path):
    answers = {"does": "sends", "zone": "lgwan"}
    with create_pipe_input() as typed, create_app_session(input=typed, output=DummyOutput()):
        typed.send_text("\r給食システム\r")  # the connector's name is as it stands there
        assert list(make(tmp_path / "meals", answers, ZONES, defaults=False))
    interface = (tmp_path / "meals/gateway_meals/interface.py").read_text(encoding="utf-8")
    assert 'label="給食システム"' in interface


def command(folder, *words, **answers):
    data = [word for key, value in answers.items() for word in ("--data", f"{key}={value}")]
    return CliRunner().invoke(app, ["plugin", "new", str(folder), *words, *data])


def test_the_command_asks_nothing_with_defaults_and_says_what_comes_next(tmp_path):
    done = command(tmp_path / "register", "--defaults", does="sends", label="台帳")
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
        ({"connector": "class"}, "has already"),
        ({"connector": "gateway"}, "has already"),
        ({"label": 'a"""b'}, "one line"),
        ({"label": "架" * 31}, "one line"),
        ({"label": "学\u200b齢簿"}, "one line"),
        ({"zone": "lan"}, r"'zone': 'lan' is not in \['internet', 'lgwan'\]"),
        ({"does": "everything"}, r"'does': 'everything' is not in \['receives', 'sends', 'both'\]"),
    ],
)
def test_an_answer_that_cannot_be_is_told(tmp_path, answers, said):
    with pytest.raises(Misconfigured, match=said):
        new(tmp_path / "package", **answers)


@pytest.mark.parametrize("name", ["a\nb", "a\u202eb"])
def test_a_folder_whose_name_cannot_be_read_is_none_for_a_package(tmp_path, name):
    with pytest.raises(Misconfigured, match=rf"{tmp_path}/a\\(n|u202e)b': name a folder"):
        new(tmp_path / name, connector="register")
    assert not (tmp_path / name).exists()


def test_nothing_that_exists_is_overwritten(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "mine").write_text("mine")
    with pytest.raises(Misconfigured, match="not empty"):
        new(tmp_path / "package")
    assert [each.name for each in (tmp_path / "package").iterdir()] == ["mine"]


def test_without_a_terminal_it_names_what_has_no_answer(tmp_path):
    done = command(tmp_path / "package", zone="lgwan")
    assert (done.exit_code, (tmp_path / "package").exists()) == (2, False)
    assert "no answer for --data label=… --data does=…; or add --defaults" in done.output


def test_without_a_terminal_and_with_all_answers_it_asks_nothing(tmp_path):
    done = command(tmp_path / "register", label="台帳", does="sends", zone="internet")
    assert (done.exit_code, "keys add TENANT register --zone internet" in done.output) == (0, True)
    done = command(tmp_path / "いろは", connector="register", label="台帳", does="sends", zone="internet")
    assert done.exit_code == 0


def test_the_zones_are_those_of_the_configuration_where_there_is_one(tmp_path):
    (tmp_path / "config").mkdir()
    zone = 'label = "学校"\ninternet = false\nclearance = ["basic"]\n'
    (tmp_path / "config/zones.toml").write_text(f"[zones.school]\n{zone}", encoding="utf-8")
    there = ("--defaults", "--root", str(tmp_path))
    assert "'lgwan' is not in ['school']" in command(tmp_path / "package", *there, zone="lgwan").output
    assert command(tmp_path / "package", *there, zone="school").exit_code == 0


def test_a_config_of_something_else_is_not_the_gateways_but_one_that_is_named_has_zones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    assert command(tmp_path / "one", "--defaults", zone="lgwan").exit_code == 0
    done = command(tmp_path / "two", "--defaults", "--root", ".", zone="lgwan")
    assert (done.exit_code, "config/zones.toml: " in done.output) == (2, True)


def test_without_copier_it_says_what_to_install(tmp_path, monkeypatch):
    found = builtins.__import__

    def absent(name, *rest):
        if name == "copier":
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(Misconfigured, match=r"renkei-gateway\[kit\]"):
        new(tmp_path / "package")
