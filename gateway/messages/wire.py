"""What crosses a link or lies on disk: header, envelope, statement, each in its one byte form.

docs/envelope.md is the specification; `tests/vectors` freezes it.
"""

import hashlib
import json
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from gateway.errors import Refused
from gateway.plugin.act import Act, Counted

# msgspec searches for a pattern with `re`, whose "$" would let a line end pass.
WORD: Final = r"^[A-Za-z0-9][A-Za-z0-9._\[\]:/-]{0,127}\Z"
Hex64: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Word: TypeAlias = Annotated[str, msgspec.Meta(pattern=WORD)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Stamp: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}Z\Z")]
BodyCode: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}\Z")]
MessageId: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
]


class MessageKind(StrEnum):
    """An event has no answer; a request has one; a reply is that answer."""

    EVENT = "event"
    REQUEST = "request"
    REPLY = "reply"


class Attestation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A signed claim from the closed list of a route, with a keyed reference to its proof.

    `until` is when it ends; of a consent, `text` is the version of the purpose text consented to; of a permit, `party`
    is the other body's code and `asked` when it was asked for (番号法第23条第1項). Absent is absent.
    """

    claim: Word
    reference: Hex64
    until: Stamp | None = None
    text: Word | None = None
    party: BodyCode | None = None
    asked: Stamp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the hub may know of a message. Serialised once; those bytes are signed, bound into the seal and stored.

    `records` has, for each sealed record in order: its index in the arrival, the number of its item set, its lane.
    `legal_basis` are the references under which it travels, the assessment last. `tags_digest` commits to the records'
    person tags in order; `request_key` and `body_tag` are keyed digests.
    `client_certificate` is SHA-256 over that of the peer who came in; what a connector sends of itself has none.
    `request_mark` of a reply is the `repeat_mark` of its request.
    """

    version: Literal[1]
    message_id: MessageId
    kind: MessageKind
    tenant: Word
    source: Word
    source_operation: Word
    destination: Word
    operation: Word
    route: Word
    source_interface: Hex64
    destination_interface: Hex64
    item_sets: tuple[tuple[Word, ...], ...]
    records: tuple[tuple[Count, Count, Count], ...]
    withheld: tuple[Word, ...]
    created_at: Stamp
    expires_at: Stamp
    responsible: Word
    legal_basis: tuple[Word, ...]
    purpose: Word
    attestations: tuple[Attestation, ...]
    kem_key: Word
    signing_key: Word
    suite: Word
    tags_digest: Hex64
    correlation_id: MessageId | None = None
    replaces: MessageId | None = None
    actor: Word | None = None
    terminal: Word | None = None
    client_certificate: Hex64 | None = None
    request_key: Hex64 | None = None
    body_tag: Hex64 | None = None
    request_mark: Hex64 | None = None


def encode(value: Any) -> bytes:
    """The one byte form of headers, statements and facts: compact ASCII JSON, sorted keys, None left out."""
    if isinstance(value, dict):
        plain = {name: each for name, each in value.items() if each is not None} if None in value.values() else value
    else:
        plain = {name: each for name in _NAMES[type(value)] if (each := getattr(value, name)) is not None}
    encoded = _ENCODER.encode(plain)
    if encoded.isascii() and b"\x7f" not in encoded:
        return encoded
    return json.dumps(msgspec.json.decode(encoded), sort_keys=True, separators=(",", ":")).encode("ascii")


_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_Signed = TypeVar("_Signed", "Header", "Statement")


