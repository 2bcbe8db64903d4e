"""Which messages are not to be disclosed: those that attest it themselves (番号法第23条第2項)."""

from collections.abc import Mapping
from typing import Any, Final

_CLAIM: Final = "undisclosed"


def undisclosed(header: Mapping[str, Any] | None) -> bool:
    """Whether the message of this header, as its fact holds it, attests it."""
    return header is not None and any(each["claim"] == _CLAIM for each in header.get("attestations", ()))
