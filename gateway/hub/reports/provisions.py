"""The records of 番号法第23条第1項 (情報提供等の記録, C098, C104): each exchange over the information provision
network that a permit was attested for, with who asked whom, when, which items, under which law, and how it ended.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.config import japanese_clock
from gateway.hub.journal import FactKind, Followed
from gateway.hub.reports.report import Column, Each, Given, Report, Row, Said
from gateway.hub.reports.wording import ended, items, law, outcomes, permits

_ASKER, _PROVIDER = "inquirer_code", "provider_code"
"""Items that name the other body: as who asks of us, or as whom we asked."""


def _provision(fact: Followed, given: Given) -> Iterable[Row]:
    header = fact.header
    attested = permits(header)
    if not attested:
        return []
    named: dict[str, str | int] = {"at": japanese_clock(fact.fact["at"]), "message": fact.fact["message_id"]}
    if given.hides(fact):
        return [Row.of(named | {"undisclosed": "はい"}, fact.seq)]
    facts = given.message(fact.fact["message_id"])
    records = frozenset(index for index, _, _ in header["records"])
    paths = {item for each in header["item_sets"] for item in each}
    permit = attested[0]
    cells = _bodies(permit, {path.rpartition(".")[2] for path in paths}, given.rules.tenant.code) | {
        "asked": japanese_clock(permit["asked"]) if "asked" in permit else "",
        "items": items(given.rules, header["destination"], paths),
        "basis": law(given.rules, header["legal_basis"]),
        "records": len(records),
        "ended": ended(outcomes(facts, records)),
        "undisclosed": "はい" if fact.undisclosed else "",
    }
    return [Row.of(named | cells, *(each["seq"] for each in facts))]


def _bodies(permit: Mapping[str, Any], names: set[str], own: str) -> dict[str, str | int]:
    """Who asked whom: the permit names the other body, and the message's items which of both it is."""
    other = permit.get("party", "")
    asks, provides = _ASKER in names, _PROVIDER in names
    if asks == provides:
        return {"other": other}
    return {"other": other, "asker": other if asks else own, "provider": own if asks else other}


REPORT: Final = Report(
    name="provisions",
    title=Said("Statutory provision records", "情報提供等の記録(番号法第23条第1項)"),
    columns=(
        Column("at", "日時"),
        Column("message", "電文番号"),
        Column("asker", "情報照会者"),
        Column("provider", "情報提供者"),
        Column("other", "相手方"),
        Column("asked", "照会日時"),
        Column("items", "特定個人情報の項目"),
        Column("basis", "法的根拠・評価書"),
        Column("records", "件数"),
        Column("ended", "結果"),
        Column("undisclosed", "不開示(第23条第2項)"),
    ),
    kinds=(FactKind.MESSAGE_RECORDED,),
    rows=lambda given: Each(_provision, given),
    notes=(
        Said(
            "Exchanges that attest a permit of the information provision network, by the day on which the gateway took"
            " them over. An inquiry that ended without a permit is none.",
            "情報提供許可証を伴う電文を、受付日時の順に記載する。許可証が出ずに終わった照会は含まない。",
        ),
        Said(
            "A row that is not to be disclosed must not be shown to the person. To whoever does not decide about holds,"
            " it tells no more than that it is there.",
            "不開示の行は、本人への開示の対象ではない。保留の判断をする者以外には、その有無のほかは示されない。",
        ),
    ),
)
