"""`gateway init`: the starter configuration in a new root, with keys, a signed directory and trial certificates.

What it makes is for a trial on one machine: before production, take certificates from your own authority, put in place
the public keys of those who sign proofs and permits, and move `keys/<tenant>/root/root.pem` to a machine that is not
connected.
"""

import contextlib
import os
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gateway.config import not_a_municipality
from gateway.config.files import Word
from gateway.errors import Misconfigured
from gateway.keys.at_rest import Secret, make_directory, make_passphrase
from gateway.keys.certificates import Authority
from gateway.keys.inquiry import make_inquiry_key
from gateway.keys.issuer import make_issuer
from gateway.keys.layout import TenantKeys
from gateway.keys.make import make_connector, make_log, make_root, publish
from gateway.plugin.checks import municipality_code

EXAMPLE = "999997"
JWKS = "jwks.json"
JWK = ".jwk"
TLS = "keys/tls"
NAME = "renkei.example"
YOURS = "name is the example's; responsible, certificates and settings are your site's"
SYSTEMS = "start the systems that its connectors speak to, or their messages wait (README.md, the tour, has one to try)"


def make(root: Path, tenant: str, name: str, processes: Iterable[Mapping[str, Any]] = ()) -> Iterator[str]:
    """Make everything and say what was made. Raises Misconfigured; nothing that exists is ever overwritten.

    `processes` are the gateway.toml of a deployment in several: their certificates are made too.
    """
    root = root.resolve()
    if not municipality_code(tenant):
        raise Misconfigured((f"--tenant: {not_a_municipality(tenant)}",))
    with new_root(root, name):
        file = _copy_starter(root, tenant, name)
    yield f"{root}/config: a configuration for tenant {tenant}; edit it, it is yours"
    entry = tomllib.loads(file.read_text(encoding="utf-8"))
    passphrase = Secret.parse(_gateway(root)["passphrase"], root)
    make_passphrase(root / passphrase.place)
    now = datetime.now(UTC)
    keys = TenantKeys(root, tenant)
    make_root(keys, passphrase)
    for log in (keys, TenantKeys(root, "system")):
        make_log(log, passphrase, _gateway(root)["name"])
    for connector, settings in entry["connectors"].items():
        make_connector(keys, connector, settings["zone"], passphrase)
        _secrets(root, connector, settings.get("settings", {}))
    directory = publish(keys, passphrase, now)
    yield f"{keys.folder}: keys of {len(directory.connectors)} connectors, and their signed directory"
    yield f"{keys.root_key}: signs the directory; move it to a machine that is not connected"
    count = _certificates(root, [_gateway(root), *processes], entry, passphrase, now)
    yield f"{root}/keys/tls: {count} trial certificates of an authority of your own"
    yield from proofs(root, f"{keys.folder}/*")
    yield f"edit {file}: {YOURS}"
    yield SYSTEMS
    yield f"next: gateway check --root {root} && gateway run --root {root}"


@contextlib.contextmanager
def new_root(root: Path, name: str) -> Iterator[None]:
    """The folder, made, for its configuration to be written. Raises Misconfigured, also if that cannot be."""
    try:
        TypeAdapter(Word).validate_python(name)
    except ValidationError:
        raise Misconfigured(("--name: letters, digits and ._:/- only, such as a domain of your own",)) from None
    if (root / "config").exists() or (root / "keys").exists():
        raise Misconfigured((f"{root}: holds config/ or keys/ already; nothing was changed",))
    try:
        make_directory(root)
        yield
    except OSError as error:
        raise Misconfigured((f"{root}: cannot be made: {error.strerror}",)) from None
    except UnicodeDecodeError:
        raise Misconfigured((f"{root}: its name is not UTF-8, so that no configuration can name it",)) from None


def proofs(root: Path, places: str) -> Iterator[str]:
    """Whose keys sign proofs and permits, if a connector wants any: the trial's, until others are put in place."""
    if any((root / TLS).glob("*_issuer.key")):
        yield f"{root / TLS}/*_issuer.key: what signs proofs and permits in a trial; {places}/{JWKS} pin it"
        yield f"put the public keys of the real portal, eligibility side and network in the place of each {JWKS}"


def _copy_starter(root: Path, tenant: str, name: str) -> Path:
    with as_file(files("gateway.cli") / "starter") as starter:
        shutil.copytree(starter, root / "config", ignore=shutil.ignore_patterns("README*", "examples"))
    settings = root / "config/gateway.toml"
    text = settings.read_text(encoding="utf-8").replace(f'name = "{NAME}"', f'name = "{name}"', 1)
    settings.write_text(text, encoding="utf-8")
    example, file = (root / "config/tenants" / f"{code}.toml" for code in (EXAMPLE, tenant))
    text = example.read_text(encoding="utf-8").replace("@ROOT@", os.fsencode(root).decode()).replace(EXAMPLE, tenant)
    example.unlink()
    file.write_text(text, encoding="utf-8")
    (root / "exchange").mkdir(mode=0o700)
    return file


def _gateway(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "config/gateway.toml").read_text(encoding="utf-8"))


def _secrets(root: Path, connector: str, settings: Mapping[str, Any]) -> None:
    """What a connector's settings refer to as `file:PATH`: made up for the trial; its system's own, later.

    A `jwks.json` is who may sign what the connector is shown: the private key lies with those of the systems. What
    ends in `.jwk` opens what another network sealed for the connector's system.
    """
    for value in settings.values():
        if isinstance(value, str) and value.startswith("file:"):
            path = root / value.removeprefix("file:")
            if path.name == JWKS:
                make_issuer(root / TLS / f"{connector}_issuer.key", path)
            elif path.suffix == JWK:
                make_inquiry_key(path)
            else:
                make_passphrase(path)


def _certificates(
    root: Path, processes: Iterable[Mapping[str, Any]], tenant: Mapping[str, Any], passphrase: Secret, now: datetime
) -> int:
    """Every certificate that the configuration names, and one for the system of each connector, to serve with."""
    folder = root / TLS
    authority = Authority.make("Renkei trial authority", now)
    authority.issued.write(folder, "ca", passphrase)
    servers: set[str] = set()
    clients: set[str] = set()
    for file in processes:
        link = file.get("link", {})
        servers |= {each["certificate"] for each in (*file.get("listeners", ()), file["admin"])}
        servers |= {link["listen"]["certificate"]} if "listen" in link else set()
        clients |= {link["hub"]["certificate"]} if "hub" in link else set()
        clients |= set(file["admin"]["operators"].values())
    clients |= set(tenant.get("administrators", {}).values())
    for name, connector in tenant["connectors"].items():
        clients |= set(connector.get("certificates", ()))
        servers.add(f"keys/tls/{name}_system.crt")
        if "tls" in connector.get("settings", {}):
            clients.add(connector["settings"]["tls"]["certificate"])
    for path in sorted(servers):
        authority.server(Path(path).stem, now).write((root / path).parent, Path(path).stem)
    for path in sorted(clients):
        authority.client(Path(path).stem, now).write((root / path).parent, Path(path).stem)
    return len(servers) + len(clients)
