"""Ⅰ 基本情報: the systems and their connections, and the law; with cover and which assessment each route depends on."""

from collections.abc import Iterator
from typing import Final

from gateway.assessment.blanks import Blanks
from gateway.assessment.document import Block, Heading, Table, Text, form, lines
from gateway.assessment.means import told_means
from gateway.assessment.subject import CLASSES, Subject, cited, days

_FUNCTIONS: Final = (
    "1 経路として許可された項目だけを、送る側のエッジで選び、宛先の鍵で暗号化して届ける機能",
    "2 ハブで、内容を読まず、署名付きの見出しだけで許可を判断し、記録する機能",
    "3 受付・拒否・配送・結果・操作のすべてを、効力を生じる前に改ざんを検知できる記録に残す機能",
    "4 保留、解除、保存期間の経過による削除、利用停止を扱う機能",
)


def cover(subject: Subject, blanks: Blanks) -> Iterator[Block]:
    """What stands before the chapters, and what the reader must know of how it was made."""
    ask = blanks.ask
    yield Heading(1, "特定個人情報保護評価書(全項目評価書)")
    yield Text(
        "この文書は、稼働する設定から gateway assessment build が作成したものです。設定から分かることだけを記載し、"
        "人でなければ分からないことは【記入：…】として残しています。\n"
        f"設定の検証値(SHA-256): {subject.config.digest}"
    )
    yield form(
        ("評価書番号", ask("0.number", "評価書番号")),
        ("評価書名", ask("0.name", "評価書名")),
        ("個人のプライバシー等の権利利益の保護の宣言", ask("0.declaration", "宣言")),
        ("特記事項", ask("0.remarks", "特記事項")),
        ("評価実施機関名", ask("0.agency", f"評価実施機関名({subject.tenant.file.name})")),
        ("公表日", ask("0.published", "公表日")),
    )
    yield from _dependence(subject)


def _dependence(subject: Subject) -> Iterator[Block]:
    yield Heading(2, "この評価書と経路")
    yield Text(
        "経路(システム間の連携の許可)は、設定が名指しする評価書の適用日より前には何も通しません。"
        "送る側のエッジ、ハブ、受ける側のエッジの3か所で確かめます。"
    )
    names = dict.fromkeys(route.assessment for route in subject.routes)
    yield Table(
        ("評価書", "名称・版", "適用期間", "依存する経路"),
        tuple(
            (
                name,
                subject.config.legal_basis[name].reference,
                days(subject.config.legal_basis[name]),
                "、".join(route.id for route in subject.routes if route.assessment == name),
            )
            for name in names
        ),
    )


def basics(subject: Subject, blanks: Blanks) -> Iterator[Block]:
    """Ⅰ."""
    ask = blanks.ask
    yield Heading(2, "Ⅰ 基本情報")
    yield Heading(3, "1. 特定個人情報ファイルを取り扱う事務")
    purposes = dict.fromkeys(subject.purpose(route) for route in subject.routes)
    yield form(
        ("①事務の名称", lines(list(purposes))),
        ("②事務の内容 ※", ask("I-1-2", "事務の内容")),
        ("③対象人数", ask("I-1-3", "対象人数")),
    )
    yield Heading(3, "2. 特定個人情報ファイルを取り扱う事務において使用するシステム")
    for number, connector in enumerate(subject.connectors, 1):
        yield Heading(4, f"システム{number}")
        yield _system(subject, connector, blanks)
    yield Heading(4, f"システム{len(subject.connectors) + 1}")
    yield _gateway(subject)
    yield Heading(3, "3. 特定個人情報ファイル名")
    yield Text(ask("I-3", "特定個人情報ファイル名"))
    yield Heading(3, "4. 特定個人情報ファイルを取り扱う理由")
    yield form(
        ("①事務実施上の必要性", ask("I-4-1", "事務実施上の必要性")),
        ("②実現が期待されるメリット", ask("I-4-2", "実現が期待されるメリット")),
    )
    yield from _law(subject)
    yield Heading(3, "7. 評価実施機関における担当部署")
    yield form(("①部署", ask("I-7-1", "部署")), ("②所属長の役職名", ask("I-7-2", "所属長の役職名")))
    yield Heading(3, "8. 他の評価実施機関")
    yield Text(ask("I-8", "他の評価実施機関"))


def _system(subject: Subject, connector: str, blanks: Blanks) -> Block:
    contract, zone = subject.config.contracts[connector], subject.zone(connector)
    flows = [each for each in subject.flows() if connector in (each.source, each.destination)]
    partners = dict.fromkeys(other for each in flows for other in (each.source, each.destination) if other != connector)
    network = any(subject.allowed(each.route) in {"inquiry", "provision"} for each in flows)
    internal = network and any(each.source == each.destination for each in flows)
    tick = {True: "○", False: " "}
    ticked = f"[{tick[internal]}] 情報提供ネットワークシステム"
    others = f"[{tick[bool(partners)]}] その他({'、'.join(map(subject.system, partners))})"
    return form(
        ("①システムの名称", f"{subject.system(connector)}〔{connector}〕"),
        (
            "②システムの機能",
            "ゲートウェイを通じて行うもの: "
            + "、".join(dict.fromkeys(each.operation.label for each in flows))
            + "\n"
            + blanks.ask(f"I-2.{connector}.function", f"{subject.system(connector)}の機能"),
        ),
        (
            "③他のシステムとの接続",
            f"{ticked}\n{others}\n"
            + blanks.ask(f"I-2.{connector}.others", "ゲートウェイを通らない接続(庁内連携、住基、宛名、税務等)"),
        ),
        ("所在する領域", zone.label),
        ("接続方法", told_means(subject, connector, blanks)),
        (
            "固定定義(インターフェース)",
            f"版 {contract.version}、検証値 {subject.config.digests[connector][:16]}…",
        ),
        (
            "通らない情報区分",
            "、".join(CLASSES[each] for each in CLASSES if each not in contract.data_classes()) or "なし",
        ),
        ("保有・運用する者", blanks.ask(f"I-2.{connector}.holder", f"{subject.system(connector)}を保有・運用する者")),
    )


def _gateway(subject: Subject) -> Block:
    link = subject.config.gateway.link
    apart = "ハブと各領域のエッジを別のプロセスで動かす" if link is not None else "ハブとエッジを1つのプロセスで動かす"
    return form(
        ("①システムの名称", "Renkei Gateway(連携ゲートウェイ)"),
        ("②システムの機能", lines(list(_FUNCTIONS))),
        ("③他のシステムとの接続", "[○] その他(" + "、".join(map(subject.system, subject.connectors)) + ")"),
        ("構成", apart),
    )


def _law(subject: Subject) -> Iterator[Block]:
    named = {name: basis for route in subject.routes for name, basis in subject.law(route)}

    def of(*allows: str | None) -> str:
        return lines([cited(name, basis) for name, basis in named.items() if basis.allows in allows])

    yield Heading(3, "5. 個人番号の利用 ※")
    yield form(("法令上の根拠", of("use", "entrustment", "transfer", None)))
    yield Heading(3, "6. 情報提供ネットワークシステムによる情報連携 ※")
    network = any(basis.allows in {"inquiry", "provision"} for basis in named.values())
    yield form(
        ("①実施の有無", "実施する" if network else "実施しない(ゲートウェイを通じては)"),
        ("②法令上の根拠", f"<情報照会>\n{of('inquiry')}\n<情報提供>\n{of('provision')}" if network else "なし"),
    )
