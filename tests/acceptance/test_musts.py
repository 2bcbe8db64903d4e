"""The MUSTs of design §2, one test or more named after each; forged envelopes are in test_forged.py."""

import json
import signal

import pytest

from gateway.errors import Refused
from gateway.keys.at_rest import Secret
from gateway.keys.layout import TenantKeys
from gateway.keys.private import EdgeKeys
from gateway.messages import Envelope, decode_header
from gateway_demo_city.city import canaries, make_city, tax_file
from tests.acceptance.programs import until
from tests.acceptance.site import DESTINATION, SOURCE
from tests.acceptance.subjects import MUNICIPALITY, city_file, lookup, record, subject, values


def sent(site, *subjects):
    """The id of a message whose every record has ended."""
    answer = site.send("subject.register", [record(each) for each in subjects])
    assert answer.status == 202, answer.body
    site.outcomes(answer.message_id)
    return answer.message_id


def envelope(site, message_id):
    """What the hub keeps of a message."""
    kept = {
        decode_header(each.header).message_id: each
        for each in (Envelope.unpack(packed) for (packed,) in site.query("SELECT packed FROM envelope"))
    }
    return kept[message_id]


def keys(site, connector):
    return EdgeKeys.load(
        TenantKeys(site.root, MUNICIPALITY).connector(connector), Secret.parse("file:keys/passphrase", site.root)
    )


def test_must_hub_never_sees_plaintext(site, ordinal):
    from gateway.edge.seal_payload import open_payload

    cells = subject(ordinal())
    kept = envelope(site, sent(site, cells))
    header = decode_header(kept.header)
    # All that the hub wrote holds the record, and shows nothing of it: not in the clear, not in any encoding.
    assert site.leaks(values(cells)) == ()
    # The destination's edge alone has the key: neither the sender's edge nor the hub's own folder holds one.
    with pytest.raises(Refused, match="unknown_key"):
        keys(site, SOURCE).kem_private(header.kem_key)
    opened = open_payload(kept.ciphertext, kept.header, keys(site, DESTINATION).kem_private(header.kem_key))
    assert json.loads(opened) == [record(cells)]
    assert sorted(each.name for each in (site.root / "keys" / MUNICIPALITY / "log").iterdir()) == [
        "log.pem",
        "log.vkey",
    ]


def test_must_fields_enforced_at_both_ends(new_site, ordinal):
    """What the route does not carry stays behind, though both interfaces have it; test_forged.py has the far end."""
    site = new_site()
    site.edit(f"tenants/{MUNICIPALITY}.toml", '"guardian_name", "resident_status",', '"resident_status",')
    site.start()
    cells = subject(ordinal())
    message_id = sent(site, cells)
    header = site.facts()[0]["header"]
    assert header["withheld"] == ["guardian_name"]
    assert "guardian_name" not in header["item_sets"][0]
    opened = json.loads(open_kept(site, message_id))
    assert opened == [{name: value for name, value in record(cells).items() if name != "guardian_name"}]
    assert site.send("subject.register", [record(cells) | {"local_tax_info": "1"}]).json["records"] == [
        {"index": 0, "code": "unknown_field", "path": "unknown:18:1"}
    ]


def open_kept(site, message_id):
    from gateway.edge.seal_payload import open_payload

    kept = envelope(site, message_id)
    key = keys(site, DESTINATION).kem_private(decode_header(kept.header).kem_key)
    return open_payload(kept.ciphertext, kept.header, key)


def test_must_header_names_items(site, ordinal):
    whole, lean = subject(ordinal()), subject(ordinal(), guardian_name="", individual_number="")
    message_id = sent(site, whole, lean, whole | {"update_seq": "2"})
    (header,) = [each["header"] for each in site.trace(message_id) if each["kind"] == "message.recorded"]
    sets = [sorted(record(whole)), sorted(record(lean))]
    assert header["item_sets"] == sets
    assert [[index, number] for index, number, _ in header["records"]] == [[0, 0], [1, 1], [2, 0]]
    assert (header["legal_basis"], header["purpose"], header["route"]) == (["L1", "L2", "A1"], "vaccination", "R01")
    assert (header["responsible"], header["tenant"]) == ("staff-0001", MUNICIPALITY)


