"""The demo's processes: said to have failed when they did, ended when the stage is left."""

import sys
from pathlib import Path

import pytest

from gateway_demo_city import stage as stages
from gateway_demo_city.stage import Failed, Stage, free_port, until

STAYS = "import time; print('{\"port\": 7}', flush=True); time.sleep(60)"


async def test_a_process_tells_its_first_line_and_ends_on_sigterm(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        process = await stage.start("stays", sys.executable, "-c", STAYS)
        assert await process.first_line() == {"port": 7}
        assert await process.stop() == -15
        assert process.last_line() == {"port": 7}


async def test_what_still_runs_is_ended_when_the_stage_is_left(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        process = await stage.start("stays", sys.executable, "-c", STAYS)
    assert process.child.returncode == -15


async def test_a_process_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        process = await stage.start("falls", sys.executable, "-c", "import sys; sys.exit('no such port')")
        with pytest.raises(Failed, match=r"falls ended with 1(.|\n)*no such port"):
            await process.first_line()
        with pytest.raises(Failed, match="once ended with 3"):
            await stage.must("once", sys.executable, "-c", "raise SystemExit(3)")


async def test_what_is_given_is_read_from_standard_input(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        told = await stage.must("reads", sys.executable, "-c", "print(input())", given="架空\n".encode())
    assert told == "架空\n"


async def test_waiting_in_vain_ends() -> None:
    with pytest.raises(Failed, match="in vain"):
        await until(lambda: False, patience=0.05)


def test_no_port_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was told it may not have bound it yet."""
    monkeypatch.setattr(stages, "_PORTS", range(19900, 20000))
    monkeypatch.setattr(stages, "_given", set())
    assert len({free_port() for _ in range(40)}) == 40
