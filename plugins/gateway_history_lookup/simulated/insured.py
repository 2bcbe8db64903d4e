"""Who is insured under which number, as オンライン資格確認等システム would say it, and the ID5 made of that number.

The rule: 被保険者番号 is made up here from a secret and the key, and never leaves this module; the ID5 is a one-way
hash of it, always the same for the same key.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path


class Insured:
    """`secret` stands for the registers of the insurers: with the same one every key has the same numbers."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def of(cls, file: Path | None) -> "Insured":
        """With the secret of the file, which is made if it is not there; without a file with a new one.

        Raises OSError.
        """
        if file is None:
            return cls(secrets.token_bytes(32))
        try:
            made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(file.read_bytes())
        with os.fdopen(made, "wb") as out:
            out.write(secret := secrets.token_bytes(32))
            out.flush()
            os.fsync(out.fileno())
        return cls(secret)

    def id5(self, pmh_key: str) -> str:
        """64 hex digits. The real one is made of the oldest 個人単位被保険者番号, and has another form."""
        return self._keyed("id5", self._insured_number(pmh_key)).hex()

    def _insured_number(self, pmh_key: str) -> str:
        """保険者番号, 記号・番号 and 枝番 of nobody."""
        number = int.from_bytes(self._keyed("insured", pmh_key), "big") % 10**14
        return f"00000000-{number:014d}-00"

    def _keyed(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._secret, f"{purpose}:{text}".encode(), hashlib.sha256)
