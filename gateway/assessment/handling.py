"""Ⅱ 特定個人情報ファイルの概要: from whom and to whom, by which means, under which law, how often, and how long kept.

What goes on a route stands in one place: under 委託, 提供, 移転 or 入手・使用, by what its legal basis allows.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from gateway.assessment.blanks import Blanks
from gateway.assessment.document import Block, Heading, Text, form, lines
from gateway.assessment.duration import told
from gateway.assessment.flow_table import flow_table
from gateway.assessment.means import how_often, told_means
from gateway.assessment.subject import CLASSES, Flow, Subject, cited
from gateway.config import LegalBasis
from gateway.config.files import Allowed
from gateway.evidence.purged import KEPT_YEARS

_GIVEN: Final[Mapping[Allowed, str]] = MappingProxyType({"provision": "提供", "transfer": "移転"})


def handling(subject: Subject, blanks: Blanks) -> Iterator[Block]:
    """Ⅱ."""
    ask = blanks.ask
    flows = list(subject.flows())
    classes = {each for flow in flows for each in flow.classes}
    yield Heading(2, "Ⅱ 特定個人情報ファイルの概要")
    yield Heading(3, "1. 特定個人情報ファイル名")
    yield Text(ask("I-3", "特定個人情報ファイル名"))
    yield Heading(3, "2. 基本情報")
    yield form(
        ("①ファイルの種類 ※", ask("II-2-1", "ファイルの種類")),
        ("②対象となる本人の数", ask("II-2-2", "対象となる本人の数")),
        ("③対象となる本人の範囲 ※", ask("II-2-3", "対象となる本人の範囲とその必要性")),
        (
            "④主な記録項目 ※(ゲートウェイを通るもの)",
            lines([f"[{'○' if each in classes else ' '}] {label}" for each, label in CLASSES.items()]),
        ),
        ("その妥当性", ask("II-2-4", "記録項目の妥当性")),
        ("全ての記録項目", "別添2を参照。"),
        ("⑤保有開始日", ask("II-2-5", "保有開始日")),
        ("⑥事務担当部署", ask("II-2-6", "事務担当部署")),
    )
    yield from _obtained(subject, flows, blanks)
    yield from _entrusted(subject, flows, blanks)
    yield from _given(subject, flows, blanks)
    yield from _kept(subject, blanks)


def _obtained(subject: Subject, flows: list[Flow], blanks: Blanks) -> Iterator[Block]:
    ask = blanks.ask
    yield Heading(3, "3. 特定個人情報の入手・使用")
    yield Heading(4, "情報提供ネットワークシステムを通じた入手(情報照会)")
    yield flow_table(subject, (each for each in flows if subject.allowed(each.route) == "inquiry"))
    yield Heading(4, "事務の中でのシステム間の連携(入手・使用)")
    yield flow_table(subject, (each for each in flows if subject.allowed(each.route) == "use"))
    if strays := [each for each in flows if subject.allowed(each.route) is None]:
        yield Heading(4, "法的根拠に区分(allows)がなく、どの章のものか設定から分からない経路")
        yield flow_table(subject, strays)
        for each in dict.fromkeys(flow.route.id for flow in strays):
            yield Text(ask(f"II.{each}.kind", f"経路 {each} は入手・委託・提供・移転のどれか"))
    yield form(
        ("①入手元 ※", ask("II-3-1", "入手元(本人、他部署、他機関、民間事業者等の別)")),
        (
            "②入手方法",
            lines(
                [
                    f"{subject.system(name)}: " + "、".join(told_means(subject, name, blanks).splitlines())
                    for name in subject.connectors
                ]
            ),
        ),
        (
            "③入手の時期・頻度",
            lines(
                [
                    f"{subject.system(name)}: " + "、".join(dict.fromkeys(how_often(subject, each) for each in own))
                    for name in subject.connectors
                    if (own := [each for each in flows if each.source == name])
                ]
            ),
        ),
        ("④入手に係る妥当性", ask("II-3-4", "入手に係る妥当性")),
        ("⑤本人への明示", ask("II-3-5", "本人への明示") + "\n" + _shown(subject)),
        ("⑥使用目的 ※", lines(list(dict.fromkeys(subject.purpose(each) for each in subject.routes)))),
        ("⑦使用の主体", ask("II-3-7", "使用部署と使用者数")),
        ("⑧使用方法 ※", ask("II-3-8", "使用方法")),
        ("情報の突合 ※", ask("II-3-8.match", "情報の突合")),
        ("情報の統計分析 ※", ask("II-3-8.statistics", "情報の統計分析")),
        ("権利利益に影響を与え得る決定 ※", ask("II-3-8.decision", "権利利益に影響を与え得る決定")),
        ("⑨使用開始日", ask("II-3-9", "使用開始日")),
    )


def _shown(subject: Subject) -> str:
    """Which versions of the purpose text a person may have consented to, where that is needed."""
    versions = dict.fromkeys(text for each in subject.routes for text in each.consent_texts)
    return f"本人が同意する利用目的の文言の版(設定): {'、'.join(versions)}" if versions else "同意を求める経路はない。"


def _entrusted(subject: Subject, flows: list[Flow], blanks: Blanks) -> Iterator[Block]:
    ask = blanks.ask
    found = [each for each in flows if subject.allowed(each.route) == "entrustment"]
    yield Heading(3, "4. 特定個人情報ファイルの取扱いの委託")
    yield form(
        (
            "委託の有無 ※",
            f"委託先への提供を根拠とする経路: {len({each.route.id for each in found})} 件\n"
            + ask("II-4.count", "委託の有無と件数"),
        )
    )
    yield flow_table(subject, found)
    for name in dict.fromkeys(end for each in found for end in (each.source, each.destination)):
        label = subject.system(name)
        yield Heading(4, f"{label}に係る委託")
        yield form(
            ("①委託内容", ask(f"II-4.{name}.1", f"{label}: 委託内容(委託しない場合はその旨)")),
            (
                "②取扱いを委託する範囲と対象となる本人 ※",
                ask(f"II-4.{name}.2", f"{label}: 委託する範囲、対象となる本人の数と範囲、妥当性"),
            ),
            ("③委託先における取扱者数", ask(f"II-4.{name}.3", f"{label}: 取扱者数")),
            ("④委託先への提供方法", told_means(subject, name, blanks)),
            ("⑤⑥委託先名と確認方法", ask(f"II-4.{name}.5", f"{label}: 委託先名と確認方法")),
            ("⑦⑧⑨再委託 ※", ask(f"II-4.{name}.7", f"{label}: 再委託の有無、許諾方法、再委託事項")),
        )


def _given(subject: Subject, flows: list[Flow], blanks: Blanks) -> Iterator[Block]:
    ask = blanks.ask
    found_by = {kind: [each for each in flows if subject.allowed(each.route) == kind] for kind in _GIVEN}
    bases_by = {kind: _bases(subject, kind, found) for kind, found in found_by.items()}
    yield Heading(3, "5. 特定個人情報の提供・移転(委託に伴うものを除く。)")
    counts = [
        f"[{'○' if bases else ' '}] {_GIVEN[kind]}を行っている({len(bases)})件" for kind, bases in bases_by.items()
    ]
    yield form(("提供・移転の有無(ゲートウェイを通るもの。法的根拠の数)", lines(counts)))
    for kind, title in _GIVEN.items():
        found = found_by[kind]
        yield Heading(4, title if found else f"{title}: 経路なし")
        if found:
            yield flow_table(subject, found)
        for number, (name, basis) in enumerate(bases_by[kind].items(), 1):
            yield Heading(5, f"{title}先{number}")
            under = [each for each in found if name in (*each.route.rows, *each.route.legal_basis)]
            party = "都道府県知事に限る(設定で強制)" if basis.counterparty else "法的根拠のとおり"
            how = "情報提供ネットワークシステム" if kind == "provision" else ask(f"II-5.{name}.how", "方法")
            yield form(
                (f"{title}先", f"{party}\n" + ask(f"II-5.{name}.who", f"{title}先")),
                ("①法令上の根拠", cited(name, basis)),
                (f"②{title}先における用途", ask(f"II-5.{name}.use", f"{title}先における用途")),
                (f"③{title}する情報", lines([_items(each) for each in under])),
                ("④⑤対象となる本人の数・範囲", ask(f"II-5.{name}.whose", "対象となる本人の数と範囲")),
                (f"⑥{title}方法", how),
                ("⑦時期・頻度", lines(list(dict.fromkeys(_when(subject, each) for each in under)))),
            )


def _bases(subject: Subject, kind: Allowed, flows: list[Flow]) -> dict[str, LegalBasis]:
    """Whom it may go to, by what it cites: rows, and of a route without any its legal bases, but for those that rows
    stand under.
    """
    routes = {each.route.id: each.route for each in flows}.values()
    general = {name for each in routes if each.rows for name in each.legal_basis}
    return {
        name: basis
        for each in routes
        for name, basis in subject.law(each)
        if name in each.rows or (basis.allows == kind and name not in general)
    }


def _when(subject: Subject, flow: Flow) -> str:
    return "照会を受けた都度(許可証があるとき)" if "permit" in flow.route.attest else how_often(subject, flow)


def _items(flow: Flow) -> str:
    return f"{flow.operation.label}〔{flow.name}〕: " + "、".join(each.label or each.path for each in flow.fields)


def _kept(subject: Subject, blanks: Blanks) -> Iterator[Block]:
    ask = blanks.ask
    yield Heading(3, "6. 特定個人情報の保管・消去")
    by_time: dict[str, list[str]] = {}
    for route in subject.routes:
        kept = (
            f"終了後{told(route.keep_seconds)}"
            if route.keep_seconds is not None
            else f"定めなし(長くとも記録とともに{KEPT_YEARS}年)"
        )
        by_time.setdefault(kept, []).append(route.id)
    limits = subject.config.gateway.limits
    yield form(
        (
            "①保管場所 ※",
            ask("II-6-1", "保管場所(各システム)")
            + "\nゲートウェイのハブは、電文を宛先の鍵で暗号化したまま保管する。交換フォルダーのファイルには及ばない。",
        ),
        ("②保管期間", ask("II-6-2", "保管期間(各システム)とその妥当性")),
        (
            "ゲートウェイにある暗号化した電文の保管期間",
            lines([f"{kept}: {'、'.join(ids)}" for kept, ids in by_time.items()]),
        ),
        ("届かない電文を送り続ける期間", f"最長 {told(limits.message_seconds)}(経路に短い定めがあればそれまで)"),
        (
            "記録の保存期間",
            f"各記録から{KEPT_YEARS}年。その後、内容を自動で消去し、消去したことを記録する(調査のための保全、バックアップ、書き出した写しを除く)",
        ),
        (
            "③消去方法",
            ask("II-6-3", "消去方法(各システム)")
            + "\nゲートウェイが保管する電文は、保管期間の後、自動で消去し、記録に残す(調査のための保全を除く)。",
        ),
    )
    yield Heading(3, "7. 備考")
    yield Text(ask("II-7", "備考"))
