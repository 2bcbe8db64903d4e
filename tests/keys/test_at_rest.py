"""Private keys and passphrases on disk: encrypted, for their owner only, never shown."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.errors import Misconfigured
from gateway.keys.at_rest import Secret, make_passphrase, read_ed25519, read_x25519, write_guarded, write_private

PASSPHRASE = "a passphrase that is made up"


@pytest.fixture
def secret(tmp_path: Path) -> Secret:
    write_guarded(tmp_path / "keys/passphrase", PASSPHRASE.encode() + b"\n")
    return Secret.parse("file:keys/passphrase", tmp_path)


def test_a_key_comes_back_and_is_not_in_the_clear_on_disk(tmp_path: Path, secret: Secret) -> None:
    key, path = Ed25519PrivateKey.generate(), tmp_path / "keys/999997/signing.pem"
    write_private(path, key, secret)
    assert read_ed25519(path, secret).private_bytes_raw() == key.private_bytes_raw()
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_key_is_never_overwritten(tmp_path: Path, secret: Secret) -> None:
    path = tmp_path / "signing.pem"
    write_private(path, Ed25519PrivateKey.generate(), secret)
    before = path.read_bytes()
    with pytest.raises(Misconfigured, match="exists already"):
        write_private(path, Ed25519PrivateKey.generate(), secret)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
@pytest.mark.parametrize("name", ["keys/passphrase", "signing.pem"])
def test_a_file_open_to_others_is_refused_by_name(tmp_path: Path, secret: Secret, name: str, mode: int) -> None:
    write_private(tmp_path / "signing.pem", Ed25519PrivateKey.generate(), secret)
    (tmp_path / name).chmod(mode)
    with pytest.raises(Misconfigured) as caught:
        read_ed25519(tmp_path / "signing.pem", secret)
    assert name in str(caught.value)
    assert PASSPHRASE not in str(caught.value)


def test_an_unencrypted_key_is_refused(tmp_path: Path, secret: Secret) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_guarded(tmp_path / "signing.pem", pem)
    with pytest.raises(Misconfigured, match=r"signing\.pem: the key is not encrypted"):
        read_ed25519(tmp_path / "signing.pem", secret)


def test_another_passphrase_kind_or_text_is_refused(
    tmp_path: Path, secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "signing.pem"
    write_private(path, Ed25519PrivateKey.generate(), secret)
    monkeypatch.setenv("RENKEI_TEST", "another passphrase, also made up")
    with pytest.raises(Misconfigured, match="the passphrase is not its own"):
        read_ed25519(path, Secret.parse("env:RENKEI_TEST", tmp_path))
    with pytest.raises(Misconfigured, match="a key of another kind"):
        read_x25519(path, secret)
    write_guarded(tmp_path / "text.pem", b"not a key")
    with pytest.raises(Misconfigured, match="is not an encrypted key"):
        read_ed25519(tmp_path / "text.pem", secret)
    with pytest.raises(Misconfigured, match=r"absent\.pem: cannot be read"):
        read_ed25519(tmp_path / "absent.pem", secret)


def test_passphrases_come_from_a_file_the_environment_or_systemd(
    tmp_path: Path, secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RENKEI_TEST", PASSPHRASE)
    credential = tmp_path / "credentials/passphrase"
    write_guarded(credential, PASSPHRASE.encode())
    credential.chmod(0o440)  # as systemd leaves it for a unit with User=
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credential.parent))
    for each in (secret, Secret.parse("env:RENKEI_TEST", tmp_path), Secret.parse("systemd:passphrase", tmp_path)):
        assert each.read() == PASSPHRASE.encode()
        assert PASSPHRASE not in repr(each)


@pytest.mark.parametrize("reference", [PASSPHRASE, "", "file:", "vault:x", "systemd:../x"])
def test_a_passphrase_by_value_is_refused_and_not_echoed(tmp_path: Path, reference: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Secret.parse(reference, tmp_path)
    assert str(caught.value) == "a passphrase must be given by reference: file:PATH, env:NAME or systemd:NAME"


def test_what_is_missing_or_could_be_guessed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RENKEI_TEST", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(Misconfigured, match="env:RENKEI_TEST: is not set"):
        Secret.parse("env:RENKEI_TEST", tmp_path).read()
    with pytest.raises(Misconfigured, match="without credentials"):
        Secret.parse("systemd:passphrase", tmp_path).read()
    monkeypatch.setenv("RENKEI_TEST", "password")
    with pytest.raises(Misconfigured, match="shorter than 20 characters") as caught:
        Secret.parse("env:RENKEI_TEST", tmp_path).read()
    assert "password" not in str(caught.value)


def test_a_made_passphrase_is_long_enough_and_new(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_passphrase(tmp_path / name)
    one, two = (Secret.parse(f"file:{name}", tmp_path).read() for name in ("one", "two"))
    assert one != two
    assert len(one) >= 43  # 256 bits in base64
