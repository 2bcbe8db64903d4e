"""Two municipalities in one gateway: who speaks, speaks for their own alone, whatever address or payload say."""

import shutil
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.keys.at_rest import Secret
from gateway.keys.certificates import Authority, Issued
from gateway.keys.layout import TenantKeys
from gateway.keys.make import make_connector, make_log, make_root, publish
from tests.acceptance.programs import GATEWAY, command, until
from tests.acceptance.site import DESTINATION, SOURCE, Site
from tests.acceptance.subjects import MUNICIPALITY, OTHER_MUNICIPALITY, city_file, lookup, record, subject, values

OWN = f"/v1/{MUNICIPALITY}/health_management/subject.register"
OTHERS = f"/v1/{OTHER_MUNICIPALITY}/health_management/subject.register"
OTHER_SYSTEM = f"{SOURCE}_{OTHER_MUNICIPALITY}"


def add_neighbour(site: Site) -> None:
    """Give 架空市's neighbour all that `gateway init` gave 架空市: configuration, keys, certificates, an area."""
    now, secret = datetime.now(UTC), Secret.parse("file:keys/passphrase", site.root)
    text = (site.root / f"config/tenants/{MUNICIPALITY}.toml").read_text().replace(MUNICIPALITY, OTHER_MUNICIPALITY)
    for name in (SOURCE, DESTINATION):
        text = text.replace(f"tls/{name}.", f"tls/{name}_{OTHER_MUNICIPALITY}.")
    (site.root / f"config/tenants/{OTHER_MUNICIPALITY}.toml").write_text(text.replace('/exchange"', '/neighbour"'))
    (site.root / "neighbour").mkdir(mode=0o700)
    keys = TenantKeys(site.root, OTHER_MUNICIPALITY)
    make_root(keys, secret)
    make_log(keys, secret)
    for name, zone in ((SOURCE, "individual_number_zone"), (DESTINATION, "lgwan")):
        make_connector(keys, name, zone, secret)
    publish(keys, secret, now)
    certificate = x509.load_pem_x509_certificate((site.tls / "ca.crt").read_bytes())
    key = load_pem_private_key((site.tls / "ca.key").read_bytes(), secret.read())
    authority = Authority(Issued(certificate, key))  # type: ignore[arg-type]
    for name in (SOURCE, DESTINATION):
        authority.client(name, now).write(site.tls, f"{name}_{OTHER_MUNICIPALITY}")
    site.area(OTHER_MUNICIPALITY, site.tls / f"{DESTINATION}_{OTHER_MUNICIPALITY}.crt")


@pytest.fixture(scope="module")
def two(tmp_path_factory, starter):
    site = Site.made(tmp_path_factory.mktemp("two") / "site", starter)
    add_neighbour(site)
    yield site.start()
    site.close()


def neighbour(cells):
    """The same person's record, of the neighbour."""
    return cells | {"municipality_code": OTHER_MUNICIPALITY}


def test_each_municipality_has_its_own(two, ordinal):
    mine, theirs = subject(ordinal()), neighbour(subject(ordinal()))
    assert two.peer().post(OWN, [record(mine)]).status == 202
    assert two.peer(OTHER_SYSTEM).post(OTHERS, [record(theirs)]).status == 202
    two.outcomes(two.peer().post(OWN, [record(mine)]).message_id)
    assert "record" in two.look_up(mine["internal_no"])[0]
    asked = [lookup(theirs), lookup(neighbour(mine))]
    answer = two.peer(OTHER_SYSTEM).post(OTHERS.replace("register", "lookup"), asked)
    assert ["record" in each for each in answer.json["replies"]] == [True, False]


