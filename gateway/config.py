"""The configuration: TOML files under `config/`, read as closed models, checked whole, never half applied.

`load` reads everything, or raises one Misconfigured that lists every problem with its file and key. What it returns is
immutable and holds together: each route names operations, fields and legal bases that exist, and nothing that a zone's
clearance forbids. No environment variable overrides what was reviewed; secrets come by reference only.
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway.errors import Misconfigured
from gateway.plugin.checks import municipality_code
from gateway.plugin.contract import Contract, ContractOperation
from gateway.plugin.fields import DataClass

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$")]
FieldPath = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.\[\]]{0,127}$")]
Port = Annotated[int, Field(ge=0, le=65535)]


class Closed(BaseModel):
    """Base of every configuration model: an unknown key is an error, and errors do not print values."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=False)


class Listener(Closed):
    """An HTTPS entrance with mutual TLS, standing in one zone. Paths are relative to the root."""

    name: Name
    zone: Name
    host: str
    port: Port
    certificate: str
    key: str
    client_ca: str


class Admin(Closed):
    """The operators' listener. Each operator is one pinned personal certificate; the name stands in every act."""

    host: str
    port: Port
    certificate: str
    key: str
    client_ca: str
    operators: dict[Name, str]


class JournalSettings(Closed):
    """Where the stores lie, and how often a checkpoint is signed: after so many facts or so many seconds."""

    directory: str = "state/journal"
    checkpoint_facts: int = Field(1000, ge=1)
    checkpoint_seconds: float = Field(10.0, gt=0)
    wal_bytes: int = Field(64 * 1024 * 1024, ge=1024 * 1024)


class Limits(Closed):
    """Bounds on what is taken in and how long it is kept trying. Sizes in bytes, times in seconds."""

    body_bytes: int = Field(4 * 1024 * 1024, ge=1024)
    records_per_message: int = Field(1000, ge=1, le=10_000)
    open_records: int = Field(200_000, ge=1)
    lanes: int = Field(4096, ge=1, le=65536)
    in_flight: int = Field(16, ge=1, le=1000)
    message_seconds: float = Field(72 * 3600, gt=0)
    delivery_deadline: float = Field(30.0, gt=0)
    request_patience: float = Field(10.0, gt=0)
    retry_first: float = Field(1.0, gt=0)
    retry_longest: float = Field(900.0, gt=0)
    attempts: int = Field(50, ge=1)
    drain_seconds: float = Field(20.0, ge=0)


class GatewayFile(Closed):
    """`config/gateway.toml`."""

    name: Word
    passphrase: str
    listeners: tuple[Listener, ...]
    admin: Admin
    journal: JournalSettings = JournalSettings()
    limits: Limits = Limits()


class Zone(Closed):
    """領域: where a system lives, and the data classes that it may ever carry (C159)."""

    label: str
    internet: bool
    clearance: frozenset[DataClass]


class ZonesFile(Closed):
    """`config/zones.toml`."""

    zones: dict[Name, Zone]


class LegalBasis(Closed):
    """A reference to the law with the days on which it is in force, both inclusive (requirements §2.1)."""

    reference: str
    valid_from: date
    valid_until: date | None = None

    def in_force(self, day: date) -> bool:
        """Whether the reference is in force on that day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


class LegalBasisFile(Closed):
    """`config/legal_basis.toml`."""

    legal_basis: dict[Word, LegalBasis]


class ConnectorEntry(Closed):
    """One enabled connector of a tenant.

    `certificates` are the client certificates pinned to its system, as files. `responsible` is the staff id of the
    person responsible for its automatic batches (requirements §7 no. 65). A `required` connector that cannot be
    loaded stops the start; another is quarantined.
    """

    zone: Name
    required: bool = True
    responsible: Word
    certificates: tuple[str, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)


class Route(Closed):
    """経路: a permission for one source operation to reach one destination operation, with exactly these fields."""

    id: Word
    source: Name = Field(alias="from")
    operation: Word
    destination: Name = Field(alias="to")
    destination_operation: Word = Field(alias="as")
    fields: tuple[FieldPath, ...] = Field(min_length=1)
    reply_fields: tuple[FieldPath, ...] = ()
    legal_basis: tuple[Word, ...] = Field(min_length=1)
    purpose: Word
    attest: tuple[Word, ...] = ()


class TenantFile(Closed):
    """`config/tenants/<code>.toml`. `root_key` is the file of the pinned public key that signs the directory."""

    name: str
    root_key: str
    directory: str
    directory_version: int = Field(1, ge=1)
    connectors: dict[Name, ConnectorEntry]
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Tenant:
    """One municipality: its code and its file."""

    code: str
    file: TenantFile

    def route_from(self, source: str, operation: str) -> Route | None:
        """The one route that carries this operation of this connector, or None: then nothing carries it."""
        return next((r for r in self.file.routes if (r.source, r.operation) == (source, operation)), None)

    def route(self, route_id: str) -> Route | None:
        """The route of that id, or None."""
        return next((r for r in self.file.routes if r.id == route_id), None)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration, checked. `digest` is SHA-256 over all its files."""

    root: Path
    gateway: GatewayFile
    zones: Mapping[str, Zone]
    legal_basis: Mapping[str, LegalBasis]
    tenants: Mapping[str, Tenant]
    contracts: Mapping[str, Contract]
    digest: str

    def path(self, relative: str) -> Path:
        """A path of the configuration, resolved against the root."""
        return self.root / relative

    def clearance(self, tenant: str, connector: str) -> frozenset[DataClass]:
        """The data classes that the zone of this connector may carry."""
        return self.zones[self.tenants[tenant].file.connectors[connector].zone].clearance

    def contract_operations(self, route: Route) -> tuple[ContractOperation, ContractOperation]:
        """The locked operations at both ends of a route."""
        there = self.contracts[route.destination].operation("receives", route.destination_operation)
        here = self.contracts[route.source].operation("sends", route.operation)
        if here is None or there is None:  # excluded by `load`
            raise Misconfigured((f"route {route.id} names an operation that is not locked",))
        return here, there


