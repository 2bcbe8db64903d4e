"""What another process or a plugin says of records, held to the closed lists: no free text goes on through a code."""

from dataclasses import replace

from gateway.edge.rules import EdgeRules
from gateway.errors import CODES, Deferred, Refused, patience
from gateway.messages import RecordOutcome, path_known


def closed_outcomes(outcomes: tuple[RecordOutcome, ...], rules: EdgeRules) -> tuple[RecordOutcome, ...]:
    """Outcomes in our codes and in codes and paths of the locked interfaces."""
    return tuple(each if each.code is None and each.path is None else _closed(each, rules) for each in outcomes)


def _closed(outcome: RecordOutcome, rules: EdgeRules) -> RecordOutcome:
    code, path, contracts = outcome.code, outcome.path, rules.contracts.values()
    known = code is None or code in CODES or any(code in each.codes for each in contracts)
    there = path is not None and any(path_known(path, each.paths) for each in contracts)
    return replace(outcome, code=code if known else "refused_by_system", path=path if there else None)


def closed_error(error: Refused | Deferred) -> Refused | Deferred:
    """What a connector raised, in our codes and without words of its own."""
    code = error.code if error.code in CODES else "connector_bug"
    return Refused(code) if isinstance(error, Refused) else Deferred(code, patience(error.retry_after))
