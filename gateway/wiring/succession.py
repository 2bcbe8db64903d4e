"""A log that is lost for good is followed by another: under another name, with what a backup still has of it, and with
a first fact in which two people say so.

Its witnesses know it further than any copy. So it cannot go on; and what is missing is said, not hidden.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from gateway.config import Config
from gateway.errors import Misconfigured
from gateway.hub.cosigning import Witness
from gateway.hub.journal.proofs import growth
from gateway.hub.journal.store import connect_reader
from gateway.hub.people import same_person
from gateway.keys.certificates import end_of_file
from gateway.keys.layout import TenantKeys, read_verifier
from gateway.keys.personal import PersonalKey
from gateway.link.tls import readable
from gateway.link.witness import Unanswered
from gateway.messages import encode
from gateway.tlog.cosignature import taken
from gateway.tlog.note import NoteError
from gateway.tlog.proof import consistent
from gateway.tlog.submission import Submission
from gateway.wiring.backup import Log
from gateway.wiring.kept import KeptCheckpoint, read_kept
from gateway.wiring.people import configured

_GENERATION: Final = re.compile(r"/[0-9]{8}T[0-9]{4}Z$")
_TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Agreed:
    """What two people say with their keys, each beside its certificate: that under this case the logs of these `notes`
    are lost. A note is the last checkpoint that somebody else has of one. `passphrase` is asked for a key's.
    """

    notes: Sequence[Path]
    certificates: Sequence[Path]
    case: str
    passphrase: Callable[[Path], str]


@dataclass(frozen=True, slots=True)
class Lost:
    """A log that is lost: the last checkpoint that is known of it, and how much a backup has."""

    log: Log
    seen: KeptCheckpoint


class Succession:
    """Which logs are lost, and what two people say of them."""

    def __init__(self, config: Config, agreed: Agreed, copy: str, now: datetime) -> None:
        """`copy` is the backup's id. Raises Misconfigured if it is not two people who say so, or of no log here."""
        self._config = config
        self._case = agreed.case
        self._copy = copy
        self._now = now
        self._people = _signatories(config, agreed, now)
        self._seen = {each.tenant: each for each in (read_kept(config.root, file) for file in agreed.notes)}
        if len(self._seen) < len(agreed.notes):
            raise Misconfigured(("--succeed: names two checkpoints of one log; name its last one",))

    def lost(self, logs: Sequence[Log], folder: Path) -> list[Lost]:
        """Those of the logs in the folder. Raises Misconfigured if one of them is not."""
        found = [Lost(each, self._seen[each.tenant]) for each in logs if each.tenant in self._seen]
        for each in found:
            _require_lost(folder, each)
        return found

    async def first_fact(self, lost: Lost, witnesses: Sequence[Witness]) -> dict[str, Any]:
        """The fields of the first fact of the log that follows. Each of the two signs all of it but `people`. Raises
        Misconfigured if a witness saw more of the lost log than its last checkpoint counts.
        """
        former = read_verifier(TenantKeys(self._config.root, lost.log.tenant).log_vkey)
        said: dict[str, Any] = {
            "origin": f"{_GENERATION.sub('', former.name)}/{self._now:%Y%m%dT%H%MZ}",
            "former": former.vkey,
            "checkpoint": await _confirmed(lost, witnesses),
            "facts": lost.log.facts,
            "root": lost.log.root,
            "case": self._case,
            "copy": self._copy,
        }
        signed = [
            {"operator": name, "client_certificate": key.certificate, "signature": key.sign(encode(said))}
            for name, key in self._people
        ]
        return {**said, "people": signed}


def _signatories(config: Config, agreed: Agreed, now: datetime) -> list[tuple[str, PersonalKey]]:
    """The two by name, configured operators or administrators. Raises Misconfigured if it is not two of them."""
    people = configured(config).values()
    known = {digest: name for each in people for name, digest in {**each.operators, **each.administrators}.items()}
    found = []
    for file in agreed.certificates:
        with readable("--as"):
            key, end = PersonalKey.read(file, agreed.passphrase), end_of_file(file)
        if key.certificate not in known:
            told = "is the certificate neither of a configured operator nor of an administrator"
            raise Misconfigured((f"--as {file}: {told}",))
        if end <= now:
            raise Misconfigured((f"--as {file}: this certificate has ended",))
        found.append((known[key.certificate], key))
    if len(found) != _TWO or same_person(found[0][0], found[1][0]):
        raise Misconfigured(("--succeed: two different people must say so, each with an --as of their own",))
    return found


def _require_lost(folder: Path, lost: Lost) -> None:
    """Raises Misconfigured if the backup has all that the checkpoint counts: then the log is not lost."""
    log, seen = lost.log, lost.seen.checkpoint
    if seen.size > log.facts:
        return
    with closing(connect_reader(folder / f"{log.tenant}.db", at_rest=True)) as connection:
        path = growth(connection, seen.size, log.facts)
    if consistent(seen.size, seen.root, log.facts, bytes.fromhex(log.root), path):
        told = "its log is not lost: the backup has all that this checkpoint counts; restore it without --succeed"
        raise Misconfigured((f"{log.tenant}: {told}",))


async def _confirmed(lost: Lost, witnesses: Sequence[Witness]) -> str:
    """The note, with the word of each witness who can be asked that this is the last that it saw. Raises Misconfigured
    if one saw more.
    """
    lines, seen = [], lost.seen
    for each in witnesses:
        try:
            answer = await each.add(Submission(seen.checkpoint.size, [], seen.note).text())
            line = taken(seen.note, answer.text, each.verifier) if answer.status == HTTPStatus.OK else None
        except (Unanswered, NoteError):
            continue
        if answer.size is not None and answer.size > seen.checkpoint.size:
            saw = f"{lost.log.tenant}: the witness {each.verifier.name} cosigned {answer.size} facts of this log"
            named = f"what was named with --succeed counts {seen.checkpoint.size}: have its people give you its last"
            raise Misconfigured((f"{saw}; {named}",))
        lines += [line] if line is not None else []
    return seen.note + "".join(lines)
