"""Every key file that the connectors under a root must have: whether the directory names its key, and what it is worth.

A private key is opened, compared with its public half, and let go.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.cli.show import tell
from gateway.config import read_connectors, read_gateway_file
from gateway.errors import Misconfigured
from gateway.keys.at_rest import Secret, read_ed25519, read_mlkem768, read_x25519
from gateway.keys.directory import Directory
from gateway.keys.layout import (
    KEM_MLKEM768,
    KEM_X25519,
    PUBLIC,
    SECRET,
    SIGNING,
    TenantKeys,
    read_public,
    read_text,
    read_verifier,
    tenants,
)

OPENS: Final = "opens"
THERE: Final = "is there"
"""Without the passphrase at hand, a file can only be looked for."""
_Private = Ed25519PrivateKey | MLKEM768PrivateKey | X25519PrivateKey
_READ: Final[Mapping[str, Callable[[Path, Secret], _Private]]] = MappingProxyType(
    {KEM_X25519: read_x25519, KEM_MLKEM768: read_mlkem768, SIGNING: read_ed25519, SECRET: read_ed25519}
)


def key_files(root: Path) -> Iterator[dict[str, Any]]:
    """A row for each file; `state` is OPENS, THERE, or what is wrong. Raises Misconfigured for a broken directory."""
    passphrase = _passphrase(root)
    configured = (path.stem for path in (root / "config/tenants").glob("*.toml"))
    for tenant in sorted({*tenants(root), *configured}):
        keys = TenantKeys(root, tenant)
        published = _published(keys)
        for name in sorted({*keys.connectors(), *read_connectors(root, tenant)}):
            for use, key_id, suite, file, public in _files(keys.connector(name)):
                path = keys.connector(name) / file
                yield {
                    "tenant": tenant,
                    "connector": name,
                    "use": use,
                    "id": key_id,
                    "suite": suite,
                    "file": str(path.relative_to(root)),
                    "in_directory": (name, key_id) in published if key_id else None,
                    "state": _state(path, public, passphrase),
                }


def _passphrase(root: Path) -> Secret | None:
    """What opens the keys, or None with a line that says why it is not at hand."""
    try:
        configured = (root / "config/gateway.toml").exists()
        secret = Secret.parse(read_gateway_file(root).passphrase if configured else "file:keys/passphrase", root)
        secret.read()
    except Misconfigured as wrong:
        for problem in wrong.problems:
            tell(f"keys are looked for, not opened: {problem}", err=True)
        return None
    return secret


def _published(keys: TenantKeys) -> set[tuple[str, str]]:
    """Connectors and ids of the keys that the tenant's directory names."""
    if not keys.directory.exists():
        return set()
    directory = Directory.parse(read_text(keys.directory), read_verifier(keys.root_vkey), keys.tenant)
    return {
        (name, key_id)
        for name, known in directory.connectors.items()
        for key_id in [each.id for each in known.kem] + [each.id for each in known.signing]
    }


def _files(folder: Path) -> Iterator[tuple[str | None, str | None, str | None, str, object]]:
    """Use, key id, suite, file and public half of each key that a connector's `public.json` asks for."""
    if not (folder / PUBLIC).exists():
        yield None, None, None, PUBLIC, None
        return
    public = read_public(folder)
    for kem in public.kem:
        yield "kem", kem.id, kem.suite.value, KEM_X25519, kem.x25519
        if kem.mlkem768 is not None:
            yield "kem", kem.id, kem.suite.value, KEM_MLKEM768, kem.mlkem768
    for signing in public.signing:
        yield "signing", signing.id, "Ed25519", SIGNING, signing.key
    yield "secret", None, None, SECRET, None


def _state(path: Path, public: object, passphrase: Secret | None) -> str:
    if not path.exists():
        return "missing"
    if passphrase is None:
        return THERE
    try:
        private = _READ[path.name](path, passphrase)
    except Misconfigured as wrong:
        return str(wrong).removeprefix(f"{path}: ")
    if public is not None and private.public_key() != public:
        return f"is not the key that {PUBLIC} names"
    return OPENS
