"""What is unusual in a period (C107-C114), as a signed review finds it: made of any days, it opens no finding."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from gateway.hub.journal import FactKind, Followed
from gateway.hub.reports.report import Cell, Column, Given, Report, Row, Said
from gateway.hub.reports.spans import Spans
from gateway.hub.reports.wording import operation
from gateway.hub.review import BEFORE, KINDS, LOOKS, Code, Observation, Unusual, deed, is_young

_WORDS: Final[Mapping[Code, str]] = MappingProxyType(
    {
        Code.BURST: "通常を大きく超える件数",
        Code.OFF_HOURS: "業務時間外の操作",
        Code.MANY_PERSONS: "1日に多数の人に関する操作",
        Code.NEW_ACTOR: "初めての利用者・接続",
        Code.NEW_ROUTE: "初めての経路",
        Code.NEW_OPERATION: "初めての操作・業務電文",
        Code.NEW_TERMINAL: "初めての端末",
        Code.NEW_CERTIFICATE: "初めての証明書",
        Code.REFUSALS: "拒否の繰り返し",
        Code.UNDISCLOSED: "不開示とした電文",
    }
)


class _Rows:
    def __init__(self, given: Given) -> None:
        self._given = given
        self._unusual = Unusual(given.rules.tenant.file.review, young=is_young(given.began, given.since))

    def add(self, fact: Followed) -> Iterable[Row]:
        tags = self._given.persons(fact) if fact.kind is FactKind.MESSAGE_RECORDED else frozenset[bytes]()
        if (found := deed(fact, tags)) is not None:
            self._unusual.see(found, judged=fact.fact["at"] >= self._given.since)
        return ()

    def end(self) -> Iterable[Row]:
        return [_row(each, self._given) for each in self._unusual.observed()]


def _row(found: Observation, given: Given) -> Row:
    cells: dict[str, Cell] = {
        "what": _WORDS[found.code],
        "code": found.code.value,
        "person": found.person or "",
        "connector": found.connector or "",
        "certificate": found.certificate or "",
        "new": "、".join(_named(each, found, given) for each in found.new),
        "count": found.count,
        "most": found.most or "",
    }
    return Row(cells, Spans(found.facts))


def _named(new: str, found: Observation, given: Given) -> str:
    return operation(given.rules, found.connector or "", new) if found.code is Code.NEW_OPERATION else new


def _compared(given: Given) -> tuple[Said, ...]:
    return (_NOT_COMPARED,) if is_young(given.began, given.since) else ()


_NOT_COMPARED: Final = Said(
    "What is new is not told: the report has no first day, or the log does not go back 90 days before it.",
    "「初めて」のものは示していない(初日の指定がないか、記録が初日の90日前まで遡れないため)。",
)
REPORT: Final = Report(
    name="unusual",
    title=Said("Unusual behaviour", "通常と異なる操作"),
    columns=(
        Column("what", "内容"),
        Column("code", "コード"),
        Column("person", "職員ID"),
        Column("connector", "接続プラグイン"),
        Column("certificate", "証明書"),
        Column("new", "初めてのもの"),
        Column("count", "件数"),
        Column("most", "最大"),
    ),
    kinds=KINDS,
    rows=_Rows,
    before=BEFORE,
    above=_compared,
    roles=LOOKS,
    notes=(
        Said(
            "A place to look at, and no proof of anything. What is new is so against the 90 days before the period."
            " Making reports, reviews and searches under a reason are not unusual in themselves. Nobody is"
            " named whom a record is about.",
            "確認すべき箇所を示すもので、不正の証拠ではない。「初めて」は期間前90日との比較。帳票の作成、点検、理由を付けた検索は、それだけでは示さない。"
            "対象者は表示しない。",
        ),
    ),
)
