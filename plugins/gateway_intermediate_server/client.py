"""Speaks to link platform and intermediate server over HTTPS: a question becomes an answer of its form.

The rule: nothing is decided here, and no identifier stands in an address.
"""

import asyncio
from typing import Final

import aiohttp

from gateway.plugin import Refused
from gateway.plugin.exchange import System
from gateway_intermediate_server import answers
from gateway_intermediate_server.settings import Settings

SMALL: Final = 64 * 1024
LARGE: Final = 16 * 1024 * 1024
"""Bytes: a list of what is open, all replicas of a page of people, the matching list."""
_GOOD: Final = (200, 201, 202)
_TOLD: Final = (404, 409, 422)


class Client:
    """Both, for one city, over a session of the line. Every `ends` is a time of the running loop's clock."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        times = (settings.connect_timeout, settings.answer_timeout)
        self._seconds = settings.answer_timeout
        self._platform = System(session, settings.platform_url, *times)
        self._server = System(session, settings.server_url, *times)

    def soon(self) -> float:
        """The end of a question that nobody waits for."""
        return asyncio.get_running_loop().time() + self._seconds

    async def ask(
        self, path: str, body: object, form: type[answers.Form], ends: float, *, most: int = SMALL
    ) -> answers.Form:
        """The answer to a POST. Raises Later; Refused with what it says, where it refuses."""
        system = self._platform if path.startswith("/platform/") else self._server
        answer = await system.request("POST", path, body, ends=ends, most=most, good=(*_GOOD, *_TOLD))
        if answer.status in _TOLD:
            raise Refused(answers.read(answers.Trouble, answer.body).ours())
        return answers.read(form, answer.body)

    async def matching_list(self, ends: float) -> str:
        """The list, signed. Raises Later."""
        answer = await self._server.request("GET", "/server/v1/matching-list", ends=ends, most=LARGE)
        return answers.read(answers.Listed, answer.body).list
