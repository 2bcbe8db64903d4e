"""The connector's way into the line: plain values in, never a payload, a key or a header."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import uuid_utils
from pydantic import JsonValue

from gateway.edge.attest import own
from gateway.edge.edge import Edge
from gateway.edge.seal import note
from gateway.errors import CODES, Deferred
from gateway.messages import BadRecord, stamp
from gateway.plugin.act import Act, Counted
from gateway.plugin.attest import Claim
from gateway.plugin.connector import Answer, Receipt, Unreadable


@dataclass(frozen=True, slots=True)
class EdgeOutbox:
    """`gateway.plugin.Outbox` for one edge. `attests` are the claims that its connector may make."""

    edge: Edge
    attests: frozenset[str] = frozenset()

    async def send(
        self,
        operation: str,
        records: "Sequence[JsonValue | Unreadable]",
        *,
        key: bytes,
        same: bytes | None = None,
        claims: Sequence[Claim] = (),
    ) -> Receipt:
        """See `gateway.plugin.Outbox.send`."""
        body = tuple(_element(index, each) for index, each in enumerate(records))
        rules = self.edge.rules
        bug = partial(self.edge.telemetry.bug, tenant=rules.tenant.code, connector=rules.connector)
        attested = own(claims, self.attests, bug)
        said = {"request_key": key, "same": same, "claims": attested}
        taken = await self.edge.take(self.edge.arrival(operation, body, entrance="outbox", **said))
        return Receipt(taken.recorded.message_id, taken.recorded.repeated)

    async def ask(
        self, operation: str, records: Sequence[JsonValue], *, key: bytes | None = None, patience: float = 10.0
    ) -> tuple[Answer, ...]:
        """See `gateway.plugin.Outbox.ask`."""
        arrival = self.edge.arrival(operation, tuple(records), entrance="outbox", request_key=key)
        _, answered = await self.edge.ask(arrival, patience)
        if answered is None:
            raise Deferred("deadline")
        return answered

    async def note(self, act: Act, *, reference: bytes, counts: Mapping[str, int], code: str | None = None) -> None:
        """See `gateway.plugin.Outbox.note`."""
        edge, message_id = self.edge, str(uuid_utils.uuid7())
        at = stamp(edge.now())
        counted = {Counted(name): count for name, count in counts.items()}
        why = code if code is None or code in CODES or code in edge.rules.contract.codes else "refused_by_system"
        await edge.hub.submit(note(edge.rules, edge.keys, message_id, at, Act(act), reference, counted, why))


def _element(index: int, element: "JsonValue | Unreadable") -> "JsonValue | BadRecord":
    if isinstance(element, Unreadable):
        return BadRecord(index, element.code if element.code in CODES else "unreadable", element.path)
    return element
