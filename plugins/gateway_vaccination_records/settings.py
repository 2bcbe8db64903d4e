"""The closed settings of the connector, as `config/tenants/<code>.toml` gives them."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


class _Closed(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class TlsSettings(_Closed):
    """Paths (PEM) of our client certificate, its key, and the CA that the record system's certificate comes from."""

    certificate: str
    key: str
    ca: str


def _distinct(kinds: list[str]) -> list[str]:
    if len(set(kinds)) != len(kinds):
        raise ValueError("a kind stands twice")
    return kinds


class Settings(_Closed):
    """Times are in seconds. No request outlasts the delivery's own deadline, whatever `answer_timeout` says.

    `confirmation_patience`: so long a clinic's visit waits for PMH's confirmation before it is deferred.
    `ask_keys`: ask for the PMH keys that the record system wants. It needs a route for `pmh_key.issue`.
    `ask_id5`: ask for the ID5 that it wants. It needs a route for `id5.fetch`.
    `send`: what it has due to be sent: notices to residents, doses to the city, doses to research. Each needs a route.
    """

    base_url: Annotated[str, StringConstraints(pattern=r"^https://[^/?#@\s]+(/[^?#\s]*)?$")]
    tls: TlsSettings
    connect_timeout: Annotated[float, Field(gt=0, le=60)] = 5.0
    answer_timeout: Annotated[float, Field(gt=0, le=300)] = 30.0
    confirmation_patience: Annotated[float, Field(gt=0, le=30)] = 3.0
    rows_per_request: Annotated[int, Field(ge=1, le=1000)] = 500
    ask_keys: bool = False
    ask_id5: bool = False
    send: Annotated[list[Literal["notice", "return", "research"]], AfterValidator(_distinct)] = []
