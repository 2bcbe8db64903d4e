"""A witness that dies at each write: what it answered it remembers, and what it remembers without having answered stops
nobody.
"""

import signal
import sqlite3
from contextlib import closing

import pytest

from tests.acceptance.crash.faults import Fault
from tests.acceptance.programs import until
from tests.acceptance.watching import Watching
from tests.witness.logs import ORIGIN, SIGNER, Log

LOG = Log([f"fact {number}" for number in range(60)])
WAL = "*/state/witness.db-wal"


@pytest.fixture
def witness(tmp_path):
    made = Watching(tmp_path / "witness", "witness.example")
    yield made
    made.close()


def remembered(witness: Watching) -> int:
    with closing(sqlite3.connect(witness.root / "state/witness.db")) as store:
        row = store.execute("SELECT size FROM log WHERE origin = ?", (ORIGIN,)).fetchone()
    return row[0] if row else 0


@pytest.mark.parametrize(
    ("call", "how"),
    [("pwrite", "before"), ("pwrite", "torn"), ("pwrite", "lost"), ("sync", "before"), ("sync", "after")],
)
def test_kill_9_between_remembering_and_answering(witness, library, tmp_path, call, how):
    armed = tmp_path / "armed"
    witness.watch(made_up=SIGNER.verifier().vkey)
    witness.start(**Fault(call, WAL, how).environment(library, armed=armed))
    assert witness.add(LOG.submission(0, 20).text()).status == 200
    armed.touch()
    with pytest.raises(OSError, match=r"Remote end closed|EOF|reset"):
        witness.add(LOG.submission(20, 40).text())
    assert witness.program.ended() == -signal.SIGKILL
    witness.start()
    last = remembered(witness)
    assert last in ([40] if (call, how) == ("sync", "after") else [20, 40])
    assert witness.add(LOG.submission(0, 10).text()).body == f"{last}\n".encode()
    assert witness.add(LOG.submission(last, 60).text()).status == 200


def test_a_hub_goes_on_from_what_it_was_never_answered(new_site, witness, library, tmp_path):
    site, armed = new_site(), tmp_path / "armed"
    witness.watched_by(site)
    witness.start(**Fault("sync", WAL, "after").environment(library, armed=armed))
    site.start_gateway("/healthz")
    witness.up_to_date(site)
    armed.touch()
    site.send("subject.register", b"no JSON")  # a fact
    assert witness.program.ended() == -signal.SIGKILL
    witness.start()
    witness.up_to_date(site)
    assert until(lambda: site.admin().get("/healthz").json["witnesses"] == [])
    assert site.admin().get("/healthz").status == 200
    assert "witness.forgot" not in site.gateway.output.read_text()
