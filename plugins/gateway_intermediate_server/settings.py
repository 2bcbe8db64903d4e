"""The closed settings of the connector, as `config/tenants/<code>.toml` gives them."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Url = Annotated[str, StringConstraints(pattern=r"^https://[^/?#@\s]+(/[^?#\s]*)?$")]
Reference = Annotated[str, StringConstraints(pattern=r"^(file|env|systemd):.+$")]
Dataset = Annotated[str, StringConstraints(pattern=r"^TM[0-9]{14}$")]


class _Closed(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class TlsSettings(_Closed):
    """Paths (PEM) of our client certificate, its key, and the CA that the servers' certificates come from."""

    certificate: str
    key: str
    ca: str


class Settings(_Closed):
    """Times are in seconds. No request outlasts the delivery's own deadline, whatever `answer_timeout` says.

    `issuer` is what the network's tokens must name, to the byte; `network_jwks` refers to its public keys, pinned, and
    `inquiry_key` to our private key (a JWK, RFC 8037) that opens the answers to our inquiries. `datasets` is all that
    this city manages (C007). `tax_datasets` are those of tax and welfare that others manage: answered by
    `inquiry.tax_answer`, all the rest by `inquiry.answer` (rule 8). `list_seconds` is how long our copy of the matching
    list is used before it is fetched anew; `reconcile_seconds` may be 0: never.
    """

    platform_url: Url
    server_url: Url
    tls: TlsSettings
    issuer: Annotated[str, StringConstraints(pattern=r"^https://[^?#@\s]+$")]
    network_jwks: Reference
    inquiry_key: Reference
    datasets: Annotated[list[Dataset], Field(min_length=1)]
    tax_datasets: list[Dataset] = []
    result_seconds: Annotated[int, Field(ge=1, le=31_622_400)] = 604_800
    reconcile_seconds: Annotated[int, Field(ge=0, le=31_622_400)] = 86_400
    list_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300
    connect_timeout: Annotated[float, Field(gt=0, le=60)] = 5.0
    answer_timeout: Annotated[float, Field(gt=0, le=300)] = 30.0
    records_at_once: Annotated[int, Field(ge=1, le=64)] = 8
    people_per_export: Annotated[int, Field(ge=1, le=1000)] = 200
