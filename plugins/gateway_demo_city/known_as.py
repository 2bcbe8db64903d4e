"""What platform, 中間サーバー and network know people by, and what they seal and sign with.

The rule: none of it is the gateway's to keep (C192).
"""

import json
import sqlite3
from contextlib import closing
from typing import Final

from gateway_demo_city.addressees import FORMER_CITY, PREFECTURE
from gateway_demo_city.site import INTERMEDIATE
from gateway_demo_city.split import Split
from gateway_demo_city.systems import KEEPS, bodies_key, network_key

_NUMBERS: Final = (
    ("platform", "integrated_addressee_no", "SELECT integrated_addressee_no FROM addressees"),
    ("platform", "process_serial_no", "SELECT process_serial_no FROM serials"),
    ("server", "person_code", "SELECT code FROM person_codes"),
    ("network", "person_code", "SELECT code FROM codes"),
    ("server", "permit", "SELECT permit FROM inquiries"),
    ("bodies", "permit", "SELECT permit FROM questions"),
    ("server", "permit_no", "SELECT jti FROM inquiries"),
    ("bodies", "permit_no", "SELECT jti FROM questions"),
    ("bodies", "sealed_answer", "SELECT enc_ciphertext FROM questions WHERE enc_ciphertext IS NOT NULL"),
)


def known_as(site: Split) -> dict[str, set[str]]:
    """By kind: 団体内統合宛名番号, 処理通番, 符号, permits, sealed answers, keys of network and bodies."""
    folder = site.offline.folder(f"{INTERMEDIATE}_{KEEPS}")
    found: dict[str, set[str]] = {}
    for name, kind, query in _NUMBERS:
        with closing(sqlite3.connect(folder / "data" / f"{name}.sqlite3")) as database:
            found.setdefault(kind, set()).update(value for (value,) in database.execute(query))
    keys = [json.loads(bodies_key(site.offline, body).read_bytes()) for body in (FORMER_CITY, PREFECTURE)]
    found["bodies_key"] = {key[half] for key in keys for half in ("x", "d")}
    pem = network_key(site.offline).read_text(encoding="ascii").splitlines()
    found["network_key"] = {line for line in pem if not line.startswith("-")}
    return found
