"""Locked interfaces as others read them: schema, description of the HTTPS entrance, tables, and what a change breaks.

Nothing here decides what may flow: that is the lock, and the edge that holds records against it.
"""

from gateway.interfaces.change_table import COLUMNS, Row, as_markdown, change_table
from gateway.interfaces.changes import Change, changes, gone
from gateway.interfaces.described import Described, of_lock, of_tenant
from gateway.interfaces.document import openapi
from gateway.interfaces.effects import Weight, Whom
from gateway.interfaces.schema import as_text, interface_schema, record_schema
from gateway.interfaces.table import head, heading, markdown, rows
from gateway.interfaces.verdict import Effect, Verdict, fresh_problems, judge, with_locks
from gateway.interfaces.words import REPLY

__all__ = [
    "COLUMNS",
    "REPLY",
    "Change",
    "Described",
    "Effect",
    "Row",
    "Verdict",
    "Weight",
    "Whom",
    "as_markdown",
    "as_text",
    "change_table",
    "changes",
    "fresh_problems",
    "gone",
    "head",
    "heading",
    "interface_schema",
    "judge",
    "markdown",
    "of_lock",
    "of_tenant",
    "openapi",
    "record_schema",
    "rows",
    "with_locks",
]
