"""What is sealed for one connector under one header opens there, is exactly what was admitted, and nowhere else."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Former
from gateway.edge import seal
from gateway.edge.flow import enter, prepare
from gateway.edge.open import open_envelope
from gateway.edge.seal import refuse
from gateway.edge.seal_payload import seal_payload
from gateway.errors import Deferred, Refused
from gateway.keys.signatures import verify_statement
from gateway.messages import Envelope, Sealed, decode_header, encode, signed_part
from tests.flow.toys import CARRIED, NUMBER, person, whole_person
from tests.unit.test_authenticate import arrival

SALT = b"s" * 32
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
EVERYTHING = frozenset(range(1000))


def sealed_by_office(site, *records, **changes) -> Sealed:
    came = arrival(site, entrance="outbox", body=records, **changes)
    return prepare(enter(came, site.office_rules), site.office_rules, site.office, SALT)


def envelope_of(sealed: Sealed) -> Envelope:
    assert sealed.envelope is not None
    return sealed.envelope


def signed(site, header, records, keys=None) -> Envelope:
    """An envelope that the office really signed over this header and these records, whatever they say."""
    head = encode(header)
    plaintext = records if isinstance(records, bytes) else json.dumps(records).encode()
    ciphertext = seal_payload(plaintext, head, site.directory.recipient("register"))
    return Envelope(head, ciphertext, (keys or site.office).sign(signed_part(head, ciphertext)))


def bounded(contract, operation, most):
    """The contract, with a bound on the records that a message of this operation may hold."""
    changed = [
        each.model_copy(update={"most_records": most}) if each.name == operation else each
        for each in contract.operations
    ]
    return contract.model_copy(update={"operations": tuple(changed)})


def opened(site, envelope, wanted=EVERYTHING):
    return open_envelope(envelope, wanted, site.register_rules, site.register, NOW).records


def code_of(site, envelope) -> str:
    with pytest.raises((Refused, Deferred)) as caught:
        opened(site, envelope)
    return caught.value.code


@given(numbers=st.lists(st.integers(0, 10**9), min_size=1, max_size=6), bad=st.sets(st.integers(0, 5)))
def test_the_register_opens_exactly_what_was_admitted(site, numbers, bad):
    records = [whole_person(n) if i % 2 else person(n) for i, n in enumerate(numbers)]
    for index in bad & set(range(len(records))):
        records[index] = records[index] | {"name": ""}
    sealed = sealed_by_office(site, *records)
    if sealed.envelope is None:
        assert len(bad & set(range(len(records)))) == len(records)
        return
    expected = [
        (index, {name: value for name, value in record.items() if name in CARRIED} | _nested(record))
        for index, record in enumerate(records)
        if index not in bad
    ]
    assert list(opened(site, sealed.envelope)) == expected


def _nested(record):
    if "home" not in record:
        return {}
    return {
        "home": {"address": record["home"]["address"]},
        "guardians": [{"guardian_name": each["guardian_name"]} for each in record["guardians"]],
    }


def test_only_the_wanted_records_come_out(site):
    envelope = envelope_of(sealed_by_office(site, person(0), person(1), person(2)))
    assert [index for index, _ in opened(site, envelope, frozenset({2, 0, 99}))] == [0, 2]


def test_the_header_tells_items_lanes_and_tags_and_no_value(site):
    sealed = sealed_by_office(site, whole_person(771), person(772), whole_person(771, seq=2))
    header = decode_header(envelope_of(sealed).header)
    assert header.item_sets == (tuple(sorted(CARRIED)), tuple(sorted(person())))
    states = site.office_rules.limits.lanes * 6 // 8
    lanes = [site.office.lane(f"{n:010}", states) for n in (771, 772, 771)]
    assert header.records == ((0, 0, lanes[0]), (1, 1, lanes[1]), (2, 0, lanes[2]))
    assert sealed.tags is not None
    assert sealed.tags.tags == tuple(site.office.tag(f"{n:010}", "2026-04") for n in (771, 772, 771))
    assert header.tags_digest == sealed.tags.digest()
    assert header.created_at == "2026-04-01T00:00:00.000000Z"
    assert header.expires_at == "2026-04-04T00:00:00.000000Z"
    assert header.legal_basis == ("L1", "L2", "A1")
    assert (header.purpose, header.responsible) == ("vaccination", "staff-0001")
    for value in ("0000000771", "架空", NUMBER, "\\u67b6"):
        assert value not in envelope_of(sealed).header.decode()
        assert value.encode() not in envelope_of(sealed).ciphertext


@pytest.mark.parametrize("lanes", [8, 15, 4096])
def test_a_state_never_waits_behind_a_question_nor_what_is_ahead_behind_either(site, lanes):
    """Whoever they are about: what is ahead, and what has no version, has lanes of its own, by operation and person."""
    state = site.office_rules.contract.operation("sends", "person.put")
    ahead = state.model_copy(update={"ahead": True})
    asked, told = (state.model_copy(update={"name": name, "version": ()}) for name in ("a.ask", "b.tell"))
    everybody = [f"{n:010}" for n in range(5000)]
    apart = [{seal._lane(each, one, site.office, lanes) for each in everybody} for one in (state, ahead, asked)]
    assert sum(map(len, apart)) == len(set().union(*apart))
    assert set().union(*apart) <= set(range(lanes))
    both = [[seal._lane(each, operation, site.office, lanes) for operation in (asked, told)] for each in everybody]
    assert lanes < 16 or any(a != b for a, b in both)  # one question of a person does not wait for another kind


def test_one_lane_is_one_for_all(site):
    state = site.office_rules.contract.operation("sends", "person.put")
    for changes in ({}, {"ahead": True}, {"version": ()}):
        assert seal._lane("1", state.model_copy(update=changes), site.office, 1) == 0


@given(data=st.data())
def test_a_flipped_bit_in_any_part_is_refused(site, data):
    envelope = envelope_of(sealed_by_office(site, person()))
    parts = {name: getattr(envelope, name) for name in ("header", "ciphertext", "signature")}
    name = data.draw(st.sampled_from(sorted(parts)))
    bit = data.draw(st.integers(0, len(parts[name]) * 8 - 1))
    altered = bytearray(parts[name])
    altered[bit // 8] ^= 1 << bit % 8
    assert code_of(site, Envelope(**parts | {name: bytes(altered)})) in (
        "bad_envelope",
        "bad_signature",
        "header_mismatch",
        "key_not_here",
    )


def test_a_payload_under_another_header_does_not_open_even_if_the_source_signed_it(site):
    one, other = (envelope_of(sealed_by_office(site, person(n), request_key=b"%d" % n)) for n in (1, 2))
    moved = Envelope(one.header, other.ciphertext, site.office.sign(signed_part(one.header, other.ciphertext)))
    assert code_of(site, moved) == "cannot_open"


def test_another_connector_cannot_open_it(site):
    envelope = envelope_of(sealed_by_office(site, person()))
    with pytest.raises(Refused, match="header_mismatch"):
        open_envelope(envelope, EVERYTHING, site.office_rules, site.office, NOW)
    with pytest.raises(Deferred, match="key_not_here"):  # were it even the register, but with other keys
        open_envelope(envelope, EVERYTHING, site.register_rules, site.office, NOW)


def test_another_connectors_signature_is_not_the_sources(site):
    header = decode_header(envelope_of(sealed_by_office(site, person())).header)
    assert code_of(site, signed(site, header, [person()], site.register)) == "bad_signature"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tenant": "131016"}, "header_mismatch"),
        ({"route": "T2"}, "header_mismatch"),
        ({"route": "T9"}, "header_mismatch"),
        ({"destination": "office"}, "header_mismatch"),
        ({"operation": "person.find"}, "header_mismatch"),
        ({"source_operation": "person.find"}, "header_mismatch"),
        ({"suite": "X25519-HKDF_SHA256-AES_256_GCM"}, "header_mismatch"),
        ({"kind": "reply"}, "header_mismatch"),
        ({"kem_key": "0" * 16}, "key_not_here"),
        ({"signing_key": "0" * 16}, "key_not_here"),
        ({"source": "stranger"}, "key_not_here"),
        ({"destination_interface": "0" * 64}, "interface_changed"),
        ({"item_sets": (("individual_number", "internal_no"),)}, "items_beyond_route"),
        ({"item_sets": (("internal_no",),)}, "items_differ"),
        ({"item_sets": (tuple(sorted(CARRIED)),)}, "items_differ"),
        ({"records": ((0, 0, 1), (1, 0, 1))}, "items_differ"),
        ({"records": ()}, "items_differ"),
    ],
)
def test_a_header_that_says_something_else_is_refused_though_it_is_signed(site, changes, code):
    header = decode_header(envelope_of(sealed_by_office(site, person())).header)
    assert code_of(site, signed(site, replace(header, **changes), [person()])) == code


@pytest.mark.parametrize(
    "payload",
    [b"", b"[", b"{}", b"[1]", b"[[]]", b'[{"a":1,"a":1}]', b"[NaN]", b'["\\ud800"]', b"[{}]", b"[" * 5000],
)
def test_a_payload_that_does_not_hold_what_the_header_names_is_refused(site, payload):
    header = decode_header(envelope_of(sealed_by_office(site, person())).header)
    assert code_of(site, signed(site, header, payload)) == "items_differ"


def test_a_record_more_than_the_header_names_is_refused_even_if_it_stayed_inside(site):
    header = decode_header(envelope_of(sealed_by_office(site, person())).header)
    assert code_of(site, signed(site, header, [person(), person(2)])) == "items_differ"
    assert code_of(site, signed(site, header, [person(sex="1")])) == "items_differ"


def test_refusals_are_a_signed_statement_without_values(site):
    sealed = sealed_by_office(site, person(1, name=f"太郎{NUMBER}"), person(2), {"架空": 1}, request_key=b"k")
    assert sealed.statement is not None
    said = verify_statement(sealed.statement, site.directory)
    header = decode_header(envelope_of(sealed).header)
    assert said.records == ((0, "individual_number_in_text", "name"), (2, "missing_required", "internal_no"))
    assert (said.message_id, said.request_key, said.body_tag) == (
        header.message_id,
        header.request_key,
        header.body_tag,
    )
    assert NUMBER.encode() not in sealed.statement.statement


def test_a_refusal_of_the_whole_names_the_operation_only_if_the_lock_has_it(site):
    for operation, named in (("person.put", "person.put"), ("架空　太郎", None)):
        sealed = refuse(arrival(site, operation=operation, actor="架空"), site.office_rules, site.office, "bad_actor")
        assert sealed.statement is not None
        said = verify_statement(sealed.statement, site.directory)
        assert (said.code, said.operation, said.actor) == ("bad_actor", named, None)


def test_the_marks_of_a_repeat_depend_on_operation_key_and_body_alone(site):
    def marks(**changes):
        header = decode_header(envelope_of(sealed_by_office(site, person(), **changes)).header)
        return header.request_key, header.body_tag

    later = {"received_at": datetime(2027, 1, 1, tzinfo=UTC), "message_id": "01960000-0000-7000-8000-000000000002"}
    assert marks(request_key=b"k") == marks(request_key=b"k", **later)
    assert marks(request_key=b"k")[0] != marks(request_key=b"l")[0]
    assert marks() == (None, None)


@pytest.mark.parametrize("odd", [{"name": "\ud800"}, {"\ud800": 1}])
def test_a_record_with_a_lone_surrogate_is_refused_alone_also_under_a_request_key(site, odd):
    """The body's tag is taken of what came, before anything is admitted: it must not stumble over it."""
    sealed = sealed_by_office(site, person(1) | odd, person(2), request_key=b"k")
    assert sealed.statement is not None
    assert [index for index, _, _ in verify_statement(sealed.statement, site.directory).records] == [0]
    assert [index for index, _ in opened(site, envelope_of(sealed))] == [1]


