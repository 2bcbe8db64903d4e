"""A log that a witness knows further than any backup has it: another follows it, and what is lost is said."""

import asyncio
import base64
import hashlib
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from typer.testing import CliRunner

from gateway.cli import commands
from gateway.config import load
from gateway.evidence.check import check_folder
from gateway.hub.journal import FactKind, verify
from gateway.hub.journal.export import export
from gateway.keys.layout import TenantKeys, read_verifier
from gateway.link.witness import Answer, Unanswered
from gateway.messages import encode
from gateway.tlog.note import Verifier
from gateway.wiring import restoring
from gateway.wiring.journals import open_journal
from gateway.wiring.opening import SYSTEM
from gateway.witness.store import Store
from gateway.witness.witness import Conflict, Rejected, Witness
from tests.unit.test_restoring import FACTS, TENANT, filled, made, nothing_in_place, root
from tests.witness.logs import AT, COSIGNER

__all__ = ["made", "root"]  # the fixtures: a city, its backup, and more facts since
ADMINISTRATOR, OPERATOR = "staff-0100", "operator"
OLD = f"renkei.example/{TENANT}/log"


class Remembers:
    """A witness of the city's logs, with a store of its own and without the network between."""

    def __init__(self, root: Path) -> None:
        self.verifier = COSIGNER.verifier()
        self.store = Store.open(Path(":memory:"))
        self.away = False
        self.knows(*(read_verifier(TenantKeys(root, name).log_vkey) for name in (SYSTEM, TENANT)))

    def knows(self, *logs: Verifier) -> None:
        self.witness = Witness(COSIGNER, {each.name: [each] for each in logs}, self.store)

    async def add(self, body: str) -> Answer:
        if self.away:
            raise Unanswered("ClientConnectorError")
        try:
            return Answer(200, self.witness.add(body, at=AT))
        except Conflict as conflict:
            return Answer(409, f"{conflict.size}\n", conflict.size)
        except Rejected as rejected:
            return Answer(rejected.status)


@pytest.fixture
def witness(made, root, tmp_path, monkeypatch) -> Iterator[Remembers]:
    """Who saw both logs as they were before the disk burnt."""
    remembers = Remembers(root)
    monkeypatch.setattr(restoring, "open_witnesses", lambda _: [remembers])
    for name in (SYSTEM, TENANT):
        (note,) = last(made, name)
        note_of(tmp_path, name).write_text(note, encoding="utf-8")
        remembers.witness.add(f"old 0\n\n{note}", at=AT)
    yield remembers
    remembers.store.close()


