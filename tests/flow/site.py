"""A site on disk as `gateway init` leaves it: configuration, locked toy interfaces, real keys, a real directory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway import config as configuration
from gateway.config import Config
from gateway.edge.rules import EdgeRules, rules_for
from gateway.hub.journal import Journal, JournalLimits
from gateway.hub.rules import HubRules, hub_rules
from gateway.keys.at_rest import Secret, make_passphrase
from gateway.keys.certificates import Authority
from gateway.keys.directory import Directory
from gateway.keys.layout import TenantKeys, read_signer, read_text, read_verifier
from gateway.keys.make import make_connector, make_log, make_root, publish
from gateway.keys.private import EdgeKeys
from gateway.plugin.interface import describe
from gateway.tlog.note import Signer
from tests.flow.toys import CARRIED, OFFICE, OFFICE_INTERFACE, REGISTER, REGISTER_INTERFACE, TENANT

GATEWAY = """
name = "renkei.example"
passphrase = "file:keys/passphrase"

[[listeners]]
name = "municipal"
zone = "municipal_zone"
host = "127.0.0.1"
port = 0
certificate = "keys/tls/gateway.crt"
key = "keys/tls/gateway.key"
client_ca = "keys/tls/ca.crt"

[admin]
host = "127.0.0.1"
port = 0
certificate = "keys/tls/gateway.crt"
key = "keys/tls/gateway.key"
client_ca = "keys/tls/ca.crt"
operators = {}
"""
ZONES = """
[zones.municipal_zone]
label = "個人番号利用事務系"
internet = false
clearance = ["individual_number", "identifier", "basic", "safety", "operational"]

[zones.lgwan]
label = "LGWAN接続系"
internet = false
clearance = ["identifier", "basic", "safety", "operational"]

[zones.internet]
label = "インターネット"
internet = true
clearance = ["identifier"]
"""
BASES = """
[legal_basis.L1]
reference = "架空法第1条"
valid_from = 2024-05-27

[legal_basis.L2]
reference = "架空法第2条"
valid_from = 2021-09-01
valid_until = 2099-03-31

[assessment.A1]
reference = "架空市の特定個人情報保護評価書"
valid_from = 2024-05-27
"""
TENANT_FILE = f"""
name = "架空市"
root_key = "keys/{TENANT}/root/root.vkey"
directory = "keys/{TENANT}/directory.note"

[connectors.{OFFICE}]
zone = "municipal_zone"
responsible = "staff-0001"
certificates = ["keys/tls/{OFFICE}.crt"]

[connectors.{REGISTER}]
zone = "lgwan"
responsible = "staff-0002"

[[routes]]
id = "T1"
from = "{OFFICE}"
operation = "person.put"
to = "{REGISTER}"
as = "person.put"
fields = {json.dumps(CARRIED)}
legal_basis = ["L1", "L2"]
assessment = "A1"
purpose = "vaccination"

[[routes]]
id = "T2"
from = "{OFFICE}"
operation = "person.find"
to = "{REGISTER}"
as = "person.find"
fields = ["internal_no", "municipality_code"]
reply_fields = ["internal_no", "update_seq"]
legal_basis = ["L1"]
assessment = "A1"
purpose = "vaccination"
"""
FILES: Mapping[str, str] = {
    "gateway.toml": GATEWAY,
    "zones.toml": ZONES,
    "legal_basis.toml": BASES,
    f"tenants/{TENANT}.toml": TENANT_FILE,
}


def write_config(root: Path, changed: Mapping[str, str] | None = None) -> None:
    """The site's configuration, with some files exchanged."""
    for name, text in {**FILES, **(changed or {})}.items():
        path = root / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for interface in (OFFICE_INTERFACE, REGISTER_INTERFACE):
        configuration.write_contract(root, describe(interface))


@dataclass(frozen=True)
class Site:
    """All that lies on disk, loaded once for all tests: nothing here changes."""

    config: Config
    directory: Directory
    office: EdgeKeys
    register: EdgeKeys
    log: Signer
    authority: Authority

    @property
    def office_rules(self) -> EdgeRules:
        return rules_for(self.config, TENANT, OFFICE, self.directory, OFFICE_INTERFACE)

    @property
    def register_rules(self) -> EdgeRules:
        return rules_for(self.config, TENANT, REGISTER, self.directory, REGISTER_INTERFACE)

    @property
    def hub_rules(self) -> HubRules:
        return hub_rules(self.config, TENANT, self.directory)


def make_site(root: Path) -> Site:
    """Configuration and keys as `gateway init` would leave them."""
    write_config(root)
    make_passphrase(root / "keys/passphrase")
    secret, keys = Secret.parse("file:keys/passphrase", root), TenantKeys(root, TENANT)
    make_root(keys, secret)
    make_log(keys, secret)
    office = make_connector(keys, OFFICE, "municipal_zone", secret)
    register = make_connector(keys, REGISTER, "lgwan", secret)
    now = datetime.now(UTC)
    publish(keys, secret, now)
    authority = Authority.make("試験認証局", now)
    tls = root / "keys/tls"
    tls.mkdir()
    authority.issued.write(tls, "ca", secret)
    authority.server("localhost", now).write(tls, "gateway", secret)
    for name in (OFFICE, "stranger"):
        authority.client(name, now).write(tls, name)
    return Site(
        configuration.load(root),
        Directory.parse(read_text(keys.directory), read_verifier(keys.root_vkey), TENANT),
        office,
        register,
        read_signer(keys.log_key, keys.log_vkey, secret),
        authority,
    )


def open_journal(site: Site, path: Path) -> Journal:
    limits = JournalLimits(max_open_records=10_000, checkpoint_every_facts=1000, wal_bytes=1 << 24)
    return Journal.open(path, tenant=TENANT, origin=site.log.name, signer=site.log, limits=limits)
