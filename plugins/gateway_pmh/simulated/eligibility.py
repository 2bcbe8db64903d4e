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
from gateway_pmh.simulated.confirmations import Confirmation, Confirmations, new_id
from gateway_pmh.simulated.faults import Faults
from gateway_pmh.simulated.keys import Keys
from gateway_pmh.simulated.signing import SigningKey

_Id = Annotated[str, StringConstraints(pattern="^[0-9A-Za-z][0-9A-Za-z-]{0,31}$")]


class _NewCard(BaseModel):
    """Whose card it is, by 予防接種対象者番号; `guardian` is the card of the one who may consent for that person."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    card: _Id
    vaccination_subject_no: _Id
    guardian: _Id | None = None


class _Whose(BaseModel):
    """Whose PMHキー is asked for."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    individual_number: Annotated[str, StringConstraints(pattern="^[0-9]{12}$")]


class _CardShown(BaseModel):
    """`consent` is the version of the purpose text that was agreed to at the terminal: by the person, or by the
    guardian, whose card `agent` is.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    card: _Id
    consent: Annotated[str, StringConstraints(pattern="^[0-9A-Za-z._-]{1,32}$")] | None = None
    agent: _Id | None = None


class Eligibility:
    """The HTTP application. Cards are in memory."""

    def __init__(
        self, settings: Settings, key: SigningKey, keys: Keys, confirmations: Confirmations, faults: Faults
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._clinics = {each.certificate: each.clinic_code for each in settings.terminal}
        self._key = key
        self._confirmations = confirmations
        self._faults = faults
        self._cards: dict[str, _NewCard] = {}
        self._agents: dict[str, str] = {}  # our own name for each guardian, by card

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=8192)
        app.router.add_post("/eligibility/confirmations", self._confirm)
        app.router.add_post("/cards", self._card)
        app.router.add_post("/pmh-keys", self._pmh_key)
        return app

    async def _confirm(self, request: web.Request) -> web.Response:
        clinic = self._clinics.get(_certificate(request))
        if clinic is None:
            return _code(403, "no_such_terminal")
        try:
            shown = _CardShown.model_validate_json(await request.read())
        except ValidationError:  # its text may quote the body
            return _code(400, "malformed")
        card = self._cards.get(shown.card)
        if card is None:
            return _code(404, "no_such_card")
        if shown.agent is not None and shown.agent != card.guardian:
            return _code(403, "not_the_guardian")
        confirmed = self._confirmed(card.vaccination_subject_no, clinic, shown)
        told = {
            "identity_confirmation": confirmed.id,
            "vaccination_subject_no": confirmed.subject,
            "clinic_code": confirmed.clinic,
            "valid_until": confirmed.valid_until,
            "token": self._key.sign(_claims(confirmed, self._settings.issuer)),
        }
        return web.json_response(told, headers={"Cache-Control": "no-store"})

    def _confirmed(self, subject: str, clinic: str, shown: _CardShown) -> Confirmation:
        """Stored at PMH, without consent if there was none."""
        begun = int(time.time())
        if self._faults.strikes("long_ago"):
            begun -= self._settings.seconds + 3600
        agent = None if shown.agent is None else self._agents.setdefault(shown.agent, new_id("EA"))
        ends = begun + self._settings.seconds
        confirmed = Confirmation(new_id("IC"), subject, clinic, shown.consent, begun, ends, agent)
        if not self._faults.strikes("not_stored"):
            self._confirmations.store(confirmed)
        return confirmed

    async def _card(self, request: web.Request) -> web.Response:
        """For tests and demonstrations: a card is given out."""
        try:
            new = _NewCard.model_validate_json(await request.read())
        except ValidationError:
            return _code(422, "malformed")
        self._cards[new.card] = new
        return web.json_response({}, status=201)

    async def _pmh_key(self, request: web.Request) -> web.Response:
        """For tests and demonstrations: the key that PMH tells this side of a number, for the portal (F45, F46)."""
        try:
            whose = _Whose.model_validate_json(await request.read())
        except ValidationError:
            return _code(422, "malformed")
        (pmh_key,) = self._keys.issue([whose.individual_number])
        return web.json_response({"pmh_key": pmh_key}, headers={"Cache-Control": "no-store"})


def _claims(confirmed: Confirmation, issuer: str) -> dict[str, Any]:
    """RFC 7519 §4.1; without consent there is no such claim, nor `act` (RFC 8693 §4.1) where nobody acts."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": confirmed.clinic,
        "sub": confirmed.subject,
        "jti": confirmed.id,
        "iat": confirmed.begun,
        "exp": confirmed.ends,
    }
    if confirmed.consent is not None:
        claims["consent"] = {"text": confirmed.consent}
    if confirmed.agent is not None:
        claims["act"] = {"sub": confirmed.agent}
    return claims


def _certificate(request: web.Request) -> str:
    """The sha256 of the client's certificate."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    der = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
    return hashlib.sha256(der or b"").hexdigest()


def _code(status: int, code: str) -> web.Response:
    return web.json_response({"code": code}, status=status)
