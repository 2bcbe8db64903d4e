"""A call is refused whole, with a status and a code and without a value."""

from collections.abc import Mapping


class Refusal(Exception):
    """The answer: a status, {"code"} and perhaps headers."""

    def __init__(self, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.headers = headers
