"""What only an edge holds: one connector's private keys, and the secret behind its lanes, tags and references.

It opens with every key that the directory or its own `public.json` names, and signs with the newest that the directory
names: so a key that is made but not published signs nothing, and one that is retired is held by nobody.

The hub never imports this module. A keyed value tells nothing to whoever lacks the secret, and cannot be joined with
another connector's, nor a tag with another month's.
"""

import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Final, Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import Misconfigured, Refused
from gateway.keys.at_rest import Secret, read_ed25519, read_mlkem768, read_x25519
from gateway.keys.directory import ConnectorKeys, KemPublic, SigningPublic, Suite
from gateway.keys.layout import SECRET, mlkem768_file, read_public, signing_file, x25519_file

_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
TAG_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class KemPrivate:
    """The private half of a key that payloads are sealed to."""

    suite: Suite
    x25519: X25519PrivateKey = field(repr=False)
    mlkem768: MLKEM768PrivateKey | None = field(repr=False)

    def public(self) -> KemPublic:
        """The public half, with its id."""
        mlkem768 = self.mlkem768.public_key() if self.mlkem768 else None
        return KemPublic(self.suite, self.x25519.public_key(), mlkem768)


class EdgeKeys:
    """One tenant's and connector's private keys, newest first: the first of `signing` is what it signs with. `public`
    is their public halves.
    """

    def __init__(
        self,
        tenant: str,
        connector: str,
        zone: str,
        kem: tuple[KemPrivate, ...],
        signing: tuple[Ed25519PrivateKey, ...],
        secret: bytes,
    ) -> None:
        self.tenant = tenant
        self.connector = connector
        self.public = ConnectorKeys(
            zone,
            tuple(each.public() for each in kem),
            tuple(SigningPublic(each.public_key()) for each in signing),
        )
        self.signing_id = self.public.signing[0].id
        self._kem: Mapping[str, KemPrivate] = {each.public().id: each for each in kem}
        self._signing = signing[0]
        self._keyed = _keyed_by(secret)

    @classmethod
    def load(cls, folder: Path, passphrase: Secret, named: ConnectorKeys | None = None) -> Self:
        """Read `keys/<tenant>/<connector>/`. `named` is what the directory says of the connector; without one, all that
        `public.json` names counts as published. Raises Misconfigured naming the file that is missing or wrong.
        """
        listed = read_public(folder)
        published = named or listed
        if published.zone != listed.zone:
            raise Misconfigured((f"{folder}: public.json has another zone than the directory: publish it",))
        kem, signing = _each_once(published.kem, listed.kem), _each_once(published.signing, listed.signing)
        secret = read_ed25519(folder / SECRET, passphrase).private_bytes_raw()
        return cls(
            folder.parent.name,
            folder.name,
            listed.zone,
            tuple(_read_kem(folder, each, passphrase) for each in kem),
            tuple(_read_signing(folder, each, passphrase) for each in signing),
            secret,
        )

    def __repr__(self) -> str:
        return f"<EdgeKeys of {self.tenant}/{self.connector}>"

    def sign(self, data: bytes) -> bytes:
        """An Ed25519 signature (64 bytes) over `data`, which must be a signed part with its context string."""
        return self._signing.sign(data)

    def kem_private(self, key_id: str) -> KemPrivate:
        """The key that a header names. Raises Refused("unknown_key")."""
        try:
            return self._kem[key_id]
        except KeyError:
            raise Refused("unknown_key") from None

    def same_secret(self, other: "EdgeKeys") -> bool:
        """Whether both have the secret behind lanes, tags and references."""
        return hmac.compare_digest(self.reference("same", b""), other.reference("same", b""))

    def lane(self, person_key: str, lanes: int) -> int:
        """The order class of a person's records, from 0 up to `lanes` exclusive."""
        digest = self._keyed("lane", person_key.encode())
        return int.from_bytes(digest[:8], "big") % lanes

    def tag(self, person_key: str, month: str) -> bytes:
        """A person's tag (16 bytes) in the log for a month, written YYYY-MM; each month has another key."""
        if not _MONTH.fullmatch(month):
            raise ValueError("a month is written YYYY-MM")
        return self._keyed(f"tag\n{month}", person_key.encode())[:TAG_BYTES]

    def reference(self, purpose: str, value: bytes) -> str:
        """A keyed digest in hex, e.g. for purpose "request_key", "body_tag", "note"; purposes cannot be joined."""
        return self._keyed(f"reference\n{purpose}", value).hex()


_Public = TypeVar("_Public", KemPublic, SigningPublic)


def _each_once(published: Iterable[_Public], listed: Iterable[_Public]) -> Iterator[_Public]:
    """What the directory names, in its order, then what it does not name yet."""
    names: set[str] = set()
    for each in chain(published, listed):
        if each.id not in names:
            names.add(each.id)
            yield each


def _read_kem(folder: Path, public: KemPublic, passphrase: Secret) -> KemPrivate:
    """The private half of this key. Raises Misconfigured."""
    hybrid = public.suite is Suite.HYBRID
    x25519, mlkem768 = folder / x25519_file(public.id), folder / mlkem768_file(public.id)
    key = KemPrivate(
        public.suite,
        read_x25519(_there(x25519), passphrase),
        read_mlkem768(_there(mlkem768), passphrase) if hybrid else None,
    )
    if key.public() != public:
        raise Misconfigured((f"{x25519}: is not the private half of the key that its name says, or its other half is",))
    return key


def _read_signing(folder: Path, public: SigningPublic, passphrase: Secret) -> Ed25519PrivateKey:
    """The same for a signing key."""
    path = folder / signing_file(public.id)
    key = read_ed25519(_there(path), passphrase)
    if key.public_key() != public.key:
        raise Misconfigured((f"{path}: is not the private half of the key that its name says",))
    return key


def _there(path: Path) -> Path:
    if not path.exists():
        named = "is missing, and the directory or public.json names this key; bring it, or publish anew"
        raise Misconfigured((f"{path}: {named}",))
    return path


def _keyed_by(secret: bytes) -> Callable[[str, bytes], bytes]:
    """HMAC-SHA256 under a purpose's own key (HKDF-SHA256, RFC 5869). The secret lives in this closure only."""

    @lru_cache(maxsize=64)
    def begun(purpose: str) -> HMAC:
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"renkei/v1/{purpose}".encode()).derive(secret)
        return HMAC(key, SHA256())

    def keyed(purpose: str, value: bytes) -> bytes:
        mac = begun(purpose).copy()
        mac.update(value)
        return mac.finalize()

    return keyed
