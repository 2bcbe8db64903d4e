"""The mandated relay: the bare one and what the design demands of anyone.

That is: three validations (by the sender's interface, by the destination's before sealing, by its own after opening),
the hub's check of the signature, and a durable fact before and after each hand-over. No log, no routes, no retries.
"""

import time

import jiter
from pydantic_core import to_json

from bench.floors.relay import KEEP, Relay
from bench.floors.sealing import Envelope
from bench.floors.subject import SUBJECTS


class Mandated(Relay):
    """What no implementation of the design can save."""

    async def record(self, message_id: bytes, body: bytes) -> Envelope:
        admitted = SUBJECTS.validate_python(_parsed(body))
        plain = [each.model_dump(exclude_none=True) for each in admitted]
        SUBJECTS.validate_python(plain)
        envelope = self.sealing.seal(message_id, to_json(plain))
        self.sealing.verify(envelope)
        await self.durable.write(KEEP, message_id, envelope.signature + envelope.ciphertext)
        return envelope

    async def deliver(self, envelope: Envelope) -> None:
        await self.durable.write("INSERT INTO attempt VALUES (?, ?)", envelope.message_id, time.time())
        self.sealing.verify(envelope)
        admitted = SUBJECTS.validate_python(_parsed(self.sealing.open(envelope)))
        await self.hand_over(envelope.message_id, to_json(admitted, exclude_none=True))
        await self.durable.write("INSERT INTO outcome VALUES (?, ?)", envelope.message_id, time.time())


def _parsed(body: bytes) -> object:
    """As the design reads JSON: no duplicate keys, no NaN."""
    return jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")


if __name__ == "__main__":
    Mandated.main()
