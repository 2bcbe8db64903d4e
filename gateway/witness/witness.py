"""Whether a checkpoint is cosigned: the checks of c2sp.org/tlog-witness, in their order."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from gateway.tlog import note
from gateway.tlog.cosignature import Cosigner, cosign
from gateway.tlog.note import Checkpoint, NoteError, Verifier
from gateway.tlog.submission import Submission
from gateway.witness.store import Store


class Rejected(Exception):
    """It is not cosigned: the HTTP status that the specification has for the reason, and a sentence."""

    def __init__(self, status: HTTPStatus, told: str) -> None:
        super().__init__(told)
        self.status = status


class Conflict(Rejected):
    """The submission does not begin at the last checkpoint that was cosigned, which has that `size`."""

    def __init__(self, size: int) -> None:
        super().__init__(HTTPStatus.CONFLICT, "this is not the last checkpoint that was cosigned")
        self.size = size


class Witness:
    """`logs` has the public keys that are trusted for each origin."""

    def __init__(self, cosigner: Cosigner, logs: Mapping[str, Sequence[Verifier]], store: Store) -> None:
        self._cosigner = cosigner
        self._logs = logs
        self._store = store

    def add(self, body: str, *, at: int) -> str:
        """The cosignature's line; the checkpoint is remembered, on disk, when this returns. `at` is in seconds since
        1970. Raises Rejected, or sqlite3.Error if nothing can be remembered.
        """
        submission, text, now = _read(body)
        self._signed(submission, now.origin)
        if submission.old > now.size:
            raise Rejected(HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint's")
        with self._store.step():
            last = self._store.last(now.origin)
            if submission.old != last.size or (now.size == last.size and now.root != last.root):
                raise Conflict(last.size)
            if not submission.grew(last, now):
                raise Rejected(
                    HTTPStatus.UNPROCESSABLE_ENTITY, "it is not proven that the log only grew since the old size"
                )
            self._store.keep(now, submission.checkpoint)
        return cosign(text, self._cosigner, at=at)

    def can_remember(self) -> None:
        """Raises sqlite3.Error if nothing can be remembered."""
        with self._store.step():
            pass

    def _signed(self, submission: Submission, origin: str) -> None:
        if origin not in self._logs:
            raise Rejected(HTTPStatus.NOT_FOUND, "no log of this origin is known here")
        if not any(_holds(submission.checkpoint, each) for each in self._logs[origin]):
            raise Rejected(HTTPStatus.FORBIDDEN, "no key that is trusted for this log signed the checkpoint")


def _read(body: str) -> tuple[Submission, str, Checkpoint]:
    """The submission, and the text and content of its checkpoint, which nothing vouches for yet."""
    try:
        submission = Submission.parse(body)
        text, _ = note.split(submission.checkpoint)
        return submission, text, Checkpoint.parse(text)
    except NoteError as error:
        raise Rejected(HTTPStatus.BAD_REQUEST, str(error)) from None


def _holds(signed: str, verifier: Verifier) -> bool:
    try:
        note.open_note(signed, verifier)
    except NoteError:
        return False
    return True
