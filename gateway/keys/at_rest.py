"""Private keys on disk: PKCS #8 PEM, encrypted (PBES2) under a passphrase that comes by reference.

The passphrase is a machine's, not a person's: PBES2 stretches it little, so one that could be guessed is refused. No
file here may be readable by anyone but its owner, and no error or repr ever shows what a file or a reference holds.
"""

import os
import secrets
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.errors import Misconfigured, told_at

_SHORTEST: Final = 20


class Source(StrEnum):
    """Where a passphrase is kept."""

    FILE = "file"
    ENV = "env"
    SYSTEMD = "systemd"


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference to a passphrase, never its value: `file:keys/passphrase`, `env:NAME` or `systemd:NAME`.

    A relative file path is resolved against `root`, the directory that holds `config/` and `keys/`. `systemd:NAME` is a
    credential of the unit (LoadCredential=, systemd.exec(5)). `where` is the file and key that holds the reference, if
    any: what is wrong with it is told after that.
    """

    source: Source
    place: str
    root: Path
    where: str = ""

    @classmethod
    def parse(cls, reference: str, root: Path, where: str = "") -> Self:
        """Read a reference. Raises Misconfigured if it is none, without echo: it may be the secret itself."""
        source, _, place = reference.partition(":")
        with told_at(where):
            if source not in set(Source) or not place or (source == Source.SYSTEMD and "/" in place):
                raise Misconfigured(("a passphrase must be given by reference: file:PATH, env:NAME or systemd:NAME",))
        return cls(Source(source), place, root, where)

    def read(self) -> bytes:
        """The passphrase, at least 20 characters, without a final line end. Raises Misconfigured naming the place."""
        with told_at(self.where):
            return self._read()

    def _read(self) -> bytes:
        value = self._value().removesuffix(b"\n").removesuffix(b"\r")
        if len(value) < _SHORTEST:
            raise Misconfigured((f"{self.source}:{self.place}: the passphrase is shorter than {_SHORTEST} characters",))
        return value

    def _value(self) -> bytes:
        match self.source:
            case Source.ENV:
                value = os.environb.get(os.fsencode(self.place))
                if value is None:
                    raise Misconfigured((f"env:{self.place}: is not set",))
                return value
            case Source.FILE:
                return read_guarded(self.root / self.place)
            case Source.SYSTEMD:
                folder = os.environ.get("CREDENTIALS_DIRECTORY")
                if folder is None:
                    raise Misconfigured((f"systemd:{self.place}: this process was started without credentials",))
                # systemd admits the unit's user by an access list, whose mask shows as the group's bits.
                return read_guarded(Path(folder, self.place), forbidden=0o007)


def read_guarded(path: Path, forbidden: int = 0o077) -> bytes:
    """The bytes of a file that only its owner may read. Raises Misconfigured naming the file."""
    try:
        # The mode is asked of the opened file, so that it cannot be another one by the time it is read.
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & forbidden:
                raise Misconfigured((f"{path}: others than its owner may read it; run: chmod 600 {path}",))
            return file.read()
    except OSError as error:
        raise Misconfigured((f"{path}: cannot be read: {error.strerror}",)) from None


def write_guarded(path: Path, content: bytes) -> None:
    """Create a file that only its owner may read, in a directory made likewise. Raises Misconfigured if it exists."""
    try:
        make_directory(path.parent)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise Misconfigured((f"{path}: exists already, and a key is never overwritten",)) from None
    except OSError as error:
        raise Misconfigured((f"{path}: cannot be created: {error.strerror}",)) from None


def make_passphrase(path: Path) -> None:
    """Create a passphrase file with 256 random bits. Raises Misconfigured if it exists."""
    write_guarded(path, secrets.token_urlsafe(32).encode() + b"\n")


def make_directory(path: Path) -> None:
    """Create a directory, and those above it that are missing, each for its owner only."""
    for folder in (*reversed(path.parents), path):
        folder.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, key: PrivateKeyTypes, passphrase: Secret) -> None:
    """Write a private key, encrypted. Raises Misconfigured if the file exists."""
    encryption = BestAvailableEncryption(passphrase.read())
    write_guarded(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))


def read_ed25519(path: Path, passphrase: Secret) -> Ed25519PrivateKey:
    """Read an Ed25519 private key. Raises Misconfigured naming the file; a key that is not encrypted is refused."""
    if isinstance(key := _read_private(path, passphrase), Ed25519PrivateKey):
        return key
    raise _another_kind(path)


def read_x25519(path: Path, passphrase: Secret) -> X25519PrivateKey:
    """The same for X25519."""
    if isinstance(key := _read_private(path, passphrase), X25519PrivateKey):
        return key
    raise _another_kind(path)


def read_mlkem768(path: Path, passphrase: Secret) -> MLKEM768PrivateKey:
    """The same for ML-KEM-768."""
    if isinstance(key := _read_private(path, passphrase), MLKEM768PrivateKey):
        return key
    raise _another_kind(path)


def read_p256(path: Path, passphrase: Secret) -> EllipticCurvePrivateKey:
    """The same for P-256."""
    key = _read_private(path, passphrase)
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return key
    raise _another_kind(path)


def _read_private(path: Path, passphrase: Secret) -> PrivateKeyTypes:
    pem = read_guarded(path)
    try:
        return load_pem_private_key(pem, passphrase.read())
    except TypeError:
        raise Misconfigured((f"{path}: the key is not encrypted",)) from None
    except (ValueError, UnsupportedAlgorithm):
        raise Misconfigured((f"{path}: is not an encrypted key, or the passphrase is not its own",)) from None


def _another_kind(path: Path) -> Misconfigured:
    return Misconfigured((f"{path}: holds a key of another kind",))
