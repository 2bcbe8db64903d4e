"""`gateway init --example`: what stands for the systems in a trial, ready to start, a file for each.

The rule: beside the files lie the certificates, keys and secrets that they name, and no others; those under the name
that they have in `offline/`, so that a secret which a connector and its system share is one.
"""

import re
import secrets
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from gateway.cli.init import JWK
from gateway.keys.at_rest import make_directory, write_guarded
from gateway.keys.certificates import fingerprint_of_file
from gateway.keys.inquiry import make_inquiry_key

FOLDER: Final = "systems"
_PIN: Final = re.compile(r"@sha256 (\S+)@")
_NAMED: Final = re.compile(r'"(?:file:|(?=keys/))([^"]+)"')


def place_systems(offline: Path, root: Path, example: str, tenant: str) -> None:
    """Make `root` from what was made in `offline`; `example` is the code that stands in the files for the tenant's."""
    make_directory(root)
    with as_file(files("gateway.cli") / "starter" / "examples" / FOLDER) as folder:
        texts = {each.name: each.read_text(encoding="utf-8").replace(example, tenant) for each in folder.glob("*.toml")}
    for name, text in texts.items():
        pinned = _PIN.sub(lambda found: fingerprint_of_file(offline / found[1]).removeprefix("sha256:"), text)
        (root / name).write_text(pinned, encoding="utf-8")
        for path in set(_NAMED.findall(pinned)):
            _give(offline, root, path)


def _give(offline: Path, root: Path, path: str) -> None:
    """A copy; what only the system itself knows is made: a private key, or 32 random bytes in hexadecimal."""
    if (root / path).exists():
        return
    if not (offline / path).exists() and path.endswith(JWK):
        make_inquiry_key(root / path)
    elif not (offline / path).exists():
        write_guarded(root / path, f"{secrets.token_hex(32)}\n".encode())
    else:
        make_directory((root / path).parent)
        shutil.copy2(offline / path, root / path)
