"""The directory: every connector's public keys of one tenant, signed by the tenant's offline root key.

It is a signed note (C2SP signed-note) over one JSON text. The hub carries it but cannot make it, so it can never slip
in a key of its own; its version only rises, so an old directory with a retired key cannot be put back.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self, TypeVar

import jiter
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from gateway.errors import Misconfigured, Refused
from gateway.messages import WORD
from gateway.tlog.note import NoteError, Signer, Verifier, open_note, sign

FIRST_LINE: Final = "renkei/v1/directory\n"


class Suite(StrEnum):
    """What a payload is sealed with. The hybrid also withstands a quantum computer that comes later."""

    HYBRID = "MLKEM768_X25519-HKDF_SHA256-AES_256_GCM"
    X25519 = "X25519-HKDF_SHA256-AES_256_GCM"


def key_id(context: str, public: bytes) -> str:
    """The id of a public key: the first 16 hex digits of SHA-256 over a context string, a line end and its bytes."""
    return hashlib.sha256(context.encode() + b"\n" + public).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class KemPublic:
    """The public half of a key that payloads are sealed to. `mlkem768` is None for the plain suite only."""

    suite: Suite
    x25519: X25519PublicKey
    mlkem768: MLKEM768PublicKey | None
    id: str = field(init=False)

    def __post_init__(self) -> None:
        if (self.suite is Suite.HYBRID) != (self.mlkem768 is not None):
            raise ValueError("the suite and the key's halves do not fit")
        post_quantum = self.mlkem768.public_bytes_raw() if self.mlkem768 else b""
        public = post_quantum + self.x25519.public_bytes_raw()
        object.__setattr__(self, "id", key_id(f"renkei/v1/kem/{self.suite.value}", public))


@dataclass(frozen=True, slots=True)
class SigningPublic:
    """The public half of the key that an edge signs its envelopes and statements with."""

    key: Ed25519PublicKey
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", key_id("renkei/v1/signing/Ed25519", self.key.public_bytes_raw()))


@dataclass(frozen=True, slots=True)
class ConnectorKeys:
    """One connector's zone and public keys, newest first. The older ones are there to open and verify what is left."""

    zone: str
    kem: tuple[KemPublic, ...]
    signing: tuple[SigningPublic, ...]


@dataclass(frozen=True, slots=True)
class Directory:
    """All that one tenant's edges and the hub believe about keys."""

    tenant: str
    version: int
    issued_at: str
    log_vkey: str
    connectors: Mapping[str, ConnectorKeys]

    @classmethod
    def parse(cls, note_text: str, root: Verifier, tenant: str, at_least: int = 1) -> Self:
        """Read a signed directory. Raises Misconfigured with one sentence if it is not the tenant's, or too old."""
        try:
            text = open_note(note_text, root)
        except NoteError:
            raise Misconfigured((f"the directory of {tenant} is not signed by the tenant's key",)) from None
        entry = _read(text, tenant)
        if entry.tenant != tenant:
            raise Misconfigured((f"the directory that was given for {tenant} is another tenant's",))
        if entry.version < at_least:
            raise Misconfigured(
                (f"the directory of {tenant} is version {entry.version}, older than version {at_least}",)
            )
        connectors = {name: each.keys(f"the directory of {tenant}") for name, each in sorted(entry.connectors.items())}
        return cls(tenant, entry.version, entry.issued_at, entry.log, MappingProxyType(connectors))

    def recipient(self, connector: str) -> KemPublic:
        """The key to seal to for this connector. Raises Refused("unknown_key")."""
        return self._keys(connector).kem[0]

    def signing(self, connector: str, signing_key: str) -> Ed25519PublicKey:
        """The key of this connector with this id. Raises Refused("unknown_key")."""
        for each in self._keys(connector).signing:
            if each.id == signing_key:
                return each.key
        raise Refused("unknown_key")

    def _keys(self, connector: str) -> ConnectorKeys:
        try:
            return self.connectors[connector]
        except KeyError:
            raise Refused("unknown_key") from None


