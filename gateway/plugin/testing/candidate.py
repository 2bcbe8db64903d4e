"""The connector that is judged, as it was loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from gateway.plugin.connector import ConnectorSpec
from gateway.plugin.contract import Contract, ContractOperation
from gateway.plugin.payload import Payload
from gateway.plugin.testing.subject import Subject
from gateway.plugin.testing.verdict import Inapplicable

_FEW: Final = 4


@dataclass(slots=True)
class Candidate:
    """A loaded connector. `name` is what it is called from outside.

    `lock` is the folder that holds config/interfaces/, if one was given.
    """

    name: str
    module: ModuleType
    spec: ConnectorSpec
    contract: Contract
    subject: type[Subject]
    lock: Path | None = None

    def operations(self, direction: str) -> Sequence[ContractOperation]:
        """The locked operations of a direction."""
        return [each for each in self.contract.operations if each.direction == direction]

    def receiving(self) -> Sequence[ContractOperation]:
        """What it receives, one or more. Raises Inapplicable if that is nothing."""
        return self.operations("receives") or _nothing("it receives nothing")

    def some_receiving(self, turn: int) -> Sequence[ContractOperation]:
        """A few of what it receives, evenly from among all, with each turn others: some receive very much."""
        operations = self.operations("receives")
        step = -(-len(operations) // _FEW) or 1
        return operations[turn % step :: step]

    def received(self, operation: str) -> type[Payload]:
        """The payload class that the plugin itself declares for what it receives."""
        here = (each for each in self.spec.interface.operations if each.direction == "receives")
        return next(each.payload for each in here if each.name == operation)


def _nothing(reason: str) -> Any:
    raise Inapplicable(reason)
