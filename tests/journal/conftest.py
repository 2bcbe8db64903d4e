from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.hub.journal import Journal
from tests.journal.builders import TENANT, open_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / f"{TENANT}.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    opened = open_journal(path)
    yield opened
    opened.close()
