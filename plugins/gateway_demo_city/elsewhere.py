"""Other bodies and residents, as they turn to the city over the information provision network, and what they are told.

The rule: what counts as told is what a body could open with its own key.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from gateway_demo_city.addressees import DATASET, PROCEDURES, Addressee, told
from gateway_demo_city.peer import Peer
from gateway_demo_city.stage import Failed

_LOOKS: Final = 1200
_GLANCE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The other face of what stands for platform, 中間サーバー and network."""

    peer: Peer

    async def knows(self, body: str, addressee: Addressee) -> None:
        """A body has had this person, with all doses."""
        doses = told(addressee.records)
        await self._say("person", body=body, individual_number=addressee.individual_number, doses=doses)

    async def ask(self, body: str, addressee: Addressee, row: str, wrong: str | None = None) -> str:
        """A body asks about one of ours: its 提供受付番号."""
        asked = {"individual_number": addressee.individual_number, "row": row, "dataset_code": DATASET}
        more = {} if wrong is None else {"wrong": wrong}
        answer = await self._say("inquire", body=body, procedure_code=PROCEDURES[row], **asked, **more)
        return str(answer["provision_no"])

    async def ask_own(self, addressee: Addressee) -> str:
        """A resident asks for what the city has."""
        asked = {"individual_number": addressee.individual_number, "dataset_code": DATASET}
        return str((await self._say("self-information", **asked))["self_request_no"])

    async def read(self, announcement: str) -> None:
        """A resident reads an announcement that has arrived."""
        await self._say("announcement-read", announcement_no=announcement)

    async def heard(self, provision_no: str) -> dict[str, Any]:
        """State, doses and records, once the city has answered. Raises Failed."""
        return await self._once("inquired", provision_no=provision_no)

    async def heard_own(self, self_request_no: str) -> dict[str, Any]:
        """Likewise, of the resident."""
        return await self._once("self-informed", self_request_no=self_request_no)

    async def waits(self, provision_no: str) -> bool:
        """Whether nothing has been answered."""
        return bool((await self._say("inquired", provision_no=provision_no))["state"] == "waiting")

    async def results_gone(self) -> None:
        """Until no result of an inquiry is kept. Raises Failed."""
        for _ in range(_LOOKS):
            if not (await self._say("state"))["results"]:
                return
            await asyncio.sleep(_GLANCE)
        raise Failed("results of inquiries are still kept")

    async def records(self) -> dict[str, Any]:
        """情報提供等記録: the city's `own`, and those of the `others`."""
        return await self._say("statutory-records")

    async def _once(self, what: str, **whose: str) -> dict[str, Any]:
        for _ in range(_LOOKS):
            said = await self._say(what, **whose)
            if said["state"] != "waiting":
                return said
            await asyncio.sleep(_GLANCE)
        raise Failed(f"waited for {what} in vain")

    async def _say(self, what: str, **body: object) -> dict[str, Any]:
        return await self.peer.post(f"/control/v1/{what}", body)
