"""The door: all that a plugin may import, and nothing behind it.

A plugin is a package with an entry point in the group `gateway.connectors` whose module implements the hook
`renkei_connector`. Two parts are imported by who needs them only: `gateway.plugin.tokens`, which reads signed tokens,
and `gateway.plugin.exchange`, which speaks HTTPS. See `docs/how-it-works.md` for the whole picture.
"""

from pydantic import JsonValue

from gateway.errors import CODES, Deferred, Misconfigured, Refused
from gateway.plugin import checks, fields
from gateway.plugin.act import Act, Counted
from gateway.plugin.attest import Attests, Claim, ClaimName, Proven, Shown
from gateway.plugin.connector import (
    Accepted,
    Answer,
    Connector,
    ConnectorSpec,
    Context,
    Dead,
    DeferredRecord,
    Delivery,
    Duplicate,
    Final,
    Health,
    Log,
    Outbox,
    Outcome,
    Polls,
    Receipt,
    RefusedRecord,
    TlsFiles,
    Unreadable,
)
from gateway.plugin.hookspecs import hookimpl
from gateway.plugin.interface import Interface, Operation
from gateway.plugin.item import DataClass
from gateway.plugin.payload import Payload

__all__ = [
    "CODES",
    "Accepted",
    "Act",
    "Answer",
    "Attests",
    "Claim",
    "ClaimName",
    "Connector",
    "ConnectorSpec",
    "Context",
    "Counted",
    "DataClass",
    "Dead",
    "Deferred",
    "DeferredRecord",
    "Delivery",
    "Duplicate",
    "Final",
    "Health",
    "Interface",
    "JsonValue",
    "Log",
    "Misconfigured",
    "Operation",
    "Outbox",
    "Outcome",
    "Payload",
    "Polls",
    "Proven",
    "Receipt",
    "Refused",
    "RefusedRecord",
    "Shown",
    "TlsFiles",
    "Unreadable",
    "checks",
    "fields",
    "hookimpl",
]
