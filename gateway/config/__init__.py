"""The configuration: TOML files under `config/`, read as closed models, checked whole, never half applied.

`load` reads everything, or raises one Misconfigured that lists every problem with its file and key. What it returns is
immutable and holds together: each route names operations, fields and legal bases that exist, and nothing that a zone's
clearance forbids. No environment variable overrides what was reviewed; secrets come by reference only.
"""

from gateway.config.config import Config, Tenant, in_force, place_of
from gateway.config.contradictions import contradictions, not_a_municipality
from gateway.config.files import (
    Admin,
    ConnectorEntry,
    GatewayFile,
    JournalSettings,
    LegalBasis,
    LegalBasisFile,
    Limits,
    LinkListener,
    Listener,
    Route,
    TenantFile,
    Zone,
    ZonesFile,
)
from gateway.config.idle import idle
from gateway.config.lapses import Lapse, lapses
from gateway.config.load import load, read, read_connectors, read_contract, read_gateway_file, write_contract
from gateway.config.sentences import sentences

__all__ = [
    "Admin",
    "Config",
    "ConnectorEntry",
    "GatewayFile",
    "JournalSettings",
    "Lapse",
    "LegalBasis",
    "LegalBasisFile",
    "Limits",
    "LinkListener",
    "Listener",
    "Route",
    "Tenant",
    "TenantFile",
    "Zone",
    "ZonesFile",
    "contradictions",
    "idle",
    "in_force",
    "lapses",
    "load",
    "not_a_municipality",
    "place_of",
    "read",
    "read_connectors",
    "read_contract",
    "read_gateway_file",
    "sentences",
    "write_contract",
]
