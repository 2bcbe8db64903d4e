"""Order per person and nobody waiting for another's trouble, over any history of what befalls messages."""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.hub.queue import Due, Queue
from gateway.messages import Ending, MessageKind, RecordOutcome

SOURCES, DESTINATIONS, LANES = ("a", "b"), ("x", "y"), 4
EVENT, REQUEST, REPLY = MessageKind.EVENT, MessageKind.REQUEST, MessageKind.REPLY


def due(name, lanes, *, kind=EVENT, source="a", destination="x", seq=0):
    return Due(name, seq, kind, source, destination, dict(lanes))


def accepted(*indices):
    return [RecordOutcome(index, Ending.ACCEPTED) for index in indices]


def deferred(*indices):
    return [RecordOutcome(index, None, "system_busy") for index in indices]


@dataclass
class Known:
    """What the model knows of a message: its open records by lane, and which are on the way.

    `revived`: by a replay while others were open; then it may go at once, or with those others.
    """

    due: Due
    open: dict[int, int]
    all_lanes: dict[int, int]
    flying: frozenset[int] = frozenset()
    dead: set[int] = field(default_factory=set)
    next_at: float = 0.0
    revived: bool = False


class Line(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.queue = Queue()
        self.now = 1000.0
        self.known: dict[str, Known] = {}
        self.lanes: dict[tuple[str, str, int], list[str]] = {}

    # ---- what may happen --------------------------------------------------------------------------------------------

    @rule(
        lanes=st.lists(st.integers(0, LANES - 1), min_size=1, max_size=4),
        source=st.sampled_from(SOURCES),
        destination=st.sampled_from(DESTINATIONS),
        kind=st.sampled_from([EVENT, EVENT, EVENT, REQUEST, REPLY]),
    )
    def record(self, lanes, source, destination, kind):
        name = f"m{len(self.known)}"
        by_index = dict(enumerate(lanes))
        message = due(name, by_index, kind=kind, source=source, destination=destination, seq=len(self.known))
        self.known[name] = Known(message, {}, by_index)
        self._enter(name, by_index)
        self.known[name].open |= by_index
        self.queue.add(message)

    @rule(
        lanes=st.lists(st.integers(0, LANES - 1), min_size=1, max_size=4),
        source=st.sampled_from(SOURCES),
        destination=st.sampled_from(DESTINATIONS),
        kind=st.sampled_from([EVENT, EVENT, EVENT, REQUEST, REPLY]),
        kept=st.booleans(),
    )
    def take_ahead(self, lanes, source, destination, kind, kept):
        """Before it is recorded; if it is not kept then, it leaves no trace."""
        name = f"m{len(self.known)}"
        by_index = dict(enumerate(lanes))
        message = due(name, by_index, kind=kind, source=source, destination=destination)
        stands_before = kind is EVENT and any(self.lanes.get((source, destination, lane)) for lane in lanes)
        if not self.queue.take_ahead(message):
            assert self.queue.get(name) is None
            return
        assert not stands_before, "overtook an earlier record of the same lane"
        assert message.in_flight == set(by_index)
        if not kept:
            self.queue.drop(name)
            return
        message.seq = len(self.known)
        self.known[name] = Known(message, {}, by_index)
        self._enter(name, by_index)
        self.known[name].open |= by_index
        self.known[name].flying = frozenset(by_index)

    @rule()
    def dispatch(self):
        """As the dispatcher does: everything that may go, goes."""
        for destination in self.queue.ripe(self.now):
            while taken := self.queue.take(destination, self.now):
                assert taken[0].kind is not REPLY
                self._taken(destination, *taken)
            while taken := self.queue.take_reply(destination, self.now):
                assert taken[0].kind is REPLY
                self._taken(destination, *taken)
        for name in self.known:
            self._justified(name)

    @precondition(lambda self: self._flying())
    @rule(data=st.data(), wait=st.sampled_from([1.0, 5.0, 30.0]))
    def conclude(self, data, wait):
        known = self.known[data.draw(st.sampled_from(self._flying()))]
        endings = {i: data.draw(st.sampled_from([Ending.ACCEPTED, Ending.DEAD, None])) for i in sorted(known.flying)}
        self._conclude(known, endings, self.now + wait)

    @precondition(lambda self: self._flying())
    @rule(data=st.data())
    def release(self, data):
        known = self.known[data.draw(st.sampled_from(self._flying()))]
        known.flying, known.next_at, known.revived = frozenset(), self.now + 1.0, False
        self.queue.release(known.due.message_id, known.next_at)

    @precondition(lambda self: self._revivable())
    @rule(data=st.data())
    def revive(self, data):
        name = data.draw(st.sampled_from(self._revivable()))
        known = self.known[name]
        back = {index: known.all_lanes[index] for index in known.dead}
        self._enter(name, back)
        known.revived = bool(known.open)
        known.next_at = known.next_at if known.open else 0.0
        known.open |= back
        known.dead = set()
        old = known.due
        self.queue.add(due(name, back, kind=old.kind, source=old.source, destination=old.destination, seq=old.seq))

    @rule(seconds=st.sampled_from([0.5, 2.0, 60.0]))
    def time_passes(self, seconds):
        self.now += seconds

    # ---- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def the_queue_knows_what_is_open(self):
        still = {name for name, known in self.known.items() if known.open}
        assert len(self.queue) == len(still)
        assert all((self.queue.get(name) is not None) == (name in still) for name in self.known)

    def teardown(self):
        """Nothing is ever lost: if from now on all goes well, every record that is open is handed over."""
        for _ in range(3 * len(self.known) + 3):
            self.now += 100.0
            self.dispatch()
            for name in self._flying():
                known = self.known[name]
                self._conclude(known, dict.fromkeys(known.flying, Ending.ACCEPTED), 0.0)
        assert len(self.queue) == 0
        assert not any(known.open for known in self.known.values())

    def _taken(self, destination, message, indices):
        known = self.known[message.message_id]
        assert known.due.destination == destination
        assert not known.flying, "on the way twice"
        assert indices
        assert indices <= set(known.open), "a record that is not open"
        assert known.next_at <= self.now or known.revived, "too early"
        if known.due.kind is EVENT:
            heads = {self.lanes[known.due.source, known.due.destination, known.open[index]][0] for index in indices}
            assert heads == {message.message_id}, "overtook an earlier record of the same lane"
        known.flying = indices

    def _justified(self, name):
        """What stays, although it may go now, stays for a reason that passes."""
        known = self.known[name]
        if not known.open or known.flying or known.next_at > self.now:
            return
        assert known.due.kind is EVENT, "a request waits for nobody"
        heads = [self.lanes[known.due.source, known.due.destination, lane][0] for lane in known.open.values()]
        waits_for_flying = any(self.known[head].flying for head in heads)
        assert waits_for_flying or name not in heads, "a free lane waits for a deferred one"

    def _conclude(self, known, endings, next_at):
        outcomes = [RecordOutcome(index, ending, "c") for index, ending in endings.items()]
        known.flying, known.revived = frozenset(), False
        for index, ending in endings.items():
            if ending is not None:
                lane = known.open.pop(index)
                if ending is Ending.DEAD:
                    known.dead.add(index)
                if known.due.kind is EVENT and lane not in known.open.values():
                    self.lanes[known.due.source, known.due.destination, lane].remove(known.due.message_id)
        some_deferred = None in endings.values()
        known.next_at = next_at if some_deferred else 0.0
        self.queue.conclude(known.due.message_id, outcomes, 1, next_at if some_deferred else 0.0)
        if known.next_at > self.now:
            wake = self.queue.next_wake()
            assert wake is not None
            assert wake <= known.next_at, "nobody would wake it"

    def _enter(self, name, records):
        """At the end of each lane in which the message does not stand already."""
        known = self.known[name]
        if known.due.kind is EVENT:
            for lane in set(records.values()) - set(known.open.values()):
                self.lanes.setdefault((known.due.source, known.due.destination, lane), []).append(name)

    def _flying(self):
        return [name for name, known in self.known.items() if known.flying]

    def _revivable(self):
        return [name for name, known in self.known.items() if known.dead]


TestLine = Line.TestCase
TestLine.settings = settings(max_examples=120, stateful_step_count=30)


def test_a_message_steps_past_a_deferred_lane_with_its_other_records():
    queue = Queue()
    queue.add(due("one", {0: 7, 1: 8}, seq=1))
    queue.add(due("two", {0: 7, 1: 9}, seq=2))
    queue.take("x", 0.0)
    assert queue.take("x", 0.0) is None, "the first is on the way: its outcome decides"
    queue.conclude("one", [*accepted(1), *deferred(0)], 1, 50.0)
    assert queue.ripe(1.0) == ["x"]
    taken = queue.take("x", 1.0)
    assert taken is not None
    assert (taken[0].message_id, set(taken[1])) == ("two", {1})
    queue.conclude("two", accepted(1), 1, 0.0)
    assert queue.take("x", 2.0) is None
    assert queue.next_wake() == 50.0
    queue.ripe(50.0)
    first = queue.take("x", 50.0)
    assert first is not None
    assert (first[0].message_id, set(first[1])) == ("one", {0})
    queue.conclude("one", accepted(0), 2, 0.0)
    last = queue.take("x", 50.0)
    assert last is not None
    assert (last[0].message_id, set(last[1])) == ("two", {0})


def test_dead_records_revived_while_others_of_the_message_are_open_are_due_too():
    """An operator may replay a dead record while another of the same message still waits behind its lane."""
    queue = Queue()
    queue.add(due("blocker", {0: 8}, seq=1))
    queue.take("x", 0.0)
    queue.conclude("blocker", deferred(0), 1, 100.0)
    queue.add(due("mixed", {0: 7, 1: 8}, seq=2))
    taken = queue.take("x", 0.0)
    assert taken is not None
    assert taken[1] == {0}
    queue.conclude("mixed", [RecordOutcome(0, Ending.DEAD, "gave_up")], 1, 0.0)
    queue.add(due("mixed", {0: 7}, seq=2))
    queue.ripe(1.0)
    again = queue.take("x", 1.0)
    assert again is not None
    assert (again[0].message_id, set(again[1])) == ("mixed", {0})


def test_a_message_behind_two_deferred_ones_goes_on_as_soon_as_either_has_passed():
    queue = Queue()
    for name, lane, retry in (("slow", 7, 900.0), ("quick", 8, 1.0)):
        queue.add(due(name, {0: lane}))
        queue.take("x", 0.0)
        queue.conclude(name, deferred(0), 1, retry)
    queue.add(due("behind both", {0: 7, 1: 8}, seq=2))
    assert queue.take("x", 0.0) is None
    queue.ripe(1.0)
    queue.take("x", 1.0)
    queue.conclude("quick", accepted(0), 2, 0.0)
    queue.ripe(2.0)
    taken = queue.take("x", 2.0)
    assert taken is not None, "it waits for the slow one's retry with a record that nothing holds"
    assert (taken[0].message_id, set(taken[1])) == ("behind both", {1})


def test_what_comes_now_goes_before_nothing_that_is_ready():
    queue = Queue()
    queue.add(due("ready", {0: 7}, seq=1))
    assert not queue.take_ahead(due("new", {0: 8}))
    assert queue.take_ahead(due("elsewhere", {0: 8}, destination="y"))
    queue.take("x", 0.0)
    assert queue.take_ahead(due("new", {0: 8}))
