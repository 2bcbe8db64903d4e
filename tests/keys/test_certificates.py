"""The trial authority's certificates in a real handshake, with the strictest checks that Python's ssl has."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from gateway.errors import Misconfigured
from gateway.keys.certificates import Authority, Issued, fingerprint, fingerprint_of_file

NOW = datetime.now(UTC)


class Files:
    """An authority, a server and a client, and how each end would trust the other."""

    def __init__(self, folder: Path, name: str) -> None:
        authority = Authority.make(name, NOW)
        self.ca = authority.issued.write(folder, "ca")[0]
        self.server: Issued = authority.server("renkei", NOW)
        self.server_files = self.server.write(folder, "server")
        self.client = authority.client("health_management", NOW)
        self.client_files = self.client.write(folder, "client")

    def context(self, *, server: bool, trusts: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(*(self.server_files if server else self.client_files))
        context.load_verify_locations(trusts)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("ours"), "trial authority")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("theirs"), "another authority")


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> ssl.SSLObject:
    """Shake hands in memory; gives the server's end."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [server.wrap_bio(up, down, server_side=True), client.wrap_bio(down, up, server_hostname=host)]
    for _ in range(3):
        for end in reversed(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ends[0]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_both_ends_prove_themselves(ours: Files, host: str) -> None:
    end = handshake(ours.context(server=True, trusts=ours.ca), ours.context(server=False, trusts=ours.ca), host)
    peer = end.getpeercert(binary_form=True)
    assert peer is not None
    assert fingerprint(peer) == ours.client.fingerprint == fingerprint_of_file(ours.client_files[0])


def test_a_client_of_another_authority_is_refused(ours: Files, theirs: Files) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(ours.context(server=True, trusts=ours.ca), theirs.context(server=False, trusts=ours.ca), "localhost")


def test_a_server_under_another_name_is_refused(ours: Files) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(ours.context(server=True, trusts=ours.ca), ours.context(server=False, trusts=ours.ca), "example.org")


def test_a_server_certificate_does_not_serve_as_a_clients(ours: Files) -> None:
    client = ours.context(server=False, trusts=ours.ca)
    client.load_cert_chain(*ours.server_files)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(ours.context(server=True, trusts=ours.ca), client, "localhost")


def test_keys_are_for_their_owner_and_certificates_last_a_year(ours: Files) -> None:
    assert ours.server_files[1].stat().st_mode & 0o077 == 0
    certificate = ours.server.certificate
    assert certificate.not_valid_after_utc - NOW <= timedelta(days=365)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_certificate_is_put_in_its_place_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies there until then stays while the new one is written, also if that fails."""
    former = tmp_path / "ca.crt"
    former.write_bytes(b"the former one")
    authority = Authority.make("trial authority", NOW)

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(Misconfigured, match=r"ca\.crt: cannot be written: No space left"):
        authority.issued.write(tmp_path, "ca")
    assert former.read_bytes() == b"the former one"
    assert {each.name for each in tmp_path.iterdir()} == {"ca.crt", "ca.key"}
