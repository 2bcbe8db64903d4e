"""A document as Markdown. What people wrote into blanks is text, and marks up nothing."""

from collections.abc import Iterable, Iterator, Sequence

from gateway.assessment.document import Block, Heading, Picture, Table, Text
from gateway.interfaces.markdown import plain


def markdown(blocks: Iterable[Block]) -> str:
    """The whole text, with a line feed at its end."""
    return "\n\n".join("\n".join(_block(each)) for each in blocks) + "\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading(level, text):
            yield f"{'#' * level} {plain(text)}"
        case Text(text):
            yield "  \n".join(map(plain, text.splitlines()))
        case Picture(file, told):
            yield f"![{plain(told)}]({file})"
        case Table(head, rows):
            yield _cells(head)
            yield _cells(["---"] * len(head))
            yield from map(_cells, rows)


def _cells(cells: Sequence[str]) -> str:
    return "| " + " | ".join("<br>".join(map(plain, cell.splitlines())) for cell in cells) + " |"
