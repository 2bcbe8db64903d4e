"""Whether somebody has to say, after logs were put back from a backup, that what is over may go: legal holds that came
after the backup are forgotten.
"""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.hub.journal.facts import FactKind
from gateway.hub.journal.reading import told
from gateway.hub.journal.store import SYSTEM_DB, connect_reader


def unconfirmed(log: Path) -> bool:
    """Of this log, by the system's log beside it: whether it was restored, and nobody has had retention run in it
    since; of the system's own, whether that is so of any other. Raises sqlite3.Error or Altered.
    """
    system = log.with_name(SYSTEM_DB)
    if not system.exists():
        return False  # a log that stands alone
    with closing(connect_reader(system)) as connection:
        restored = told(connection, [FactKind.LOGS_RESTORED], 0)
    sizes: Mapping[str, int] = restored[-1][2]["logs"] if restored else {}
    concerned = sizes if log == system else {log.stem} & sizes.keys()
    return any(not _run(log.with_name(f"{name}.db"), sizes[name]) for name in concerned)


def _run(log: Path, after: int) -> bool:
    """Whether somebody had retention run behind that fact. A log that is not there any more waits for nobody."""
    if not log.exists():
        return True
    with closing(connect_reader(log)) as connection:
        return any(_says_so(fact) for _, _, fact in told(connection, [FactKind.OPERATOR_ACTED], after))


def _says_so(fact: Mapping[str, Any]) -> bool:
    return fact["act"] == "retention" and "code" not in fact and not fact.get("dry_run")
