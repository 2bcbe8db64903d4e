"""Writes the frozen test vectors beside this file. Run by hand, and only when the envelope's specification changes:

    python -m tests.vectors.make

HPKE draws fresh randomness, so every run gives other ciphertexts; what is committed is what other implementations are
tested against. Of a new case, commit its file only. The keys come from public labels: they protect nothing and must
never be used for anything else.
Each bad vector is a good one with one fault, and its file is named after the fault.
"""

import base64
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.edge.seal_payload import seal_payload
from gateway.keys.directory import ConnectorEntry, Directory, Suite, sign_directory
from gateway.keys.private import EdgeKeys, KemPrivate
from gateway.messages import (
    Attestation,
    Envelope,
    Header,
    MessageKind,
    SignedStatement,
    Statement,
    Tags,
    encode,
    signed_part,
)
from gateway.plugin import Act, Counted
from gateway.tlog.note import Signer, sign, vkey

HERE = Path(__file__).parent
TENANT = "999997"
PERSON = "000000000000001"
MONTH = "2026-04"
LANES = 4096
RECORDS = (
    {"internal_no": PERSON, "name": "架空 花子", "birth_date": "2026-01-31", "control_flag_nondisclosure": False},
    {"internal_no": "000000000000002", "birth_date": "2025-12-01", "control_flag_nondisclosure": True},
)


def seed(label: str, length: int = 32) -> bytes:
    """Bytes that anyone can make again: SHAKE-256 of a label."""
    return hashlib.shake_256(f"renkei test vectors, not a secret: {label}".encode()).digest(length)


def edge(connector: str, zone: str, suite: Suite, generation: str = "") -> EdgeKeys:
    """A connector's keys from its name."""
    label = connector + generation
    mlkem768 = MLKEM768PrivateKey.from_seed_bytes(seed(f"{label} mlkem768", 64)) if suite is Suite.HYBRID else None
    kem = KemPrivate(suite, X25519PrivateKey.from_private_bytes(seed(f"{label} x25519")), mlkem768)
    signing = Ed25519PrivateKey.from_private_bytes(seed(f"{label} ed25519"))
    return EdgeKeys(TENANT, connector, zone, (kem,), (signing,), seed(f"{label} secret"))


SOURCE = edge("health_management", "individual_number_zone", Suite.X25519)
DESTINATION = edge("vaccination_records", "lgwan", Suite.HYBRID)
STRANGER = edge("vaccination_records", "lgwan", Suite.HYBRID, " of a stranger")
ROOT = Ed25519PrivateKey.from_private_bytes(seed("root"))
LOG = Ed25519PrivateKey.from_private_bytes(seed("log"))
ROOT_NAME = f"renkei/{TENANT}/directory"
LOG_NAME = f"renkei/{TENANT}/log"
_PROOFS = f"attestation\n{MONTH}"
PEER = hashlib.sha256(b"a client certificate in DER").hexdigest()
_MONTH_13 = "2026-13-15T00:00:00.000000Z"
ATTESTED = (
    Attestation("card_login", SOURCE.reference(_PROOFS, b"proof"), "2026-04-15T01:00:00.000000Z"),
    Attestation("consent", SOURCE.reference(_PROOFS, b"proof"), text="2026-04"),
)
PERMITTED = Attestation(
    "permit",
    SOURCE.reference(_PROOFS, b"permit"),
    "2026-04-15T01:00:00.000000Z",
    party="140007",
    asked="2026-04-14T23:59:00.000000Z",
)


def header(sender: EdgeKeys, receiver: EdgeKeys, **changes: Any) -> Header:
    """A good header for RECORDS."""
    sets = tuple(tuple(sorted(record)) for record in RECORDS)
    lanes = tuple(sender.lane(str(record["internal_no"]), LANES) for record in RECORDS)
    tags = Tags(seed("tags salt", 16), tuple(sender.tag(str(record["internal_no"]), MONTH) for record in RECORDS))
    good = Header(
        version=1,
        message_id="019d8f00-0000-7000-8000-000000000001",
        kind=MessageKind.EVENT,
        tenant=TENANT,
        source=sender.connector,
        source_operation="subject.changed",
        destination=receiver.connector,
        operation="subject.register",
        route="R01",
        source_interface=hashlib.sha256(b"source interface").hexdigest(),
        destination_interface=hashlib.sha256(b"destination interface").hexdigest(),
        item_sets=sets,
        records=tuple((index, index, lane) for index, lane in enumerate(lanes)),
        withheld=("individual_number",),
        created_at="2026-04-15T00:00:00.000000Z",
        expires_at="2026-04-18T00:00:00.000000Z",
        responsible="staff-0001",
        legal_basis=("L1",),
        purpose="vaccination",
        attestations=(),
        kem_key=receiver.public.kem[0].id,
        signing_key=sender.signing_id,
        suite=receiver.public.kem[0].suite.value,
        tags_digest=tags.digest(),
        request_key=sender.reference("request_key", b"chunk 1"),
        body_tag=sender.reference("body_tag", b"body"),
    )
    return replace(good, **changes)


