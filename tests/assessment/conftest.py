"""The shipped configuration, read once, and what a test changes of it in memory."""

import pytest

from gateway.assessment import Subject
from gateway.config import load
from tests.architecture.tree import ROOT


@pytest.fixture(scope="session")
def shipped():
    """The example municipality of `config/`."""
    return Subject.of(load(ROOT), "999997")
