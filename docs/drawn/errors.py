"""`docs/errors.md`: every code with its status and its sentence."""

from gateway.errors import CODES

HEAD = """\
# Error codes

<!-- Written by `make docs` from gateway/errors.py; do not edit. -->

A code is stable: it goes to the peer (in the `code` of a problem detail, RFC 9457, or of a refused record) and into the
central log. The sentence beside it is for people and may change. Neither ever holds a value of a message, nor the name
of an unknown key: of such keys a refused record's `path` says only where they stand, `unknown:3:2` for two of which the
first is the object's third key. A connector's own codes stand in its locked interface, under `codes`.
[日本語](errors.ja.md).

The status is what a sender gets when the whole message ends so: 4xx means that the sender, or who runs the gateway,
must change something, and the same again is refused again; 503 means the same again, later.

| code | status | meaning |
| --- | --- | --- |
"""


def page() -> str:
    """The table of all codes, in the order of `gateway.errors`."""
    return HEAD + "".join(f"| `{name}` | {code.status} | {code.title} |\n" for name, code in CODES.items())
