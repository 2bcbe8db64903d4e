"""The one way to say that nothing is known yet: the records stay with the line, which hands them over again."""

from gateway.plugin import exchange


class Later(exchange.Later):
    """Nothing is known about these rows; `outcome` says why, and after how many seconds to come again.

    `cause` is one sentence for people, without values, where the code alone would mislead them.
    """

    def __init__(self, code: str, retry_after: float | None = None, cause: str | None = None) -> None:
        super().__init__(code, retry_after)
        self.cause = cause
