"""情報照会: what the city asks of other bodies (F24).

The rule: first our own matching list, then the permit, and only then the inquiry (C186, C187). The city's 照会番号 is
the number by which the server knows it, so that every step finds it again and nothing is kept here.
"""

from typing import Final

from gateway.plugin import Accepted, Outcome, Refused
from gateway.plugin.exchange import Later
from gateway_intermediate_server import answers
from gateway_intermediate_server.client import LARGE
from gateway_intermediate_server.interface.city import Inquiry
from gateway_intermediate_server.permits import Exchange, Permit
from gateway_intermediate_server.site import Site

_UNTIL_PERMITTED: Final = 2.0


class Inquiries:
    """One at a time; each step may be repeated without harm."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def ask(self, record: Inquiry, ends: float) -> Outcome:
        """Accepted once the inquiry is on its way, and then for good. Raises Later, Refused."""
        try:
            token = await self._allowed(record, ends)
        except Refused:
            if not await self._sent(record.inquiry_no, ends):
                raise
            await self._permitted(record, ends)  # refused if that number is another inquiry's
            return Accepted()  # before a crash, while it was allowed
        sent = {"request_id": record.inquiry_no, "permit": token}
        await self._site.client.ask("/server/v1/inquiries/send", sent, answers.InquirySent, ends)
        return Accepted()

    async def _allowed(self, record: Inquiry, ends: float) -> str:
        """The permit, once all else is found good. Raises Later, Refused."""
        settings = self._site.settings
        if record.dataset_code not in (*settings.datasets, *settings.tax_datasets):  # C006
            raise Refused("dataset_not_managed")
        await self._site.matching.admits(self._exchange(record), ends)
        await self._site.addressees.acquired(record.internal_no, ends)
        token = await self._permitted(record, ends)
        self._as_asked(record, token)
        return token

    def _exchange(self, record: Inquiry) -> Exchange:
        return Exchange(
            row=record.inquiry_row,
            procedure_code=record.procedure_code,
            inquirer=self._site.tenant,
            provider=record.provider_code,
            dataset_code=record.dataset_code,
        )

    async def _permitted(self, record: Inquiry, ends: float) -> str:
        """The permit, as it came. Raises Later, Refused."""
        site = self._site
        body = {
            "request_id": record.inquiry_no,
            "internal_no": record.internal_no,
            "row": record.inquiry_row,
            "procedure_code": record.procedure_code,
            "dataset_code": record.dataset_code,
            "provider_code": record.provider_code,
            "undisclosed_flag": record.undisclosed_flag,
            "inquiry_from": record.inquiry_from,
            "inquiry_to": record.inquiry_to,
            "inquirer_encryption_key": site.key.public,
        }
        try:
            asked = await site.client.ask("/server/v1/permits/request", body, answers.PermitAsked, ends)
        except Refused as refused:
            if refused.code == "code_not_acquired":
                raise Later(refused.code) from None
            raise Refused("inquiry_no_taken" if refused.code == "request_reused" else refused.code) from None
        number = {"permit_request_no": asked.permit_request_no}
        fetched = await site.client.ask("/server/v1/permits/fetch", number, answers.PermitFetched, ends)
        if fetched.state == "pending":
            raise Later("permit_pending", _UNTIL_PERMITTED)
        if fetched.state == "denied" or fetched.permit is None:
            raise Refused("permit_denied")
        return fetched.permit

    def _as_asked(self, record: Inquiry, token: str) -> None:
        """The permit is for exactly this inquiry. Raises Refused("permit_not_valid"), Later."""
        site = self._site
        permit = site.network.read(token, Permit, site.now())
        same = permit.exchange == self._exchange(record) and permit.undisclosed_flag == record.undisclosed_flag
        if not same or permit.key != site.key.public.thumbprint():
            raise Refused("permit_not_valid")

    async def _sent(self, inquiry_no: str, ends: float) -> bool:
        listed = await self._site.client.ask("/server/v1/inquiries/list", {}, answers.Inquiries, ends, most=LARGE)
        return any(each.request_id == inquiry_no for each in listed.inquiries)