def test_must_every_answer_given_out_is_a_fact(site, ordinal):
    """A reply may be had again, by the same key or at its address; each time the log knows."""
    cells = subject(ordinal())
    sent(site, cells)
    question, key = [{"internal_no": cells["internal_no"], "municipality_code": MUNICIPALITY}], f"ask-{ordinal()}"
    first = site.send("subject.lookup", question, Idempotency_Key=key)
    told = [each["kind"] for each in site.trace(first.message_id)]
    assert not {"message.repeated", "reply.fetched"} & set(told)
    again = site.send("subject.lookup", question, Idempotency_Key=key)
    assert again.json == first.json
    fetched = site.peer().get(f"/v1/messages/{first.message_id}")
    assert fetched.json["replies"] == first.json["replies"]
    later = [each["kind"] for each in site.trace(first.message_id)]
    assert (later.count("message.repeated"), later.count("reply.fetched")) == (1, 2)


def test_must_default_deny(new_site, ordinal):
    site = new_site()
    site.edit(f"tenants/{MUNICIPALITY}.toml", site.route("R25"), "")
    site.start()
    cells = subject(ordinal())
    sent(site, cells)
    gone = record(cells | {"change_type": "3", "update_seq": "2"})
    answer = site.send("subject.delete", [gone])
    assert answer.refusal == (403, "no_route")
    (fact,) = [each for each in site.facts() if each.get("message_id") == answer.message_id]
    assert (fact["kind"], fact["code"]) == ("message.refused", "no_route")
    assert "record" in site.look_up(cells["internal_no"])[0]
    site.drop("gone.csv", city_file([cells | {"change_type": "3", "update_seq": "2"}]))
    assert [(each.ending, each.code) for each in site.status("gone.csv")] == [("refused", "no_route")]


def test_must_every_act_is_a_fact(new_site, ordinal):
    site = new_site().start()
    cells = subject(ordinal())
    message_id = sent(site, cells)
    for _ in range(3):
        assert site.peer("operator").get("/v1/messages/x").status == 403
    assert site.send("subject.register", b"no JSON").status == 400
    assert site.send("subject.lookup", [lookup(cells)]).status == 200
    site.drop("city.csv", city_file([cells]))
    site.status("city.csv")
    until(lambda: [each for each in site.facts() if each.get("statement", {}).get("act") == "file_finished"])
    site.trace(message_id)
    site.hang_up("config.applied")
    assert site.gateway.stop() == 0
    kinds = [each["kind"] for each in site.facts() if each.get("message_id") == message_id]
    assert kinds == ["message.recorded", "delivery.attempted", "delivery.concluded", "operator.acted"]
    facts = site.facts()
    assert [each["seq"] for each in facts] == list(range(1, len(facts) + 1))
    acts = [each["statement"]["act"] for each in facts if each["kind"] == "connector.noted"]
    assert acts == ["file_taken", "file_finished"]
    assert [each["code"] for each in facts if each["kind"] == "message.refused"] == ["not_json"]
    (asked,) = [each for each in facts if each.get("header", {}).get("kind") == "request"]
    (reply,) = [each for each in facts if each.get("header", {}).get("kind") == "reply"]
    assert reply["header"]["correlation_id"] == asked["message_id"]
    (looked,) = [each for each in facts if each["kind"] == "operator.acted"]
    assert (looked["operator"], looked["act"]) == ("operator", "trace")
    facts = site.facts("system")
    noise = [each["count"] for each in facts if each["kind"] == "noise.counted"]  # once a minute, and at the end
    assert sum(noise) == 3
    assert [(each["kind"], each.get("by")) for each in facts if each["kind"] != "noise.counted"] == [
        ("gateway.started", None),
        ("config.applied", "SIGHUP"),
        ("gateway.stopped", None),
    ]