def _decode(decoder: "msgspec.json.Decoder[_Signed]", signed: bytes) -> _Signed:
    """Read what must be in its one byte form. Raises Refused("bad_envelope")."""
    try:
        decoded = decoder.decode(signed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("bad_envelope") from None
    # A duplicate or unknown key, a space, 1.0 for 1 or true for 1 would come out otherwise.
    if encode(decoded) != signed:
        raise Refused("bad_envelope")
    return decoded


_HEADER: Final = msgspec.json.Decoder(Header)


def decode_header(header: bytes) -> Header:
    """Read header bytes that came over a link. Raises Refused("bad_envelope") for anything but the one byte form."""
    return _read_again(header) if len(header) <= _SMALL else _read(header)


def _read(header: bytes) -> Header:
    decoded = _decode(_HEADER, header)
    _exists(decoded.created_at, decoded.expires_at, *_times(decoded.attestations))
    if any(number >= len(decoded.item_sets) for _, number, _ in decoded.records):
        raise Refused("bad_envelope")
    return decoded


def _times(attestations: Iterable[Attestation]) -> Iterator[str]:
    return (moment for each in attestations for moment in (each.until, each.asked) if moment is not None)


def carried_until(header: Header) -> str:
    """When its time is over, or sooner that of what it attests: from then on no route carries it."""
    return min([header.expires_at, *(each.until for each in header.attestations if each.until is not None)])


_SMALL: Final = 4096
"""Bytes of the headers that are remembered for a moment: in one process, hub and receiving edge read the same."""
_read_again: Final = lru_cache(maxsize=64)(_read)


def _exists(*stamps: str) -> None:
    """The form of a stamp admits a 30th of February."""
    try:
        for each in stamps:
            datetime.fromisoformat(each)
    except ValueError:
        raise Refused("bad_envelope") from None


@dataclass(frozen=True, slots=True)
class Envelope:
    """電文: header bytes, sealed payload, signature. The only form in which a record leaves an edge."""

    header: bytes
    ciphertext: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def pack(self) -> bytes:
        """The wire and disk form: magic, then three lengths (big-endian u32) and the three parts."""
        lengths = struct.pack(">III", len(self.header), len(self.ciphertext), len(self.signature))
        return b"".join((_MAGIC, lengths, self.header, self.ciphertext, self.signature))

    @classmethod
    def unpack(cls, packed: bytes) -> "Envelope":
        """The reverse of `pack`. Raises Refused("bad_envelope") if a single byte is out of place."""
        start = len(_MAGIC) + 12
        if len(packed) < start or packed[: len(_MAGIC)] != _MAGIC:
            raise Refused("bad_envelope")
        header, ciphertext, signature = struct.unpack(">III", packed[len(_MAGIC) : start])
        if len(packed) != start + header + ciphertext + signature:
            raise Refused("bad_envelope")
        return cls(
            packed[start : start + header],
            packed[start + header : start + header + ciphertext],
            packed[start + header + ciphertext :],
        )

    def signed_part(self) -> bytes:
        """What the signature covers: a context string, the header's length, the header and the ciphertext."""
        return signed_part(self.header, self.ciphertext)

    def digest(self) -> str:
        """SHA-256 of the packed form, in hex: what a fact says of the envelope."""
        return hashlib.sha256(self.pack()).hexdigest()


_MAGIC: Final = b"RENKEI1\n"
_ENVELOPE_CONTEXT: Final = b"renkei/v1/envelope\n"
_STATEMENT_CONTEXT: Final = b"renkei/v1/statement\n"


def signed_part(header: bytes, ciphertext: bytes) -> bytes:
    """The bytes that an envelope's signature covers."""
    return b"".join((_ENVELOPE_CONTEXT, struct.pack(">I", len(header)), header, ciphertext))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """An edge's signed word to the hub about something that is not sealed: a refusal of its own, or a noted act.

    A refusal without `records` refuses the whole arrival with `code`. With `records` it lists the refused records of
    the message `message_id`, beside the envelope that holds the others, if any.
    """

    version: Literal[1]
    kind: Literal["refusal", "note"]
    message_id: MessageId
    tenant: Word
    connector: Word
    at: Stamp
    responsible: Word
    signing_key: Word
    operation: Word | None = None
    code: Word | None = None
    records: tuple[tuple[Count, Word, Word | None], ...] = ()
    request_key: Hex64 | None = None
    body_tag: Hex64 | None = None
    act: Act | None = None
    reference: Hex64 | None = None
    counts: dict[Counted, Count] | None = None
    actor: Word | None = None
    terminal: Word | None = None
    client_certificate: Hex64 | None = None


def repeat_mark(named: Header | Statement) -> str | None:
    """What a message and its repeats have in common: SHA-256 over `request_key` and `body_tag`; None without them.

    The answering edge signs it, so that the asker sees whether an answer is one to its own question, without the hub's
    word for it.
    """
    if named.request_key is None or named.body_tag is None:
        return None
    return hashlib.sha256(bytes.fromhex(named.request_key + named.body_tag)).hexdigest()


_NAMES: Final = {form: tuple(each.name for each in fields(form)) for form in (Header, Statement)}
_STATEMENT: Final = msgspec.json.Decoder(Statement)


def decode_statement(statement: bytes) -> Statement:
    """Read statement bytes that came over a link. Raises Refused("bad_envelope")."""
    decoded = _decode(_STATEMENT, statement)
    _exists(decoded.at)
    return decoded


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement's bytes and the sending edge's signature over a context string and them."""

    statement: bytes
    signature: bytes

    def signed_part(self) -> bytes:
        """What the signature covers."""
        return _STATEMENT_CONTEXT + self.statement


@dataclass(frozen=True, slots=True)
class Tags:
    """The records' person tags in order (16 bytes each) and the salt of the digest that the header holds."""

    salt: bytes
    tags: tuple[bytes, ...]

    def sound(self, records: int) -> bool:
        """Whether there is a tag for each of the records, and tags and salt have their size."""
        return len(self.tags) == records and 16 <= len(self.salt) <= 32 and all(len(each) == 16 for each in self.tags)

    def digest(self) -> str:
        """SHA-256 over salt and tags, in hex."""
        return hashlib.sha256(self.salt + b"".join(self.tags)).hexdigest()


def staff_id(name: str) -> bool:
    """Whether a name is a plain staff or terminal id, and nothing like a 個人番号: these stand in facts as they are."""
    return _STAFF.fullmatch(name) is not None and not _TWELVE.search(re.sub("[._-]", "", name))


_STAFF: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)
_TWELVE: Final = re.compile(r"[0-9]{12}")


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: the one form of every time in headers and facts. `moment` must be UTC."""
    return moment.isoformat(timespec="microseconds")[:26] + "Z"
