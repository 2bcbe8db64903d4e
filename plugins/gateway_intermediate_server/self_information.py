"""自己情報提供 (F27): the person asks over the network for what our replica has, and the network vouches for it."""

from collections.abc import Sequence

from gateway.plugin import Refused
from gateway_intermediate_server import answers
from gateway_intermediate_server.asked import SelfInformationRequest, SelfRequestsListed
from gateway_intermediate_server.client import LARGE
from gateway_intermediate_server.grounds import Grounds, vouched
from gateway_intermediate_server.interface.network import SELF_INFORMATION
from gateway_intermediate_server.permits import Authorisation, Permit
from gateway_intermediate_server.site import Site


class SelfInformationRequests:
    """Requests of residents."""

    operation = SELF_INFORMATION
    number = "self_request_no"
    path = "/server/v1/self-information"

    def __init__(self, site: Site) -> None:
        self._site = site

    async def waiting(self, ends: float) -> Sequence[str]:
        """See `Kind`."""
        listed = await self._site.client.ask(f"{self.path}/list", {}, SelfRequestsListed, ends, most=LARGE)
        return [each.self_request_no for each in listed.self_requests]

    async def fetch(self, number: str, ends: float) -> SelfInformationRequest:
        """See `Kind`."""
        whose = {self.number: number}
        request = await self._site.client.ask(f"{self.path}/fetch", whose, SelfInformationRequest, ends)
        if request.self_request_no != number:
            raise answers.Garbage
        return request

    async def grounds(self, request: SelfInformationRequest, ends: float) -> Grounds:
        """See `Kind`. Refused: permit_not_valid, no_inquirer_key, dataset_not_managed, no_such_person."""
        site = self._site
        granted = site.network.read(request.authorisation, Authorisation, site.now())
        if (granted.provider, granted.dataset_code) != (site.tenant, request.dataset_code):
            raise Refused("permit_not_valid")
        key = vouched(request.recipient_encryption_key, granted.key)
        if request.internal_no is None:
            raise Refused("no_such_person")
        return Grounds(
            jti=granted.jti,
            internal_no=request.internal_no,
            dataset_code=granted.dataset_code,
            record={
                "internal_no": request.internal_no,
                "provision_no": request.self_request_no,
                "dataset_code": granted.dataset_code,
            },
            claims=granted.claims(),
            key=key,
        )

    def permit(self, _: SelfInformationRequest) -> Permit | None:
        """See `Kind`: it is no exchange between bodies."""
        return None
