"""The assessment document (特定個人情報保護評価書) from the configuration, and the change table between two.

It reads a checked configuration with its locked interfaces, and never a journal: it says what the configuration brings
about, not what happened. What people alone can know stays blank, in a file of theirs.
"""

from gateway.assessment.build import Built, build, write
from gateway.assessment.change import Change, Row
from gateway.assessment.difference import difference
from gateway.assessment.keys_changed import not_compared
from gateway.assessment.safeguards import Judged, Safeguard, judged, safeguards
from gateway.assessment.subject import Subject
from gateway.assessment.table import cells, change_table
from gateway.interfaces.change_table import COLUMNS

__all__ = [
    "COLUMNS",
    "Built",
    "Change",
    "Judged",
    "Row",
    "Safeguard",
    "Subject",
    "build",
    "cells",
    "change_table",
    "difference",
    "judged",
    "not_compared",
    "safeguards",
    "write",
]
