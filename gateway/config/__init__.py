"""The configuration: TOML files under `config/`, read as closed models, checked whole, never half applied.

`load` reads everything, or raises one Misconfigured that lists every problem with its file and key. What it returns is
immutable and holds together: each route names operations, fields and legal bases that exist, and nothing that a zone's
clearance forbids. No environment variable overrides what was reviewed; secrets come by reference only.
"""

from gateway.config.attested import attested, counterparty_allowed, still_attested, to_be_held
from gateway.config.config import (
    Config,
    Tenant,
    in_force,
    place_of,
    still_valid,
)
from gateway.config.contradictions import contradictions, not_a_municipality
from gateway.config.files import (
    Admin,
    ConnectorEntry,
    Export,
    Former,
    FormerFile,
    GatewayFile,
    JournalSettings,
    LegalBasis,
    LegalBasisFile,
    Limits,
    LinkListener,
    Listener,
    ReviewSettings,
    Route,
    TenantFile,
    WitnessAddress,
    Zone,
    ZonesFile,
)
from gateway.config.idle import idle
from gateway.config.japan import japanese_clock, japanese_day, japanese_midnight, japanese_time
from gateway.config.lapses import Lapse, ending, lapsed, lapses, passed
from gateway.config.load import (
    keep_former,
    load,
    read,
    read_connectors,
    read_contract,
    read_gateway_file,
    read_witness_file,
    read_zones,
    write_contract,
    write_lock,
)
from gateway.config.sentences import instead, sentences
from gateway.config.witness_file import WitnessFile

__all__ = [
    "Admin",
    "Config",
    "ConnectorEntry",
    "Export",
    "Former",
    "FormerFile",
    "GatewayFile",
    "JournalSettings",
    "Lapse",
    "LegalBasis",
    "LegalBasisFile",
    "Limits",
    "LinkListener",
    "Listener",
    "ReviewSettings",
    "Route",
    "Tenant",
    "TenantFile",
    "WitnessAddress",
    "WitnessFile",
    "Zone",
    "ZonesFile",
    "attested",
    "contradictions",
    "counterparty_allowed",
    "ending",
    "idle",
    "in_force",
    "instead",
    "japanese_clock",
    "japanese_day",
    "japanese_midnight",
    "japanese_time",
    "keep_former",
    "lapsed",
    "lapses",
    "load",
    "not_a_municipality",
    "passed",
    "place_of",
    "read",
    "read_connectors",
    "read_contract",
    "read_gateway_file",
    "read_witness_file",
    "read_zones",
    "sentences",
    "still_attested",
    "still_valid",
    "to_be_held",
    "write_contract",
    "write_lock",
]