def load(root: Path) -> Config:
    """Read and check `root/config`. Raises Misconfigured with every problem found, each with its file and key."""
    reader = _Reader(root)
    gateway = reader.model("gateway.toml", GatewayFile)
    zones = reader.model("zones.toml", ZonesFile)
    bases = reader.model("legal_basis.toml", LegalBasisFile)
    tenants = {
        path.stem: tenant
        for path in sorted((root / "config/tenants").glob("*.toml"))
        if (tenant := reader.model(f"tenants/{path.name}", TenantFile)) is not None
    }
    contracts = {
        path.stem: contract
        for path in sorted((root / "config/interfaces").glob("*.json"))
        if (contract := reader.contract(f"interfaces/{path.name}")) is not None
    }
    if gateway is None or zones is None or bases is None or reader.problems:
        raise Misconfigured(reader.problems)
    config = Config(
        root=root,
        gateway=gateway,
        zones=zones.zones,
        legal_basis=bases.legal_basis,
        tenants={code: Tenant(code, file) for code, file in tenants.items()},
        contracts=contracts,
        digest=reader.digest(),
    )
    if problems := tuple(_contradictions(config)):
        raise Misconfigured(problems)
    return config


def read_gateway_file(root: Path) -> GatewayFile:
    """`config/gateway.toml` alone, for commands that need nothing else. Raises Misconfigured."""
    reader = _Reader(root)
    file = reader.model("gateway.toml", GatewayFile)
    if file is None:
        raise Misconfigured(reader.problems)
    return file


def read_contract(root: Path, connector: str) -> Contract:
    """One locked interface. Raises Misconfigured."""
    reader = _Reader(root)
    contract = reader.contract(f"interfaces/{connector}.json")
    if contract is None:
        raise Misconfigured(reader.problems)
    return contract


