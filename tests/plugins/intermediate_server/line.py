"""The connector against the simulator, between it and a line that remembers: what was sent under which key, what was
noted, and what the far end of R20 is handed once it was released.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.plugin import Act, Claim, Context, Deferred, Delivery, Outcome, Payload, Receipt, Refused
from gateway_intermediate_server import connector, turns
from gateway_intermediate_server.connector import IntermediateServer
from gateway_intermediate_server.interface import INTERFACE
from gateway_intermediate_server.settings import Settings
from tests.plugins.intermediate_server.exchanges import DATASET, TAX
from tests.plugins.intermediate_server.running import ISSUER, Resident, Simulator
from tests.plugins.receiving import Said
from tests.plugins.vaccination_records.subjects import CITY

DOSE = {
    "vaccinated_on": "2024-06-01",
    "vaccine_generic_name": "架空ワクチン",
    "lot_no": "MADEUP01",
    "overseas_flag": False,
}
TAX_ITEM = {"fiscal_year": "2026", "taxation_category": "3", "welfare_category": "1"}
_MODELS = {(each.direction, each.name): each.payload for each in INTERFACE.operations}


@dataclass(frozen=True)
class Sent:
    """One message of the connector's."""

    message_id: str
    operation: str
    records: tuple[Any, ...]
    key: bytes
    same: bytes | None
    claims: tuple[Claim, ...]

    @property
    def record(self) -> dict[str, Any]:
        (only,) = self.records
        return dict(only)

    @property
    def attested(self) -> frozenset[str]:
        return frozenset(each.name for each in self.claims)


@dataclass
class Line:
    """An outbox that survives the connector. What it sends is held to its interface, as the line would."""

    messages: dict[bytes, Sent] = field(default_factory=dict)
    notes: list[tuple[Act, bytes, dict[str, int], str | None]] = field(default_factory=list)
    refuses: str | None = None
    broken: bool = False
    repeats: int = 0

    async def send(
        self,
        operation: str,
        records: Sequence[Any],
        *,
        key: bytes,
        same: bytes | None = None,
        claims: Sequence[Claim] = (),
    ) -> Receipt:
        self._up()
        if self.refuses is not None:
            raise Refused(self.refuses)
        for record in records:
            _MODELS["sends", operation].model_validate(record)
        mark = operation.encode() + b"\n" + key
        known = self.messages.get(mark)
        if known is not None:
            if known.same != same if same is not None else known.records != tuple(records):
                raise Refused("request_key_reused")
            self.repeats += 1
            return Receipt(known.message_id, repeated=True)
        sent = Sent(f"message-{len(self.messages)}", operation, tuple(records), key, same, tuple(claims))
        self.messages[mark] = sent
        return Receipt(sent.message_id, repeated=False)

    async def ask(self, *_: Any, **__: Any) -> Any:
        raise AssertionError

    async def note(self, act: Act, *, reference: bytes, counts: Mapping[str, int], code: str | None = None) -> None:
        self._up()
        self.notes.append((act, reference, dict(counts), code))

    def _up(self) -> None:
        """Nothing passes if the log cannot be written."""
        if self.broken:
            raise Deferred("log_unavailable")

    def sent(self, operation: str, person: str | None = None) -> list[Sent]:
        """In order; of one person, where one is named."""
        of = [each for each in self.messages.values() if each.operation == operation]
        return [each for each in of if person is None or any(one["internal_no"] == person for one in each.records)]

    def about(self, number: str) -> list[Sent]:
        """Messages that answer that request."""
        return [each for each in self.messages.values() if each.records[0].get("provision_no") == number]

    def refusals(self, number: str) -> list[str | None]:
        """Why a request was refused."""
        return [
            code
            for act, reference, _, code in self.notes
            if (act, reference) == (Act.PROVISION_REFUSED, number.encode())
        ]


@dataclass
class City:
    """The connector, opened. `end` kills it: what it knew is gone, platform, server and line remain."""

    simulator: Simulator
    line: Line
    connector: IntermediateServer
    said: Said
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def deliver(self, operation: str, record: Mapping[str, Any], claims: Sequence[Claim] = ()) -> Outcome:
        """One record, as the receiving edge hands it over."""
        return (await self.hand_over(operation, [record], claims))[0]

    async def hand_over(
        self, operation: str, records: Sequence[Mapping[str, Any]], claims: Sequence[Claim] = ()
    ) -> Mapping[int, Outcome]:
        model = _MODELS["receives", operation]
        payloads: list[Payload] = [model.model_validate(dict(each)) for each in records]
        exactly = tuple(claims).__eq__
        delivery = Delivery("message", operation, tuple(enumerate(payloads)), 60.0, attests=exactly)
        return await self.connector.deliver(delivery)

    async def poll(self) -> None:
        await self.connector.poll()

    async def register(self, *, flagged: bool = False) -> Resident:
        """A resident, with a code."""
        resident = Resident.new()
        await self.deliver("addressee.register", resident.addressee(no_auto_response_flag=flagged))
        return resident

    async def release(self, sent: Sent) -> Outcome:
        """The message comes out at the far end, and how it ended is told."""
        outcome = await self.deliver(sent.operation, sent.record, sent.claims)
        await self.settle(sent, outcome)
        return outcome

    async def settle(self, sent: Sent, outcome: Any) -> None:
        await self.connector.settled(sent.message_id, dict.fromkeys(range(len(sent.records)), outcome))


def settings(simulator: Simulator, **changes: Any) -> Settings:
    site = simulator.site
    tls = {"certificate": str(site.city.certificate), "key": str(site.city.key), "ca": str(site.authority.ca)}
    return Settings.model_validate(
        {
            "platform_url": simulator.url,
            "server_url": simulator.url,
            "tls": tls,
            "issuer": ISSUER,
            "network_jwks": "file:jwks",
            "inquiry_key": "file:inquiry_key",
            "datasets": [DATASET],
            "tax_datasets": [TAX],
            "reconcile_seconds": 0,
            "connect_timeout": 60.0,
            "answer_timeout": 60.0,
        }
        | changes
    )


@contextmanager
def patient() -> Iterator[None]:
    """A machine that stands still for a while is no slow server, and ends no look before all had their turn."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(connector, "_HEALTH_WITHIN", 60.0)
        patched.setattr(turns, "_LOOK", 60.0)
        yield


@asynccontextmanager
async def opened(simulator: Simulator, line: Line, **changes: Any) -> AsyncIterator[City]:
    """The connector in a new process, as it were, before the same line."""
    files = {
        "file:jwks": simulator.site.jwks,
        "file:inquiry_key": (simulator.site.folder / "keys" / "city.jwk").read_bytes(),
    }
    with patient():
        async with simulator.site.session(simulator.site.city) as session:
            city = City(simulator, line, IntermediateServer(), Said())
            context = Context(
                CITY, settings(simulator, **changes), line, session, city.said, city.now, secret=files.__getitem__
            )
            await city.connector.open(context)
            yield city
            await city.connector.close()


def replica(internal_no: str, record_no: str, seq: int = 1, **changes: Any) -> dict[str, Any]:
    """As `health_management` sends it."""
    return {
        "internal_no": internal_no,
        "municipality_code": CITY,
        "dataset_code": DATASET,
        "dataset_record_no": record_no,
        "dataset_version": 1,
        "no_auto_response_flag": False,
        "updated_at": "2026-04-01T09:00:00+09:00",
        "update_seq": seq,
        **DOSE,
    } | changes
