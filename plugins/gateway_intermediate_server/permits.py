"""What the information provision network signs: permits, route information, authorisations, the matching list.

The rule: only what it signed with a pinned key, for this city, for this use, and what has not ended, counts (C077); of
what a request itself claims, nothing does (C189).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.plugin import Claim, Refused, checks
from gateway.plugin.exchange import Later
from gateway.plugin.tokens import Claims, Issuer

Id = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$")]
BodyCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
Row = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}$")]
Procedure = Annotated[str, StringConstraints(pattern=r"^JT[0-9]{14}$")]
Dataset = Annotated[str, StringConstraints(pattern=r"^TM[0-9]{14}$")]
_Thumbprint = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{43}$")]
BodyKind = Literal["municipality", "governor"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """Who asks whom, under which 項, for which procedure and dataset; both bodies by their codes."""

    row: str
    procedure_code: str
    inquirer: str
    provider: str
    dataset_code: str


class _Signed(Claims):
    """`sub` is the process serial of one exchange: made up for it, so that it is no person's."""

    sub: Id
    jti: Id

    @property
    def ends(self) -> datetime:
        """When it ends."""
        return datetime.fromtimestamp(self.exp, UTC)

    @property
    def made(self) -> datetime:
        """When it was made."""
        return datetime.fromtimestamp(self.iat, UTC)


class Permit(_Signed):
    """情報提供許可証: this inquirer may be told this dataset by this provider, once, sealed with this key."""

    use: Literal["permit"]
    inquirer: BodyCode
    provider: BodyCode
    row: Row
    procedure_code: Procedure
    dataset_code: Dataset
    undisclosed_flag: bool
    key: _Thumbprint

    @property
    def exchange(self) -> Exchange:
        """What it permits."""
        return Exchange(self.row, self.procedure_code, self.inquirer, self.provider, self.dataset_code)

    def claims(self, party: str) -> tuple[Claim, ...]:
        """As a message attests it, towards the other body."""
        permit = Claim("permit", self.jti.encode(), until=self.ends, party=party, asked=self.made)
        return (permit, *self.mark())

    def mark(self) -> tuple[Claim, ...]:
        """That it was asked is itself not to be disclosed (番号法第23条第2項), also when the permit has ended."""
        return (Claim("undisclosed", self.jti.encode()),) if self.undisclosed_flag else ()

    def record(self, items: list[str], provided_at: datetime | None) -> dict[str, object]:
        """情報提供等記録 of a request under it (番号法第23条): what was provided, by name, and when, if it was."""
        return {
            "permit_no": self.jti,
            "inquirer_code": self.inquirer,
            "provider_code": self.provider,
            "requested_at": self.made.isoformat(timespec="seconds"),
            "provided_at": provided_at.isoformat(timespec="seconds") if provided_at is not None else None,
            "row": self.row,
            "items": items,
            "undisclosed_flag": self.undisclosed_flag,
        }


class Route(_Signed):
    """経路情報: where the answer under that permit goes."""

    use: Literal["route"]
    permit: Id
    destination: BodyCode


class Authorisation(_Signed):
    """The person wants to see what this provider has (F27)."""

    use: Literal["self"]
    provider: BodyCode
    dataset_code: Dataset
    key: _Thumbprint

    def claims(self) -> tuple[Claim, ...]:
        """As a message attests it."""
        return (Claim("self_requested", self.jti.encode(), until=self.ends),)


class ListedRow(BaseModel):
    """One line of the matching list: who may ask whom, for which procedure, for which dataset (C188)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    row: Row
    procedure_code: Procedure
    inquirer: BodyKind | Literal["any"]
    provider: BodyKind | Literal["any"]
    dataset_code: Dataset


class MatchingListToken(Claims):
    """照会許可用照合リスト as it is distributed (F29)."""

    use: Literal["list"]
    sub: Literal["matching-list"]
    version: Annotated[int, Field(ge=1)]
    rows: list[ListedRow]


_Token = TypeVar("_Token", bound=Claims)


class Network:
    """The network, by its name and its pinned keys, as it speaks to one body."""

    def __init__(self, issuer: str, jwks: bytes, body: str) -> None:
        """Raises Misconfigured."""
        self._issuer = Issuer(issuer, jwks)
        self._body = body

    def read(self, token: str | None, form: type[_Token], now: datetime) -> _Token:
        """What it signed for us, still good. Raises Refused("permit_not_valid"); Later if it is genuine and its time
        has not come: one of the clocks is wrong, and nothing may be refused for good by it.
        """
        claims = self.signed(token, form)
        try:
            claims.until(claims.iat, claims.exp - claims.iat, now)
        except Refused as refused:
            if refused.reason == "too_early":
                raise Later("not_yet_valid") from None
            raise Refused("permit_not_valid", reason=refused.reason) from None
        return claims

    def signed(self, token: str | None, form: type[_Token]) -> _Token:
        """What it signed for us, good or not by now. Raises Refused("permit_not_valid")."""
        if token is None:
            raise Refused("permit_not_valid", reason="absent")
        try:
            return self._issuer.read(token, self._body, form)
        except Refused as refused:
            raise Refused("permit_not_valid", reason=refused.reason) from None


def body_kind(code: str) -> BodyKind:
    """What kind of body has that code. Raises Refused("permit_not_valid") if none can."""
    if not checks.municipality_code(code):
        raise Refused("permit_not_valid")
    return "governor" if checks.prefecture_code(code) else "municipality"
