"""What the conformance suite must be told of a connector: how to stand its system up, and what passes between them.

The rule: a subject tells facts and does what the system would do; it judges nothing. Judging is the suite's.
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar

import aiohttp
from pydantic import JsonValue

from gateway.plugin.attest import Shown
from gateway.plugin.testing.place import Place, client_tls


class Subject(ABC):
    """One connector, as the suite meets it. One is made for each run of a rule; what it keeps belongs to that run.

    `exempt` names rules that do not apply to this connector, each with the reason, which the scale shows. A rule that
    holds anyhow must not stand there.
    """

    exempt: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def standing(self, place: Place) -> AbstractAsyncContextManager[str | None]:
        """Run the stand-in for the system and yield its base address, `https://127.0.0.1:PORT`; None if the connector
        opens no connection. Its data lies in `place.folder`, so that a second standing there goes on with them.
        """

    @abstractmethod
    def settings(self, place: Place, address: str | None) -> Mapping[str, Any]:
        """The connector's settings, as in config/tenants/<code>.toml. `address` is where the system is to be reached:
        the suite stands between, so it is not the one that `standing` gave. What it refers to (`file:PATH`) lies below
        `place.folder`.
        """

    @abstractmethod
    def record(self, direction: str, operation: str, person: int) -> Mapping[str, JsonValue]:
        """A record of an operation, `sends` or `receives`, about the person of that number, 1 to 9999. With all its
        fields that may stand together; every value made up, and unique to the person where its type admits that. Let
        the digits of numbers differ: `000000000012` is not known again by a part. A number that begins with 0, and a
        count of 0 for some persons, show what a connector drops. What is received, the stand-in takes,
        and for a request it answers with what it knows of that person: have it know something, in every field that a
        reply may leave out. What stands in no reply, no rule sees swapped or printed; `carries` names it.
        """

    async def effects(self, address: str) -> int | None:
        """How many effects deliveries have had on the system so far, repeats not counted; asked of the stand-in itself.

        None if deliveries have none (a question alone). An honest event counts, or the rule `once` cannot be judged and
        needs an exemption. `address` is what `standing` gave; empty if that was None.
        """
        return None

    async def offer(self, address: str | None, operation: str, records: Sequence[JsonValue]) -> bool:
        """Have the stand-in offer records for the connector's `poll` to send as that operation, as they are, however
        wrong. False if this operation comes otherwise: from peers over HTTPS, or made by the connector itself. Of one
        that polls the rule `carries` wants to see something sent, offered here or there already.
        """
        return False

    @asynccontextmanager
    async def away(self) -> AsyncIterator[bool]:
        """For a connector that opens no connection, and so cannot be cut off by the suite: until the end of the block
        its system cannot be used, as a folder that is not there. False if there is nothing that could be away.
        """
        yield False

    async def shown(self, address: str | None, operation: str, person: int) -> Shown | None:
        """What a peer shows now, with a good proof, when it posts that operation about that person, as `record` names
        the person. `address` is what `standing` gave. None if peers show nothing with that operation.
        """
        return None


@asynccontextmanager
async def started(*command: str, seconds: float = 60.0) -> AsyncIterator[Mapping[str, Any]]:
    """Run a stand-in as a process of its own until the end of the block. What it says first, a JSON object on a line of
    its stdout, is yielded; by custom `port`. Raises RuntimeError if it says nothing of the kind in time.
    """
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None  # noqa: S101  (it was asked for)
    try:
        try:
            said = json.loads(await asyncio.wait_for(process.stdout.readline(), seconds))
        except (TimeoutError, ValueError):
            raise RuntimeError(f"{command[-2:]}: said no JSON on its first line, or nothing in {seconds} s") from None
        rest = asyncio.ensure_future(process.stdout.read())  # a full pipe would stop it
        yield said
        rest.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()


async def ask(place: Place, method: str, url: str, body: JsonValue = None) -> Any:
    """What a stand-in answers to the connector's certificate, parsed; None if it is empty. `body` goes as JSON. Raises
    aiohttp.ClientError, also for a status of 400 and above.
    """
    connector = aiohttp.TCPConnector(ssl=client_tls(place.connector))
    async with (
        aiohttp.ClientSession(connector=connector, raise_for_status=True) as session,
        session.request(method, url, json=body) as response,
    ):
        return json.loads(await response.read() or b"null")
