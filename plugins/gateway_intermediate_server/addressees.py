"""What the city registers: people (F20), and replicas of what other bodies may be told of them (F21, F23).

The rule: 団体内統合宛名番号 and 符号 stay where they are; the city's own number goes out and comes back (C192).
"""

from typing import Final

from gateway.plugin import Accepted, Duplicate, Log, Outcome, Payload, Refused
from gateway.plugin.exchange import Later
from gateway_intermediate_server import answers
from gateway_intermediate_server.client import LARGE, Client
from gateway_intermediate_server.interface.city import Addressee, Replica, ReplicaDeletion
from gateway_intermediate_server.unregistered import Unregistered

_UNTIL_ACQUIRED: Final = 5.0


class Addressees:
    """People, as the link platform knows them."""

    def __init__(self, client: Client, unregistered: Unregistered, log: Log) -> None:
        self._client = client
        self._unregistered = unregistered
        self._log = log

    async def register(self, record: Addressee, ends: float) -> Outcome:
        """Accepted once the number is allocated; its 符号 comes by itself. Raises Later, Refused."""
        path = "/platform/v1/addressees/register"
        registered = await self._client.ask(path, sent(record), answers.Registered, ends)
        if registered.code_state == "none":
            try:
                await self._acquire(record.internal_no, ends)
            except (Later, Refused) as lost:  # asked for again with the next state, or the next inquiry
                code = lost.outcome.code if isinstance(lost, Later) else lost.code
                self._log.warning("code.not_asked_for", code=code)
        return Duplicate() if registered.result == "duplicate" else Accepted()

    async def acquired(self, internal_no: str, ends: float) -> None:
        """Returns if the person has a 符号; asks for it if nobody did. Raises Later("unknown_addressee",
        "code_not_acquired"), Refused.
        """
        asked = {"internal_no": internal_no}
        with self._unregistered.behind(internal_no):
            found = await self._client.ask("/platform/v1/addressees/find", asked, answers.Found, ends)
        if found.code_state == "none":
            await self._acquire(internal_no, ends)
        if found.code_state != "acquired":
            raise Later("code_not_acquired", _UNTIL_ACQUIRED)

    async def _acquire(self, internal_no: str, ends: float) -> None:
        """処理通番 first, then 符号 (F20)."""
        asked = {"internal_no": internal_no}
        serial = await self._client.ask("/platform/v1/process-serials", asked, answers.Serial, ends)
        wanted = asked | {"process_serial_no": serial.process_serial_no}
        await self._client.ask("/platform/v1/codes/acquire", wanted, answers.Done, ends)


class Replicas:
    """副本: registered and deleted in step with the originals, of managed datasets only (C007)."""

    def __init__(self, client: Client, unregistered: Unregistered, datasets: frozenset[str]) -> None:
        self._client = client
        self._unregistered = unregistered
        self._datasets = datasets

    def managed(self, dataset_code: str) -> None:
        """Raises Refused("dataset_not_managed")."""
        if dataset_code not in self._datasets:
            raise Refused("dataset_not_managed")

    async def register(self, record: Replica, ends: float) -> Outcome:
        """Raises Later, Refused."""
        self.managed(record.dataset_code)
        body = sent(record, "municipality_code")
        with self._unregistered.behind(record.internal_no):
            taken = await self._client.ask("/platform/v1/replicas/register", body, answers.ReplicaTaken, ends)
        return Duplicate() if taken.result == "duplicate" else Accepted()

    async def delete(self, record: ReplicaDeletion, ends: float) -> Outcome:
        """Accepted once it was looked for and is not there (C119). Raises Later, Refused."""
        body = sent(record, "municipality_code")
        with self._unregistered.behind(record.internal_no):
            await self._client.ask("/platform/v1/replicas/delete", body, answers.Gone, ends)
        kept = await self.of(record.internal_no, ends)
        if any(each.dataset_record_no == record.dataset_record_no for each in kept.replicas):
            raise Later("system_busy")
        return Accepted()

    async def of(self, internal_no: str, ends: float, dataset_code: str | None = None) -> answers.Replicas:
        """All of a person, or of one dataset. Raises Later, Refused("unknown_addressee")."""
        asked = {"internal_no": internal_no, "dataset_code": dataset_code}
        return await self._client.ask("/platform/v1/replicas/find", asked, answers.Replicas, ends, most=LARGE)


def sent(record: Payload, *less: str) -> dict[str, object]:
    """A record as it goes out: absent is absent."""
    return record.model_dump(exclude_none=True, exclude=set(less))
