"""A long log verified, as `gateway log verify` does it: how long, by how much CPU, in how much memory.

Each sample is a process of its own with those that it starts. A log of a tenth of the facts stands beside it:
what grows with the log would show there.
"""

import asyncio
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench import long_log, machine
from bench.figures import Table
from gateway.tlog.note import Signer

_TENANT = "999997"
_CHECKPOINT_EVERY = 100


@dataclass(slots=True)
class Verifications:
    """One case for each length."""

    table: Table
    wrong: list[str]

    @classmethod
    def new(cls) -> "Verifications":
        """Nothing measured yet."""
        return cls(Table("Verifying a whole log"), [])

    async def rounds(self, rounds: int, facts: int) -> None:
        """Make both logs; then each in turn, round by round."""
        signer = Signer("bench", Ed25519PrivateKey.generate())
        with tempfile.TemporaryDirectory(prefix="renkei-verify-") as folder:
            logs = {Path(folder) / f"{count}.db": count for count in (facts // 10, facts)}
            for path, count in logs.items():
                long_log.write(path, count, signer, tenant=_TENANT, checkpoint_every_facts=_CHECKPOINT_EVERY)
            for _ in range(rounds):
                for path, count in logs.items():
                    await self._verify(path, signer.verifier().vkey, count)

    async def _verify(self, path: Path, vkey: str, count: int) -> None:
        command = machine.module("bench.verified", str(path), vkey)
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        told, _ = await process.communicate()
        if process.returncode:
            self.wrong.append(f"verifying {count:,} facts: exit status {process.returncode}")
            return
        found = json.loads(told)
        facts, problem = found.pop("facts"), found.pop("problem")
        self.table.add(f"{count:,} facts", {"facts/s": facts / found["seconds"], **found})
        # A log ends with a whole message.
        if problem is not None or not count - 4 < facts <= count:
            self.wrong.append(f"verifying {count:,} facts: {facts:,} were verified; {problem}")
