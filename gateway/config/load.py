"""Files into a `Config`: everything is read and checked, and every problem is told together, with its file and key."""

import contextlib
import hashlib
import os
import tomllib
from pathlib import Path
from typing import Final, TypeVar

import jiter
from pydantic import BaseModel, ValidationError

from gateway.config.config import Config, Tenant
from gateway.config.contradictions import contradictions
from gateway.config.files import Former, FormerFile, GatewayFile, LegalBasisFile, TenantFile, ZonesFile
from gateway.config.sentences import sentences
from gateway.config.witness_file import WitnessFile
from gateway.errors import Misconfigured
from gateway.keys.layout import read_text, replace_whole
from gateway.plugin.contract import Contract

_FORMER: Final = "interfaces/former.toml"


def load(root: Path) -> Config:
    """Read and check `root/config`. Raises Misconfigured with every problem found, each with its file and key."""
    config = read(root)
    if problems := tuple(contradictions(config)):
        raise Misconfigured(problems)
    return config


def read(root: Path) -> Config:
    """Read `root/config` without asking whether its files agree. Raises Misconfigured with every file's problems."""
    reader = _Reader(_configured(root))
    gateway = reader.model("gateway.toml", GatewayFile)
    zones = reader.model("zones.toml", ZonesFile)
    bases = reader.model("legal_basis.toml", LegalBasisFile)
    tenants = {
        path.stem: tenant
        for path in reader.files("tenants", ".toml")
        if (tenant := reader.model(f"tenants/{path.name}", TenantFile)) is not None
    }
    contracts = {
        path.stem: contract
        for path in reader.files("interfaces", ".json")
        if (contract := reader.contract(f"interfaces/{path.name}")) is not None
    }
    former = reader.model(_FORMER, FormerFile) if (root / "config" / _FORMER).exists() else FormerFile()
    if gateway is None or zones is None or bases is None or former is None or reader.problems:
        raise Misconfigured(reader.problems)
    return Config(
        root=root,
        gateway=gateway,
        zones=zones.zones,
        legal_basis={**bases.legal_basis, **bases.assessment},
        assessments=frozenset(bases.assessment),
        tenants={code: Tenant(code, file) for code, file in tenants.items()},
        contracts=contracts,
        former=former.former,
        digest=reader.digest(),
    )


def read_gateway_file(root: Path) -> GatewayFile:
    """`config/gateway.toml` alone, for commands that need nothing else. Raises Misconfigured."""
    reader = _Reader(_configured(root))
    file = reader.model("gateway.toml", GatewayFile)
    if file is None:
        raise Misconfigured(reader.problems)
    return file


def read_witness_file(root: Path) -> WitnessFile:
    """`config/witness.toml`. Raises Misconfigured."""
    reader = _Reader(_configured(root))
    file = reader.model("witness.toml", WitnessFile)
    if file is None:
        raise Misconfigured(reader.problems)
    return file


def read_connectors(root: Path, tenant: str) -> frozenset[str]:
    """The connectors that one tenant's file enables; none if there is no such file or it is not sound."""
    file = _Reader(root).model(f"tenants/{tenant}.toml", TenantFile)
    return frozenset(file.connectors) if file is not None else frozenset()


def read_zones(root: Path) -> frozenset[str]:
    """The names of the zones. Raises Misconfigured."""
    reader = _Reader(_configured(root))
    file = reader.model("zones.toml", ZonesFile)
    if file is None:
        raise Misconfigured(reader.problems)
    return frozenset(file.zones)


def read_contract(root: Path, connector: str) -> Contract:
    """One locked interface. Raises Misconfigured."""
    reader = _Reader(_configured(root))
    contract = reader.contract(f"interfaces/{connector}.json")
    if contract is None:
        raise Misconfigured(reader.problems)
    return contract


