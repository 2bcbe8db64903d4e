"""The closed settings of the connector, as `config/tenants/<code>.toml` gives them."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class _Closed(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class TlsSettings(_Closed):
    """Paths (PEM) of our client certificate, its key, and the CA that the database's certificate comes from."""

    certificate: str
    key: str
    ca: str


class Settings(_Closed):
    """Times are in seconds. No request outlasts the delivery's own deadline, whatever `answer_timeout` says."""

    base_url: Annotated[str, StringConstraints(pattern=r"^https://[^/?#@\s]+(/[^?#\s]*)?$")]
    tls: TlsSettings
    connect_timeout: Annotated[float, Field(gt=0, le=60)] = 5.0
    answer_timeout: Annotated[float, Field(gt=0, le=300)] = 30.0
    rows_per_request: Annotated[int, Field(ge=1, le=1000)] = 500
