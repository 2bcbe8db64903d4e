"""A connector's package as it lies there: its modules, its readme, its lock; and how it is loaded."""

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pluggy

from gateway.errors import Misconfigured
from gateway.plugin import hookspecs
from gateway.plugin.connector import ConnectorSpec
from gateway.plugin.interface import describe
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.subject import Subject


def staged(subject: type[Subject], hook: str | None = None, name: str | None = None, lock: Path | None = None) -> Stage:
    """The connector that a subject speaks of. `hook` is the module that implements `renkei_connector`; None if that is
    the subject's own package. Raises Misconfigured with the reason, whatever the plugin did.
    """
    where = hook or subject.__module__.rpartition(".")[0] or subject.__module__
    try:
        module = importlib.import_module(where)
        spec = registered(module)
        return Stage(name or spec.interface.connector, module, spec, describe(spec.interface), subject, lock)
    except Misconfigured as wrong:
        raise Misconfigured(f"{where}: {each}" for each in wrong.problems) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also a cancellation, an exit, a skipped test of an author's own
        raise Misconfigured((f"{where}: loading it raised {type(error).__name__}",)) from error


def registered(module: ModuleType) -> ConnectorSpec:
    """What the module's hook returns. Raises Misconfigured if that is not one spec."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    manager.check_pending()
    specs = manager.hook.renkei_connector()
    if len(specs) != 1 or not isinstance(specs[0], ConnectorSpec):
        raise Misconfigured(("its hook renkei_connector does not return one ConnectorSpec",))
    return specs[0]


def sources(module: ModuleType) -> list[Path]:
    """The files of its code: the whole package in which it lies, or the one module."""
    top = sys.modules.get(module.__name__.partition(".")[0], module)
    file = Path(str(top.__file__ or module.__file__))
    return sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]


def readme(module: ModuleType) -> Path | None:
    """README.md of the package, or of the project that it lies in."""
    folder = Path(str(module.__file__)).parent
    above = [folder, *folder.parents]
    project = next((at for at, each in enumerate(above) if (each / "pyproject.toml").is_file()), 0)
    return next((each / "README.md" for each in above[: project + 1] if (each / "README.md").is_file()), None)


def imports(source: Path) -> Iterator[str]:
    """Every module that an import statement of the file names, wherever it stands."""
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            whole = node.module in ("gateway", "gateway.plugin")  # what it takes from them may be a module
            yield from (f"{node.module}.{each.name}" for each in node.names) if whole else (node.module,)
