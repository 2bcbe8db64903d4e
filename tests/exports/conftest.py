from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.hub.exports import follower, receiver
from tests.exports.collector import Collector
from tests.exports.setting import Setting, running
from tests.flow.site import Site


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(follower, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(follower, "_LONGEST_PAUSE", 0.05)
    for module in (follower, receiver):  # a machine that stands still for a while hangs nothing
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 60.0)


@pytest.fixture
def collector(site: Site) -> Iterator[Collector]:
    made = Collector(site.config.root / "keys/tls", (site.config.root / "keys/passphrase").read_bytes().strip())
    yield made
    made.close()


@pytest.fixture
async def setting(site: Site, tmp_path: Path) -> AsyncIterator[Setting]:
    async with running(site, tmp_path) as made:
        yield made
