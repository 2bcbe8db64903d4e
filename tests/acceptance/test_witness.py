"""Witnesses beside a running gateway, each a process of its own: what they see through, and what they cannot stop."""

import random
import re
import shutil
import socket
import sqlite3
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from gateway.tlog.cosignature import cosigned_at
from gateway.tlog.submission import Submission
from tests.acceptance.programs import until
from tests.acceptance.site import Site
from tests.acceptance.subjects import MUNICIPALITY, record, subject
from tests.acceptance.watching import LOGS, Watching
from tests.witness.logs import SIGNER, Log

NewWitness = Callable[..., Watching]


@pytest.fixture
def new_witness(tmp_path) -> Iterator[NewWitness]:
    made: list[Watching] = []

    def make(name: str = "witness.example") -> Watching:
        made.append(Watching(tmp_path / name, name))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def watched(new_site, new_witness) -> tuple[Site, Watching]:
    """A site and its witness, who has cosigned all that is there."""
    site, witness = new_site(), new_witness()
    witness.watched_by(site)
    witness.start()
    site.start()
    witness.up_to_date(site)
    return site, witness


def older_copy(site: Site, ordinal: Callable[[], int]) -> None:
    """The state as it was is kept, and more is recorded."""
    site.outcomes(site.register(subject(ordinal())))
    assert site.gateway.stop() == 0
    shutil.copytree(site.root / "state", site.root.with_name("older"))
    site.start()
    site.outcomes(site.register(subject(ordinal())))


def put_back(site: Site, folder: str) -> None:
    """The whole state folder, as somebody with the disk may."""
    shutil.rmtree(site.root / "state")
    shutil.copytree(site.root.with_name(folder), site.root / "state")


def refused(site: Site) -> str:
    ended = site.cli("run")
    assert ended.status == 2
    return ended.err


# ---- a gateway and its witness ---------------------------------------------------------------------------------------


def test_every_log_is_cosigned_and_its_proofs_convince_by_it(watched, tmp_path, ordinal):
    site, witness = watched
    message_id = site.register(subject(ordinal()))
    site.outcomes(message_id)
    witness.up_to_date(site)
    proof = tmp_path / "proof"
    assert site.cli("log", "prove", MUNICIPALITY, message_id, "--out", str(proof)).status == 0
    log = site.root / f"keys/{MUNICIPALITY}/log/log.vkey"
    told = site.cli("log", "verify", "--from", str(proof), "--key", str(log), "--witness", str(witness.vkey))
    assert told.status == 0, told.out + told.err
    assert "cosigned by witness.example at 20" in told.out
    exported = site.cli("log", "export", MUNICIPALITY, str(tmp_path / "log"))
    assert (exported.status, exported.err.count("no witness has cosigned")) == (0, 0), exported.err
    told = site.cli("log", "verify", "--from", str(tmp_path / "log"), "--key", str(log), "--witness", str(witness.vkey))
    assert told.status == 0, told.out + told.err
    assert re.search(r": verified; facts 1 to (\d+) cosigned by witness.example at 20", told.out)
    metrics = site.admin().get("/metrics").body.decode()
    for each in LOGS:
        assert f'renkei_log_cosigned_facts{{tenant="{each}",witness="witness.example"}}' in metrics
    assert site.admin().get("/healthz").json == {"ok": True, "logs": {}, "witnesses": [], "reviews": []}
    told = site.cli("log", "verify")
    assert (told.status, told.out.splitlines()[-1].startswith("not asked: witness.example; ")) == (0, True)


def test_an_older_copy_of_the_whole_store_is_not_started_on(watched, ordinal):
    """All logs of one time agree with each other; only the witness knows that there was more."""
    site, witness = watched
    older_copy(site, ordinal)
    witness.up_to_date(site)
    assert site.gateway.stop() == 0
    shutil.copytree(site.root / "state", site.root.with_name("newest"))
    put_back(site, "older")
    sizes = {log: len(site.facts(log)) for log in LOGS}
    told = refused(site)
    for log in LOGS:
        assert f"the log of {log} has {sizes[log]} facts, fewer than the " in told
    assert told.count("that the witness witness.example cosigned: put back its newest copy") == len(LOGS)
    assert {log: len(site.facts(log)) for log in LOGS} == sizes  # nothing is added to what is not the log
    assert refused(site) == told  # nor does it mend by itself
    put_back(site, "newest")
    site.start()
    assert site.register(subject(ordinal()))