def sign_directory(directory: Directory, root: Signer) -> str:
    """The directory as a signed note, made on the machine that holds the tenant's offline key."""
    entry = DirectoryEntry(
        tenant=directory.tenant,
        version=directory.version,
        issued_at=directory.issued_at,
        log=directory.log_vkey,
        connectors={name: ConnectorEntry.of(keys) for name, keys in sorted(directory.connectors.items())},
    )
    return sign(FIRST_LINE + entry.model_dump_json(indent=1, exclude_none=True) + "\n", root)


# ---- the JSON text inside the note ----------------------------------------------------------------------------------


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


_Word = Annotated[str, StringConstraints(pattern=WORD.replace(r"\Z", "$"))]
_Stamp = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}Z$"),
    AfterValidator(lambda stamped: stamped if datetime.fromisoformat(stamped) else ""),
]
_Base64 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43,2000}={0,2}$")]


class KemEntry(_Closed):
    """A KEM key as text: its id, its suite, its halves in base64. The id is there for the reader and is checked."""

    id: str
    suite: Literal["MLKEM768_X25519-HKDF_SHA256-AES_256_GCM", "X25519-HKDF_SHA256-AES_256_GCM"]
    x25519: _Base64
    mlkem768: _Base64 | None = None

    def key(self) -> KemPublic:
        """The key. Raises ValueError if bytes, suite and id do not fit."""
        mlkem768 = MLKEM768PublicKey.from_public_bytes(_bytes(self.mlkem768)) if self.mlkem768 else None
        key = KemPublic(Suite(self.suite), X25519PublicKey.from_public_bytes(_bytes(self.x25519)), mlkem768)
        return _same_id(key, self.id)


class SigningEntry(_Closed):
    """A signing key as text."""

    id: str
    ed25519: _Base64

    def key(self) -> SigningPublic:
        """The key. Raises ValueError if bytes and id do not fit."""
        return _same_id(SigningPublic(Ed25519PublicKey.from_public_bytes(_bytes(self.ed25519))), self.id)


class ConnectorEntry(_Closed):
    """A connector's public keys as text: an entry of the directory, and the file `public.json` beside its keys."""

    zone: _Word
    kem: Annotated[tuple[KemEntry, ...], Field(min_length=1)]
    signing: Annotated[tuple[SigningEntry, ...], Field(min_length=1)]

    @classmethod
    def of(cls, keys: ConnectorKeys) -> Self:
        """The text form of these keys."""
        return cls(
            zone=keys.zone,
            kem=tuple(
                KemEntry(
                    id=each.id,
                    suite=each.suite.value,
                    x25519=_text(each.x25519.public_bytes_raw()),
                    mlkem768=_text(each.mlkem768.public_bytes_raw()) if each.mlkem768 else None,
                )
                for each in keys.kem
            ),
            signing=tuple(
                SigningEntry(id=each.id, ed25519=_text(each.key.public_bytes_raw())) for each in keys.signing
            ),
        )

    def keys(self, place: str) -> ConnectorKeys:
        """The keys. Raises Misconfigured, naming the place where the entry stands."""
        try:
            return ConnectorKeys(
                self.zone, tuple(each.key() for each in self.kem), tuple(each.key() for each in self.signing)
            )
        except ValueError:
            raise Misconfigured((f"{place}: a public key is not well-formed, or not the one its id names",)) from None


class DirectoryEntry(_Closed):
    """The whole text."""

    tenant: _Word
    version: Annotated[int, Field(ge=1)]
    issued_at: _Stamp
    log: str
    connectors: dict[_Word, ConnectorEntry]


def _read(text: str, tenant: str) -> DirectoryEntry:
    try:
        if not text.startswith(FIRST_LINE):
            raise ValueError
        body = text.removeprefix(FIRST_LINE).encode()
        jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False)
        return DirectoryEntry.model_validate_json(body)
    except ValueError:  # pydantic's ValidationError is one
        raise Misconfigured((f"the directory of {tenant} does not have the form of a directory",)) from None


_PublicKey = TypeVar("_PublicKey", KemPublic, SigningPublic)


def _same_id(key: _PublicKey, stated: str) -> _PublicKey:
    if key.id != stated:
        raise ValueError("the id is another key's")
    return key


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _text(public: bytes) -> str:
    return base64.b64encode(public).decode()
