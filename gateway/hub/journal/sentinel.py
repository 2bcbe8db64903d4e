"""Makes sure that the files the journal writes are still the files at their paths, whole and nobody else's.

SQLite goes on committing into a file that was deleted or replaced. So each commit is believed only after this check.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

DATABASE_HEAD: Final = 100
WAL_HEAD: Final = 32
"""Bytes of SQLite's headers, which only our own checkpointing of the WAL into the database changes."""


class FileChanged(Exception):
    """A file of the journal is not what was written. The text names the file and says what happened to it."""


class FileMoved(FileChanged):
    """Its path no longer leads to it alone; the open file itself is as it was written."""


class Sentinel:
    """One file, held open: its identity, size and first bytes, to compare against what is at its path.

    Closing any descriptor of the database file drops this process's POSIX locks on it, SQLite's included. So each
    file is opened once, read through that descriptor, and closed only after SQLite has closed.
    """

    def __init__(self, path: Path, head_bytes: int, *, create: bool = False) -> None:
        self._path = path
        self._head_bytes = head_bytes
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
        self._fd = os.open(path, flags, 0o600)
        status = os.fstat(self._fd)
        self._identity = (status.st_dev, status.st_ino)
        self.size = 0
        self._head = b""
        self._settled = False

    def lock(self) -> None:
        """Be the only journal on this file, until `close`. Raises BlockingIOError if another one is."""
        # flock(2) and the fcntl(2) locks of SQLite do not meet on a local file system.
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def remember(self, *, restarting: bool = False) -> None:
        """Take the file as it is now for right. If it is `restarting`, the next write may give it another head."""
        now = (os.fstat(self._fd).st_size, os.pread(self._fd, self._head_bytes, 0))
        self._settled = not restarting and (self._settled or now != (self.size, self._head))
        self.size, self._head = now

    def check_identity(self) -> None:
        """Raises FileMoved if the path no longer leads to the open file, or another path leads there too."""
        try:
            status = self._path.lstat()
        except FileNotFoundError:
            raise FileMoved(f"{self._path.name} was deleted or moved away") from None
        if (status.st_dev, status.st_ino) != self._identity:
            raise FileMoved(f"{self._path.name} was replaced by another file")
        if status.st_nlink != 1:
            raise FileMoved(f"{self._path.name} has a second hard link")

    def check_length(self) -> None:
        """Raises FileChanged if the identity is not what is remembered, or the file is shorter."""
        self.check_identity()
        least = self.size  # before the look: another thread may write, and remember more, meanwhile
        if os.fstat(self._fd).st_size < least:
            raise FileChanged(f"{self._path.name} was truncated")

    def check(self) -> None:
        """Raises FileChanged if the identity, the size or the first bytes are not what is remembered."""
        self.check_length()
        if self._settled and os.pread(self._fd, self._head_bytes, 0) != self._head:
            raise FileChanged(f"{self._path.name} was overwritten by another program")

    def close(self) -> None:
        """Give the descriptor and the lock back. Only after SQLite has closed the file."""
        os.close(self._fd)
