"""What only an edge holds: one connector's private keys, and the secret behind its lanes, tags and references.

The hub never imports this module. A keyed value tells nothing to whoever lacks the secret, and cannot be joined with
another connector's, nor a tag with another month's.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import Misconfigured, Refused
from gateway.keys.at_rest import Secret, read_ed25519, read_mlkem768, read_x25519
from gateway.keys.directory import ConnectorKeys, KemPublic, SigningPublic, Suite
from gateway.keys.layout import KEM_MLKEM768, KEM_X25519, SECRET, SIGNING, read_public

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
    """One tenant's and connector's private keys. `public` is their public halves, as the directory should hold them."""

    def __init__(
        self,
        tenant: str,
        connector: str,
        zone: str,
        kem: tuple[KemPrivate, ...],
        signing: Ed25519PrivateKey,
        secret: bytes,
    ) -> None:
        self.tenant = tenant
        self.connector = connector
        self.public = ConnectorKeys(zone, tuple(each.public() for each in kem), (SigningPublic(signing.public_key()),))
        self.signing_id = self.public.signing[0].id
        self._kem: Mapping[str, KemPrivate] = {each.public().id: each for each in kem}
        self._signing = signing
        self._keyed = _keyed_by(secret)

    @classmethod
    def load(cls, directory: Path, passphrase: Secret) -> Self:
        """Read the keys of `keys/<tenant>/<connector>/`. Raises Misconfigured naming the file that is wrong."""
        public = read_public(directory)
        suite = public.kem[0].suite
        hybrid = suite is Suite.HYBRID
        kem = KemPrivate(
            suite,
            read_x25519(directory / KEM_X25519, passphrase),
            read_mlkem768(directory / KEM_MLKEM768, passphrase) if hybrid else None,
        )
        signing = read_ed25519(directory / SIGNING, passphrase)
        secret = read_ed25519(directory / SECRET, passphrase).private_bytes_raw()
        keys = cls(directory.parent.name, directory.name, public.zone, (kem,), signing, secret)
        if keys.public != public:
            raise Misconfigured((f"{directory}: the private keys there are not those that public.json names",))
        return keys

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
