"""kill -9 at random moments in the middle of a city file: every row ends as it must; none is lost, none doubled."""

import time
from functools import partial
from random import Random

import pytest

from gateway_demo_city.city import make_city
from gateway_demo_city.expectation import Expectation
from tests.acceptance.programs import until
from tests.acceptance.subjects import MUNICIPALITY, record, subject


def has_recorded(site, messages):
    return site.query("SELECT count(*) FROM message")[0][0] >= messages


def kill_and_restart(site, random):
    """Both programs, one or the other first, a moment apart."""
    programs = [site.gateway, site.records]
    random.shuffle(programs)
    for program in programs[: random.choice((1, 1, 2))]:
        program.kill()
        time.sleep(random.random() * 0.2)
    site.start()


@pytest.mark.parametrize("seed", [1, 2])
def test_kill_9_in_the_middle_of_a_city_file(new_site, seed):
    random = Random(seed)
    city = make_city(1600, seed)
    assert len(city.rows) >= 2000
    site = new_site(in_flight=4, retry_first=0.02, retry_longest=0.1)
    site.edit(f"tenants/{MUNICIPALITY}.toml", "chunk_records = 500", f"chunk_records = {random.randint(20, 60)}")
    site.start()
    site.drop("city.csv", city.content)
    status = site.exchange / "status" / "city.status.csv"
    messages = len(city.rows) // 80
    marks = sorted(random.sample(range(1, messages), 4))
    for mark in marks:
        until(partial(has_recorded, site, mark))
        time.sleep(random.random() * 0.05)
        assert not status.exists(), "the file was done before it was interrupted"
        kill_and_restart(site, random)

    lines = site.status("city.csv")
    expected = [
        (row.number, row.expected.ending, row.expected.code or "", row.expected.path or "") for row in city.rows
    ]
    assert [(each.row, each.ending, each.code, each.path) for each in lines] == expected
    expectation = Expectation(sample_every=40)
    list(expectation.gather(city.rows))
    held = {"persons": expectation.persons, "versions": expectation.versions, "deleted": expectation.deleted}
    assert site.held() == held
    questions = expectation.questions()
    answer = site.send("subject.lookup", questions)
    replies = sorted(answer.json["replies"], key=lambda each: each["index"])
    assert all(expectation.right(index, reply) for index, reply in enumerate(replies))
    assert len(replies) == len(questions)

    # The status file is written once: nothing touches it after one more crash and start.
    written = status.stat()
    site.gateway.kill()
    site.start_gateway()
    assert (status.stat().st_ino, status.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    assert site.held() == held
    assert site.gateway.stop() == 0
    verified = site.cli("log", "verify")
    assert verified.status == 0, verified.out


def test_kill_9_right_after_each_acknowledgement(new_site):
    """What was acknowledged is there after the crash, under the id that the sender was given; what was not, may be."""
    site = new_site()
    site.start()
    random, sent = Random(3), {}
    for number in range(3):
        for each in range(random.randint(1, 5)):
            key = f"{number}-{each}"
            sent[key] = site.send(
                "subject.register", [record(subject(number * 100 + each))], Idempotency_Key=key
            ).message_id
        site.gateway.kill()
        site.start()
    for key, message_id in sent.items():
        number, each = map(int, key.split("-"))
        again = site.send("subject.register", [record(subject(number * 100 + each))], Idempotency_Key=key)
        assert (again.message_id, again.json["repeated"]) == (message_id, True)
        assert [one["outcome"] for one in site.outcomes(message_id)] == ["accepted"]
    assert site.held() == {"persons": len(sent), "versions": len(sent), "deleted": 0}
    assert site.cli("log", "verify").status == 0
