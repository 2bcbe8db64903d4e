"""A tenant's keys from nothing to a published directory, and what may not be published or loaded."""

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.edge.seal_payload import open_payload, seal_payload
from gateway.errors import Misconfigured, Refused
from gateway.keys import make
from gateway.keys.at_rest import Secret, make_passphrase
from gateway.keys.directory import Directory, Suite
from gateway.keys.layout import TenantKeys, read_signer, read_verifier
from gateway.keys.make import make_connector, make_log, make_root, publish, retire, rotate
from gateway.keys.private import EdgeKeys
from gateway.tlog.note import open_note, sign

NOW = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def secret(tmp_path: Path) -> Secret:
    make_passphrase(tmp_path / "keys/passphrase")
    return Secret.parse("file:keys/passphrase", tmp_path)


@pytest.fixture
def keys(tmp_path: Path, secret: Secret) -> TenantKeys:
    tenant = TenantKeys(tmp_path, "999997")
    make_root(tenant, secret)
    make_log(tenant, secret)
    make_connector(tenant, "health_management", "individual_number_zone", secret, Suite.X25519)
    make_connector(tenant, "vaccination_records", "lgwan", secret)
    return tenant


def parsed(keys: TenantKeys, at_least: int = 1) -> Directory:
    return Directory.parse(keys.directory.read_text(), read_verifier(keys.root_vkey), keys.tenant, at_least)


@pytest.mark.parametrize("connector", ["health_management", "vaccination_records"])
def test_what_is_sealed_to_the_directory_opens_with_the_keys_on_disk(
    keys: TenantKeys, secret: Secret, connector: str
) -> None:
    publish(keys, secret, NOW)
    directory, edge = parsed(keys), EdgeKeys.load(keys.connector(connector), secret)
    to = directory.recipient(connector)
    assert open_payload(seal_payload(b"[]", b"{}", to), b"{}", edge.kem_private(to.id)) == b"[]"
    directory.signing(connector, edge.signing_id).verify(edge.sign(b"data"), b"data")
    with pytest.raises(Refused, match="unknown_key"):
        edge.kem_private("0" * 16)
    with pytest.raises(Refused, match="unknown_key"):
        directory.signing(connector, "0" * 16)
    with pytest.raises(Refused, match="unknown_key"):
        directory.recipient("clinic_app")


def test_lanes_and_tags_are_the_same_after_a_restart_and_differ_between_connectors(
    keys: TenantKeys, secret: Secret
) -> None:
    first, again = (EdgeKeys.load(keys.connector("health_management"), secret) for _ in range(2))
    other = EdgeKeys.load(keys.connector("vaccination_records"), secret)
    assert first.tag("1", "2026-04") == again.tag("1", "2026-04")
    assert first.tag("1", "2026-04") != first.tag("1", "2026-05")
    assert first.tag("1", "2026-04") != other.tag("1", "2026-04")
    assert first.reference("body_tag", b"x") != first.reference("request_key", b"x")
    assert {first.lane(str(number), 8) for number in range(200)} == set(range(8))
    for wrong in ("2026-13", "2026-4", "26-04", ""):
        with pytest.raises(ValueError, match="YYYY-MM"):
            first.tag("1", wrong)


def test_publishing_raises_the_version_and_an_edge_refuses_the_former(keys: TenantKeys, secret: Secret) -> None:
    assert publish(keys, secret, NOW).version == 1
    former = keys.directory.read_text()
    assert publish(keys, secret, NOW).version == 2
    assert parsed(keys, at_least=2).version == 2
    with pytest.raises(Misconfigured, match="older than version 2"):
        Directory.parse(former, read_verifier(keys.root_vkey), keys.tenant, 2)


def test_a_directory_of_another_root_is_not_built_upon(keys: TenantKeys, secret: Secret) -> None:
    publish(keys, secret, NOW)
    shutil.rmtree(keys.root_key.parent)
    make_root(keys, secret)
    with pytest.raises(Misconfigured, match="not signed by the tenant's key"):
        publish(keys, secret, NOW)


def test_a_root_key_that_is_not_the_pinned_one_publishes_nothing(keys: TenantKeys, secret: Secret) -> None:
    shutil.copy(keys.log_key, keys.root_key)
    with pytest.raises(Misconfigured, match=r"root\.pem: is not the private key of"):
        publish(keys, secret, NOW)
    assert not keys.directory.exists()


def test_the_log_key_signs_notes_that_the_directory_lets_anyone_check(keys: TenantKeys, secret: Secret) -> None:
    publish(keys, secret, NOW)
    note = sign("checkpoint\n", read_signer(keys.log_key, keys.log_vkey, secret))
    assert parsed(keys).log_vkey == keys.log_vkey.read_text().strip()
    assert open_note(note, read_verifier(keys.log_vkey)) == "checkpoint\n"


