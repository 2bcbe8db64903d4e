"""What entitles somebody to an answer: who is asked about, what the network signed for it, and whose key seals it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from gateway.plugin import Claim, JsonValue, Refused
from gateway_intermediate_server.permits import Permit
from gateway_intermediate_server.sealing import PublicKey


@dataclass(frozen=True, slots=True, repr=False)
class Grounds:
    """What entitles to an answer, verified. `jti` names it, `record` is what the message says of it; `key` is the
    asker's. Days bound what is asked for. `permit` is another body's.
    """

    jti: str
    internal_no: str
    dataset_code: str
    record: Mapping[str, JsonValue]
    claims: tuple[Claim, ...]
    key: PublicKey
    days: tuple[str, str] = ("", "9999")
    permit: Permit | None = None

    @property
    def looked(self) -> tuple[Claim, ...]:
        """The claims, and that people must look."""
        return (*self.claims, Claim("review", self.jti.encode()))


def vouched(jwk: Mapping[str, JsonValue] | None, thumbprint: str) -> PublicKey:
    """The asker's key, if it is the one that the network vouches for (C075). Raises Refused("no_inquirer_key")."""
    try:
        key = PublicKey.model_validate(jwk)
    except ValidationError:
        raise Refused("no_inquirer_key") from None
    if key.thumbprint() != thumbprint:
        raise Refused("no_inquirer_key")
    return key