def test_must_ack_means_recorded_202(new_site, ordinal):
    """The destination is down and the gateway is killed right after the answer; the record still arrives, once."""
    site = new_site()
    site.start_gateway("/healthz")
    cells = subject(ordinal())
    answer = site.send("subject.register", [record(cells)])
    site.gateway.kill()
    assert answer.status == 202
    assert answer.headers["Location"] == f"/v1/messages/{answer.message_id}"
    (fact,) = [each for each in site.facts() if each["kind"] == "message.recorded"]
    assert fact["message_id"] == answer.message_id
    site.start()
    assert [each["outcome"] for each in site.outcomes(answer.message_id)] == ["accepted"]
    assert site.held() == {"persons": 1, "versions": 1, "deleted": 0}


def test_must_one_line_for_every_entrance(site, ordinal):
    """The same records end the same, whether they come by HTTPS or in a file."""
    changes: list[dict[str, str]] = [
        {},
        {"individual_number": "000012345671"},
        {"individual_number": "00001234567"},
        {"subject_category": "T9"},
        {"municipality_code": "999989"},
        {"municipality_code": "999990"},
        {"address": "架空市" * 70},
        {"address": "架空市\t見本"},
        {"birth_date": "2025-02-29"},
        {"name": ""},
        {"internal_no": ""},
        {"internal_no": "12a"},
        {"sex": "3"},
        {"updated_at": "2026-04-31T09:00:00+09:00"},
        {"change_type": "3", "deletion_event_date": "2026-04-31"},
    ]
    by_http, by_file = ([subject(ordinal()) | change for change in changes] for _ in range(2))
    # Both also hide a number of their own in a free text.
    for cells in (by_http, by_file):
        cells.append(subject(ordinal()))
        number = cells[-1]["individual_number"]
        cells[-1]["address"] = f"見本番号{number[:4]}-{number[4:8]}　{number[8:]}"
    ends = [end(site, record(each)) for each in by_http]
    site.drop("entrances.csv", city_file(by_file))
    lines = site.status("entrances.csv")
    assert [(each.ending, each.code, each.path) for each in lines] == ends
    assert [each[0] for each in ends].count("accepted") == 1
    assert site.leaks(values(*by_http, *by_file)) == ()


def end(site, one):
    """How one record ends that comes by HTTPS."""
    answer = site.send("subject.delete" if one.get("change_type") == "3" else "subject.register", [one])
    (outcome,) = site.outcomes(answer.message_id)
    return outcome["outcome"], outcome.get("code", ""), outcome.get("path", "")


def test_must_no_personal_value_anywhere(new_site, ordinal):
    """Unique values through every route and every refusal; then everything that is left behind is searched."""
    site = new_site().start()
    city = make_city(60, 5)
    site.drop("city.csv", city.content)
    site.drop("tax.csv", tax_file(5))
    site.status("city.csv")
    site.status("tax.csv")
    own = [subject(10_000 + each) for each in range(3)]
    answers = [site.send("subject.register", [record(own[0]), record(own[1])])]
    site.outcomes(answers[0].message_id)
    answers.append(site.send("subject.register", [record(own[2]) | {own[2]["name"]: own[2]["address"]}]))
    answers.append(site.send("subject.register", f'[{{"{own[2]["name"]}": '.encode()))
    answers.append(site.send("subject.delete", [record(own[1] | {"change_type": "3", "update_seq": "2"})]))
    asked = site.send("subject.lookup", [lookup(each) for each in own])
    number = asked.json["replies"][0]["record"]["vaccination_subject_no"]
    told = [site.admin().get(path).body for path in ("/metrics", "/healthz", "/readyz", "/v1/connectors")]
    told += [site.admin().get(f"/v1/{MUNICIPALITY}/{path}").body for path in ("dead", f"messages/{asked.message_id}")]
    told += [each.body for each in answers]
    told.append(site.cli("message", "trace", MUNICIPALITY, answers[0].message_id).out.encode())
    (site.observed / "told").write_bytes(b"\n".join(told))
    site.gateway.signal(signal.SIGTERM)
    assert site.gateway.ended() == 0
    files = [canaries(each) for each in (site.exchange / "done").iterdir()]
    everything = values(*own).union({number}, *(found for each in files for found in each.values()))
    assert len(everything) > 150
    assert site.leaks(everything) == ()
    (site.observed / "planted").write_text(json.dumps({"x": own[2]["address"]}))
    assert {finding.place for finding in site.leaks(everything)} == {str(site.observed / "planted")}
