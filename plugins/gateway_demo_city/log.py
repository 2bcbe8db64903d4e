"""The tenant's log as whoever has the hub's files may read it, while the hub writes on."""

import json
import sqlite3
from collections.abc import Collection
from contextlib import closing
from typing import Any

from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.split import Split


def newest(site: Split) -> int:
    """The newest fact's place in the log."""
    with closing(_opened(site)) as log:
        return int(log.execute("SELECT max(seq) FROM fact").fetchone()[0])


def facts(site: Split, kinds: Collection[str], after: int = 0) -> list[dict[str, Any]]:
    """Facts of these kinds, in their order, from after a place on."""
    asked = f"SELECT body FROM fact WHERE seq > ? AND kind IN ({', '.join('?' * len(kinds))}) ORDER BY seq"  # noqa: S608
    with closing(_opened(site)) as log:
        return [json.loads(body) for (body,) in log.execute(asked, (after, *kinds)) if body is not None]


def _opened(site: Split) -> sqlite3.Connection:
    file = site.hub.root / "state" / "journal" / f"{MUNICIPALITY}.db"
    return sqlite3.connect(f"file:{file}?mode=ro", uri=True)
