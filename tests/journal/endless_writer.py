"""A process for test_crash.py to kill: records without end and prints what was acknowledged, one line each."""

import asyncio
import os
import sys
from pathlib import Path

from gateway.hub.journal import Journal, JournalLimits
from gateway.messages import Ending, RecordOutcome
from tests.journal.builders import AT, NOW, id_of, message, open_journal

# So small that checkpoints and the moving of the WAL happen all the time, and are hit too.
LIMITS = JournalLimits(max_open_records=100_000, checkpoint_every_facts=5, wal_bytes=20_000)


async def endless(journal: Journal, number: int) -> None:
    while True:
        sent = message((0, 1), message_id=f"{os.getpid():08x}-0000-7000-8000-{number:012x}")
        number += 8
        recorded = await journal.record(sent, at=AT, now=NOW)
        os.write(1, f"{recorded.seq} {id_of(sent)} recorded\n".encode())
        await journal.attempted(id_of(sent), [0, 1], attempt=1, at=AT)
        outcomes = [RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(1, Ending.DEAD, "gave_up")]
        await journal.conclude(id_of(sent), outcomes, attempt=1, next_at=None, at=AT, now=NOW)
        os.write(1, f"{recorded.seq} {id_of(sent)} concluded\n".encode())


async def main() -> None:
    journal = open_journal(Path(sys.argv[1]), LIMITS)
    os.write(1, b"open\n")
    await asyncio.gather(*(endless(journal, number) for number in range(8)))


asyncio.run(main())
