"""One frozen type for each change of trust, in the order in which a message travels.

Values of a message live only in fields marked repr=False.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import JsonValue

from gateway.messages.wire import Envelope, Header, MessageId, MessageKind, SignedStatement, Statement, Tags
from gateway.plugin.attest import Claim, Proven
from gateway.plugin.payload import Payload

# ---- in the sending edge -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BadRecord:
    """One record is refused. `path` is a path of the locked interface, never a key that the sender made up.

    Of unknown keys it says where the first stands in its object, from 1, and how many there are: `unknown:3:2`, or
    inside another object `guardian.unknown:1:1`.
    """

    index: int
    code: str
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Something came to an entrance. Nothing about it is proven; time and id were set by the entrance.

    `body` is bytes from the network, or the plain values that a connector put into its outbox (a BadRecord in the
    place of a row that it could not read); `claims` are what it says of its own accord, and `same` what makes it the
    same message where its records do not. `fingerprint` is of the client certificate; None from an outbox,
    whose `connector` and `tenant` are its own by construction. `proof` is what the peer shows of a person, if it does.
    A reply has the id of its request, and its `request_mark`.
    """

    message_id: str
    received_at: datetime
    entrance: Literal["http", "outbox", "reply"]
    tenant: str
    connector: str
    operation: str
    body: "bytes | tuple[JsonValue | BadRecord, ...]" = field(repr=False)
    fingerprint: str | None = None
    listener: str | None = None
    request_key: bytes | None = field(default=None, repr=False)
    same: bytes | None = field(default=None, repr=False)
    actor: str | None = None
    terminal: str | None = None
    claims: tuple[Claim, ...] = ()
    proof: str | None = field(default=None, repr=False)
    correlation_id: str | None = None
    request_mark: str | None = None


@dataclass(frozen=True, slots=True)
class Attested:
    """The sender is proven: this connector of this tenant, on a listener whose zone may carry the operation. `proven`
    is what its connector attests of the person whom it showed a proof of.
    """

    arrival: Arrival
    responsible: str
    proven: Proven


@dataclass(frozen=True, slots=True)
class Parsed:
    """The body is one array of plain JSON objects, free of duplicate keys and of anything JSON should not hold."""

    attested: Attested
    records: "tuple[dict[str, JsonValue] | BadRecord, ...]" = field(repr=False)


@dataclass(frozen=True, slots=True)
class Admitted:
    """Each record fits the sender's locked interface, or is refused with its rule and path."""

    parsed: Parsed
    records: tuple[tuple[int, Payload], ...] = field(repr=False)
    refused: tuple[BadRecord, ...]


@dataclass(frozen=True, slots=True)
class Projected:
    """Each record holds exactly what the route carries; `withheld` names the paths that stayed behind."""

    admitted: Admitted
    records: "tuple[tuple[int, dict[str, JsonValue]], ...]" = field(repr=False)
    withheld: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AdmittedThere:
    """Each record also fits the destination's locked interface: what B may not have is never sealed for B."""

    projected: Projected
    records: "tuple[tuple[int, dict[str, JsonValue]], ...]" = field(repr=False)
    refused: tuple[BadRecord, ...]


@dataclass(frozen=True, slots=True)
class Sealed:
    """What an edge submits to the hub: an envelope with its tags, or a statement, or both from one arrival."""

    envelope: Envelope | None
    tags: Tags | None
    statement: SignedStatement | None


# ---- in the hub ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Permitted:
    """The signature is the source edge's and a route in force carries exactly this; nothing is recorded yet."""

    sealed: Sealed
    header: Header | None
    statement: Statement | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """Durable: the fact is a leaf of the tenant's tree and the envelope is due. `repeated`: it had been before."""

    message_id: MessageId
    repeated: bool
    seq: int


class Ending(StrEnum):
    """How a record of an envelope ended."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """One record's outcome; `ending` is None while it is deferred."""

    index: int
    ending: Ending | None
    code: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Handed:
    """What the receiving edge answers to a delivery: an outcome per record handed, and for a request the reply."""

    outcomes: tuple[RecordOutcome, ...]
    retry_after: float | None = None
    reply: Sealed | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """Every record of a message has ended; this is what the source connector hears, at least once."""

    tenant: str
    source: str
    message_id: MessageId
    outcomes: tuple[RecordOutcome, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """What the journal knows of a message, for the connector that sent it; `reply` is still sealed."""

    message_id: MessageId
    kind: MessageKind
    ended: bool
    outcomes: tuple[RecordOutcome, ...]
    reply: Envelope | None = None


# ---- in the receiving edge -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """The payload opened under its header with this edge's key and holds exactly the items that the header names."""

    header: Header
    records: "tuple[tuple[int, dict[str, JsonValue]], ...]" = field(repr=False)


@dataclass(frozen=True, slots=True)
class AdmittedHere:
    """Each record fits this connector's own locked interface, again."""

    header: Header
    records: tuple[tuple[int, Payload], ...] = field(repr=False)
    refused: tuple[BadRecord, ...]
