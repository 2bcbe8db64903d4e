"""No key of the configuration is forgotten: a change of each is told, or the key is irrelevant, for a reason."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import trustme
from pydantic import BaseModel

from gateway.assessment import Subject, difference
from gateway.assessment.keys import IRRELEVANT, KEYS, PRESENT
from gateway.assessment.keys_changed import not_compared
from gateway.assessment.leaves import flat, leaves
from gateway.config.files import (
    EdgeProcess,
    Export,
    Former,
    FormerFile,
    GatewayFile,
    Hours,
    HubAddress,
    LegalBasisFile,
    LinkListener,
    SyslogReceiver,
    TenantFile,
    WitnessAddress,
    ZonesFile,
)
from gateway.plugin.contract import Contract
from gateway.plugin.item import DataClass
from tests.assessment.changing import with_config, with_connector, with_gateway

LOCK = "vaccination_records"
MODELS: dict[str, Any] = {
    "gateway": GatewayFile,
    "zones": ZonesFile.model_fields["zones"].annotation,
    "legal_basis": LegalBasisFile.model_fields["legal_basis"].annotation,
    "tenant": TenantFile,
    "former": FormerFile.model_fields["former"].annotation,
    "contract": Contract,
}
_FIELD = ("receives subject.lookup", "internal_no")
_OTHER_RULES = {"kind": "text", "data_class": DataClass.HEALTH, "values": ("1",), "check": "municipality_code"}
OTHER: dict[str, tuple[tuple[str, ...], Any]] = {
    "gateway.passphrase": ((), "env:WORD"),
    "gateway.exports.*.syslog": (("logs",), None),
    "zones.*": (("spare",), None),
    "legal_basis.*": (("L7",), None),
    "gateway.listeners.*.zone": (("municipal",), "closed_network"),
    "tenant.connectors.*": (("spare",), None),
    "tenant.connectors.*.zone": (("pmh",), "lgwan"),
    "tenant.connectors.*.clearance": (("health_management",), frozenset()),
    "tenant.connectors.*.settings.*": (("pmh", "client_id"), "another"),
    "tenant.routes.*.from": (("R01",), "spare"),
    "tenant.routes.*.to": (("R01",), "spare"),
    "tenant.routes.*.operation": (("R25",), "subject.register"),
    "tenant.routes.*.reply_fields": (("R02",), ("internal_no",)),
    "tenant.routes.*.assessment": (("R01",), "L1"),
    "tenant.routes.*.legal_basis": (("R01",), ("L3",)),
    "tenant.routes.*.legal_rows.*": (("R18", "25"), "L3"),
    "tenant.routes.*.attest": (("R19",), ()),
    "tenant.routes.*.may_attest": (("R19",), ()),
    "legal_basis.*.allows": (("L1",), "transfer"),
    "legal_basis.*.counterparty": (("L1",), "governor"),
    "contract.never": ((), (DataClass.IDENTIFIER,)),
    **{
        f"contract.operations.*.{part}.*.{key}": (_FIELD, value)
        for part in ("fields", "reply")
        for key, value in (
            ("kind", "text"),
            ("data_class", DataClass.HEALTH),
            ("values", ("1",)),
            ("check", "municipality_code"),
        )
    },
}
"""Where not just any other value of the first thing that has the key holds together: of which thing, and which value.
None is without it.
"""


@pytest.fixture(scope="module")
def full(shipped) -> Subject:
    """The example with all that a configuration can have."""
    config, tenant = shipped.config, shipped.tenant
    tls = {"certificate": "a.crt", "key": "a.key"}
    listen = LinkListener(host="127.0.0.1", port=8447, client_ca="ca.crt", **tls)
    hub = HubAddress(url="https://hub.example:8447", ca="ca.crt", connectors=("999997/pmh",), **tls)
    edges = {"one": EdgeProcess(certificate="e.crt", listeners=("l.crt",), connectors=("999997/pmh",))}
    receiver = SyslogReceiver(host="logs.example", port=6514, ca="ca.crt", **tls)
    link = GatewayFile.model_fields["link"].annotation
    gateway = config.gateway.model_copy(
        update={
            "link": get_args(link)[0].model_construct(listen=listen, edges=edges, hub=hub),
            "witnesses": (WitnessAddress(url="https://w.example", key="w.vkey", ca="w.crt"),),
            "exports": (
                Export(name="files", form="jsonl", tenants=("999997",), kinds=("accepted",), folder="copies"),
                Export(name="logs", form="syslog", tenants=("system",), syslog=receiver),
            ),
        }
    )
    hours = Hours(closed=(date(2026, 12, 29),))
    file = tenant.file.model_copy(
        update={
            "review": tenant.file.review.model_copy(update={"hours_of": {"pmh": hours}}),
            "connectors": {**shipped.connectors, "spare": shipped.connectors["health_management"]},
        }
    )
    former = Former(connector="pmh", digest="0" * 64, until=date(2027, 1, 1))
    spare = config.contracts["health_management"].model_copy(update={"label": "予備のシステム"})
    contracts = {**config.contracts, "spare": spare}
    zones = {**config.zones, "spare": config.zones["closed_network"]}
    whole = replace(config, gateway=gateway, zones=zones, former=(former,), contracts=contracts)
    return Subject(whole, replace(tenant, file=file))


def schema(key: str, kind: Any) -> Iterator[str]:
    """Every key that the models allow; a table that may be absent or have many entries is a key itself."""
    parts = [each for each in get_args(kind) if each not in (type(None), ...)]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield from schema(f"{key}.{field.alias or name}", field.annotation)
    elif get_origin(kind) in (dict, Mapping) or (get_origin(kind) is tuple and _model(parts[0])):
        if _model(parts[-1]):
            yield f"{key}.*"
        yield from schema(f"{key}.*", parts[-1])
    elif type(None) in get_args(kind) and _model(parts[0]):
        yield key
        yield from schema(key, parts[0])
    else:
        yield key


def _model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


SCHEMA = [each for key, kind in MODELS.items() for each in schema(key, kind)]


def within(subject: Subject) -> dict[str, Any]:
    config = subject.config
    return {
        "gateway": config.gateway,
        "zones": config.zones,
        "legal_basis": config.legal_basis,
        "tenant": subject.tenant.file,
        "former": config.former,
        "contract": config.contracts[LOCK],
    }


def put(subject: Subject, key: str, names: tuple[str, ...], value: Any) -> Subject:
    """The subject with another value there."""
    root, *steps = key.split(".")
    made = _put(within(subject)[root], steps, list(names), value)
    if root == "tenant":
        return replace(subject, tenant=replace(subject.tenant, file=made))
    if root == "contract":
        return with_config(subject, contracts={**subject.config.contracts, LOCK: made})
    return with_config(subject, **{root: made})


def _put(at: Any, steps: list[str], names: list[str], value: Any) -> Any:
    if not steps:
        return value
    step, *rest = steps
    if step == "*":
        name, *others = names
        if isinstance(at, tuple):
            found = {next(leaves("", (each,)))[1][0]: each for each in at}
            return tuple(each for each in _entry(found, name, rest, others, value).values())
        return _entry(at, name, rest, others, value)
    name = next(each for each, field in type(at).model_fields.items() if step in (each, field.alias))
    inner = getattr(at, name)
    if step == "settings":
        inner = flat("", inner)
    return at.model_copy(update={name: _put(inner, rest, names, value)})


def _entry(at: Mapping[str, Any], name: str, rest: list[str], names: list[str], value: Any) -> dict[str, Any]:
    if not rest and value is None:
        return {each: found for each, found in at.items() if each != name}
    return {each: _put(found, rest, names, value) if each == name else found for each, found in at.items()}


def another(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case date():
            return value + timedelta(days=1)
        case time():
            return time(value.hour + 1)
        case tuple() | frozenset():
            return type(value)([*value][:-1]) if value else type(value)(["other"])
    return f"{value}x" if value is not None else 1


@pytest.mark.parametrize("key", SCHEMA)
def test_a_change_of_each_key_is_told_or_irrelevant_for_a_reason(full, key):
    root = key.partition(".")[0]
    found = {names: value for leaf, names, value in leaves(root, within(full)[root]) if leaf == key}
    assert found, "the configuration of this test has no such key: give it one"
    names, value = next(iter(found.items()))
    changed = None if value == PRESENT else another(value)
    if key in OTHER:
        names, changed = OTHER[key]
    rows = difference(full, put(full, key, names, changed))
    assert (rows == []) == (key in IRRELEVANT)
    assert all(each.change.before != each.change.after for each in rows)


def test_each_rule_is_of_a_key_that_there_is():
    assert (KEYS.keys() | IRRELEVANT.keys()) - {*SCHEMA} == set()
    assert KEYS.keys() & IRRELEVANT.keys() == set()


# ---- files that the configuration names ------------------------------------------------------------------------------


@pytest.fixture
def rooted(shipped, tmp_path):
    """Gives the example under a root of its own, in which these files lie."""

    def make(root: str, **files: bytes) -> Subject:
        for name, content in {"keys/tls/ca.crt": b"one", "keys/tls/gateway.key": root.encode(), **files}.items():
            file = tmp_path / root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return with_config(shipped, root=tmp_path / root)

    return make


@pytest.mark.parametrize(
    ("file", "items"),
    [
        ("keys/tls/ca.crt", {"Ⅲ 2. 受口 municipal に入るシステムを確かめる認証局 ※", "Ⅰ 2. 中間サーバーの設定 tls.ca"}),
        ("keys/tls/clinic_a.crt", {"Ⅰ 2. 医療機関用アプリ等の登録した証明書"}),
        ("keys/tls/staff-0100.crt", {"Ⅲ 3. ユーザID管理者の証明書"}),
        ("keys/999997/myna_portal/jwks.json", {"Ⅰ 2. マイナポータルの設定 jwks"}),
        ("keys/999997/intermediate_server/jwks.json", {"Ⅰ 2. 中間サーバーの設定 network_jwks"}),
        ("keys/999997/root/root.vkey", {"Ⅲ 2. 公開鍵台帳に署名するルート鍵 ※"}),
    ],
)
def test_other_content_behind_the_same_path_is_told_by_its_part_and_not_written_out(rooted, file, items):
    rows = difference(rooted("old", **{file: b"BEFORE"}), rooted("new", **{file: b"AFTER"}))
    assert items <= {each.change.item for each in rows}
    assert {(each.change.before, each.change.after) for each in rows} == {("変更前の内容", "内容が変わった")}


def test_of_private_keys_and_secrets_nothing_is_read(rooted, monkeypatch):
    names = [
        "keys/tls/gateway.key",
        "keys/tls/pmh.key",
        "keys/999997/pmh/client_secret",
        "keys/999997/intermediate_server/inquiry_key.jwk",
        "keys/passphrase",
    ]
    old, new = (rooted(root, **dict.fromkeys(names, root.encode())) for root in ("old", "new"))
    opened: list[Path] = []
    read = Path.read_bytes

    def told(path: Path) -> bytes:
        opened.append(path)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", told)
    assert difference(old, new) == []
    assert {each.name for each in opened} >= {"ca.crt", "jwks.json"}
    assert not {each.name for each in opened} & {Path(each).name for each in names}


@pytest.mark.parametrize("value", [3, {"ca": None}, ["a.crt", 1], "-----BEGIN\n" * 99, "env:CA", "a\0b"])
def test_a_setting_that_names_no_file_is_told_as_any_other(shipped, value):
    old, new = (
        with_connector(shipped, "pmh", settings={**shipped.connectors["pmh"].settings, "extra_ca": each})
        for each in ("x", value)
    )
    assert "の設定 extra_ca" in "".join(each.change.item for each in difference(old, new))
    assert difference(new, new) == []
    assert not {"env:CA", "a\0b"} & {*not_compared(new, new)}


def test_of_a_certificate_s_file_the_certificates_count_and_not_the_text_around_them(rooted):
    one, two = (trustme.CA().cert_pem.bytes() for _ in range(2))
    old = rooted("old", **{"keys/tls/ca.crt": one})
    assert difference(old, rooted("new", **{"keys/tls/ca.crt": b"the city's\n" + one})) == []
    assert difference(old, rooted("new", **{"keys/tls/ca.crt": one + two}))


def test_the_same_content_under_another_name_is_no_change(rooted):
    new = rooted("new", **{"keys/renamed.crt": b"one"})
    (listener,) = new.config.gateway.listeners
    moved = with_gateway(new, listeners=(listener.model_copy(update={"client_ca": "keys/renamed.crt"}),))
    assert difference(rooted("old"), moved) == []
    assert difference(rooted("old"), replace(moved, config=replace(moved.config, root=new.config.root / "none")))


def test_what_is_not_there_on_both_sides_is_named_as_not_compared(rooted):
    old, new = rooted("old"), rooted("new", **{"keys/999997/root/root.vkey": b"one"})
    missing = not_compared(old, new)
    assert "keys/999997/root/root.vkey" in missing
    assert "keys/tls/ca.crt" not in missing
    assert difference(old, new) == []


def test_no_two_settings_stand_under_one_key():
    """What would be one key could change, and nothing would be told."""
    found = flat("", {"a": {"b": 1, "c": {"d.e": 2}}, "a.b": 3, "name": 4})
    assert found == {"a.b": 1, 'a.c."d.e"': 2, '"a.b"': 3, "name": 4}
