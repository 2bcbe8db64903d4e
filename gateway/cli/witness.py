"""`gateway init --witness`: a root for a witness, with the key by which it cosigns and a certificate for a trial."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path

from gateway.cli.init import TLS, new_root
from gateway.keys.at_rest import Secret, make_directory, make_passphrase
from gateway.keys.certificates import Authority
from gateway.keys.layout import WitnessKeys, read_text
from gateway.keys.make import make_witness


def make_witness_root(root: Path, name: str) -> Iterator[str]:
    """Make everything and say what was made. Raises Misconfigured; nothing that exists is ever overwritten."""
    root = root.resolve()
    with new_root(root, name):
        make_directory(root / "config")
        with as_file(files("gateway.cli") / "starter" / "examples" / "witness.toml") as example:
            shutil.copyfile(example, root / "config/witness.toml")
    yield f"{root}/config/witness.toml: edit it, it is yours"
    passphrase, keys, now = Secret.parse("file:keys/passphrase", root), WitnessKeys(root), datetime.now(UTC)
    make_passphrase(root / passphrase.place)
    make_witness(keys, passphrase, name)
    yield f"{keys.vkey}: its public key, for those whose logs it watches: {read_text(keys.vkey).strip()}"
    authority = Authority.make("Renkei trial authority", now)
    authority.issued.write(root / TLS, "ca", passphrase)
    authority.server("witness", now).write(root / TLS, "witness")
    yield f"{root / TLS}: a certificate for a trial on one machine, of an authority of its own (ca.crt)"
    yield "put the log.vkey of each log that it is to watch under keys/, and name them in `logs`"
    yield f"next: gateway witness --root {root}"
