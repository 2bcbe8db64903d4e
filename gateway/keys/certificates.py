"""A certificate authority for trials and tests: TLS certificates for both ends of a link on one machine.

Real sites bring certificates of their own authority (LGPKI and the like); the gateway pins certificates by fingerprint
and does not care who made them. EC P-256, one year, with every extension that RFC 5280 §4.2 asks of its kind, so that
Python's VERIFY_X509_STRICT takes them.
"""

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.keys.at_rest import Secret, read_p256, write_guarded, write_private
from gateway.keys.layout import replace_whole

LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_VALID: Final = timedelta(days=365)
_CLOCK_SKEW: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """The form in which the configuration pins it."""
        return fingerprint(self.certificate.public_bytes(Encoding.DER))

    def write(self, directory: Path, name: str, passphrase: Secret | None = None) -> tuple[Path, Path]:
        """Write `name.crt` and `name.key`; gives both paths. Raises Misconfigured if the key exists.

        The key is for its owner only, and encrypted if there is a passphrase: for the authority's own there must be.
        """
        certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
        if passphrase is not None:
            write_private(key, self.key, passphrase)
        else:
            write_guarded(key, self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        replace_whole(certificate, self.certificate.public_bytes(Encoding.PEM))
        return certificate, key


@dataclass(frozen=True, slots=True)
class Authority:
    """The trial authority: it signs server and client certificates, and no further authority."""

    issued: Issued

    @classmethod
    def make(cls, common_name: str, now: datetime) -> Self:
        """A new authority, valid for a year from `now` (UTC)."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(common_name)
        builder = (
            _builder(name, name, key.public_key(), now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(certificates=True), critical=True)
        )
        return cls(Issued(builder.sign(key, SHA256()), key))

    @classmethod
    def read(cls, directory: Path, name: str, passphrase: Secret) -> Self:
        """The authority that `Issued.write` left there. Raises Misconfigured, OSError or ValueError."""
        key = read_p256(directory / f"{name}.key", passphrase)
        return cls(Issued(x509.load_pem_x509_certificate((directory / f"{name}.crt").read_bytes()), key))

    def server(self, common_name: str, now: datetime, names: Sequence[str] = LOCAL) -> Issued:
        """A server certificate for these host names and addresses."""
        return self._issue(common_name, now, ExtendedKeyUsageOID.SERVER_AUTH, names)

    def client(self, common_name: str, now: datetime) -> Issued:
        """A client certificate. Its name is for people: what counts is its pinned fingerprint."""
        return self._issue(common_name, now, ExtendedKeyUsageOID.CLIENT_AUTH, ())

    def _issue(self, common_name: str, now: datetime, purpose: x509.ObjectIdentifier, names: Sequence[str]) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.issued.certificate
        above = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = (
            _builder(_name(common_name), issuer.subject, key.public_key(), now)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        )
        if names:
            hosts = x509.SubjectAlternativeName([_host(each) for each in names])
            builder = builder.add_extension(hosts, critical=False)
        return Issued(builder.sign(self.issued.key, SHA256()), key)


def fingerprint(certificate: bytes) -> str:
    """SHA-256 over a certificate's DER, as `sha256:<hex>`."""
    return f"sha256:{hashlib.sha256(certificate).hexdigest()}"


def digests_of_file(path: Path) -> frozenset[str]:
    """SHA-256 over each certificate in a PEM file, in hex. Raises OSError, or ValueError if there is none."""
    found = x509.load_pem_x509_certificates(path.read_bytes())
    return frozenset(each.fingerprint(SHA256()).hex() for each in found)


def fingerprint_of_file(path: Path) -> str:
    """The fingerprint of the (first) certificate in a PEM file. Raises OSError, or ValueError if there is none."""
    return fingerprint(x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER))


def digest_of_file(path: Path) -> str:
    """The same without the algorithm's name: 64 hexadecimal digits, as facts have it."""
    return fingerprint_of_file(path).removeprefix("sha256:")


def end_of_file(path: Path) -> datetime:
    """When the first to end of the certificates in a PEM file ends, in UTC. Raises OSError, or ValueError if there is
    none.
    """
    return min(each.not_valid_after_utc for each in x509.load_pem_x509_certificates(path.read_bytes()))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, certificates: bool) -> x509.KeyUsage:
    """An authority signs certificates and their revocation; everyone else signs handshakes."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )
