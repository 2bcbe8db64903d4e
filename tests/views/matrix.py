"""Who may be given which field: requirements §3.1–3.4, §3.6 and §5 as data, read from them and not from any lock.

A cell has the requirements' own mark (+ documented, (+) inferred from a flow, × forbidden, (×) inferred forbidden) and,
where what is allowed is not used, the reason. The rule: what has no + and what has a reason is given to nobody.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.config import Route, Tenant

HERE = Path(__file__).parent
RECEIVERS = {
    "health_management": "健康管理",
    "vaccination_records": "予診・接種記録管理",
    "pmh": "PMH",
    "myna_portal": "マイナポータル",
    "clinic_app": "医療機関用アプリ",
    "history_lookup": "履歴照会回答",
    "vaccination_db": "予防接種DB",
    "intermediate_server": "連携基盤・中間サーバー",
}
"""Who is given something: the connectors of the example, with their systems' names for people."""
BEYOND = "other_bodies"
"""Who stands behind the intermediate server: whom it tells of a person, another body or the person who asked (R20)."""
COLUMNS = RECEIVERS | {BEYOND: "他団体・本人"}
SECTIONS = {
    "3.1": "対象者情報: subjects",
    "3.2": "ユーザー情報: users",
    "3.3": "予診票情報: questionnaires",
    "3.4": "予防接種記録情報: vaccination records",
    "5": "識別子: identifiers beside these",
    "3.6": "情報連携: intermediate server and information provision network",
    "other": "その他: what else the interfaces need",
}
"""The sections of the requirements that rows cite, and those fields that stand in no list of theirs."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One field and one of COLUMNS; `reason` is a word of reasons.csv, or empty."""

    mark: str
    reason: str

    @property
    def allowed(self) -> bool:
        """Whether the receiver may have it at all."""
        return self.mark in {"+", "(+)"}

    @property
    def used(self) -> bool:
        """Whether a route is to give it."""
        return self.allowed and not self.reason


@dataclass(frozen=True, slots=True)
class Row:
    """One field; `section` and `source` cite the requirements."""

    section: str
    field: str
    label: str
    source: str
    note: str
    cells: Mapping[str, Cell]


def matrix() -> tuple[Row, ...]:
    """matrix.csv, in its order."""
    with (HERE / "matrix.csv").open(encoding="utf-8", newline="") as file:
        return tuple(_row(each) for each in csv.DictReader(file))


def _row(line: dict[str, str]) -> Row:
    cells = {name: Cell(*line.pop(name).partition(" ")[::2]) for name in COLUMNS}
    return Row(**line, cells=cells)


def reasons() -> dict[str, str]:
    """reasons.csv: each word by which a cell says why it is not used, with its sentence."""
    with (HERE / "reasons.csv").open(encoding="utf-8", newline="") as file:
        return {line["reason"]: line["why"] for line in csv.DictReader(file)}


def sources() -> dict[str, str]:
    """sources.csv: what rows and notes cite, each with what it is; the reading that they cite is not in this tree."""
    with (HERE / "sources.csv").open(encoding="utf-8", newline="") as file:
        return {line["cited"]: line["means"] for line in csv.DictReader(file)}


def name_of(path: str) -> str:
    """The field that a path ends in."""
    return path.rpartition(".")[2]


def beyond(route: Route) -> bool:
    """Whether it goes on to who stands behind: from a connector to itself, through the hub."""
    return route.source == route.destination


def taker(route: Route, path: str) -> str:
    """Which of COLUMNS an item of the route is for. Of what goes on, the doses are told beyond; all else addresses them
    and stays with the connector.
    """
    return BEYOND if beyond(route) and path.startswith("doses[].") else route.destination


def given(tenant: Tenant) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """The routes that give a field to one of COLUMNS, by (field, column), in the order of the configuration."""
    found: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for route in tenant.file.routes:
        taken = [(path, taker(route, path)) for path in route.fields]
        for path, column in (*taken, *((path, route.source) for path in route.reply_fields)):
            found[name_of(path), column][route.id] = None
    return {key: tuple(ids) for key, ids in found.items()}