def test_must_tenant_comes_from_the_peer(two, ordinal):
    """Each under the other's address: refused, recorded where it comes from, not a trace where it wanted to go."""
    for certificate, home, path, away in (
        (SOURCE, MUNICIPALITY, OTHERS, OTHER_MUNICIPALITY),
        (OTHER_SYSTEM, OTHER_MUNICIPALITY, OWN, MUNICIPALITY),
    ):
        cells, before = subject(ordinal(), municipality_code=away), len(two.facts(away))
        answer = two.peer(certificate).post(path, [record(cells)])
        assert answer.refusal == (403, "wrong_tenant")
        (fact,) = [each for each in two.facts(home) if each.get("message_id") == answer.message_id]
        assert (fact["kind"], fact["code"], fact["statement"]["tenant"]) == ("message.refused", "wrong_tenant", home)
        later = two.facts(away)[before:]  # what was under way there before may still come to its end
        assert {each["kind"] for each in later} <= {"delivery.attempted", "delivery.concluded"}
        assert two.leaks(values(cells)) == ()


def test_must_the_payload_does_not_choose_the_tenant(two, ordinal):
    """Under one's own address with the neighbour's code in the record: nobody of that code is known here (rule 9)."""
    cells = neighbour(subject(ordinal()))
    two.peer(OTHER_SYSTEM).post(OTHERS, [record(cells)])
    answer = two.peer().post(OWN, [record(cells)])
    assert [(each["outcome"], each["code"]) for each in two.outcomes(answer.message_id)] == [
        ("refused", "no_such_person")
    ]
    asked = two.send("subject.lookup", [lookup(cells)])
    assert asked.json["replies"] == [{"index": 0, "code": "no_such_person"}]


def test_a_message_of_the_neighbour_is_unknown(two, ordinal):
    mine = two.peer().post(OWN, [record(subject(ordinal()))]).message_id
    assert two.peer().get(f"/v1/messages/{mine}").status == 200
    assert two.peer(OTHER_SYSTEM).get(f"/v1/messages/{mine}").refusal == (404, "unknown_message")


def test_one_key_of_two_municipalities_is_two_keys(two, ordinal):
    key, cells = f"key-{ordinal()}", subject(ordinal())
    answers = [
        two.peer(certificate).post(path, [record(each)], Idempotency_Key=key)
        for certificate, path, each in ((SOURCE, OWN, cells), (OTHER_SYSTEM, OTHERS, neighbour(cells)))
    ]
    assert [each.json["repeated"] for each in answers] == [False, False]


def test_the_same_person_has_other_tags_in_the_neighbour_s_log(two, ordinal):
    cells = subject(ordinal())
    ids = [
        two.peer(certificate).post(path, [record(each)]).message_id.replace("-", "")
        for certificate, path, each in ((SOURCE, OWN, cells), (OTHER_SYSTEM, OTHERS, neighbour(cells)))
    ]
    found = [
        two.query(f"SELECT tag FROM tag JOIN fact USING (seq) WHERE message_id = x'{each}'", store)
        for each, store in zip(ids, (MUNICIPALITY, OTHER_MUNICIPALITY), strict=True)
    ]
    assert [len(each) for each in found] == [1, 1]
    assert found[0] != found[1]


def test_a_broken_directory_of_one_is_told_with_its_code(two, tmp_path):
    root = tmp_path / "site"
    for part in ("config", "keys"):
        shutil.copytree(two.root / part, root / part)
    path = TenantKeys(root, OTHER_MUNICIPALITY).directory
    path.write_text(TenantKeys(root, MUNICIPALITY).directory.read_text())
    ended = command(*GATEWAY, "check", "--root", str(root))
    assert (ended.status, f"directory of {OTHER_MUNICIPALITY}" in ended.err) == (2, True)


def test_each_folder_feeds_its_own_municipality(two, ordinal):
    from gateway_health_management.simulator import drop, wait_status

    cells = neighbour(subject(ordinal()))
    until((two.root / "neighbour/in").is_dir)  # the connector makes it when it opens
    drop(two.root / "neighbour", "own.csv", city_file([cells]))
    drop(two.exchange, "foreign.csv", city_file([neighbour(subject(ordinal()))]))
    assert [each.ending for each in wait_status(two.root / "neighbour", "own.csv", "cp932")] == ["accepted"]
    assert [(each.ending, each.code) for each in two.status("foreign.csv")] == [("refused", "no_such_person")]
