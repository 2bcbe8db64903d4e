"""What a document is made of, whatever it is written as: headings, texts, tables and one picture."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Heading:
    """A title; `level` 1 is the document's own."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; a line feed begins a new line of it."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Cells below a row of heads. A line feed begins a new line of a cell."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing in a file beside the document."""

    file: str
    told: str


Block: TypeAlias = Heading | Text | Table | Picture


def form(*rows: tuple[str, str]) -> Table:
    """The form's own kind of table: what is asked, and what is said."""
    return Table(("項目", "記載"), rows)


def lines(found: list[str], *, none: str = "なし") -> str:
    """Some lines in one cell."""
    return "\n".join(found) or none