def plaintext(records: Any) -> bytes:
    """The sealed form of records: a compact JSON array in UTF-8."""
    return json.dumps(records, ensure_ascii=False, separators=(",", ":")).encode()


def sealed(sender: EdgeKeys, receiver: EdgeKeys, header_bytes: bytes, records: Any = RECORDS) -> Envelope:
    """Header bytes and records as an envelope, signed and sealed as they should be."""
    ciphertext = seal_payload(plaintext(records), header_bytes, receiver.public.kem[0])
    return Envelope(header_bytes, ciphertext, sender.sign(signed_part(header_bytes, ciphertext)))


def signed(sender: EdgeKeys, header_bytes: bytes, ciphertext: bytes) -> Envelope:
    """Header and ciphertext as they are, under a good signature."""
    return Envelope(header_bytes, ciphertext, sender.sign(signed_part(header_bytes, ciphertext)))


# (name, which step must refuse, its code or "ok", what is wrong, packed envelope)
Case = tuple[str, str, str, str, bytes]


def envelopes() -> Iterator[Case]:
    """Good envelopes for each suite, and bad ones."""
    head = encode(header(SOURCE, DESTINATION))
    good = sealed(SOURCE, DESTINATION, head)
    other_head = encode(header(SOURCE, DESTINATION, message_id="019d8f00-0000-7000-8000-000000000002"))
    other = sealed(SOURCE, DESTINATION, other_head)
    back = encode(header(DESTINATION, SOURCE, operation="subject.changed", kind="reply", route="R02"))
    attesting = encode(header(SOURCE, DESTINATION, attestations=ATTESTED))
    yield "good_attested", "open", "ok", "two claims are attested", sealed(SOURCE, DESTINATION, attesting).pack()
    cited = ("L4", "L4-25", "A1")
    permitted = encode(header(SOURCE, DESTINATION, legal_basis=cited, attestations=(PERMITTED,)))
    what = "a permit is attested, and a row and the assessment are cited"
    yield "good_permit", "open", "ok", what, sealed(SOURCE, DESTINATION, permitted).pack()
    asked = encode(header(SOURCE, DESTINATION, client_certificate=PEER))
    yield "good_client_certificate", "open", "ok", "a peer sent it", sealed(SOURCE, DESTINATION, asked).pack()
    yield "good_hybrid", "open", "ok", "sealed with MLKEM768_X25519", good.pack()
    yield "good_x25519", "open", "ok", "sealed with X25519", sealed(DESTINATION, SOURCE, back).pack()
    yield from _malformed(head, good)
    yield from _badly_signed(head, good)
    yield from _badly_sealed(good, head, other, other_head)
    yield from _other_items(head)


