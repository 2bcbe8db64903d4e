"""`gateway keys add`: the keys of one more connector, and, where the trial authority is, certificates to try it with.

The rule: nothing that exists is ever overwritten, and what was begun and not finished is told, not mended: a key that
is in use nowhere may be deleted, and only people know that it is.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.show import Root, Tenant, next_command, stopped, tell
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.keys.at_rest import Secret
    from gateway.keys.layout import TenantKeys


def add(
    tenant: Tenant,
    connector: Annotated[str, typer.Argument(metavar="CONNECTOR", help="The name that its plugin declares.")],
    zone: Annotated[
        str, typer.Option("--zone", metavar="ZONE", help="Where its system lives, as in config/zones.toml.")
    ],
    root: Root = Path(),
    passphrase: Annotated[
        str | None,
        typer.Option(
            "--passphrase",
            metavar="REFERENCE",
            help="Of the new keys, never itself: file:PATH, env:NAME or systemd:NAME. [default: as configured]",
        ),
    ] = None,
) -> None:
    """Make the keys of one more connector.

    Run it where the connector's private keys shall lie. Where the tenant's root key lies too, as in a trial, a new
    directory that names them is signed at once. Where `gateway init` left its trial authority (keys/tls/ca.key), two
    certificates are made besides, the connector's and one for its system to serve with. Nothing that exists is ever
    overwritten, so it may be run again.
    """
    from gateway.cli.key_files import passphrase_reference
    from gateway.cli.process import expected
    from gateway.keys.at_rest import Secret
    from gateway.keys.layout import TenantKeys
    from gateway.keys.make import alone

    keys = TenantKeys(root, tenant)
    with stopped(), alone(keys):
        _belongs_here(root, tenant, connector, zone)
        secret = passphrase_reference(root) if passphrase is None else Secret.parse(passphrase, root)
        _trial_files(root, connector)
        _keys(keys, connector, zone, secret)
        _certificates(root, connector)
        signed = _directory(keys, connector)
        where, what = ("here", "the gateway") if expected(root) is None else ("in every root", "the hub and every edge")
        carry = (
            f"copy {keys.connector(connector) / 'public.json'} to the same place on the offline machine, which has the"
            f" root key; there: gateway keys publish {tenant}; put the new directory.note {where}"
        )
        enable = f"enable it {where}, in config/tenants/{tenant}.toml, with its settings and routes"
        restart = f"{next_command('check', root=root)}; then restart {what}"
        tell("Next:")
        for number, step in enumerate((enable, restart) if signed else (carry, enable, restart), 1):
            tell(f"  {number}. {step}")


def _belongs_here(root: Path, tenant: str, connector: str, zone: str) -> None:
    """Raises Misconfigured if the tenant or the zone is unknown here, or if the connector's edge is elsewhere."""
    from gateway.cli.process import expected
    from gateway.config import instead, read_zones
    from gateway.keys.layout import TenantKeys

    if not TenantKeys(root, tenant).folder.is_dir():
        place = TenantKeys(root, tenant).folder.absolute()
        raise Misconfigured((f"{place}: no keys are here; name the folder that holds keys/ with --root",))
    if zone not in (zones := read_zones(root)):
        raise Misconfigured((f"--zone: there is no such zone in config/zones.toml{instead(zone, zones)}",))
    here = expected(root)
    if here is not None and f"{tenant}/{connector}" not in here:
        told = "a connector's keys lie with its edge: name it in [link.hub] of that edge, and run this in that root"
        raise Misconfigured((f"config/gateway.toml: its [link] does not have {tenant}/{connector} here; {told}",))


def _trial_files(root: Path, connector: str) -> "Sequence[Path]":
    """Its certificates and its system's, with their keys. Raises Misconfigured if the gateway has that name for its own
    there, or if some are there and some are not: they are of somebody else, and so may stay.
    """
    from gateway.cli.init import TLS
    from gateway.keys.layout import read_text

    own = root / "config/gateway.toml"
    if connector == "ca" or (own.exists() and f"{TLS}/{connector}.crt" in read_text(own)):
        told = "is the trial authority's or, by config/gateway.toml, the gateway's own: name the connector otherwise"
        raise Misconfigured((f"{root / TLS / connector}.crt: {told}",))
    files = [root / TLS / f"{name}{end}" for name in (connector, f"{connector}_system") for end in (".crt", ".key")]
    there, absent = ([each.name for each in files if each.exists() is is_there] for is_there in (True, False))
    if there and absent:
        told = f"{', '.join(there)} there, {', '.join(absent)} missing: if these are somebody else's, name it otherwise"
        rest = "if they are left from a former attempt and nothing uses them, delete them, then run this again"
        raise Misconfigured((f"{root / TLS}: {told}; {rest}",))
    return files


def _keys(keys: "TenantKeys", connector: str, zone: str, secret: "Secret") -> None:
    from gateway.keys.layout import PUBLIC, read_directory, read_public
    from gateway.keys.make import make_connector

    folder = keys.connector(connector)
    if (folder / PUBLIC).exists():  # it is written last
        if (had := read_public(folder).zone) != zone:
            told = f"its keys are there already, for the zone {had}; if that is wrong, write the right one in this file"
            raise Misconfigured((f"{folder / PUBLIC}: {told}, then run this again",))
        tell(f"{folder}: its keys are there already")
        return
    if folder.exists() and any(each.suffix == ".pem" for each in folder.iterdir()):
        told = "was begun and not finished, and nothing of it is in use: delete it, then run this again"
        if keys.directory.exists() and connector in read_directory(keys).connectors:
            told = f"its keys are in use, but lack {PUBLIC}: put that back, or move all away, then run this again"
        raise Misconfigured((f"{folder}: {told}",))
    make_connector(keys, connector, zone, secret)
    tell(f"{folder}: its keys, made")


def _certificates(root: Path, connector: str) -> None:
    """The connector's and its system's, of the trial authority, if that is here. Raises Misconfigured."""
    from gateway.cli.init import TLS
    from gateway.cli.key_files import passphrase_reference
    from gateway.keys.certificates import Authority

    folder = root / TLS
    if not (folder / "ca.key").exists():
        tell(f"{folder}: the trial authority's key is not here; take certificates from your own authority")
        return
    if all(each.exists() for each in _trial_files(root, connector)):
        tell(f"{folder}: {connector}.crt and {connector}_system.crt are there already")
        return
    authority, now = Authority.read(folder, "ca", passphrase_reference(root)), datetime.now(UTC)
    authority.client(connector, now).write(folder, connector)
    authority.server(f"{connector}_system", now).write(folder, f"{connector}_system")
    tell(f"{folder}: trial certificates {connector}.crt, and {connector}_system.crt for its system, made")


def _directory(keys: "TenantKeys", connector: str) -> bool:
    """Whether the directory here names the keys: it is signed anew if the root key is here, and only if it must be."""
    from gateway.cli.key_files import passphrase_reference
    from gateway.keys.layout import read_directory, read_public
    from gateway.keys.make import publish

    had = read_directory(keys).connectors if keys.directory.exists() else {}
    if had.get(connector) == read_public(keys.connector(connector)):
        return True
    if not keys.root_key.exists():
        return False
    directory = publish(keys, passphrase_reference(keys.config_root), datetime.now(UTC))
    tell(f"{keys.directory}: version {directory.version}, {len(directory.connectors)} connectors")
    return True
