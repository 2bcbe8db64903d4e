"""One byte form of headers, statements and envelopes: it comes back as it was, and anything else is refused."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Refused
from gateway.messages import (
    Attestation,
    Envelope,
    Header,
    MessageKind,
    Statement,
    decode_header,
    decode_statement,
    encode,
    item_paths,
    stamp,
)
from gateway.plugin.act import Act, Counted

words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._\[\]:/-]{0,20}", fullmatch=True)
digests = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
ids = st.integers(0, 2**122 - 1).map(lambda bits: str(UUID(int=(bits & ~(0xF << 76 | 0x3 << 62)) | 7 << 76 | 2 << 62)))
counts = st.integers(0, 2**31 - 1)
stamps = st.datetimes(min_value=datetime(1000, 1, 1)).map(stamp)  # noqa: DTZ001


@st.composite
def headers(draw):
    sets = draw(st.lists(st.lists(words, max_size=3).map(tuple), min_size=1, max_size=3))
    records = draw(st.lists(st.tuples(counts, st.integers(0, len(sets) - 1), counts), max_size=4))
    maybe = {
        "correlation_id": st.none() | ids,
        "replaces": st.none() | ids,
        "actor": st.none() | words,
        "terminal": st.none() | words,
        "client_certificate": st.none() | digests,
        "request_key": st.none() | digests,
        "body_tag": st.none() | digests,
    }
    named = ["tenant", "source", "source_operation", "destination", "operation", "route", "responsible", "purpose"]
    named += ["kem_key", "signing_key", "suite"]
    return Header(
        version=1,
        message_id=draw(ids),
        kind=draw(st.sampled_from(MessageKind)),
        source_interface=draw(digests),
        destination_interface=draw(digests),
        item_sets=tuple(sets),
        records=tuple(records),
        withheld=tuple(draw(st.lists(words, max_size=3))),
        created_at=draw(stamps),
        expires_at=draw(stamps),
        legal_basis=tuple(draw(st.lists(words, max_size=3))),
        attestations=tuple(draw(st.lists(st.builds(Attestation, words, digests), max_size=2))),
        tags_digest=draw(digests),
        **{name: draw(words) for name in named},
        **{name: draw(values) for name, values in maybe.items()},
    )


statements = st.builds(
    Statement,
    version=st.just(1),
    kind=st.sampled_from(["refusal", "note"]),
    message_id=ids,
    tenant=words,
    connector=words,
    at=stamps,
    responsible=words,
    signing_key=words,
    operation=st.none() | words,
    code=st.none() | words,
    records=st.lists(st.tuples(counts, words, st.none() | words), max_size=3).map(tuple),
    request_key=st.none() | digests,
    body_tag=st.none() | digests,
    act=st.none() | st.sampled_from(Act),
    reference=st.none() | digests,
    counts=st.none() | st.dictionaries(st.sampled_from(Counted), counts, max_size=3),
    actor=st.none() | words,
    terminal=st.none() | words,
    client_certificate=st.none() | digests,
)


@given(headers())
def test_a_header_comes_back_as_it_was(header):
    assert decode_header(encode(header)) == header
    assert encode(decode_header(encode(header))) == encode(header)


@given(statements)
def test_a_statement_comes_back_as_it_was(statement):
    assert decode_statement(encode(statement)) == statement


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8), _PLAIN, max_size=4))
def test_the_byte_form_is_that_of_the_standard_library(plain):
    kept = {name: each for name, each in plain.items() if each is not None}
    assert encode(plain) == json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()


HEADER = json.loads(
    encode(
        Header(
            version=1,
            message_id="01960000-0000-7000-8000-000000000001",
            kind=MessageKind.EVENT,
            tenant="999997",
            source="office",
            source_operation="person.put",
            destination="register",
            operation="person.put",
            route="T1",
            source_interface="a" * 64,
            destination_interface="b" * 64,
            item_sets=(("internal_no",),),
            records=((0, 0, 7), (1, 0, 8)),
            withheld=(),
            created_at="2026-04-01T00:00:00.000000Z",
            expires_at="2026-04-04T00:00:00.000000Z",
            responsible="staff-0001",
            legal_basis=("L1",),
            purpose="vaccination",
            attestations=(Attestation("consent", "c" * 64),),
            kem_key="kem",
            signing_key="sig",
            suite="suite",
            tags_digest="d" * 64,
            actor="staff-0001",
        )
    )
)


def compact(plain):
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def test_the_plain_form_is_the_byte_form():
    assert decode_header(compact(HEADER)).source == "office"


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"{" * 5000,
        compact(HEADER) + b" ",
        b" " + compact(HEADER),
        compact(HEADER)[:-1],
        json.dumps(HEADER, sort_keys=True).encode(),
        json.dumps(dict(reversed(HEADER.items())), separators=(",", ":")).encode(),
        compact(HEADER)[:-1] + b',"version":1}',
        compact(HEADER).replace(b'"version":1', b'"version":1.0'),
        compact(HEADER).replace(b'"version":1', b'"version":true'),
        compact(HEADER).replace(b"[0,0,7]", b"[0,0,7.0]"),
        compact(HEADER).replace(b"[0,0,7]", b"[false,0,7]"),
        compact(HEADER).replace(b"[0,0,7]", b"[00,0,7]"),
        compact(HEADER).replace(b"office", b"offic\\u0065"),
        compact(HEADER).replace(b"2026-04-04", b"2026-02-30"),
        compact(HEADER).replace(b"00.000000Z", b"00Z"),
        compact(HEADER).replace(b"00.000000Z", b"60.000000Z"),
    ],
)
def test_any_other_bytes_are_refused(other):
    assert other != compact(HEADER)
    with pytest.raises(Refused, match="bad_envelope"):
        decode_header(other)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "架空　太郎"},
        {"version": 2},
        {"kind": "answer"},
        {"source": "架空　太郎"},
        {"source": ""},
        {"source": "a\n"},
        {"source": "a" * 129},
        {"actor": None},
        {"source_interface": "A" * 64},
        {"source_interface": "a" * 63},
        {"message_id": "01960000000070008000000000000001"},
        {"message_id": "01960000-0000-7000-8000-00000000000G"},
        {"records": [[0, 1, 0]]},
        {"records": [[0, -1, 0]]},
        {"records": [[-1, 0, 0]]},
        {"records": [[0, 0, 2**31]]},
        {"records": [[0, 0]]},
        {"records": [["0", 0, 0]]},
        {"item_sets": [["架空"]]},
        {"item_sets": [], "records": [[0, 0, 0]]},
        {"attestations": [{"claim": "consent", "reference": "c" * 64, "more": 1}]},
        {"attestations": [{"claim": "consent"}]},
        {"attestations": [{"claim": "permit", "reference": "c" * 64, "party": "13000"}]},
        {"attestations": [{"claim": "permit", "reference": "c" * 64, "party": "１３０００１"}]},
        {"attestations": [{"claim": "permit", "reference": "c" * 64, "party": 130001}]},
        {"attestations": [{"claim": "permit", "reference": "c" * 64, "party": None}]},
        {"attestations": [{"claim": "permit", "reference": "c" * 64, "asked": "2026-04-01"}]},
        {"attestations": [{"claim": "permit", "reference": "c" * 64, "asked": "2026-02-30T00:00:00.000000Z"}]},
    ],
)
def test_a_header_of_another_shape_is_refused(changed):
    with pytest.raises(Refused, match="bad_envelope"):
        decode_header(compact(HEADER | changed))


@pytest.mark.parametrize(
    "certificate", ["", "a" * 63, "A" * 64, "sha256:" + "a" * 64, "a" * 64 + "\n", "架空" * 32, 7, None]
)
def test_a_client_certificate_has_one_form(certificate):
    """Nothing else of a peer, such as the name in its certificate, can stand there."""
    for bare, decode in ((HEADER, decode_header), (STATEMENT, decode_statement)):
        decode(compact(bare | {"client_certificate": "a" * 64}))
        with pytest.raises(Refused, match="bad_envelope"):
            decode(compact(bare | {"client_certificate": certificate}))


STATEMENT: dict[str, Any] = {
    "version": 1,
    "kind": "refusal",
    "message_id": HEADER["message_id"],
    "tenant": "999997",
    "connector": "office",
    "at": HEADER["created_at"],
    "responsible": "staff-0001",
    "signing_key": "sig",
    "code": "records_refused",
    "records": [[0, "too_long", "name"], [3, "unknown_field", None]],
}


def test_the_same_for_a_statement():
    assert decode_statement(compact(STATEMENT)).records[1] == (3, "unknown_field", None)


@pytest.mark.parametrize(
    "other",
    [
        compact(STATEMENT) + b"\n",
        json.dumps(STATEMENT, sort_keys=True).encode(),
        compact(STATEMENT)[:-1] + b',"version":1}',
        compact(STATEMENT).replace(b'"version":1', b'"version":true'),
        compact(STATEMENT | {"code": None}),
        compact({key: value for key, value in STATEMENT.items() if key != "records"}),
        compact(STATEMENT | {"kind": "word"}),
        compact(STATEMENT | {"act": "file_eaten"}),
        compact(STATEMENT | {"counts": {"taro": 1}}),
        compact(STATEMENT | {"counts": {"rows": -1}}),
        compact(STATEMENT | {"records": [[0, "架空", None]]}),
        compact(STATEMENT | {"surplus": 1}),
    ],
)
def test_a_statement_in_any_other_form_is_refused(other):
    with pytest.raises(Refused, match="bad_envelope"):
        decode_statement(other)


@pytest.mark.parametrize("name", sorted(set(HEADER) - {"actor"}))
def test_a_header_that_lacks_something_is_refused(name):
    with pytest.raises(Refused, match="bad_envelope"):
        decode_header(compact({key: value for key, value in HEADER.items() if key != name}))


@given(st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes_are_refused(data):
    for decode in (decode_header, decode_statement, Envelope.unpack):
        with pytest.raises(Refused, match="bad_envelope"):
            decode(data)


@given(st.binary(), st.binary(), st.binary(max_size=80))
def test_an_envelope_packs_and_unpacks(header, ciphertext, signature):
    envelope = Envelope(header, ciphertext, signature)
    assert Envelope.unpack(envelope.pack()) == envelope


@given(st.binary(max_size=40), st.binary(max_size=40), st.data())
def test_a_byte_more_or_less_anywhere_is_no_envelope(header, ciphertext, data):
    packed = Envelope(header, ciphertext, b"s" * 64).pack()
    at = data.draw(st.integers(0, len(packed) - 1))
    for other in (packed[:at] + packed[at + 1 :], packed[:at] + b"\x00" + packed[at:], packed + b"\n"):
        with contextlib.suppress(Refused):  # it comes back only as the very bytes that it came from
            assert Envelope.unpack(other).pack() == other


def test_an_envelope_shows_its_header_only():
    assert repr(Envelope(b"{}", b"secret", b"signature")) == "Envelope(header=b'{}')"


@given(a=st.binary(), b=st.binary(), c=st.binary(), d=st.binary())
def test_what_is_signed_says_where_the_header_ends(a, b, c, d):
    one, other = Envelope(a, b, b""), Envelope(c, d, b"")
    assert (one.signed_part() == other.signed_part()) == ((a, b) == (c, d))


def test_item_paths_are_leaves_without_indices():
    record: dict[str, Any] = {
        "a": 1,
        "b": {"c": False, "d": {"e": ""}},
        "f": [{"g": 1}, {"h": 2, "g": 3}],
        "i": {},
        "j": [],
    }
    assert item_paths(record) == {"a", "b.c", "b.d.e", "f[].g", "f[].h"}


def test_every_time_has_one_form():
    assert stamp(datetime(2026, 4, 1, tzinfo=UTC)) == "2026-04-01T00:00:00.000000Z"