def test_of_one_log_alone_as_well_and_the_system_s_log_says_so(watched, ordinal):
    """After kill -9 the system's log knows of the last start only; the witness knows more."""
    site, witness = watched
    older_copy(site, ordinal)
    witness.up_to_date(site)
    site.gateway.kill()
    with closing(sqlite3.connect(site.journal())) as log, log:
        started = [each["logs"][MUNICIPALITY] for each in site.facts("system") if each["kind"] == "gateway.started"][-1]
        for table, column in {"checkpoint": "size", "cosignature": "size", "fact": "seq"}.items():
            log.execute("PRAGMA foreign_keys = OFF")
            log.execute(f"DELETE FROM {table} WHERE {column} > ?", (started,))
        log.execute("DELETE FROM message WHERE seq > ?", (started,))
        log.execute("DELETE FROM tag WHERE seq > ?", (started,))
    told = refused(site)
    assert f"the log of {MUNICIPALITY} has {started} facts, fewer than the " in told
    assert site.facts("system")[-1]["kind"] == "gateway.refused_to_start"
    assert site.facts("system")[-1]["problems"] == told.splitlines()


def test_while_the_witness_is_away_the_older_copy_is_found_when_it_comes_back(watched, ordinal):
    site, witness = watched
    older_copy(site, ordinal)
    witness.up_to_date(site)
    assert site.gateway.stop() == 0
    witness.program.kill()
    put_back(site, "older")
    site.start()  # nobody can tell
    for _ in range(5):
        site.outcomes(site.register(subject(ordinal())))
    witness.start()
    until(lambda: site.admin().get("/healthz").status == 503 and len(site.admin().get("/healthz").json["logs"]) == 2)
    health = site.admin().get("/healthz")
    assert set(health.json["logs"]) == set(LOGS)
    for log in LOGS:
        assert health.json["logs"][log].startswith(f"The central log cannot be trusted: the log of {log} ")
    answer = site.send("subject.register", [record(subject(ordinal()))])
    assert answer.refusal == (503, "log_unavailable")
    assert "The central log cannot be trusted" in answer.json["detail"]
    site.gateway.stop()
    assert "was put back or rewritten" in refused(site)
    assert "Traceback" not in site.gateway.output.read_text()


def test_without_its_witness_it_passes_everything_and_says_since_when(watched, ordinal):
    site, witness = watched
    witness.program.kill()
    site.outcomes(site.register(subject(ordinal())))
    (told,) = until(lambda: site.admin().get("/healthz").json["witnesses"])
    assert told.startswith("the witness witness.example has cosigned nothing of any log since 20")
    assert "it does not answer" in told
    assert site.admin().get("/healthz").status == 200
    shown = site.cli("connectors")
    assert (shown.status, shown.err) == (0, f"{told}\n")
    assert site.gateway.stop() == 0
    site.start()
    site.outcomes(site.register(subject(ordinal())))
    witness.start()
    witness.up_to_date(site)
    until(lambda: site.admin().get("/healthz").json["witnesses"] == [])


def test_of_two_witnesses_one_is_enough_to_see_through_it(watched, new_witness, ordinal):
    site, witness = watched
    another = new_witness("another.example")
    another.watched_by(site)
    another.start()
    site.hang_up("config.applied")
    another.up_to_date(site)
    older_copy(site, ordinal)
    for each in (witness, another):
        each.up_to_date(site)
    assert site.gateway.stop() == 0
    another.program.kill()
    put_back(site, "older")
    assert "that the witness witness.example cosigned" in refused(site)
    another.start()
    witness.program.kill()
    assert "that the witness another.example cosigned" in refused(site)


def test_a_witness_that_knows_nothing_of_us_is_named(new_site, new_witness):
    site, witness = new_site(), new_witness()
    witness.watched_by(site)
    witness.edit('"keys/log_999997.vkey", ', "")
    witness.start()
    site.start_gateway("/healthz")
    (told,) = until(lambda: site.admin().get("/healthz").json["witnesses"])
    assert (
        told == f"the witness witness.example has cosigned nothing of the log of {MUNICIPALITY} yet:"
        " it does not know this log"
    )
    until(lambda: witness.cosigned(site, "system"))


def test_a_witness_under_another_certificate_is_nobody(new_site, new_witness):
    site, witness = new_site(), new_witness()
    witness.watched_by(site)
    shutil.copy(site.tls / "ca.crt", site.root / "keys/witness.example/ca.crt")
    witness.start()
    site.start_gateway("/healthz")
    (told,) = until(lambda: site.admin().get("/healthz").json["witnesses"])
    assert "it does not answer (ClientConnectorCertificateError)" in told


# ---- by hand ---------------------------------------------------------------------------------------------------------


