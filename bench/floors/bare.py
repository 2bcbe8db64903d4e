"""The bare relay: seal and sign, one durable grouped commit, verify and open. No check of what it carries, no log."""

from bench.floors.relay import KEEP, Relay
from bench.floors.sealing import Envelope


class Bare(Relay):
    """What carrying a message sealed, signed and recorded costs, and nothing else."""

    async def record(self, message_id: bytes, body: bytes) -> Envelope:
        envelope = self.sealing.seal(message_id, body)
        await self.durable.write(KEEP, message_id, envelope.signature + envelope.ciphertext)
        return envelope

    async def deliver(self, envelope: Envelope) -> None:
        self.sealing.verify(envelope)
        await self.hand_over(envelope.message_id, self.sealing.open(envelope))


if __name__ == "__main__":
    Bare.main()
