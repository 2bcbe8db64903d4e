"""Ⅲ リスク対策: for each risk of the form the safeguards in force, where each is enforced, and which test proves it."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from gateway.assessment.blanks import Blanks
from gateway.assessment.document import Block, Heading, Table, Text, form
from gateway.assessment.safeguards import Judged, judged
from gateway.assessment.subject import Subject

CHAPTERS: Final = MappingProxyType(
    {
        "2": "特定個人情報の入手(情報提供ネットワークシステムを通じた入手を除く。)",
        "3": "特定個人情報の使用",
        "4": "特定個人情報ファイルの取扱いの委託",
        "5": "特定個人情報の提供・移転(委託や情報提供ネットワークシステムを通じた提供を除く。)",
        "6": "情報提供ネットワークシステムとの接続",
        "7": "特定個人情報の保管・消去",
    }
)
RISKS: Final = MappingProxyType(
    {
        "2.1": "リスク1: 目的外の入手が行われるリスク",
        "2.2": "リスク2: 不適切な方法で入手が行われるリスク",
        "2.3": "リスク3: 入手した特定個人情報が不正確であるリスク",
        "2.4": "リスク4: 入手の際に特定個人情報が漏えい・紛失するリスク",
        "3.1": "リスク1: 目的を超えた紐付け、事務に必要のない情報との紐付けが行われるリスク",
        "3.2": "リスク2: 権限のない者によって不正に使用されるリスク",
        "3.3": "リスク3: 従業者が事務外で使用するリスク",
        "3.4": "リスク4: 特定個人情報ファイルが不正に複製されるリスク",
        "4.1": "委託先による不正入手・不正な使用等に関するリスク",
        "5.1": "リスク1: 不正な提供・移転が行われるリスク",
        "5.2": "リスク2: 不適切な方法で提供・移転が行われるリスク",
        "5.3": "リスク3: 誤った情報を提供・移転してしまうリスク、誤った相手に提供・移転してしまうリスク",
        "6.1": "リスク1: 目的外の入手が行われるリスク",
        "6.2": "リスク2: 安全が保たれない方法によって入手が行われるリスク",
        "6.3": "リスク3: 入手した特定個人情報が不正確であるリスク",
        "6.4": "リスク4: 入手の際に特定個人情報が漏えい・紛失するリスク",
        "6.5": "リスク5: 不正な提供が行われるリスク",
        "6.6": "リスク6: 不適切な方法で提供されるリスク",
        "6.7": "リスク7: 誤った情報を提供してしまうリスク、誤った相手に提供してしまうリスク",
        "7.1": "リスク1: 特定個人情報の漏えい・滅失・毀損リスク",
        "7.2": "リスク2: 特定個人情報が古い情報のまま保管され続けるリスク",
        "7.3": "リスク3: 特定個人情報が消去されずいつまでも存在するリスク",
    }
)
_MORE: Final = MappingProxyType(
    {
        "4": (
            ("1", "情報保護管理体制の確認、閲覧者・更新者の制限、取扱いの記録"),
            ("2", "提供ルール、消去ルール、委託契約書中の規定、再委託先の取扱いの確保"),
        ),
        "7": (
            ("1", "①〜⑤ NISC政府機関統一基準群、安全管理体制・規程、周知、物理的対策"),
            ("2", "⑥〜⑧ ゲートウェイ以外の技術的対策、バックアップの実施状況、事故発生時手順"),
            ("3", "⑨ 過去3年以内の重大事故"),
            ("4", "⑩ 死者の個人番号"),
        ),
    }
)
"""What the form asks beside its risks, of people alone."""


def risks(subject: Subject, blanks: Blanks) -> Iterator[Block]:
    """Ⅲ, and the table of proofs."""
    found = list(judged(subject))
    yield Heading(2, "Ⅲ 特定個人情報ファイルの取扱いプロセスにおけるリスク対策 ※")
    yield Text(
        "「実施」は、この設定のとおりに動くときゲートウェイが強制するものです。設定が満たさないものは「未実施」と示します。"
        "ゲートウェイの外での対策は、人が記入します。"
    )
    yield Heading(3, "1. 特定個人情報ファイル名")
    yield Text(blanks.ask("I-3", "特定個人情報ファイル名"))
    for chapter, title in CHAPTERS.items():
        yield Heading(3, f"{chapter}. {title}")
        yield from _chapter(subject, chapter, found, blanks)
    yield from proofs(found)


def _chapter(subject: Subject, chapter: str, found: list[Judged], blanks: Blanks) -> Iterator[Block]:
    if chapter == "6" and not any(subject.allowed(each) in {"inquiry", "provision"} for each in subject.routes):
        yield Text("[○] 接続しない(入手)  [○] 接続しない(提供) — ゲートウェイを通じた情報照会・情報提供の経路はない。")
        return
    for risk, title in RISKS.items():
        if risk.partition(".")[0] != chapter:
            continue
        yield Heading(4, title)
        against = [each for each in found if risk in each.safeguard.risks]
        if against:
            rows = tuple(("実施" if each.in_force else "未実施", each.says, each.name) for each in against)
            yield Table(("状態", "リスクに対する措置の内容(ゲートウェイ)", "対策"), rows)
        else:
            yield Text("このリスクに対してゲートウェイが強制するものは、この設定にはない。")
        yield form(
            ("ゲートウェイ以外の措置の内容", blanks.ask(f"III-{risk}.more", f"{title}: ゲートウェイ以外の措置")),
            ("リスクへの対策は十分か", blanks.ask(f"III-{risk}.enough", f"{title}: 対策は十分か")),
        )
    asked = ((what, blanks.ask(f"III-{chapter}.{number}", what)) for number, what in _MORE.get(chapter, ()))
    other = (
        "その他のリスク及びそのリスクに対する措置",
        blanks.ask(f"III-{chapter}.other", f"{chapter}.のその他のリスク"),
    )
    yield form(*asked, other)


def proofs(found: list[Judged]) -> Iterator[Block]:
    """Where each safeguard in force is enforced, and by which tests that is proven."""
    yield Heading(3, "対策の実施箇所と、それを証明する試験")
    yield Text("実施箇所と試験は、製品のソースコードの中の位置です。「根拠」は要件の番号(C…)です。")
    yield Table(
        ("対策", "根拠", "実施箇所", "証明する試験"),
        tuple(
            (
                each.name,
                "、".join(each.safeguard.cites),
                "\n".join(each.safeguard.enforced),
                "\n".join(each.safeguard.proven),
            )
            for each in found
            if each.in_force
        ),
    )
