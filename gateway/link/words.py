"""What is called for over a link, and in which form: the one page on which both ends agree."""

from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from gateway.messages import Envelope, Sealed
from gateway.plugin.checks import has_control_character, holds_individual_number

Place: TypeAlias = tuple[str, str]
"""A tenant's code and a connector's name: where an edge stands."""

Name: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=r"^(?=[A-Za-z][A-Za-z0-9_]{0,63}\Z)(?!.*([0-9]_*){12})", max_length=64)
]
"""Chosen at an edge, and in the clear in the log: nothing that could be a 個人番号."""
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Digest: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Directories: TypeAlias = dict[Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}\Z")], Annotated[int, msgspec.Meta(ge=1)]]
"""Versions by tenant."""
PATH: Final = "/link/v1"
HEARTBEAT: Final = 10.0
"""Seconds of silence after which an end is pinged. Who does not answer within half of it is gone."""
LONGEST_SENTENCE: Final = 500
"""Characters."""


def largest(body_bytes: int) -> int:
    """Bytes of the largest frame: an envelope's two parts, a statement and tags, each bounded by a body."""
    return 4 * body_bytes + 1024 * 1024


class Bounds(msgspec.Struct, frozen=True):
    """Of an edge: what it may seal by, and how long a hand-over may take it. Of a hub: what it takes, and how long it
    waits. Times in whole seconds, rounded up. `body_bytes` is the same at both, for either closes the link that hands
    it a larger frame than it reckons with.
    """

    body_bytes: Count
    records_per_message: Count
    lanes: Count
    message_seconds: Count
    answer_seconds: Count
    delivery_deadline: Count

    def beyond(self, other: "Bounds") -> tuple[str, ...]:
        """The limits by which what keeps to these may not keep to the other, nor be carried."""
        more = (name for name in self.__struct_fields__ if getattr(self, name) > getattr(other, name))
        return tuple(more) or (("body_bytes",) if self.body_bytes != other.body_bytes else ())


def sentence(said: str) -> str | None:
    """What the other end says for people, if it is short, plain and hides no 個人番号; else None."""
    fit = len(said) <= LONGEST_SENTENCE and not has_control_character(said) and not holds_individual_number(said)
    return said if fit else None


class Pinned(msgspec.Struct, frozen=True):
    """One edge process, as the hub's configuration knows it: its name, and where it may stand."""

    name: str
    places: frozenset[Place]


class Hello(msgspec.Struct, frozen=True):
    """An edge process says who it is for: where it stands, which of that is open, by which configuration, by which
    version of each tenant's directory, and by which bounds.
    """

    places: tuple[Place, ...]
    open: tuple[Place, ...]
    config: Digest
    directories: Directories
    limits: Bounds


class Submit(msgspec.Struct, frozen=True):
    """Have it permitted and recorded."""

    place: Place
    sealed: Sealed


class Ask(msgspec.Struct, frozen=True):
    """What became of a message that the connector at this place sent, for the peer with this certificate, or the proof
    of it. `proven`: it has repeated that message, with what its route wants proven.
    """

    place: Place
    message_id: str
    client_certificate: Digest | None = None
    proven: bool = False


class Look(msgspec.Struct, frozen=True):
    """Give out a held message for the connector at this place, to be shown to the person of this certificate; or, in a
    second call, that it was shown.
    """

    place: Place
    message_id: str
    client_certificate: Digest
    terminal: Annotated[str, msgspec.Meta(max_length=64)]


class UseStop(msgspec.Struct, frozen=True):
    """The person of this certificate has somebody's use stopped at this place, or resumed, under this case."""

    place: Place
    case: Annotated[str, msgspec.Meta(max_length=64)]
    client_certificate: Digest
    terminal: Annotated[str, msgspec.Meta(max_length=64)]
    resumed: bool


class NoiseCounted(msgspec.Struct, frozen=True, tag_field="kind", tag="noise.counted"):
    """So many peers without a pinned certificate knocked at a listener of this process."""

    listener: Name
    count: Count


class ConfigApplied(msgspec.Struct, frozen=True, tag_field="kind", tag="config.applied"):
    """Another configuration holds in this process from now on."""

    by: Name
    config: Digest
    former: Digest
    directories: Directories
    limits: Bounds


class ConfigRefused(msgspec.Struct, frozen=True, tag_field="kind", tag="config.refused"):
    """It was to, and that did not hold together."""

    by: Name
    problems: Count


Told: TypeAlias = NoiseCounted | ConfigApplied | ConfigRefused
"""The facts of an edge process itself, for the system's log: nothing else is recorded at its word."""


class Deliver(msgspec.Struct, frozen=True):
    """Hand the wanted records of the envelope over."""

    place: Place
    envelope: Envelope
    wanted: frozenset[int]


class Condition(msgspec.Struct, frozen=True):
    """How an edge says that one of its connectors is. What the hub knows itself, it does not take from an edge."""

    tenant: str
    connector: str
    state: Literal["open", "opening", "quarantined"]
    ok: bool
    detail: str
