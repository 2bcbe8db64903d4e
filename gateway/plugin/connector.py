"""The door between the line and a connector: what a plugin is given, what it must offer, what it may say.

A connector sees typed records going out to its system and hands plain JSON values in. It holds no key, no journal and
no other connector; whatever must survive a kill -9 lies in its system's own place and can be derived again, because
the same chunk sent again gets the same receipt.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from pydantic import BaseModel, JsonValue

from gateway.errors import Misconfigured
from gateway.plugin.act import Act
from gateway.plugin.attest import Claim, ClaimName
from gateway.plugin.interface import Interface
from gateway.plugin.payload import Payload

if TYPE_CHECKING:  # every command that reads the configuration comes by here, and few of them speak HTTPS
    import aiohttp


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in the place of a row that the connector cannot read, so that the others keep their index.

    `code` is one of `gateway.errors.CODES`; `path` is a path of the interface, or None where it has none.
    """

    code: str
    path: str | None = None


# ---- outcomes: one per record -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted:
    """The system has the record. For a request, `reply` answers it: plain JSON values, as the reply's model says."""

    reply: Mapping[str, JsonValue] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Another message with the same person, version and content came before; nothing was changed."""


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """The record will never be taken. `code` is one of CODES or of the interface's own codes, or is replaced."""

    code: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class DeferredRecord:
    """Not now: hand the record over again. `code` as of a refusal; `retry_after` is in seconds.

    `system_busy` with a `retry_after` asks to be left alone by everybody. A code of the interface's own speaks of this
    record only, so what else goes to the system does not wait.
    """

    code: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """The gateway gave up on the record, or its time ran out; an operator may replay it."""

    code: str


Outcome: TypeAlias = Accepted | Duplicate | RefusedRecord | DeferredRecord
"""What `Connector.deliver` may answer for a record."""
Final: TypeAlias = Accepted | Duplicate | RefusedRecord | Dead
"""How a record ended; what `Connector.settled` hears."""


# ---- what the line gives a connector --------------------------------------------------------------------------------


def _attests_nothing(_: tuple[Claim, ...]) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Delivery:
    """Records for the system: no two of one person, each with its index in the message.

    (`message_id`, index) is stable over every repeat, so that the system can make the effect exactly one. `deadline`
    is in seconds from now. `reply_to` is set when this is a late reply to a request that nobody awaits any more.
    `attests` tells whether the message attests exactly these claims, no more and no less, as this connector itself
    made them; of what another one sent it says no. With `review` among them, people looked at it and released it.
    """

    message_id: str
    operation: str
    records: tuple[tuple[int, Payload], ...] = field(repr=False)
    deadline: float
    reply_to: str | None = None
    attests: Callable[[tuple[Claim, ...]], bool] = field(default=_attests_nothing, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The arrival is recorded; `settled` will tell how each record ended. `repeated`: it had been recorded before."""

    message_id: str
    repeated: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One record's reply: its values, or the code of its refusal."""

    index: int
    record: Mapping[str, JsonValue] | None = field(default=None, repr=False)
    code: str | None = None


class Outbox(Protocol):
    """The one way into the line for what a connector reads from its system."""

    async def send(
        self,
        operation: str,
        records: Sequence[JsonValue | Unreadable],
        *,
        key: bytes,
        same: bytes | None = None,
        claims: Sequence[Claim] = (),
    ) -> Receipt:
        """Send an event. The same `key` with the same records is the same message: it gets the first receipt. Records
        are the same if they hold the same values in the same order; or where they are made of what may change, if
        `same` is.

        `claims` are what the connector attests of its own system's accord, each of `ConnectorSpec.attests`.

        The key is hashed with a secret of the line before it goes anywhere. Every `send` is followed by at least one
        `settled`. Raises Refused if the whole was refused (and recorded as such), Deferred if it should come later.
        """
        ...

    async def ask(
        self, operation: str, records: Sequence[JsonValue], *, key: bytes | None = None, patience: float = 10.0
    ) -> tuple[Answer, ...]:
        """Send a request and await its reply for `patience` seconds; after that raises Deferred("deadline") and the
        reply, when it comes, goes to `deliver`.
        """
        ...

    async def note(self, act: Act, *, reference: bytes, counts: Mapping[str, int], code: str | None = None) -> None:
        """Have one act recorded. The reference is hashed with a secret of the line; counts are named as `Counted`.

        `code` is why it was done, where that is a refusal: one of CODES or of the interface's own codes.
        """
        ...


class Log(Protocol):
    """A telemetry logger bound to the connector. Keys outside the allow-list are dropped; never pass a value."""

    def info(self, event: str, **known: Any) -> None: ...
    def warning(self, event: str, **known: Any) -> None: ...


def _no_secret(_: str) -> bytes:
    raise Misconfigured(("this line gives its connectors no secrets",))


@dataclass(frozen=True, slots=True)
class Context:
    """All that a connector is given. `now` is the line's clock; `session` speaks HTTPS to the system.

    `secret` reads what a reference of the settings points at (`file:PATH` below the root, `env:NAME`, `systemd:NAME`);
    it raises Misconfigured.
    """

    tenant: str
    settings: BaseModel = field(repr=False)
    outbox: Outbox
    session: "aiohttp.ClientSession"
    log: Log
    now: Callable[[], datetime]
    secret: Callable[[str], bytes] = field(default=_no_secret, repr=False)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the system can be served now, and one sentence, without values, for the operator."""

    ok: bool
    detail: str


# ---- what a connector offers -----------------------------------------------------------------------------------------


class Connector(Protocol):
    """One system, one tenant. Made by `ConnectorSpec.factory`, which must have no side effect; `open` may.

    `close` must work after a failed `open` and twice. Whatever a method raises besides Refused and Deferred counts as
    Deferred("connector_bug"). A connector that watches its system for new work also has
    `async def poll(self) -> None`, called again and again, `poll_every` seconds after it returned.
    """

    async def open(self, context: Context) -> None: ...

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """Hand the records to the system; answer each index. Indices left out count as deferred."""
        ...

    async def settled(self, message_id: str, outcomes: Mapping[int, Final]) -> None:
        """Every record of a message that this connector sent has ended. Called at least once, also after a restart."""
        ...

    async def health(self) -> Health: ...

    async def close(self) -> None: ...


class Polls(Protocol):
    """The optional part of a connector that watches its system."""

    async def poll(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Paths to a client certificate, its key and the CA that the system's server certificate must come from."""

    certificate: str
    key: str
    ca: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSpec:
    """What a plugin registers: its interface, the closed model of its settings, and how to make it.

    `tls` tells the line, from the settings, with which files the HTTP session authenticates; None for a connector
    that opens no connection. `portion` tells it how many records the connector sends in one message at most; None if
    that is not its own choice. `peers` tells it which client certificates the settings say something about, each by its
    file as the connector's `certificates` name it. `attests` are the claims that its `attest` may prove
    (`gateway.plugin.Attests`) or that it may send itself. `poll_every` is in seconds.
    """

    interface: Interface
    settings: type[BaseModel]
    factory: Callable[[], Connector]
    tls: Callable[[Any], TlsFiles | None] = lambda settings: None
    portion: Callable[[Any], int | None] = lambda settings: None
    peers: Callable[[Any], Collection[str]] = lambda settings: ()
    attests: frozenset[ClaimName] = frozenset()
    poll_every: float = 1.0
