"""A fact as a line of JSON: its bytes as they are in the log, with the log's name and what the log commits to.

Where `salt` is there, SHA-256(salt ‖ what stands between `"fact":` and the last `}`) is `commitment`, and a proof of
that fact proves the line. It is not there where the line tells less than the log has.
"""

from gateway.hub.exports.copy import Copy


def json_line(copy: Copy) -> bytes:
    """One line, with its end; ASCII."""
    salt = f'"salt":"{copy.salt.hex()}",' if copy.salt is not None else ""
    head = f'{{"tenant":"{copy.log}","commitment":"{copy.commitment.hex()}",{salt}"fact":'
    return head.encode() + copy.body + b"}\n"
