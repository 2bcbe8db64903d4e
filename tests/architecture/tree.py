"""The repository as its own subject: its Python modules as syntax trees, and what they call and name."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


def paths(*folders: str) -> list[str]:
    """Each module below the folders, by its path from the root."""
    return [path.relative_to(ROOT).as_posix() for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@cache
def parsed(path: str) -> ast.Module:
    """The module at a path from the root."""
    return ast.parse((ROOT / path).read_bytes(), Path(path).name)


@cache
def modules(*folders: str) -> dict[str, ast.Module]:
    """Each module below the folders by its path from the root."""
    return {path: parsed(path) for path in paths(*folders)}


def local_names(tree: ast.Module, module: str, wanted: frozenset[str]) -> dict[str, str]:
    """What the wanted names of a module or package are called here: `from m import A as B` makes it {"B": "A"}."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and f"{node.module}.".startswith(f"{module}.")
        for alias in node.names
        if alias.name in wanted
    }


def imported(tree: ast.Module) -> Iterator[str]:
    """Every dotted name that an import statement names, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
