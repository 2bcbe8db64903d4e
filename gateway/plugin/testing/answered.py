"""What a connector may answer for a record: an outcome, with a code that is known and a reply within the lock."""

from gateway.errors import CODES
from gateway.plugin.connector import Accepted, DeferredRecord, Duplicate, RefusedRecord
from gateway.plugin.contract import Contract
from gateway.plugin.testing.line import within, wrong_fields
from gateway.plugin.testing.verdict import Broken


def sound(contract: Contract, operation: str, outcome: object) -> None:
    """However false what the system said. Raises Broken."""
    if not isinstance(outcome, Accepted | Duplicate | RefusedRecord | DeferredRecord):
        raise Broken("deliver answered an index with something that is no outcome", "answer with an Outcome")
    if isinstance(outcome, RefusedRecord | DeferredRecord) and outcome.code not in CODES.keys() | contract.codes.keys():
        raise Broken(
            "an outcome has a code that neither the gateway nor the interface knows",
            "take one of docs/errors.md, or declare it in Interface.codes",
        )
    if isinstance(outcome, Accepted) and outcome.reply is not None:
        _replied(contract, operation, outcome.reply)


def _replied(contract: Contract, operation: str, reply: object) -> None:
    """An event has none."""
    locked = contract.operation("receives", operation)
    if locked is None or locked.kind == "event":
        raise Broken(f"{operation}: an event is answered with a reply", "answer Accepted() alone")
    if not within(locked.reply_model.model_validate, reply):
        wrong = wrong_fields(locked, reply)
        raise Broken(f"{operation}: the reply is not within the interface{wrong}", "give exactly its fields, typed so")
