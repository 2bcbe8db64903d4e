"""Secrets that stand in the settings themselves."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

_SECRET: Final = re.compile(r"(password|passphrase|secret|token|credential|api_?key)s?$", re.IGNORECASE)
"""The name of a setting that holds one, if it does not say where it is kept."""
_KEPT: Final = ("file:", "env:", "systemd:", "/")


def inline(value: object, name: str = "") -> Iterator[bytes]:
    """They are known by the names of their settings."""
    match value:
        case str() if _SECRET.search(name) and not value.startswith(_KEPT):
            yield value.encode()
        case Mapping():
            for inner, each in value.items():
                yield from inline(each, str(inner))
        case list() | tuple():
            for each in value:
                yield from inline(each, name)
