"""What the document says of connections: who comes in speaks TLS 1.3, and a system TLS 1.2 at least, each proven."""

import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from gateway.config import load
from gateway.edge import plugins
from gateway.link.tls import server_tls
from gateway.wiring.opening import session_tls
from tests.architecture.tree import ROOT

REFUSED = r"PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def files(authority: trustme.CA, folder: Path) -> tuple[str, str, str]:
    """A certificate for localhost with its key, and who vouches for it."""
    folder.mkdir()
    made = authority.issue_cert("localhost")
    made.cert_chain_pems[0].write_to_path(folder / "own.crt")
    made.private_key_pem.write_to_path(folder / "own.key")
    authority.cert_pem.write_to_path(folder / "ca.crt")
    return str(folder / "own.crt"), str(folder / "own.key"), str(folder / "ca.crt")


def shake(server: ssl.SSLContext, client: ssl.SSLContext) -> str | None:
    """The version on which both agree, without a network. Raises ssl.SSLError."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(back, there, server_hostname="localhost"),
        server.wrap_bio(there, back, server_side=True),
    ]
    for _ in range(5):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ends[0].version()


@pytest.fixture
def towards(monkeypatch):
    """The TLS of a connector's sessions whose settings name those files."""

    def made(paths: tuple[str, str, str]) -> ssl.SSLContext:
        named = SimpleNamespace(**dict(zip(("certificate", "key", "ca"), paths, strict=True)))
        monkeypatch.setattr(plugins, "tls_files", lambda *_: named)
        spec: Any = SimpleNamespace(interface=SimpleNamespace(connector="pmh"))
        return session_tls(load(ROOT), "999997", spec, None)

    return made


def at_most(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, version
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def test_who_comes_in_speaks_tls_1_3_and_nothing_older(authority, tmp_path, towards):
    paths = files(authority, tmp_path / "one")
    entrance = server_tls(*paths, bytes)
    assert shake(entrance, towards(paths)) == "TLSv1.3"
    with pytest.raises(ssl.SSLError, match=REFUSED):
        shake(entrance, at_most(towards(paths), ssl.TLSVersion.TLSv1_2))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
def test_a_system_that_speaks_less_than_tls_1_2_is_not_spoken_to(authority, tmp_path, towards):
    paths = files(authority, tmp_path / "one")
    assert shake(at_most(server_tls(*paths, bytes), ssl.TLSVersion.TLSv1_2), towards(paths)) == "TLSv1.2"
    assert towards(paths).minimum_version == ssl.TLSVersion.TLSv1_2  # OpenSSL may refuse older ones by itself
    with pytest.raises(ssl.SSLError, match=REFUSED):
        shake(at_most(server_tls(*paths, bytes), ssl.TLSVersion.TLSv1_1), towards(paths))


def test_a_system_that_another_authority_vouches_for_is_not_spoken_to(authority, tmp_path, towards):
    own, other = files(authority, tmp_path / "own"), files(trustme.CA(), tmp_path / "other")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server_tls(*other, bytes), towards(own))
