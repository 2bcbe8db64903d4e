"""What a connector opens answers with that another network sealed for its system, for trials and tests: an X25519 key.

It is that network's affair, and has nothing to do with the line's own keys. Written as a private JWK (RFC 8037 §2).
"""

import base64
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.keys.at_rest import write_guarded


def make_inquiry_key(path: Path) -> None:
    """Make a private key. Raises Misconfigured if the file exists."""
    key = X25519PrivateKey.generate()
    halves = {"x": key.public_key().public_bytes_raw(), "d": key.private_bytes_raw()}
    written = {name: base64.urlsafe_b64encode(half).rstrip(b"=").decode() for name, half in halves.items()}
    write_guarded(path, json.dumps({"kty": "OKP", "crv": "X25519", **written}).encode() + b"\n")
