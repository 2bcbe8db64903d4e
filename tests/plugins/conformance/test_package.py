"""What the suite takes for a package's own code."""

import importlib

from gateway.plugin.testing import fresh
from gateway.plugin.testing.package import sources


def test_a_hook_in_a_submodule_hides_nothing_of_its_package(tmp_path, monkeypatch):
    folder = tmp_path / "gateway_made_up"
    (folder / "inner").mkdir(parents=True)
    for name in ("__init__.py", "connector.py", "inner/__init__.py", "inner/hook.py"):
        (folder / name).touch()
    monkeypatch.syspath_prepend(tmp_path)
    hook = importlib.import_module("gateway_made_up.inner.hook")
    assert [each.relative_to(folder).as_posix() for each in sources(hook)] == [
        "__init__.py",
        "connector.py",
        "inner/__init__.py",
        "inner/hook.py",
    ]


def test_a_module_alone_is_its_own_file(tmp_path, monkeypatch):
    (tmp_path / "gateway_alone.py").touch()
    (tmp_path / "other.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert sources(importlib.import_module("gateway_alone")) == [tmp_path / "gateway_alone.py"]


def test_a_folder_whose_name_goes_on_is_another():
    effects = fresh._Effects("/lib/gateway_school:/lib/school_rows.py")
    files = ("gateway_school/rows.py", "school_rows.py", "gateway_school_library/rows.py", "school_rows.py.d/a.py")
    assert [effects.owns(f"/lib/{each}") for each in files] == [True, True, False, False]


def test_what_it_imports_from_beside_it_is_its_own_too(tmp_path, monkeypatch):
    """From a module to the next, also a package; not what nobody imports."""
    made_up(tmp_path, gateway_two="import beside_two", beside_two="from more_two.inner import x", other_two="")
    (tmp_path / "more_two").mkdir()
    (tmp_path / "more_two/inner.py").write_text("x = 1", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found = sources(importlib.import_module("gateway_two"))
    assert [each.name for each in found] == ["beside_two.py", "gateway_two.py", "inner.py"]


def test_of_what_is_installed_a_library_is_not(tmp_path, monkeypatch):
    """Which lies in the same folder."""
    made_up(tmp_path, gateway_three="import beside_three, library_three", beside_three="", library_three="")
    for name, brings in (("ours", ("gateway_three", "beside_three")), ("theirs", ("library_three",))):
        folder = tmp_path / f"{name}-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: 1\n", encoding="utf-8")
        (folder / "RECORD").write_text("".join(f"{each}.py,,\n" for each in brings), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found = sources(importlib.import_module("gateway_three"))
    assert [each.name for each in found] == ["beside_three.py", "gateway_three.py"]


def made_up(folder, **modules):
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
