"""A folder of a log that purges: whatever is without content, a fact of the folder says so, and none went too early."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from gateway.evidence.check import check_folder
from gateway.hub.journal import FactKind
from gateway.hub.journal.export import export
from tests.journal.builders import SIGNER, TENANT, open_journal
from tests.journal.test_retention import AT, EMPTY, NOW, OLD, purge, sql

LIMIT = "2023-03-31T15:00:00.000000Z"
"""A midnight in Japan, as limits are."""


async def noise(path: Path, times: list[str]) -> None:
    """A log of facts from these times, closed and signed."""
    journal = open_journal(path)
    await asyncio.gather(*(journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=at) for at in times))
    journal.close()


async def test_what_is_purged_while_it_is_exported_is_without_content_by_a_fact_of_the_folder(tmp_path: Path) -> None:
    """Beside a running gateway."""
    path, into = tmp_path / f"{TENANT}.db", tmp_path / "log"
    await noise(path, [OLD] * 260)
    gone = list[int]()
    with closing(open_journal(path)) as journal:
        loop = asyncio.get_running_loop()

        def progress(done: int, _: int) -> None:
            if done == 256 and not gone:
                gone.append(asyncio.run_coroutine_threadsafe(purge(journal), loop).result(timeout=60))

        await journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=AT)
        await journal.checkpoint()
        await asyncio.wait_for(asyncio.to_thread(export, path, into, SIGNER.verifier(), progress), 60)
    report = check_folder(into, SIGNER.verifier(), now=NOW)
    assert (gone, report.problem, report.facts) == ([260], None, 262)
    assert report.gone + report.stale == 260


@pytest.mark.parametrize(
    ("stands", "early"),
    [
        ("2023-03-31T14:59:59.999999Z", False),
        ("2023-04-01T00:00:00.000000Z", True),
        (AT, True),
        ("2026-04-02T00:00:00.000000Z", False),
    ],
)
async def test_what_stands_before_a_purged_fact_shows_whether_that_went_too_early(
    tmp_path: Path, stands: str, *, early: bool
) -> None:
    """Unless it claims to be from after the purging: then a clock had run ahead."""
    path, into = tmp_path / f"{TENANT}.db", tmp_path / "log"
    await noise(path, [stands, OLD])
    journal = open_journal(path)
    await journal.fact(FactKind.FACTS_PURGED, {"before": LIMIT, "facts": "2", "tags": 0}, at=AT)
    journal.close()
    sql(path, EMPTY.format(2))
    export(path, into, SIGNER.verifier())
    problem = check_folder(into, SIGNER.verifier(), now=NOW).problem
    assert problem == ("facts 2 to 2 were purged too early, by those before them" if early else None)
