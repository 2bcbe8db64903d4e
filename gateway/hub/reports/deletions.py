"""What was deleted, and by which fact it can be proven (C123, C133): sealed payloads, bodies of facts, persons' trails,
copies and results.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from gateway.config import japanese_clock, japanese_day
from gateway.hub.journal import FactKind, Followed
from gateway.hub.reports.report import Cell, Column, Each, Given, Report, Row, Said
from gateway.hub.reports.wording import runs

DELETED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "envelope.deleted": "封緘された内容の消去",
        "facts.purged": "記録本文の消去",
        "trail.erased": "本人の証跡の消去",
    }
)
"""Every kind of this log that tells of a deletion."""
_COPIES: Final[Mapping[str, str]] = MappingProxyType(
    {"logs.copied": "記録の写しの作成", "copy.destroyed": "記録の写しの廃棄"}
)
"""Of the system's log: copies that a deletion is held against, and the end of those."""
_ACTS: Final[Mapping[str, str]] = MappingProxyType(
    {"file_deleted": "ファイルの削除", "result_deleted": "照会結果の削除"}
)
"""What connectors note of it."""
_BY: Final = ("operator", "by")
_WHAT: Final = ("connector", "months", "before", "facts", "reason", "case", "envelope")


def _deletion(fact: Followed, given: Given) -> Iterable[Row]:
    said = fact.fact
    what = DELETED.get(fact.kind) or _ACTS.get(said.get("statement", {}).get("act", ""))
    erasure = fact.kind is FactKind.TRAIL_ERASED
    if what is None or (erasure and not said["tags"]):  # one that found nothing deleted nothing
        return []
    cells: dict[str, Cell] = {"at": japanese_clock(said["at"]), "kind": what, "message": said.get("message_id", "")}
    if given.hides(fact):
        return [Row.of(cells | {"undisclosed": "はい"}, fact.seq)]
    statement = said.get("statement", {})
    way = {"route": fact.header["route"]} if "route" in fact.header else {}
    by = next((said[key] for key in _BY if key in said), statement.get("connector", ""))
    told = {key: _plain(said[key]) for key in _WHAT if key in said}
    if erasure:
        months = (first if first == last else f"{first}~{last}" for first, last in runs(said["months"]))
        told |= {"months": ",".join(months), "tags": _plain(said["tags"])}
    told |= {key: _plain(value) for key, value in statement.get("counts", {}).items()}
    return [Row.of(cells | way | {"by": by, "what": " ".join(f"{k}={v}" for k, v in told.items())}, fact.seq)]


class _Rows(Each):
    """The deletions, and behind them the copies of this log that were made or destroyed in the period."""

    def end(self) -> Iterable[Row]:
        for act in self.given.copies:
            day = japanese_day(datetime.fromisoformat(act["at"]))
            if self.given.since <= act["at"] and day <= self.given.day:
                told = {key: act[key] for key in ("copy", "form", "case", "fact") if act[key] is not None}
                what = " ".join(f"{'system' if key == 'fact' else key}={value}" for key, value in told.items())
                kind, by = _COPIES[act["kind"]], act["operator"] or ""
                yield Row.of({"at": japanese_clock(act["at"]), "kind": kind, "by": by, "what": what})


def _plain(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


REPORT: Final = Report(
    name="deletions",
    title=Said("Deletions, with evidence", "消去の記録"),
    columns=(
        Column("at", "日時"),
        Column("kind", "種別"),
        Column("message", "電文番号"),
        Column("route", "経路"),
        Column("by", "実施者"),
        Column("what", "内容"),
        Column("undisclosed", "不開示"),
    ),
    kinds=(*(kind for kind in FactKind if kind in DELETED), FactKind.CONNECTOR_NOTED),
    rows=lambda given: _Rows(_deletion, given),
    notes=(
        Said(
            "Each row is proven by its fact: gateway log prove TENANT --fact N; that of a copy by the fact of the"
            " system's log that it names: gateway log prove system --fact N. Without a name, the gateway deleted by"
            " its own rule (keep_seconds of the route, three years of facts), or a copy was made while none ran.",
            "各行は、その記録により証明できる(gateway log prove TENANT --fact 番号)。"
            "写しの行は、内容の欄にあるシステムの記録による(gateway log prove system --fact 番号)。"
            "実施者の欄が空のものは、経路の keep_seconds や保存期間(3年)による自動の消去か、停止中に作成された写し。",
        ),
        Said(
            "It tells what the gateway deleted, and what connectors said that they deleted; not what other systems did"
            " with what they had received.",
            "ゲートウェイの消去と、接続プラグインが届け出た消去を示す。他のシステムが受け取ったものの消去は含まない。",
        ),
    ),
)
