"""What a restore leaves: whole logs that grew out of all that was kept elsewhere, or nothing to start on."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import commands
from gateway.config import load
from gateway.errors import Misconfigured
from gateway.hub.journal import FactKind, Journal
from gateway.hub.journal.copying import durable
from gateway.hub.journal.facts import commitment, fact_body
from gateway.link.witness import Answer, Unanswered
from gateway.tlog.note import Checkpoint, sign
from gateway.wiring import backup, by_command, restoring
from gateway.wiring.journals import open_journal
from gateway.wiring.opening import SYSTEM, log_signer
from tests.flow.watched import NAME, Near
from tests.journal.builders import AT

TENANT = "999997"
FACTS = 6


def filled(root: Path, facts: int) -> None:
    """So many more facts in both logs."""
    for name in (SYSTEM, TENANT):
        with closing(open_journal(load(root), name)) as journal:
            asyncio.run(told(journal, facts))


async def told(journal: Journal, facts: int) -> None:
    await journal.fact(FactKind.OPERATOR_ACTED, {"operator": "staff-0100", "act": "table"}, at=AT)
    for count in range(1, facts):
        await journal.fact(FactKind.NOISE_COUNTED, {"listener": "made_up", "count": count}, at=AT)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`city` as `gateway init` makes it, with two logs; `copy`, its backup; and `city` has more facts since."""
    folder = tmp_path_factory.mktemp("made")
    assert CliRunner().invoke(commands.app, ["init", str(folder / "city")]).exit_code == 0
    filled(folder / "city", FACTS)
    backup.make(folder / "city", folder / "copy", lambda _: "20261122-made0up1", lambda _: None)
    filled(folder / "city", FACTS)
    return folder


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """The city with everything but its logs."""
    return Path(shutil.copytree(made / "city", tmp_path / "root", ignore=shutil.ignore_patterns("state")))


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Iterator[Near]:
    near = Near()
    monkeypatch.setattr(restoring, "open_witnesses", lambda _: [near])
    yield near
    near.store.close()


def restored(root: Path, made: Path, *earlier: Path) -> list[str]:
    return restoring.restore(root, made / "copy", earlier, lambda _: None)[1]


def nothing(root: Path) -> bool:
    return not list(root.glob("state/*")) and not list(root.rglob("*.db"))


def kept(root: Path, to: Path, size: int, hashed: bytes) -> Path:
    """A checkpoint of the tenant's log, that somebody else kept."""
    signer = log_signer(load(root), TENANT)
    to.write_text(sign(Checkpoint(signer.name, size, hashed).text(), signer), encoding="utf-8")
    return to


def test_a_log_must_have_grown_out_of_each_checkpoint_of_it_in_whatever_order(made, root, tmp_path):
    with closing(open_journal(load(made / "city"), TENANT)) as journal:
        found = journal.proofs.checkpoint()
    assert found is not None
    good, note = found
    later = tmp_path / "later"
    later.write_text(note, encoding="utf-8")
    assert good > FACTS
    another = kept(root, tmp_path / "another", 2, bytes(32))
    first = kept(root, tmp_path / "first", 0, Checkpoint.parse(empty_tree()).root)
    for wrong in (later, another):
        for files in permutations((wrong, first)):
            with pytest.raises(Misconfigured):
                restored(root, made, *files)
            assert nothing(root)
    assert restored(root, made, first) == []


def test_which_kept_checkpoint_a_backup_did_not_grow_out_of_is_said_by_its_file(made, root, tmp_path):
    with closing(open_journal(load(made / "city"), TENANT)) as journal:
        size, note = journal.proofs.checkpoint() or (0, "")
    later, another = tmp_path / "later", kept(root, tmp_path / "another", 2, bytes(32))
    later.write_text(f"{note}\n", encoding="utf-8")  # as sqlite3 prints it
    with pytest.raises(Misconfigured) as caught:
        restored(root, made, later, another)
    assert caught.value.problems == (
        f"{TENANT}: facts {FACTS + 1} to {size} are missing: {later} counts them; take a newer backup",
        f"{TENANT}: facts up to 2 are not those that {another} signs: it is not the log that this was made of",
    )


def test_a_pipe_in_the_place_of_the_sums_does_not_hold_a_restore_up(made, root, tmp_path):
    copy = shutil.copytree(made / "copy", tmp_path / "copy")
    (copy / "SHA256SUMS").unlink()
    os.mkfifo(copy / "SHA256SUMS")
    with pytest.raises(Misconfigured, match="SHA256SUMS is not an ordinary file"):
        restoring.restore(root, copy, (), lambda _: None)
    assert nothing(root)


def empty_tree() -> str:
    return "any\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"


