"""The logs as a command opens them while no gateway runs, once their witnesses were asked."""

import contextlib
import io
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.config import Config
from gateway.errors import Misconfigured
from gateway.hub.cosigning import Cosigning, Witness
from gateway.hub.journal import FactKind, Journal
from gateway.messages import stamp
from gateway.observe import Telemetry, configure
from gateway.wiring.daemon import clock
from gateway.wiring.journals import open_journal
from gateway.wiring.opening import SYSTEM


class Logs(NamedTuple):
    """Which logs, in their place or in that `folder`; by their key's names, or those of their `origins`."""

    config: Config
    names: Collection[str]
    folder: Path | None = None
    origins: Mapping[str, str] = MappingProxyType({})


@contextlib.contextmanager
def opened(logs: Logs) -> Iterator[Mapping[str, Journal]]:
    """Each verified, and signed when it is closed. Raises Misconfigured."""
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(
                contextlib.closing(open_journal(logs.config, name, logs.folder, logs.origins.get(name)))
            )
            for name in logs.names
        }


async def say(logs: Logs, witnesses: Sequence[Witness], kind: FactKind, fields: Mapping[str, Any]) -> list[str]:
    """One fact in the system's log, which is among these, once no witness knows any of these otherwise. Returns a
    sentence for each witness that could not be asked. Raises Misconfigured, also if a gateway runs, or Deferred.
    """
    async with asked(logs, witnesses) as (journals, cosigning):
        if problems := list(cosigning.contradicted.values()):
            raise Misconfigured(problems)
        await journals[SYSTEM].fact(kind, fields, at=stamp(clock()))
        return cosigning.sentences()


@contextlib.asynccontextmanager
async def asked(logs: Logs, witnesses: Sequence[Witness]) -> AsyncIterator[tuple[Mapping[str, Journal], Cosigning]]:
    """The logs, and what their witnesses say of them. Raises Misconfigured."""
    with opened(logs) as journals:
        cosigning = Cosigning(lambda: journals, witnesses, Telemetry(configure(io.StringIO())), clock)
        await cosigning.before_start()
        yield journals, cosigning
