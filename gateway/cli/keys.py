"""`gateway keys`: which keys there are, and a new signed directory of their public halves."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.show import AsJson, Root, Tenant, ending, machine, rows, stopped, tell
from gateway.errors import Misconfigured

app = typer.Typer(no_args_is_help=True, help="List keys, and publish their signed directory.")


@app.command(
    "list",
    epilog=ending(
        "gateway keys list --root /var/lib/renkei",
        wrong="a connector has no keys, a file is missing or does not open, or the directory does not name a key",
    ),
)
def list_keys(root: Root = Path(), as_json: AsJson = False) -> None:
    """List every connector's key files, and whether they are sound.

    Each private key is opened with the passphrase of config/gateway.toml, if that is at hand here, and compared with
    its public half; the directory must name it. --json has the suites and files too.
    """
    from gateway.cli.key_files import OPENS, THERE, key_files

    with stopped():
        found = list(key_files(root))
        if not found:
            place = root.absolute()
            step = f"name the folder that holds keys/ with --root, or make a new one: gateway init {place}"
            raise Misconfigured((f"{place / 'keys'}: holds no connector's keys; {step}",))
        if as_json:
            machine(found)
        else:
            rows(
                [
                    {key: each[key] for key in ("tenant", "connector", "use", "id")}
                    | {"listed": each["in_directory"], "file": f"{Path(each['file']).name} {each['state']}"}
                    for each in found
                ]
            )
        if any(each["in_directory"] is False or each["state"] not in (OPENS, THERE) for each in found):
            raise typer.Exit(1)


@app.command(
    "publish",
    epilog=ending(
        "gateway keys publish 999997",
        "gateway keys publish 999997 --root /media/offline --passphrase file:/media/offline/passphrase",
    ),
)
def publish_directory(
    tenant: Tenant,
    root: Root = Path(),
    passphrase: Annotated[
        str,
        typer.Option(
            "--passphrase",
            metavar="REFERENCE",
            help="Of the tenant's root key, never itself: file:PATH, env:NAME or systemd:NAME.",
        ),
    ] = "file:keys/passphrase",  # noqa: S107 (a reference)
) -> None:
    """Sign the connectors' public keys as a new directory.

    It becomes the directory's next version, signed with the tenant's root key, which belongs on a machine that is not
    connected: run this there, and carry keys/TENANT/directory.note back.
    """
    from datetime import UTC, datetime

    from gateway.config import read_connectors
    from gateway.keys.at_rest import Secret
    from gateway.keys.layout import TenantKeys
    from gateway.keys.make import publish

    with stopped():
        keys = TenantKeys(root, tenant)
        if not keys.folder.is_dir():
            place = keys.folder.absolute()
            raise Misconfigured((f"{place}: no keys are here; name the folder that holds keys/ with --root",))
        directory = publish(keys, Secret.parse(passphrase, root), datetime.now(UTC))
        for name in sorted(read_connectors(root, tenant) - directory.connectors.keys()):
            tell(f"connector {name} is enabled but has no keys here; see docs/write-a-connector.md", err=True)
        tell(f"{keys.directory}: version {directory.version}, {len(directory.connectors)} connectors")
        tell(f"To refuse any older one: directory_version = {directory.version} in config/tenants/{tenant}.toml")
