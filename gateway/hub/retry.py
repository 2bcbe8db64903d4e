"""When to try again, or whether to give up: exponential backoff with jitter, the attempt number kept in the journal."""

from dataclasses import dataclass

from tenacity import RetryCallState, Retrying, wait_exponential_jitter

from gateway.config import Limits


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Try again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """That was the last attempt."""


def decide(attempt: int, asked: float | None, limits: Limits) -> RetryIn | GiveUp:
    """After the `attempt`-th failure (from 1). `asked` is the Retry-After of the system, which is honoured if longer,
    up to the longest wait that is configured.
    """
    if attempt >= limits.attempts:
        return GiveUp()
    return RetryIn(pause(attempt, asked, limits))


def pause(attempt: int, asked: float | None, limits: Limits) -> float:
    """Seconds to wait after the `attempt`-th failure in a row."""
    wait = wait_exponential_jitter(multiplier=limits.retry_first, max=limits.retry_longest, jitter=limits.retry_first)
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempt
    return min(max(wait(state), asked or 0.0), limits.retry_longest)
