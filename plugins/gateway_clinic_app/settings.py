"""The closed settings of the connector, as `config/tenants/<code>.toml` gives them."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Settings(BaseModel):
    """`issuer` is what a confirmation must name as who made it, to the byte. `jwks` is a reference (`file:PATH`,
    `env:NAME`, `systemd:NAME`) to the issuer's public keys (RFC 7517): they are pinned, never fetched.

    `clinics` tells whose certificate is which clinic's: a file, written as in the connector's `certificates`, and its
    医療機関コード; a file that is not there is told at start. `longest_visit`, in seconds, bounds how long after the
    card was shown anything may be done, whatever the confirmation itself says.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    issuer: Annotated[str, StringConstraints(pattern=r"^https://[^?#@\s]+$")]
    jwks: Annotated[str, StringConstraints(pattern=r"^(file|env|systemd):.+$")]
    clinics: Annotated[dict[str, Annotated[str, StringConstraints(pattern="^[0-9]{10}$")]], Field(min_length=1)]
    longest_visit: Annotated[int, Field(ge=60, le=86400)] = 86400
