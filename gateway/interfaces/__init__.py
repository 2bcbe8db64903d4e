"""Locked interfaces as others read them: schema, description of the HTTPS entrance, tables, and what a change breaks.

Nothing here decides what may flow: that is the lock, and the edge that holds records against it.
"""

from gateway.interfaces.described import Described, of_lock, of_tenant
from gateway.interfaces.document import openapi
from gateway.interfaces.schema import as_text, interface_schema, record_schema

__all__ = ["Described", "as_text", "interface_schema", "of_lock", "of_tenant", "openapi", "record_schema"]
