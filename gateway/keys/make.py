"""New keys on disk, and a new version of the directory. Only `gateway init`, `gateway keys` and the demo come here.

A key is never overwritten. Publishing needs the root's passphrase and the connectors' `public.json`, never an edge's
private key: the root can stay on a machine that sees nothing else.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.errors import Misconfigured
from gateway.keys.at_rest import Secret, write_guarded, write_private
from gateway.keys.directory import ConnectorEntry, ConnectorKeys, Directory, SigningPublic, Suite, sign_directory
from gateway.keys.layout import (
    PUBLIC,
    SECRET,
    TenantKeys,
    WitnessKeys,
    mlkem768_file,
    read_directory,
    read_public,
    read_signer,
    read_text,
    read_verifier,
    replace_whole,
    signing_file,
    x25519_file,
)
from gateway.keys.private import EdgeKeys, KemPrivate
from gateway.messages import stamp
from gateway.tlog.note import COSIGNATURE, ED25519, Verifier


@contextlib.contextmanager
def alone(keys: TenantKeys) -> Iterator[None]:
    """Whoever else makes keys or a directory of the tenant waits meanwhile, at the longest until this process ends.

    Two at once would sign one version of the directory twice, with other keys.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # no such folder, as is told elsewhere; or a file system without such locks
            folder = os.open(keys.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            held.callback(os.close, folder)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield


def make_root(keys: TenantKeys, passphrase: Secret) -> None:
    """The tenant's key that signs the directory. Its `root.pem` belongs offline; every edge pins `root.vkey`."""
    _make_note_key(keys.root_key, keys.root_vkey, f"renkei/{keys.tenant}/directory", passphrase)


def make_log(keys: TenantKeys, passphrase: Secret, site: str = "renkei") -> None:
    """The key that signs the checkpoints of the tenant's log; its name, the log's origin, begins with the site's."""
    _make_note_key(keys.log_key, keys.log_vkey, f"{site}/{keys.tenant}/log", passphrase)


def rename_log(keys: TenantKeys, name: str) -> None:
    """The key of the tenant's log goes by this name from now on. Its former public half stays beside it: whoever has
    proofs of the former log checks them by that.
    """
    former = read_verifier(keys.log_vkey)
    kept = keys.log_vkey.with_name(f"{former.name.rpartition('/')[2]}.former.vkey")
    replace_whole(kept, former.vkey.encode() + b"\n")
    replace_whole(keys.log_vkey, Verifier(name, former.public_key).vkey.encode() + b"\n")


def make_witness(keys: WitnessKeys, passphrase: Secret, name: str) -> None:
    """The key with which a witness of that name cosigns."""
    _make_note_key(keys.private, keys.vkey, name, passphrase, COSIGNATURE)


def make_connector(
    keys: TenantKeys, connector: str, zone: str, passphrase: Secret, suite: Suite = Suite.HYBRID
) -> EdgeKeys:
    """A connector's whole key set. Raises Misconfigured if a part of it exists."""
    folder = keys.connector(connector)
    if (folder / PUBLIC).exists():
        raise Misconfigured((f"{folder / PUBLIC}: exists already, and a key is never overwritten",))
    secret = Ed25519PrivateKey.generate()
    write_private(folder / SECRET, secret, passphrase)
    kem, signing = _make_pairs(folder, suite, passphrase)
    made = EdgeKeys(keys.tenant, connector, zone, (kem,), (signing,), secret.private_bytes_raw())
    replace_whole(folder / PUBLIC, _public(made.public))  # last, and whole: it says that the others are there
    return made


def rotate(keys: TenantKeys, connector: str, passphrase: Secret) -> ConnectorKeys:
    """A new KEM and a new signing pair beside those that a connector has; `public.json` names them first.

    The secret stays: with another one, repeats and lanes would not be known again. Whoever is killed in the middle
    leaves files that nothing names. Raises Misconfigured, also if the passphrase is not that of the former keys.
    """
    folder = keys.connector(connector)
    EdgeKeys.load(folder, passphrase)
    former = read_public(folder)
    kem, signing = _make_pairs(folder, former.kem[0].suite, passphrase)
    fresh = ConnectorKeys(
        former.zone, (kem.public(), *former.kem), (SigningPublic(signing.public_key()), *former.signing)
    )
    replace_whole(folder / PUBLIC, _public(fresh))
    return fresh


def retire(keys: TenantKeys, connector: str) -> tuple[str, ...]:
    """Take all keys but the newest out of `public.json`; their ids. The edge holds them until a directory without them.

    Raises Misconfigured if the directory here does not name the newest yet: then nobody could seal to it or verify it.
    """
    folder = keys.connector(connector)
    listed = read_public(folder)
    published = read_directory(keys).connectors.get(connector)
    if published is None or (published.kem[0], published.signing[0]) != (listed.kem[0], listed.signing[0]):
        what = f"{keys.directory}: does not name the newest keys of {connector} first"
        raise Misconfigured((f"{what}; publish them and reload hub and edges before you retire the former",))
    retired = (*(each.id for each in listed.kem[1:]), *(each.id for each in listed.signing[1:]))
    if retired:
        replace_whole(folder / PUBLIC, _public(ConnectorKeys(listed.zone, listed.kem[:1], listed.signing[:1])))
    return retired


def _make_pairs(folder: Path, suite: Suite, passphrase: Secret) -> tuple[KemPrivate, Ed25519PrivateKey]:
    mlkem768 = MLKEM768PrivateKey.generate() if suite is Suite.HYBRID else None
    kem = KemPrivate(suite, X25519PrivateKey.generate(), mlkem768)
    signing = Ed25519PrivateKey.generate()
    write_private(folder / x25519_file(kem.public().id), kem.x25519, passphrase)
    if mlkem768 is not None:
        write_private(folder / mlkem768_file(kem.public().id), mlkem768, passphrase)
    write_private(folder / signing_file(SigningPublic(signing.public_key()).id), signing, passphrase)
    return kem, signing


def _public(keys: ConnectorKeys) -> bytes:
    """The text of `public.json`."""
    return ConnectorEntry.of(keys).model_dump_json(indent=1, exclude_none=True).encode() + b"\n"


def publish(keys: TenantKeys, passphrase: Secret, now: datetime) -> Directory:
    """Sign the public keys of every connector as the next version of the directory, and put it in place.

    Raises Misconfigured naming the file that stands in the way; then the former directory is still in place.
    """
    former = read_directory(keys).version if keys.directory.exists() else 0
    directory = Directory(
        tenant=keys.tenant,
        version=former + 1,
        issued_at=stamp(now),
        log_vkey=read_text(keys.log_vkey).strip(),
        connectors={name: read_public(keys.connector(name)) for name in keys.connectors()},
    )
    note = sign_directory(directory, read_signer(keys.root_key, keys.root_vkey, passphrase))
    replace_whole(keys.directory, note.encode())
    return directory


def _make_note_key(private: Path, public: Path, name: str, passphrase: Secret, type_: int = ED25519) -> None:
    key = Ed25519PrivateKey.generate()
    verifier = Verifier(name, key.public_key(), type_)
    write_private(private, key, passphrase)
    write_guarded(public, verifier.vkey.encode() + b"\n")
