"""A use-stop (利用停止, C252): at an edge with such a list nothing passes about that person, and all else does."""

import json
import shutil
from datetime import UTC, datetime

import pytest

from gateway.edge.use_stops import UseStopList
from gateway.errors import Deferred, Refused
from gateway.hub.journal import FactKind
from gateway.keys.use_stops import FILE, UseStops, person_digest, write_use_stops
from gateway.messages import stamp
from gateway.plugin import Accepted, Answer, RefusedRecord
from tests.flow.holding import ANNA, BEN, CARA, OPA, TERMINAL, certificate, hold_everything, looked, revoked, staffed
from tests.flow.line import HANGS, Line
from tests.flow.test_request import answering, found
from tests.flow.toys import NUMBER, OFFICE, REGISTER, person, sought, whole_person

STOPPED = RefusedRecord("use_stopped", "internal_no")
USE = (FactKind.USE_STOPPED, FactKind.USE_RESUMED)


class Lists:
    """The lists of both edges."""

    def __init__(self, line: Line, folder):
        self.line, self.told = line, list[str]()
        self.edges = {OFFICE: line.office, REGISTER: line.register}
        self.folders = {name: folder / name for name in self.edges}
        for name, edge in self.edges.items():
            self.folders[name].mkdir()
            edge.use_stops = UseStopList(self.folders[name], self.told.append)

    def stop(self, connector, *numbers):
        keys = self.edges[connector].keys
        digests = [person_digest(keys, f"{each:010}") for each in numbers]
        write_use_stops(self.folders[connector], keys, UseStops().stop(digests, "R8-0012", stamp(datetime.now(UTC))))

    def file(self, connector):
        return self.folders[connector] / FILE


