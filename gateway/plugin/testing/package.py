"""A connector's package as it lies there: its modules, its readme, its lock; and how it is loaded."""

import ast
import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType
from typing import Final

from gateway.errors import Misconfigured
from gateway.plugin.failed import told
from gateway.plugin.interface import describe
from gateway.plugin.testing.fresh import registered
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.subject import Subject

_IMPORTERS: Final = ("__import__", "import_module", "resolve_name", "run_module")


def staged(subject: type[Subject], hook: str | None = None, name: str | None = None, lock: Path | None = None) -> Stage:
    """The connector that a subject speaks of. `hook` is the module that implements `renkei_connector`; None if that is
    the subject's own package. Raises Misconfigured with the reason, whatever the plugin did.
    """
    where = hook or subject.__module__.rpartition(".")[0] or subject.__module__
    with loading(where, where):
        module = importlib.import_module(where)
        spec = registered(module)
        return Stage(name or spec.interface.connector, module, spec, describe(spec.interface), subject, lock)


@contextlib.contextmanager
def loading(where: str, *modules: str) -> Iterator[None]:
    """Whatever code of an author's own raises in here is told of `where`, as Misconfigured. See `failed.told`."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also a cancellation, an exit, a skipped test of an author's own
        raise Misconfigured(f"{where}: {each}" for each in told("loading it", error, *modules)) from error


def sources(module: ModuleType) -> list[Path]:
    """The files of its code."""
    return sorted(each for root in roots(module) for each in _files(root))


def own_root(module: ModuleType) -> Path:
    """The folder of the whole package in which it lies, or the file of the one module."""
    top = sys.modules.get(module.__name__.partition(".")[0], module)
    file = Path(str(top.__file__ or module.__file__))
    return file.parent if file.name == "__init__.py" else file


def roots(module: ModuleType) -> list[Path]:
    """The package's, and whatever beside it their code imports, unless another distribution brings it: libraries lie
    beside what is installed.
    """
    own = own_root(module)
    found, others = [own], _others(own)
    for root in found:  # which grows meanwhile
        tops = {name.partition(".")[0] for source in _files(root) for name in imports(source)} - others
        beside = (
            own.with_name(f"{name}{end}") for name in sorted(filter(str.isidentifier, tops)) for end in ("", ".py")
        )
        found += [each for each in beside if each not in found and _files(each)]
    return found


def _files(root: Path) -> list[Path]:
    return [*root.rglob("*.py")] if root.is_dir() else [root] * root.is_file()


def _others(own: Path) -> set[str]:
    """The gateway, and what else lies in that folder by a distribution that does not bring `own`."""
    brought = [
        {file.parts[0].removesuffix(".py") for file in each.files or ()}
        for each in distributions(path=[str(own.parent)])
    ]
    return {"gateway"}.union(*(names for names in brought if own.stem not in names))


def readme(module: ModuleType) -> Path | None:
    """README.md of the package, or of the project that it lies in."""
    folder = Path(str(module.__file__)).parent
    above = [folder, *folder.parents]
    project = next((at for at, each in enumerate(above) if (each / "pyproject.toml").is_file()), 0)
    return next((each / "README.md" for each in above[: project + 1] if (each / "README.md").is_file()), None)


def imports(source: Path) -> Iterator[str]:
    """Every module that an import statement of the file names, wherever it stands, or a call that imports by a name."""
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            whole = node.module in ("gateway", "gateway.plugin")  # what it takes from them may be a module
            yield from (f"{node.module}.{each.name}" for each in node.names) if whole else (node.module,)
        elif isinstance(node, ast.Call):
            yield from _called(node)


def _called(call: ast.Call) -> Iterator[str]:
    """What `importlib.import_module("a.b")` and the like name, where that is written out."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function not in _IMPORTERS:
        return
    given = [*call.args, *(each.value for each in call.keywords)]
    name, *package = [
        each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ] or [""]
    with contextlib.suppress(ImportError):  # further up than there is
        yield importlib.util.resolve_name(name, package[0] if package else None)
