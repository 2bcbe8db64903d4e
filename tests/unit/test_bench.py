"""What `make bench` counts is what happened."""

import sqlite3
import ssl

from pydantic_core import to_json

from bench.sink import HEALTH
from bench.ways import Way, ended_records
from gateway_vaccination_records import answers


async def nothing():
    return 0


def test_commits_are_counted_from_outside(tmp_path):
    way = Way("made up", "", ssl.create_default_context(), (), tmp_path, nothing)
    connection = sqlite3.connect(tmp_path / "made_up.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE row (number INTEGER)")
    before = way.commits()
    for number in range(3):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO row VALUES (?)", [(number,), (number,)])
        connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("INSERT INTO row VALUES (9)")
    assert way.commits() - before == 4
    connection.close()


def test_only_records_that_ended_at_the_sink_are_counted():
    name = "renkei_records_total"
    metrics = (
        f"# TYPE {name.removesuffix('_total')} counter\n"
        f'{name}{{destination="vaccination_records",outcome="accepted",code=""}} 5.0\n'
        f'{name}{{destination="vaccination_records",outcome="refused",code="superseded"}} 2.0\n'
        f'{name}{{destination="vaccination_records",outcome="deferred",code="system_busy"}} 3.0\n'
        f'{name}{{destination="health_management",outcome="accepted",code=""}} 7.0\n'
    )
    assert ended_records(metrics) == 7


def test_the_sink_is_as_well_as_the_connector_wants_its_system_to_be():
    """Else no gateway before it is ever ready."""
    assert not any(answers.waiting(to_json(HEALTH)).values())
