"""What a rule is given: the connector, and scenes in which it meets its system and a line."""

import contextlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.plugin.testing.between import Between
from gateway.plugin.testing.candidate import Candidate
from gateway.plugin.testing.doings import Doings
from gateway.plugin.testing.line import Line
from gateway.plugin.testing.place import make_place
from gateway.plugin.testing.scene import Scene, Standing


@dataclass(slots=True)
class Stage(Candidate):
    """A connector, and how to set scenes for it. `doings` are what was seen in the play that some rules share."""

    doings: Doings | None = None
    _keeping: contextlib.AsyncExitStack | None = None
    _kept: Standing | None = None

    @asynccontextmanager
    async def scene(self, *, alone: bool = False, another: bool = False) -> AsyncIterator[Scene]:
        """A stand-in, new if none is kept; what stands between, and a line. `alone` is for who looks at what is polled:
        what other scenes have left in a kept one would be polled, too. `another` is never the kept one.
        """
        async with contextlib.AsyncExitStack() as stack:
            standing = await self._standing(stack, anew=another or (alone and hasattr(self.spec.factory(), "poll")))
            between = Between(standing.place, standing.address) if standing.address else None
            if between is not None:
                await stack.enter_async_context(between.standing())
            yield Scene(self, standing, between, Line(self.contract, self.spec.attests, self.module.__name__))

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        """Within the block all scenes have one stand-in, which may take long to start, but those that must be alone."""
        async with contextlib.AsyncExitStack() as stack:
            self._keeping = stack
            yield
        self._keeping = self._kept = None

    async def _standing(self, stack: contextlib.AsyncExitStack, *, anew: bool) -> Standing:
        if self._keeping is None or anew:
            return await stack.enter_async_context(self.standing())
        if self._kept is None:
            self._kept = await self._keeping.enter_async_context(self.standing())
        return self._kept

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[Standing]:
        """A new subject with its stand-in, until the end of the block."""
        with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
            subject, place = self.subject(), make_place(Path(folder))
            async with subject.standing(place) as address:
                yield Standing(subject, place, address)
