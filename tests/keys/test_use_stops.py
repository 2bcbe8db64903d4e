"""The list of whose use is stopped (C252), as a file: it comes back as written, is believed whole or not at all, and
names nobody.
"""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Misconfigured
from gateway.keys.private import EdgeKeys
from gateway.keys.use_stops import (
    FILE,
    UseStop,
    UseStops,
    changing,
    person_digest,
    read_use_stops,
    write_use_stops,
)
from gateway.wiring.use_stopping import read_list, use_stopping
from tests.flow.toys import OFFICE, TENANT

AT = "2026-11-22T01:02:03.000004Z"
PERSON, OTHER = "0000000001", "0000000002"
CASES = st.from_regex(r"[A-Za-z]{1,3}[0-9]{1,4}", fullmatch=True)
LINES = st.builds(UseStop, st.from_regex(r"[0-9a-f]{64}", fullmatch=True), st.just(AT), CASES)


@pytest.fixture(scope="module")
def keys(site) -> EdgeKeys:
    return site.office  # type: ignore[no-any-return]


def listed(keys: EdgeKeys, *persons: str, case: str = "R8-0012") -> UseStops:
    return UseStops().stop([person_digest(keys, each) for each in persons], case, AT)


@given(st.lists(LINES, max_size=5))
def test_it_comes_back_as_it_was_written(site, lines) -> None:
    stops = UseStops(tuple(lines))
    assert UseStops.decode(stops.encode(site.office), site.office) == stops


@given(st.data())
def test_a_list_that_was_altered_in_any_place_is_not_believed(site, data) -> None:
    written = listed(site.office, PERSON, OTHER).encode(site.office)
    place = data.draw(st.integers(0, len(written) - 1))
    change = data.draw(
        st.sampled_from([written[:place], written[:place] + bytes([written[place] ^ 1]) + written[place + 1 :]])
    )
    with pytest.raises(ValueError, match=r"seal|line"):
        UseStops.decode(change, site.office)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_not_believed(site, data) -> None:
    with pytest.raises(ValueError, match=r"seal"):
        UseStops.decode(data, site.office)


def test_a_list_of_another_secret_is_not_believed(site, tmp_path) -> None:
    write_use_stops(tmp_path, site.office, listed(site.office, PERSON))
    with pytest.raises(Misconfigured, match="put its last copy back"):
        read_use_stops(tmp_path, site.register)


def test_nobody_is_named_and_nobody_else_may_read_it(keys, tmp_path) -> None:
    write_use_stops(tmp_path, keys, listed(keys, PERSON))
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert PERSON not in file.read_text()
    assert file.read_text().splitlines()[1].split()[1:] == [AT, "R8-0012"]
    assert person_digest(keys, PERSON) not in (keys.tag(PERSON, "2026-11").hex(), keys.reference("note", b""))
    file.chmod(0o644)
    with pytest.raises(Misconfigured, match="others than its owner may read it"):
        read_use_stops(tmp_path, keys)


@pytest.mark.parametrize(
    ("written", "other"),
    [("0000000001", "1"), ("0000000001", "000000000001"), ("0000", "0"), ("A-00b7", "a-00B7"), ("１２", "0012")],
)
def test_one_person_is_one_however_the_number_is_written(keys, written, other) -> None:
    assert person_digest(keys, written) == person_digest(keys, other)


@pytest.mark.parametrize(("one", "other"), [("1", "10"), ("0", ""), ("a01", "a1"), ("01-2", "1-2")])
def test_what_is_no_other_writing_of_a_number_is_somebody_else(keys, one, other) -> None:
    assert person_digest(keys, one) != person_digest(keys, other)


def test_a_person_is_stopped_until_every_case_is_resumed(keys) -> None:
    one = person_digest(keys, PERSON)
    stops = listed(keys, PERSON).stop([one], "R8-0013", AT).stop([one], "R8-0013", AT)
    assert len(stops.lines) == 2
    left = stops.resume([one], "R8-0012")
    assert left.digests() == {one}
    assert left.resume([person_digest(keys, OTHER)], "R8-0013") == left
    assert left.resume([one], "R8-0013") == UseStops()


def test_what_cannot_be_written_leaves_the_former(keys, tmp_path, monkeypatch) -> None:
    former = listed(keys, PERSON)
    write_use_stops(tmp_path, keys, former)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Misconfigured, match=f"{FILE}: cannot be written: No space left on device"):
        write_use_stops(tmp_path, keys, UseStops())
    monkeypatch.undo()
    assert read_use_stops(tmp_path, keys) == former
    write_use_stops(tmp_path, keys, UseStops())  # what was left of the attempt is in nobody's way
    assert read_use_stops(tmp_path, keys) == UseStops()


def test_where_none_was_written_nobody_is_stopped_and_what_cannot_be_looked_at_is_no_empty_list(keys, tmp_path) -> None:
    assert read_use_stops(tmp_path, keys) == UseStops()
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_use_stops(tmp_path / "file", keys)


def test_whoever_changes_it_it_is_the_keys_owner_who_reads_it(keys, tmp_path: Path, monkeypatch) -> None:
    """A list that the running edge may not read would stop everything there."""
    given, own = list[tuple[int, int]](), tmp_path.stat()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _, user, group: given.append((user, group)))
    with changing(tmp_path):
        write_use_stops(tmp_path, keys, UseStops())
    assert given == [(own.st_uid, own.st_gid)]
    monkeypatch.setattr(os, "geteuid", lambda: own.st_uid + 1)
    with pytest.raises(Misconfigured, match="run this as the service's user"), changing(tmp_path):
        pass


def test_two_commands_at_once_lose_neither_stop(site, tmp_path) -> None:
    """One of them waits, while the other is recorded, until that has changed the list."""
    shutil.copytree(site.config.root, tmp_path / "root")
    config = replace(site.config, root=tmp_path / "root")

    def stop(number: int, record: Callable[[], object]) -> bool:
        with use_stopping(config, TENANT, OFFICE) as listed:
            whom = listed.person(b'{"internal_no": "%010d"}' % number)
            return listed.stop(whom, "R8-0012", datetime(2026, 11, 22, tzinfo=UTC), record)

    with ThreadPoolExecutor() as others:
        begun = list[Future[bool]]()

        def meanwhile() -> None:
            begun.append(others.submit(stop, 2, lambda: None))
            wait(begun, timeout=0.2)

        assert stop(1, meanwhile)
        assert begun[0].result(timeout=60)
    assert len(read_list(config, TENANT, OFFICE).digests()) == 2


def test_a_line_with_anything_else_is_no_line(keys) -> None:
    """Sealed all the same: only we could have, by a mistake."""
    (line,) = listed(keys, PERSON).lines
    for wrong in (replace(line, case="0000 1111 2222"), replace(line, case="000011112222"), replace(line, digest="0")):
        with pytest.raises(ValueError, match="line"):
            UseStops.decode(UseStops((wrong,)).encode(keys), keys)
