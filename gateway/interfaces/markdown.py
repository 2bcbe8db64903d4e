"""Text in Markdown that is text: what others wrote ends no line and marks up nothing."""

from typing import Final

_MARKS: Final = "\\`*_[]<>|#~"


def plain(text: str) -> str:
    """One line, in which every mark stands for itself."""
    for mark in _MARKS:
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
