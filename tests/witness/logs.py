"""Made-up logs for a witness: each grows leaf by leaf, signs any size of itself, and proves that it only grew."""

import hashlib
from collections.abc import Sequence
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.tlog import note, proof
from gateway.tlog.cosignature import Cosigner
from gateway.tlog.note import Checkpoint, Signer
from gateway.tlog.submission import Submission
from gateway.tlog.tree import Frontier, leaf_hash

ORIGIN = "renkei.example/999997/log"
AT = 1_800_000_000


def key(seed: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())


SIGNER = Signer(ORIGIN, key("log"))
COSIGNER = Cosigner("witness.example/made-up", key("witness"))


class Log:
    """`leaves` are any texts; two logs with the same beginning are one log that told two stories."""

    def __init__(self, leaves: Sequence[str] = (), signer: Signer = SIGNER) -> None:
        self.leaves = list(leaves)
        self.signer = signer
        self.root = cache(self._root)

    def _root(self, size: int) -> bytes:
        frontier = Frontier()
        for each in self.leaves[:size]:
            frontier.append(leaf_hash(each.encode()))
        return frontier.root()

    def signed(self, size: int) -> str:
        return note.sign(Checkpoint(self.signer.name, size, self.root(size)).text(), self.signer)

    def submission(self, old: int, size: int) -> Submission:
        """Also one that claims to grow out of more than it has; then without a proof."""
        spans = proof.consistency(old, size) if old <= size else []
        return Submission(old, [self._span(each) for each in spans], self.signed(size))

    def _span(self, span: proof.Span) -> bytes:
        return Log(self.leaves[span.start : span.end]).root(span.end - span.start)
