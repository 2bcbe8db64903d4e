"""What a peer shows becomes claims: the optional part of a connector whose system proves persons.

The connector alone can read its system's proof; the line puts only the claims, with keyed references to what proved
them, into the signed header, where the blind hub holds them against the route.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

ClaimName: TypeAlias = Literal[
    "agent", "card_login", "consent", "identity_confirmed", "permit", "review", "self_requested", "undisclosed"
]
"""The closed list of claims.

`card_login`: a resident logged in with a card. `agent`: somebody acts for the person (a parent, say). `consent`: the
person consented to a purpose text, whose version the claim names. `identity_confirmed`: who is at the desk was
confirmed with a card, for this one receiver (C206).

What a connector attests of its own system's accord: `permit`: the information provision network permits this one
exchange with the other body that the claim names (C186). `self_requested`: the network vouches that the person asked
for it. `review`: the system that owns the flag says that two people must release it (自動応答不可, C146, C152); it is
held whatever the route says. `undisclosed`: that it was asked or given is itself not to be disclosed
(番号法第23条第2項).
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a peer showed with its POST: `Renkei-Proof` as it came, at most 8000 visible ASCII characters. Not proven.

    `fingerprint` is of the client certificate, `sha256:<hex>`, and `certificate` its file as the connector's
    `certificates` name it: a connector with several peers tells them apart by it. `now` is the line's time, UTC.
    """

    operation: str
    proof: str = field(repr=False)
    fingerprint: str
    now: datetime
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim that a proof bears out.

    `proof` are the bytes that stand for it, a token's id or a session, and for an agent who it is; only their digest,
    keyed with a secret of the line and by the month, goes anywhere. `until` is when it ends, UTC. `text` is the version
    of the purpose text consented to, a word. Of a permit, `party` is the code of the other body, six digits, and
    `asked` when it was asked for, UTC (番号法第23条第1項).
    """

    name: ClaimName
    proof: bytes = field(repr=False)
    until: datetime | None = None
    text: str | None = None
    party: str | None = None
    asked: datetime | None = None


@dataclass(frozen=True, slots=True)
class Proven:
    """What holds. `bound` are top-level fields of the operation with the one value that the proof leaves open to them:
    a record that carries another, or none, is refused `not_attested`.
    """

    claims: tuple[Claim, ...]
    bound: Mapping[str, str] = field(default_factory=dict, repr=False)


class Attests(Protocol):
    """The optional part of a connector whose peers prove persons; `ConnectorSpec.attests` names its claims."""

    def attest(self, shown: Shown) -> Proven:
        """Pure: no I/O, no clock but `shown.now`. Raises Refused("not_attested") if the proof does not hold, with a
        `Reason` for the operator.
        """
        ...
