"""情報照会 (F24, F25): the list first, then the permit, then the inquiry; the answer once, deleted in time."""

from datetime import timedelta
from typing import Any

import jwt
import pytest

from gateway.plugin import Accepted, Act, Dead, DeferredRecord, Refused, RefusedRecord
from gateway.plugin.exchange import Later
from gateway_intermediate_server import turns
from gateway_intermediate_server.answers import Gone, InquiryResult, Sealed
from gateway_intermediate_server.client import Client
from gateway_intermediate_server.matching_list import MatchingList
from gateway_intermediate_server.simulated.signing import SigningKey
from tests.plugins.intermediate_server.exchanges import DATASET, TAX, public, sealed
from tests.plugins.intermediate_server.line import DOSE, TAX_ITEM, City, Line, Sent, opened
from tests.plugins.intermediate_server.running import (
    MUNICIPALITY,
    PREFECTURE,
    Resident,
    Simulator,
    Site,
    fresh,
    running,
)
from tests.plugins.vaccination_records.subjects import CITY, OTHER_CITY

ASK, ANSWER, TAX_ANSWER, END = "inquiry.request", "inquiry.answer", "inquiry.tax_answer", "inquiry.end"


def inquiry(resident: Resident, number: str, **changes: Any) -> dict[str, Any]:
    return {
        "internal_no": resident.internal_no,
        "municipality_code": CITY,
        "inquiry_no": number,
        "inquiry_row": "25",
        "procedure_code": "JT00000000002501",
        "dataset_code": DATASET,
        "provider_code": MUNICIPALITY,
        "undisclosed_flag": False,
    } | changes


@pytest.fixture
async def moved(city: City) -> Resident:
    """Somebody who moved in, with a history elsewhere."""
    resident = await city.register()
    whose = {"body": MUNICIPALITY, "individual_number": resident.individual_number}
    doses = [DOSE, DOSE | {"vaccinated_on": "2020-01-01"}]
    await city.simulator.control("person", whose | {"doses": doses, "tax_items": [TAX_ITEM]})
    return resident


def of_tax(row: str = "27") -> dict[str, str]:
    """What an inquiry has that is made to decide who pays."""
    return {"inquiry_row": row, "procedure_code": f"JT000000000{row.zfill(3)}01", "dataset_code": TAX}


def number() -> str:
    return f"INQ-{fresh()}"


async def inquired(city: City, resident: Resident, **changes: Any) -> str:
    """An inquiry that is on its way, and the connector has looked."""
    asked = number()
    assert await city.deliver(ASK, inquiry(resident, asked, **changes)) == Accepted()
    await city.poll()
    return asked


def told(line: Line, asked: str) -> list[Sent]:
    return [each for each in line.messages.values() if each.records[0].get("inquiry_no") == asked]


async def recorded(city: City, permit: str) -> list[dict[str, Any]]:
    """情報提供等記録 of the city, under that permit."""
    own = (await city.simulator.control("statutory-records"))["own"]
    return [each for each in own if each["permit_no"] == permit]


async def permit_of(city: City, asked: str) -> str:
    """The permit's id, as the server has it."""
    listed = (await city.simulator.call("server/v1/inquiries/list"))["inquiries"]
    whose = next({"inquiry_receipt_no": each["inquiry_receipt_no"]} for each in listed if each["request_id"] == asked)
    token = (await city.simulator.call("server/v1/inquiries/result", whose))["permit"]
    return str(jwt.decode(token, options={"verify_signature": False})["jti"])


async def kept(city: City, asked: str) -> list[tuple[str, bool]]:
    listed = await city.simulator.call("server/v1/inquiries/list")
    return [(each["state"], each["taken"]) for each in listed["inquiries"] if each["request_id"] == asked]


