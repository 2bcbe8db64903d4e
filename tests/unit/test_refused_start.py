"""A start that is refused: what of it the system's log says, and that nothing is signed beside what a witness saw."""

import asyncio
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from gateway.cli import commands
from gateway.config import read
from gateway.edge import plugins
from gateway.errors import Misconfigured
from gateway.hub.journal import FactKind
from gateway.link.witness import Answer, Unanswered
from gateway.observe import Telemetry, configure
from gateway.wiring import hub_side
from gateway.wiring import running as starting
from gateway.wiring.journals import open_journal
from gateway.wiring.opening import SYSTEM
from tests.flow.watched import NAME, Near
from tests.journal.builders import AT

TENANT = "999997"
BEFORE = {"logs": {TENANT: 99}, "roots": {TENANT: "0" * 64}, "directories": {}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `gateway init` makes it, and the system's log says that the tenant's was longer."""
    root = tmp_path_factory.mktemp("made") / "city"
    assert CliRunner().invoke(commands.app, ["init", str(root)]).exit_code == 0
    with closing(open_journal(read(root), SYSTEM)) as system:
        asyncio.run(written(system))
    return root


async def written(system):
    await system.fact(FactKind.GATEWAY_STARTED, BEFORE, at=AT)


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "root"))


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Iterator[Near]:
    near = Near()
    for each in (hub_side, starting):
        monkeypatch.setattr(each, "open_witnesses", lambda _: [near])
    yield near
    near.store.close()


def start(root: Path, printed: io.StringIO | None = None) -> tuple[str, ...]:
    """Why it does not."""

    async def run() -> None:
        async with starting.running(root, Telemetry(configure(printed or io.StringIO()))):
            raise AssertionError

    with pytest.raises(Misconfigured) as caught:
        asyncio.run(run())
    return caught.value.problems


def said(root: Path) -> tuple[int, bool]:
    """How many facts the system's log has, and whether it says that a start was refused."""
    with closing(open_journal(read(root), SYSTEM)) as system:
        return system.size_and_root()[0], system.last(FactKind.GATEWAY_REFUSED_TO_START) is not None


def contradicted(witness: Near) -> None:
    witness.answer = lambda _: Answer(409, "999\n", 999)


def wrong(root: Path) -> None:
    """A directory that cannot be read: the configuration is in form, and cannot be started on."""
    (root / f"keys/{TENANT}/directory.note").write_text("none", encoding="utf-8")


def test_a_log_that_went_back_is_asked_about_all_the_same_and_nothing_is_added_to_it(root, witness):
    contradicted(witness)
    told = start(root)
    assert "fewer than the 99 of an earlier run" in told[0]
    assert [f"that the witness {NAME} cosigned" in each for each in told] == [False, True, True]
    assert said(root) == (1, False)


def test_each_plugin_is_loaded_once_for_a_start(root, monkeypatch):
    """What one does while it is loaded, it does once; and one that hangs holds the start up once."""
    loaded = []

    def load(name, among):
        loaded.append(name)
        return plugins.load(name, among)

    monkeypatch.setattr("gateway.wiring.opening.plugins", SimpleNamespace(**{**vars(plugins), "load": load}))
    assert "fewer than the 99 of an earlier run" in start(root)[0]
    assert sorted(loaded) == sorted(name for _, name in read(root).places)


def test_a_log_that_others_may_write_is_told_at_the_start(root):
    for log, mode in (("system", 0o600), (TENANT, 0o602)):
        (root / f"state/journal/{log}.db").touch()
        (root / f"state/journal/{log}.db").chmod(mode)
    printed = io.StringIO()
    start(root, printed)
    told = [json.loads(line) for line in printed.getvalue().splitlines() if "log.exposed" in line]
    assert [each["problem"].split(": ")[0] for each in told] == [f"{root}/state/journal/{TENANT}.db"]


def test_a_wrong_configuration_is_no_reason_to_sign_beside_what_a_witness_saw(root, witness):
    wrong(root)
    contradicted(witness)
    start(root)
    assert witness.heard
    assert said(root) == (1, False)


def test_a_wrong_configuration_is_a_fact_where_no_witness_says_otherwise(root, witness):
    wrong(root)
    start(root)
    assert said(root) == (2, True)


def test_nor_does_a_witness_that_does_not_answer_keep_it_from_being_one(root, witness):
    def silent(_):
        raise Unanswered("ClientConnectorError")

    wrong(root)
    witness.answer = silent
    start(root)
    assert said(root) == (2, True)


def test_where_none_can_be_asked_by_this_configuration_it_is_none(root, monkeypatch):
    def unreadable(_):
        raise Misconfigured(("config/gateway.toml: witnesses.#1.key: cannot be read",))

    wrong(root)
    monkeypatch.setattr(starting, "open_witnesses", unreadable)
    start(root)
    assert said(root) == (1, False)
