"""The one call into plugin code: waves without two of one person, and an outcome whatever the plugin does."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Limits
from gateway.edge.hand_over import hand_over, waves
from gateway.errors import Deferred, Refused
from gateway.messages import AdmittedHere, Header, MessageKind, decode_header, encode
from gateway.plugin import Accepted, Claim, Dead, DeferredRecord, Duplicate, RefusedRecord
from tests.flow.line import System
from tests.flow.toys import PersonThere, person
from tests.unit.test_messages import HEADER

SECRET = "架空　太郎"


def here(*numbers: int) -> AdmittedHere:
    """Records of these persons, in this order."""
    records = tuple((i, PersonThere(**person(number, seq=i))) for i, number in enumerate(numbers))
    return AdmittedHere(decode_header(encode(Header(**HEADER))), records, ())


@dataclass
class Told:
    """What the operator hears of a connector's bugs."""

    problems: list[tuple[str | None, str]] = field(default_factory=list)

    def __call__(self, error: BaseException | None, problem: str, **known: str) -> None:
        self.problems.append((type(error).__name__ if error else None, problem))


def nothing(_: tuple[Claim, ...]) -> bool:
    """Is attested."""
    return False


async def outcomes(site, answer, *numbers, deadline=60.0, told=None):
    system = System(answer)
    limits = Limits(delivery_deadline=deadline)
    handed = await hand_over(
        here(*numbers), "internal_no", system, site.register_rules.contract, limits, nothing, told or Told()
    )
    return handed, system


@given(st.lists(st.integers(0, 3), max_size=12))
def test_waves_hold_each_record_once_never_two_of_one_person_and_keep_order(numbers):
    cut = waves(here(*numbers).records, "internal_no")
    assert sorted(index for wave in cut for index, _ in wave) == list(range(len(numbers)))
    for wave in cut:
        assert max(Counter(record.model_dump()["internal_no"] for _, record in wave).values()) == 1
    for number in set(numbers):
        indices = [i for wave in cut for i, record in wave if record.model_dump()["internal_no"] == f"{number:010}"]
        assert indices == sorted(indices)
    assert len(cut) == max(Counter(numbers).values(), default=0)


@given(numbers=st.lists(st.integers(0, 3), min_size=1, max_size=10), deferring=st.sets(st.integers(0, 9)))
def test_a_deferred_record_keeps_that_persons_later_ones_back_and_nobody_elses(site, numbers, deferring):
    def answer(delivery):
        return {i: DeferredRecord("system_busy") if i in deferring else Accepted() for i, _ in delivery.records}

    handed, system = asyncio.run(outcomes(site, answer, *numbers))
    assert set(handed) == set(range(len(numbers)))
    held: set[int] = set()
    for index, number in enumerate(numbers):
        if number in held:
            assert handed[index] == DeferredRecord("behind_deferred")
            assert index not in [i for i, _ in system.records()]
        elif index in deferring:
            assert handed[index] == DeferredRecord("system_busy")
            held.add(number)
        else:
            assert handed[index] == Accepted()


@dataclass
class Hostile(Mapping[int, Any]):
    """A mapping that raises when it is asked."""

    def __getitem__(self, key):
        raise ValueError(SECRET)

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0


async def hangs(delivery):
    await asyncio.Event().wait()


async def cancelled(delivery):
    """As when the plugin awaits a task of its own that somebody cancelled."""
    task = asyncio.create_task(asyncio.sleep(60))
    task.cancel()
    await task


def raises(error):
    def answer(delivery):
        raise error

    return answer


def says(outcome):
    return lambda delivery: {0: outcome, 1: Accepted()}


