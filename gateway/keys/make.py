"""New keys on disk, and a new version of the directory. Only `gateway init`, `gateway keys` and the demo come here.

A key is never overwritten. Publishing needs the root's passphrase and the connectors' `public.json`, never an edge's
private key: the root can stay on a machine that sees nothing else.
"""

import os
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.errors import Misconfigured
from gateway.keys.at_rest import Secret, write_guarded, write_private
from gateway.keys.directory import ConnectorEntry, Directory, Suite, sign_directory
from gateway.keys.layout import (
    KEM_MLKEM768,
    KEM_X25519,
    PUBLIC,
    SECRET,
    SIGNING,
    TenantKeys,
    read_public,
    read_signer,
    read_text,
    read_verifier,
)
from gateway.keys.note import vkey
from gateway.keys.private import EdgeKeys, KemPrivate
from gateway.messages import stamp


def make_root(keys: TenantKeys, passphrase: Secret) -> None:
    """The tenant's key that signs the directory. Its `root.pem` belongs offline; every edge pins `root.vkey`."""
    _make_note_key(keys.root_key, keys.root_vkey, f"renkei/{keys.tenant}/directory", passphrase)


def make_log(keys: TenantKeys, passphrase: Secret, site: str = "renkei") -> None:
    """The key that signs the checkpoints of the tenant's log; its name, the log's origin, begins with the site's."""
    _make_note_key(keys.log_key, keys.log_vkey, f"{site}/{keys.tenant}/log", passphrase)


def make_connector(
    keys: TenantKeys, connector: str, zone: str, passphrase: Secret, suite: Suite = Suite.HYBRID
) -> EdgeKeys:
    """A connector's whole key set. Raises Misconfigured if a part of it exists."""
    folder = keys.connector(connector)
    mlkem768 = MLKEM768PrivateKey.generate() if suite is Suite.HYBRID else None
    kem = KemPrivate(suite, X25519PrivateKey.generate(), mlkem768)
    signing, secret = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    write_private(folder / KEM_X25519, kem.x25519, passphrase)
    if mlkem768 is not None:
        write_private(folder / KEM_MLKEM768, mlkem768, passphrase)
    write_private(folder / SIGNING, signing, passphrase)
    write_private(folder / SECRET, secret, passphrase)
    made = EdgeKeys(keys.tenant, connector, zone, (kem,), signing, secret.private_bytes_raw())
    text = ConnectorEntry.of(made.public).model_dump_json(indent=1, exclude_none=True)
    write_guarded(folder / PUBLIC, text.encode() + b"\n")
    return made


def publish(keys: TenantKeys, passphrase: Secret, now: datetime) -> Directory:
    """Sign the public keys of every connector as the next version of the directory, and put it in place.

    Raises Misconfigured naming the file that stands in the way; then the former directory is still in place.
    """
    root = read_verifier(keys.root_vkey)
    former = 0
    if keys.directory.exists():
        former = Directory.parse(read_text(keys.directory), root, keys.tenant).version
    directory = Directory(
        tenant=keys.tenant,
        version=former + 1,
        issued_at=stamp(now),
        log_vkey=read_text(keys.log_vkey).strip(),
        connectors={name: read_public(keys.connector(name)) for name in keys.connectors()},
    )
    note = sign_directory(directory, read_signer(keys.root_key, keys.root_vkey, passphrase))
    _replace(keys.directory, note.encode())
    return directory


def _make_note_key(private: Path, public: Path, name: str, passphrase: Secret) -> None:
    key = Ed25519PrivateKey.generate()
    write_private(private, key, passphrase)
    write_guarded(public, vkey(name, key.public_key()).encode() + b"\n")


def _replace(path: Path, content: bytes) -> None:
    """Put a public file in place whole, or not at all."""
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise Misconfigured((f"{path}: cannot be written: {error.strerror}",)) from None
