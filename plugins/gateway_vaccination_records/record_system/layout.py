"""The tables of one area's database file, and what makes an older file like a new one.

The rule: a personal value stands in a column only sealed, or blind (an HMAC, to find it by); see `seal.py`.
"""

import sqlite3
from typing import Final

LAYOUT: Final = 5
"""1 had no keys, 2 no ledger; 3 did not know where doses stand at research, 4 not as what."""
_AT_RESEARCH: Final = """
CREATE TABLE IF NOT EXISTS at_research (          -- a dose may stand there under the ID5 of this key
    entry INTEGER NOT NULL REFERENCES entry,
    pmh_key BLOB NOT NULL,                        -- blind
    sealed BLOB NOT NULL,                         -- as it was sent there last
    PRIMARY KEY (entry, pmh_key)
) STRICT, WITHOUT ROWID;
"""
TABLES: Final = f"""{_AT_RESEARCH}CREATE TABLE IF NOT EXISTS area (
    layout INTEGER NOT NULL, municipality_code TEXT NOT NULL, key_proof BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS person (
    id INTEGER PRIMARY KEY,
    internal_no BLOB NOT NULL UNIQUE,             -- blind
    individual_number BLOB,                       -- blind, of the latest state; correctable, so not unique
    vaccination_subject_no BLOB NOT NULL UNIQUE,  -- blind
    sealed_subject_no BLOB NOT NULL,
    corrections INTEGER NOT NULL DEFAULT 0        -- how often what research is told of the person was corrected
) STRICT;
CREATE INDEX IF NOT EXISTS person_by_number ON person (individual_number) WHERE individual_number IS NOT NULL;
CREATE TABLE IF NOT EXISTS state (
    person INTEGER NOT NULL REFERENCES person,
    instant INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    changed INTEGER NOT NULL DEFAULT 0,           -- microseconds since 1970: when it was taken here
    PRIMARY KEY (person, instant, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS one_latest ON state (person) WHERE latest;
CREATE TABLE IF NOT EXISTS outcome (
    message_id TEXT NOT NULL, row INTEGER NOT NULL, verdict TEXT NOT NULL,
    PRIMARY KEY (message_id, row)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS wanted (               -- a PMH key is to be had for this number
    id INTEGER PRIMARY KEY,
    number BLOB NOT NULL UNIQUE,                  -- blind
    sealed BLOB NOT NULL,
    due INTEGER NOT NULL,                         -- microseconds since 1970: not asked before
    asked INTEGER NOT NULL,                       -- how often
    batch TEXT, position INTEGER                  -- where it is being asked now
) STRICT;
CREATE INDEX IF NOT EXISTS wanted_due ON wanted (due) WHERE batch IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS wanted_asked ON wanted (batch, position) WHERE batch IS NOT NULL;
CREATE TABLE IF NOT EXISTS pmh_key (
    number BLOB PRIMARY KEY,                      -- blind
    pmh_key BLOB NOT NULL UNIQUE,                 -- blind
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dispute (              -- for people to look at; such a number is asked no more
    number BLOB NOT NULL,                         -- blind
    why TEXT NOT NULL,
    sealed BLOB NOT NULL,                         -- the number
    instant INTEGER NOT NULL,
    PRIMARY KEY (number, why)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reply (                -- what a request that changed something was answered
    message_id TEXT NOT NULL, row INTEGER NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (message_id, row)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS entry (                -- of the ledger: kept in states, each newer than the one before
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,                           -- template, management, record, notice
    name BLOB NOT NULL,                           -- blind: its id
    person INTEGER REFERENCES person,             -- a template has none
    source BLOB NOT NULL,                         -- blind: the city, or the clinic that entered it
    dose BLOB,                                    -- blind: of a record that is not deleted, the dose that it is
    UNIQUE (kind, name)
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_record_of_a_dose ON entry (person, dose) WHERE dose IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_of_person ON entry (person, kind) WHERE person IS NOT NULL;
CREATE TABLE IF NOT EXISTS entry_state (
    entry INTEGER NOT NULL REFERENCES entry,
    instant INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    changed INTEGER NOT NULL,                     -- when it was taken here
    sealed BLOB NOT NULL,
    PRIMARY KEY (entry, instant, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS one_latest_of_entry ON entry_state (entry) WHERE latest;

CREATE TABLE IF NOT EXISTS due (                  -- what is to be sent
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,                           -- notice, return, id5, research
    person INTEGER NOT NULL REFERENCES person,
    entry INTEGER REFERENCES entry,               -- none for id5
    instant INTEGER, seq INTEGER,                 -- the state of that entry
    ready INTEGER NOT NULL,                       -- 0: not before something about the person changes
    due INTEGER NOT NULL,                         -- microseconds since 1970: not before
    asked INTEGER NOT NULL,                       -- how often it was in a batch
    batch TEXT, position INTEGER,                 -- where it is being sent now
    content BLOB,                                 -- blind: the record as it is being sent
    refused TEXT                                  -- the code with which it ended; it is sent no more
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS due_once ON due (kind, entry, instant, seq) WHERE entry IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS due_id5_once ON due (person) WHERE kind = 'id5';
CREATE INDEX IF NOT EXISTS due_now ON due (kind, due) WHERE ready AND batch IS NULL AND refused IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS due_in_batch ON due (kind, batch, position) WHERE batch IS NOT NULL;
CREATE INDEX IF NOT EXISTS due_refused ON due (kind) WHERE refused IS NOT NULL;
CREATE INDEX IF NOT EXISTS due_asleep ON due (kind) WHERE NOT ready;
CREATE INDEX IF NOT EXISTS due_of_person ON due (person);
CREATE INDEX IF NOT EXISTS due_of_entry ON due (entry) WHERE entry IS NOT NULL;

CREATE TABLE IF NOT EXISTS pseudonym (            -- PMH pseudonym of a key
    pmh_key BLOB PRIMARY KEY,                     -- blind
    pseudonym BLOB NOT NULL UNIQUE,               -- blind
    sealed BLOB NOT NULL,                         -- the pseudonym
    linked INTEGER NOT NULL,                      -- when
    key_deleted INTEGER                           -- when the portal said that it deleted the key
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS former_pseudonym (     -- that a key had before: never another key's
    pseudonym BLOB PRIMARY KEY,                   -- blind
    pmh_key BLOB NOT NULL,                        -- blind
    linked INTEGER NOT NULL,                      -- when
    replaced INTEGER NOT NULL                     -- when
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS id5 (
    pmh_key BLOB PRIMARY KEY,                     -- blind
    id5 BLOB NOT NULL UNIQUE,                     -- blind
    sealed BLOB NOT NULL                          -- the id5
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chain_dispute (        -- about pseudonyms and id5, for people to look at
    pmh_key BLOB NOT NULL,                        -- blind
    why TEXT NOT NULL,
    sealed BLOB NOT NULL,                         -- the key
    instant INTEGER NOT NULL,
    PRIMARY KEY (pmh_key, why)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS confirmation (         -- as PMH has it
    name BLOB PRIMARY KEY,                        -- blind: identity_confirmation
    until INTEGER NOT NULL,                       -- microseconds since 1970
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answer_set (           -- what a resident answered beforehand for one dose
    id INTEGER PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES person,
    dose BLOB NOT NULL,                           -- blind: vaccination_management_id
    latest INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_latest_answer_set ON answer_set (person, dose) WHERE latest;
CREATE TABLE IF NOT EXISTS examination (          -- the doctor's part of a questionnaire
    id INTEGER PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES person,
    dose BLOB NOT NULL,                           -- blind: vaccination_management_id
    latest INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_latest_examination ON examination (person, dose) WHERE latest;
"""


def upgrade(db: sqlite3.Connection) -> None:
    """Bring the tables of an older file up to date; once that is done it changes nothing. Call it in a transaction."""
    if "sealed" not in {row[1] for row in db.execute("PRAGMA table_info(at_research)")}:
        db.execute("DROP TABLE at_research")  # what it held, the area finds out again
        db.execute(_AT_RESEARCH)
    columns = {row[1] for row in db.execute("PRAGMA table_info(state)")}
    if "changed" not in columns:
        db.execute("ALTER TABLE state ADD COLUMN changed INTEGER NOT NULL DEFAULT 0")
        db.execute("UPDATE state SET changed = instant")
    if "corrections" not in {row[1] for row in db.execute("PRAGMA table_info(person)")}:
        db.execute("ALTER TABLE person ADD COLUMN corrections INTEGER NOT NULL DEFAULT 0")
