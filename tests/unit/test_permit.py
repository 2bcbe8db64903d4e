"""The hub's own check, without a look inside: each reason to refuse, by one change to a message that is permitted."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from gateway.config import Former
from gateway.edge.seal import note, refuse
from gateway.errors import Refused
from gateway.hub.permit import permit, permit_again
from gateway.hub.rules import hub_rules
from gateway.messages import (
    Attestation,
    Sealed,
    SignedStatement,
    Statement,
    Tags,
    decode_header,
    decode_statement,
    encode,
    stamp,
)
from gateway.plugin import Act, Counted
from tests.flow.toys import OFFICE, REGISTER, TENANT, person
from tests.unit.test_authenticate import arrival
from tests.unit.test_seal_open import bounded, envelope_of, sealed_by_office, signed

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
ID = "01960000-0000-7000-8000-000000000002"
PERMIT = Attestation(
    "permit", "c" * 64, stamp(NOW + timedelta(hours=1)), party="130001", asked=stamp(NOW - timedelta(minutes=1))
)


def good(site, *records, at=NOW):
    return sealed_by_office(site, *(records or (person(1), person(2))), request_key=b"k", received_at=at)


def code_of(site, sealed, peer=OFFICE, rules=None, now=NOW):
    with pytest.raises(Refused) as caught:
        permit(sealed, peer, rules or site.hub_rules, now)
    return caught.value.code


def changed(site, keys=None, **changes):
    """The good message under another header, really signed."""
    sealed = good(site)
    header = replace(decode_header(envelope_of(sealed).header), **changes)
    return replace(sealed, envelope=signed(site, header, [], keys))


def reply(site, **changes):
    """A reply of the register to some request, really signed."""
    rules = site.hub_rules
    base = {
        "kind": "reply",
        "source": REGISTER,
        "source_operation": "person.find",
        "destination": OFFICE,
        "operation": "person.find",
        "route": "T2",
        "source_interface": rules.digests[REGISTER],
        "destination_interface": rules.digests[OFFICE],
        "item_sets": (("internal_no", "update_seq"),),
        "legal_basis": ("L1", "A1"),
        "responsible": rules.responsible[REGISTER],
        "kem_key": site.directory.recipient(OFFICE).id,
        "signing_key": site.register.signing_id,
        "correlation_id": ID,
        "client_certificate": None,
        "request_key": None,
        "body_tag": None,
    }
    return changed(site, site.register, **base | changes)


def test_what_an_edge_seals_is_permitted(site):
    permitted = permit(good(site), OFFICE, site.hub_rules, NOW)
    assert permitted.header is not None
    assert permitted.statement is None
    assert permit(reply(site), REGISTER, site.hub_rules, NOW).header is not None
    assert permit(changed(site), OFFICE, site.hub_rules, NOW).header is not None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tenant": "131016"}, "header_mismatch"),
        ({"signing_key": "0" * 16}, "unknown_key"),
        ({"source": "stranger"}, "unknown_key"),
        ({"route": "T9"}, "no_route"),
        ({"route": "T2"}, "no_route"),
        ({"source_operation": "person.find"}, "no_route"),
        ({"operation": "person.find"}, "no_route"),
        ({"destination": OFFICE}, "no_route"),
        ({"kind": "request"}, "header_mismatch"),
        ({"kind": "reply"}, "no_route"),
        ({"correlation_id": ID}, "header_mismatch"),
        ({"item_sets": (("internal_no",), ("individual_number",))}, "items_beyond_route"),
        ({"item_sets": (("home",),)}, "items_beyond_route"),
        ({"item_sets": (("guardians[].birth_date",),)}, "items_beyond_route"),
        ({"records": ()}, "bad_envelope"),
        ({"records": ((1, 0, 0), (0, 0, 0))}, "bad_envelope"),
        ({"records": ((0, 0, 0), (0, 0, 0))}, "bad_envelope"),
        ({"records": ((0, 1, 0),)}, "bad_envelope"),
        ({"records": ((0, 0, 0),)}, "bad_tags"),
        ({"legal_basis": ()}, "header_mismatch"),
        ({"legal_basis": ("L1", "A1")}, "header_mismatch"),
        ({"legal_basis": ("L2", "L1", "A1")}, "header_mismatch"),
        ({"legal_basis": ("L1", "L2")}, "header_mismatch"),
        ({"legal_basis": ("A1", "L1", "L2")}, "header_mismatch"),
        ({"legal_basis": ("L1", "L2", "A1", "A1")}, "header_mismatch"),
        ({"purpose": "research"}, "header_mismatch"),
        ({"source_interface": "0" * 64}, "interface_changed"),
        ({"destination_interface": "0" * 64}, "interface_changed"),
        ({"kem_key": "0" * 16}, "unknown_key"),
        ({"expires_at": "2026-04-01T12:00:00.000000Z"}, "expired"),
        ({"expires_at": "2026-03-31T00:00:00.000000Z"}, "expired"),
        ({"client_certificate": "sha256:" + "c" * 64}, "bad_envelope"),
        ({"request_mark": "c" * 64}, "header_mismatch"),
        ({"request_mark": "C" * 64}, "bad_envelope"),
    ],
)
def test_one_change_to_the_header_is_one_refusal(site, changes, code):
    assert code_of(site, changed(site, **changes)) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"correlation_id": None}, "header_mismatch"),
        ({"kind": "event"}, "no_route"),
        ({"client_certificate": "c" * 64}, "header_mismatch"),
        ({"item_sets": (("sex",),)}, "items_beyond_route"),
        ({"item_sets": (("municipality_code",),)}, "items_beyond_route"),
        ({"route": "T1", "legal_basis": ("L1", "L2", "A1")}, "no_route"),
    ],
)
def test_the_same_for_a_reply(site, changes, code):
    assert code_of(site, reply(site, **changes), REGISTER) == code


def test_an_event_is_not_a_request_by_saying_so(site):
    """A request takes no lane, so an event that calls itself one could overtake an older state of its person."""
    as_event = {
        "kind": "event",
        "source_operation": "person.find",
        "operation": "person.find",
        "route": "T2",
        "item_sets": (("internal_no",),),
        "legal_basis": ("L1", "A1"),
    }
    assert permit(changed(site, **as_event | {"kind": "request"}), OFFICE, site.hub_rules, NOW).header is not None
    assert code_of(site, changed(site, **as_event)) == "header_mismatch"


@pytest.mark.parametrize(
    "changes", [{"withheld": ("yamada.taro",)}, {"responsible": "yamada.taro"}, {"withheld": ("name", "x")}]
)
def test_a_header_speaks_in_words_of_the_configuration_only(site, changes):
    assert code_of(site, changed(site, **changes)) in ("header_mismatch", "bad_envelope")


@pytest.mark.parametrize(
    "changes",
    [
        {"operation": "yamada.taro"},
        {"responsible": "yamada.taro"},
        {"kind": "refusal", "act": None, "code": "too_long", "records": ((0, "too_long", "yamada.taro"),)},
    ],
)
def test_so_does_a_statement(site, changes):
    assert code_of(site, stated(site, **changes)) in ("header_mismatch", "bad_envelope")


def test_an_edge_speaks_for_itself_only(site):
    assert code_of(site, good(site), peer=REGISTER) == "header_mismatch"
    assert code_of(site, changed(site, site.register)) == "bad_signature"


@pytest.mark.parametrize("tags", [None, Tags(b"s", ()), Tags(b"s", (b"t" * 16,))])
def test_each_record_has_its_tag(site, tags):
    assert code_of(site, replace(good(site), tags=tags)) == "bad_tags"


def test_nothing_at_all_is_not_an_envelope(site):
    assert code_of(site, Sealed(None, None, None)) == "bad_envelope"


def rules_with_basis(site, **days):
    basis = dict(site.hub_rules.legal_basis)
    basis["L2"] = basis["L2"].model_copy(update=days)
    return replace(site.hub_rules, legal_basis=basis)


def rules_with_route(site, **changes):
    """The same with another first route."""
    tenant = site.hub_rules.tenant
    first, *others = tenant.file.routes
    file = tenant.file.model_copy(update={"routes": (first.model_copy(update=changes), *others)})
    return replace(site.hub_rules, tenant=replace(tenant, file=file))


MIDNIGHT_IN_JAPAN = datetime(2026, 4, 1, 15, 0, tzinfo=UTC)
"""00:00 on 2 April in Japan."""


@pytest.mark.parametrize(
    ("days", "moment", "permitted"),
    [
        ({"valid_until": date(2026, 4, 1)}, MIDNIGHT_IN_JAPAN - timedelta(microseconds=1), True),
        ({"valid_until": date(2026, 4, 1)}, MIDNIGHT_IN_JAPAN, False),
        ({"valid_from": date(2026, 4, 2)}, MIDNIGHT_IN_JAPAN - timedelta(microseconds=1), False),
        ({"valid_from": date(2026, 4, 2)}, MIDNIGHT_IN_JAPAN, True),
        ({"valid_until": None}, MIDNIGHT_IN_JAPAN, True),
    ],
)
def test_a_legal_basis_begins_and_ends_with_japans_day(site, days, moment, permitted):
    rules = rules_with_basis(site, **days)
    if permitted:
        assert permit(good(site, at=moment), OFFICE, rules, moment).header is not None
    else:
        assert code_of(site, good(site, at=moment), rules=rules, now=moment) == "basis_not_in_force"


def test_each_basis_of_a_route_must_be_in_force_and_known(site):
    lacking = {name: each for name, each in site.hub_rules.legal_basis.items() if name != "L2"}
    assert code_of(site, good(site), rules=replace(site.hub_rules, legal_basis=lacking)) == "basis_not_in_force"


def under_rows(site):
    """The hub's rules where the first route has two rows, and a permit for them."""
    basis = dict(site.hub_rules.legal_basis)
    basis |= {"P25": basis["L1"], "P26": basis["L1"].model_copy(update={"counterparty": "governor"})}
    rows = rules_with_route(site, row_field="name", legal_rows={"25": "P25", "26": "P26"}, attest=("permit",))
    return replace(rows, legal_basis=basis)


