"""Provisions without permission (C101): what a receiver took although the route does not grant it. None is the answer.

The hub's own judgement (`permit.granted`) is passed once more over what the log says, at the time of the attempt.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from gateway.config import japanese_clock
from gateway.errors import Refused
from gateway.hub.journal import FactKind, Followed
from gateway.hub.permit import granted
from gateway.hub.remains import made
from gateway.hub.reports.report import Column, Each, Given, Report, Row, Said
from gateway.messages import Header, stamp

_EXPIRED: Final = "expired"
_NO_RECORD: Final = "not_recorded"
_NOT_RELEASED: Final = "not_released"


def _unpermitted(fact: Followed, given: Given) -> Iterable[Row]:
    taken = [each for each in fact.fact.get("outcomes", ()) if each["ending"] in ("accepted", "duplicate")]
    if not taken:
        return []
    named: dict[str, str | int] = {"at": japanese_clock(fact.fact["at"]), "message": fact.fact["message_id"]}
    facts = given.message(fact.fact["message_id"])
    why = _wrong(fact, facts, given)
    if not why:
        return []
    behind = {each["seq"] for each in facts if each["seq"] <= fact.seq} | {fact.seq}
    if given.hides(fact):
        return [Row.of(named | {"undisclosed": "はい"}, *behind)]
    keys = ("source", "destination", "operation", "route")
    way = {key: fact.header[key] for key in keys if key in fact.header}
    return [Row.of(named | way | {"reason": why}, *behind)]


def _wrong(fact: Followed, facts: Sequence[Mapping[str, Any]], given: Given) -> str:
    """The code of what does not grant it; empty if all does, or what would have to be asked can have been purged."""
    if not fact.header:
        return "" if _can_be_gone(fact, facts, given, 1) else _NO_RECORD
    header = msgspec.convert(fact.header, Header)
    attempted = _attempted(fact, facts)
    if header.expires_at <= stamp(attempted):
        return _EXPIRED
    try:
        granted(header, given.rules, attempted)
    except Refused as refusal:
        return refusal.code
    before = [each["kind"] for each in facts if each["seq"] < fact.seq]
    held = given.rules.hold(header)
    if not held or FactKind.HOLD_RELEASED in before:
        return ""
    return "" if _can_be_gone(fact, facts, given, facts[0]["seq"]) else _NOT_RELEASED


def _can_be_gone(fact: Followed, facts: Sequence[Mapping[str, Any]], given: Given, first: int) -> bool:
    """Whether a fact of this message from the fact `first` on can have been purged: not one of a message whose id was
    made later than what went. An id from after the message's first fact says nothing.
    """
    if not given.purged(first, fact.seq - 1):
        return False
    born = made(fact.fact["message_id"])
    return born is None or not given.before <= born <= (facts[0] if facts else fact.fact)["at"]


def _attempted(fact: Followed, facts: Sequence[Mapping[str, Any]]) -> datetime:
    """When it was handed over: what was attested then may have ended since."""
    attempts = [
        each["at"]
        for each in facts
        if each["kind"] in (FactKind.MESSAGE_RECORDED, FactKind.DELIVERY_ATTEMPTED) and each["seq"] < fact.seq
    ]
    return datetime.fromisoformat(attempts[-1] if attempts else fact.fact["at"]).astimezone(UTC)


REPORT: Final = Report(
    name="unpermitted",
    title=Said("Provisions without permission", "許可のない提供"),
    columns=(
        Column("at", "日時"),
        Column("message", "電文番号"),
        Column("source", "提供元"),
        Column("destination", "提供先"),
        Column("operation", "業務電文"),
        Column("route", "経路"),
        Column("reason", "理由"),
        Column("undisclosed", "不開示"),
    ),
    kinds=(FactKind.DELIVERY_CONCLUDED,),
    rows=lambda given: Each(_unpermitted, given),
    notes=(
        Said(
            "Judged is every delivery that a receiver took in the period: whether the log says who it was taken over"
            " from, and whether a route grants its ends, items, claims and legal basis at that time, and what was to be"
            " held was released. No row: none was found. Not judged is what lacks its record or its release, where that"
            " can have been purged after three years, by the time in the message's id.",
            "期間中に提供先が受け取ったすべての電文について、受付の記録があること、経路・項目・証明・その時点の法的根拠が許可された"
            "ものであること、保留すべきものが解除されていたことを判定する。0件は、該当がないことを示す。"
            "受付や解除の記録が3年の保存期間を過ぎて消去された可能性のある電文(電文番号の時刻による)は、判定しない。",
        ),
        Said(
            "It is judged by today's routes. The log names the configuration of each day by its digest"
            " (gateway.started, config.applied in the system's log) and does not hold it: what was"
            " granted then and is not today has a row, and what is granted today and was not then has none. Compare"
            " with the configuration reviewed then.",
            "現在の設定の経路で判定する。"
            "記録には当時の設定のダイジェスト(システムの記録の gateway.started、config.applied)だけが残る。"
            "設定を変えた期間については、当時審査した設定と照らして確認する。",
        ),
        Said(
            "It cannot be judged from the log what a system did with what it had received, what went past the gateway,"
            " and whether what is sealed holds the items that the header names: the receiving edge proves that.",
            "受け取った後の取扱い、本システムを通らない提供、封緘された内容が項目名のとおりであるか(受信側が検証する)は、この記録から"
            "は判定できない。",
        ),
    ),
)