def _malformed(head: bytes, good: Envelope) -> Iterator[Case]:
    packed = good.pack()
    yield "truncated", "unpack", "bad_envelope", "the last byte is missing", packed[:-1]
    yield "surplus_byte", "unpack", "bad_envelope", "one byte follows the signature", packed + b"\0"
    yield "foreign_magic", "unpack", "bad_envelope", "the first bytes name another format", b"RENKEI2\n" + packed[8:]
    plain = json.loads(head)
    for name, what, bytes_ in (
        ("header_not_canonical", "the header has a space after a colon", head.replace(b'":', b'": ', 1)),
        ("header_unsorted", "the header's keys are not in order", _unsorted(plain)),
        ("duplicate_key_in_header", "tenant stands twice in the header", b'{"tenant":"999997",' + head[1:]),
        ("unknown_key_in_header", "the header has a key that the specification lacks", encode({**plain, "x": 1})),
        ("missing_key_in_header", "the header lacks legal_basis", encode(_without(plain, "legal_basis"))),
        ("null_in_header", "an absent value is written as null", head[:-1] + b',"zz":null}'),
        ("header_of_another_version", "version is 2", encode({**plain, "version": 2})),
        ("version_is_true", "version is true, which is not 1", head.replace(b'"version":1', b'"version":true')),
        ("version_is_a_float", "version is 1.0", head.replace(b'"version":1', b'"version":1.0')),
        (
            "time_that_is_none",
            "created_at has a month 13",
            encode({**plain, "created_at": _MONTH_13}),
        ),
        ("negative_lane", "a lane is negative", encode({**plain, "records": [[0, 0, -1], [1, 1, 5]]})),
        ("huge_index", "an index is beyond 31 bits", encode({**plain, "records": [[0, 0, 1], [2**40, 1, 5]]})),
        (
            "item_set_that_is_none",
            "a record has an item set beyond the list",
            encode({**plain, "records": [[0, 9, 1]]}),
        ),
        ("attestation_with_null", "an absent end is written as null", _attesting(plain, until=None)),
        ("attestation_ends_never", "an attestation's end has a month 13", _attesting(plain, until=_MONTH_13)),
        ("party_of_five_digits", "the other body's code lacks its check digit", _attesting(plain, party="14000")),
        ("asked_on_a_day", "when a permit was asked for is a date", _attesting(plain, asked="2026-04-14")),
        ("asked_in_month_13", "when a permit was asked for has a month 13", _attesting(plain, asked=_MONTH_13)),
        (
            "client_certificate_with_prefix",
            "the client certificate's digest names its algorithm",
            encode({**plain, "client_certificate": f"sha256:{PEER}"}),
        ),
        ("time_with_offset", "created_at is not in UTC", encode({**plain, "created_at": "2026-04-15T09:00:00+09:00"})),
    ):
        yield name, "verify", "bad_envelope", what, sealed(SOURCE, DESTINATION, bytes_).pack()


def _badly_signed(head: bytes, good: Envelope) -> Iterator[Case]:
    flipped = good.signature[:-1] + bytes([good.signature[-1] ^ 1])
    yield (
        "bad_signature",
        "verify",
        "bad_signature",
        "a bit of the signature is wrong",
        replace(good, signature=flipped).pack(),
    )
    wrong = STRANGER.sign(good.signed_part())
    yield (
        "signed_by_another",
        "verify",
        "bad_signature",
        "signed by a key that is not the source's",
        replace(good, signature=wrong).pack(),
    )
    short = replace(good, signature=good.signature[:-1])
    yield "short_signature", "verify", "bad_signature", "the signature has 63 bytes", short.pack()
    bare = SOURCE.sign(head + good.ciphertext)
    yield (
        "signature_without_context",
        "verify",
        "bad_signature",
        "the signature lacks context and length",
        replace(good, signature=bare).pack(),
    )
    unknown = encode(header(SOURCE, DESTINATION, signing_key=STRANGER.signing_id))
    yield (
        "unknown_signing_key",
        "verify",
        "unknown_key",
        "signing_key is not in the directory",
        sealed(SOURCE, DESTINATION, unknown).pack(),
    )
    elsewhere = encode(header(SOURCE, DESTINATION, tenant="999999"))
    yield (
        "another_tenant",
        "verify",
        "header_mismatch",
        "the header names another tenant",
        sealed(SOURCE, DESTINATION, elsewhere).pack(),
    )


def _badly_sealed(good: Envelope, head: bytes, other: Envelope, other_head: bytes) -> Iterator[Case]:
    yield (
        "foreign_header",
        "open",
        "cannot_open",
        "the payload was sealed under another header",
        signed(SOURCE, other_head, good.ciphertext).pack(),
    )
    yield (
        "swapped_payloads",
        "open",
        "cannot_open",
        "two messages have each other's payload",
        signed(SOURCE, head, other.ciphertext).pack(),
    )
    stranger = seal_payload(plaintext(RECORDS), head, STRANGER.public.kem[0])
    yield (
        "wrong_key",
        "open",
        "cannot_open",
        "sealed for a key that the receiver does not have",
        signed(SOURCE, head, stranger).pack(),
    )
    yield (
        "truncated_ciphertext",
        "open",
        "cannot_open",
        "the ciphertext lacks its last byte",
        signed(SOURCE, head, good.ciphertext[:-1]).pack(),
    )
    unknown = encode(header(SOURCE, DESTINATION, kem_key=STRANGER.public.kem[0].id))
    yield (
        "unknown_kem_key",
        "open",
        "unknown_key",
        "kem_key is not the receiver's",
        sealed(SOURCE, STRANGER, unknown).pack(),
    )


