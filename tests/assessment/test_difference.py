"""The change table: what is likely a 重要な変更 and has no assessment of a later date is told, and nothing else is."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gateway.assessment import cells, difference
from gateway.config import LegalBasis, WitnessAddress
from gateway.config.config import Config
from gateway.config.files import Export, Listener
from gateway.plugin.item import DataClass
from tests.assessment.changing import (
    with_config,
    with_connector,
    with_field,
    with_gateway,
    with_law,
    with_route,
    with_tenant,
    without_route,
)

WITNESS = WitnessAddress(url="https://witness.example:8450", key="w.vkey", ca="w.crt")
SECOND = WitnessAddress(url="https://second.example:8450", key="v.vkey", ca="v.crt")
EXPORT = Export(name="copies", form="jsonl", tenants=("999997",), folder="exports")
LATER = LegalBasis(reference="架空市の評価書 改定", valid_from=date(2027, 4, 1))
SAME_DAY = LegalBasis(reference="架空市の評価書 別冊", valid_from=date(2024, 5, 27))


def route(subject, name):
    return next(each for each in subject.routes if each.id == name)


def without_item(subject, name, item):
    fields = tuple(each for each in route(subject, name).fields if each != item)
    assert len(fields) == len(route(subject, name).fields) - 1
    return with_route(subject, name, fields=fields)


def without_class(subject, name, some):
    """A route without all items of a class."""
    (flow,) = [each for each in subject.flows() if each.name == name]
    return with_route(subject, name, fields=tuple(f.path for f in flow.fields if f.data_class != some))


def without_connector(subject, name):
    less = with_tenant(subject, connectors={key: each for key, each in subject.connectors.items() if key != name})
    routes = tuple(each for each in less.routes if name not in (each.source, each.destination))
    return with_tenant(less, routes=routes)


def never(subject, connector, *classes):
    config: Config = subject.config
    contract = config.contracts[connector].model_copy(update={"never": classes})
    return with_config(subject, contracts={**config.contracts, connector: contract})


def with_operation(subject, connector, name, **changes):
    """Another locked operation that a connector sends."""
    contract = subject.config.contracts[connector]
    operations = tuple(
        each.model_copy(update=changes) if (each.direction, each.name) == ("sends", name) else each
        for each in contract.operations
    )
    changed = contract.model_copy(update={"operations": operations})
    return with_config(subject, contracts={**subject.config.contracts, connector: changed})


def with_setting(subject, name, **settings):
    return with_connector(subject, name, settings={**subject.connectors[name].settings, **settings})


def entered(subject, zone):
    """With one more listener, in that zone."""
    files = {key: f"keys/tls/{key}" for key in ("certificate", "key", "client_ca")}
    more = Listener(name="more", zone=zone, host="127.0.0.1", port=8460, **files)
    return with_gateway(subject, listeners=(*subject.config.gateway.listeners, more))


def zone_without(subject, name, some):
    zone = subject.config.zones[name]
    narrower = zone.model_copy(update={"clearance": zone.clearance - {some}})
    return with_config(subject, zones={**subject.config.zones, name: narrower})


def zoned(subject, name, zone):
    return with_connector(subject, name, zone=zone)


def reviewed(subject, **days):
    return with_tenant(subject, review=subject.tenant.file.review.model_copy(update=days))


def limited(subject, **limits):
    return with_gateway(subject, limits=subject.config.gateway.limits.model_copy(update=limits))


def law(subject, name, **changes):
    return with_law(subject, **{name: subject.config.legal_basis[name].model_copy(update=changes)})


# What changed, from what to what; the kinds that are told, and a word of their items.
CHANGES: dict[str, Any] = {
    "a route to another recipient": (lambda s: without_route(s, "R17"), None, "new_recipient", "経路 R17"),
    "a route by which something comes": (lambda s: without_route(s, "R19-tax"), None, "new_source", "経路 R19-tax"),
    "a route that is gone": (None, lambda s: without_route(s, "R16"), "narrower", "経路 R16"),
    "an item more, of a class that it had": (
        lambda s: without_item(s, "R16", "lot_no"),
        None,
        "new_item",
        "(別添2) 経路 R16",
    ),
    "an item of a class that it had not": (
        lambda s: without_class(s, "R01", DataClass.TAX_WELFARE),
        None,
        "new_class",
        "(別添2) 経路 R01",
    ),
    "the individual number": (
        lambda s: without_class(s, "R17-addressee", DataClass.INDIVIDUAL_NUMBER),
        None,
        "new_class",
        "(別添2) 経路 R17-addressee",
    ),
    "an item less": (None, lambda s: without_item(s, "R16", "lot_no"), "narrower", "(別添2) 経路 R16"),
    "an item more in a reply": (
        lambda s: with_route(s, "R14", reply_fields=("pmh_key",)),
        None,
        "new_item",
        "(別添2) 経路 R14 回答",
    ),
    "an item under another class": (
        None,
        lambda s: with_field(s, "vaccination_records", "research.register", "lot_no", data_class=DataClass.IDENTIFIER),
        "new_class",
        "(別添2) 経路 R16",
    ),
    "a code that became a free text": (
        None,
        lambda s: with_field(s, "vaccination_records", "research.register", "lot_no", kind="text", pattern=None),
        "new_item",
        "(別添2) 経路 R16",
    ),
    "a longer text": (
        None,
        lambda s: with_field(s, "vaccination_records", "research.register", "lot_no", max_length=999),
        "new_item",
        "(別添2) 経路 R16",
    ),
    "a shorter text": (
        None,
        lambda s: with_field(s, "vaccination_records", "research.register", "lot_no", max_length=1),
        "narrower",
        "(別添2) 経路 R16",
    ),
    "a code list with one code more": (
        lambda s: with_field(s, "vaccination_records", "research.register", "lot_no", values=("1",)),
        lambda s: with_field(s, "vaccination_records", "research.register", "lot_no", values=("1", "2")),
        "new_item",
        "(別添2) 経路 R16",
    ),
    "a code list of its own": (
        None,
        lambda s: with_field(s, "vaccination_records", "research.register", "lot_no", values=("1",)),
        "narrower",
        "(別添2) 経路 R16",
    ),
    "a bound that is gone": (
        None,
        lambda s: with_field(s, "vaccination_records", "research.register", "lot_no", max_length=None),
        "new_item",
        "(別添2) 経路 R16",
    ),
    "another label": (
        None,
        lambda s: with_field(s, "vaccination_records", "research.register", "lot_no", label="ロット"),
        "formal",
        "(別添2) 経路 R16",
    ),
    "another legal basis": (None, lambda s: with_route(s, "R16", legal_basis=("L1", "L3")), "new_basis", "Ⅰ 5."),
    "another row to inquire under": (
        lambda s: with_route(
            s, "R18", legal_rows={"25": "L4-25", **dict(list(route(s, "R18").legal_rows.items())[2:])}
        ),
        None,
        "new_basis",
        "Ⅰ 6.",
    ),
    "a row to provide under, no more for governors only": (
        None,
        lambda s: law(s, "L5-26", counterparty=None),
        "new_recipient",
        "Ⅰ 6.",
    ),
    "a reference under another number": (None, lambda s: law(s, "L3", reference="番号利用条例第4条"), None, ""),
    "a last day of a reference": (None, lambda s: law(s, "L5-26", valid_until=date(2030, 3, 31)), "formal", "Ⅰ 6."),
    "another purpose": (None, lambda s: with_route(s, "R16", purpose="research"), "new_purpose", "使用目的"),
    "other words for the purpose": (
        None,
        lambda s: with_tenant(s, purposes={"vaccination": "予防接種事務"}),
        "formal",
        "使用目的",
    ),
    "another source": (None, lambda s: with_route(s, "R14", destination="vaccination_db"), "new_source", "経路 R14"),
    "a claim that is needed no more": (
        None,
        lambda s: with_route(s, "R09-record", attest=("card_login",)),
        "weaker",
        "条件",
    ),
    "a claim that is needed from now on": (
        lambda s: with_route(s, "R09-record", attest=("card_login",)),
        None,
        "lighter",
        "条件",
    ),
    "agents, too": (lambda s: with_route(s, "R09-record", may_attest=()), None, "new_means", "条件"),
    "no review on a flag": (None, lambda s: with_route(s, "R20-self", may_attest=()), "weaker", "条件"),
    "held from now on": (None, lambda s: with_route(s, "R17", hold=True), "lighter", "条件"),
    "held no more": (lambda s: with_route(s, "R17", hold=True), None, "weaker", "条件"),
    "kept longer": (None, lambda s: with_route(s, "R21", keep_seconds=1e6), "weaker", "保管期間"),
    "kept for ever": (None, lambda s: with_route(s, "R21", keep_seconds=None), "weaker", "保管期間"),
    "kept shorter": (None, lambda s: with_route(s, "R21", keep_seconds=60.0), "lighter", "保管期間"),
    "kept for a time": (None, lambda s: with_route(s, "R01", keep_seconds=60.0), "lighter", "保管期間"),
    "another system": (lambda s: without_connector(s, "history_lookup"), None, "new_system", "使用するシステム"),
    "a system less": (None, lambda s: without_connector(s, "history_lookup"), "narrower", "使用するシステム"),
    "a system in another zone": (None, lambda s: zoned(s, "vaccination_db", "lgwan"), "new_means", "領域"),
    "a system that faces the internet": (None, lambda s: zoned(s, "vaccination_db", "internet"), "weaker", "領域"),
    "another way to a system": (
        None,
        lambda s: with_connector(s, "pmh", settings={"base_url": "https://x", "exchange_folder": "x"}),
        "new_means",
        "入手方法",
    ),
    "a clearance that is wider": (
        None,
        lambda s: with_connector(s, "pmh", clearance=None),
        "weaker",
        "取扱可能な情報区分",
    ),
    "a clearance that is narrower": (
        lambda s: with_connector(s, "pmh", clearance=None),
        None,
        "lighter",
        "取扱可能な情報区分",
    ),
    "a lock that may carry what it never did": (None, lambda s: never(s, "vaccination_db"), None, ""),
    "another host of a system": (
        None,
        lambda s: with_setting(s, "pmh", base_url="https://elsewhere.example:8446"),
        "new_means",
        "の設定 base_url",
    ),
    "another setting of a connector": (
        None,
        lambda s: with_setting(s, "intermediate_server", datasets=["TM1", "TM2"]),
        "unjudged",
        "の設定 datasets",
    ),
    "another certificate of a system": (
        None,
        lambda s: with_connector(s, "myna_portal", certificates=("keys/tls/other.crt",)),
        "new_means",
        "登録した証明書",
    ),
    "a way in from the internet": (None, lambda s: entered(s, "internet"), "weaker", "受口 more"),
    "another way in": (None, lambda s: entered(s, "lgwan"), "new_means", "受口 more"),
    "a way in less": (lambda s: entered(s, "internet"), None, "narrower", "受口 more"),
    "operators' entrance at another address": (
        None,
        lambda s: with_gateway(s, admin=s.config.gateway.admin.model_copy(update={"host": "0.0.0.0"})),
        "new_means",
        "操作用の受口",
    ),
    "one more operator of the machine": (
        None,
        lambda s: with_gateway(s, admin=s.config.gateway.admin.model_copy(update={"operators": {"b": "b.crt"}})),
        "unjudged",
        "機械を運用する者",
    ),
    "one more who grants roles": (
        None,
        lambda s: with_tenant(s, administrators={**s.tenant.file.administrators, "staff-0101": "b.crt"}),
        "unjudged",
        "ユーザID管理者",
    ),
    "an export": (None, lambda s: with_gateway(s, exports=(EXPORT,)), "new_recipient", "記録の書き出し copies"),
    "an export less": (lambda s: with_gateway(s, exports=(EXPORT,)), None, "narrower", "記録の書き出し copies"),
    "an export elsewhere": (
        lambda s: with_gateway(s, exports=(EXPORT,)),
        lambda s: with_gateway(s, exports=(EXPORT.model_copy(update={"folder": "elsewhere"}),)),
        "new_recipient",
        "記録の書き出し copies",
    ),
    "a passphrase from a file": (
        lambda s: with_gateway(s, passphrase="systemd:passphrase"),
        None,
        "weaker",
        "パスフレーズ",
    ),
    "a passphrase from the environment": (
        lambda s: with_gateway(s, passphrase="systemd:passphrase"),
        lambda s: with_gateway(s, passphrase="env:WORD"),
        "weaker",
        "パスフレーズ",
    ),
    "a passphrase from another file": (
        None,
        lambda s: with_gateway(s, passphrase="file:/mnt/share/passphrase"),
        "unjudged",
        "パスフレーズ",
    ),
    "a passphrase from systemd": (
        None,
        lambda s: with_gateway(s, passphrase="systemd:passphrase"),
        "lighter",
        "パスフレーズ",
    ),
    "one witness of two": (
        lambda s: with_gateway(s, witnesses=(WITNESS, SECOND)),
        lambda s: with_gateway(s, witnesses=(WITNESS,)),
        "weaker",
        "証人",
    ),
    "a second witness": (
        lambda s: with_gateway(s, witnesses=(WITNESS,)),
        lambda s: with_gateway(s, witnesses=(WITNESS, SECOND)),
        "lighter",
        "証人",
    ),
    "another text to consent to": (
        None,
        lambda s: with_route(s, "R09-record", consent_texts=("2027-04",)),
        "unjudged",
        "本人への明示",
    ),
    "an assessment of another day under the same id": (
        None,
        lambda s: law(s, "A1", valid_from=date(2025, 5, 27)),
        "unjudged",
        "公表日",
    ),
    "a lock that tells newer states from older ones no more": (
        None,
        lambda s: with_operation(s, "health_management", "subject.register", version=()),
        "weaker",
        "固定定義 健康管理システム 対象者登録",
    ),
    "another law under the same id": (None, lambda s: law(s, "L1", reference="別の法律"), "new_basis", "Ⅰ 5."),
    "another legal basis instead": (
        None,
        lambda s: with_route(s, "R16", legal_basis=("L3",)),
        "new_basis",
        "Ⅰ 5.",
    ),
    "a zone that may carry more": (
        lambda s: zone_without(s, "lgwan", DataClass.CONTACT),
        None,
        "weaker",
        "取扱可能な情報区分",
    ),
    "no witness any more": (lambda s: with_gateway(s, witnesses=(WITNESS,)), None, "weaker", "リスク対策 ※ witness"),
    "a witness": (None, lambda s: with_gateway(s, witnesses=(WITNESS,)), "lighter", "リスク対策 ※ witness"),
    "nobody who grants roles": (None, lambda s: with_tenant(s, administrators={}), "weaker", "リスク対策 ※ people"),
    "carried longer": (None, lambda s: limited(s, message_seconds=1e6), "weaker", "届かない電文を送り続ける期間"),
    "carried shorter": (None, lambda s: limited(s, message_seconds=60.0), "lighter", "届かない電文を送り続ける期間"),
    "carried as long as any": (
        None,
        lambda s: with_route(s, "R18", message_seconds=None),
        "weaker",
        "経路 R18 の届かない電文",
    ),
    "more at once": (None, lambda s: limited(s, open_records=400_000), None, ""),
    "another port": (
        lambda s: entered(s, "internet"),
        lambda s: with_gateway(
            s,
            listeners=tuple(
                each.model_copy(update={"port": each.port + 1})
                for each in entered(s, "internet").config.gateway.listeners
            ),
        ),
        "formal",
        "受口 more",
    ),
    "a copy of the system's log": (
        None,
        lambda s: with_gateway(s, exports=(EXPORT.model_copy(update={"tenants": ("system",)}),)),
        "new_recipient",
        "記録の書き出し copies",
    ),
    "a copy of another tenant's log": (
        None,
        lambda s: with_gateway(s, exports=(EXPORT.model_copy(update={"tenants": ("999989",)}),)),
        None,
        "",
    ),
    "a receiver's lock that takes more": (
        None,
        lambda s: with_field(s, "vaccination_db", "research.register", "lot_no", end="receives", max_length=999),
        "weaker",
        "固定定義 予防接種データベース",
    ),
    "a receiver's lock that takes less": (
        None,
        lambda s: with_field(s, "vaccination_db", "research.register", "lot_no", end="receives", max_length=1),
        "lighter",
        "固定定義 予防接種データベース",
    ),
    "a zone that faces the internet from now on": (
        None,
        lambda s: with_config(
            s,
            zones={**s.config.zones, "lgwan": s.config.zones["lgwan"].model_copy(update={"internet": True})},
        ),
        "weaker",
        "領域 lgwan",
    ),
    "a threshold that lets more pass unseen": (None, lambda s: reviewed(s, persons_a_day=500), "weaker", "1日の人数"),
    "a review that is rarer": (None, lambda s: reviewed(s, log_days=60), "weaker", "記録の点検の間隔"),
    "a review that is more frequent": (None, lambda s: reviewed(s, users_days=30), "lighter", "利用者の点検の間隔"),
}
IMPORTANT = {kind for *_, kind, _ in CHANGES.values() if kind and (kind.startswith("new_") or kind == "weaker")}


def compared(shipped, name):
    before, after, kind, item = CHANGES[name]
    return before(shipped) if before else shipped, after(shipped) if after else shipped, kind, item


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_told_under_its_item_and_an_important_one_is_not_covered(shipped, name):
    old, new, kind, item = compared(shipped, name)
    found = difference(old, new)
    if kind is None:  # what no route goes by, and what the connector's own clearance forbids all the same
        assert found == []
        return
    told = [each for each in found if each.change.kind == kind and item in each.change.item]
    assert told
    for each in told:
        assert each.change.before != each.change.after
        assert (each.change.important, each.covered) == ((True, False) if kind in IMPORTANT else (False, True))
    worst = any(each.change.important for each in found)
    assert worst == (kind in IMPORTANT)


def test_what_is_gone_is_told_in_the_order_of_the_file(shipped):
    gone = ["sex", "gtin", "lot_no", "dose_volume", "birth_month"]
    fields = tuple(each for each in route(shipped, "R16").fields if each not in gone)
    told = [each.change.before for each in difference(shipped, with_route(shipped, "R16", fields=fields))]
    order = [each for each in route(shipped, "R16").fields if each in gone]
    assert [each.partition("〔")[2].partition("〕")[0] for each in told] == order
    rows = {"25": "L4-25"}
    laws = [each.change.before for each in difference(shipped, with_route(shipped, "R18", legal_rows=rows))]
    gone_laws = [each.partition("〔")[2].partition("、")[0] for each in laws if "の項" in each and "〔" in each]
    assert gone_laws == ["L4-26", "L4-27", "L4-28", "L4-29", "L4-153"]


def test_a_setting_is_named_and_not_written_out(shipped):
    (row,) = difference(shipped, with_setting(shipped, "pmh", client_secret="file:elsewhere"))
    assert row.change.item.endswith("の設定 client_secret")
    assert "elsewhere" not in row.change.after
    assert (row.when, row.covered) == ("【記入：提出時期】", True)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://made-up:made-up-secret@elsewhere.example:8446/x", "elsewhere.example:8446"),
        ("HTTPS://Elsewhere.example", "elsewhere.example"),
        ("http://elsewhere.example:8446", "http://elsewhere.example:8446"),
        ("https://[2001:db8::1]:8446", "[2001:db8::1]:8446"),
        ("https://[2001:db8::1:8446]", "[2001:db8::1:8446]"),
    ],
)
def test_another_host_is_named_however_it_is_written_and_without_a_password(shipped, address, told):
    (row,) = difference(shipped, with_setting(shipped, "pmh", base_url=address))
    assert (row.change.after, row.change.kind) == (told, "new_means")


def test_another_folder_to_exchange_files_in_is_another_way(shipped):
    (row,) = difference(shipped, with_setting(shipped, "health_management", exchange_folder="/mnt/elsewhere"))
    assert row.change.kind == "new_means"
    assert "elsewhere" not in row.change.after


def test_what_has_moved_with_its_root_has_not_moved(shipped):
    """Of two configurations that are compared at least one lies elsewhere than it will."""

    def at(root, below):
        paths = {"folder": f"{root}{below}/copies"}
        placed = with_gateway(shipped, exports=(EXPORT.model_copy(update=paths),))
        placed = with_setting(placed, "health_management", exchange_folder=f"{root}{below}/exchange")
        directory = placed.config.gateway.journal.model_copy(update={"directory": f"{root}{below}/journal"})
        gateway = {"journal": directory, "passphrase": f"file:{root}{below}/keys/passphrase"}
        return with_config(with_gateway(placed, **gateway), root=Path(root))

    assert difference(at("/srv/one", ""), at("/srv/other", "")) == []
    told = {each.change.item for each in difference(at("/srv/one", ""), at("/srv/other", "/below"))}
    assert told == {
        "Ⅰ 2. 健康管理システムの設定 exchange_folder",
        "Ⅱ 6. ①記録と電文の保管場所 ※",
        "Ⅲ 3. 記録の書き出し copies",
        "Ⅲ 7. 秘密鍵を開くパスフレーズの元 ※",
    }
    assert difference(at("/srv/one", "/.."), at("/srv/other/deep", "/..")), "above its root it is where it says"
    copied = with_config(at("/srv/one", ""), root=Path("/srv/other"))
    assert difference(at("/srv/one", ""), copied) == [], "a copy of the files says the same"


def test_a_new_route_that_asks_tells_apart_what_is_asked_by_and_what_is_answered(shipped):
    (row,) = [each for each in difference(without_route(shipped, "R14"), shipped) if "経路 R14" in each.change.item]
    assert "。問合せの項目: PMHキー。回答の項目: PMHキー、ID5。根拠: " in row.change.after
    (row,) = [each for each in difference(without_route(shipped, "R16"), shipped) if "経路 R16" in each.change.item]
    assert ("。項目: " in row.change.after, "回答" in row.change.after) == (True, False)


def test_what_only_follows_from_another_change_is_not_called_formal(shipped):
    rows = difference(shipped, with_route(shipped, "R09-record", attest=("card_login",)))
    told = {each.change.item: each.change.kind for each in rows}
    assert told["Ⅲ リスク対策 ※ consent"] == "follows"
    assert "weaker" in told.values()


def test_the_same_is_no_difference(shipped):
    assert difference(shipped, shipped) == []


def assessed(subject, name, **entry):
    """The same under a new assessment, for some routes or all."""
    ((assessment, basis),) = entry.items()
    routes = tuple(
        each.model_copy(update={"assessment": assessment}) if name in (None, each.id) else each
        for each in subject.routes
    )
    return with_tenant(with_law(subject, **{assessment: basis}), routes=routes)


@pytest.mark.parametrize("name", CHANGES)
def test_a_later_assessment_for_all_routes_covers_every_change(shipped, name):
    old, new, *_ = compared(shipped, name)
    assert all(each.covered for each in difference(old, assessed(new, None, A2=LATER)))


def test_where_the_passphrase_lies_now_is_not_written_out(shipped):
    (row,) = difference(shipped, with_gateway(shipped, passphrase="file:/mnt/share/passphrase"))
    assert (row.change.before, row.change.after) == ("file:", "file:(別の場所)")


def test_an_important_change_is_covered_by_a_later_assessment_of_its_own_route_only(shipped):
    old = without_item(shipped, "R16", "lot_no")
    (own,) = [each for each in difference(old, assessed(shipped, "R16", A2=LATER)) if each.change.important]
    assert (own.covered, own.assessment, own.day, own.when) == (True, "A2", LATER.valid_from, "事前")
    assert cells(own)[0] == "2027-04-01"
    assert cells(own)[5] == "重要な変更(記録項目の追加)。評価書 A2"
    (other,) = [each for each in difference(old, assessed(shipped, "R14", A2=LATER)) if each.change.important]
    assert not other.covered


def test_a_change_of_several_routes_is_covered_by_an_assessment_of_each(shipped):
    wider = with_connector(shipped, "pmh", clearance=None)
    (half,) = difference(shipped, assessed(wider, "R03", A2=LATER))[:1]
    assert (half.change.routes, half.covered) == (("R03", "R12"), False)
    both = with_route(assessed(wider, "R03", A2=LATER), "R12", assessment="A2")
    assert difference(shipped, both)[0].covered


def test_an_assessment_of_no_later_date_covers_nothing(shipped):
    old = without_item(shipped, "R16", "lot_no")
    new = assessed(shipped, "R16", A2=SAME_DAY)
    assert [each.covered for each in difference(old, new) if each.change.important] == [False]


def test_an_assessment_whose_day_was_moved_covers_nothing(shipped):
    old = without_item(shipped, "R16", "lot_no")
    moved = law(shipped, "A1", valid_from=LATER.valid_from)
    assert [each.covered for each in difference(old, moved) if each.change.important] == [False]


def test_an_assessment_that_is_listed_and_that_no_route_names_covers_nothing(shipped):
    old = without_item(shipped, "R16", "lot_no")
    assert [each.covered for each in difference(old, with_law(shipped, A2=LATER))] == [False]
    weaker = with_tenant(with_law(shipped, A2=LATER), administrators={})
    assert not any(each.covered for each in difference(shipped, weaker) if each.change.important)


def test_a_route_that_is_new_needs_an_assessment_later_than_any_before(shipped):
    middle = LegalBasis(reference="架空市の評価書 中間", valid_from=date(2026, 4, 1))
    old = without_route(assessed(shipped, "R14", A1b=LATER), "R16")
    new = with_route(with_law(assessed(shipped, "R14", A1b=LATER), A2=middle), "R16", assessment="A2")
    assert [each.covered for each in difference(old, new)] == [False]


def test_a_change_of_the_whole_tenant_is_covered_by_one_later_assessment(shipped):
    weaker = assessed(reviewed(shipped, log_days=60), "R14", A2=LATER)
    (row,) = [each for each in difference(shipped, weaker) if each.change.important]
    assert (row.change.routes, row.covered, row.assessment) == ((), True, "A2")


def test_a_row_of_the_table_has_the_form_s_columns(shipped):
    (row,) = difference(shipped, with_route(shipped, "R21", keep_seconds=172800.0))
    assert cells(row) == (
        "【記入：変更日】",
        "Ⅱ 6. 経路 R21 の保管期間",
        "終了後1日",
        "終了後2日",
        "事前",
        "重要な変更(リスク対策を弱める変更)。これに対する新しい評価書が、まだ設定にない",
    )
    (gone,) = difference(shipped, with_route(shipped, "R21", keep_seconds=60.0))
    assert cells(gone)[4:] == ("事後", "重要な変更に該当しない(リスクを明らかに軽減する変更)")
