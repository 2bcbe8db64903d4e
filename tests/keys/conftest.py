"""The test keys of tests/vectors, as an edge and a hub would hold them."""

import pytest

from gateway.keys.directory import Directory
from gateway.tlog.note import Verifier
from tests.keys.vectors import KEYS, VECTORS


@pytest.fixture(scope="session")
def root() -> Verifier:
    return Verifier.parse(KEYS["root"]["vkey"])


@pytest.fixture(scope="session")
def directory(root: Verifier) -> Directory:
    return Directory.parse((VECTORS / "directory/good.note").read_text(), root, "999997", 2)
