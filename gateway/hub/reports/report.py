"""What a report is: its names, its columns, and the fold that makes rows of facts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple, Protocol, TypeAlias

from gateway.hub.holds import DECIDE
from gateway.hub.journal import FactKind, Followed
from gateway.hub.people import Configured, Person, Role
from gateway.hub.reports.asked import About
from gateway.hub.reports.spans import Spans
from gateway.hub.rules import HubRules

Cell: TypeAlias = str | int
"""A plain word or number; nothing is the empty word."""


class Said(NamedTuple):
    """The same in the words of programs and operators, and in those of an office."""

    english: str
    japanese: str


class Column(NamedTuple):
    """`name` for programs, `label` for an office."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """`cells` by column name; what a column has no cell for is empty. `facts` are those that it was made of."""

    cells: Mapping[str, Cell]
    facts: Spans

    @classmethod
    def of(cls, cells: Mapping[str, Cell], *seqs: int) -> "Row":
        """A row of a few facts."""
        return cls(cells, Spans(seqs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a report is made of besides its facts. `message` gives all facts of a message, in order; `records` the
    indices of the records in a fact that are the asked person's: all, where nobody was asked for. `since` is the time
    at which its period begins, if any, `day` the last day of it or today, whichever is earlier, and `began` the time of
    the log's first fact; `about` is the person whom it is of, if any, and why it is made; `people` are those of the
    configuration; `copies` is what the system's log says of copies of this one; `persons` gives the tags beside a fact;
    `purged` says whether there was one among the facts from a first to a last that is gone, `before` that no fact
    from that time on is.
    """

    rules: HubRules
    reader: Person
    day: date
    since: str = ""
    began: str = ""
    about: About | None = None
    people: Configured = field(default_factory=Configured)
    copies: Sequence[Mapping[str, Any]] = ()
    persons: Callable[[Followed], frozenset[bytes]] = lambda _: frozenset()
    purged: Callable[[int, int], bool] = lambda _, __: False
    before: str = ""
    message: Callable[[str], Sequence[Mapping[str, Any]]]
    records: Callable[[Followed], frozenset[int]]

    def hides(self, fact: Followed) -> bool:
        """Whether this reader may know no more of it than that it is there (番号法第23条第2項)."""
        return fact.undisclosed and self.reader.roles.isdisjoint(DECIDE)


class Rows(Protocol):
    """One report while it is made: facts go in, in their order, and rows come out as soon as they are known. What it
    holds meanwhile does not grow with the log.
    """

    def add(self, fact: Followed) -> Iterable[Row]: ...
    def end(self) -> Iterable[Row]: ...


@dataclass(frozen=True, slots=True)
class Each:
    """`Rows` of a report in which each fact stands for itself."""

    row: Callable[[Followed, Given], Iterable[Row]]
    given: Given

    def add(self, fact: Followed) -> Iterable[Row]:
        """The rows of this fact."""
        return self.row(fact, self.given)

    def end(self) -> Iterable[Row]:
        """Nothing is left."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. It is made of the facts of these `kinds` in its period; `roles` may have it made. `of_person`: it is
    about one person, by tags, and never without them. What is from so long `before` its period is folded in, too, and
    all that is before if that is None. `above` is what must be known before the rows are read.
    """

    name: str
    title: Said
    columns: tuple[Column, ...]
    kinds: tuple[FactKind, ...]
    rows: Callable[[Given], Rows]
    notes: tuple[Said, ...] = ()
    above: Callable[[Given], tuple[Said, ...]] = lambda _: ()
    roles: tuple[Role, ...] = field(default=tuple(Role))
    of_person: bool = False
    before: timedelta | None = timedelta()

    def cells(self, row: Row) -> list[Cell]:
        """In the order of the columns."""
        return [row.cells.get(column.name, "") for column in self.columns]