def test_what_log_prove_writes_can_be_submitted_by_hand(new_site, new_witness, tmp_path, ordinal):
    site, witness = new_site(), new_witness()
    log = site.root / f"keys/{MUNICIPALITY}/log/log.vkey"
    vkey = log.read_text(encoding="utf-8")
    witness.watch(log_999997=vkey)
    witness.start()
    site.edit("gateway.toml", "checkpoint_seconds = 10.0", "checkpoint_seconds = 0.1")
    site.start()
    site.outcomes(site.register(subject(ordinal())))
    newest = "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1"
    size, first = until(lambda: site.query(newest))[0]
    assert witness.add(Submission(0, [], first).text()).status == 200
    kept = tmp_path / "kept"
    kept.write_text(first, encoding="utf-8")
    site.outcomes(site.register(subject(ordinal())))
    until(lambda: site.query(newest)[0][0] > size)
    growth = tmp_path / "growth"
    assert site.cli("log", "prove", MUNICIPALITY, "--earlier", str(kept), "--out", str(growth)).status == 0
    answer = witness.add(growth.read_text(encoding="utf-8"))
    assert answer.status == 200
    signed = growth.read_text(encoding="utf-8").partition("\n\n")[2] + answer.body.decode()
    assert cosigned_at(signed, witness.verifier)
    again = witness.add(growth.read_text(encoding="utf-8"))
    assert (again.status, again.headers["Content-Type"]) == (409, "text/x.tlog.size")
    assert int(again.body) > size


# ---- the witness alone -----------------------------------------------------------------------------------------------


@pytest.fixture
def alone(new_witness: NewWitness) -> Watching:
    """A witness of one made-up log."""
    witness = new_witness()
    witness.watch(made_up=SIGNER.verifier().vkey)
    return witness.start()


def test_the_race_of_the_specification_rolls_nothing_back(alone):
    """Many at once, each from the last size that it heard of: every cosignature goes on from the one before."""
    log = Log([f"fact {number}" for number in range(150)])

    def submit(seed: int) -> list[tuple[int, int]]:
        chance, old, done = random.Random(seed), 0, []
        while old < len(log.leaves):
            size = min(old + chance.randrange(1, 6), len(log.leaves))
            answer = alone.add(log.submission(old, size).text())
            if answer.status == 200:
                done.append((old, size))
                old = size
            else:
                assert (answer.status, answer.headers["Content-Type"]) == (409, "text/x.tlog.size")
                old = int(answer.body)
        return done

    with ThreadPoolExecutor(6) as pool:
        steps = sorted(step for done in pool.map(submit, range(6)) for step in done)
    assert [old for old, _ in steps] == [0, *(size for _, size in steps[:-1])]
    assert steps[-1][1] == len(log.leaves)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"old 0\n\n\xff", 400),
        (b"x" * 70_000, 413),
        (b"old 0\n" + b"A" * 43 + b"=\n", 400),
    ],
)
def test_what_is_no_submission_is_refused_without_a_word_of_it(alone, body, status):
    answer = alone.peer().ask("POST", "/add-checkpoint", body)
    assert answer.status == status
    assert body[:5] not in answer.body or not body
    assert alone.add(Log(["a"]).submission(0, 1).text()).status == 200


def test_there_is_nothing_else_to_ask_for(alone):
    assert alone.peer().get("/add-checkpoint").status == 405
    assert alone.peer().get("/metrics").status == 404
    assert alone.peer().ask("POST", "/", b"").status == 404


def test_it_speaks_tls_1_3_only_and_asks_for_no_certificate(alone):
    context = ssl.create_default_context(cafile=str(alone.ca))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", alone.port), timeout=10) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="localhost")
    assert alone.peer().get("/healthz").status == 200


def test_a_store_that_cannot_be_written_cosigns_nothing(alone):
    with closing(sqlite3.connect(alone.root / "state/witness.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert alone.add(Log(["a"]).submission(0, 1).text()).status == 503
        health = alone.peer().get("/healthz")
        assert (health.status, health.json) == (503, {"ok": False, "store": "SQLITE_BUSY"})
        other.execute("ROLLBACK")
    assert alone.add(Log(["a"]).submission(0, 1).text()).status == 200


def test_it_ends_in_good_order_and_remembers(alone):
    log = Log(["a", "b", "c"])
    assert alone.add(log.submission(0, 3).text()).status == 200
    assert alone.program.stop() == 0
    alone.start()
    assert alone.add(log.submission(0, 2).text()).body == b"3\n"
    assert not (alone.root / "state").stat().st_mode & 0o077


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("port = ", "prot = ", "config/witness.toml: prot: "),
        ('"keys/made_up.vkey"', '"keys/none.vkey"', "config/witness.toml: logs: "),
        ('"keys/made_up.vkey"', '"keys/witness/witness.vkey"', "witness.vkey: is not a public note key (vkey)"),
        ('"keys/tls/witness.key"', '"keys/tls/ca.crt"', "config/witness.toml: certificate or key: "),
        ('"file:keys/passphrase"', '"a secret of mine"', "config/witness.toml: passphrase: "),
    ],
)
def test_what_is_wrong_in_its_configuration_is_said_at_the_start(new_witness, old, new, told):
    witness = new_witness()
    witness.watch(made_up=SIGNER.verifier().vkey)
    text = (witness.root / "config/witness.toml").read_text(encoding="utf-8")
    assert old in text
    (witness.root / "config/witness.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    witness.program.start()
    assert witness.program.ended() == 2
    assert told in witness.program.output.read_text()
    assert "a secret of mine" not in witness.program.output.read_text()