def test_neither_edge_trusts_the_hub_with_the_law(site):
    """C009: without a legal basis in force nothing is sealed, and what was sealed is not opened any more."""
    envelope = envelope_of(sealed_by_office(site, person()))
    ended = {name: basis.model_copy(update={"valid_until": date(2026, 3, 31)}) for name, basis in _bases(site)}
    with pytest.raises(Refused, match="basis_not_in_force"):
        prepare(_came(site), replace(site.office_rules, legal_basis=ended), site.office, SALT)
    with pytest.raises(Refused, match="basis_not_in_force"):
        open_envelope(envelope, EVERYTHING, replace(site.register_rules, legal_basis=ended), site.register, NOW)


def test_what_a_connector_hands_in_is_no_larger_than_a_body(site):
    limits = site.office_rules.limits.model_copy(update={"body_bytes": 1024})
    rules = replace(site.office_rules, limits=limits)
    assert prepare(_came(site), rules, site.office, SALT).envelope is not None
    with pytest.raises(Refused, match="body_too_large"):
        prepare(_came(site, *(person(n) for n in range(20))), rules, site.office, SALT)


def _came(site, *records):
    return enter(arrival(site, entrance="outbox", body=records or (person(),)), site.office_rules)


def _bases(site):
    return site.office_rules.legal_basis.items()


