"""What an edge answered becomes one outcome for each record that was handed on, in words of the configuration.

The rule: a record has an ending by its system's word, or is due again, or is dead after the last attempt; none is lost.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway.config import Limits
from gateway.errors import Refused
from gateway.hub.retry import GiveUp, decide
from gateway.hub.rules import HubRules
from gateway.messages import Ending, Header, MessageKind, RecordOutcome, repeat_mark


def of_each(outcomes: Sequence[RecordOutcome], wanted: frozenset[int], rules: HubRules) -> tuple[RecordOutcome, ...]:
    """Exactly one outcome for each record that was handed on, in words of the configuration; what an edge leaves out
    is deferred.
    """
    said = {
        each.index: replace(
            each,
            code=each.code if each.code is None or each.code in rules.codes else "refused_by_system",
            path=each.path if each.path in rules.paths else None,
        )
        for each in outcomes
    }
    return tuple(said.get(index) or RecordOutcome(index, None, "connector_bug") for index in sorted(wanted))


def patience(
    outcomes: tuple[RecordOutcome, ...], asked: float | None, attempt: int, limits: Limits, now: datetime
) -> tuple[tuple[RecordOutcome, ...], float | None]:
    """Deferred records are due again later, or dead after the last attempt; never dropped in silence. Second: when the
    deferred ones are due, in epoch seconds. `asked` is the system's Retry-After in seconds.
    """
    if all(each.ending is not None for each in outcomes):
        return outcomes, None
    decision = decide(attempt, asked, limits)
    if isinstance(decision, GiveUp):
        return tuple(
            replace(each, ending=Ending.DEAD, code="gave_up") if each.ending is None else each for each in outcomes
        ), None
    return outcomes, now.timestamp() + decision.seconds


def answers(reply: Header | None, request: Header, outcomes: Sequence[RecordOutcome]) -> None:
    """The reply answers this request, by its own route, and just the records that are said to be answered.

    Raises Refused("no_open_request").
    """
    accepted = {each.index for each in outcomes if each.ending is Ending.ACCEPTED}
    if (
        reply is None
        or request.kind is not MessageKind.REQUEST
        or (reply.correlation_id, reply.route) != (request.message_id, request.route)
        or reply.request_mark != repeat_mark(request)
        or {index for index, _, _ in reply.records} != accepted
        or any(each.ending is None for each in outcomes)  # a request is answered as a whole, once
    ):
        raise Refused("no_open_request")


def unanswered(outcome: RecordOutcome, code: str) -> RecordOutcome:
    """What was said to be answered is refused with this code, since there is no answer."""
    if outcome.ending is not Ending.ACCEPTED:
        return outcome
    return replace(outcome, ending=Ending.REFUSED, code=code, path=None)