async def test_a_history_is_asked_for_and_arrives(city: City, moved: Resident) -> None:
    asked = await inquired(city, moved)
    (sent,) = told(city.line, asked)
    assert sent.operation == ANSWER
    assert sent.record == {
        "internal_no": moved.internal_no,
        "inquiry_no": asked,
        "inquiry_status": "1",
        "inquiry_row": "25",
        "dataset_code": DATASET,
        "provider_code": MUNICIPALITY,
        "undisclosed_flag": False,
        "doses": [DOSE, DOSE | {"vaccinated_on": "2020-01-01"}],
    }
    assert sent.attested == {"permit"}
    assert sent.claims[0].party == MUNICIPALITY
    assert await kept(city, asked) == [("answered", False)]
    await city.settle(sent, Accepted())
    assert await kept(city, asked) == [("answered", True)]
    records = await city.simulator.control("statutory-records")
    permit = sent.claims[0].proof.decode()
    (own,) = [each for each in records["own"] if each["permit_no"] == permit]
    assert (own["kind"], own["inquirer_code"], own["provider_code"]) == ("inquiry", CITY, MUNICIPALITY)
    assert own["items"] == sorted(DOSE)
    assert [each["body"] for each in records["others"] if each["permit_no"] == permit] == [MUNICIPALITY]


@pytest.mark.parametrize("row", ["27", "28", "29"])
async def test_rule_8_tax_and_welfare_are_asked_for_and_arrive_as_such(city: City, moved: Resident, row: str) -> None:
    """And no dose with them: what the same person had elsewhere is of another dataset."""
    asked = await inquired(city, moved, **of_tax(row))
    (sent,) = told(city.line, asked)
    assert sent.operation == TAX_ANSWER
    assert sent.record == {
        "internal_no": moved.internal_no,
        "inquiry_no": asked,
        "inquiry_status": "1",
        "inquiry_row": row,
        "dataset_code": TAX,
        "provider_code": MUNICIPALITY,
        "undisclosed_flag": False,
        "tax_items": [TAX_ITEM],
    }
    assert sent.attested == {"permit"}
    assert sent.claims[0].party == MUNICIPALITY
    permit = sent.claims[0].proof.decode()
    records = await city.simulator.control("statutory-records")
    (own,) = [each for each in records["own"] if each["permit_no"] == permit]
    (theirs,) = [each for each in records["others"] if each["permit_no"] == permit]
    assert own["items"] == theirs["items"] == sorted(TAX_ITEM)


async def test_who_has_no_tax_elsewhere_is_told_so_in_the_same_way(city: City) -> None:
    asked = await inquired(city, await city.register(), **of_tax(), undisclosed_flag=True)
    (sent,) = told(city.line, asked)
    assert (sent.operation, sent.record["inquiry_status"]) == (TAX_ANSWER, "2")
    assert "tax_items" not in sent.record
    assert sent.attested == {"permit", "undisclosed"}


async def test_nothing_is_asked_for_before_the_permit_is_there(site: Site) -> None:
    """C186, rule 6."""
    with running(site, "times = { code = 0, permit = 600, answer = 0 }") as simulator:
        async with opened(simulator, Line()) as city:
            resident, asked = await city.register(), number()
            assert await city.deliver(ASK, inquiry(resident, asked)) == DeferredRecord("permit_pending", 2.0)
            assert await kept(city, asked) == []


async def test_without_a_code_it_is_asked_for_and_the_inquiry_waits(site: Site) -> None:
    with running(site, "times = { code = 60, permit = 0, answer = 0 }") as simulator:
        async with opened(simulator, Line()) as city:
            resident = Resident.new()
            await simulator.call("platform/v1/addressees/register", resident.addressee())
            assert await city.deliver(ASK, inquiry(resident, number())) == DeferredRecord("code_not_acquired", 5.0)
            whose = {"internal_no": resident.internal_no}
            assert (await simulator.call("platform/v1/addressees/find", whose))["code_state"] == "requested"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"inquiry_row": "27"}, "not_on_matching_list"),
        ({"procedure_code": "JT99999999999999"}, "not_on_matching_list"),
        ({"dataset_code": "TM99999999999999"}, "dataset_not_managed"),  # C006
        ({"dataset_code": "TM00000000000301"}, "dataset_not_managed"),  # though the list has it
        ({"inquiry_row": "26", "procedure_code": "JT00000000002601"}, "not_on_matching_list"),  # a governor's to ask
        ({"municipality_code": OTHER_CITY}, "no_such_person"),
    ],
)
async def test_what_the_list_or_the_city_does_not_have_is_not_asked(
    city: City, moved: Resident, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], code: str
) -> None:
    """C187, C188: by our own copy, so that the network is not even asked for a permit; only our own server is asked
    whether the inquiry is out already.
    """
    real, paths = Client.ask, []

    async def ask(client: Client, path: str, *args: Any, **kwargs: Any) -> Any:
        paths.append(path)
        return await real(client, path, *args, **kwargs)

    monkeypatch.setattr(Client, "ask", ask)
    assert await city.deliver(ASK, inquiry(moved, number(), **changes)) == RefusedRecord(code)
    assert paths in ([], ["/server/v1/inquiries/list"])