def write_contract(root: Path, contract: Contract) -> tuple[Path, Contract]:
    """Lock an interface, in a form that reviews well. Raises Misconfigured if it cannot be written."""
    path = root / "config/interfaces" / f"{contract.connector}.json"
    text = contract.model_dump_json(indent=2, exclude_defaults=True, ensure_ascii=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise Misconfigured((f"{path}: cannot be written: {error.strerror}",)) from None
    return path, contract


_Model = TypeVar("_Model", bound=BaseModel)


class _Reader:
    """Reads files one by one and gathers what is wrong with each, so that all of it is told together."""

    def __init__(self, root: Path) -> None:
        self.problems: list[str] = []
        self._root = root
        self._hash = hashlib.sha256()

    def model(self, name: str, model: type[_Model]) -> _Model | None:
        if (data := self._read(name)) is None:
            return None
        try:
            return model.model_validate(tomllib.loads(data.decode()))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            self.problems.append(f"config/{name}: not TOML: {error}")
        except ValidationError as error:
            self.problems.extend(f"config/{name}: {line}" for line in sentences(error))
        return None

    def contract(self, name: str) -> Contract | None:
        if (data := self._read(name)) is None:
            return None
        try:
            return Contract.model_validate_json(data)
        except ValidationError as error:
            self.problems.extend(f"config/{name}: {line}" for line in sentences(error))
        return None

    def digest(self) -> str:
        return self._hash.hexdigest()

    def _read(self, name: str) -> bytes | None:
        try:
            data = (self._root / "config" / name).read_bytes()
        except OSError as error:
            self.problems.append(f"config/{name}: cannot be read: {error.strerror}")
            return None
        self._hash.update(f"{name}\0{len(data)}\0".encode() + data)
        return data


def sentences(error: ValidationError) -> Iterator[str]:
    """What pydantic found, as `key: message` without any value."""
    for each in error.errors(include_input=False, include_url=False, include_context=False):
        yield f"{'.'.join(str(part) for part in each['loc']) or '(top)'}: {each['msg']}"


# ---- what must hold between the files ------------------------------------------------------------------------------


def _contradictions(config: Config) -> Iterator[str]:
    yield from _zones(config)
    for tenant in config.tenants.values():
        yield from _tenant(config, tenant)
    yield from _internet_split(config)


def _zones(config: Config) -> Iterator[str]:
    for name, zone in config.zones.items():
        if zone.internet and DataClass.INDIVIDUAL_NUMBER in zone.clearance:
            yield f"config/zones.toml: zones.{name}.clearance: an internet zone may never carry individual_number (C022)"
    for listener in config.gateway.listeners:
        if listener.zone not in config.zones:
            yield f"config/gateway.toml: listeners.{listener.name}.zone: there is no such zone in config/zones.toml"


def _tenant(config: Config, tenant: Tenant) -> Iterator[str]:
    where = f"config/tenants/{tenant.code}.toml"
    if not municipality_code(tenant.code):
        yield f"{where}: the file's name is not a municipality code of 6 digits with its check digit"
    for name, entry in tenant.file.connectors.items():
        if entry.zone not in config.zones:
            yield f"{where}: connectors.{name}.zone: there is no such zone in config/zones.toml"
        elif (contract := config.contracts.get(name)) is None:
            yield f"{where}: connectors.{name}: its interface is not locked; run: gateway interface lock {name}"
        elif above := contract.data_classes() - config.zones[entry.zone].clearance:
            yield (
                f"{where}: connectors.{name}: its interface carries {', '.join(sorted(above))}, "
                f"which zone {entry.zone} may not"
            )
    seen: set[tuple[str, str]] = set()
    ids: set[str] = set()
    for route in tenant.file.routes:
        at = f"{where}: routes.{route.id}"
        if (route.source, route.operation) in seen or route.id in ids:
            yield f"{at}: a route for this operation, or with this id, stands before it; fan-out is by explicit sends"
        seen.add((route.source, route.operation))
        ids.add(route.id)
        yield from (f"{at}.{problem}" for problem in _route(config, tenant, route))


def _route(config: Config, tenant: Tenant, route: Route) -> Iterator[str]:
    for basis in route.legal_basis:
        if basis not in config.legal_basis:
            yield f"legal_basis: {basis} is not in config/legal_basis.toml"
    ends = {"from": route.source, "to": route.destination}
    absent = [key for key, name in ends.items() if name not in tenant.file.connectors or name not in config.contracts]
    yield from (f"{key}: the connector is not enabled and locked for this tenant" for key in absent)
    if absent:
        return
    here = config.contracts[route.source].operation("sends", route.operation)
    there = config.contracts[route.destination].operation("receives", route.destination_operation)
    if here is None:
        yield "operation: the source's locked interface does not send it"
    if there is None:
        yield "as: the destination's locked interface does not receive it"
    if here is None or there is None:
        return
    if here.kind != there.kind:
        yield "operation: one end sees an event, the other a request"
    yield from _carried("fields", route.fields, here.fields, there.fields)
    if here.kind == "request":
        yield from _carried("reply_fields", route.reply_fields, there.reply, here.reply)
    elif route.reply_fields:
        yield "reply_fields: an event has no reply"
    if there.person_key not in route.fields or here.person_key not in route.fields:
        yield "fields: the person key of both ends must travel"


def _carried(key: str, paths: tuple[str, ...], giving: Any, taking: Any) -> Iterator[str]:
    """Each path must exist at both ends, and what the taking end requires must travel."""
    given = {field.path for field in giving if field.data_class is not None}
    taken = {field.path: field.required for field in taking if field.data_class is not None}
    for path in paths:
        if path not in given or path not in taken:
            yield f"{key}: {path} is not in the locked interface of both ends"
    for path, required in taken.items():
        if required and "." not in path and path not in paths:
            yield f"{key}: {path} is required at the taking end but does not travel"


def _internet_split(config: Config) -> Iterator[str]:
    """C159: no process with a listener on the internet side may hold a key cleared for individual_number."""
    facing = [each.name for each in config.gateway.listeners if getattr(config.zones.get(each.zone), "internet", False)]
    if not facing:
        return
    for tenant in config.tenants.values():
        for name, entry in tenant.file.connectors.items():
            zone = config.zones.get(entry.zone)
            if zone is not None and DataClass.INDIVIDUAL_NUMBER in zone.clearance:
                yield (
                    f"config/gateway.toml: listeners.{facing[0]}: this process faces the internet and may not hold the "
                    f"keys of {tenant.code}/{name}, whose zone is cleared for individual_number (C159). Split it: "
                    f"run one process for zone {entry.zone} and another for the internet zone"
                )