def write_contract(root: Path, contract: Contract) -> tuple[Path, Contract]:
    """Lock an interface, in a form that reviews well. Raises Misconfigured if it cannot be written."""
    path = _configured(root) / "config/interfaces" / f"{contract.connector}.json"
    write_lock(path, contract)
    return path, contract


def write_lock(path: Path, contract: Contract) -> None:
    """Whole or not at all, wherever a lock lies: a package brings its own. Raises Misconfigured."""
    _write(path, contract.text())


def keep_former(root: Path, former: Former) -> Path:
    """Have a former digest be valid until its day, beside those that are; said again, once. Raises Misconfigured."""
    path = _configured(root) / "config" / _FORMER
    entry = f'[[former]]\nconnector = "{former.connector}"\ndigest = "{former.digest}"\nuntil = {former.until}\n'
    kept = read_text(path) if path.exists() else ""
    if entry not in kept:
        _write(path, f"{kept}\n{entry}" if kept else entry)
    return path


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and not over what its owner has made read-only. Raises Misconfigured."""
    if path.exists() and not os.access(path, os.W_OK):
        raise Misconfigured((f"{path}: cannot be written: it is read-only",))
    with contextlib.suppress(OSError):  # what stands in the way is told below
        path.parent.mkdir(parents=True, exist_ok=True)
    replace_whole(path, text.encode())


def _configured(root: Path) -> Path:
    """The root, if it is one. Raises Misconfigured, saying what was looked for and what to do."""
    if (root / "config").is_dir():
        return root
    absolute = root.absolute()
    looked = ", ".join(str(absolute / f"config/{name}.toml") for name in ("gateway", "zones", "legal_basis"))
    if absolute.name == "config" and (absolute / "gateway.toml").is_file():
        step = f"the root is the folder above: --root {absolute.parent}"
    else:
        step = f"name the folder that holds config/ with --root, or make a new one: gateway init {absolute}"
    raise Misconfigured((f"{absolute}: no configuration is here; looked for {looked}", step))


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
            written = tomllib.loads(data.decode("utf-8-sig"))  # editors of some systems put a mark first
        except UnicodeDecodeError:
            self.problems.append(f"config/{name}: not TOML: it is not UTF-8 text")
            return None
        except tomllib.TOMLDecodeError as error:
            self.problems.append(f"config/{name}: not TOML: {error}")
            return None
        except (ValueError, RecursionError):  # a number of thousands of digits, or nested without end
            self.problems.append(f"config/{name}: not TOML of a size that anybody writes")
            return None
        try:
            return model.model_validate(written)
        except ValidationError as error:
            self.problems.extend(f"config/{name}: {line}" for line in sentences(error, model, written))
        return None

    def contract(self, name: str) -> Contract | None:
        if (data := self._read(name)) is None:
            return None
        try:
            written = jiter.from_json(data, catch_duplicate_keys=True)
        except (ValueError, RecursionError) as error:
            self.problems.append(f"config/{name}: not JSON with each key once: {error}")
            return None
        try:
            return Contract.model_validate_json(data)
        except ValidationError as error:
            self.problems.extend(f"config/{name}: {line}" for line in sentences(error, Contract, written))
        return None

    def digest(self) -> str:
        return self._hash.hexdigest()

    def files(self, folder: str, suffix: str) -> list[Path]:
        """What lies in a folder under config/, in order; a folder that is not there is empty."""
        try:
            return sorted(path for path in (self._root / "config" / folder).iterdir() if path.suffix == suffix)
        except FileNotFoundError:
            return []
        except OSError as error:
            self.problems.append(f"config/{folder}: cannot be read: {error.strerror}")
            return []

    def _read(self, name: str) -> bytes | None:
        try:
            data = (self._root / "config" / name).read_bytes()
        except OSError as error:
            self.problems.append(f"config/{name}: cannot be read: {error.strerror}")
            return None
        self._hash.update(f"{name}\0{len(data)}\0".encode() + data)
        return data