def _other_items(head: bytes) -> Iterator[Case]:
    first, second = RECORDS
    for name, what, records in (
        (
            "item_sets_lack_an_item",
            "a record holds an item that the header does not name",
            (_with(first, sex="2"), second),
        ),
        ("item_sets_name_too_much", "a record lacks an item that the header names", (_without(first, "name"), second)),
        ("item_sets_swapped", "the records stand in another order than the header says", (second, first)),
        ("fewer_records", "the payload holds fewer records than the header names", (first,)),
        ("more_records", "the payload holds more records than the header names", (first, second, second)),
    ):
        yield name, "items", "items_differ", what, sealed(SOURCE, DESTINATION, head, records).pack()


def statements() -> Iterator[tuple[str, str, str, bytes, bytes]]:
    """(name, code or "ok", what is wrong, statement, signature)"""
    good = Statement(
        version=1,
        kind="refusal",
        message_id="019d8f00-0000-7000-8000-000000000003",
        tenant=TENANT,
        connector=SOURCE.connector,
        at="2026-04-15T00:00:00.000000Z",
        responsible="staff-0001",
        signing_key=SOURCE.signing_id,
        operation="subject.changed",
        records=((3, "check_digit", "individual_number"), (7, "unknown_field", None)),
    )
    note = replace(
        good,
        kind="note",
        operation=None,
        records=(),
        act=Act.FILE_TAKEN,
        reference=SOURCE.reference("note", b"file"),
        counts={Counted.ROWS: 2},
    )
    text = encode(good)
    signature = SOURCE.sign(SignedStatement(text, b"").signed_part())
    whole = encode(replace(good, code="not_json", records=(), client_certificate=PEER))
    capitals = encode(replace(good, client_certificate=PEER.upper()))
    envelope_like = SOURCE.sign(signed_part(text, b""))
    yield "good_refusal", "ok", "two records refused", text, signature
    yield (
        "good_note",
        "ok",
        "a file was taken",
        encode(note),
        SOURCE.sign(SignedStatement(encode(note), b"").signed_part()),
    )
    yield (
        "good_client_certificate",
        "ok",
        "what a peer sent is refused whole",
        whole,
        SOURCE.sign(SignedStatement(whole, b"").signed_part()),
    )
    yield (
        "client_certificate_in_capitals",
        "bad_envelope",
        "the client certificate's digest is in capital letters",
        capitals,
        SOURCE.sign(SignedStatement(capitals, b"").signed_part()),
    )
    yield (
        "bad_signature",
        "bad_signature",
        "signed by another edge",
        text,
        STRANGER.sign(b"renkei/v1/statement\n" + text),
    )
    yield "signed_as_envelope", "bad_signature", "the signature is an envelope's", text, envelope_like
    yield "altered", "bad_signature", "an index was changed", text.replace(b"[[3,", b"[[4,"), signature
    twice = b'{"tenant":"999997",' + text[1:]
    yield "duplicate_key", "bad_envelope", "tenant stands twice", twice, SOURCE.sign(b"renkei/v1/statement\n" + twice)


def directories() -> Iterator[tuple[str, str, str]]:
    """(name, the sentence's end or "ok", note). Readers demand tenant 999997 and version 2 at least."""
    connectors = {each.connector: each.public for each in (SOURCE, DESTINATION)}
    good = Directory(TENANT, 2, "2026-04-01T00:00:00.000000Z", vkey(LOG_NAME, LOG.public_key()), connectors)
    root = Signer(ROOT_NAME, ROOT)
    note = sign_directory(good, root)
    stranger = Signer(ROOT_NAME, Ed25519PrivateKey.from_private_bytes(seed("root of a stranger")))
    unsigned = "is not signed by the tenant's key"
    form = "does not have the form of a directory"
    yield "good", "ok", note
    yield "directory_wrong_root", unsigned, sign_directory(good, stranger)
    yield "directory_altered", unsigned, note.replace('"lgwan"', '"internet"')
    yield "directory_unsigned", unsigned, note.partition("\n\n")[0] + "\n\n"
    yield "directory_rolled_back", "is version 1, older than version 2", sign_directory(replace(good, version=1), root)
    yield "directory_of_another_tenant", "is another tenant's", sign_directory(replace(good, tenant="999999"), root)
    text = note.partition("\n\n")[0] + "\n"
    yield from (
        (name, sentence, sign(altered, root))
        for name, sentence, altered in (
            ("directory_unknown_key", form, text.replace('"tenant"', '"x": 1,\n "tenant"')),
            ("directory_duplicate_key", form, text.replace('"tenant"', '"version": 9,\n "tenant"')),
            ("directory_without_context", form, text.partition("\n")[2]),
            ("directory_wrong_key_id", "or not the one its id names", text.replace(SOURCE.signing_id, "0" * 16)),
        )
    )