@pytest.mark.parametrize("rows", [("P25",), ("P26",), ("P25", "P26")])
def test_rule_6_a_header_cites_the_route_s_law_its_rows_and_the_assessment(site, rows):
    sealed = changed(site, legal_basis=("L1", "L2", *rows, "A1"), attestations=(PERMIT,))
    header = permit(sealed, OFFICE, under_rows(site), NOW).header
    assert header is not None
    permit_again(header, under_rows(site), NOW)


@pytest.mark.parametrize(
    "cited",
    [
        ("L1", "L2", "A1"),
        ("L1", "L2", "P26", "P25", "A1"),
        ("L1", "L2", "P25", "P25", "A1"),
        ("L1", "L2", "P27", "A1"),
        ("L1", "L2", "P25", "P27", "A1"),
        ("P25", "L1", "L2", "A1"),
        ("L1", "P25", "L2", "A1"),
        ("L2", "L1", "P25", "A1"),
        ("L1", "L2", "A1", "P25"),
        ("L1", "P25", "A1"),
        ("P25", "A1"),
        ("L1", "L2", "P25"),
    ],
)
def test_rule_6_whatever_else_it_cites_and_in_another_order_is_refused_on_entry(site, cited):
    sealed = changed(site, legal_basis=cited, attestations=(PERMIT,))
    assert code_of(site, sealed, rules=under_rows(site)) == "header_mismatch"


