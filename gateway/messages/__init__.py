"""The vocabulary of the line: one frozen type for each change of trust, in the order in which a message travels.

    Arrival → Attested → Parsed → Admitted → Projected → AdmittedThere → Sealed
            → Permitted → Recorded → Opened → AdmittedHere → Settled

Each type has one maker, the step named after it; `tests/architecture` proves that. Values of a message live only in
fields marked repr=False.
"""

from gateway.messages.line import (
    Admitted,
    AdmittedHere,
    AdmittedThere,
    Arrival,
    Attested,
    BadRecord,
    Ending,
    Handed,
    Opened,
    Parsed,
    Permitted,
    Projected,
    Recorded,
    RecordOutcome,
    Sealed,
    Settled,
    Status,
)
from gateway.messages.paths import item_paths, path_known, unknown_path
from gateway.messages.wire import (
    WORD,
    Attestation,
    Envelope,
    Header,
    MessageId,
    MessageKind,
    SignedStatement,
    Statement,
    Tags,
    carried_until,
    decode_header,
    decode_statement,
    encode,
    repeat_mark,
    signed_part,
    staff_id,
    stamp,
)

__all__ = [
    "WORD",
    "Admitted",
    "AdmittedHere",
    "AdmittedThere",
    "Arrival",
    "Attestation",
    "Attested",
    "BadRecord",
    "Ending",
    "Envelope",
    "Handed",
    "Header",
    "MessageId",
    "MessageKind",
    "Opened",
    "Parsed",
    "Permitted",
    "Projected",
    "RecordOutcome",
    "Recorded",
    "Sealed",
    "Settled",
    "SignedStatement",
    "Statement",
    "Status",
    "Tags",
    "carried_until",
    "decode_header",
    "decode_statement",
    "encode",
    "item_paths",
    "path_known",
    "repeat_mark",
    "signed_part",
    "staff_id",
    "stamp",
    "unknown_path",
]
