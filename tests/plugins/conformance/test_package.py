"""What the suite takes for a package's own code."""

import importlib

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
