"""How much room a text takes, in full-width characters, and where its lines may end."""

import re
from typing import Final

_PIECES: Final = re.compile(r"[ァ-ヶー]+|[一-龠々]+|[!-~]+ ?|.", re.DOTALL)
"""What stays together while there is room: katakana, kanji, a word of ASCII; of all else each letter."""


def room_of(text: str) -> float:
    """Two ASCII characters take about the room of one full-width character."""
    return sum(0.55 if letter.isascii() else 1.0 for letter in text)


def wrapped(text: str, room: float, most: int) -> list[str]:
    """Lines of at most that room, and so many at most; what has none is shown as left out."""
    lines = [""]
    for piece in _PIECES.findall(text):
        for part in [piece] if room_of(piece) <= room else piece:
            if room_of(lines[-1] + part.rstrip()) > room:
                lines.append("")
            lines[-1] += part
    kept = [each.strip() for each in lines[:most]]
    return kept if len(lines) <= most else [*kept[:-1], f"{kept[-1][:-1]}…"]