async def test_an_inquiry_waits_for_its_person_to_be_registered(city: City) -> None:
    """It has a lane of its own, and so may come first."""
    resident, asked = Resident.new(), number()
    assert await city.deliver(ASK, inquiry(resident, asked)) == DeferredRecord("unknown_addressee")
    await city.deliver("addressee.register", resident.addressee())
    assert await city.deliver(ASK, inquiry(resident, asked)) == Accepted()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("denied_permit", "permit_denied"),
        ("forged_permit", "permit_not_valid"),
        ("permit_other_row", "permit_not_valid"),
        ("permit_other_provider", "permit_not_valid"),
    ],
)
async def test_without_a_sound_permit_nothing_is_asked(city: City, moved: Resident, wrong: str, code: str) -> None:
    asked = number()
    await city.simulator.control("next", {"wrong": wrong})
    assert await city.deliver(ASK, inquiry(moved, asked)) == RefusedRecord(code)
    assert await kept(city, asked) == []


async def test_a_permit_that_ended_gives_nothing(site: Site) -> None:
    with running(site, "times = { code = 0, permit = 0, answer = 0, permit_life = 60 }") as simulator:
        async with opened(simulator, Line()) as city:
            resident, asked = await city.register(), number()
            city.ahead = timedelta(seconds=61)
            assert await city.deliver(ASK, inquiry(resident, asked)) == RefusedRecord("permit_not_valid")
            assert await kept(city, asked) == []


async def test_the_same_inquiry_again_is_the_same(city: City, moved: Resident) -> None:
    """Killed anywhere before its outcome was recorded; also if its permit has ended by then."""
    asked = await inquired(city, moved)
    assert await city.deliver(ASK, inquiry(moved, asked)) == Accepted()
    city.ahead = timedelta(minutes=11)
    assert await city.deliver(ASK, inquiry(moved, asked)) == Accepted()
    assert len(await kept(city, asked)) == 1


