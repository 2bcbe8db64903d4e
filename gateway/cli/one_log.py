"""One tenant's log and the files of commands, found and opened, or why not in one sentence."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from gateway.tlog.note import Verifier

Log = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant whose log it is, or `system`.")]


@contextlib.contextmanager
def reading(root: Path, tenant: str) -> Iterator[sqlite3.Connection]:
    """The tenant's log, of a stopped or a running gateway. Raises Misconfigured."""
    from gateway.hub.journal.store import WrongStore, connect_reader, identify, wal_of

    path, _ = log_of(root, tenant)
    try:
        with contextlib.closing(connect_reader(path, at_rest=not wal_of(path).exists())) as connection:
            identify(connection)
            yield connection
    except (WrongStore, sqlite3.Error) as error:
        raise Misconfigured((f"{path.name}: {error}",)) from None


def log_of(root: Path, tenant: str) -> "tuple[Path, Verifier]":
    """The file and the public key of a tenant's log. Raises Misconfigured."""
    from gateway.config import read_gateway_file
    from gateway.keys.layout import TenantKeys, read_verifier

    configured = {path.stem for path in (root / "config/tenants").glob("*.toml")} | {"system"}
    if tenant not in configured:
        raise Misconfigured((f"{tenant}: is neither configured here nor `system`",))
    path = root / read_gateway_file(root).journal.directory / f"{tenant}.db"
    if not path.is_file():
        raise Misconfigured((f"{path}: does not exist: the gateway never started with it, or it is gone",))
    return path, read_verifier(TenantKeys(root, tenant).log_vkey)


def text_of(path: Path) -> str:
    """A file's text. Raises Misconfigured."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured((f"{path}: cannot be read ({type(error).__name__})",)) from None
