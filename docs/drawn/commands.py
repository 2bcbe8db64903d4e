"""`docs/reference/commands.md`: every command with its help, as the program itself knows it."""

import re
import textwrap
from collections.abc import Iterator
from typing import Any

import typer

from gateway.cli import commands

HEAD = """\
# Commands

<!-- Written by `make docs` from gateway/cli/; do not edit. -->

What `gateway COMMAND --help` says, of every command. Exit status of each: 0 done, 1 found wrong, 2 wrong usage or
configuration, 130 interrupted by Ctrl-C. What `--root`, `--as`, `--terminal` and `--case` mean is the same everywhere.
What to do with the commands is in the guides: [operate](../operate.md), and the pages beside it.

"""


BLOCK = "\b\n"
"""What tells the terminal to leave a paragraph's lines as they are."""


def tree() -> dict[str, Any]:
    """Every command and group by its path, `log search`; the whole program is ``. Values are click's commands."""
    return dict(_below("", typer.main.get_command(commands.app)))


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield path, command
    if hasattr(command, "list_commands"):
        context = command.make_context("gateway", [], resilient_parsing=True)
        for name in command.list_commands(context):
            yield from _below(f"{path} {name}".strip(), command.get_command(context, name))


def page() -> str:
    """An index of all commands, then each."""
    leaves = {path: each for path, each in tree().items() if not hasattr(each, "list_commands")}
    rows = "".join(f"| [`gateway {path}`](#{_anchor(path)}) | {_first(each)} |\n" for path, each in leaves.items())
    return f"{HEAD}| command | does |\n| --- | --- |\n{rows}" + "".join(_told(*each) for each in leaves.items())


def _anchor(path: str) -> str:
    return f"gateway {path}".replace(" ", "-")


def _first(command: Any) -> str:
    return re.split(r"\n\n|(?<=\.)\s", command.help)[0].replace("\n", " ").replace("|", r"\|")


def _told(path: str, command: Any) -> str:
    context = command.make_context(f"gateway {path}", [], resilient_parsing=True)
    text = f"\n## gateway {path}\n\n{_unwrapped(command.help)}\n\n```text\n{_usage(command, context)}\n```\n"
    if rows := "".join(_row(each, context) for each in command.params):
        text += f"\n| argument, option | means |\n| --- | --- |\n{rows}"
    if command.epilog:
        text += f"\n```text\n{textwrap.dedent(command.epilog.replace(BLOCK, '')).strip()}\n```\n"
    return text


def _usage(command: Any, context: Any) -> str:
    """`gateway log search [OPTIONS] TENANT`, whatever the width of the terminal."""
    return " ".join(command.get_usage(context).removeprefix("Usage:").replace("{", "").replace("}", "").split())


def _row(param: Any, context: Any) -> str:
    shown, told = (each.replace("|", "/").replace("\n", " ") for each in param.get_help_record(context) or ("", ""))
    return f"| `{shown}` | {' '.join(told.split())} |\n" if shown else ""


def _unwrapped(text: str) -> str:
    """Paragraphs as lines of their own; what begins with a mark keeps its form."""
    parts = (part.replace(BLOCK, "") for part in text.strip().split("\n\n"))
    return "\n\n".join(textwrap.fill(" ".join(part.split()), 118) for part in parts)
