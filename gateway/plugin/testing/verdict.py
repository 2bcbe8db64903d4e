"""How a rule ends, other than well. Neither holds a value of a record or of the settings."""


class Broken(Exception):
    """The rule does not hold: what was `seen`, and what to do `next`, each in one line."""

    def __init__(self, seen: str, next_: str) -> None:
        super().__init__(f"{seen}; {next_}")
        self.seen = seen
        self.next = next_


class Inapplicable(Exception):
    """Nothing of the connector is what the rule speaks of; the reason, in one line."""
