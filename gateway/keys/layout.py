"""Where each key lies under `keys/`, and the small public files there.

    keys/<tenant>/root/root.pem, root.vkey        the tenant's key that signs the directory; belongs offline
    keys/<tenant>/log/log.pem, log.vkey           the hub's key that signs checkpoints
    keys/<tenant>/<connector>/…                   one edge's own: KEM halves, signing keys, secret, public.json
    keys/<tenant>/directory.note                  the signed directory
    keys/witness/witness.pem, witness.vkey        of a witness, under a root of its own: the key that cosigns

`secret.pem` holds the connector's symmetric secret as the 32-byte seed of an Ed25519 key that never signs: so all that
is private is encrypted in one standard form, which one `openssl pkey` command shows or moves to a new passphrase. The
files of a key pair carry its id, so that a new pair lies beside the old one; `public.json` says which is the newest.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import Misconfigured
from gateway.keys.at_rest import Secret, read_ed25519
from gateway.keys.directory import ConnectorEntry, ConnectorKeys, Directory
from gateway.plugin.contract import NAME
from gateway.tlog.cosignature import Cosigner
from gateway.tlog.note import COSIGNATURE, ED25519, NoteError, Signer, Verifier

SECRET: Final = "secret.pem"  # noqa: S105 (a file name)
PUBLIC: Final = "public.json"
_OF_THE_TENANT: Final = frozenset({"root", "log"})


@dataclass(frozen=True, slots=True)
class TenantKeys:
    """The paths of one tenant's keys under the configuration's root. `system` is a tenant with a log only."""

    config_root: Path
    tenant: str

    @property
    def folder(self) -> Path:
        return self.config_root / "keys" / self.tenant

    @property
    def directory(self) -> Path:
        return self.folder / "directory.note"

    @property
    def root_key(self) -> Path:
        return self.folder / "root" / "root.pem"

    @property
    def root_vkey(self) -> Path:
        return self.folder / "root" / "root.vkey"

    @property
    def log_key(self) -> Path:
        return self.folder / "log" / "log.pem"

    @property
    def log_vkey(self) -> Path:
        return self.folder / "log" / "log.vkey"

    def connector(self, name: str) -> Path:
        """The folder of one connector's keys. Raises Misconfigured if the name is not a connector's."""
        if not re.fullmatch(NAME, name) or name in _OF_THE_TENANT:
            raise Misconfigured((f"{self.folder}: a connector's name is lower-case letters, digits and _",))
        return self.folder / name

    def connectors(self) -> Iterator[str]:
        """The connectors that have public keys here, in order."""
        return iter(sorted(each.parent.name for each in self.folder.glob(f"*/{PUBLIC}")))


@dataclass(frozen=True, slots=True)
class WitnessKeys:
    """The paths of a witness's key under its configuration's root."""

    config_root: Path

    @property
    def private(self) -> Path:
        return self.config_root / "keys" / "witness" / "witness.pem"

    @property
    def vkey(self) -> Path:
        return self.config_root / "keys" / "witness" / "witness.vkey"


def x25519_file(key_id: str) -> str:
    """The file of one half of a KEM key."""
    return f"kem-{key_id}-x25519.pem"


def mlkem768_file(key_id: str) -> str:
    """The file of its other half, if it is a hybrid."""
    return f"kem-{key_id}-mlkem768.pem"


def signing_file(key_id: str) -> str:
    """The file of a signing key."""
    return f"signing-{key_id}.pem"


def tenants(config_root: Path) -> list[str]:
    """Every tenant with keys under the root, in order."""
    return sorted(each.name for each in (config_root / "keys").glob("*/"))


def read_public(folder: Path) -> ConnectorKeys:
    """The public keys of a connector's folder. Raises Misconfigured naming the file."""
    path = folder / PUBLIC
    if not path.exists():
        anew = f"gateway keys add {folder.parent.name} {folder.name} --zone ZONE"
        raise Misconfigured((f"{path}: is missing; put its folder back, or if it is lost, make new keys: {anew}",))
    try:
        entry = ConnectorEntry.model_validate_json(read_text(path))
    except ValueError:
        raise Misconfigured((f"{path}: is not a list of public keys",)) from None
    return entry.keys(str(path))


def read_directory(keys: TenantKeys) -> Directory:
    """The tenant's directory as it lies here, signed by its root key. Raises Misconfigured naming the file."""
    return Directory.parse(read_text(keys.directory), read_verifier(keys.root_vkey), keys.tenant)


def read_verifier(path: Path, *, type: int = ED25519) -> Verifier:  # noqa: A002  (the specification's word)
    """A public note key (vkey) of that type from its file. Raises Misconfigured naming the file."""
    try:
        return Verifier.parse(read_text(path).strip(), type=type)
    except NoteError:
        of = "a witness's public key (vkey of type 4)" if type == COSIGNATURE else "a public note key (vkey)"
        raise Misconfigured((f"{path}: is not {of}",)) from None


def read_signer(private: Path, public: Path, passphrase: Secret) -> Signer:
    """The note key of the root or of a log. Raises Misconfigured naming the file, also if the halves do not fit."""
    return Signer(*_read_pair(private, public, passphrase, ED25519))


def read_cosigner(keys: WitnessKeys, passphrase: Secret) -> Cosigner:
    """The key of a witness, likewise."""
    return Cosigner(*_read_pair(keys.private, keys.vkey, passphrase, COSIGNATURE))


def _read_pair(private: Path, public: Path, passphrase: Secret, type_: int) -> tuple[str, Ed25519PrivateKey]:
    key = read_ed25519(private, passphrase)
    verifier = read_verifier(public, type=type_)
    if verifier.public_key != key.public_key():
        raise Misconfigured((f"{private}: is not the private key of {public}",))
    return verifier.name, key


def read_text(path: Path) -> str:
    """A public text file. Raises Misconfigured naming the file."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise Misconfigured((f"{path}: cannot be read: {reason}",)) from None


def replace_whole(path: Path, content: bytes) -> None:
    """Put a public file in place whole, or not at all; where a link stands, what it leads to. Raises Misconfigured."""
    there = Path(os.path.realpath(path))
    fresh = there.with_name(f".{there.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if there.exists():
            shutil.copymode(there, fresh)
        fresh.replace(there)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise Misconfigured((f"{path}: cannot be written: {error.strerror}",)) from None


def log_verifier(root: Path, tenant: str) -> Verifier:
    """The key by which the checkpoints of the tenant's log are known."""
    return read_verifier(TenantKeys(root, tenant).log_vkey)
