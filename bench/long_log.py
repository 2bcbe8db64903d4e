"""A log as a year would leave it: one-record messages with their attempt and end, older envelopes deleted.

Written by the journal's own operations, in one transaction that nobody waits for.
"""

import os
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from gateway.hub.journal import JournalLimits, delivering, store
from gateway.hub.journal.recording import Entry, record
from gateway.hub.journal.transaction import Transaction
from gateway.hub.journal.work import Work
from gateway.messages import Ending, Envelope, Header, RecordOutcome, Tags, encode, stamp
from gateway.tlog.note import Signer
from gateway.tlog.tree import Frontier

_BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SEALED_BYTES: Final = 1600
_MESSAGE_FACTS: Final = 3.5
_BASIC: Final = ("internal_no", "name", "name_kana", "birth_date", "address", "updated_at", "update_seq")


def write(path: Path, facts: int, signer: Signer, *, tenant: str, checkpoint_every_facts: int) -> None:
    """Make the journal; the envelopes of the first half are gone."""
    limits = JournalLimits(max_open_records=1, checkpoint_every_facts=checkpoint_every_facts, wal_bytes=1)
    messages = int(facts / _MESSAGE_FACTS)
    with closing(store.connect_writer(path)) as connection:
        store.prepare(connection, tenant=tenant, origin=signer.name)
        connection.execute("PRAGMA synchronous = OFF")
        transaction = Transaction(
            connection, frontier=Frontier(), signed_size=0, origin=signer.name, signer=signer, limits=limits
        )
        transaction.begin()
        for number in range(messages):
            take(transaction, message(number, tenant), number)
            end(transaction, number, tenant)
            if number >= messages // 2:
                old = number - messages // 2
                delivering.delete_envelope(transaction, _id(old), at=_at(number))
            transaction.sign_if_due()
        transaction.sign_if_due(now=True)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def message(number: int, tenant: str) -> Entry:
    """A made-up message of one record, as the journal is about to record it."""
    tags = Tags(os.urandom(32), (os.urandom(16),))
    header = _header(number, tenant, tags)
    encoded = encode(header)
    envelope = Envelope(encoded, os.urandom(_SEALED_BYTES), bytes(64))
    fields = {"header": msgspec.json.decode(encoded), "envelope": envelope.digest()}
    return Entry(named=header, work=Work(fields), packed=envelope.pack(), tags=tags, fields=fields)


def take(transaction: Transaction, entry: Entry, number: int) -> None:
    """It is recorded with its first attempt."""
    record(transaction, entry, at=_at(number), now=0.0, goes=True)


def end(transaction: Transaction, number: int, tenant: str) -> None:
    """Its record was accepted, and the source has heard."""
    outcomes = [RecordOutcome(0, Ending.ACCEPTED)]
    delivering.conclude(
        transaction, _id(number), outcomes, attempt=1, next_at=None, at=_at(number), reply=None, reply_goes=False,
        now=0.0, tenant=tenant,
    )  # fmt: skip
    delivering.settled(transaction, _id(number), due=None)


def _header(number: int, tenant: str, tags: Tags) -> Header:
    at = _at(number)
    return Header(
        version=1, message_id=_id(number), kind="event", tenant=tenant,  # type: ignore[arg-type]
        source="health_management", source_operation="subject.register", destination="vaccination_records",
        operation="subject.put", route="R01", source_interface="a" * 64, destination_interface="b" * 64,
        item_sets=(_BASIC,), records=((0, 0, number % 4096),), withheld=(), created_at=at,
        expires_at=_at(number + 10_000), responsible="staff-0001", legal_basis=("L1", "assessment"),
        purpose="vaccination", attestations=(), kem_key="k" * 16, signing_key="s" * 16, suite="hybrid",
        tags_digest=tags.digest(), actor=f"staff-{number % 1000:04}", terminal="desk-1", client_certificate="d" * 64,
    )  # fmt: skip


def _at(number: int) -> str:
    return stamp(_BEGAN + timedelta(seconds=number * 60))


def _id(number: int) -> str:
    return f"01960000-0000-7000-8000-{number:012x}"
