"""The body of a person's act, as one of the closed forms of what may be said."""

from typing import TypeVar

import jiter
import msgspec

from gateway.config.files import Closed

_Said = TypeVar("_Said", bound=Closed)


def parsed(model: type[_Said], said: bytes, **named: str) -> _Said | None:
    """What was said as that model, each key once, with what the address named; None if it is none."""
    try:
        asked = jiter.from_json(said, catch_duplicate_keys=True)
        if not isinstance(asked, dict) or not named.keys().isdisjoint(asked):
            return None
        return model.model_validate_json(msgspec.json.encode({**asked, **named}))
    except (ValueError, RecursionError):
        return None
