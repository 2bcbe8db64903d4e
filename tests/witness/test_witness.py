"""The answers of c2sp.org/tlog-witness, one by one, and what no order of submissions may bring about."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.errors import Misconfigured
from gateway.tlog import note
from gateway.tlog.cosignature import cosigned_at
from gateway.tlog.note import Signer
from gateway.tlog.submission import Submission
from gateway.witness.store import Store
from gateway.witness.witness import Conflict, Rejected, Witness
from tests.witness.logs import AT, COSIGNER, ORIGIN, SIGNER, Log, key

LEAVES = [f"fact {number}" for number in range(300)]
LOG = Log(LEAVES)
FORK = Log([*LEAVES[:50], "another story", *LEAVES[51:]])


def witness_on(store: Store) -> Witness:
    return Witness(COSIGNER, {ORIGIN: [SIGNER.verifier()]}, store)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store.open(tmp_path / "witness.db")) as opened:
        yield opened


@pytest.fixture
def witness(store: Store) -> Witness:
    return witness_on(store)


def in_memory() -> Store:
    return Store.open(Path(":memory:"))


def add(witness: Witness, log: Log, old: int, size: int) -> str:
    return witness.add(log.submission(old, size).text(), at=AT)


def status(witness: Witness, body: str) -> int:
    with pytest.raises(Rejected) as caught:
        witness.add(body, at=AT)
    return caught.value.status


def conflict(witness: Witness, log: Log, old: int, size: int) -> int:
    with pytest.raises(Conflict) as caught:
        add(witness, log, old, size)
    assert caught.value.status == 409
    return caught.value.size


def test_what_only_grew_is_cosigned_from_the_first_checkpoint_on(witness):
    for old, size in [(0, 0), (0, 7), (7, 7), (7, 8), (8, 256), (256, 300)]:
        line = add(witness, LOG, old, size)
        assert cosigned_at(LOG.signed(size) + line, COSIGNER.verifier()) == AT


def test_400_if_the_old_size_is_larger(witness):
    assert status(witness, LOG.submission(9, 8).text()) == 400


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: "",
        lambda text: text.removeprefix("old "),
        lambda text: text.replace("old 0", "old 00"),
        lambda text: text.replace("old 0", "old -1"),
        lambda text: text.replace("old 0", "old 9223372036854775808"),
        lambda text: text.replace("\n\n", "\nAAAA\n\n", 1),
        lambda text: text.replace("\n\n", "\n" + "A" * 43 + "=\n" * 64 + "\n", 1),
        lambda text: text[:-1],
        lambda text: text.replace(ORIGIN, "", 1),
        lambda text: text.replace("\n20\n", "\n020\n"),
        lambda text: text.partition("— ")[0],
    ],
)
def test_400_if_it_is_out_of_form(witness, harm):
    text = LOG.submission(0, 20).text()
    assert harm(text) != text
    assert status(witness, harm(text)) == 400


def test_400_if_it_counts_more_than_any_log_can(witness):
    text = note.sign(note.Checkpoint(ORIGIN, 2**63, bytes(32)).text(), SIGNER)
    assert status(witness, Submission(0, [], text).text()) == 400


def test_403_if_no_trusted_key_signed_it(witness):
    stranger = Log(LEAVES, Signer(ORIGIN, key("somebody else")))
    assert status(witness, stranger.submission(0, 20).text()) == 403
    text = LOG.submission(0, 20).text()
    assert status(witness, text.replace("\n20\n", "\n21\n")) == 403


def test_404_if_nobody_knows_the_log(witness):
    stranger = Log(LEAVES, Signer("renkei.example/998889/log", key("log")))
    assert status(witness, stranger.submission(0, 20).text()) == 404


def test_signatures_of_others_beside_the_log_s_are_ignored(witness):
    other = Signer("somebody.example", key("somebody else"))
    text = LOG.submission(0, 20).text()
    signed = note.sign(LOG.signed(20).partition("\n\n")[0] + "\n", other)
    assert witness.add(text + signed.partition("\n\n")[2], at=AT)


def test_either_key_of_a_log_that_changes_its_key_is_trusted(store):
    fresh = Signer(ORIGIN, key("the next one"))
    witness = Witness(COSIGNER, {ORIGIN: [SIGNER.verifier(), fresh.verifier()]}, store)
    add(witness, LOG, 0, 20)
    add(witness, Log(LEAVES, fresh), 20, 30)


def test_409_with_the_last_size_if_it_does_not_begin_there(witness):
    assert conflict(witness, LOG, 5, 20) == 0
    add(witness, LOG, 0, 100)
    assert [conflict(witness, LOG, old, 120) for old in (0, 99, 101)] == [100, 100, 100]
    assert conflict(witness, LOG, 0, 60) == 100  # rolled back


def test_409_if_it_is_of_the_same_size_and_another_root(witness):
    add(witness, LOG, 0, 100)
    assert conflict(witness, FORK, 100, 100) == 100
    assert add(witness, LOG, 100, 100)


def test_409_if_an_empty_log_has_a_root(witness):
    text = note.sign(note.Checkpoint(ORIGIN, 0, bytes(32)).text(), SIGNER)
    assert status(witness, Submission(0, [], text).text()) == 409


def test_422_if_the_proof_does_not_hold(witness):
    submission = LOG.submission(0, 100)
    assert status(witness, Submission(0, [bytes(32)], submission.checkpoint).text()) == 422
    add(witness, LOG, 0, 100)
    assert status(witness, FORK.submission(100, 200).text()) == 422
    good = LOG.submission(100, 200)
    assert status(witness, Submission(100, good.path[:-1], good.checkpoint).text()) == 422
    assert add(witness, LOG, 100, 200)


def test_it_remembers_over_a_restart(tmp_path):
    with closing(Store.open(tmp_path / "witness.db")) as store:
        add(witness_on(store), LOG, 0, 100)
    with closing(Store.open(tmp_path / "witness.db")) as store:
        assert conflict(witness_on(store), LOG, 0, 60) == 100
        assert store.last(ORIGIN).root == LOG.root(100)


def test_what_is_not_cosigned_is_not_remembered(witness, store):
    add(witness, LOG, 0, 100)
    for log, old, size in [(FORK, 100, 200), (LOG, 0, 200), (LOG, 9, 8)]:
        with pytest.raises(Rejected):
            add(witness, log, old, size)
    assert store.last(ORIGIN).size == 100


def test_two_processes_on_one_store_are_one_witness(tmp_path):
    with closing(Store.open(tmp_path / "witness.db")) as one, closing(Store.open(tmp_path / "witness.db")) as other:
        add(witness_on(one), LOG, 0, 100)
        assert conflict(witness_on(other), LOG, 0, 60) == 100
        add(witness_on(other), LOG, 100, 200)
        assert conflict(witness_on(one), LOG, 100, 150) == 200


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be looked at as one" * 20, None])
def test_another_file_is_not_taken_for_a_store(tmp_path, content):
    path = tmp_path / "witness.db"
    if content is None:
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE fact (seq)")
    else:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"witness\.db"):
        Store.open(path)


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_rejected_as_malformed(text):
    with closing(in_memory()) as store, pytest.raises(Rejected) as caught:
        witness_on(store).add(text, at=AT)
    assert caught.value.status == 400


@given(st.data())
def test_one_changed_character_is_never_cosigned(data):
    text = LOG.submission(0, 20).text()
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.characters(codec="utf-8")) + text[at + 1 :]
    with closing(in_memory()) as store:
        try:
            line = witness_on(store).add(changed, at=AT)
        except Rejected:
            return
        assert cosigned_at(LOG.signed(20) + line, COSIGNER.verifier()) == AT  # nothing that was signed has changed


class AnyOrder(RuleBasedStateMachine):
    """Two stories under one key, submitted in any order: what was cosigned is of one of them, and only grows."""

    def __init__(self) -> None:
        super().__init__()
        self.store = in_memory()
        self.witness = witness_on(self.store)
        self.cosigned: list[tuple[Log, int]] = []

    @rule(log=st.sampled_from([LOG, FORK]), old=st.integers(0, 80), more=st.integers(-3, 80))
    def submit(self, log: Log, old: int, more: int) -> None:
        self._add(log, old, max(0, old + more))

    @rule(log=st.sampled_from([LOG, FORK]), more=st.integers(0, 80))
    def go_on(self, log: Log, more: int) -> None:
        old = self.store.last(ORIGIN).size
        self._add(log, old, min(old + more, len(LEAVES)))

    def _add(self, log: Log, old: int, size: int) -> None:
        try:
            add(self.witness, log, old, size)
        except Rejected:
            return
        self.cosigned.append((log, size))

    @invariant()
    def one_story(self) -> None:
        if not self.cosigned:
            return
        (last, size), sizes = self.cosigned[-1], [size for _, size in self.cosigned]
        assert sizes == sorted(sizes)
        assert all(last.root(each) == log.root(each) for log, each in self.cosigned)
        assert self.store.last(ORIGIN).size == size

    def teardown(self) -> None:
        self.store.close()


TestAnyOrder = AnyOrder.TestCase