def test_what_a_route_wants_attested_must_be(site):
    tenant = site.hub_rules.tenant
    wanted = {"attest": ("card_login", "consent"), "consent_texts": ("2026-04",)}
    routes = tuple(each.model_copy(update=wanted) for each in tenant.file.routes)
    rules = replace(site.hub_rules, tenant=replace(tenant, file=tenant.file.model_copy(update={"routes": routes})))
    login = Attestation("card_login", "c" * 64, stamp(NOW + timedelta(minutes=5)))
    both = (login, Attestation("consent", "c" * 64, text="2026-04"))
    header = permit(changed(site, attestations=both), OFFICE, rules, NOW).header
    assert header is not None
    for wanting in ((), both[:1], (*both, Attestation("agent", "c" * 64)), (*both, login)):
        assert code_of(site, changed(site, attestations=wanting), rules=rules) == "not_attested"
    assert code_of(site, changed(site, attestations=both)) == "not_attested", "the route asks for nothing"
    with pytest.raises(Refused, match="not_attested"):  # what waits to be handed on waits no longer than its proof
        permit_again(header, rules, NOW + timedelta(minutes=5))
    soon = reply(site, expires_at=stamp(NOW + timedelta(minutes=2)))
    assert permit(soon, REGISTER, rules, NOW).header is not None, "an answer needs no proof of its own"
    assert code_of(site, reply(site), rules=rules, peer=REGISTER) == "limits_differ", "and does not live as long"
    assert code_of(site, reply(site, attestations=both), REGISTER, rules) == "not_attested"


