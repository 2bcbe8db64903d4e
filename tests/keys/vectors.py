"""Reads tests/vectors: the cases as dictionaries, the test keys as key objects."""

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.keys.directory import Suite
from gateway.keys.private import EdgeKeys, KemPrivate

VECTORS = Path(__file__).parent.parent / "vectors"
KEYS: dict[str, Any] = json.loads((VECTORS / "keys.json").read_text())


def cases(folder: str) -> dict[str, dict[str, str]]:
    """Every case of a folder by its name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((VECTORS / folder).glob("*.json"))}


def edge(connector: str) -> EdgeKeys:
    """The test keys of a connector."""
    raw = {name: value for name, value in KEYS["connectors"][connector].items() if name != "public"}
    suite = Suite(raw["suite"])
    kem = KemPrivate(
        suite,
        X25519PrivateKey.from_private_bytes(bytes.fromhex(raw["x25519"])),
        MLKEM768PrivateKey.from_seed_bytes(bytes.fromhex(raw["mlkem768"])) if suite is Suite.HYBRID else None,
    )
    signing = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(raw["ed25519"]))
    return EdgeKeys("999997", connector, raw["zone"], (kem,), (signing,), bytes.fromhex(raw["secret"]))
