"""What the tests of `history_lookup` send, and its simulator and connector over mutual TLS."""

from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path
from typing import TypeAlias

from gateway.plugin import Accepted, Delivery, Outcome
from gateway_history_lookup.connector import HistoryLookup
from gateway_history_lookup.interface import AskedId5
from gateway_history_lookup.settings import Settings
from tests.plugins import receiving
from tests.plugins.receiving import Simulator
from tests.plugins.vaccination_records.subjects import message_id

Site: TypeAlias = receiving.Site[HistoryLookup]
_fresh = count(1)


def keys(how_many: int) -> list[str]:
    """PMH keys that no other test has asked for."""
    return [f"PMHKEYMADEUP-{next(_fresh):04d}" for _ in range(how_many)]


def asks(*asked: str, deadline: float = 60.0) -> Delivery:
    """A delivery of its own message."""
    records = tuple((index, AskedId5(pmh_key=key)) for index, key in enumerate(asked))
    return Delivery(message_id(next(_fresh)), "id5.fetch", records, deadline)


def id5_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Accepted)
    assert outcome.reply is not None
    return str(outcome.reply["id5"])


def made(folder: Path) -> Site:
    return receiving.Site.make(folder, HistoryLookup, Settings)


def running(site: Site, more: str = "") -> AbstractContextManager[Simulator]:
    return receiving.running("gateway_history_lookup.simulator", site, more)
