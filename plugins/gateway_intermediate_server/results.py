"""What became of the city's inquiries: told to it, and deleted after their time, told or not (F25, C117, C118).

The rule: an answer counts under the permit that it was asked with, if that still holds, opened with our key, and read
whole; one that is not so, or not of its dataset's kind, ends the inquiry as aborted, and people are told.
情報提供等記録 is made whatever it was.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.plugin import Accepted, Act, Claim, Dead, Duplicate, JsonValue, Refused
from gateway.plugin import Final as Ended
from gateway.plugin.exchange import Later
from gateway_intermediate_server import answers
from gateway_intermediate_server.answers import InquiryResult, InquiryState
from gateway_intermediate_server.client import LARGE
from gateway_intermediate_server.interface.city import ANSWER, END, TAX_ANSWER
from gateway_intermediate_server.permits import Permit
from gateway_intermediate_server.sealing import CannotOpen
from gateway_intermediate_server.site import Site
from gateway_intermediate_server.trouble import Trouble
from gateway_intermediate_server.turns import Turns
from gateway_intermediate_server.under_way import UnderWay, of_a_reload
from gateway_intermediate_server.uses import Use, Uses

_ANSWERED: Final = "1"
_NO_DATA: Final = "2"
_REFUSED: Final = "3"
_ABORTED: Final = "9"
_CLOCKS_DIFFER: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a dataset is answered with: the form that was sealed, its list, and the operation that tells it."""

    form: type[answers.Told]
    entries: str
    operation: str


_VACCINATION: Final = _Kind(answers.ToldDoses, "doses", ANSWER)
_TAX: Final = _Kind(answers.ToldTax, "tax_items", TAX_ANSWER)


