"""`gateway keys`: which keys there are, new ones beside the old, and a signed directory of their public halves."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import new_connector, use_stop
from gateway.cli.days import named_days
from gateway.cli.show import AsJson, Root, Tenant, ending, machine, next_command, read_input, rows, stopped, tell
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from gateway.keys.layout import TenantKeys

app = typer.Typer(no_args_is_help=True, help="Keys: add, rotate, retire, publish; person tags; use-stops.")
Connector = Annotated[str, typer.Argument(metavar="CONNECTOR", help="The connector's name, as in config/tenants/.")]


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
    its public half; the directory must name it. Of several the newest comes first; a former one opens and verifies what
    is left, and ends with `gateway keys retire`. --json has the suites and files too. Of an edge process these are
    the connectors that [link.hub] names; a hub has none.
    """
    from gateway.cli.key_files import OPENS, THERE, key_files
    from gateway.cli.process import expected

    with stopped():
        found = list(key_files(root))
        if not found and expected(root) == frozenset() and not as_json:
            tell("none expected here: its [link] is that of a hub, and connectors' keys lie with their edges")
            return
        if not found and expected(root) != frozenset():
            place = root.absolute()
            step = f"name the folder that holds keys/ with --root, or make a new one: gateway init {place}"
            raise Misconfigured((f"{place / 'keys'}: holds no connector's keys; {step}",))
        if as_json:
            machine(found)
        else:
            rows(
                [
                    {key: each[key] for key in ("tenant", "connector", "use", "id", "standing")}
                    | {"listed": each["in_directory"], "file": f"{Path(each['file']).name} {each['state']}"}
                    for each in found
                ]
            )
        if any(each["in_directory"] is False or each["state"] not in (OPENS, THERE) for each in found):
            raise typer.Exit(1)


app.command("add", epilog=ending("gateway keys add 999997 school_register --zone lgwan --root /var/lib/renkei"))(
    new_connector.add
)


@app.command(
    epilog=ending(
        "gateway keys rotate 999997 school_register",
        "gateway keys rotate 999997 school_register --passphrase file:/etc/renkei/passphrase",
    ),
)
def rotate(
    tenant: Tenant,
    connector: Connector,
    root: Root = Path(),
    passphrase: Annotated[
        str | None,
        typer.Option(
            "--passphrase",
            metavar="REFERENCE",
            help="Of the connector's keys, never itself: file:PATH, env:NAME or systemd:NAME. [default: as configured]",
        ),
    ] = None,
) -> None:
    """Make new keys for a connector, beside the old.

    Run it where the connector's private keys lie. Nothing is sealed to the new keys, nor signed with them, until a
    directory names them. secret.pem stays as it is.
    """
    from gateway.cli.key_files import passphrase_reference
    from gateway.cli.process import at_the_edge, expected
    from gateway.keys.at_rest import Secret
    from gateway.keys.layout import PUBLIC, TenantKeys
    from gateway.keys.make import alone
    from gateway.keys.make import rotate as make_new

    with stopped(), alone(TenantKeys(root, tenant)):
        secret = passphrase_reference(root) if passphrase is None else Secret.parse(passphrase, root)
        keys = _keys(root, tenant)
        at_the_edge(keys, connector)
        made = make_new(keys, connector, secret)
        tell(f"{keys.connector(connector) / PUBLIC}: newest kem {made.kem[0].id}, signing {made.signing[0].id}")
        tell("Next, in this order, so that nothing is refused on the way:")
        apart = expected(root) is not None
        tell(f"  1. reload the {'edge of this connector' if apart else 'gateway'}, so that it holds both")
        tell("  2. copy this public.json to the same place on the offline machine, which has the root key; there:")
        tell(f"     gateway keys publish {tenant}; put the new directory.note {'in every place' if apart else 'here'}")
        tell(f"  3. reload the {'hub, then every edge' if apart else 'gateway once more'}")
        retire_them = next_command("keys", "retire", tenant, connector, root=root)
        tell(f"  4. when nothing sealed to the former keys waits any more: {retire_them}")


