"""Hand-over slips (受渡票, C105, C134): for each message that was taken over, when, from whom, to whom, how many
records of what, and what became of them.
"""

from collections.abc import Iterable
from typing import Final

from gateway.config import japanese_clock
from gateway.hub.journal import FactKind, Followed
from gateway.hub.reports.report import Column, Each, Given, Report, Row, Said
from gateway.hub.reports.wording import operation, outcomes


def _slip(fact: Followed, given: Given) -> Iterable[Row]:
    header, statement = fact.header, fact.fact.get("statement", {})
    named = {"at": japanese_clock(fact.fact["at"]), "message": fact.fact["message_id"]}
    if given.hides(fact):
        return [Row.of(named | {"undisclosed": "はい"}, fact.seq)]
    if not header:  # the sending edge refused every record: nothing was handed over
        said = statement.get("operation")
        named |= {
            "from": statement["connector"],
            "operation": operation(given.rules, statement["connector"], said) if said else "",
            "responsible": statement.get("responsible", ""),
        }
        refused = len(statement.get("records", ()))
        return [Row.of(named | {"records": refused, "accepted": 0, "refused": refused, "dead": 0, "open": 0}, fact.seq)]
    facts = given.message(fact.fact["message_id"])
    ended = outcomes(facts, frozenset(index for index, _, _ in header["records"]))
    refused = len(statement.get("records", ()))
    counts = {
        "records": len(header["records"]) + refused,
        "accepted": ended["accepted"] + ended["duplicate"],
        "refused": ended["refused"] + refused,
        "dead": ended["dead"],
        "open": ended[""],
    }
    way = {
        "from": header["source"],
        "to": header["destination"],
        "operation": operation(given.rules, header["destination"], header["operation"]),
        "responsible": header.get("actor") or header["responsible"],
    }
    return [Row.of(named | way | counts, *(each["seq"] for each in facts))]


REPORT: Final = Report(
    name="slips",
    title=Said("Hand-over slips", "受渡票"),
    columns=(
        Column("at", "受渡日時"),
        Column("message", "電文番号"),
        Column("from", "引渡元"),
        Column("to", "引渡先"),
        Column("operation", "業務電文"),
        Column("responsible", "担当者"),
        Column("records", "件数"),
        Column("accepted", "受領"),
        Column("refused", "拒否"),
        Column("dead", "不達"),
        Column("open", "処理中"),
        Column("undisclosed", "不開示"),
    ),
    kinds=(FactKind.MESSAGE_RECORDED,),
    rows=lambda given: Each(_slip, given),
    notes=(
        Said(
            "One row for each message that was taken over in the period, with what became of it until the report was"
            " made. Refused are also the records that the sending edge refused: those were not handed over.",
            "期間中に受け付けた電文ごとに1行。件数の内訳は作成時点のもの。「拒否」には、送信側で拒否され、引き渡されていないものを含む。",
        ),
    ),
)
