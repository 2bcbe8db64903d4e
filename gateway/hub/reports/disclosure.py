"""What was passed on about one person (開示請求, C251, C103): when, from whom, to whom, which items, why, and how it
ended.

The person stands in it nowhere. What is not to be disclosed (番号法第23条第2項) is left out for whoever asks, because
the file is made to be handed to the person; so are the codes of refusals, which can tell what others know.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.config import japanese_clock
from gateway.hub.holds import DECIDE
from gateway.hub.journal import FactKind, Followed
from gateway.hub.reports.report import Column, Each, Given, Report, Row, Said
from gateway.hub.reports.wording import body, ended, law, outcomes, permits, plainly, purpose, runs, system
from gateway.hub.rules import HubRules
from gateway.hub.search import Tags

_FLAG: Final = "undisclosed_flag"
_UNDISCLOSED: Final = "undisclosed"


def _passed(fact: Followed, given: Given) -> Iterable[Row]:
    header, records = fact.header, given.records(fact)
    if fact.undisclosed or not records:
        return []
    sets = {number for index, number, _ in header["records"] if index in records}
    paths = {item for each in sets for item in header["item_sets"][each]}
    if _unsaid(header, paths, given):
        return []
    facts = given.message(fact.fact["message_id"])
    cells = {
        "at": japanese_clock(fact.fact["at"]),
        "from": system(given.rules, header["source"]),
        "to": system(given.rules, header["destination"]),
        "other": "、".join(
            dict.fromkeys(body(given.rules, each["party"]) for each in permits(header) if "party" in each)
        ),
        "operation": plainly(given.rules, header["destination"], [header["operation"]]),
        "items": plainly(given.rules, header["destination"], paths),
        "basis": law(given.rules, header["legal_basis"]),
        "purpose": purpose(given.rules, header["purpose"]),
        "ended": ended(outcomes(facts, records)),
    }
    return [Row.of(cells, fact.seq)]


def _unsaid(header: Mapping[str, Any], paths: set[str], given: Given) -> bool:
    """Whether nobody says that it may be disclosed, so that the silence is no word. An inquiry says it when it is
    asked, where the hub cannot read it: its answer, which attests it, stands for it. What its connector attests comes
    with the permit: an inquiry that ended without one may have been either.
    """
    route = given.rules.tenant.route(header["route"])
    claims = {*route.attest, *route.may_attest} if route is not None else set[str]()
    if _UNDISCLOSED not in claims:
        return any(path.rpartition(".")[2] == _FLAG for path in paths)
    return "permit" in claims and not permits(header)


def _above(given: Given) -> tuple[Said, ...]:
    """Why it was made, and what was sought: no tag finds anything of another connector or of another month."""
    if given.about is None:
        return ()
    reason, case = given.about.reason, given.about.case
    why = Said(f"Case {case}: {reason.replace('_', ' ')}", f"事案番号 {case}、作成の理由: {REASONS[reason]}")
    return (why, *(_sought(given.rules, each) for each in given.about.by))


def _sought(rules: HubRules, by: Tags) -> Said:
    called, months = system(rules, by.connector), list(runs(by.tags))
    english = ", ".join(first if first == last else f"{first} to {last}" for first, last in months) or "no month"
    japanese = "、".join(first if first == last else f"{first} 〜 {last}" for first, last in months) or "なし"
    told = f"検索した業務システム: {called}(その番号で、送信の月が次のもの: {japanese})"
    return Said(f"Searched: what {called} sent, by its numbers, made in {english}", told)


REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {"disclosure_request": "開示請求", "correction": "訂正請求", "incident": "事案の調査", "audit": "監査"}
)
REPORT: Final = Report(
    name="disclosure",
    title=Said("What was passed on about a person", "本人に関する提供の記録(開示請求)"),
    columns=(
        Column("at", "日時"),
        Column("from", "提供元"),
        Column("to", "提供先"),
        Column("other", "相手方"),
        Column("operation", "手続"),
        Column("items", "項目"),
        Column("basis", "法的根拠・評価書"),
        Column("purpose", "利用目的"),
        Column("ended", "結果"),
    ),
    kinds=(FactKind.MESSAGE_RECORDED,),
    rows=lambda given: Each(_passed, given),
    roles=tuple(sorted(DECIDE)),
    of_person=True,
    above=_above,
    notes=(
        Said(
            "These are the messages that were found by the numbers under which the person is known to the systems that"
            " were searched. What other systems passed on is found by theirs. What was deleted because its time was"
            " over is not in it, nor anything of a person whose trail was erased.",
            "本人を示す番号で検索した業務システムが送ったものを記載する。ほかの業務システムが送ったものは、そのシステムの番号で検索する。"
            "保存期間を過ぎて消去されたものと、証跡を消去した人のものは含まない。",
        ),
        Said(
            "What the law says is not to be disclosed is in no such report, whether there is any or not.",
            "法令により開示しないこととされる記録は、その有無にかかわらず、この帳票には載らない。",
        ),
        Said(
            "Of exchanges with other bodies over the information provision network the answers are listed, not the"
            " inquiries before them, nor inquiries that ended without a permit.",
            "情報提供ネットワークシステムによる照会は、その回答の行で示す。照会そのものと、許可証なしで終わった照会は載せない。",
        ),
        Said(
            "Passed on are the items where it ended as received (受領); otherwise the receiver did not take them: it"
            " refused them (拒否), they could not be delivered (不達), or it had not ended by then (処理中).",
            "「受領」「受領済み」は提供先が受け取ったもの。「拒否」は提供先が受け取らなかったもの、「不達」は届かなかったもの、"
            "「処理中」は作成時点でまだ終わっていないもの。",
        ),
    ),
)