def test_a_route_may_give_its_messages_a_shorter_life_and_never_a_longer_one(site):
    shorter, longer = (_with_life(site, seconds) for seconds in (3600.0, 10**6 * 1.0))
    for rules, lasts in (
        (shorter, timedelta(hours=1)),
        (longer, timedelta(hours=72)),
        (site.hub_rules, timedelta(hours=72)),
    ):
        skew = timedelta(minutes=5)
        assert permit(changed(site, expires_at=stamp(NOW + lasts + skew)), OFFICE, rules, NOW).header is not None
        late = changed(site, expires_at=stamp(NOW + lasts + skew + timedelta(seconds=1)))
        assert code_of(site, late, rules=rules) == "limits_differ"


def _with_life(site, seconds):
    tenant = site.hub_rules.tenant
    routes = tuple(each.model_copy(update={"message_seconds": seconds}) for each in tenant.file.routes)
    return replace(site.hub_rules, tenant=replace(tenant, file=tenant.file.model_copy(update={"routes": routes})))


def test_a_replay_is_held_to_todays_rules(site):
    header = decode_header(envelope_of(good(site)).header)
    permit_again(header, site.hub_rules, NOW)
    with pytest.raises(Refused, match="expired"):
        permit_again(header, site.hub_rules, NOW + timedelta(days=30))
    with pytest.raises(Refused, match="basis_not_in_force"):
        permit_again(header, rules_with_basis(site, valid_until=date(2026, 3, 31)), NOW)


# ---- statements -----------------------------------------------------------------------------------------------------


def stated(site, keys=None, **changes):
    signer = keys or site.office
    base = decode_statement(_signed_note(site).statement)
    said = encode(replace(base, **changes))
    return Sealed(None, None, SignedStatement(said, signer.sign(SignedStatement(said, b"").signed_part())))


def _signed_note(site):
    noted = note(site.office_rules, site.office, ID, stamp(NOW), Act.FILE_TAKEN, b"x", {Counted.ROWS: 1}).statement
    assert noted is not None
    return noted


REFUSAL = {"kind": "refusal", "act": None, "reference": None, "counts": None, "code": "not_json"}


def test_notes_and_refusals_of_an_edge_are_permitted(site):
    for sealed in (
        stated(site),
        stated(site, code="not_json"),
        stated(site, **REFUSAL),
        stated(site, **REFUSAL | {"records": ((0, "too_long", "name"), (3, "unknown_field", None))}),
        stated(site, **REFUSAL | {"records": ((0, "unknown_field", "unknown:3:1"),)}),
        stated(site, **REFUSAL | {"records": ((0, "unknown_field", "guardians[].unknown:9999:1"),)}),
        refuse(arrival(site, received_at=NOW), site.office_rules, site.office, "no_route"),
    ):
        said = sealed.statement.statement if sealed.statement else b""
        assert permit(sealed, OFFICE, site.hub_rules, NOW).statement == decode_statement(said)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tenant": "131016"}, "header_mismatch"),
        ({"signing_key": "0" * 16}, "unknown_key"),
        ({"connector": "stranger"}, "unknown_key"),
        ({"connector": REGISTER}, "unknown_key"),
        ({"act": None}, "bad_envelope"),
        ({"code": "made_up"}, "bad_envelope"),
        ({"records": ((0, "too_long", None),)}, "bad_envelope"),
        ({"client_certificate": "c" * 64}, "bad_envelope"),
        (REFUSAL | {"client_certificate": "C" * 64}, "bad_envelope"),
        (REFUSAL | {"code": None}, "bad_envelope"),
        (REFUSAL | {"code": "made_up"}, "bad_envelope"),
        (REFUSAL | {"act": Act.FILE_TAKEN}, "bad_envelope"),
        (REFUSAL | {"records": ((0, "made_up", None),)}, "bad_envelope"),
        (REFUSAL | {"records": ((1, "too_long", None), (0, "too_long", None))}, "bad_envelope"),
        (REFUSAL | {"records": ((1, "too_long", None), (1, "too_long", None))}, "bad_envelope"),
        (REFUSAL | {"records": ((0, "unknown_field", "name:1:1"),)}, "bad_envelope"),
        (REFUSAL | {"records": ((0, "unknown_field", "stranger.unknown:1:1"),)}, "bad_envelope"),
        (REFUSAL | {"records": ((0, "unknown_field", "unknown:12345:1"),)}, "bad_envelope"),
    ],
)
def test_a_statement_of_another_form_is_refused(site, changes, code):
    assert code_of(site, stated(site, **changes)) == code


