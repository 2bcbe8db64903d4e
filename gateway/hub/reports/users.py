"""The list of users (C047): every right that was granted or is configured, until when, by which certificate, and when
that person last did something.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from gateway.config import japanese_clock
from gateway.hub.journal import ACT_FACTS, PERSON_FACTS, FactKind, Followed
from gateway.hub.reports.report import Cell, Column, Given, Report, Row, Said
from gateway.hub.review import LOOKS, doer
from gateway.hub.rights import Rights

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "operator": "運用者",
        "officer": "担当者",
        "approver": "承認者",
        "administrator": "ユーザID管理者",
        "auditor": "監査",
        "configured": "設定による",
        "valid": "有効",
        "ends_soon": "まもなく終了",
        "ended": "終了",
        "not_counted": "無効",
    }
)
"""Roles, and how a right stands."""


class _Rows:
    def __init__(self, given: Given) -> None:
        self._rights = Rights(given.people)
        self._given: dict[tuple[str, str], int] = {}
        self._acted: dict[str, tuple[int, str]] = {}
        self._day = given.day

    def add(self, fact: Followed) -> Iterable[Row]:
        said = fact.fact
        if fact.kind in PERSON_FACTS:
            self._rights.apply(said, granted=fact.kind is FactKind.PERSON_GRANTED)
            self._given[said["person"], said["role"]] = fact.seq
        if (who := doer(said)) is not None:
            self._acted[who.casefold()] = fact.seq, said["at"]
        return ()

    def end(self) -> Iterable[Row]:
        for right in self._rights.listed(self._day):
            person, role = str(right["person"]), str(right["role"])
            seq, at = self._acted.get(person.casefold(), (None, ""))
            cells: dict[str, Cell] = {key: value or "" for key, value in right.items()}
            cells |= {"last_act": japanese_clock(at) if at else ""}
            cells |= {key: f"{_WORDS[str(right[key])]}({right[key]})" for key in ("role", "standing")}
            yield Row.of(cells, *(each for each in (self._given.get((person, role)), seq) if each is not None))


REPORT: Final = Report(
    name="users",
    title=Said("List of users", "利用者一覧"),
    columns=(
        Column("person", "職員ID"),
        Column("role", "役割"),
        Column("until", "最終日"),
        Column("standing", "状態"),
        Column("certificate", "証明書"),
        Column("last_act", "最後の操作"),
    ),
    kinds=ACT_FACTS,
    rows=_Rows,
    before=None,
    roles=LOOKS,
    notes=(
        Said(
            "Rights as the log tells them up to the last day of the period, and as today's configuration has them."
            " To hold them against your own table of rights, and to sign that: gateway people review.",
            "期間の末日までの記録と、現在の設定による。管理表との突合と署名は gateway people review で行う。",
        ),
    ),
)
