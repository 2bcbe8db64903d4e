"""Turns what a peer shows, an ID token of the portal's provider (OpenID Connect Core §2), into what it proves.

The rule: one algorithm, pinned keys, every claim of a fixed form; whatever does not hold is the same `not_attested`,
without a word about why, for the reason would help only who tries.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final, Literal

import jwt
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway.plugin import Claim, Misconfigured, Proven, Refused

_ALGORITHM: Final = "ES256"
_JWS: Final = jwt.PyJWS([_ALGORITHM])  # it knows no other
_COMPACT: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]{85}[AQgw]", re.ASCII)
"""RFC 7515 §7.1 with the 64 bytes of an ES256 signature: one way to write them, so no two texts are one token."""
_CLOCKS_DIFFER: Final = 60
_LATEST: Final = 253402300799  # 9999-12-31, the end of Python's calendar

_Word = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$")]
_Pseudonym = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z-]{0,63}$")]
_Seconds = Annotated[int, Field(ge=0, le=_LATEST)]


class _Muted(BaseModel):
    # "keys": values would stay in a cache of the process, long after their token has gone.
    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, cache_strings="keys"
    )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


class _Consent(_Muted):
    """The version of the purpose text that the person, or who acts for the person, was shown and agreed to (C209)."""

    text: _Word


class _Actor(_Muted):
    """Who acts for the person (RFC 8693 §4.1): one, not a chain of them."""

    sub: _Pseudonym


class _IdToken(_Muted):
    """The claims that we read. A provider may add others; they prove nothing here.

    `acr` aal3: the login was with the card (C208), at `auth_time`. `aud` is one text, ours.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore")

    iss: str
    aud: str
    sub: _Pseudonym
    jti: Annotated[str, StringConstraints(pattern=r"^[!-~]{16,128}$")]
    acr: Literal["aal3"]
    iat: _Seconds
    auth_time: _Seconds
    exp: _Seconds
    consent: _Consent | None = None
    act: _Actor | None = None


class _Jwk(_Muted):
    """A public key of RFC 7518 §6.2.1. A private one, with `d`, has a field too many."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    kid: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$")]
    alg: Literal["ES256"] = "ES256"
    use: Literal["sig"] = "sig"


class _Jwks(_Muted):
    keys: Annotated[list[_Jwk], Field(min_length=1, max_length=16)]


class IdTokens:
    """Reads ID tokens of one issuer for one audience. `longest` is in seconds from the login."""

    def __init__(self, jwks: bytes, issuer: str, audience: str, longest: int) -> None:
        self._keys = _keys(jwks)
        self._issuer = issuer
        self._audience = audience
        self._longest = longest

    def proven(self, proof: str, now: datetime) -> Proven:
        """What the token bears out at that time: the login, the consent if any, the agent if any; all about `sub`.

        Raises Refused("not_attested").
        """
        token = self._read(proof)
        moment = int(now.timestamp())
        ends = min(token.exp, token.auth_time + self._longest)
        begun = token.auth_time <= token.iat <= moment + _CLOCKS_DIFFER
        for_us = (token.iss, token.aud) == (self._issuer, self._audience)
        agent = token.act
        if not (for_us and begun and moment < ends) or (agent is not None and agent.sub == token.sub):
            raise Refused("not_attested")
        until, by = datetime.fromtimestamp(ends, UTC), token.jti.encode()
        claims = [Claim("card_login", by, until)]
        if token.consent is not None:
            claims.append(Claim("consent", by, until, token.consent.text))
        if agent is not None:  # who, not which token: keyed and by the month, as a person's tag (decision 0020)
            claims.append(Claim("agent", agent.sub.encode(), until))
        return Proven(tuple(claims), {"pmh_pseudonym_id": token.sub})

    def _read(self, proof: str) -> _IdToken:
        """The claims of a token that one of our keys has signed. Raises Refused."""
        try:
            if not _COMPACT.fullmatch(proof):
                raise Refused("not_attested")
            key = self._keys[_JWS.get_unverified_header(proof).get("kid", "")]
            signed = _JWS.decode_complete(proof, key, algorithms=[_ALGORITHM])
            if signed["header"].get("typ", "JWT") != "JWT":  # RFC 8725 §3.11: another kind of token proves no login
                raise Refused("not_attested")
            return _IdToken.model_validate_json(signed["payload"])
        except (jwt.PyJWTError, KeyError, TypeError, ValidationError):  # their texts may quote the token
            raise Refused("not_attested") from None


def _keys(jwks: bytes) -> dict[str, jwt.PyJWK]:
    """By their ids. Raises Misconfigured, without echo."""
    try:
        keys = _Jwks.model_validate_json(jwks).keys
        found = {key.kid: jwt.PyJWK(key.model_dump()) for key in keys}
    except (ValidationError, jwt.PyJWTError):
        keys, found = [], {}
    if not found or len(found) != len(keys):
        wrong = "is not a set of public ES256 keys without a private part, each with a kid of its own (RFC 7517)"
        raise Misconfigured((f"jwks: {wrong}",))
    return found