def test_a_statement_is_its_signers_own(site):
    assert code_of(site, stated(site), peer=REGISTER) == "header_mismatch"
    assert code_of(site, stated(site, keys=site.register)) == "bad_signature"


def test_refusals_beside_an_envelope_belong_to_it(site):
    sealed = good(site, person(0), person(1, name=""), person(2))
    assert permit(sealed, OFFICE, site.hub_rules, NOW).statement is not None
    assert sealed.statement is not None
    said: Statement = decode_statement(sealed.statement.statement)
    whole = {each: getattr(said, each) for each in Statement.__dataclass_fields__}
    for changes in (
        {"message_id": ID.replace("2", "3")},
        {"request_key": "0" * 64},
        {"body_tag": None},
        {"client_certificate": "0" * 64},
        {"client_certificate": None},
        {"records": ()},
        {"records": ((0, "too_long", None),)},
        {"records": ((1, "too_long", None), (2, "too_long", None))},
        {"kind": "note", "act": Act.FILE_TAKEN, "code": None},
    ):
        beside = stated(site, **whole | changes).statement
        assert code_of(site, replace(sealed, statement=beside)) == "bad_envelope"


def test_a_reload_of_limits_or_names_does_not_kill_what_is_under_way(site):
    """They are asked on entry; at every attempt only what the route and the law say is asked again."""
    header = decode_header(envelope_of(good(site)).header)
    limits = site.hub_rules.limits.model_copy(update={"message_seconds": 1.0, "lanes": 1})
    others = replace(site.hub_rules, responsible={OFFICE: "staff-0009"}, limits=limits)
    permit_again(header, others, NOW)
    with pytest.raises(Refused):
        permit(good(site), OFFICE, others, NOW)


def test_no_more_records_than_either_end_of_the_route_takes_in_one_message(site):
    few = replace(site.hub_rules, most={"T1": 1})
    assert code_of(site, good(site), rules=few) == "too_many_records"
    permit(good(site, person(1)), OFFICE, few, NOW)
    permit(good(site), OFFICE, replace(site.hub_rules, most={"T1": 2}), NOW)


@pytest.mark.parametrize("end", ["office", "register"])
def test_the_hub_goes_by_the_smaller_bound_of_the_two_locks(site, end):
    contract = bounded(site.config.contracts[end], "person.put", 7)
    rules = hub_rules(replace(site.config, contracts={**site.config.contracts, end: contract}), TENANT, site.directory)
    assert rules.most == {"T1": 7}


@pytest.mark.parametrize("limit", ["records_per_message", "lanes", "message_seconds"])
def test_what_is_beyond_the_hubs_limits_is_told_by_a_code_of_its_own(site, limit):
    """The edge goes by other ones: nothing is wrong with the message."""
    small = replace(site.hub_rules, limits=site.hub_rules.limits.model_copy(update={limit: 1}))
    assert code_of(site, good(site), rules=small) == "limits_differ"


def test_a_refusal_beyond_the_hubs_limits_is_told_by_that_code_too(site):
    small = replace(site.hub_rules, limits=site.hub_rules.limits.model_copy(update={"records_per_message": 1}))
    beyond = stated(site, **REFUSAL | {"records": ((1, "too_long", None),)})
    assert code_of(site, beyond, rules=small) == "limits_differ"