def test_keys_that_are_not_those_of_public_json_are_not_loaded(keys: TenantKeys, secret: Secret) -> None:
    for name in ("signing-*.pem", "kem-*-x25519.pem"):
        (other,) = keys.connector("vaccination_records").glob(name)
        (mine,) = keys.connector("health_management").glob(name)
        kept = mine.read_bytes()
        mine.write_bytes(other.read_bytes())
        with pytest.raises(Misconfigured, match=r"is not the private half of the key that its name says"):
            EdgeKeys.load(keys.connector("health_management"), secret)
        mine.write_bytes(kept)


def test_nothing_private_shows(keys: TenantKeys, secret: Secret) -> None:
    edge = EdgeKeys.load(keys.connector("vaccination_records"), secret)
    assert repr(edge) == "<EdgeKeys of 999997/vaccination_records>"
    kem = edge.kem_private(edge.public.kem[0].id)
    assert repr(kem) == "KemPrivate(suite=<Suite.HYBRID: 'MLKEM768_X25519-HKDF_SHA256-AES_256_GCM'>)"


@pytest.mark.parametrize("name", ["root", "log", "../root", "Upper", ""])
def test_a_connector_cannot_take_the_place_of_root_or_log(keys: TenantKeys, secret: Secret, name: str) -> None:
    with pytest.raises(Misconfigured, match="connector's name"):
        make_connector(keys, name, "lgwan", secret)


# ---- rotation --------------------------------------------------------------------------------------------------------

NAME = "vaccination_records"


def held(keys: TenantKeys, secret: Secret) -> EdgeKeys:
    """As an edge opens them under the directory in force."""
    return EdgeKeys.load(keys.connector(NAME), secret, parsed(keys).connectors[NAME])


def test_a_new_key_opens_at_once_and_signs_only_once_it_is_published(keys: TenantKeys, secret: Secret) -> None:
    publish(keys, secret, NOW)
    former = held(keys, secret)
    made = rotate(keys, NAME, secret)
    between = held(keys, secret)
    assert between.signing_id == former.signing_id
    assert [between.kem_private(each.id).public() for each in made.kem] == list(made.kem)
    publish(keys, secret, NOW)
    after = held(keys, secret)
    assert (after.signing_id, parsed(keys).recipient(NAME)) == (made.signing[0].id, made.kem[0])
    parsed(keys).signing(NAME, after.signing_id).verify(after.sign(b"data"), b"data")
    assert after.kem_private(former.public.kem[0].id).public() == former.public.kem[0]
    assert after.same_secret(former)
    assert not after.same_secret(EdgeKeys.load(keys.connector("health_management"), secret))


def test_an_edge_holds_a_retired_key_until_a_directory_without_it(keys: TenantKeys, secret: Secret) -> None:
    publish(keys, secret, NOW)
    former = held(keys, secret).public
    rotate(keys, NAME, secret)
    publish(keys, secret, NOW)
    assert retire(keys, NAME) == (former.kem[0].id, former.signing[0].id)
    assert held(keys, secret).kem_private(former.kem[0].id).public() == former.kem[0]
    publish(keys, secret, NOW)
    with pytest.raises(Refused, match="unknown_key"):
        held(keys, secret).kem_private(former.kem[0].id)
    with pytest.raises(Refused, match="unknown_key"):
        parsed(keys).signing(NAME, former.signing[0].id)


def test_an_edge_does_not_stand_without_the_private_half_of_a_key_that_the_directory_names(
    keys: TenantKeys, secret: Secret
) -> None:
    made = rotate(keys, NAME, secret)
    publish(keys, secret, NOW)
    (keys.connector(NAME) / f"kem-{made.kem[1].id}-x25519.pem").unlink()
    with pytest.raises(Misconfigured, match=f"kem-{made.kem[1].id}-x25519.pem: is missing"):
        held(keys, secret)


@pytest.mark.parametrize("writes", range(4))
def test_a_rotation_that_is_killed_at_any_write_leaves_the_former_keys(
    keys: TenantKeys, secret: Secret, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(keys, secret, NOW)
    former, left = held(keys, secret).public, iter(range(writes))

    def write(step: str) -> None:
        real = getattr(make, step)
        monkeypatch.setattr(make, step, lambda *said: real(*said) if next(left, None) is not None else sys.exit())

    write("write_private")
    write("replace_whole")
    with pytest.raises(SystemExit):
        rotate(keys, NAME, secret)
    monkeypatch.undo()
    assert held(keys, secret).public == former
    rotate(keys, NAME, secret)
    assert len(held(keys, secret).public.kem) == 2
