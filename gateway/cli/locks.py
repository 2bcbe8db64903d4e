"""Which interface a command is about: the lock, or what the installed plugin declares."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli.show import tell
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from gateway.plugin.contract import Contract


class Language(StrEnum):
    """Of headings and words; labels are Japanese as they are."""

    EN = "en"
    JA = "ja"


Connector = Annotated[str, typer.Argument(metavar="CONNECTOR", help="The connector's name, as in config/tenants/.")]
SomeConnector = Annotated[
    str | None, typer.Argument(metavar="CONNECTOR", help="The connector's name, as in config/tenants/.")
]
InLanguage = Annotated[Language, typer.Option("--language", help="The language of headings and rules.")]
Output = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Write there instead; what is there is replaced.")
]

_DEVICES: Final = (Path("/dev"), Path("/dev/fd"))
"""Where links are the system's own: /dev/stdout may lead to a file."""


def locked_names(root: Path) -> frozenset[str]:
    """The connectors that have a lock there."""
    return frozenset(each.stem for each in (root / "config/interfaces").glob("*.json"))


def locked(root: Path, connector: str) -> "Contract":
    """Its lock. Raises Misconfigured; where there is none, with the next step and the names that are locked."""
    from gateway.config import read_contract

    folder = root / "config/interfaces"
    if folder.is_dir() and not (folder / f"{connector}.json").exists():
        names = ", ".join(sorted(locked_names(root))) or "none"
        told = f"config/interfaces/{connector}.json: there is no lock of that name; locked: {names}"
        raise Misconfigured((told, f"if its plugin is installed, run: gateway interface lock {connector}"))
    return read_contract(root, connector)


def declared(connector: str) -> "Contract":
    """What the installed plugin declares. Raises Misconfigured, with the exception's own text: here it is code that is
    at work, no message, and the reader is who wrote it.
    """
    from gateway.edge.plugins import installed, load

    try:
        return load(connector, installed()).contract
    except Misconfigured as wrong:
        cause = wrong.__cause__
        if cause is None or isinstance(cause, Misconfigured):
            raise
        raise Misconfigured((*wrong.problems, f"{type(cause).__name__}: {cause}")) from None


def hand_out(text: str, to: Path | None) -> None:
    """Byte for byte, in UTF-8 whatever the terminal has: to stdout or into a file, which is then named on stderr.
    Raises Misconfigured if a link stands there: only a file that was named is replaced, but for those of a root, which
    may lie elsewhere (`keys.layout.replace_whole`). A folder may be a link, and so may a device, such as /dev/stdout.
    """
    if to is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
        return
    if to.is_symlink() and to.parent not in _DEVICES and (to.is_file() or not to.exists()):
        raise Misconfigured((f"{to}: is a symbolic link; name the file itself",))
    to.write_bytes(text.encode())
    tell(f"{to}: written", err=True)
