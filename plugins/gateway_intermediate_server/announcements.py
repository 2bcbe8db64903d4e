"""お知らせ over the network, and what became of each: sent, read, or not to be delivered (F28, C193)."""

from gateway.plugin import Accepted, Outcome, Refused
from gateway.plugin import Final as Ended
from gateway_intermediate_server import answers
from gateway_intermediate_server.client import LARGE
from gateway_intermediate_server.interface.city import ANNOUNCEMENT_STATUS, Announcement
from gateway_intermediate_server.site import Site
from gateway_intermediate_server.trouble import Trouble
from gateway_intermediate_server.turns import Turns
from gateway_intermediate_server.under_way import UnderWay

_PATH = "/server/v1/announcements"


class Announcements:
    """Each status is one message, under a key of its own: number and response."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._under_way: UnderWay[tuple[str, str]] = UnderWay(site.outbox, self._taken)
        self._turns: Turns[tuple[str, str]] = Turns()
        self._stuck: Trouble[tuple[str, str]] = Trouble("announcement statuses that could not be told")
        self.settled = self._under_way.settled

    async def send(self, record: Announcement, ends: float) -> Outcome:
        """Accepted once it is on its way. Raises Later, Refused."""
        await self._site.addressees.acquired(record.internal_no, ends)
        body = {
            "announcement_no": record.notice_id,
            "internal_no": record.internal_no,
            "title": record.notice_title,
            "text": record.notice_text,
            "updated_at": record.updated_at,
            "update_seq": record.update_seq,
        }
        await self._site.client.ask(f"{_PATH}/send", body, answers.Done, ends)
        return Accepted()

    async def waiting(self, ends: float) -> answers.Statuses:
        """What the city has not taken. Raises Later, Refused."""
        return await self._site.client.ask(f"{_PATH}/statuses", {}, answers.Statuses, ends, most=LARGE)

    async def poll(self) -> None:
        """Tell the city what became of them. Raises Later, Deferred."""
        listed = await self.waiting(self._site.client.soon())
        people: dict[tuple[str, str], str | None] = {
            (each.announcement_no, each.response): each.internal_no for each in listed.statuses
        }
        self._stuck.keep(people)

        async def one(status: tuple[str, str]) -> None:
            internal_no = people[status]
            if internal_no is not None and status not in self._under_way and status not in self._stuck:
                await self._tell(status, internal_no)

        await self._turns.each(people, one)

    async def _tell(self, status: tuple[str, str], internal_no: str) -> None:
        number, response = status
        told = {"internal_no": internal_no, "notice_id": number, "announcement_response": response}
        try:
            await self._under_way.send(status, ANNOUNCEMENT_STATUS, told, key="\n".join(status))
        except Refused as refused:
            self._site.log.warning("announcement.stuck", operation=ANNOUNCEMENT_STATUS, code=refused.code)
            self._stuck.add(status)

    def troubles(self) -> list[str]:
        """For the operator: what people must look at, since the start."""
        return self._stuck.told()

    async def _taken(self, status: tuple[str, str], _: Ended) -> None:
        """However it ended: what could not be told, people see in the log. Raises Later, Refused."""
        number, response = status
        body = {"announcement_no": number, "response": response}
        await self._site.client.ask(f"{_PATH}/statuses/taken", body, answers.Done, self._site.client.soon())
        self._turns.waits(status)
