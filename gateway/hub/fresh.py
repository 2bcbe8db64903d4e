"""Envelopes that were permitted just now, kept for their first attempt so that they need not be read back.

The rule: a bounded number of bytes, the oldest are let go first: those of a destination that is down must not keep the
room from all others. What is not here is read from the journal, as for every retry (decision 0019).
"""

from typing import Final

from gateway.messages import Envelope, Header

BYTES: Final = 16 * 1024 * 1024


class Fresh:
    """One tenant's, by message id."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Header, Envelope]] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, header: Header, envelope: Envelope) -> None:
        """Until it is taken, or there is no room for it any more."""
        self._kept[header.message_id] = header, envelope
        self.bytes += _size(envelope)
        while self.bytes > BYTES:
            self.take(next(iter(self._kept)))

    def take(self, message_id: str) -> tuple[Header, Envelope] | None:
        """It is not kept any longer."""
        if (kept := self._kept.pop(message_id, None)) is not None:
            self.bytes -= _size(kept[1])
        return kept


def _size(envelope: Envelope) -> int:
    """Bytes in memory, about: the header a second time in its parts, which weigh more than their text."""
    return len(envelope.ciphertext) + 8 * len(envelope.header)
