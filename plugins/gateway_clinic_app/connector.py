"""Turns a clinic's confirmation into claims about who is at its desk; nothing is ever delivered to a clinic.

The rule: a clinic is its certificate, and a confirmation proves only for the clinic and the person that it names. An
answer that came too late is not sent after a visit that may be over: the clinic asks again, with its confirmation.
"""

from collections.abc import Mapping
from typing import cast

from gateway.plugin import Accepted, Context, Deferred, Delivery, Health, Outcome, Proven, Refused, Shown
from gateway.plugin import Final as Ended
from gateway_clinic_app.confirmation import Confirmations
from gateway_clinic_app.settings import Settings


class ClinicApp:
    """The connector `clinic_app`. What clinics send comes in over HTTPS, so `settled` has nothing to hear."""

    _clinics: Mapping[str, str]
    _confirmations: Confirmations | None = None

    async def open(self, context: Context) -> None:
        """Read the pinned keys. Raises Misconfigured."""
        settings = cast(Settings, context.settings)
        self._clinics = settings.clinics
        self._confirmations = Confirmations(context.secret(settings.jwks), settings.issuer, settings.longest_visit)

    def attest(self, shown: Shown) -> Proven:
        """Who was confirmed, the consent, and who gave it for the person (C209), for the clinic whose certificate this
        is (C206); every record must be about that person, under that confirmation, from that clinic.

        Raises Refused("not_attested"), or Deferred until it is open.
        """
        if self._confirmations is None:
            raise Deferred("system_busy")
        clinic = self._clinics.get(shown.certificate)
        if clinic is None:
            raise Refused("not_attested", reason="peer")
        return self._confirmations.proven(shown.proof, clinic, shown.now)

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """Only answers that nobody awaits any more come here: the clinic asks for them again."""
        return {index: Accepted() for index, _ in delivery.records}

    async def settled(self, message_id: str, outcomes: Mapping[int, Ended]) -> None:
        """A message of a clinic's has ended; the clinic asks for that itself."""

    async def health(self) -> Health:
        """There is nobody to ask: clinics come to us."""
        return Health(ok=True, detail=f"the certificates of {len(set(self._clinics.values()))} clinics are known")

    async def close(self) -> None:
        """Nothing to close."""
