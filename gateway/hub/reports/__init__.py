"""Reports: what the log says of a period, or of one person, as a table that an office can file.

Each report is one module: a pure fold over facts that were held against their commitments. To add one, write its module
and name it here, and in the command (`gateway.cli.report`).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.hub.reports import deletions, disclosure, fields, provisions, slips, unpermitted, unusual, users
from gateway.hub.reports.asked import About, Asked
from gateway.hub.reports.making import made
from gateway.hub.reports.report import Column, Each, Given, Report, Row, Rows, Said

_ALL: Final = (
    disclosure.REPORT,
    provisions.REPORT,
    unpermitted.REPORT,
    fields.REPORT,
    slips.REPORT,
    deletions.REPORT,
    unusual.REPORT,
    users.REPORT,
)
REPORTS: Final[Mapping[str, Report]] = MappingProxyType({each.name: each for each in _ALL})
"""By name; the command offers exactly these."""

__all__ = ["REPORTS", "About", "Asked", "Column", "Each", "Given", "Report", "Row", "Rows", "Said", "made"]