def last(made: Path, name: str) -> tuple[str]:
    with closing(sqlite3.connect(made / f"city/state/journal/{name}.db")) as log:
        found: tuple[str] = log.execute("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
    return found


def note_of(tmp_path: Path, name: str) -> Path:
    return tmp_path / f"{name}.note"


def restore(root: Path, made: Path, tmp_path: Path, *who: str, of: Sequence[str] = (SYSTEM, TENANT), case="R8-0012"):
    """The command, as people give it."""
    named = [word for name in of for word in ("--succeed", str(note_of(tmp_path, name)))]
    by = [word for name in who for word in ("--as", str(root / f"keys/tls/{name}.crt"))]
    words = ["restore", str(made / "copy"), *named, *by, *(["--case", case] if case else []), "--root", str(root)]
    return CliRunner().invoke(commands.app, words)


def first_fact(root: Path, name: str) -> tuple[int, dict[str, Any]]:
    with closing(open_journal(load(root), name)) as journal:
        ((seq, _, fact),) = journal.told((FactKind.LOG_SUCCEEDED,))
    return seq, fact


def test_another_log_follows_and_says_what_is_lost(made, root, tmp_path, witness):
    lost = Verifier.parse((root / f"keys/{TENANT}/log/log.vkey").read_text().strip())
    done = restore(root, made, tmp_path, ADMINISTRATOR, OPERATOR)
    assert done.exit_code == 0, done.output
    follows = read_verifier(TenantKeys(root, TENANT).log_vkey)
    assert (lost.name, follows.name.rpartition("/")[0]) == (OLD, OLD)
    assert (root / f"keys/{TENANT}/log/log.former.vkey").read_text().strip() == lost.vkey
    seq, fact = first_fact(root, TENANT)
    assert (seq, fact["facts"], fact["origin"], fact["former"]) == (FACTS + 1, FACTS, follows.name, lost.vkey)
    assert (fact["case"], fact["copy"]) == ("R8-0012", "20261122-made0up1")
    assert fact["checkpoint"].startswith(note_of(tmp_path, TENANT).read_text())
    sentence = (
        f"fact {FACTS + 1} is the first of this log; the {FACTS} before it were taken from {OLD}, which signed"
        f" {2 * FACTS}, cosigned by {COSIGNER.name}: facts {FACTS + 1} to {2 * FACTS} of that log are lost, and what"
        " followed"
    )
    told = CliRunner().invoke(commands.app, ["log", "verify", "--root", str(root)])
    assert (told.exit_code, told.stdout.count("verified")) == (0, 2)
    assert f"{TENANT}: {sentence}\n" in told.stdout
    path = root / f"state/journal/{TENANT}.db"
    export(path, tmp_path / "log", follows)
    report = check_folder(tmp_path / "log", follows, now=datetime.now(UTC))
    assert (report.problem, report.follows) == (None, [sentence])
    report = check_folder(tmp_path / "log", lost, now=datetime.now(UTC))
    assert "not signed by the known key" in (report.problem or "")


def test_two_people_have_signed_it_and_anybody_with_their_certificates_can_check(made, root, tmp_path, witness):
    assert restore(root, made, tmp_path, ADMINISTRATOR, OPERATOR).exit_code == 0
    _, fact = first_fact(root, TENANT)
    said = encode({key: value for key, value in fact.items() if key not in ("seq", "at", "kind", "people")})
    for each, name in zip(fact["people"], (ADMINISTRATOR, OPERATOR), strict=True):
        certificate = x509.load_pem_x509_certificate((root / f"keys/tls/{name}.crt").read_bytes())
        assert each["operator"] == name
        assert each["client_certificate"] == hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
        key = certificate.public_key()
        assert isinstance(key, EllipticCurvePublicKey)
        key.verify(base64.b64decode(each["signature"]), said, ECDSA(SHA256()))


def test_the_log_that_follows_goes_on_and_its_witness_takes_it_once_it_knows_its_name(made, root, tmp_path, witness):
    assert restore(root, made, tmp_path, ADMINISTRATOR, OPERATOR).exit_code == 0
    filled(root, 3)
    verifier = read_verifier(TenantKeys(root, TENANT).log_vkey)
    with closing(open_journal(load(root), TENANT)) as journal:
        size, note = journal.proofs.checkpoint() or (0, "")
    assert size == FACTS + 4
    witness.knows(verifier)
    assert witness.witness.add(f"old 0\n\n{note}", at=AT).startswith("\N{EM DASH} ")
    assert witness.store.last(OLD).size == 2 * FACTS, "what it saw of the lost one stays"


def test_a_log_alone_is_followed_and_the_others_go_on(made, root, tmp_path, witness):
    witness.knows(read_verifier(TenantKeys(root, TENANT).log_vkey))  # of the system's log it never heard
    assert restore(root, made, tmp_path, ADMINISTRATOR, OPERATOR, of=[TENANT]).exit_code == 0
    assert read_verifier(TenantKeys(root, SYSTEM).log_vkey).name == f"renkei.example/{SYSTEM}/log"
    with closing(open_journal(load(root), SYSTEM)) as system:
        assert system.last(FactKind.LOGS_RESTORED) is not None
        assert system.last(FactKind.LOG_SUCCEEDED) is None


WRONG = [
    ((ADMINISTRATOR,), "two different people must say so"),
    ((ADMINISTRATOR, ADMINISTRATOR), "two different people must say so"),
    ((ADMINISTRATOR, OPERATOR, OPERATOR), "two different people must say so"),
    ((ADMINISTRATOR, "clinic_a"), "is the certificate neither of a configured operator nor of an administrator"),
    ((ADMINISTRATOR, "stolen"), "is not of the key"),
]


@pytest.mark.parametrize(("who", "said"), WRONG)
def test_nobody_says_so_alone_or_without_the_key(made, root, tmp_path, witness, who, said):
    tls = root / "keys/tls"
    shutil.copy(tls / f"{OPERATOR}.crt", tls / "stolen.crt")
    shutil.copy(tls / "clinic_a.key", tls / "stolen.key")
    before = (root / f"keys/{TENANT}/log/log.vkey").read_text()
    done = restore(root, made, tmp_path, *who)
    assert (done.exit_code, said in done.stderr) == (2, True), done.output
    assert nothing_in_place(root)
    assert (root / f"keys/{TENANT}/log/log.vkey").read_text() == before


def test_each_lost_log_must_be_named_and_no_other(made, root, tmp_path, witness):
    """One that its witnesses know further is not taken over in silence; one that is all there just goes on."""
    done = restore(root, made, tmp_path, ADMINISTRATOR, OPERATOR, of=[TENANT])
    told = f"the log of {SYSTEM} has"
    assert (done.exit_code, told in done.stderr, f"the log of {TENANT} has" in done.stderr) == (2, True, False)
    assert nothing_in_place(root)
    with closing(sqlite3.connect(made / f"copy/state/journal/{TENANT}.db")) as log:
        (note,) = log.execute("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
    note_of(tmp_path, TENANT).write_text(note, encoding="utf-8")
    done = restore(root, made, tmp_path, ADMINISTRATOR, OPERATOR)
    assert (done.exit_code, f"{TENANT}: its log is not lost" in done.stderr) == (2, True)
    assert nothing_in_place(root)


def test_what_is_named_must_be_the_last_that_a_witness_saw(made, root, tmp_path, witness):
    """So that nobody makes less of what is lost."""
    city = Path(shutil.copytree(made / "city", tmp_path / "city"))
    filled(city, 1)
    for name in (SYSTEM, TENANT):
        with closing(open_journal(load(city), name)) as journal:
            size, note = journal.proofs.checkpoint() or (0, "")
            old = witness.store.last(read_verifier(TenantKeys(root, name).log_vkey).name).size
            proof = "".join(f"{base64.b64encode(each).decode()}\n" for each in journal.proofs.growth(old, size))
        witness.witness.add(f"old {old}\n{proof}\n{note}", at=AT)
    done = restore(root, made, tmp_path, ADMINISTRATOR, OPERATOR)
    assert (done.exit_code, "what was named with --succeed counts" in done.stderr) == (2, True), done.output
    assert nothing_in_place(root)


def test_without_the_witness_s_answer_the_log_s_own_signature_stands(made, root, tmp_path, witness):
    witness.away = True
    done = restore(root, made, tmp_path, ADMINISTRATOR, OPERATOR)
    assert (done.exit_code, "it does not answer" in done.stderr) == (0, True)
    _, fact = first_fact(root, TENANT)
    assert fact["checkpoint"] == note_of(tmp_path, TENANT).read_text()


def test_a_key_s_passphrase_is_asked_for(made, root, tmp_path, witness, monkeypatch):
    file = root / f"keys/tls/{OPERATOR}.key"
    key = load_pem_private_key(file.read_bytes(), None)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"made up")))
    words = iter(["another", "made up"])
    monkeypatch.setattr("gateway.cli.backup.getpass", lambda _: next(words))
    assert "or the passphrase is another" in restore(root, made, tmp_path, ADMINISTRATOR, OPERATOR).stderr
    assert nothing_in_place(root)
    assert restore(root, made, tmp_path, ADMINISTRATOR, OPERATOR).exit_code == 0


def test_what_a_fact_says_it_follows_is_what_stands_before_it(made, root, tmp_path, witness):
    """Whoever has the log's key could say that it follows anything: not in this place."""
    assert restore(root, made, tmp_path, ADMINISTRATOR, OPERATOR).exit_code == 0
    _, fact = first_fact(root, TENANT)
    said = {key: value for key, value in fact.items() if key not in ("seq", "at", "kind")}
    verifier, path = read_verifier(TenantKeys(root, TENANT).log_vkey), root / f"state/journal/{TENANT}.db"
    again = said | {"facts": FACTS + 1, "root": "0" * 64}
    with closing(open_journal(load(root), TENANT)) as journal:
        asyncio.run(journal.fact(FactKind.LOG_SUCCEEDED, again, at="2026-11-22T00:00:00.000000Z"))
    problem = verify(path, verifier=verifier).problem
    assert problem == f"facts up to {FACTS + 1} are not those that fact {FACTS + 2} says it follows"
    export(path, tmp_path / "log", verifier)
    problem = check_folder(tmp_path / "log", verifier, now=datetime.now(UTC)).problem
    assert problem == f"facts 1 to {FACTS + 1} are not those that fact {FACTS + 2} says it follows"