@pytest.mark.parametrize("off", [timedelta(minutes=-6), timedelta(minutes=6), timedelta(days=-300_000)])
def test_an_edges_word_for_the_time_is_the_time(site, off):
    """Else it could say anything with it."""
    at = stamp(NOW + off)
    for sealed in (changed(site, created_at=at), stated(site, at=at), stated(site, **REFUSAL | {"at": at})):
        assert code_of(site, sealed) == "clock_differs"


def test_nothing_replaces_another_message_yet(site):
    assert code_of(site, changed(site, replaces=ID)) == "header_mismatch"


@pytest.mark.parametrize("mark", ["request_key", "body_tag"])
def test_a_reply_is_no_repeat_of_anything(site, mark):
    """It would be given the receipt of another, and its request no answer."""
    assert code_of(site, reply(site, **{mark: "0" * 64}), peer=REGISTER) == "header_mismatch"


def test_a_reload_of_a_routes_legal_bases_does_not_kill_what_cites_fewer(site):
    """What cites one that the route no longer has can never go as it was sealed."""
    header = decode_header(envelope_of(good(site)).header)
    more = rules_with_route(site, legal_basis=("L9", "L1", "L2"), purpose="another")
    permit_again(header, more, NOW)
    with pytest.raises(Refused, match="header_mismatch"):
        permit(good(site), OFFICE, more, NOW)
    with pytest.raises(Refused, match="header_mismatch"):
        permit_again(header, rules_with_route(site, legal_basis=("L2",)), NOW)


def test_the_hub_takes_nothing_larger_than_a_body_and_its_seal(site):
    limits = site.hub_rules.limits.model_copy(update={"body_bytes": 1024})
    bounded = replace(site.hub_rules, limits=limits)
    assert permit(good(site), OFFICE, bounded, NOW).header is not None
    envelope = envelope_of(good(site))
    large = replace(good(site), envelope=replace(envelope, ciphertext=envelope.ciphertext + bytes(8192)))
    assert code_of(site, large, rules=bounded) == "body_too_large"


@pytest.mark.parametrize("spoilt", [{"salt": b"s" * 33}, {"salt": b""}, {"tags": (b"t" * 17,) * 2}, {"tags": ()}])
def test_person_tags_have_their_size(site, spoilt):
    sealed = good(site)
    assert sealed.tags is not None
    assert code_of(site, replace(sealed, tags=replace(sealed.tags, **spoilt))) == "bad_tags"


@pytest.mark.parametrize(("end", "connector"), [("source_interface", OFFICE), ("destination_interface", REGISTER)])
def test_a_former_interface_is_valid_until_its_last_day_in_japan(site, end, connector):
    former = Former(connector=connector, digest="f" * 64, until=date(2026, 4, 1))
    rules = replace(site.hub_rules, former=(former,))
    header = decode_header(envelope_of(changed(site, **{end: "f" * 64})).header)
    permit_again(header, rules, datetime(2026, 4, 1, 14, 59, tzinfo=UTC))
    with pytest.raises(Refused, match="interface_changed"):
        permit_again(header, rules, datetime(2026, 4, 1, 15, 0, tzinfo=UTC))


def test_a_former_interface_is_one_connectors_only(site):
    former = Former(connector=REGISTER, digest="f" * 64, until=date(2099, 3, 31))
    rules = replace(site.hub_rules, former=(former,))
    assert code_of(site, changed(site, source_interface="f" * 64), rules=rules) == "interface_changed"


def test_what_was_signed_with_a_key_that_is_retired_since_is_not_carried(site):
    """It had been permitted; before the next attempt nobody vouches for it any more."""
    header = decode_header(envelope_of(good(site)).header)
    keys = site.directory.connectors
    without = replace(
        site.directory, connectors={**keys, OFFICE: replace(keys[OFFICE], signing=keys[REGISTER].signing)}
    )
    permit_again(header, site.hub_rules, NOW)
    with pytest.raises(Refused, match="unknown_key"):
        permit_again(header, replace(site.hub_rules, directory=without), NOW)
