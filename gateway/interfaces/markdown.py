"""Text in Markdown that is text: what others wrote ends no line and marks up nothing."""

import html
import re
from typing import Final

_MARKS: Final = "\\`*_{}[]|#~"


def plain(text: str) -> str:
    """One line, in which every mark stands for itself, also to readers that know no escape of `<`."""
    for mark in _MARKS:
        text = text.replace(mark, f"\\{mark}")
    return " ".join(html.escape(text, quote=False).split())


def code(text: str) -> str:
    """The same as code: in a cell of a table a bar needs its mark even there."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in text else ""
    return fence + pad + " ".join(text.split()).replace("|", r"\|") + pad + fence
