"""Rules 2, 3, 4, 6 and 8 of the routes, on every way of the example that they speak of, at edges and hub.

What a receiver is never given is walked in test_walk.py; here is what the outside may not even send.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from gateway.config import load
from gateway.errors import Refused
from gateway.messages import Attestation, stamp
from tests.views.city import City, clock, header_of
from tests.views.matrix import name_of
from tests.views.ways import Way, ways

WAYS = ways(load(Path(__file__).parents[2]))
OUTSIDE = frozenset({"myna_portal", "clinic_app", "history_lookup", "vaccination_db"})
NUMBER = "000000000000"
REFUSED_BY_ALL = ("unknown_field", "items_beyond_route", "items_beyond_route", "items_differ")


def of(chosen):
    """A test for each of the ways that are chosen."""
    return pytest.mark.parametrize("way", [each for each in WAYS if chosen(each)], ids=str)


async def said(city: City, way: Way, path: str, value: str):
    """What is said of one field too many: by the sending edge; by hub and receiving edge of a header that names it; by
    the receiving edge of a payload that hides it.
    """
    record, honest = way.with_more(path, value=value), await city.honest(way)
    named, hidden = city.forged(way, honest, record, path), city.forged(way, honest, record)
    far = [(await city.receiver_says(way, each))[0] for each in (named, hidden)]
    return (await city.sealed(way, record), await city.hub_says(way, named), *far)


@of(lambda way: {way.sender, way.receiver} & OUTSIDE)
async def test_rule_2_individual_number_goes_neither_to_nor_from_the_outside(city, way):
    for place in way.places:
        assert await said(city, way, f"{place}individual_number", NUMBER) == REFUSED_BY_ALL


@pytest.mark.parametrize("name", sorted(OUTSIDE))
def test_rules_2_and_8_the_lock_of_who_is_outside_says_that_it_never_carries_them(name):
    assert {"individual_number", "tax_welfare"} <= {*load(Path(__file__).parents[2]).contracts[name].never}


@of(lambda way: any(each.kind == "text" for each in way.giving))
async def test_rule_2_a_free_text_that_hides_an_individual_number_is_refused_at_both_ends(city, way):
    honest = await city.honest(way)
    for each in (each for each in way.giving if each.kind == "text"):
        hidden = "0000-0000-0000" if each.pattern else "番号は００００-0000-0000 です"
        record = way.with_more(each.path, value=hidden)
        assert await city.sealed(way, record) == "individual_number_in_text", each.path
        forged = city.forged(way, honest, record)
        assert await city.receiver_says(way, forged) == ("individual_number_in_text", []), each.path


@of(lambda way: str(way) == "R07-to-vaccination_records")
async def test_rule_2_the_hand_over_has_no_number_in_place_of_pseudonym_or_key(city, way):
    honest = await city.honest(way)
    for path in ("pmh_pseudonym_id", "pmh_key"):
        record = way.with_more(path, value="0000-0000-0000")
        assert await city.sealed(way, record) == "individual_number_in_text", path
        forged = city.forged(way, honest, record)
        assert await city.receiver_says(way, forged) == ("individual_number_in_text", []), path


@of(lambda way: "myna_portal" in (way.sender, way.receiver) and "pmh_key" not in way.paths)
async def test_rule_3_pmh_key_goes_no_way_of_the_portal_but_the_hand_over(city, way):
    for place in way.places:
        assert await said(city, way, f"{place}pmh_key", "PK-1") == REFUSED_BY_ALL


def test_rule_3_the_hand_over_is_the_portal_s_one_way_with_a_key():
    portal = [way for way in WAYS if "myna_portal" in (way.sender, way.receiver)]
    assert [str(way) for way in portal if "pmh_key" in way.paths] == ["R07-to-vaccination_records"]


@of(lambda way: {way.sender, way.receiver} & {"pmh", *OUTSIDE})
async def test_rule_8_fee_reduction_category_goes_neither_to_nor_from_the_outside(city, way):
    for place in way.places:
        assert await said(city, way, f"{place}fee_reduction_category", "1") == REFUSED_BY_ALL


# ---- the information provision network -------------------------------------------------------------------------------

NETWORK = of(lambda way: "intermediate_server" in (way.sender, way.receiver) and way.route.id != "R17-addressee")


@NETWORK
async def test_rule_2_individual_number_goes_no_way_of_the_network_but_to_be_allocated(city, way):
    """C191: the link platform allocates from it (R17-addressee); whatever goes on speaks of a person otherwise."""
    for place in way.places:
        assert await said(city, way, f"{place}individual_number", NUMBER) == REFUSED_BY_ALL


@NETWORK
async def test_rule_2_no_number_made_up_by_a_system_hides_an_individual_number(city, way):
    honest = await city.honest(way)
    made_up = {"inquiry_no", "provision_no", "dataset_record_no"}
    for path in (path for path in way.paths if name_of(path) in made_up):
        record = way.with_more(path, value="0000-0000-0000")
        assert await city.sealed(way, record) == "individual_number_in_text", path
        forged = city.forged(way, honest, record)
        assert await city.receiver_says(way, forged) == ("individual_number_in_text", []), path


@of(lambda way: "intermediate_server" in (way.sender, way.receiver))
async def test_rule_2_no_key_of_another_chain_goes_a_way_of_the_network(city, way):
    """Who joins two chains of identifiers is the record system alone (requirements §5)."""
    for name in ("pmh_key", "pmh_pseudonym_id", "id5", "vaccination_subject_no"):
        for place in way.places:
            assert await said(city, way, f"{place}{name}", "1") == REFUSED_BY_ALL, name


# ---- rule 4: no answer without a proof, and only of that person; rule 6: none without a permit -----------------------

PROVEN = of(lambda way: way.route.attest and not way.reply)


@PROVEN
async def test_rules_4_and_6_without_a_proof_or_a_permit_nothing_is_sealed(city, way):
    mute = replace(way, route=way.route.model_copy(update={"attest": ()}))
    with pytest.raises(Refused, match="not_attested"):
        await city.sealed(mute, way.whole)


@PROVEN
async def test_rules_4_and_6_the_blind_hub_refuses_each_lack_alike(city, way):
    honest, over = await city.honest(way), stamp(clock() - timedelta(seconds=1))
    claims = header_of(honest).attestations
    assert {each.claim for each in claims} == {*way.route.attest}
    lacking = [tuple(each for each in claims if each is not left) for left in claims]
    late = [tuple(changed(e, until=over) if e is one else e for e in claims) for one in claims]
    texts = [tuple(changed(e, text="2025-04") for e in claims)]
    other = next(each for each in ("card_login", "identity_confirmed") if each not in way.route.attest)
    beyond = [(*claims, Attestation(other, "0" * 64, claims[0].until))]
    for attestations in (*lacking, *late, *texts, *beyond, ()):
        forged = city.forged(way, honest, way.whole, attestations=attestations)
        assert await city.hub_says(way, forged) == "not_attested", attestations
    assert await city.hub_says(way, city.forged(way, honest, way.whole, attestations=claims)) == ""


@of(lambda way: way.reply)
async def test_rule_4_an_answer_about_another_person_than_was_asked_for_is_never_sealed(city, way):
    """C207: whatever the record system says, the clinic gets the person of its confirmation, or nobody."""
    _, there = city.edges[way.sender].rules.ends(way.route)
    assert there.person_key in way.paths
    other = {"municipality_code": "131016", "individual_number": "000000000019"}
    record = way.with_more(there.person_key, value=other.get(there.person_key, "2"))
    assert await city.sealed(way, record) == "dispute"


@of(lambda way: way.sender in {"myna_portal", "clinic_app"})
def test_rule_4_every_route_from_portal_and_clinic_wants_its_proof(way):
    """R07-deleted alone wants none: it tells that a key is gone, and has no answer."""
    wanted = {"myna_portal": ("card_login", "consent"), "clinic_app": ("identity_confirmed", "consent")}
    assert way.route.attest == (() if way.route.id == "R07-deleted" else wanted[way.sender])


@of(lambda way: way.sender == "intermediate_server")
def test_rule_6_whatever_the_intermediate_server_tells_of_a_person_wants_the_network_s_word(way):
    wanted = {"R19": ("permit",), "R19-tax": ("permit",), "R20": ("permit",), "R20-self": ("self_requested",)}
    assert way.route.attest == wanted.get(way.route.id, ())
    told = any(path.startswith(("doses[].", "tax_items[].")) for path in way.paths)
    assert told == (way.route.id in wanted), (
        "the others hold nothing of another body's, and no more than its own replicas"
    )


@of(lambda way: way.sender in {"myna_portal", "clinic_app", "intermediate_server"})
def test_rules_4_and_6_the_locks_want_what_the_routes_want(city, way):
    """So that no route can be written with less."""
    assert city.edges[way.sender].rules.ends(way.route)[0].attests == way.route.attest
