"""Of whom the use is stopped at one connector (利用停止, C252): a list beside its private keys, in keyed digests.

    renkei use-stops v1
    <keyed digest of the person key> <since when> <under which case>
    seal <keyed digest of all above>

The hub cannot have this list: it is blind, and knows persons by tags that change with the month. The digests are under
the connector's secret, for this purpose alone; the seal shows a list that was cut, altered or made under another one.
"""

import contextlib
import fcntl
import hmac
import os
import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from gateway.errors import Misconfigured
from gateway.keys.at_rest import read_guarded
from gateway.keys.private import EdgeKeys
from gateway.messages import staff_id

FILE: Final = "use_stops"
_HEAD: Final = b"renkei use-stops v1\n"
_LINE: Final = re.compile(r"([0-9a-f]{64}) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\S+)", re.ASCII)
_DIGITS: Final = re.compile("[0-9]+")
_SEAL: Final = re.compile(rb"seal ([0-9a-f]{64})\n")


@dataclass(frozen=True, slots=True, order=True)
class UseStop:
    """One person key's, since a time in the one form of times, under a case, which is a staff id in form."""

    digest: str
    since: str
    case: str


@dataclass(frozen=True, slots=True)
class UseStops:
    """The whole list of a connector. A person may be on it under more than one case."""

    lines: tuple[UseStop, ...] = ()

    def digests(self) -> frozenset[str]:
        """Whose use is stopped, under whichever case."""
        return frozenset(each.digest for each in self.lines)

    def under(self, case: str) -> frozenset[str]:
        """Whose it is under this one."""
        return frozenset(each.digest for each in self.lines if each.case == case)

    def stop(self, digests: Collection[str], case: str, since: str) -> "UseStops":
        """With these under the case, each once."""
        fresh = (UseStop(each, since, case) for each in sorted({*digests} - self.under(case)))
        return UseStops((*self.lines, *fresh))

    def resume(self, digests: Collection[str], case: str) -> "UseStops":
        """Without these under the case. Under another case the use of the same person stays stopped."""
        return UseStops(tuple(each for each in self.lines if each.case != case or each.digest not in digests))

    def encode(self, keys: EdgeKeys) -> bytes:
        """As the file holds it."""
        body = _HEAD + b"".join(f"{each.digest} {each.since} {each.case}\n".encode() for each in self.lines)
        return body + f"seal {keys.reference('use_stops', body)}\n".encode()

    @classmethod
    def decode(cls, data: bytes, keys: EdgeKeys) -> Self:
        """Raises ValueError if it is not what was written last under these keys."""
        body, seal = data[:-_SEAL_BYTES], _SEAL.fullmatch(data[-_SEAL_BYTES:])
        if seal is None or not hmac.compare_digest(seal[1].decode(), keys.reference("use_stops", body)):
            raise ValueError("seal")
        return cls(tuple(map(_line, body.removeprefix(_HEAD).decode("ascii").splitlines())))


_SEAL_BYTES: Final = len("seal ") + 64 + 1


def _line(text: str) -> UseStop:
    found = _LINE.fullmatch(text)
    if found is None or not staff_id(found[3]):
        raise ValueError("line")
    return UseStop(*found.groups())


def person_digest(keys: EdgeKeys, person: str) -> str:
    """By what the list names a person, of the person key as text, however that is written there."""
    return keys.reference("use_stop", _written(person).encode())


def _written(person: str) -> str:
    """In the one form: systems write a number with other zeros before it, in other letters, or in full width. Where two
    people's numbers differ in no more than that, both are stopped: nothing passes that should not.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", person).casefold())
    return (plain.lstrip("0") or "0") if _DIGITS.fullmatch(plain) else plain


def read_use_stops(folder: Path, keys: EdgeKeys) -> UseStops:
    """The list in a connector's folder; empty where none was ever written. Raises Misconfigured naming the file."""
    path = folder / FILE
    try:
        path.lstat()
    except FileNotFoundError:
        return UseStops()
    except OSError as error:
        raise Misconfigured((f"{path}: cannot be read: {error.strerror}",)) from None
    try:
        return UseStops.decode(read_guarded(path), keys)
    except ValueError:
        told = "is not the list of whose use is stopped as it was last written, under this connector's secret"
        raise Misconfigured((f"{path}: {told}; put its last copy back",)) from None


@contextlib.contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Nobody else changes the list meanwhile. Raises Misconfigured, also if the keys are another user's and this is not
    root: a list that the running edge may not read would stop everything there.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Misconfigured((f"{folder}: cannot be opened: {error.strerror}",)) from None
    try:
        if os.geteuid() not in (0, os.fstat(descriptor).st_uid):
            raise Misconfigured((f"{folder}: belongs to another user; run this as the service's user",))
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_use_stops(folder: Path, keys: EdgeKeys, stops: UseStops) -> None:
    """Put the list in place, whole or not at all, durably, for the keys' owner only. Raises Misconfigured."""
    path = folder / FILE
    fresh = path.with_name(f"{FILE}.new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            if os.geteuid() == 0:  # whoever runs the edge is to read it
                os.fchown(file.fileno(), folder.stat().st_uid, folder.stat().st_gid)
            file.write(stops.encode(keys))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Misconfigured((f"{path}: cannot be written: {error.strerror}",)) from None
