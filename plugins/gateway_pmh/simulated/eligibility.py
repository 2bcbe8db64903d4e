"""The eligibility side (オンライン資格確認): a card that is shown at a clinic's terminal becomes a confirmation that
PMH stores, and a signed one for the terminal (C206).

The rule: a terminal is its certificate, and what it gets is about the person of the card, for its own clinic.
"""

import hashlib
import ssl
import time
from typing import Annotated, Any, ClassVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from gateway_pmh.simulated.config import Eligibility as Settings
from gateway_pmh.simulated.confirmations import Confirmation, Confirmations, confirm
from gateway_pmh.simulated.faults import Faults
from gateway_pmh.simulated.signing import SigningKey

_Id = Annotated[str, StringConstraints(pattern="^[0-9A-Za-z][0-9A-Za-z-]{0,31}$")]


class _NewCard(BaseModel):
    """Whose card it is, by 予防接種対象者番号."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    card: _Id
    vaccination_subject_no: _Id


class _CardShown(BaseModel):
    """`consent` is the version of the purpose text that the person agreed to at the terminal."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    card: _Id
    consent: Annotated[str, StringConstraints(pattern="^[0-9A-Za-z._-]{1,32}$")] | None = None


class Eligibility:
    """The HTTP application. Cards are in memory."""

    def __init__(self, settings: Settings, key: SigningKey, confirmations: Confirmations, faults: Faults) -> None:
        self._settings = settings
        self._clinics = {each.certificate: each.clinic_code for each in settings.terminal}
        self._key = key
        self._confirmations = confirmations
        self._faults = faults
        self._subjects: dict[str, str] = {}  # by card

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=8192)
        app.router.add_post("/eligibility/confirmations", self._confirm)
        app.router.add_post("/cards", self._card)
        return app

    async def _confirm(self, request: web.Request) -> web.Response:
        clinic = self._clinics.get(_certificate(request))
        if clinic is None:
            return _code(403, "no_such_terminal")
        try:
            shown = _CardShown.model_validate_json(await request.read())
        except ValidationError:  # its text may quote the body
            return _code(400, "malformed")
        if shown.card not in self._subjects:
            return _code(404, "no_such_card")
        confirmed = self._confirmed(self._subjects[shown.card], clinic, shown.consent)
        told = {
            "identity_confirmation": confirmed.id,
            "vaccination_subject_no": confirmed.subject,
            "clinic_code": confirmed.clinic,
            "valid_until": confirmed.valid_until,
            "token": self._key.sign(_claims(confirmed, self._settings.issuer)),
        }
        return web.json_response(told, headers={"Cache-Control": "no-store"})

    def _confirmed(self, subject: str, clinic: str, consent: str | None) -> Confirmation:
        """Stored at PMH, without consent if there was none."""
        begun = int(time.time())
        if self._faults.strikes("long_ago"):
            begun -= self._settings.seconds + 3600
        confirmed = confirm(subject, clinic, consent, begun, self._settings.seconds)
        if not self._faults.strikes("not_stored"):
            self._confirmations.store(confirmed)
        return confirmed

    async def _card(self, request: web.Request) -> web.Response:
        """For tests and demonstrations: a card is given out."""
        try:
            new = _NewCard.model_validate_json(await request.read())
        except ValidationError:
            return _code(422, "malformed")
        self._subjects[new.card] = new.vaccination_subject_no
        return web.json_response({}, status=201)


def _claims(confirmed: Confirmation, issuer: str) -> dict[str, Any]:
    """RFC 7519 §4.1; without consent there is no such claim."""
    claims = {
        "iss": issuer,
        "aud": confirmed.clinic,
        "sub": confirmed.subject,
        "jti": confirmed.id,
        "iat": confirmed.begun,
        "exp": confirmed.ends,
    }
    return claims if confirmed.consent is None else {**claims, "consent": {"text": confirmed.consent}}


def _certificate(request: web.Request) -> str:
    """The sha256 of the client's certificate."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    der = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
    return hashlib.sha256(der or b"").hexdigest()


def _code(status: int, code: str) -> web.Response:
    return web.json_response({"code": code}, status=status)
