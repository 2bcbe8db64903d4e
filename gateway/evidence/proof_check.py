"""Checks one small file: the proof of a fact, or that a log only grew."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from gateway.evidence.fact import seq_of
from gateway.evidence.folder import SALT_BYTES
from gateway.tlog.cosignature import cosigned_at
from gateway.tlog.note import Checkpoint, NoteError, Verifier, open_note
from gateway.tlog.proof_file import ProofFile
from gateway.tlog.submission import Submission
from gateway.tlog.tree import leaf_hash


class NotCosigned(NoteError):
    """What is proven is what the log signed, but a witness did not cosign that, or not yet."""


def check_proof(
    text: str, verifier: Verifier, *, witnesses: Sequence[Verifier] = ()
) -> tuple[dict[str, Any], Checkpoint, dict[str, int]]:
    """The fact that the file proves, the checkpoint that counts it, and when each of the witnesses cosigned that.

    Raises NoteError if it proves nothing, NotCosigned if one of the witnesses did not cosign.
    """
    file = ProofFile.parse(text)
    checkpoint = file.check(leaf_hash(hashlib.sha256(file.extra).digest()), verifier)
    if checkpoint.origin != verifier.name:
        raise NoteError("the checkpoint is of another log")
    try:
        fact = json.loads(file.extra[SALT_BYTES:])
        seq = seq_of(fact)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NoteError("what is proven is no fact of a log like ours") from None
    if seq != file.index + 1:
        raise NoteError(f"what is proven is fact {seq}, in the place of fact {file.index + 1}")
    return fact, checkpoint, _cosigned(file.checkpoint, witnesses)


def check_growth(
    text: str, earlier: str, verifier: Verifier, *, witnesses: Sequence[Verifier] = ()
) -> tuple[Checkpoint, dict[str, int]]:
    """The checkpoint that the file proves to have grown out of the `earlier` one, and when each of the witnesses
    cosigned it. Raises as `check_proof`.
    """
    file = Submission.parse(text)
    kept = Checkpoint.parse(open_note(earlier, verifier))
    now = Checkpoint.parse(open_note(file.checkpoint, verifier))
    if not kept.origin == now.origin == verifier.name or not file.grew(kept, now):
        raise NoteError("the log did not grow out of that checkpoint, by this proof")
    return now, _cosigned(file.checkpoint, witnesses)


def _cosigned(note: str, witnesses: Sequence[Verifier]) -> dict[str, int]:
    """Raises NotCosigned unless each of them did, and NoteError if a line in its name does not hold."""
    times = {}
    for witness in witnesses:
        at = cosigned_at(note, witness)
        if at is None:
            raise NotCosigned(f"{witness.name} did not cosign it")
        times[witness.name] = at
    return times