class Results:
    """Results of inquiries, as the server lists them."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._under_way: UnderWay[str] = UnderWay(site.outbox, self._taken)
        self._turns: Turns[str] = Turns()
        self._uses = Uses()
        self._until: dict[str, datetime] = {}
        self._noted: set[str] = set()
        self._stuck: Trouble[str] = Trouble("results that could not be told to the city")
        self._unreadable: Trouble[str] = Trouble("results unreadable")
        self.settled = self._under_way.settled

    async def poll(self) -> None:
        """Raises Later, Deferred."""
        site, ends = self._site, self._site.client.soon()
        listed = await site.client.ask("/server/v1/inquiries/list", {}, answers.Inquiries, ends, most=LARGE)
        ended = {each.inquiry_receipt_no: each for each in listed.inquiries if each.state != "waiting"}
        self._noted &= ended.keys()
        for trouble in (self._stuck, self._unreadable):
            trouble.keep(ended)
        self._uses.keep(lambda number: number in ended or number in self._under_way)
        await self._turns.each(ended, lambda number: self._turn(ended[number]))

    def troubles(self) -> list[str]:
        """For the operator: what people must look at, since the start."""
        return [*self._stuck.told(), *self._unreadable.told()]

    async def _turn(self, each: InquiryState) -> None:
        """Raises Later, Deferred."""
        number, log = each.inquiry_receipt_no, self._site.log
        try:
            await self._one(each)
        except answers.Garbage as garbage:
            self._turns.waits(number)
            if number not in self._unreadable:
                self._unreadable.add(number)
                log.warning("result.deferred", code=garbage.outcome.code)
        except Refused as refused:  # by the line, or by the server: the same again would be, too
            self._turns.waits(number)
            log.warning("result.stuck", code=refused.code)
            self._stuck.add(number)

    async def _one(self, each: InquiryState) -> None:
        if each.ended_at is None:
            raise answers.Garbage
        ended_at = datetime.fromtimestamp(each.ended_at, UTC)
        if self._site.now() - ended_at >= timedelta(seconds=self._site.settings.result_seconds):
            await self._delete(each, ended_at)
        elif not (each.taken or each.inquiry_receipt_no in self._under_way or each.inquiry_receipt_no in self._stuck):
            await self._tell(each, ended_at)

    async def _delete(self, each: InquiryState, ended_at: datetime) -> None:
        """The deletion is a fact before it is asked for, one however often it is; after a crash both come once more."""
        site, number = self._site, each.inquiry_receipt_no
        if not each.taken:
            with suppress(answers.Garbage, Refused):  # it goes, whatever it is
                await self._result(each, ended_at)
        if number not in self._noted:
            await site.outbox.note(Act.RESULT_DELETED, reference=each.request_id.encode(), counts={"results": 1})
            self._noted.add(number)
        asked = {"inquiry_receipt_no": number}
        await site.client.ask("/server/v1/inquiries/delete", asked, answers.Gone, site.client.soon())
        self._turns.waits(number)

    async def _tell(self, each: InquiryState, ended_at: datetime) -> None:
        """Raises Later, Deferred, Refused."""
        result, entries = await self._result(each, ended_at)
        if result.internal_no is None:
            raise Refused("unknown_addressee")
        told: dict[str, JsonValue] = {
            "internal_no": result.internal_no,
            "inquiry_no": result.request_id,
            "inquiry_row": result.row,
            "provider_code": result.provider_code,
        }
        permit = self._permit(result, self._site.now())
        use = self._uses.now(permit.jti if permit is not None else "", each.inquiry_receipt_no, result.internal_no)
        if permit is not None and entries is not None:
            await self._answer(use, told, permit, entries)
        else:
            asked_with = self._permit(result, None)
            mark = asked_with.mark() if asked_with is not None else ()
            await self._end(each, use, told, self._under(use.number, permit) or mark)

    async def _result(
        self, each: InquiryState, ended_at: datetime
    ) -> tuple[InquiryResult, list[dict[str, JsonValue]] | None]:
        """And what was answered, by the permit as it was then; 情報提供等記録 is made of it. Raises Later, Refused."""
        client = self._site.client
        asked, ends = {"inquiry_receipt_no": each.inquiry_receipt_no}, client.soon()
        result = await client.ask("/server/v1/inquiries/result", asked, InquiryResult, ends, most=LARGE)
        if (result.request_id, result.state) != (each.request_id, each.state):
            raise answers.Garbage
        try:
            permit = self._permit(result, ended_at)
        except Later:  # by the server's word it ended before it was permitted
            permit = None
        if permit is None:
            return result, None
        entries = self._entries(result, permit)
        items = sorted({name for entry in entries or () for name in entry})
        record = permit.record(items, ended_at if entries else None)
        await client.ask("/server/v1/statutory-records/make", record, answers.Done, ends)
        return result, entries

    async def _answer(
        self, use: Use, told: dict[str, JsonValue], permit: Permit, entries: list[dict[str, JsonValue]]
    ) -> None:
        """Of another inquiry the permit answers nothing more."""
        kind = self._kind(permit)
        told |= {
            "inquiry_status": _ANSWERED if entries else _NO_DATA,
            "dataset_code": permit.dataset_code,
            "undisclosed_flag": permit.undisclosed_flag,
        }
        if entries:
            told[kind.entries] = [*entries]
        claims = self._under(use.number, permit)
        await self._under_way.send(use.number, kind.operation, told, key=use.key(), same=use.same(), claims=claims)

    async def _end(self, each: InquiryState, use: Use, told: dict[str, JsonValue], claims: tuple[Claim, ...]) -> None:
        """Under the permit while it holds; that is another message than the one without."""
        number = use.number
        if each.state in ("answered", "no_data") and number not in self._unreadable:
            self._unreadable.add(number)
            self._site.log.warning("result.unreadable", code="unreadable")
        told["inquiry_status"] = _REFUSED if each.state == "refused" else _ABORTED
        await self._under_way.send(number, END, told, key=f"{number}\n{use.key()}", claims=claims)

    def _under(self, number: str, permit: Permit | None) -> tuple[Claim, ...]:
        """What a message about that inquiry attests, and until when it can be carried."""
        if permit is None:
            self._until.pop(number, None)
            return ()
        self._until[number] = permit.ends
        return permit.claims(permit.provider)

    def _permit(self, result: InquiryResult, at: datetime | None) -> Permit | None:
        """What we asked with, if it held then, or at any time: ours, for that provider, row and our key. Raises Later
        if its time had not come.
        """
        site, token = self._site, result.permit
        try:
            permit = site.network.signed(token, Permit) if at is None else site.network.read(token, Permit, at)
        except Refused:
            return None
        ours = (permit.inquirer, permit.provider, permit.row, permit.key)
        asked = (site.tenant, result.provider_code, result.row, site.key.public.thumbprint())
        return permit if ours == asked else None

    def _kind(self, permit: Permit) -> _Kind:
        return _TAX if permit.dataset_code in self._site.settings.tax_datasets else _VACCINATION

    def _entries(self, result: InquiryResult, permit: Permit) -> list[dict[str, JsonValue]] | None:
        """What was answered: none where the other body has none. None if there is no answer that can be read."""
        if result.state != "answered":
            return [] if result.state == "no_data" else None
        if result.answer is None:
            return None
        kind = self._kind(permit)
        try:
            opened = self._site.key.open(result.answer.enc_ciphertext, permit.jti)
            told = answers.read(kind.form, opened)
        except (CannotOpen, answers.Garbage):
            return None
        if told.inquiry != permit.sub:  # an answer to another question
            return None
        found: list[dict[str, JsonValue]] = told.model_dump(exclude_none=True)[kind.entries]
        return found

    async def _taken(self, inquiry_receipt_no: str, outcome: Ended) -> None:
        """However it ended: what the city refused, or could not be given, people see in the log. What a reload overtook
        is told anew; where a permit ended on the way, the city hears of it anew, without one. Raises Later.
        """
        site = self._site
        if not isinstance(outcome, Accepted | Duplicate):
            message_id = self._under_way.message(inquiry_receipt_no)
            site.log.warning("result.not_taken", message_id=message_id, code=outcome.code)
        until = self._until.pop(inquiry_receipt_no, None)
        ended_on_the_way = isinstance(outcome, Dead) and until is not None and until - _CLOCKS_DIFFER <= site.now()
        if ended_on_the_way or (of_a_reload(outcome) and self._uses.overtaken(inquiry_receipt_no)):
            self._turns.waits(inquiry_receipt_no)
            return
        if not isinstance(outcome, Accepted | Duplicate):
            self._stuck.add(inquiry_receipt_no)
        asked = {"inquiry_receipt_no": inquiry_receipt_no}
        await site.client.ask("/server/v1/inquiries/taken", asked, answers.Done, site.client.soon())
        self._turns.waits(inquiry_receipt_no)
