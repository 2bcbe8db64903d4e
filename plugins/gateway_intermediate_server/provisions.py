"""情報提供 (F26): what entitles another body to an answer, and where that goes.

The rule: the permit, the route information and our own matching list say so; what the request claims of its sender and
of its destination is not even read (C187, C189).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from gateway.plugin import Refused, checks
from gateway.plugin.exchange import Later
from gateway_intermediate_server import answers
from gateway_intermediate_server.asked import ProvisionRequest, ProvisionsListed
from gateway_intermediate_server.client import LARGE
from gateway_intermediate_server.grounds import Grounds, vouched
from gateway_intermediate_server.interface.network import PROVISION
from gateway_intermediate_server.permits import Permit, Route, body_kind
from gateway_intermediate_server.site import Site

_GIVEN_UNDER: Final = frozenset({"25", "26", "153"})  # L5
_TO_A_GOVERNOR_ONLY: Final = "26"  # L6; the line holds a message to both, too: here nobody's replica is even looked for


class Provisions:
    """Requests of other bodies."""

    operation = PROVISION
    number = "provision_no"
    path = "/server/v1/provisions"

    def __init__(self, site: Site) -> None:
        self._site = site

    async def waiting(self, ends: float) -> Sequence[str]:
        """See `Kind`."""
        listed = await self._site.client.ask(f"{self.path}/list", {}, ProvisionsListed, ends, most=LARGE)
        return [each.provision_no for each in listed.provisions]

    async def fetch(self, number: str, ends: float) -> ProvisionRequest:
        """See `Kind`."""
        request = await self._site.client.ask(f"{self.path}/fetch", {self.number: number}, ProvisionRequest, ends)
        if request.provision_no != number:
            raise answers.Garbage
        return request

    async def grounds(self, request: ProvisionRequest, ends: float) -> Grounds:
        """See `Kind`. Refused: permit_not_valid, not_on_matching_list, counterparty_not_allowed, no_inquirer_key,
        dataset_not_managed, no_such_person.
        """
        permit = self._permit(request, self._site.now())
        if permit.row not in _GIVEN_UNDER:
            raise Refused("not_on_matching_list")
        if permit.row == _TO_A_GOVERNOR_ONLY and body_kind(permit.inquirer) != "governor":
            raise Refused("counterparty_not_allowed")
        await self._site.matching.admits(permit.exchange, ends)
        self._route(request, permit)
        key = vouched(request.inquirer_encryption_key, permit.key)
        if request.internal_no is None:
            raise Refused("no_such_person")
        return Grounds(
            jti=permit.jti,
            internal_no=request.internal_no,
            dataset_code=permit.dataset_code,
            record={
                "internal_no": request.internal_no,
                "provision_no": request.provision_no,
                "provision_row": permit.row,
                "inquirer_code": permit.inquirer,
                "dataset_code": permit.dataset_code,
            },
            claims=permit.claims(permit.inquirer),
            key=key,
            days=(_day(request.inquiry_from) or "", _day(request.inquiry_to) or "9999"),
            permit=permit,
        )

    def permit(self, request: ProvisionRequest) -> Permit | None:
        """See `Kind`."""
        if request.internal_no is None:
            return None
        try:
            return self._permit(request, datetime.fromisoformat(request.received_at))
        except (Refused, Later):
            return None

    def _permit(self, request: ProvisionRequest, at: datetime) -> Permit:
        """For us, by the network, good then, for exactly what is asked. Raises Refused("permit_not_valid"), Later."""
        permit = self._site.network.read(request.permit, Permit, at)
        wanted = (request.row, request.procedure_code, request.dataset_code)
        if permit.provider != self._site.tenant or (permit.row, permit.procedure_code, permit.dataset_code) != wanted:
            raise Refused("permit_not_valid")
        return permit

    def _route(self, request: ProvisionRequest, permit: Permit) -> None:
        """The network sends the answer under this permit to its inquirer. Raises Refused("permit_not_valid"), Later."""
        route = self._site.network.read(request.route_info, Route, self._site.now())
        if (route.permit, route.sub, route.destination) != (permit.jti, permit.sub, permit.inquirer):
            raise Refused("permit_not_valid")


def _day(text: str | None) -> str | None:
    """It narrows what is given, and nothing else. Raises Refused("not_a_date")."""
    if text is not None and not checks.calendar_date(text):
        raise Refused("not_a_date")
    return text