@pytest.mark.parametrize(("until", "passes"), [(date(2026, 4, 1), True), (date(2026, 3, 31), False)])
def test_what_was_sealed_for_a_former_interface_opens_until_its_last_day(site, until, passes):
    header = decode_header(envelope_of(sealed_by_office(site, person())).header)
    older = signed(site, replace(header, destination_interface="f" * 64), [person()])
    rules = replace(site.register_rules, former=(Former(connector="register", digest="f" * 64, until=until),))
    if passes:
        assert open_envelope(older, EVERYTHING, rules, site.register, NOW).records
        return
    with pytest.raises(Refused, match="interface_changed"):
        open_envelope(older, EVERYTHING, rules, site.register, NOW)


@pytest.mark.parametrize(("seconds", "lives"), [(60.0, 60.0), (10**6 * 1.0, 72 * 3600.0), (None, 72 * 3600.0)])
def test_a_message_lives_as_long_as_its_route_says_and_no_longer_than_any(site, seconds, lives):
    file = site.office_rules.tenant.file
    routes = tuple(each.model_copy(update={"message_seconds": seconds}) for each in file.routes)
    tenant = replace(site.office_rules.tenant, file=file.model_copy(update={"routes": routes}))
    sealed = prepare(_came(site), replace(site.office_rules, tenant=tenant), site.office, SALT)
    header = decode_header(envelope_of(sealed).header)
    begins, ends = map(datetime.fromisoformat, (header.created_at, header.expires_at))
    assert ends - begins == timedelta(seconds=lives)


