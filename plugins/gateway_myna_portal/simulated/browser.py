"""A resident's browser, for tests and demonstrations: logs in with a card, then asks what the resident asks.

The rule: it goes every step over HTTPS, and knows nothing but what its pages tell it.
"""

from typing import Any

import aiohttp


class NotLoggedIn(Exception):
    """The provider or the portal did not let the resident in."""


class Browser:
    """One browser with its cookies, at one portal. `session` is its own."""

    def __init__(self, session: aiohttp.ClientSession, portal: str) -> None:
        self._session = session
        self._portal = portal

    async def login(self, shown: dict[str, Any]) -> dict[str, Any]:
        """Log in with what is shown at the login page: who one is, and the session's token. Raises NotLoggedIn."""
        async with self._session.get(f"{self._portal}/front/login") as response:
            page = await response.json()
        shown = {"consent": page["purpose_text"], **shown}
        async with self._session.post(f"{self._portal}{page['page']}", json=shown) as response:
            if response.status != 200:
                raise NotLoggedIn
            return dict(await response.json())

    async def act(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Ask the portal: status and answer."""
        headers = {"Content-Type": "application/json"}
        async with self._session.post(f"{self._portal}/front/{path}", data=body, headers=headers) as response:
            return response.status, await response.read()
