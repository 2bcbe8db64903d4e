"""What is given out, to another body or to the person: made of the replica, released, sealed for whoever asked.

The rule: everything is verified twice, when the message is made and when it is released, for a permit ends, a replica
changes, and a flag is set meanwhile. A request that may not be answered is answered `refused`, for every cause alike,
also where there is no such person (rule 9); the cause stands in the log alone.
"""

from collections.abc import Callable, Sequence
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from pydantic_core import to_json

from gateway.plugin import Accepted, Act, Claim, Duplicate, JsonValue, Outcome, Refused
from gateway.plugin import Final as Ended
from gateway_intermediate_server import answers
from gateway_intermediate_server.asked import Asked
from gateway_intermediate_server.grounds import Grounds
from gateway_intermediate_server.interface.city import ExportedReplica
from gateway_intermediate_server.interface.network import Dose, Provision, SelfInformation
from gateway_intermediate_server.permits import Permit
from gateway_intermediate_server.site import Site
from gateway_intermediate_server.trouble import Trouble
from gateway_intermediate_server.turns import Turns
from gateway_intermediate_server.under_way import UnderWay, of_a_reload
from gateway_intermediate_server.uses import Uses

Doses: TypeAlias = list[dict[str, JsonValue]]
Attests: TypeAlias = Callable[[tuple[Claim, ...]], bool]
"""See `Delivery`."""
Request = TypeVar("Request", bound=Asked)
_OVERTAKEN: Final = "overtaken"  # whatever changed: the code of a flag would tell who is protected
_DOSE: Final = set(Dose.model_fields)


class Kind(Protocol[Request]):
    """One kind of request. `number` is what the server calls its number, `path` where it is asked about."""

    operation: str
    number: str
    path: str

    async def waiting(self, ends: float) -> Sequence[str]:
        """The numbers of those not answered. Raises Later."""
        ...

    async def fetch(self, number: str, ends: float) -> Request:
        """Raises Later, Refused."""
        ...

    async def grounds(self, request: Request, ends: float) -> Grounds:
        """Raises Refused with why it may not be answered; Later."""
        ...

    def permit(self, request: Request) -> Permit | None:
        """Under which a person was asked about, if it held when the request came: refused or not, that is recorded."""
        ...


