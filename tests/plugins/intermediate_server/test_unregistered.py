"""Whoever the platform does not know is waited for, and not for ever: strangers share the lane."""

import pytest

from gateway.plugin import Refused
from gateway.plugin.exchange import Later
from gateway_intermediate_server.unregistered import PATIENCE, Unregistered


class Steady:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def told(unregistered: Unregistered, who: str, code: str | None) -> str:
    """What becomes of something about them, if the platform says that, or nothing."""
    try:
        with unregistered.behind(who):
            if code is not None:
                raise Refused(code)
    except Later as later:
        return f"later {later.outcome.code}"
    except Refused as refused:
        return f"refused {refused.code}"
    return "done"


def test_it_waits_ten_minutes_from_when_the_platform_first_said_so() -> None:
    clock = Steady()
    unregistered = Unregistered(clock)
    for now, said in ((0.0, "later"), (PATIENCE - 1, "later"), (PATIENCE, "refused"), (PATIENCE + 1, "later")):
        clock.now = now
        assert told(unregistered, "1", "unknown_addressee") == f"{said} unknown_addressee"


def test_each_person_is_waited_for_by_itself_and_anew_once_known() -> None:
    clock = Steady()
    unregistered = Unregistered(clock)
    assert told(unregistered, "1", "unknown_addressee") == "later unknown_addressee"
    clock.now = PATIENCE
    assert told(unregistered, "2", "unknown_addressee") == "later unknown_addressee"
    assert told(unregistered, "1", None) == "done"
    assert told(unregistered, "1", "unknown_addressee") == "later unknown_addressee"


@pytest.mark.parametrize("code", ["record_no_taken", "system_busy"])
def test_any_other_refusal_is_none_of_its_business(code: str) -> None:
    assert told(Unregistered(Steady()), "1", code) == f"refused {code}"


def test_it_does_not_remember_without_bound() -> None:
    unregistered = Unregistered(Steady())
    for number in range(10_100):
        told(unregistered, str(number), "unknown_addressee")
    assert len(unregistered._since) == 10_000
