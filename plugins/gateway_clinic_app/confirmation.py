"""Turns what a clinic shows, a confirmation of the eligibility side (オンライン資格確認), into what it proves."""

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from gateway.plugin import Claim, Proven
from gateway.plugin.tokens import Claims, Issuer


class _Confirmation(Claims):
    """`jti` is the 本人確認情報 as PMH keeps it, `sub` the person's 予防接種対象者番号, `aud` the 医療機関コード of the
    one clinic that it is for, `iat` when the card was shown.
    """

    sub: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z-]{0,31}$")]
    jti: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z-]{15,63}$")]


class Confirmations:
    """Reads confirmations of one issuer. `longest` is in seconds from the showing of the card."""

    def __init__(self, jwks: bytes, issuer: str, longest: int) -> None:
        """Raises Misconfigured."""
        self._issuer = Issuer(issuer, jwks)
        self._longest = longest

    def proven(self, proof: str, clinic: str, now: datetime) -> Proven:
        """What the confirmation bears out at that time for that clinic: who is there, the consent if any, the agent if
        any; all about `sub`.

        Raises Refused("not_attested").
        """
        told = self._issuer.read(proof, clinic, _Confirmation)
        until = told.until(told.iat, self._longest, now)
        confirmed = Claim("identity_confirmed", told.jti.encode(), until)
        bound = {"identity_confirmation": told.jti, "vaccination_subject_no": told.sub, "clinic_code": clinic}
        return Proven((confirmed, *told.agreed(until)), bound)
