"""情報提供ネットワークシステム: codes per body and person, permits, route information, the matching list.

The rule: it knows a person by a keyed digest, never by the individual number; what it signs names nobody.
"""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Final

from gateway_intermediate_server.simulated.config import Config
from gateway_intermediate_server.simulated.database import Database, new_no
from gateway_intermediate_server.simulated.matching import ROWS, Row, listed
from gateway_intermediate_server.simulated.signing import SigningKey

OTHERS: Final = {"999989": "municipality", "990001": "governor"}
"""The other bodies, with their kinds; both codes are made up."""
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS secret (digest_key BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS codes (body TEXT, code TEXT, person BLOB NOT NULL, PRIMARY KEY (body, code)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a permit is asked for. Its `serial` is made up for this one inquiry; `jti` names the permit."""

    inquirer: str
    provider: str
    row: str
    procedure_code: str
    dataset_code: str
    undisclosed_flag: bool
    key: str
    serial: str = field(default_factory=lambda: new_no("PS"))
    jti: str = field(default_factory=lambda: new_no("PM"))


class Network:
    """Over a database and a signing key of its own."""

    def __init__(self, database: Database, key: SigningKey, config: Config) -> None:
        database.tables(_TABLES)
        if database.count("secret") == 0:
            database.change("INSERT INTO secret VALUES (?)", secrets.token_bytes(32))
        self._database = database
        self._secret: bytes = database.rows("SELECT digest_key FROM secret")[0][0]
        self._issuer = config.issuer
        self._times = config.times
        self._kinds = OTHERS | {config.body: "municipality"}
        self.key = key

    def code(self, body: str, individual_number: str) -> str:
        """機関別符号: the person's code at that body, always the same, another one at every body."""
        person = hmac.digest(self._secret, individual_number.encode(), hashlib.sha256)
        return self._coded(body, person)

    def counterpart(self, body: str, code: str, other: str) -> str | None:
        """The code at the other body of the person with that code at that one; None: no such person."""
        found = self._database.row("SELECT person FROM codes WHERE body = ? AND code = ?", body, code)
        return None if found is None else self._coded(other, found["person"])

    def allows(self, wanted: Wanted) -> bool:
        """Whether both are bodies, not the same, and the list has it."""
        inquirer, provider = self._kinds.get(wanted.inquirer), self._kinds.get(wanted.provider)
        if inquirer is None or provider is None or wanted.inquirer == wanted.provider:
            return False
        return listed(Row(wanted.row, wanted.procedure_code, inquirer, provider, wanted.dataset_code))

    def permit(self, wanted: Wanted, to: str, *, ago: int = 0) -> str:
        """情報提供許可証, made out for the body to which it is handed; `ago`: signed so many seconds ago."""
        claims = {
            "inquirer": wanted.inquirer,
            "provider": wanted.provider,
            "row": wanted.row,
            "procedure_code": wanted.procedure_code,
            "dataset_code": wanted.dataset_code,
            "undisclosed_flag": wanted.undisclosed_flag,
            "key": wanted.key,
        }
        return self._signed({"aud": to, "sub": wanted.serial, "jti": wanted.jti, "use": "permit", **claims}, ago)

    def route(self, wanted: Wanted, to: str) -> str:
        """経路情報: where the answer goes."""
        claims = {"permit": wanted.jti, "destination": wanted.inquirer}
        return self._signed({"aud": to, "sub": wanted.serial, "jti": new_no("RT"), "use": "route", **claims})

    def authorisation(self, provider: str, dataset_code: str, key: str, jti: str, *, ago: int = 0) -> str:
        """For the person's own view of what that body has (F27)."""
        claims = {"provider": provider, "dataset_code": dataset_code, "key": key}
        return self._signed({"aud": provider, "sub": new_no("PS"), "jti": jti, "use": "self", **claims}, ago)

    def matching_list(self, to: str, *, ended: bool = False) -> str:
        """照会許可用照合リスト; `ended`: it held until now."""
        claims = {"version": 1, "rows": [row._asdict() for row in ROWS]}
        named = {"aud": to, "sub": "matching-list", "jti": new_no("ML"), "use": "list"}
        life = self._times.list_life
        return self._signed({**named, **claims}, life if ended else 0, life)

    def permitted(self, permit: str, inquirer: str) -> dict[str, Any] | None:
        """The claims of a permit that we made out for the inquirer, and that has not ended."""
        claims = self.key.read(permit, self._issuer, inquirer)
        return claims if claims is not None and claims.get("use") == "permit" else None

    @property
    def permit_life(self) -> int:
        """In seconds."""
        return self._times.permit_life

    def _coded(self, body: str, person: bytes) -> str:
        code = hmac.digest(self._secret, body.encode() + person, hashlib.sha256).hex()[:32]
        self._database.change("INSERT INTO codes VALUES (?, ?, ?) ON CONFLICT DO NOTHING", body, code, person)
        return code

    def _signed(self, claims: dict[str, Any], ago: int = 0, life: int | None = None) -> str:
        """For as long as a permit holds, if not told otherwise."""
        now = int(time.time()) - ago
        ends = now + (self._times.permit_life if life is None else life)
        return self.key.sign({"iss": self._issuer, "iat": now, "exp": ends, **claims})
