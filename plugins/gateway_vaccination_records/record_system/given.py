"""Identifiers that this system gives: random, and without digits, so never mistaken for a 個人番号."""

import os
from typing import Final

_LETTERS: Final = b"BCDFGHJKLMNPQRST" * 16  # each of 256 byte values stands for one of 16 letters, alike often


def letters(count: int) -> str:
    """So many random letters, four bits each."""
    return os.urandom(count).translate(_LETTERS).decode()
