"""Which items each recipient was sent, against what its routes grant (C241): sent and granted, sent and not granted,
granted and never sent.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.hub.journal import FactKind, Followed
from gateway.hub.journal.outcomes import indices
from gateway.hub.reports.report import Cell, Column, Given, Report, Row, Said
from gateway.hub.reports.spans import Spans
from gateway.messages import MessageKind

_TAKEN: Final = ("accepted", "duplicate")


class _Way(NamedTuple):
    recipient: str
    route: str
    reply: bool


@dataclass(slots=True)
class _Sent:
    records: int = 0
    facts: Spans = field(default_factory=Spans)


class Fields:
    """Counts by recipient, route and item: as many as the configurations of the period had. A record counts once, when
    its receiver has taken it.
    """

    def __init__(self, given: Given) -> None:
        self._given = given
        self._sent: dict[tuple[_Way, str], _Sent] = {}

    def add(self, fact: Followed) -> Iterable[Row]:
        """What this delivery brought."""
        if not fact.header or self._given.hides(fact):
            return ()
        header = fact.header
        sets = {index: number for index, number, _ in header["records"]}
        way = _Way(header["destination"], header["route"], header["kind"] == MessageKind.REPLY)
        for group in fact.fact.get("outcomes", ()):
            for index in indices(group["records"]) if group["ending"] in _TAKEN else ():
                for item in header["item_sets"][sets[index]]:
                    sent = self._sent.setdefault((way, item), _Sent())
                    sent.records += 1
                    sent.facts.add(fact.seq)
        return ()

    def end(self) -> Iterable[Row]:
        """By recipient, route and item."""
        granted = self._granted()
        for way, item in sorted(granted | self._sent.keys()):
            sent = self._sent.get((way, item), _Sent())
            allowed = (way, item) in granted
            cells: dict[str, Cell] = {
                "recipient": way.recipient,
                "route": way.route,
                "reply": "回答" if way.reply else "",
                "item": item,
                "label": self._given.rules.labels.get((way.recipient, item), ""),
                "records": sent.records,
                "granted": "はい" if allowed else "いいえ",
                "note": "" if sent.records and allowed else "送信なし" if allowed else "許可外",
            }
            yield Row(cells, sent.facts)

    def _granted(self) -> set[tuple[_Way, str]]:
        return {
            (_Way(recipient, route.id, reply), item)
            for route in self._given.rules.tenant.file.routes
            for recipient, reply, items in (
                (route.destination, False, route.fields),
                (route.source, True, route.reply_fields),
            )
            for item in items
        }


REPORT: Final = Report(
    name="fields",
    title=Said("Fields sent to each recipient", "提供先別の送信項目"),
    columns=(
        Column("recipient", "提供先"),
        Column("route", "経路"),
        Column("reply", "回答"),
        Column("item", "項目"),
        Column("label", "項目名"),
        Column("records", "送信件数"),
        Column("granted", "許可"),
        Column("note", "備考"),
    ),
    kinds=(FactKind.DELIVERY_CONCLUDED,),
    rows=Fields,
    notes=(
        Said(
            "A record counts once for each of its items, when its recipient has taken it in the period. Granted is what"
            " the routes of today grant.",
            "期間中に提供先が受け取ったレコードを、項目ごとに数える。許可は、現在の設定の経路による。",
        ),
        Said(
            "What is not to be disclosed is counted only for those who decide about holds, and is not mentioned"
            " otherwise, whether there is any or not.",
            "不開示の電文は、保留の判断をする者が作成したときにだけ数える。それ以外では、有無にかかわらず数えない。",
        ),
    ),
)
