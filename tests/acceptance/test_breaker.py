"""A record system that is down: what waits for it costs a handful of attempts, everybody is told, and it goes on."""

from tests.acceptance.programs import until
from tests.acceptance.site import DESTINATION
from tests.acceptance.subjects import MUNICIPALITY, city_file, record, subject

MANY = 80


def told(site, event):
    return [each for each in site.gateway.logged() if each["event"] == event]


def attempts(site):
    return sum(fact["kind"] == "delivery.attempted" for fact in site.facts())


def metric(site):
    lines = site.admin().get("/metrics").body.decode().splitlines()
    name = f'renkei_breaker_open{{destination="{DESTINATION}",tenant="{MUNICIPALITY}"}} '
    return [float(line.removeprefix(name)) for line in lines if line.startswith(name)]


def test_a_system_that_is_down_costs_a_handful_of_attempts(new_site, ordinal):
    site = new_site(retry_first=0.2, retry_longest=2.0, in_flight=4)  # half of MANY probes take a minute and more
    site.gateway.start()
    until(lambda: site._serves(site.gateway, site._listens))
    sent = [site.register(subject(ordinal())) for _ in range(MANY)]
    until(lambda: told(site, "breaker.opened"))
    before = attempts(site)
    until(lambda: attempts(site) > before + 1)
    assert attempts(site) < MANY / 2
    assert metric(site) == [1.0]
    unready = site.admin().get("/readyz")
    assert (unready.status, int(unready.headers["Retry-After"])) == (503, 1)
    (ill,) = unready.json["connectors"]
    assert (ill["connector"], "deliveries wait" in ill["detail"]) == (DESTINATION, True)
    assert "deliveries wait" in site.cli("connectors").out

    site.start_records()
    for message_id in sent:
        assert [each["outcome"] for each in site.outcomes(message_id)] == ["accepted"]
    assert site.kinds(sent[-1]) == ["message.recorded", "delivery.attempted", "delivery.concluded"]
    assert (len(told(site, "breaker.opened")), len(told(site, "breaker.closed"))) == (1, 1)
    assert metric(site) == [0.0]


def test_a_full_queue_answers_503_with_retry_after_and_a_file_waits_and_goes_on_by_itself(new_site, ordinal):
    """Nothing is taken beyond the limit, nobody has to send a file again, and the same POST is taken later."""
    site = new_site(open_records=50, records_per_message=50, retry_longest=0.3)
    site.edit(f"tenants/{MUNICIPALITY}.toml", "chunk_records = 500", "chunk_records = 20")
    site.gateway.start()
    until(lambda: site._serves(site.gateway, site._listens))
    people = [subject(ordinal()) for _ in range(130)]
    site.drop("city.csv", city_file(people))
    until(lambda: sum(fact["kind"] == "message.recorded" for fact in site.facts()) == 2)  # 40 rows
    body = [record(subject(ordinal())) for _ in range(11)]
    full = site.send("subject.register", body, Idempotency_Key="same")
    assert full.refusal == (503, "queue_full")
    assert int(full.headers["Retry-After"]) >= 1
    assert len(told(site, "queue.full")) == 1  # the file is put off again and again

    site.start_records()
    assert [line.ending for line in site.status("city.csv")] == ["accepted"] * len(people)
    taken = site.send("subject.register", body, Idempotency_Key="same")
    assert (taken.status, taken.json["repeated"]) == (202, False)
    assert {each["outcome"] for each in site.outcomes(taken.message_id)} == {"accepted"}
    assert site.held()["persons"] == len(people) + len(body)
