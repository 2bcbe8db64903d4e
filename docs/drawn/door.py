"""`docs/reference/plugin.md`: the hook, and everything that `gateway.plugin` shows a plugin, as its source has it."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from gateway import interfaces, plugin
from gateway.plugin import hookspecs
from gateway.plugin.contract import ContractField

HEAD = """\
# Hooks and the door

<!-- Written by `make docs` from gateway/plugin/; do not edit. -->

A plugin is a package with an entry point in the group `gateway.connectors`; it imports `gateway.plugin` and nothing
behind it. This is all that stands there, as it is declared. How it fits together, with a whole example, is on
[write a connector](../write-a-connector.md).

## The hook

"""
MEANING = {
    "CODES": "Every stable code with its HTTP status and sentence: the [error codes](../errors.md).",
    "ClaimName": "The name of a claim, from a closed list: see *claim* in the [glossary](../glossary.md).",
    "Final": "How a record ended: `Accepted`, `Duplicate`, `RefusedRecord` or `Dead`. What `Connector.settled` hears.",
    "JsonValue": "pydantic's type of any JSON value.",
    "Outcome": "What `Connector.deliver` may answer for a record: `Accepted`, `Duplicate`, `RefusedRecord` or"
    " `DeferredRecord`.",
    "hookimpl": "The decorator of the function that implements the hook.",
}
"""What is neither class nor module, and so cannot say itself what it is."""


def page() -> str:
    """The hook, then each name of the door."""
    hooks = {name: value for name, value in vars(hookspecs).items() if hasattr(value, f"{hookspecs.PROJECT}_spec")}
    shown = "\n".join(f"### {name}\n\n{_doc(hook)}\n{_code(*_source(hook))}" for name, hook in hooks.items())
    return f"{HEAD}{shown}\n## What a plugin may use\n" + "".join(
        f"\n{_named(name)}" for name in sorted(plugin.__all__)
    )


def _named(name: str) -> str:
    value = getattr(plugin, name)
    if name in MEANING:
        return f"### {name}\n\n{MEANING[name]}\n"
    if value is plugin.fields:
        return f"### {name}\n\n{_doc(value)}\n{_code(*_source(value.Item))}\n{_catalogue(value)}"
    if value is plugin.checks:
        return f"### {name}\n\n{_doc(value)}\n{_checks()}\n{_code(*_functions(value))}"
    return f"### {name}\n\n{_doc(value)}\n{_code(*_source(value))}"


def _catalogue(module: ModuleType) -> str:
    """Each alias with its item, by the alias's name."""
    rows = ["| type it as | field | label | data class | type | rules |", "| --- | --- | --- | --- | --- | --- |"]
    for alias, kind in sorted(vars(module).items()):
        if not alias.startswith("_") and (items := getattr(kind, "__metadata__", ())):
            (row,) = interfaces.rows((ContractField.of(items[0].name, items[0], required=True),), "en")
            told = [value.replace("|", r"\|") for head, value in row.items() if head != "required"]
            rows.append(f"| `{alias}` | " + " | ".join([f"`{told[0]}`", *told[1:]]) + " |")
    return "\n".join(rows) + "\n"


def _checks() -> str:
    """What an item may ask for by name."""
    rows = [f"| `{name}` | `{each.holds.__name__}` | `{each.code}` |" for name, each in plugin.checks.CHECKS.items()]
    return "\n".join(("| `check=` | holds where | else refused as |", "| --- | --- | --- |", *rows)) + "\n"


def _functions(module: ModuleType) -> Iterator[str]:
    """A module's public functions."""
    for name, value in vars(module).items():
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_"):
            yield from (*_source(value, documented=True), "", "")


def _source(value: Any, *, documented: bool = False) -> Iterator[str]:
    """A class or function as it is declared, without what is its own affair: private names and bodies."""
    text = textwrap.dedent(inspect.getsource(value))
    lines = text.splitlines()
    (node,) = ast.parse(text).body
    if isinstance(node, ast.ClassDef):
        told = [line for each in node.body for line in _member(each, lines, node)]
        *before, head = _head(node, lines)
        yield from (*before, head, *told[told[0] == "" :]) if told else (*before, f"{head} ...")
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from _function(node, lines, documented=documented)


def _member(node: ast.stmt, lines: list[str], parent: ast.ClassDef) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [] if node.name.startswith("_") else ["", *_function(node, lines, documented=True)]
    if isinstance(node, ast.Expr) and node is parent.body[0]:
        return []
    if isinstance(node, ast.AnnAssign | ast.Assign | ast.Expr):
        return lines[node.lineno - 1 : node.end_lineno]
    return []


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str], *, documented: bool) -> Iterator[str]:
    first = node.body[0]
    if first.lineno == node.lineno:  # all on one line, as a protocol has it
        yield lines[node.lineno - 1].partition("  #")[0]
        return
    *before, head = _head(node, lines)
    told = lines[first.lineno - 1 : first.end_lineno] if documented and ast.get_docstring(node) else []
    yield from (*before, head, *told, f"{' ' * (node.col_offset + 4)}...") if told else (*before, f"{head} ...")


def _head(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> list[str]:
    begins = min((each.lineno for each in node.decorator_list), default=node.lineno)
    return [line.partition("  #")[0] for line in lines[begins - 1 : node.body[0].lineno - 1]]


def _code(*lines: str) -> str:
    return f"```python\n{chr(10).join(lines).strip()}\n```\n"


def _doc(value: Any) -> str:
    return f"{inspect.cleandoc(value.__doc__)}\n" if value.__doc__ else ""