class Giving(Generic[Request]):
    """Requests of one kind: seen by `poll`, answered by `deliver`."""

    def __init__(self, site: Site, kind: Kind[Request]) -> None:
        self._site = site
        self._kind: Kind[Request] = kind
        self._under_way: UnderWay[str] = UnderWay(site.outbox, self._ended)
        self._turns: Turns[str] = Turns()
        self._uses = Uses()
        self._refused: dict[str, Permit | None] = {}
        self._unreadable: Trouble[str] = Trouble("requests unreadable")
        self.settled = self._under_way.settled

    def troubles(self) -> list[str]:
        """For the operator: what people must look at, since the start."""
        return self._unreadable.told()

    async def poll(self) -> None:
        """Make a message of each request that may be answered; refuse the others. Raises Later, Deferred."""
        listed = set(waiting := await self._kind.waiting(self._site.client.soon()))
        self._refused = {number: permit for number, permit in self._refused.items() if number in listed}
        self._unreadable.keep(listed)
        self._uses.keep(lambda number: number in listed or number in self._under_way)
        await self._turns.each(waiting, self._turn)

    async def deliver(self, record: Provision | SelfInformation, attests: Attests, ends: float) -> Outcome:
        """The far end of the line: seal it and hand it to the server, on the grounds on which it was made and released,
        whatever the server shows by now. Raises Later, Refused.
        """
        number = record.provision_no
        request = await self._kind.fetch(number, ends)
        if request.result is not None:
            if request.result == "refused":
                raise Refused("provided_otherwise")
            return Accepted()  # by this message, before a crash
        grounds = await self._kind.grounds(request, ends)
        looked = attests(grounds.looked)
        same = all(getattr(record, name) == value for name, value in grounds.record.items())
        if not same or not (looked or attests(grounds.claims)):
            raise Refused("permit_not_valid")
        doses, review = await self._made(grounds, ends)
        same = doses == [dose.model_dump(exclude_none=True) for dose in record.doses or ()]
        if not same or (review and not looked):
            raise Refused(_OVERTAKEN)
        await self._answer(number, grounds, doses, ends)
        return Accepted()

    async def _turn(self, number: str) -> None:
        """Raises Later, Deferred."""
        if number in self._under_way:
            return
        try:
            await self._one(number)
        except answers.Garbage as garbage:
            self._turns.waits(number)
            if number not in self._unreadable:
                self._unreadable.add(number)
                self._site.log.warning("provision.deferred", operation=self._kind.operation, code=garbage.outcome.code)
        except Refused as refused:  # by the server: it knows the number no more, or another answer
            self._turns.waits(number)
            self._site.log.warning("provision.gone", operation=self._kind.operation, code=refused.code)

    async def _one(self, number: str) -> None:
        site, ends = self._site, self._site.client.soon()
        request = await self._kind.fetch(number, ends)
        if request.result is not None:
            self._turns.waits(number)
            return
        if number in self._refused:  # that is a fact, and stands, though the server has not taken it yet
            await self._refuse(number, self._refused[number])
            return
        try:
            grounds = await self._kind.grounds(request, ends)
            doses, review = await self._made(grounds, ends)
        except Refused as refused:
            code, counts = refused.code, {"refused": 1}
            await site.outbox.note(Act.PROVISION_REFUSED, reference=number.encode(), counts=counts, code=code)
            site.log.warning("provision.refused", operation=self._kind.operation, code=code)
            await self._refuse(number, self._kind.permit(request))
            return
        await self._send(number, grounds, doses, review=review)

    async def _send(self, number: str, grounds: Grounds, doses: Doses, *, review: bool) -> None:
        """Raises Later, Deferred."""
        use = self._uses.now(grounds.jti, number, grounds.internal_no)
        told: dict[str, JsonValue] = {**grounds.record, "doses": [*doses]} if doses else {**grounds.record}
        try:
            await self._under_way.send(
                number,
                self._kind.operation,
                told,
                key=use.key(),
                same=use.same(),
                claims=grounds.looked if review else grounds.claims,
            )
        except Refused as refused:  # its refusal is a fact already
            self._site.log.warning("provision.refused", operation=self._kind.operation, code=refused.code)
            used = refused.code == "request_key_reused"  # its permit, by another request, whose record has it
            await self._refuse(number, None if used else grounds.permit)

    async def _made(self, grounds: Grounds, ends: float) -> tuple[Doses, bool]:
        """The doses of the replica, in order, and whether people must look first (C152). Raises Later, Refused."""
        self._site.replicas.managed(grounds.dataset_code)
        try:
            found = await self._site.replicas.of(grounds.internal_no, ends, grounds.dataset_code)
        except Refused:
            raise Refused("no_such_person") from None
        kept = [each for each in found.replicas if each.dataset_code == grounds.dataset_code]
        first, last = grounds.days
        given = sorted(
            (each for each in kept if first <= each.vaccinated_on <= last),
            key=lambda each: (each.vaccinated_on, each.dataset_record_no),
        )
        flagged = found.no_auto_response_flag or any(each.no_auto_response_flag for each in given)
        return [_dose(each) for each in given], flagged

    async def _answer(self, number: str, grounds: Grounds, doses: Doses, ends: float) -> None:
        """With 情報提供等記録 (番号法第23条), which the server makes as it takes the answer. Raises Later, Refused."""
        body: dict[str, object] = {self._kind.number: number, "result": "no_data"}
        if doses:
            plaintext = to_json({self._kind.number: number, "doses": doses})
            try:
                body |= {"result": "answered", "answer": {"enc_ciphertext": grounds.key.seal(plaintext, grounds.jti)}}
            except ValueError:
                raise Refused("no_inquirer_key") from None
        if grounds.permit is not None:
            items = sorted({name for dose in doses for name in dose})
            record = grounds.permit.record(items, self._site.now() if doses else None)
            body |= {"permit_no": grounds.jti, "destination": grounds.permit.inquirer, "record": record}
        await self._say(body, ends)

    async def _ended(self, number: str, outcome: Ended) -> None:
        """What was overtaken is made anew, under another key; whatever else kept it back is a refusal, unless it has
        left the city: then the log has it, beside an ending that says otherwise. Raises Later, Deferred, Refused.
        """
        if isinstance(outcome, Accepted | Duplicate):
            self._turns.waits(number)
            return
        site = self._site
        request = await self._kind.fetch(number, site.client.soon())
        anew = outcome.code == _OVERTAKEN or of_a_reload(outcome)
        if request.result is None and anew and self._uses.overtaken(number):
            return
        if request.result is None:
            await self._refuse(number, self._made_under(number, request))
        elif request.result != "refused":
            counts = {"results": 1}
            await site.outbox.note(Act.PROVISION_STANDS, reference=number.encode(), counts=counts, code=outcome.code)
            message_id = self._under_way.message(number)
            site.log.warning("provision.stands", message_id=message_id, code=outcome.code)
        self._turns.waits(number)

    def _made_under(self, number: str, request: Request) -> Permit | None:
        """Whose record tells of the refusal: not another permit's, which is shown by now."""
        shown = self._kind.permit(request)
        return shown if shown is not None and self._uses.under(number, shown.jti) else None

    async def _refuse(self, number: str, permit: Permit | None) -> None:
        """Without a cause, and without anything of the request; that there was one is recorded. Raises Later, and the
        refusal stands.
        """
        self._refused[number] = permit
        body: dict[str, object] = {self._kind.number: number, "result": "refused"}
        if permit is not None:
            body["record"] = permit.record([], None)
        try:
            await self._say(body, self._site.client.soon())
        except Refused as refused:
            self._site.log.warning("provision.gone", operation=self._kind.operation, code=refused.code)
        self._turns.waits(number)

    async def _say(self, body: dict[str, object], ends: float) -> None:
        """Raises Later, Refused."""
        try:
            await self._site.client.ask(f"{self._kind.path}/answer", body, answers.Done, ends)
        except Refused as refused:
            raise Refused("provided_otherwise" if refused.code == "answered_otherwise" else refused.code) from None


def _dose(replica: ExportedReplica) -> dict[str, JsonValue]:
    """What may be told of it: neither its record's number nor its flag."""
    return replica.model_dump(include=_DOSE, exclude_none=True)
