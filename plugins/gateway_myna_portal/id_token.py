"""Turns what a peer shows, an ID token of the portal's provider (OpenID Connect Core §2), into what it proves."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import StringConstraints

from gateway.plugin import Claim, Proven
from gateway.plugin.tokens import Claims, Issuer, Seconds


class _IdToken(Claims):
    """`acr` aal3: the login was with the card (C208), at `auth_time`. `sub` is the person's PMH仮名識別子."""

    sub: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z-]{0,63}$")]
    jti: Annotated[str, StringConstraints(pattern=r"^[!-~]{16,128}$")]
    acr: Literal["aal3"]
    auth_time: Seconds


class IdTokens:
    """Reads ID tokens of one issuer for one audience. `longest` is in seconds from the login."""

    def __init__(self, jwks: bytes, issuer: str, audience: str, longest: int) -> None:
        """Raises Misconfigured."""
        self._issuer = Issuer(issuer, jwks)
        self._audience = audience
        self._longest = longest

    def proven(self, proof: str, now: datetime) -> Proven:
        """What the token bears out at that time: the login, the consent if any, the agent if any; all about `sub`.

        Raises Refused("not_attested").
        """
        token = self._issuer.read(proof, self._audience, _IdToken)
        until = token.until(token.auth_time, self._longest, now)
        login = Claim("card_login", token.jti.encode(), until)
        return Proven((login, *token.agreed(until)), {"pmh_pseudonym_id": token.sub})
