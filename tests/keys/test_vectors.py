"""The frozen vectors: each good one passes every step, each bad one is refused at its step with its code."""

import base64
import json

import pytest

from gateway.edge.seal_payload import open_payload
from gateway.errors import Misconfigured, Refused
from gateway.keys.directory import Directory
from gateway.keys.signatures import verify_envelope, verify_statement
from gateway.messages import Envelope, Header, SignedStatement, item_paths
from gateway.tlog.note import Verifier
from tests.keys.vectors import KEYS, VECTORS, cases, edge

ENVELOPES = cases("envelope")
STATEMENTS = cases("statement")
DIRECTORIES = json.loads((VECTORS / "directory/expected.json").read_text())


def receive(packed: bytes, directory: Directory) -> tuple[str, str]:
    """What a receiving edge does with an envelope: the last step that it reached, and "ok" or the code."""
    step = "unpack"
    try:
        envelope = Envelope.unpack(packed)
        step = "verify"
        header = verify_envelope(envelope, directory)
        step = "open"
        key = edge(header.destination).kem_private(header.kem_key)
        records = json.loads(open_payload(envelope.ciphertext, envelope.header, key))
        if [sorted(item_paths(record)) for record in records] != items(header):
            return "items", "items_differ"
    except Refused as refused:
        return step, refused.code
    return step, "ok"


def items(header: Header) -> list[list[str]]:
    """Each record's items, as the header tells them."""
    return [list(header.item_sets[number]) for _, number, _ in header.records]


@pytest.mark.parametrize("name", ENVELOPES)
def test_envelope(name: str, directory: Directory) -> None:
    case = ENVELOPES[name]
    assert receive(base64.b64decode(case["envelope"]), directory) == (case["step"], case["expect"])


def test_both_suites_have_a_good_vector(directory: Directory) -> None:
    good = [base64.b64decode(each["envelope"]) for each in ENVELOPES.values() if each["expect"] == "ok"]
    suites = {verify_envelope(Envelope.unpack(each), directory).suite for each in good}
    assert suites == {"MLKEM768_X25519-HKDF_SHA256-AES_256_GCM", "X25519-HKDF_SHA256-AES_256_GCM"}


@pytest.mark.parametrize("name", STATEMENTS)
def test_statement(name: str, directory: Directory) -> None:
    case = STATEMENTS[name]
    signed = SignedStatement(base64.b64decode(case["statement"]), base64.b64decode(case["signature"]))
    try:
        assert verify_statement(signed, directory).connector == "health_management"
        got = "ok"
    except Refused as refused:
        got = refused.code
    assert got == case["expect"]


@pytest.mark.parametrize("name", DIRECTORIES)
def test_directory(name: str, root: Verifier) -> None:
    note = (VECTORS / f"directory/{name}.note").read_text()
    if DIRECTORIES[name] == "ok":
        assert Directory.parse(note, root, "999997", 2).version == 2
        return
    with pytest.raises(Misconfigured) as caught:
        Directory.parse(note, root, "999997", 2)
    assert str(caught.value).endswith(DIRECTORIES[name])
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("connector", KEYS["connectors"])
def test_key_ids_are_the_directorys(connector: str, directory: Directory) -> None:
    assert edge(connector).public == directory.connectors[connector]


def test_lanes_tags_and_references() -> None:
    vectors = json.loads((VECTORS / "derived.json").read_text())
    keys = edge(vectors["connector"])
    for each in vectors["lanes"]:
        assert keys.lane(each["person_key"], each["of"]) == each["lane"]
    for each in vectors["tags"]:
        assert keys.tag(each["person_key"], each["month"]).hex() == each["tag"]
    for each in vectors["references"]:
        assert keys.reference(each["purpose"], bytes.fromhex(each["value"])) == each["reference"]