@app.command(epilog=ending("gateway keys retire 999997 school_register"))
def retire(tenant: Tenant, connector: Connector, root: Root = Path()) -> None:
    """End all keys of a connector but the newest.

    They leave public.json, and it takes effect with the next directory: what is signed with them is refused then, and
    what is sealed to them and not delivered becomes a dead letter that its source must send anew.
    """
    from gateway.cli.process import at_the_edge, expected
    from gateway.keys.layout import TenantKeys
    from gateway.keys.make import alone
    from gateway.keys.make import retire as take_out

    with stopped(), alone(TenantKeys(root, tenant)):
        keys = _keys(root, tenant)
        at_the_edge(keys, connector)
        retired = take_out(keys, connector)
        if not retired:
            tell(f"{keys.connector(connector)}: has its newest keys only; nothing is retired")
            return
        tell(f"{keys.connector(connector)}: retired {', '.join(retired)}")
        tell("From the next directory on, what is signed with them is refused, and what is sealed to them is dead.")
        tell("Next: copy its public.json to the same place on the offline machine, which has the root key; there:")
        apart = expected(root) is not None
        then = "everywhere; reload the hub, then every edge" if apart else "here; reload the gateway"
        tell(f"gateway keys publish {tenant}; put directory.note {then}.")
        tell("Then no edge holds them any more: their .pem files can go, or be kept for what backups still hold.")


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
    connected: run this there, and carry keys/TENANT/directory.note back. A version that changes nothing is signed too,
    and said to be one.
    """
    from datetime import UTC, datetime

    from gateway.config import read_connectors
    from gateway.keys.at_rest import Secret
    from gateway.keys.layout import TenantKeys, read_directory
    from gateway.keys.make import alone, publish

    with stopped(), alone(TenantKeys(root, tenant)):
        keys = _keys(root, tenant)
        former = read_directory(keys) if keys.directory.exists() else None
        directory = publish(keys, Secret.parse(passphrase, root), datetime.now(UTC))
        for name in sorted(read_connectors(root, tenant) - directory.connectors.keys()):
            tell(f"connector {name} is enabled but has no keys here; make them: gateway keys add", err=True)
        tell(f"{keys.directory}: version {directory.version}, {len(directory.connectors)} connectors")
        if former is not None and (former.log_vkey, former.connectors) == (directory.log_vkey, directory.connectors):
            tell(
                f"Nothing has changed since version {former.version}. If a connector has new keys, copy its public.json"
            )
            tell(f"to the same place here, {keys.folder}/CONNECTOR, and publish again.")
        tell(f"To refuse any older one: directory_version = {directory.version} in config/tenants/{tenant}.toml")


@app.command(epilog=ending("gateway keys tags 999997 school_register person.json --since 2026-04-01 > tags.json"))
def tags(
    tenant: Tenant,
    connector: Connector,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help='One JSON object, such as {"internal_no": "..."}; - is stdin.')
    ],
    since: Annotated[
        datetime | None,
        typer.Option("--since", formats=["%Y-%m-%d"], metavar="DAY", help="The first day. [default: three years ago]"),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], metavar="DAY", help="[default: today]")
    ] = None,
    root: Root = Path(),
) -> None:
    """Print a person's tags in the log, for gateway log search.

    Run it where the connector's private keys lie; the file has the fields by which this connector's records name a
    person, and is read, never copied; docs/persons.md lists them, and {} as its content has this say which they are.
    One tag for each month, from the one before that of --since on, for what is recorded on its first days may have been
    made before: no other connector's records, and no other person, can be found by them, and nobody learns from them
    who it is. Still they are for whoever may ask about this person alone.
    Where other records of this connector name a person by another field, stderr says by which.
    """
    from datetime import UTC, timedelta

    from gateway.cli.process import at_the_edge
    from gateway.config import load
    from gateway.wiring.tagging import months_between, other_names, person_tags

    named_days(since, until)
    with stopped():
        at_the_edge(_keys(root, tenant), connector)
        config, today = load(root.resolve()), datetime.now(UTC)
        if tenant not in config.tenants:
            raise Misconfigured((f"{tenant}: is not configured here",))
        first = since or today - timedelta(days=3 * 366)
        # A message is recorded in the month after the one in which it was made, now and then; and days are Japan's.
        months = months_between((first.replace(day=1) - timedelta(days=1)).date(), (until or today).date())
        said = read_input(file)
        machine(person_tags(config, tenant, connector, said, months))
        if others := other_names(config, tenant, connector, said):
            told = ", ".join(f"{name} ({label})" if label else name for name, label in others.items())
            tell(f"other records of {connector} name a person by {told}, and are not found by these tags", err=True)
            tell("if you know the person by that, too, put it into the file beside the first", err=True)


_STOP = "999997 school_register person.json --case R8-0012 --as staff-0012.crt"
app.command("stop-use", epilog=ending(f"gateway keys stop-use {_STOP}", wrong="it was refused; the code says why"))(
    use_stop.stop_use
)
app.command("resume-use", epilog=ending(f"gateway keys resume-use {_STOP}", wrong="it was refused; the code says why"))(
    use_stop.resume_use
)
app.command("stopped", epilog=ending("gateway keys stopped 999997 school_register"))(use_stop.list_stopped)


def _keys(root: Path, tenant: str) -> "TenantKeys":
    """The tenant's keys. Raises Misconfigured if none are here."""
    from gateway.keys.layout import TenantKeys

    keys = TenantKeys(root, tenant)
    if not keys.folder.is_dir():
        place = keys.folder.absolute()
        raise Misconfigured((f"{place}: no keys are here; name the folder that holds keys/ with --root",))
    return keys
