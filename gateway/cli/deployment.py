"""`gateway init --example`: a root for each process of an example deployment, with the keys that it needs and no more.

Everything is made in `offline/` first, and stays there: the root key, the authority, and every other private key.
"""

import shutil
import tomllib
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from gateway.cli.init import EXAMPLE, NAME, YOURS, make, proofs
from gateway.cli.systems import FOLDER, place_systems
from gateway.config import place_of
from gateway.errors import Misconfigured
from gateway.keys.at_rest import make_directory
from gateway.keys.layout import TenantKeys
from gateway.wiring.people import certificates_named

EXAMPLES = ("hub_and_edges", "edge_per_zone")


def make_example(root: Path, tenant: str, name: str, example: str) -> Iterator[str]:
    """Make every root and say what was made. Raises Misconfigured; nothing that exists is ever overwritten."""
    root = root.resolve()
    if example not in EXAMPLES:
        raise Misconfigured(
            (f"--example: there are {' and '.join(EXAMPLES)}; without it hub and edges are one process",)
        )
    with as_file(files("gateway.cli") / "starter" / "examples" / example) as folder:
        texts = {
            path.stem: path.read_text(encoding="utf-8").replace(f'"{NAME}"', f'"{name}"').replace(EXAMPLE, tenant)
            for path in sorted(folder.glob("*.toml"))
        }
    processes = {process: tomllib.loads(text) for process, text in texts.items()}
    offline = root / "offline"
    for _ in make(offline, tenant, name, processes.values()):
        pass
    for process, text in texts.items():
        _place(offline, root / process, tenant, text, processes[process])
        role = "hub" if "listen" in processes[process]["link"] else "edge"
        yield f"{root / process}: start it with: gateway {role} --root {root / process}"
    yield "each of these has the keys of its own connectors and its own certificates, and no others"
    place_systems(offline, root / FOLDER, EXAMPLE, tenant)
    yield f"{root / FOLDER}: what stands for the systems in a trial, ready to start"
    yield f"{offline}/keys: all private keys, the root key, the systems' and the trial authority's among them"
    yield from proofs(offline, f"keys/{tenant}/*")
    yield f"{offline}: then move it to a machine that is not connected; no process needs it"
    yield f"edit config/tenants/{tenant}.toml in each of them, the same but for the settings of connectors: {YOURS}"
    yield f"start the systems of {root / FOLDER}, or your own, or messages wait: docs/city-by-hand.md leads through it"
    yield f"next: gateway check --root {root / min(texts)}, and so for the others; then start each as above"


def _place(offline: Path, root: Path, tenant: str, text: str, process: dict[str, Any]) -> None:
    """One process's root: its configuration, and of the keys what its file names."""
    shutil.copytree(offline / "config", root / "config")
    (root / "config/gateway.toml").write_text(text, encoding="utf-8")
    file = root / "config/tenants" / f"{tenant}.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(f"{offline}/", f"{root}/"), encoding="utf-8")
    here, there = TenantKeys(offline, tenant), TenantKeys(root, tenant)
    _copy(offline, root, "keys/passphrase")
    for public in (here.directory, here.root_vkey):
        _copy(offline, root, str(public.relative_to(offline)))
    link = process["link"]
    if "listen" in link:
        for log in (here, TenantKeys(offline, "system")):
            for path in (log.log_key, log.log_vkey):
                _copy(offline, root, str(path.relative_to(offline)))
    connectors = [place_of(each)[1] for each in link.get("hub", {}).get("connectors", ())]
    for connector in connectors:
        shutil.copytree(here.connector(connector), there.connector(connector))
    entries = tomllib.loads(file.read_text(encoding="utf-8"))
    if any(f"{root}/exchange" in str(entries["connectors"][name].get("settings")) for name in connectors):
        (root / "exchange").mkdir(mode=0o700)
    _certificates(offline, root, process, connectors, entries)


def _certificates(
    offline: Path, root: Path, process: dict[str, Any], connectors: list[str], tenant: dict[str, Any]
) -> None:
    """Its own with their keys, the pinned ones without. The hub gets those of all machines: they are no person's."""
    link, admin = process["link"], process["admin"]
    own = {each["certificate"] for each in (*process.get("listeners", ()), admin)}
    own |= {link[side]["certificate"] for side in ("listen", "hub") if side in link}
    own |= set(admin["operators"].values())
    pinned = {file for each in link.get("edges", {}).values() for file in (each["certificate"], *each["listeners"])}
    if "listen" in link:
        pinned |= set(tenant.get("administrators", {}).values())
        for entry in tenant["connectors"].values():
            pinned |= {*entry.get("certificates", ())}
            pinned |= {file for _, file in certificates_named("", entry.get("settings", {}))}
    for name in connectors:
        entry = tenant["connectors"][name]
        pinned |= set(entry.get("certificates", ()))
        if "tls" in entry.get("settings", {}):
            own.add(entry["settings"]["tls"]["certificate"])
    _copy(offline, root, "keys/tls/ca.crt")
    for path in sorted(own | pinned):
        _copy(offline, root, path)
    for path in sorted(own):
        _copy(offline, root, str(Path(path).with_suffix(".key")))


def _copy(offline: Path, root: Path, path: str) -> None:
    make_directory((root / path).parent)
    shutil.copy2(offline / path, root / path)