def test_what_has_expired_on_its_way_is_put_off_for_the_hub_to_end(site):
    envelope = envelope_of(sealed_by_office(site, person()))
    expired = NOW + timedelta(days=4)
    with pytest.raises(Deferred, match="expired"):
        open_envelope(envelope, EVERYTHING, site.register_rules, site.register, expired)


def test_no_more_records_than_the_operation_takes_at_both_ends(site):
    """A sender is refused before a record is looked at; a sender's edge that lets them pass is not believed."""
    office, register = (bounded(site.config.contracts[name], "person.put", 1) for name in ("office", "register"))
    small = replace(site.office_rules, contracts={**site.office_rules.contracts, "office": office})
    for body in ((person(1), person(2)), (7, 7)):
        with pytest.raises(Refused, match="too_many_records"):
            enter(arrival(site, entrance="outbox", body=body), small)
    assert len(enter(arrival(site, entrance="outbox", body=(person(1),)), small).records) == 1
    both, one = (envelope_of(sealed_by_office(site, *map(person, range(count)))) for count in (2, 1))
    rules = replace(site.register_rules, contracts={**site.register_rules.contracts, "register": register})
    with pytest.raises(Refused, match="too_many_records"):
        open_envelope(both, EVERYTHING, rules, site.register, NOW)
    assert len(open_envelope(one, EVERYTHING, rules, site.register, NOW).records) == 1
