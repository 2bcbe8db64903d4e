"""Turns what a clinic shows, a confirmation signed by the eligibility side (オンライン資格確認), into what it proves.

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
_Id = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z-]{15,63}$")]
_Subject = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z-]{0,31}$")]
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
    """The version of the purpose text that the person was shown at the desk and agreed to (C206, C209)."""

    text: _Word


class _Confirmation(_Muted):
    """The claims that we read. An issuer may add others; they prove nothing here.

    `jti` is the 本人確認情報 as PMH keeps it, `sub` the person's 予防接種対象者番号, `aud` the 医療機関コード of the
    one clinic that it is for, `iat` when the card was shown.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore")

    iss: str
    aud: str
    sub: _Subject
    jti: _Id
    iat: _Seconds
    exp: _Seconds
    consent: _Consent | None = None


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


class Confirmations:
    """Reads confirmations of one issuer. `longest` is in seconds from the showing of the card."""

    def __init__(self, jwks: bytes, issuer: str, longest: int) -> None:
        self._keys = _keys(jwks)
        self._issuer = issuer
        self._longest = longest

    def proven(self, proof: str, clinic: str, now: datetime) -> Proven:
        """What the confirmation bears out at that time for that clinic: who is there, and the consent if any; all
        about `sub`.

        Raises Refused("not_attested").
        """
        told = self._read(proof)
        moment = int(now.timestamp())
        ends = min(told.exp, told.iat + self._longest)
        for_us = (told.iss, told.aud) == (self._issuer, clinic)
        if not for_us or told.iat > moment + _CLOCKS_DIFFER or moment >= ends:
            raise Refused("not_attested")
        until, by = datetime.fromtimestamp(ends, UTC), told.jti.encode()
        claims = [Claim("identity_confirmed", by, until)]
        if told.consent is not None:
            claims.append(Claim("consent", by, until, told.consent.text))
        bound = {"identity_confirmation": told.jti, "vaccination_subject_no": told.sub, "clinic_code": clinic}
        return Proven(tuple(claims), bound)

    def _read(self, proof: str) -> _Confirmation:
        """The claims of a token that one of our keys has signed. Raises Refused."""
        try:
            if not _COMPACT.fullmatch(proof):
                raise Refused("not_attested")
            key = self._keys[_JWS.get_unverified_header(proof).get("kid", "")]
            signed = _JWS.decode_complete(proof, key, algorithms=[_ALGORITHM])
            if signed["header"].get("typ", "JWT") != "JWT":  # RFC 8725 §3.11: another kind of token proves nothing here
                raise Refused("not_attested")
            return _Confirmation.model_validate_json(signed["payload"])
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
