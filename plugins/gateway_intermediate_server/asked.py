"""What the server says that others ask of the city, form by form, as `answers` reads it.

What others say and sign is text here, so that what is wrong with it is refused, and not asked for again.
"""

from typing import Literal

from gateway.plugin import JsonValue
from gateway_intermediate_server.answers import Closed, InternalNo, Moment, Shown
from gateway_intermediate_server.permits import Id

Result = Literal["answered", "no_data", "refused"]
Jwk = dict[str, JsonValue]


class Provision(Closed):
    """One request that is not answered."""

    provision_no: Id
    received_at: Moment


class ProvisionsListed(Closed):
    """All of other bodies that are not answered."""

    provisions: list[Provision]


class Asked(Closed):
    """What is asked of the city. `result` is there once an answer was given."""

    received_at: Moment
    internal_no: InternalNo | None
    dataset_code: Shown
    result: Result | None = None


class ProvisionRequest(Asked):
    """What a body asks. What it claims of itself counts for nothing."""

    provision_no: Id
    row: Shown
    procedure_code: Shown
    claimed_inquirer_code: Shown
    claimed_destination: Shown
    permit: Shown | None
    route_info: Shown | None
    inquirer_encryption_key: Jwk | None
    inquiry_from: Shown | None = None
    inquiry_to: Shown | None = None


class SelfRequest(Closed):
    """One request that is not answered."""

    self_request_no: Id
    received_at: Moment


class SelfRequestsListed(Closed):
    """All of residents that are not answered."""

    self_requests: list[SelfRequest]


class SelfInformationRequest(Asked):
    """What a person asks."""

    self_request_no: Id
    authorisation: Shown | None
    recipient_encryption_key: Jwk | None