async def test_an_inquiry_that_is_out_is_not_refused_whatever_changed_since(
    city: City, moved: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before its outcome was recorded; then its row is off the list, or its dataset out of the settings."""
    asked, other = await inquired(city, moved), await city.register()
    (sent,) = told(city.line, asked)

    async def admits(*_: Any) -> None:
        raise Refused("not_on_matching_list")

    with monkeypatch.context() as patched:
        patched.setattr(MatchingList, "admits", admits)
        assert await city.deliver(ASK, inquiry(moved, asked)) == Accepted()
        assert await city.deliver(ASK, inquiry(other, asked)) == RefusedRecord("inquiry_no_taken")
        assert await city.deliver(ASK, inquiry(moved, number())) == RefusedRecord("not_on_matching_list")
    async with opened(city.simulator, city.line, datasets=["TM00000000000999"]) as again:
        assert await again.deliver(ASK, inquiry(moved, asked)) == Accepted()
        assert await again.deliver(ASK, inquiry(moved, number())) == RefusedRecord("dataset_not_managed")
    assert told(city.line, asked) == [sent]


async def test_a_clock_that_is_behind_refuses_no_inquiry_and_ends_none(city: City, moved: Resident) -> None:
    asked, late = number(), timedelta(minutes=-5)
    city.ahead = late
    assert await city.deliver(ASK, inquiry(moved, asked)) == DeferredRecord("not_yet_valid")
    city.ahead = timedelta()
    assert await city.deliver(ASK, inquiry(moved, asked)) == Accepted()
    city.ahead = late
    await city.poll()
    assert told(city.line, asked) == []
    assert "results wait: not_yet_valid" in (await city.connector.health()).detail
    city.ahead = timedelta()
    await city.poll()
    assert [each.operation for each in told(city.line, asked)] == [ANSWER]


async def test_another_inquiry_with_the_same_number_is_refused(city: City, moved: Resident) -> None:
    asked = await inquired(city, moved)
    other = await city.register()
    for record in (inquiry(moved, asked, undisclosed_flag=True), inquiry(other, asked)):
        assert await city.deliver(ASK, record) == RefusedRecord("inquiry_no_taken")


async def test_who_has_nothing_elsewhere_is_told_so(city: City) -> None:
    asked = await inquired(city, await city.register())
    (sent,) = told(city.line, asked)
    assert (sent.operation, sent.record["inquiry_status"]) == (ANSWER, "2")
    assert "doses" not in sent.record


async def test_what_is_not_to_be_disclosed_is_marked(city: City, moved: Resident) -> None:
    asked = await inquired(city, moved, undisclosed_flag=True)
    (sent,) = told(city.line, asked)
    assert sent.record["undisclosed_flag"] is True
    assert sent.attested == {"permit", "undisclosed"}


@pytest.mark.parametrize(
    ("wrong", "status"), [("refuses", "3"), ("aborts", "9"), ("answer_other_key", "9"), ("answer_garbage", "9")]
)
async def test_an_inquiry_without_an_answer_ends(city: City, moved: Resident, wrong: str, status: str) -> None:
    await city.poll()
    city.said.lines.clear()
    await city.simulator.control("next", {"wrong": wrong})
    asked = await inquired(city, moved, undisclosed_flag=True)
    (sent,) = told(city.line, asked)
    assert sent.operation == END
    assert sent.attested == {"permit", "undisclosed"}
    (record,) = await recorded(city, await permit_of(city, asked))
    assert (record["items"], record["undisclosed_flag"], "provided_at" in record) == ([], True, False)
    assert sent.record == {
        "internal_no": moved.internal_no,
        "inquiry_no": asked,
        "inquiry_status": status,
        "inquiry_row": "25",
        "provider_code": MUNICIPALITY,
    }
    unreadable = [event for event, _ in city.said.lines].count("result.unreadable")
    assert unreadable == wrong.startswith("answer_")
    assert not unreadable or "results unreadable" in (await city.connector.health()).detail


@pytest.mark.parametrize(
    ("permit", "inquiry_of", "doses"),
    [
        ({}, "PS-ANOTHER", [DOSE]),
        ({}, None, []),
        ({}, None, [DOSE | {"clinic_code": "1319999999"}]),
        ({}, None, [{"vaccinated_on": "2024-06-01"}]),
        ({"inquirer": MUNICIPALITY}, None, [DOSE]),
        ({"provider": PREFECTURE}, None, [DOSE]),
        ({"row": "99"}, None, [DOSE]),
        ({"key": "A" * 43}, None, [DOSE]),
        ({"aud": MUNICIPALITY}, None, [DOSE]),
    ],
)
async def test_an_answer_counts_whole_and_to_its_own_question_or_not_at_all(
    city: City,
    moved: Resident,
    monkeypatch: pytest.MonkeyPatch,
    permit: dict[str, str],
    inquiry_of: str | None,
    doses: list[dict[str, Any]],
) -> None:
    """All of it is sealed for our key and soundly signed."""
    real, site = Client.ask, city.simulator.site
    network = SigningKey.load(site.folder / "keys/network.pem")

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(client, path, body, form, *args, **kwargs)
        if not path.endswith("inquiries/result") or answer.request_id != asked:
            return answer
        claims = jwt.decode(answer.permit, options={"verify_signature": False})
        told = sealed(public(site.city_key), claims["jti"], {"inquiry": inquiry_of or claims["sub"], "doses": doses})
        changed = {"permit": network.sign(claims | permit), "answer": Sealed.model_validate(told)}
        return answer.model_copy(update=changed)

    monkeypatch.setattr(Client, "ask", ask)
    asked = number()
    assert await city.deliver(ASK, inquiry(moved, asked)) == Accepted()
    await city.poll()
    assert [(each.operation, each.record["inquiry_status"]) for each in told(city.line, asked)] == [(END, "9")]


@pytest.mark.parametrize(
    ("wanted", "content"),
    [
        (of_tax(), {"doses": [DOSE]}),
        (of_tax(), {"tax_items": [TAX_ITEM], "doses": [DOSE]}),
        (of_tax(), {"tax_items": [TAX_ITEM | {"income": "1"}]}),
        (of_tax(), {"tax_items": []}),
        ({}, {"tax_items": [TAX_ITEM]}),
        ({}, {"doses": [DOSE], "tax_items": [TAX_ITEM]}),
        ({}, {"doses": [DOSE | {"fiscal_year": "2026"}]}),
    ],
)
async def test_rule_8_an_answer_that_is_not_of_its_dataset_s_kind_ends_the_inquiry(
    city: City,
    moved: Resident,
    monkeypatch: pytest.MonkeyPatch,
    wanted: dict[str, str],
    content: dict[str, list[dict[str, str]]],
) -> None:
    """Sealed for our key, under the permit that we asked with, and yet nothing of it goes on; people are told."""
    real, site = Client.ask, city.simulator.site

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(client, path, body, form, *args, **kwargs)
        if not path.endswith("inquiries/result") or answer.request_id != asked:
            return answer
        claims = jwt.decode(answer.permit, options={"verify_signature": False})
        told = sealed(public(site.city_key), claims["jti"], {"inquiry": claims["sub"], **content})
        return answer.model_copy(update={"answer": Sealed.model_validate(told)})

    monkeypatch.setattr(Client, "ask", ask)
    asked = number()
    question = inquiry(moved, asked, **wanted)
    assert await city.deliver(ASK, question) == Accepted()
    await city.poll()
    ended = {name: question[name] for name in ("internal_no", "inquiry_no", "inquiry_row", "provider_code")}
    ended |= {"inquiry_status": "9"}
    assert [(each.operation, each.record) for each in told(city.line, asked)] == [(END, ended)]
    assert "results unreadable" in (await city.connector.health()).detail


async def test_an_inquiry_that_nobody_answers_waits(city: City, moved: Resident) -> None:
    await city.simulator.control("next", {"wrong": "never_answers"})
    asked = await inquired(city, moved)
    assert told(city.line, asked) == []
    await city.simulator.control("abort", {"inquiry": asked})
    await city.poll()
    assert [each.record["inquiry_status"] for each in told(city.line, asked)] == ["9"]


async def test_an_answer_under_a_permit_that_ended_is_none(city: City, moved: Resident) -> None:
    asked = number()
    await city.deliver(ASK, inquiry(moved, asked))
    city.ahead = timedelta(minutes=11)
    await city.poll()
    (sent,) = told(city.line, asked)
    assert (sent.operation, sent.record["inquiry_status"], sent.claims) == (END, "9", ())
    (record,) = await recorded(city, await permit_of(city, asked))  # 番号法第23条: it was provided all the same
    assert (record["items"], "provided_at" in record) == (sorted(DOSE), True)


@pytest.mark.parametrize("ended", [True, False])
async def test_what_is_not_to_be_disclosed_is_marked_after_its_permit_too(
    city: City, moved: Resident, monkeypatch: pytest.MonkeyPatch, *, ended: bool
) -> None:
    """番号法第23条第2項: also where the permit had ended before the inquiry had."""
    real = Client.ask

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(client, path, body, form, *args, **kwargs)
        if path.endswith("inquiries/list") and ended:
            at = int(city.now().timestamp())
            late = [each.model_copy(update={"ended_at": at}) for each in answer.inquiries]
            return answer.model_copy(update={"inquiries": late})
        return answer

    monkeypatch.setattr(Client, "ask", ask)
    asked = number()
    await city.deliver(ASK, inquiry(moved, asked, undisclosed_flag=True))
    city.ahead = timedelta(minutes=11)
    await city.poll()
    (sent,) = told(city.line, asked)
    assert sent.operation == END
    assert sent.attested == {"undisclosed"}


@pytest.mark.parametrize("wrong", [None, "refuses"])
async def test_where_a_permit_ends_on_the_way_the_city_hears_of_it_all_the_same(
    city: City, moved: Resident, wrong: str | None
) -> None:
    if wrong is not None:
        await city.simulator.control("next", {"wrong": wrong})
    asked = await inquired(city, moved)
    (first,) = told(city.line, asked)
    assert first.attested == {"permit"}
    city.ahead = timedelta(minutes=11)
    await city.settle(first, Dead("expired"))
    assert [taken for _, taken in await kept(city, asked)] == [False]
    await city.poll()
    (_, sent) = told(city.line, asked)
    assert (sent.operation, sent.record["inquiry_status"], sent.claims) == (END, "3" if wrong else "9", ())
    await city.settle(sent, Dead("gave_up"))
    assert [taken for _, taken in await kept(city, asked)] == [True]


@pytest.mark.parametrize("wrong", ["refuses", "aborts", None])
async def test_rule_7_results_delete_themselves_after_their_time_told_or_not(
    system: Simulator, wrong: str | None
) -> None:
    """C117: of finished and of aborted inquiries; the deletion is a fact first."""
    line = Line()
    async with opened(system, line, result_seconds=600) as city:
        if wrong is not None:
            await city.simulator.control("next", {"wrong": wrong})
        asked = await inquired(city, await city.register())
        city.ahead = timedelta(seconds=300)
        await city.poll()
        assert len(await kept(city, asked)) == 1
        city.ahead = timedelta(seconds=660)
        line.broken = True
        await city.poll()
        assert len(await kept(city, asked)) == 1  # no fact, no deletion
        line.broken = False
        await city.poll()
        await city.poll()
        assert await kept(city, asked) == []
        assert [note for note in line.notes if note[1] == asked.encode()] == [
            (Act.RESULT_DELETED, asked.encode(), {"results": 1}, None)
        ]


async def test_what_is_deleted_unseen_has_been_recorded(system: Simulator) -> None:
    """The process was down for all of that time."""
    async with opened(system, Line(), result_seconds=60) as city:
        asked = number()
        assert await city.deliver(ASK, inquiry(await city.register(), asked)) == Accepted()
        permit = await permit_of(city, asked)
        city.ahead = timedelta(seconds=70)
        await city.poll()
        assert (await kept(city, asked), told(city.line, asked)) == ([], [])
        assert [each["kind"] for each in await recorded(city, permit)] == ["inquiry"]


async def test_rule_7_a_deletion_that_was_not_heard_of_is_asked_for_again(system: Simulator, monkeypatch: Any) -> None:
    real, line = Client.ask, Line()

    async def ask(client: Client, path: str, *args: Any, **kwargs: Any) -> Any:
        if path.endswith("inquiries/delete"):
            await system.control("faults", {"faults": {"maintenance": 1}})
        return await real(client, path, *args, **kwargs)

    async with opened(system, line, result_seconds=60) as city:
        asked = await inquired(city, await city.register())
        city.ahead = timedelta(seconds=70)
        with monkeypatch.context() as patched:
            patched.setattr(Client, "ask", ask)
            await city.poll()
        assert len(await kept(city, asked)) == 1
    async with opened(system, line, result_seconds=60) as city:
        city.ahead = timedelta(seconds=70)
        await city.poll()
        assert await kept(city, asked) == []


async def test_killed_between_any_two_steps_the_answer_is_one_message(system: Simulator) -> None:
    line = Line()
    async with opened(system, line) as city:
        asked = await inquired(city, await city.register())
    async with opened(system, line) as city:  # killed after the send
        await city.poll()
        (sent,) = told(line, asked)
        await system.control("faults", {"faults": {"maintenance": 1}})
        with pytest.raises(Exception, match="system_busy"):  # what took it is not told; it is told once more
            await city.settle(sent, Accepted())
    async with opened(system, line) as city:
        await city.settle(sent, Accepted())  # not known yet whose it is
        assert await kept(city, asked) == [("no_data", False)]
        await city.poll()
        await city.settle(sent, Accepted())
        assert await kept(city, asked) == [("no_data", True)]
        await city.poll()
    assert told(line, asked) == [sent]


@pytest.mark.parametrize("wrong", [None, "refuses"])
async def test_what_a_reload_overtook_is_told_to_the_city_anew(system: Simulator, wrong: str | None) -> None:
    """A row or an assessment went while it was on its way; also after a restart, and five times at most."""
    line = Line()
    async with opened(system, line) as city:
        if wrong is not None:
            await system.control("next", {"wrong": wrong})
        asked = await inquired(city, await city.register())
        (first,) = told(line, asked)
        await city.settle(first, Dead("header_mismatch"))
        assert [taken for _, taken in await kept(city, asked)] == [False]
    async with opened(system, line) as city:
        await city.poll()
        assert told(line, asked) == [first]  # of which the line tells once more how it ended
        await city.settle(first, Dead("send_anew"))
        await city.poll()
        _, again = told(line, asked)
        assert (again.operation, again.record, again.attested) == (first.operation, first.record, first.attested)
        await city.settle(again, Accepted())
        assert [taken for _, taken in await kept(city, asked)] == [True]
        await city.poll()
        assert len(told(line, asked)) == 2


async def test_what_is_overtaken_again_and_again_is_told_to_people_in_the_end(
    city: City, moved: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONGEST", 0.0)
    asked = await inquired(city, moved)
    for _ in range(7):
        await city.settle(told(city.line, asked)[-1], Dead("header_mismatch"))
        await city.poll()
    assert len(told(city.line, asked)) == 5
    assert [taken for _, taken in await kept(city, asked)] == [True]
    assert "could not be told" in (await city.connector.health()).detail


async def test_while_only_one_of_edge_and_hub_is_reloaded_an_answer_waits(
    city: City, moved: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONGEST", 0.0)
    city.line.refuses = "header_mismatch"
    asked = await inquired(city, moved)
    assert "results wait: header_mismatch" in (await city.connector.health()).detail
    city.line.refuses = None
    await city.poll()
    assert [each.operation for each in told(city.line, asked)] == [ANSWER]


async def test_an_end_before_its_permit_is_none_that_can_be_read_and_waits_for_no_clock(
    system: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the server's word: it is told as aborted, and deleted in time."""
    real = Client.ask

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(client, path, body, form, *args, **kwargs)
        if path.endswith("inquiries/list"):
            early = [
                each.model_copy(update={"ended_at": each.ended_at - 120}) if each.ended_at else each
                for each in answer.inquiries
            ]
            return answer.model_copy(update={"inquiries": early})
        return answer

    async with opened(system, Line(), result_seconds=180) as city:
        monkeypatch.setattr(Client, "ask", ask)
        asked = await inquired(city, await city.register())
        assert [(each.operation, each.record["inquiry_status"]) for each in told(city.line, asked)] == [(END, "9")]
        city.ahead = timedelta(seconds=70)
        await city.poll()
        assert await kept(city, asked) == []


async def test_an_end_without_its_time_is_shown_and_stops_no_other(
    city: City, moved: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be neither told nor deleted: people are told."""
    real, ill, well = Client.ask, number(), number()

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(client, path, body, form, *args, **kwargs)
        if path.endswith("inquiries/list"):
            listed = [
                each.model_copy(update={"ended_at": None}) if each.request_id == ill else each
                for each in answer.inquiries
                if each.request_id in (ill, well)  # and not what other tests left there, in whatever order they ran
            ]
            return answer.model_copy(update={"inquiries": listed})
        return answer

    monkeypatch.setattr(Client, "ask", ask)
    for each in (ill, well):
        assert await city.deliver(ASK, inquiry(moved, each)) == Accepted()
    for _ in range(2):
        await city.poll()
    assert (told(city.line, ill), len(told(city.line, well))) == ([], 1)
    assert "results unreadable: 1" in (await city.connector.health()).detail
    assert [event for event, _ in city.said.lines].count("result.deferred") == 1


@pytest.mark.parametrize("ending", [Dead("gave_up"), RefusedRecord("basis_not_in_force", "inquiry_row")])
async def test_what_the_city_could_not_be_given_is_not_sent_again(
    city: City, moved: Resident, ending: Dead | RefusedRecord
) -> None:
    """Also where the row has ended since: people are told."""
    asked = await inquired(city, moved)
    (sent,) = told(city.line, asked)
    await city.settle(sent, ending)
    assert await kept(city, asked) == [("answered", True)]
    assert ("result.not_taken", {"message_id": sent.message_id, "code": ending.code}) in city.said.lines
    assert "could not be told" in (await city.connector.health()).detail


async def test_what_the_line_refuses_is_told_once_and_shown(city: City, moved: Resident) -> None:
    city.line.refuses = "basis_not_in_force"
    await city.poll()
    city.said.lines.clear()
    await inquired(city, moved)
    await city.poll()
    stuck = [known for event, known in city.said.lines if event == "result.stuck"]
    assert stuck == [{"code": "basis_not_in_force"}]
    assert "could not be told" in (await city.connector.health()).detail


async def test_the_individual_number_goes_to_the_platform_and_nowhere_else(
    city: City, moved: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 2, C191."""
    real, bodies = Client.ask, []

    async def ask(client: Client, path: str, body: Any, *args: Any, **kwargs: Any) -> Any:
        bodies.append((path, repr(body)))
        return await real(client, path, body, *args, **kwargs)

    monkeypatch.setattr(Client, "ask", ask)
    await city.deliver("addressee.register", moved.addressee(seq=2))
    await inquired(city, moved)
    assert [path for path, body in bodies if moved.individual_number in body] == ["/platform/v1/addressees/register"]


async def test_one_permit_answers_one_inquiry_whatever_the_server_says(
    city: City, moved: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else is told the doses of its person."""
    real, first = Client.ask, await inquired(city, moved)
    other, asked = await city.register(), number()
    (sent,) = told(city.line, first)

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(client, path, body, form, *args, **kwargs)
        if path.endswith("inquiries/result") and answer.request_id == asked:
            swapped = {name: getattr(kept_of_first, name) for name in ("state", "permit", "answer")}
            return answer.model_copy(update=swapped)
        if path.endswith("inquiries/list"):
            listed = [
                each.model_copy(update={"state": "answered"}) if each.request_id == asked else each
                for each in answer.inquiries
            ]
            return answer.model_copy(update={"inquiries": listed})
        return answer

    receipts = (await city.simulator.call("server/v1/inquiries/list"))["inquiries"]
    (receipt,) = [each["inquiry_receipt_no"] for each in receipts if each["request_id"] == first]
    assert city.connector._site is not None
    client = city.connector._site.client
    kept_of_first = await client.ask(
        "/server/v1/inquiries/result", {"inquiry_receipt_no": receipt}, InquiryResult, client.soon()
    )
    monkeypatch.setattr(Client, "ask", ask)
    assert await city.deliver(ASK, inquiry(other, asked)) == Accepted()
    await city.poll()
    assert told(city.line, asked) == []
    assert ("result.stuck", {"code": "request_key_reused"}) in city.said.lines
    assert told(city.line, first) == [sent]


@pytest.mark.parametrize("what", ["result", "delete"])
async def test_one_result_that_the_server_cannot_tell_or_delete_stops_no_other(
    system: Simulator, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    real, had = Client.ask, []

    async def ask(client: Client, path: str, body: Any, *args: Any, **kwargs: Any) -> Any:
        if path.endswith(f"inquiries/{what}"):
            had.append(body["inquiry_receipt_no"])
            if len(had) == 1:
                raise Later("connector_bug")
        return await real(client, path, body, *args, **kwargs)

    async with opened(system, Line(), result_seconds=60) as city:
        asked = [number() for _ in range(2)]
        for each in asked:
            assert await city.deliver(ASK, inquiry(await city.register(), each)) == Accepted()
        if what == "delete":
            city.ahead = timedelta(seconds=70)
        monkeypatch.setattr(Client, "ask", ask)
        await city.poll()
        assert "results wait: connector_bug" in (await city.connector.health()).detail
        assert len(had) > 1
        done = [not await kept(city, each) if what == "delete" else bool(told(city.line, each)) for each in asked]
        assert done.count(False) <= 1


async def test_a_time_at_the_end_of_all_days_stops_nothing(city: City, moved: Resident, monkeypatch: Any) -> None:
    real = Client.ask

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(client, path, body, form, *args, **kwargs)
        if path.endswith("inquiries/list"):
            late = [each.model_copy(update={"ended_at": 253402300799}) for each in answer.inquiries]
            return answer.model_copy(update={"inquiries": late})
        return answer

    monkeypatch.setattr(Client, "ask", ask)
    asked = await inquired(city, moved)
    assert len(told(city.line, asked)) == 1
    assert (await city.connector.health()).ok


async def test_a_fault_in_one_part_is_its_own_and_told(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    async def broken() -> None:
        raise OverflowError

    async def poll() -> None:
        looked.append("announcements")

    monkeypatch.setattr(city.connector._results, "poll", broken)
    monkeypatch.setattr(city.connector._announcements, "poll", poll)
    with pytest.raises(OverflowError):
        await city.poll()
    assert looked == ["announcements"]
    health = await city.connector.health()
    assert not health.ok
    assert "results wait: connector_bug" in health.detail


async def test_a_result_that_is_deleted_and_listed_for_ever_is_noted_once(
    system: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONGEST", 0.0)
    real, line, asked_for = Client.ask, Line(), []

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        if path.endswith("inquiries/delete"):
            asked_for.append(body["inquiry_receipt_no"])
            return Gone(result="deleted")
        return await real(client, path, body, form, *args, **kwargs)

    async with opened(system, line, result_seconds=60) as city:
        asked = await inquired(city, await city.register())
        city.ahead = timedelta(seconds=70)
        monkeypatch.setattr(Client, "ask", ask)
        for _ in range(3):
            await city.poll()
    assert len(asked_for) >= 3
    assert len([note for note in line.notes if note[1] == asked.encode()]) == 1
