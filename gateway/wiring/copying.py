"""Lists a copy of logs while no gateway runs: then nobody's name is known, and the fact has none."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from gateway.config import Config, read
from gateway.errors import Misconfigured
from gateway.hub.copies import copied
from gateway.hub.journal import FactKind
from gateway.hub.journal.finding import size
from gateway.hub.journal.store import WrongStore, connect_reader, identify, wal_of
from gateway.wiring.by_command import Logs, say
from gateway.wiring.daemon import clock
from gateway.wiring.opening import SYSTEM, open_witnesses


async def say_copied(root: Path, form: str, names: Sequence[str]) -> str:
    """The fact that these logs are about to be copied; returns the copy's id. Raises Misconfigured, also if a gateway
    runs or a witness knows the system's log otherwise, or Deferred.
    """
    config = read(root)
    sizes = {name: _size(config, name) for name in names}
    _size(config, SYSTEM)
    fields = copied(form, sizes, clock())
    await say(Logs(config, [SYSTEM]), open_witnesses(config), FactKind.LOGS_COPIED, fields)
    return str(fields["copy"])


def _size(config: Config, name: str) -> int:
    """How many facts a log has. Raises Misconfigured if there is none: it is not made for this."""
    path = config.path(config.gateway.journal.directory) / f"{name}.db"
    if not path.is_file():
        raise Misconfigured((f"{path}: does not exist: the gateway never started with it, or it is gone",))
    try:
        with contextlib.closing(connect_reader(path, at_rest=not wal_of(path).exists())) as connection:
            identify(connection)
            return size(connection)
    except WrongStore as error:
        raise Misconfigured((f"{path}: {error}",)) from None