BUG = DeferredRecord("connector_bug")
MISBEHAVIOUR: dict[str, tuple[Any, Any]] = {
    "raises": (raises(ValueError(SECRET)), BUG),
    "exits": (raises(SystemExit(SECRET)), BUG),
    "closes": (raises(GeneratorExit(SECRET)), BUG),
    "raises a group": (raises(ExceptionGroup(SECRET, [ValueError(SECRET)])), BUG),
    "recurses": (raises(RecursionError(SECRET)), BUG),
    "is cancelled inside": (cancelled, BUG),
    "hangs": (hangs, DeferredRecord("deadline")),
    "answers nothing": (lambda delivery: None, BUG),
    "answers a list": (lambda delivery: [Accepted(), Accepted()], BUG),
    "answers a hostile mapping": (lambda delivery: Hostile(), BUG),
    "leaves indices out": (lambda delivery: {1: Accepted()}, BUG),
    "answers by text index": (lambda delivery: {"0": Accepted(), 1: Accepted()}, BUG),
    "answers no outcome": (says("accepted"), BUG),
    "answers the class": (says(Accepted), BUG),
    "answers dead": (says(Dead("gave_up")), BUG),
    "makes up a code": (says(RefusedRecord(SECRET)), RefusedRecord("refused_by_system")),
    "makes up a path": (says(RefusedRecord("too_long", SECRET)), RefusedRecord("too_long")),
    "codes by a list": (says(RefusedRecord([SECRET], [SECRET])), RefusedRecord("refused_by_system")),  # type: ignore[arg-type]
    "codes by None": (says(RefusedRecord(None)), RefusedRecord("refused_by_system")),  # type: ignore[arg-type]
    "defers by a made-up code": (says(DeferredRecord(SECRET)), DeferredRecord("system_busy")),
    "defers by a list": (says(DeferredRecord([SECRET])), DeferredRecord("system_busy")),  # type: ignore[arg-type]
    "asks for a text of patience": (says(DeferredRecord("system_busy", "soon")), DeferredRecord("system_busy")),  # type: ignore[arg-type]
    "refuses by exception": (raises(Refused("no_such_person", "name")), RefusedRecord("no_such_person", "name")),
    "refuses by made-up exception": (raises(Refused(SECRET, SECRET)), RefusedRecord("refused_by_system")),
    "defers by exception": (raises(Deferred("system_busy", 5.0)), DeferredRecord("system_busy", 5.0)),
    "defers by made-up exception": (raises(Deferred(SECRET)), DeferredRecord("system_busy")),
}


@pytest.mark.parametrize("name", MISBEHAVIOUR)
async def test_whatever_a_plugin_does_becomes_an_outcome(site, name):
    answer, expected = MISBEHAVIOUR[name]
    told = Told()
    handed, _ = await outcomes(site, answer, 1, 2, deadline=0.05 if name == "hangs" else 60.0, told=told)
    assert set(handed) == {0, 1}
    assert handed[0] == expected
    assert handed[1] in (expected, Accepted())
    assert (expected == BUG) == bool(told.problems)
    assert SECRET not in str(told.problems)


async def test_extra_indices_are_nobodys(site):
    everything = {index: Accepted() for index in range(-1, 5)} | {0: Duplicate()}
    handed, _ = await outcomes(site, lambda delivery: everything, 1, 1)
    assert handed == {0: Duplicate(), 1: Accepted()}


@pytest.mark.parametrize("own", [RefusedRecord("register_full", "home.address"), DeferredRecord("register_full", 5.0)])
async def test_a_connectors_own_codes_are_those_of_its_interface(site, own):
    handed, _ = await outcomes(site, says(own), 1, 2)
    assert handed[0] == own


async def test_an_exception_defers_by_a_code_of_the_interface_too(site):
    handed, _ = await outcomes(site, raises(Deferred("register_full", 5.0)), 1)
    assert handed == {0: DeferredRecord("register_full", 5.0)}


async def test_a_plugin_that_is_told_to_stop_stops(site):
    """Only a cancellation from inside is a bug; one from outside ends the delivery."""
    task = asyncio.create_task(outcomes(site, hangs, 1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_delivery_shows_no_values(site):
    _, system = await outcomes(site, says(Accepted()), 1, 2)
    assert "太郎" not in repr(system.deliveries)


async def test_once_the_answers_are_more_than_a_message_holds_no_more_are_drawn(site):
    """One person asked for many times is one wave for each time: nothing is asked for that nobody can be sent."""
    asked = replace(here(*[1] * 9), header=replace(here().header, kind=MessageKind.REQUEST))
    system = System(lambda delivery: {i: Accepted({"remark": "x" * 600}) for i, _ in delivery.records})
    limits, contract = Limits(body_bytes=1024), site.register_rules.contract
    handed = await hand_over(asked, "internal_no", system, contract, limits, nothing, Told())
    assert [isinstance(handed[i], Accepted) for i in range(9)] == [True, True] + [False] * 7
    assert set(map(handed.get, range(2, 9))) == {RefusedRecord("body_too_large")}
    assert len(system.deliveries) == 2
