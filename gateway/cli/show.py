"""What a command prints: tables on a terminal, JSON for machines, and what stands in the way as sentences."""

import contextlib
import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.errors import GatewayError, Misconfigured

Root = Annotated[Path, typer.Option("--root", metavar="DIR", help="The folder that holds config/ and keys/.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead, for programs.")]


_STEERS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and line feed, what turns the direction of writing, and bytes that are no text."""


def _code(text: str) -> str:
    if not (len(text) == 6 and text.isascii() and text.isdigit()):
        raise typer.BadParameter("a tenant is a municipality code of 6 digits")
    return text


Tenant = Annotated[str, typer.Argument(callback=_code, metavar="TENANT", help="The municipality's 6-digit code.")]


def _log(text: str) -> str:
    return text if text == "system" else _code(text)


Log = Annotated[
    str, typer.Argument(callback=_log, metavar="TENANT", help="The municipality's 6-digit code, or `system`.")
]

As = Annotated[
    Path | None,
    typer.Option(
        "--as",
        metavar="FILE",
        help="Your personal certificate, its .key beside it. [default: that of an operator here]",
    ),
]
Terminal = Annotated[
    str | None,
    typer.Option("--terminal", metavar="ID", help="Where you sit; it stands in the fact. [default: this host's name]"),
]


def a_case(text: str | None) -> str | None:
    """The form that a case has everywhere."""
    from gateway.messages import staff_id

    if text is not None and not staff_id(text):
        raise typer.BadParameter("a case is 1 to 32 letters, digits and ._- with fewer than 12 digits together")
    return text


def read_input(file: Path) -> bytes:
    """A file's content; of `-`, what comes by stdin. Raises Misconfigured."""
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Misconfigured((f"{file}: cannot be read ({type(error).__name__})",)) from None


def ending(*examples: str, wrong: str = "") -> str:
    """What stands below a command's help: examples, and its exit statuses; `wrong` says when it is 1."""
    shown = "".join(f"  {each}\n" for each in examples)
    statuses = ("0 done", f"1 {wrong}" if wrong else "", "2 wrong usage or configuration, said on stderr")
    return f"\b\nExample:\n{shown}\n\b\nExit status:\n" + "\n".join(f"  {each}" for each in statuses if each)


def tell(line: str = "", *, err: bool = False) -> None:
    """One line to stdout or stderr, at once. What would steer the terminal, as the name of a file may, is escaped."""
    stream = sys.stderr if err else sys.stdout
    shown = _STEERS.sub(lambda found: found[0].encode("unicode_escape").decode(), line)
    stream.write(f"{shown}\n")
    stream.flush()


def machine(found: Any) -> None:
    """JSON for programs; in ASCII, so that it is whole wherever it goes."""
    tell(json.dumps(found, indent=1))


def machine_line(found: Any) -> None:
    """One of many, as JSON Lines have it; in ASCII, too."""
    tell(json.dumps(found))


def clock(at: str) -> str:
    """A time of the log as every command shows it to people: Japan's, with its offset. `--json` has it as the log does.

    What a proof or a cosignature says is quoted as it was signed.
    """
    from gateway.config import japanese_clock

    return japanese_clock(at)


def rows(found: Sequence[Mapping[str, Any]], *, empty: str = "nothing") -> None:
    """Equal rows for people: a table."""
    if not found:
        tell(empty)
        return
    from gateway.cli.table import draw

    draw(found)


def next_command(*words: object, root: Path, as_: Path | None = None, terminal: str | None = None) -> str:
    """The command that comes next, to be typed as it stands: as the same person, at the same place."""
    named = (("--as", as_), ("--terminal", terminal), ("--root", root if root != Path() else None))
    options = (each for name, value in named if value is not None for each in (name, value))
    return shlex.join(map(str, ("gateway", *words, *options)))


@contextlib.contextmanager
def stopped() -> Iterator[None]:
    """Whatever stands in the way of a command goes to stderr, a sentence a line; exit status 2 for a wrong
    configuration and for what may not be read, 1 for what was found wrong.
    """
    try:
        yield
    except BrokenPipeError:  # whoever reads what is printed has had enough
        raise
    except Misconfigured as wrong:
        for each in wrong.problems:
            tell(each, err=True)
        raise typer.Exit(2) from None
    except GatewayError as error:
        tell(f"{error} ({error.cause})" if error.cause else f"{error}", err=True)
        raise typer.Exit(1) from None
    except PermissionError as error:
        tell(f"{error.filename}: {error.strerror}; run this as the service's user", err=True)
        raise typer.Exit(2) from None
    except OSError as error:  # no such folder, a file where a folder should be, no room
        if error.strerror is None:
            raise
        tell(f"{error.filename}: {error.strerror}" if error.filename else error.strerror, err=True)
        raise typer.Exit(2) from None
