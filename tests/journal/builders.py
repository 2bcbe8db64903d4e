"""Made-up permitted messages and an opened journal: what the tests of this folder start from."""

import hashlib
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.hub.journal import DueSettlement, Journal, JournalLimits
from gateway.messages import Envelope, Header, Permitted, Sealed, SignedStatement, Statement, Tags, encode
from gateway.tlog.note import Signer

TENANT = "999997"
ORIGIN = "renkei.example/999997"
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"made up").digest()))
AT = "2026-04-01T00:00:00.000000Z"
NOW = 1_775_000_000.0
LIMITS = JournalLimits(max_open_records=10_000, checkpoint_every_facts=10_000, wal_bytes=1 << 22)

_ids = itertools.count(1)


def open_journal(path: Path, limits: JournalLimits = LIMITS) -> Journal:
    return Journal.open(path, tenant=TENANT, origin=ORIGIN, signer=SIGNER, limits=limits)


def new_id() -> str:
    number = f"{next(_ids):012x}"
    return f"01960000-0000-7000-8000-{number}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def header(message_id: str, records: Sequence[int], tags: Tags, **changes: Any) -> Header:
    values: dict[str, Any] = {
        "version": 1,
        "message_id": message_id,
        "kind": "event",
        "tenant": TENANT,
        "source": "health_management",
        "source_operation": "subject.register",
        "destination": "vaccination_records",
        "operation": "subject.put",
        "route": "R01",
        "source_interface": "a" * 64,
        "destination_interface": "b" * 64,
        "item_sets": (("internal_no", "updated_at"),),
        "records": tuple((index, 0, index % 7) for index in records),
        "withheld": (),
        "created_at": AT,
        "expires_at": "2026-04-08T00:00:00.000000Z",
        "responsible": "staff-0001",
        "legal_basis": ("L1",),
        "purpose": "vaccination",
        "attestations": (),
        "kem_key": "kem-1",
        "signing_key": "sig-1",
        "suite": "made-up",
        "tags_digest": tags.digest(),
    }
    return Header(**{**values, **changes})


def message(
    records: Sequence[int] = (0,),
    *,
    refused: Sequence[tuple[int, str, str | None]] = (),
    message_id: str | None = None,
    tags: Tags | None = None,
    **changes: Any,
) -> Permitted:
    """A permitted message: sealed records by index, and those that the edge refused."""
    message_id = message_id or new_id()
    request = {name: changes[name] for name in ("request_key", "body_tag") if name in changes}
    statement, signed = None, None
    if refused:
        statement = Statement(
            version=1,
            kind="refusal",
            message_id=message_id,
            tenant=TENANT,
            connector=changes.get("source", "health_management"),
            at=AT,
            responsible="staff-0001",
            signing_key="sig-1",
            operation="subject.register",
            records=tuple(refused),
            **request,
        )
        signed = SignedStatement(encode(statement), b"s" * 64)
    if not records:
        return Permitted(Sealed(None, None, signed), None, statement)
    tags = tags or Tags(os.urandom(32), tuple(os.urandom(16) for _ in records))
    made = header(message_id, records, tags, **changes)
    envelope = Envelope(encode(made), os.urandom(40 * len(records)), b"e" * 64)
    return Permitted(Sealed(envelope, tags, signed), made, statement)


def id_of(permitted: Permitted) -> str:
    named = permitted.header or permitted.statement
    assert named is not None
    return named.message_id


def settlements_due(journal: Journal) -> list[DueSettlement]:
    unheard = (each for source in journal.deaf() for _, each in journal.unheard(source, 0))
    return [due for each in unheard if (due := journal.settlement(each)) is not None]
