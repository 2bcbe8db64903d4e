"""What was passed on about one person (開示請求, C251, C103): when, from whom, to whom, which items, why, and how it
ended.

The person stands in it nowhere. What is not to be disclosed (番号法第23条第2項) is left out for whoever asks, because
the file is made to be handed to the person; so are the codes of refusals, which can tell what others know.
"""

from collections.abc import Iterable
from typing import Final

from gateway.config import japanese_clock
from gateway.hub.holds import DECIDE
from gateway.hub.journal import FactKind, Followed
from gateway.hub.reports.report import Column, Each, Given, Report, Row, Said
from gateway.hub.reports.wording import ended, items, law, operation, outcomes, permits

_FLAG: Final = "undisclosed_flag"
_UNDISCLOSED: Final = "undisclosed"


def _passed(fact: Followed, given: Given) -> Iterable[Row]:
    header, records = fact.header, given.records(fact)
    if fact.undisclosed or not records:
        return []
    sets = {number for index, number, _ in header["records"] if index in records}
    paths = {item for each in sets for item in header["item_sets"][each]}
    if _sealed_word(header["route"], paths, given):
        return []
    facts = given.message(fact.fact["message_id"])
    cells = {
        "at": japanese_clock(fact.fact["at"]),
        "from": header["source"],
        "to": header["destination"],
        "other": "、".join(dict.fromkeys(each["party"] for each in permits(header) if "party" in each)),
        "operation": operation(given.rules, header["destination"], header["operation"]),
        "items": items(given.rules, header["destination"], paths),
        "basis": law(given.rules, header["legal_basis"]),
        "purpose": header["purpose"],
        "ended": ended(outcomes(facts, records)),
    }
    return [Row.of(cells, fact.seq)]


def _sealed_word(route_id: str, paths: set[str], given: Given) -> bool:
    """Whether the message itself says if it may be disclosed, where the hub cannot read it, and its route has nobody
    attest it: an inquiry says so when it is asked. Its answer, which attests it, stands for it.
    """
    route = given.rules.tenant.route(route_id)
    told = route is not None and _UNDISCLOSED in (*route.attest, *route.may_attest)
    return not told and any(path.rpartition(".")[2] == _FLAG for path in paths)


REPORT: Final = Report(
    name="disclosure",
    title=Said("What was passed on about a person", "本人に関する提供の記録(開示請求)"),
    columns=(
        Column("at", "日時"),
        Column("from", "提供元"),
        Column("to", "提供先"),
        Column("other", "相手方"),
        Column("operation", "業務電文"),
        Column("items", "項目"),
        Column("basis", "法的根拠・評価書"),
        Column("purpose", "利用目的"),
        Column("ended", "結果"),
    ),
    kinds=(FactKind.MESSAGE_RECORDED,),
    rows=lambda given: Each(_passed, given),
    roles=tuple(sorted(DECIDE)),
    of_person=True,
    notes=(
        Said(
            "Messages that the connectors recorded by whose tags the person was sought. Other connectors' messages are"
            " found by their own tags; and none of before the log's oldest kept day.",
            "検索に用いたタグの接続プラグインが受け付けた電文。ほかの接続プラグインの電文は、そのタグで検索する。保存期間を過ぎた記録は含まない。",
        ),
        Said(
            "What the law says is not to be disclosed is in no such report, whether there is any or not.",
            "法令により開示しないこととされる記録は、その有無にかかわらず、この帳票には載らない。",
        ),
        Said(
            "Of exchanges with other bodies over the information provision network the answers are listed, not the"
            " inquiries before them; the other body is named by its code.",
            "情報提供ネットワークシステムによる照会は、その回答の行で示し、照会そのものの行は載せない。相手方は、その機関のコードで示す。",
        ),
        Said(
            "Passed on are the items where it ended as received; otherwise the receiver did not take them.",
            "「受領」は提供先が受け取ったもの。それ以外は提供先が受け取っていない(処理中は作成時点で未了)。",
        ),
    ),
)