@pytest.mark.parametrize("step", ["copy_log", "verified", "open_journal", "durable"])
@pytest.mark.parametrize("ended", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_what_is_interrupted_leaves_nothing_to_start_on(made, root, monkeypatch, step, ended):
    place = by_command if step == "open_journal" else restoring
    genuine: Callable[..., Any] = getattr(place, step)

    def interrupted(*given: Any) -> Any:
        genuine(*given)
        raise ended

    monkeypatch.setattr(place, step, interrupted)
    with pytest.raises(type(ended)):
        restored(root, made)
    assert nothing(root)
    monkeypatch.undo()
    assert restored(root, made) == []


def test_nothing_is_in_its_place_before_all_of_it_is_whole(made, root, monkeypatch):
    """So that a restore that is killed leaves no log where a gateway would take it for one."""
    seen = []
    genuine = durable

    def looked(path: Path) -> None:
        seen.append((path.name, nothing_in_place(root)))
        genuine(path)

    monkeypatch.setattr(restoring, "durable", looked)
    restored(root, made)
    assert seen == [(".journal.restoring", True), ("state", False)]
    assert not list(root.glob("state/.journal.restoring"))


def nothing_in_place(root: Path) -> bool:
    return not (root / "state/journal").exists()


def test_what_a_killed_one_left_is_named_and_not_taken_for_a_log(made, root):
    left = root / "state/.journal.restoring"
    left.mkdir(parents=True)
    with pytest.raises(Misconfigured, match=r"\.journal\.restoring: is of a restore that was killed"):
        restored(root, made)
    assert left.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["backup", "{plain}/copy"], "{plain}/copy: Not a directory"),
        (["log", "export", TENANT, "{plain}"], "{plain}: File exists"),
    ],
)
def test_a_place_that_cannot_be_is_one_sentence(made, tmp_path, words, told):
    plain = tmp_path / "plain"
    plain.touch()
    done = CliRunner().invoke(
        commands.app, [*(each.format(plain=plain) for each in words), "--root", str(made / "city")]
    )
    assert done.exit_code == 2
    assert told.format(plain=plain) in done.stderr
    assert "Traceback" not in done.output


# ---- witnesses -------------------------------------------------------------------------------------------------------


def test_where_a_witness_saw_more_nothing_is_signed_nor_left(made, root, witness):
    witness.answer = lambda _: Answer(409, "999\n", 999)
    with pytest.raises(Misconfigured) as caught:
        restored(root, made)
    assert [f"that the witness {NAME} cosigned" in each for each in caught.value.problems] == [True, True]
    assert nothing(root)
    assert {Checkpoint.parse(each.checkpoint.partition("\n\n")[0] + "\n").size for each in witness.heard} == {FACTS}


def test_a_witness_that_does_not_answer_is_named_and_holds_nothing_up(made, root, witness):
    def silent(_):
        raise Unanswered("ClientConnectorError")

    witness.answer = silent
    (sentence,) = restored(root, made)
    why = "it does not answer (ClientConnectorError)"
    assert sentence == f"the witness {NAME} has cosigned nothing of any log yet: {why}"
    with closing(open_journal(load(root), SYSTEM)) as system:
        told = system.last(FactKind.LOGS_RESTORED)
    assert told is not None
    assert told["logs"] == {TENANT: FACTS}


def test_a_restore_that_no_witness_answered_ends_with_that(made, root, witness):
    def silent(_):
        raise Unanswered("ClientConnectorError")

    witness.answer = silent
    done = CliRunner().invoke(commands.app, ["restore", str(made / "copy"), "--root", str(root)])
    assert done.exit_code == 0
    assert f"the witness {NAME} has cosigned nothing" in done.stderr
    assert done.stdout.splitlines()[-1].startswith("but nothing says that this backup is new enough")


def test_a_right_that_nobody_signed_is_not_believed(made, root, tmp_path):
    """Whoever can write a backup needs no key to add a fact behind the last checkpoint."""
    copy = Path(shutil.copytree(made / "copy", tmp_path / "copy"))
    log = copy / "state/journal" / f"{TENANT}.db"
    right = {"person": "staff-0666", "role": "officer", "certificate": "c" * 64, "until": "2027-01-01"}
    with closing(sqlite3.connect(log, isolation_level=None)) as connection:
        (size,) = connection.execute("SELECT max(seq) FROM fact").fetchone()
        body = fact_body(size + 1, AT, FactKind.PERSON_GRANTED, right)
        row = (size + 1, AT, "person.granted", commitment(bytes(32), body), bytes(32), body)
        connection.execute("INSERT INTO fact (seq, at, kind, commitment, salt, body) VALUES (?,?,?,?,?,?)", row)
    sums = (copy / "SHA256SUMS").read_text().splitlines()
    name = str(log.relative_to(copy))
    told = [f"{backup.sum_of(log)}  {name}" if each.endswith(name) else each for each in sums]
    (copy / "SHA256SUMS").write_text("".join(f"{each}\n" for each in told))
    with pytest.raises(Misconfigured, match=f"fact {size + 1} is a person.granted, and no checkpoint signs it"):
        restoring.restore(root, copy, [], lambda _: None)
    assert nothing_in_place(root)
