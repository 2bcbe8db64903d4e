"""Signed bytes become what they say, and only once the signature holds: the hub and the receiving edge both ask here.

The header is read before it is believed, because it names the key; nothing of it leaves this module unverified.
"""

from cryptography.exceptions import InvalidSignature

from gateway.errors import Refused
from gateway.keys.directory import Directory
from gateway.messages import Envelope, Header, SignedStatement, Statement, decode_header, decode_statement


def verify_envelope(envelope: Envelope, directory: Directory) -> Header:
    """The header of an envelope that its source signed with a key of the directory.

    Raises Refused: "bad_envelope", "header_mismatch" (another tenant's), "unknown_key", "bad_signature".
    """
    header = decode_header(envelope.header)
    _verify(directory, header.tenant, header.source, header.signing_key, envelope.signature, envelope.signed_part())
    return header


def verify_statement(signed: SignedStatement, directory: Directory) -> Statement:
    """The statement that its connector's edge signed with a key of the directory. Raises Refused as above."""
    statement = decode_statement(signed.statement)
    _verify(
        directory,
        statement.tenant,
        statement.connector,
        statement.signing_key,
        signed.signature,
        signed.signed_part(),
    )
    return statement


def _verify(directory: Directory, tenant: str, signer: str, key: str, signature: bytes, signed: bytes) -> None:
    if tenant != directory.tenant:
        raise Refused("header_mismatch")
    try:
        directory.signing(signer, key).verify(signature, signed)
    except InvalidSignature:
        raise Refused("bad_signature") from None
