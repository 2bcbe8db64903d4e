"""A place for one stand-in, with an authority of its own, and the TLS by which a connector reaches it."""

import hashlib
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import trustme

from gateway.plugin.connector import TlsFiles

_CERTIFICATES: Final = {"connector": ("connector.invalid",), "system": ("localhost", "127.0.0.1")}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one stand-in runs: a folder of its own, and certificates of an authority that was made for this run.

    As `connector` the connector speaks; as `system` the stand-in serves, at localhost and 127.0.0.1. `fingerprint` is
    the connector's certificate's, `sha256:<hex>`.
    """

    folder: Path
    connector: TlsFiles
    system: TlsFiles
    fingerprint: str


def make_place(folder: Path) -> Place:
    """A place with fresh certificates, whose keys only their owner may read."""
    authority = trustme.CA()
    (folder / "tls").mkdir(mode=0o700)
    authority.cert_pem.write_to_path(folder / "tls/ca.crt")
    made = {name: authority.issue_cert(*names) for name, names in _CERTIFICATES.items()}
    for name, each in made.items():
        each.private_key_pem.write_to_path(folder / f"tls/{name}.key")
        (folder / f"tls/{name}.key").chmod(0o600)
        each.cert_chain_pems[0].write_to_path(folder / f"tls/{name}.crt")
    shown = ssl.PEM_cert_to_DER_cert(made["connector"].cert_chain_pems[0].bytes().decode())
    connector, system = (
        TlsFiles(**{what: str(folder / "tls" / file) for what, file in _files(name).items()}) for name in _CERTIFICATES
    )
    return Place(folder, connector, system, f"sha256:{hashlib.sha256(shown).hexdigest()}")


@lru_cache(maxsize=4)
def client_tls(files: TlsFiles | None) -> ssl.SSLContext:
    """As the line makes it: mutual; without files a context that trusts nobody."""
    if files is None:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.create_default_context(cafile=files.ca)
    context.load_cert_chain(files.certificate, files.key)
    return context


def _files(name: str) -> dict[str, str]:
    return {"certificate": f"{name}.crt", "key": f"{name}.key", "ca": "ca.crt"}
