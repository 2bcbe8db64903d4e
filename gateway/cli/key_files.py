"""Every key file that the connectors under a root must have: whether the directory names its key, and what it is worth.

A private key is opened, compared with its public half, and let go.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.cli.process import expected
from gateway.cli.show import tell
from gateway.config import read_connectors, read_gateway_file
from gateway.errors import Misconfigured
from gateway.keys.at_rest import Secret, read_ed25519, read_mlkem768, read_x25519
from gateway.keys.directory import ConnectorKeys, KemPublic, SigningPublic
from gateway.keys.layout import (
    PUBLIC,
    SECRET,
    TenantKeys,
    mlkem768_file,
    read_directory,
    read_public,
    signing_file,
    tenants,
    x25519_file,
)

OPENS: Final = "opens"
THERE: Final = "is there"
"""Without the passphrase at hand, a file can only be looked for."""
_Private = Ed25519PrivateKey | MLKEM768PrivateKey | X25519PrivateKey


def key_files(root: Path) -> Iterator[dict[str, Any]]:
    """A row for each file of the connectors that belong here; `state` is OPENS, THERE, or what is wrong, `standing` is
    newest, former, or retired: named by the directory only. Raises Misconfigured for a broken directory.
    """
    here = expected(root)
    if here == frozenset():
        return
    passphrase = _passphrase(root)
    configured = (path.stem for path in (root / "config/tenants").glob("*.toml"))
    for tenant in sorted({*tenants(root), *configured}):
        keys = TenantKeys(root, tenant)
        published = _published(keys)
        for name in sorted({*keys.connectors(), *read_connectors(root, tenant)}):
            if here is not None and f"{tenant}/{name}" not in here:
                continue
            folder = keys.connector(name)
            for each in _files(folder, published.get(name)):
                path = folder / each.file
                yield {
                    "tenant": tenant,
                    "connector": name,
                    "use": each.use,
                    "id": each.key_id,
                    "suite": each.suite,
                    "standing": each.standing,
                    "file": str(path.relative_to(root)),
                    "in_directory": each.in_directory,
                    "state": _state(path, each, passphrase),
                }


def passphrase_reference(root: Path) -> Secret:
    """What opens the keys under a root: as its configuration says, or where `gateway init` puts it."""
    configured = (root / "config/gateway.toml").exists()
    return Secret.parse(read_gateway_file(root).passphrase if configured else "file:keys/passphrase", root)


def _passphrase(root: Path) -> Secret | None:
    """It, or None with a line that says why it is not at hand."""
    try:
        secret = passphrase_reference(root)
        secret.read()
    except Misconfigured as wrong:
        for problem in wrong.problems:
            tell(f"keys are looked for, not opened: {problem}", err=True)
        return None
    return secret


def _published(keys: TenantKeys) -> Mapping[str, ConnectorKeys]:
    """What the tenant's directory names."""
    if not keys.directory.exists():
        return {}
    return read_directory(keys).connectors


@dataclass(frozen=True, slots=True)
class _File:
    file: str
    use: str | None = None
    key_id: str | None = None
    suite: str | None = None
    standing: str | None = None
    in_directory: bool | None = None
    public: object = None
    read: Callable[[Path, Secret], _Private] | None = None


def _files(folder: Path, published: ConnectorKeys | None) -> Iterator[_File]:
    """Each file that `public.json` asks for, and the directory besides."""
    if not (folder / PUBLIC).exists():
        yield _File(PUBLIC)
        return
    listed = read_public(folder)
    for kem, standing, named in _standing(listed.kem, published.kem if published else ()):
        at = ("kem", kem.id, kem.suite.value, standing, named)
        yield _File(x25519_file(kem.id), *at, kem.x25519, read_x25519)
        if kem.mlkem768 is not None:
            yield _File(mlkem768_file(kem.id), *at, kem.mlkem768, read_mlkem768)
    for signing, standing, named in _standing(listed.signing, published.signing if published else ()):
        at = ("signing", signing.id, "Ed25519", standing, named)
        yield _File(signing_file(signing.id), *at, signing.key, read_ed25519)
    yield _File(SECRET, "secret", read=read_ed25519)


_Public = TypeVar("_Public", KemPublic, SigningPublic)


def _standing(listed: Sequence[_Public], published: Sequence[_Public]) -> Iterator[tuple[_Public, str, bool]]:
    """Each key, how it stands, and whether the directory names it."""
    named = {each.id for each in published}
    for each in listed:
        yield each, "newest" if each is listed[0] else "former", each.id in named
    kept = {each.id for each in listed}
    for each in published:
        if each.id not in kept:
            yield each, "retired", True


def _state(path: Path, file: _File, passphrase: Secret | None) -> str:
    if not path.exists():
        return "missing"
    if passphrase is None or file.read is None:
        return THERE
    try:
        private = file.read(path, passphrase)
    except Misconfigured as wrong:
        return str(wrong).removeprefix(f"{path}: ")
    if file.public is not None and private.public_key() != file.public:
        return "is not the key that its name says"
    return OPENS
