"""Made-up children whom the record system holds with their doses and notices, and who are logged in at the portal.

They are put there by the record system's own API, as its connector would, so that only their queries are measured.
"""

import secrets
import ssl
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import aiohttp

from bench.load import subject
from gateway_demo_city.people import MUNICIPALITY, individual_number, internal_no
from gateway_demo_city.stage import Failed
from gateway_myna_portal.simulated import signing
from gateway_myna_portal.simulated.signing import SigningKey

DUE, HAD, NOTICES = 6, 8, 2
"""Of each child: doses due, doses had, notices. A child of two has as many."""
_SETTING: Final = "SETTING-A"
_STATE: Final = {"updated_at": "2026-04-10T09:00:00+09:00", "update_seq": 1}
_SESSION_SECONDS: Final = 3000
_TEXT: Final = "2026-04"


@dataclass(frozen=True, slots=True)
class Provider:
    """The portal's login: it signs ID tokens; the gateway's connector has its public key pinned."""

    issuer: str
    audience: str
    _key: SigningKey = field(repr=False)

    @classmethod
    def make(cls, root: Path, settings: Mapping[str, Any]) -> Self:
        """With a new key, pinned where the connector's settings look for it under the root of its edge."""
        folder = root / "provider"
        signing.make(folder)
        pinned = root / settings["jwks"].removeprefix("file:")
        pinned.write_bytes((folder / "jwks.json").read_bytes())
        return cls(settings["issuer"], settings["audience"], SigningKey.load(folder / "signing.pem"))

    def token(self, pseudonym: str) -> str:
        """The session of a resident who logged in with a card just now and consented."""
        now = int(time.time())
        times = {"iat": now, "auth_time": now, "exp": now + _SESSION_SECONDS}
        named = {"iss": self.issuer, "aud": self.audience, "sub": pseudonym, "jti": secrets.token_hex(16)}
        return self._key.sign({**named, **times, "acr": "aal3", "consent": {"text": _TEXT}})


def pseudonym(ordinal: int) -> str:
    """By which the portal knows this child."""
    return f"PSEUDONYMOFCHILD{ordinal:06d}"


@dataclass(frozen=True, slots=True)
class TownHall:
    """The record system's API as its connector speaks to it."""

    session: aiohttp.ClientSession
    url: str
    tls: ssl.SSLContext

    async def move_in(self, ordinals: Sequence[int]) -> None:
        """Have it hold these children, linked to their pseudonyms. Raises Failed."""
        await self._tell("/v1/subjects", "register", [subject(each) for each in ordinals])
        await self._give_keys(ordinals)
        handed = [{"pmh_pseudonym_id": pseudonym(each), "pmh_key": _pmh_key(each)} for each in ordinals]
        await self._tell("/v1/residents/links", "hand_over", handed)
        for operation, entry, count in (("management", _due, DUE), ("record", _had, HAD), ("notice", _notice, NOTICES)):
            for number in range(count):
                await self._tell("/v1/registrations", operation, [entry(each, number) for each in ordinals])

    async def _give_keys(self, ordinals: Sequence[int]) -> None:
        keys = {individual_number(each): _pmh_key(each) for each in ordinals}
        batch = await self._post("/v1/key-batch", {"most": len(keys), "besides": []})
        rows = [{**row, "pmh_key": keys[row["individual_number"]]} for row in batch["rows"]]
        await self._post("/v1/key-answers", {"batch": batch["batch"], "rows": rows})

    async def _tell(self, path: str, operation: str, told: Sequence[Mapping[str, Any]]) -> None:
        rows = [{"index": index, "operation": operation, "record": each} for index, each in enumerate(told)]
        answer = await self._post(path, {"message_id": str(uuid.uuid4()), "rows": rows})
        if any(each["status"] != "accepted" for each in answer["rows"]):
            raise Failed(f"the record system did not accept every row at {path}")

    async def _post(self, path: str, body: object) -> Any:
        async with self.session.post(f"{self.url}{path}", json=body, ssl=self.tls) as response:
            if response.status != 200:
                raise Failed(f"the record system answered {response.status} at {path}")
            return await response.json()


def _pmh_key(ordinal: int) -> str:
    return f"PMHKEYOFCHILD{ordinal:06d}"


def _of_the_child(ordinal: int) -> dict[str, Any]:
    return {"internal_no": internal_no(ordinal), "municipality_code": MUNICIPALITY, **_STATE}


def _due(ordinal: int, number: int) -> dict[str, Any]:
    return _of_the_child(ordinal) | {
        "vaccination_management_id": f"DUE{ordinal:06d}N{number}",
        "vaccination_setting_id": _SETTING,
        "not_eligible_flag": False,
        "forced_expiry_date": "9999-12-31",
        "recommendation_date": "2026-05-01",
    }


def _had(ordinal: int, number: int) -> dict[str, Any]:
    return _of_the_child(ordinal) | {
        "vaccination_record_id": f"HAD{ordinal:06d}N{number}",
        "vaccination_management_id": f"HADDUE{ordinal:06d}N{number}",
        "vaccination_setting_id": _SETTING,
        "vaccinated_on": "2026-04-01",
        "consent_flag": True,
        "clinic_code": "1319999999",
        "doctor_name": "架空　医師",
        "place": "架空市見本診療所",
        "implementation_type": "1",
        "vaccination_type": "1",
        "gtin": "04999999000008",
        "vaccine_maker": "架空製薬",
        "vaccine_generic_name": "架空一般名ワクチン",
        "vaccine_brand_name": "架空販売名ワクチン",
        "lot_no": f"LOT-{number:04d}",
        "dose_volume": "0.5",
        "injection_site": "2",
        "injection_method": "1",
        "vaccine_expiry_date": "2027-12-31",
        "caution_flag": False,
        "subject_category": "A1",
        "overseas_flag": False,
        "is_deleted": False,
    }


def _notice(ordinal: int, number: int) -> dict[str, Any]:
    return _of_the_child(ordinal) | {
        "notice_id": f"NOTICE{ordinal:06d}N{number}",
        "notice_title": "架空の接種のお知らせ",
        "notice_text": "架空の接種の時期になりました。見本町の架空医院でお受けください。",
    }