def keys() -> dict[str, Any]:
    """Every private key, as raw bytes in hex."""

    def private(each: EdgeKeys, generation: str = "") -> dict[str, Any]:
        label = each.connector + generation
        suite = each.public.kem[0].suite
        return {
            "zone": each.public.zone,
            "suite": suite.value,
            "x25519": seed(f"{label} x25519").hex(),
            **({"mlkem768": seed(f"{label} mlkem768", 64).hex()} if suite is Suite.HYBRID else {}),
            "ed25519": seed(f"{label} ed25519").hex(),
            "secret": seed(f"{label} secret").hex(),
            "public": json.loads(ConnectorEntry.of(each.public).model_dump_json(exclude_none=True)),
        }

    return {
        "about": "TEST KEYS. Made from public labels by make.py; they protect nothing.",
        "root": {"ed25519": seed("root").hex(), "vkey": vkey(ROOT_NAME, ROOT.public_key())},
        "log": {"ed25519": seed("log").hex(), "vkey": vkey(LOG_NAME, LOG.public_key())},
        "connectors": {each.connector: private(each) for each in (SOURCE, DESTINATION)},
    }


def derived() -> dict[str, Any]:
    """Lanes, tags and references of the source, which every implementation must get from its secret."""
    tags = Tags(seed("tags salt", 16), (SOURCE.tag(PERSON, MONTH), SOURCE.tag("000000000000002", MONTH)))
    return {
        "connector": SOURCE.connector,
        "lanes": [
            {"person_key": p, "of": n, "lane": SOURCE.lane(p, n)} for p in (PERSON, "架空") for n in (1, 7, LANES)
        ],
        "tags": [
            {"person_key": p, "month": m, "tag": SOURCE.tag(p, m).hex()}
            for p in (PERSON, "架空")
            for m in (MONTH, "2026-05")
        ],
        "references": [
            {"purpose": p, "value": v.hex(), "reference": SOURCE.reference(p, v)}
            for p in ("request_key", "body_tag", _PROOFS)
            for v in (b"", b"chunk 1")
        ],
        "tags_digest": {"salt": tags.salt.hex(), "tags": [t.hex() for t in tags.tags], "digest": tags.digest()},
    }


def _unsorted(plain: dict[str, Any]) -> bytes:
    return json.dumps(dict(reversed(plain.items())), separators=(",", ":")).encode()


def _attesting(plain: dict[str, Any], **more: Any) -> bytes:
    """A header with an attestation that has something more."""
    reference = SOURCE.reference(_PROOFS, b"proof")
    return encode({**plain, "attestations": [{"claim": "agent", "reference": reference} | more]})


def _with(plain: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**plain, **more}


def _without(plain: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in plain.items() if name != key}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _write(name: str, content: Any) -> None:
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    """Write everything anew."""
    for folder in ("envelope", "statement", "directory"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
    _write("keys.json", keys())
    _write("derived.json", derived())
    for name, step, expect, what, packed in envelopes():
        _write(f"envelope/{name}.json", {"what": what, "step": step, "expect": expect, "envelope": _text(packed)})
    for name, expect, what, statement, signature in statements():
        _write(
            f"statement/{name}.json",
            {"what": what, "expect": expect, "statement": _text(statement), "signature": _text(signature)},
        )
    expected = {}
    for name, sentence, note in directories():
        expected[name] = sentence
        _write(f"directory/{name}.note", note)
    _write("directory/expected.json", expected)


if __name__ == "__main__":
    main()
