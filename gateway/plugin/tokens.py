"""Reads a token that an issuer signed about a person (a compact JWS, RFC 7515, of claims, RFC 7519), for a connector's
`attest`.

The rule: one algorithm, pinned keys, every claim of a fixed form; whatever does not hold is the same `not_attested` to
whoever tries. Why is a closed word for the operator.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final, Literal, TypeVar

import jiter
import jwt
from jwt.utils import base64url_decode
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway.errors import Misconfigured, Reason, Refused
from gateway.plugin.attest import Claim

_ALGORITHM: Final = "ES256"
_JWS: Final = jwt.PyJWS([_ALGORITHM])  # it knows no other
_COMPACT: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]{85}[AQgw]", re.ASCII)
"""RFC 7515 §7.1 with the 64 bytes of an ES256 signature: one way to write them, so no two texts are one token."""
_CLOCKS_DIFFER: Final = 60
_LATEST: Final = 253402300799  # 9999-12-31, the end of Python's calendar

Seconds = Annotated[int, Field(ge=0, le=_LATEST)]
"""A time of a token: whole seconds since 1970."""


class _Muted(BaseModel):
    # "keys": values would stay in a cache of the process, long after their token has gone.
    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, cache_strings="keys"
    )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


class Consent(_Muted):
    """The version of the purpose text that was shown and agreed to, by the person or by who acts for the person."""

    text: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$")]


class Actor(_Muted):
    """Who acts for the person (RFC 8693 §4.1), by the issuer's own name: one, not a chain of them."""

    sub: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z-]{0,63}$")]


class Claims(_Muted):
    """What every token must hold; a connector derives its own and narrows them. What an issuer adds beyond proves
    nothing.

    `aud` is one text. `sub` is the person, `jti` the token's own id. Without `consent` there was none, without `act`
    the person acted (C209).
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore")

    iss: str
    aud: str
    sub: str
    jti: str
    iat: Seconds
    exp: Seconds
    nbf: Seconds | None = None
    consent: Consent | None = None
    act: Actor | None = None

    def until(self, begun: int, longest: int, now: datetime) -> datetime:
        """When it ends: at `exp`, and `longest` seconds after `begun` at the latest.

        Raises Refused("not_attested") unless it began, was then made, was made before `now`, holds already (`nbf`), and
        has not ended.
        """
        moment = int(now.timestamp())
        ends = min(self.exp, begun + longest)
        if moment >= ends:
            raise Refused("not_attested", reason="expired")
        if self.iat < begun or max(self.iat, self.nbf or 0) > moment + _CLOCKS_DIFFER:
            raise Refused("not_attested", reason="too_early")
        return datetime.fromtimestamp(ends, UTC)

    def agreed(self, until: datetime) -> tuple[Claim, ...]:
        """The consent, if there was one, and the agent, if there is one."""
        claims = []
        if self.consent is not None:
            claims.append(Claim("consent", self.jti.encode(), until, self.consent.text))
        if self.act is not None:  # who, not which token: keyed and by the month, as a person's tag (decision 0020)
            claims.append(Claim("agent", self.act.sub.encode(), until))
        return tuple(claims)


_Form = TypeVar("_Form", bound=Claims)


class Issuer:
    """One issuer, by its `iss`, with its public keys (a JWK Set, RFC 7517): pinned, never fetched."""

    def __init__(self, name: str, jwks: bytes) -> None:
        """Raises Misconfigured, without echo."""
        self._name = name
        self._keys = _keys(jwks)

    def read(self, token: str, audience: str, form: type[_Form]) -> _Form:
        """The claims of a token that this issuer signed for that audience. Raises Refused("not_attested")."""
        claims = self._signed(token, form)
        if claims.iss != self._name:
            raise Refused("not_attested", reason="issuer")
        if claims.aud != audience:
            raise Refused("not_attested", reason="audience")
        if claims.act is not None and claims.act.sub == claims.sub:
            raise Refused("not_attested", reason="claims")
        return claims

    def _signed(self, token: str, form: type[_Form]) -> _Form:
        reason: Reason = "form"
        try:
            if not _COMPACT.fullmatch(token):
                raise Refused("not_attested", reason=reason)
            name = _JWS.get_unverified_header(token).get("kid", "")
            reason = "unknown_key"
            key = self._keys[name]
            reason = "signature"
            signed = _JWS.decode_complete(token, key, algorithms=[_ALGORITHM])
            reason = "claims"
            if signed["header"].get("typ", "JWT") != "JWT":  # RFC 8725 §3.11: another kind of token proves nothing here
                raise Refused("not_attested", reason=reason)
            for part in (base64url_decode(token.partition(".")[0]), signed["payload"]):
                jiter.from_json(part, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
            return form.model_validate_json(signed["payload"])
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):  # their texts may quote the token
            raise Refused("not_attested", reason=reason) from None


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


def _keys(jwks: bytes) -> dict[str, jwt.PyJWK]:
    """By their ids. Raises Misconfigured."""
    try:
        keys = _Jwks.model_validate_json(jwks).keys
        found = {key.kid: jwt.PyJWK(key.model_dump()) for key in keys}
    except (ValidationError, jwt.PyJWTError):
        keys, found = [], {}
    if not found or len(found) != len(keys):
        wrong = "is not a set of public ES256 keys without a private part, each with a kid of its own (RFC 7517)"
        raise Misconfigured((f"jwks: {wrong}",))
    return found
