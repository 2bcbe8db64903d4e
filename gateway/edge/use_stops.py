"""Whose use is stopped (利用停止, C252), as the list beside this edge's keys says at the moment of a message.

A running edge takes a changed list at once. One that cannot be read stops everything at this connector, in both
directions, until it can: nobody knows then of whom nothing may pass.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from gateway.edge.rules import nobody
from gateway.errors import Deferred, Misconfigured
from gateway.keys.private import EdgeKeys
from gateway.keys.use_stops import FILE, person_digest, read_use_stops

_State: TypeAlias = tuple[int, ...] | None


class UseStopList:
    """One connector's. `problem` is why it cannot be read, in words for the operator; it is `told` once."""

    def __init__(self, folder: Path, told: Callable[[str], None]) -> None:
        self.problem = ""
        self._folder = folder
        self._told = told
        self._state: _State = None
        self._keys: EdgeKeys | None = None
        self._stopped: Callable[[str], bool] = nobody

    def stopped(self, keys: EdgeKeys) -> Callable[[str], bool]:
        """Whether a person's use is stopped, by the person key as text. Raises Deferred("use_stops_unreadable")."""
        self.look(keys)
        if self.problem:
            raise Deferred("use_stops_unreadable")
        return self._stopped

    def look(self, keys: EdgeKeys) -> None:
        """Take it as it lies there now; afterwards `problem` says whether that was possible."""
        former = self.problem
        try:
            state = self._stat()
            if self.problem or state != self._state or keys is not self._keys:
                self._stopped = self._read(keys, state)
                self._state, self._keys, self.problem = state, keys, ""
        except Misconfigured as wrong:
            self.problem = " ".join(wrong.problems)
        if self.problem and self.problem != former:
            self._told(self.problem)

    def _stat(self) -> _State:
        path = self._folder / FILE
        try:
            found = path.stat()
        except FileNotFoundError:
            if self._state is not None:
                told = "was here, and is gone; put its last copy back"
                raise Misconfigured((f"{path}: {told}",)) from None
            return None
        except OSError as error:
            raise Misconfigured((f"{path}: cannot be read: {error.strerror}",)) from None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _read(self, keys: EdgeKeys, state: _State) -> Callable[[str], bool]:
        digests = read_use_stops(self._folder, keys).digests() if state is not None else frozenset[str]()
        return (lambda person: person_digest(keys, person) in digests) if digests else nobody