@pytest.fixture
def lists(line, tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    return Lists(line, folder)


# ---- what goes out, what comes in ------------------------------------------------------------------------------------


async def test_what_is_about_that_person_is_never_sealed_and_the_others_go(line, lists):
    lists.stop(OFFICE, 1)
    receipt = await line.outbox.send("person.put", [whole_person(1), person(2)], key=b"k1")
    assert await line.settlement(receipt.message_id) == {0: STOPPED, 1: Accepted()}
    assert line.register_system.records() == [(1, person(2))]
    assert '"internal_no":' not in json.dumps(line.every_fact())


async def test_a_message_about_nobody_else_is_refused_and_recorded(line, lists):
    lists.stop(OFFICE, 1)
    receipt = await line.outbox.send("person.put", [person(1)], key=b"k1")
    assert await line.settlement(receipt.message_id) == {0: STOPPED}
    (fact,) = line.journal.trace(receipt.message_id)
    assert fact["statement"]["records"] == [[0, "use_stopped", "internal_no"]]
    assert "header" not in fact
    assert line.register_system.deliveries == []


async def test_what_is_under_way_is_not_handed_over_where_it_arrives(line, lists):
    lists.stop(REGISTER, 1)
    receipt = await line.outbox.send("person.put", [person(1), person(2)], key=b"k1")
    assert await line.settlement(receipt.message_id) == {0: STOPPED, 1: Accepted()}
    assert line.register_system.records() == [(1, person(2))]


async def test_a_question_about_that_person_is_not_answered(line, lists):
    line.register_system.answer = answering(found(1), found(2))
    lists.stop(REGISTER, 1)
    answers = await line.outbox.ask("person.find", [sought(1), sought(2)])
    assert answers == (Answer(0, code="use_stopped"), Answer(1, record=found(2)))
    assert line.register_system.records() == [(1, sought(2))]


async def test_a_reply_about_that_person_does_not_pass_either(line, lists):
    """Stopped at the asker's edge while the register makes its answer."""

    def answer(delivery):
        lists.stop(OFFICE, 1)
        return answering(found(1), found(2))(delivery)

    line.register_system.answer = answer
    answers = await line.outbox.ask("person.find", [sought(1), sought(2)])
    assert answers == (Answer(0, code="use_stopped"), Answer(1, record=found(2)))


async def test_an_answer_that_was_given_before_is_not_given_out_again(line, lists):
    line.register_system.answer = answering(found(1))
    arrival = line.office.arrival("person.find", [sought(1)], entrance="outbox", request_key=b"k1")
    taken, answers = await line.office.ask(arrival, HANGS)
    assert answers == (Answer(0, record=found(1)),)
    lists.stop(OFFICE, 1)
    _, again = await line.office.status(taken.recorded.message_id)
    assert again == (Answer(0, code="use_stopped"),)


async def test_by_whichever_field_records_there_name_persons(line, lists):
    """The office's edge knows persons by their number alone: another field there is no name of a person."""
    assert line.office.rules.person_fields == ("internal_no",)
    keys = line.office.keys
    stops = UseStops().stop([person_digest(keys, NUMBER)], "R8-0012", stamp(datetime.now(UTC)))
    write_use_stops(lists.folders[OFFICE], keys, stops)
    receipt = await line.outbox.send("person.put", [whole_person(1)], key=b"k1")
    assert await line.settlement(receipt.message_id) == {0: Accepted()}


@pytest.mark.parametrize("written", ["1", "000000000001"])
async def test_under_another_writing_of_the_number_nothing_passes_either(line, lists, written):
    lists.stop(OFFICE, 1)
    receipt = await line.outbox.send("person.put", [person(1) | {"internal_no": written}, person(2)], key=b"k1")
    assert await line.settlement(receipt.message_id) == {0: STOPPED, 1: Accepted()}


async def test_who_looks_at_a_held_message_is_not_shown_that_person(line, lists):
    hold_everything(line)
    await staffed(line.hub)
    receipt = await line.outbox.send("person.put", [person(1), person(2)], key=b"k1")
    lists.stop(REGISTER, 1)
    here = await line.register.look(receipt.message_id, certificate(ANNA), TERMINAL)
    assert [index for index, _ in here.records] == [1]
    assert [(each.index, each.code) for each in here.refused] == [(0, "use_stopped")]


async def test_what_is_resumed_goes_at_once_and_what_was_refused_is_sent_anew(line, lists):
    lists.stop(OFFICE, 1)
    refused = await line.outbox.send("person.put", [person(1)], key=b"k1")
    assert await line.settlement(refused.message_id) == {0: STOPPED}
    write_use_stops(lists.folders[OFFICE], line.office.keys, UseStops())
    again = await line.outbox.send("person.put", [person(1)], key=b"k2")
    assert await line.settlement(again.message_id) == {0: Accepted()}


# ---- a list that cannot be read --------------------------------------------------------------------------------------


def cut(file):
    file.write_bytes(file.read_bytes()[:-2])


def opened_to_others(file):
    file.chmod(0o644)


def deleted(file):
    file.unlink()


def of_another_secret(file):
    """As if the secret behind it had been exchanged."""
    shutil.copyfile(file.parents[1] / REGISTER / FILE, file)


HARMS = {cut: "is not the list", opened_to_others: "chmod 600", deleted: "was here", of_another_secret: "is not the"}


@pytest.mark.parametrize("harm", HARMS)
async def test_nothing_goes_out_while_it_cannot_be_known_about_whom_nothing_may(line, lists, harm):
    for name in (OFFICE, REGISTER):
        lists.stop(name, 1)
    await line.outbox.send("person.put", [person(2)], key=b"k1")
    kept = lists.file(OFFICE).read_bytes()
    harm(lists.file(OFFICE))
    for key in (b"k2", b"k3"):
        with pytest.raises(Deferred) as deferred:
            await line.outbox.send("person.put", [person(3)], key=key)
        assert (deferred.value.code, deferred.value.cause) == ("use_stops_unreadable", None)
    (told,) = lists.told
    assert HARMS[harm] in told
    assert line.office.problem == told
    assert "0000000001" not in told
    lists.file(OFFICE).unlink(missing_ok=True)
    lists.file(OFFICE).write_bytes(kept)
    lists.file(OFFICE).chmod(0o600)
    assert line.office.problem == ""
    receipt = await line.outbox.send("person.put", [person(1), person(3)], key=b"k2")
    assert await line.settlement(receipt.message_id) == {0: STOPPED, 1: Accepted()}


async def test_what_arrives_meanwhile_waits_and_is_not_lost(line, lists):
    lists.stop(REGISTER, 1)
    kept = lists.file(REGISTER).read_bytes()
    lists.file(REGISTER).write_bytes(b"")
    receipt = await line.outbox.send("person.put", [person(1), person(2)], key=b"k1")
    await line.until(lambda: line.told("breaker.opened"))  # one probe at a time, as of an edge that is not there
    assert line.register_system.deliveries == []
    assert {each["code"] for each in line.every_fact()[2]["outcomes"]} == {"use_stops_unreadable"}
    lists.file(REGISTER).write_bytes(kept)
    assert await line.settlement(receipt.message_id) == {0: STOPPED, 1: Accepted()}


# ---- the act ---------------------------------------------------------------------------------------------------------


async def test_the_act_is_a_fact_with_name_and_case_and_never_with_the_person(line):
    await staffed(line.hub)
    await line.office.hub.use_stop("R8-0012", certificate(OPA), TERMINAL, resumed=False)
    await line.office.hub.use_stop("R8-0012", certificate(ANNA), TERMINAL, resumed=True)
    own = {"seq", "at", "kind", "operator", "client_certificate", "terminal", "connector", "case"}
    facts = [each for _, _, each in line.journal.told(USE)]
    assert [each.keys() | {"seq", "at", "kind"} for each in facts] == [own, own]
    assert [(each["operator"], each["connector"], each["case"], each["terminal"]) for each in facts] == [
        (OPA, OFFICE, "R8-0012", TERMINAL),
        (ANNA, OFFICE, "R8-0012", TERMINAL),
    ]
    assert [kind for _, kind, _ in line.journal.told(USE)] == [*USE]


@pytest.mark.parametrize(
    ("who", "case", "terminal", "code"),
    [
        (BEN, "R8-0012", TERMINAL, "role_missing"),
        (OPA, "R8 0012", TERMINAL, "bad_case"),
        (OPA, "0000-1111-2222", TERMINAL, "bad_case"),
        (OPA, "R8-0012", "desk 1", "bad_actor"),
        (CARA, "R8-0012", TERMINAL, "unknown_certificate"),
    ],
)
async def test_who_may_not_is_refused_and_that_is_a_fact(line, who, case, terminal, code):
    """Cara has had a role, and has none any more."""
    await staffed(line.hub)
    await revoked(line.hub, CARA)
    with pytest.raises(Refused, match=code):
        await line.office.hub.use_stop(case, certificate(who), terminal, resumed=False)
    assert line.journal.told(USE) == []
    ((_, _, fact),) = line.journal.told((FactKind.OPERATOR_ACTED,))
    assert (fact["operator"], fact["act"], fact["code"]) == (who, "stop_use", code)
    assert "case" not in fact


async def test_a_stranger_changes_nothing_and_leaves_no_fact(line):
    with pytest.raises(Refused, match="unknown_certificate"):
        await line.office.hub.use_stop("R8-0012", certificate("nobody"), TERMINAL, resumed=False)
    assert line.every_fact() == []


async def test_a_stop_does_not_undo_what_people_decided(line, lists):
    """What two released is still refused at the edge, for this person alone."""
    hold_everything(line)
    await staffed(line.hub)
    receipt = await line.outbox.send("person.put", [person(1), person(2)], key=b"k1")
    await looked(line, receipt.message_id, ANNA, BEN)
    lists.stop(REGISTER, 1)
    for name in (ANNA, BEN):
        people = line.hub.people.person(certificate(name), datetime.now(UTC))
        await line.hub.holds.release(receipt.message_id, people, TERMINAL)
    assert await line.settlement(receipt.message_id) == {0: STOPPED, 1: Accepted()}
