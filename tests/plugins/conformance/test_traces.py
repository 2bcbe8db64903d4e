"""What code leaves in files is read, wherever and however it is left; what lies in the folder of its own is not."""

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from typing import TextIO

import pytest

from gateway.plugin.testing import traces as reading
from gateway.plugin.testing.traces import traced

VALUE = "made-up-4711"


def plainly(beyond: Path) -> None:
    (beyond / "debug.json").write_text(VALUE)


def behind_another_name(beyond: Path) -> None:
    with (beyond / "new").open("w") as file:
        file.write(VALUE)
    (beyond / "new").rename(beyond / "named")


def for_a_moment(beyond: Path) -> None:
    with tempfile.NamedTemporaryFile("w", dir=beyond) as file:
        file.write(VALUE)


def in_a_folder_for_a_moment(beyond: Path) -> None:
    with tempfile.TemporaryDirectory(dir=beyond) as folder:
        (Path(folder) / "dump").write_text(VALUE)


def without_a_name(beyond: Path) -> None:
    with tempfile.TemporaryFile("w", dir=beyond) as file:
        file.write(VALUE)


def aside(beyond: Path) -> None:
    thread = threading.Thread(target=plainly, args=(beyond,))
    thread.start()
    thread.join()


def in_a_database(beyond: Path) -> None:
    with closing(sqlite3.connect(beyond / "cache.sqlite3")) as database, database:
        database.execute("CREATE TABLE cache AS SELECT ? AS told", (VALUE,))


def in_a_database_named_by_a_uri(beyond: Path) -> None:
    name = f"{(beyond / 'with space').as_uri()}?mode=rwc"
    with closing(sqlite3.connect(name, uri=True)) as database, database:
        database.execute("CREATE TABLE cache AS SELECT ? AS told", (VALUE,))


LEFT_OPEN: list[TextIO] = []


def without_an_end(beyond: Path) -> None:
    LEFT_OPEN.append((beyond / "debug.log").open("a"))
    LEFT_OPEN[-1].write(VALUE)


@pytest.fixture(autouse=True)
def closed():
    yield
    while LEFT_OPEN:
        LEFT_OPEN.pop().close()


def in_the_name_of_a_file(beyond: Path) -> None:
    (beyond / f"{VALUE}.json").touch()


def in_a_new_name(beyond: Path) -> None:
    (beyond / "new").touch()
    (beyond / "new").rename(beyond / VALUE)


def in_a_second_name(beyond: Path) -> None:
    (beyond / "new").touch()
    (beyond / VALUE).hardlink_to(beyond / "new")


def in_the_name_of_a_folder(beyond: Path) -> None:
    (beyond / VALUE).mkdir()


def in_the_name_of_a_link(beyond: Path) -> None:
    (beyond / VALUE).symlink_to("nowhere")


def below_a_folder_that_is_open(beyond: Path) -> None:
    folder = os.open(beyond, os.O_RDONLY)
    os.mkdir(VALUE, dir_fd=folder)
    os.close(folder)


def written_in_its_place_then_moved(beyond: Path) -> None:
    plainly(place := beyond.with_name("place"))
    (place / "debug.json").rename(beyond / "export.json")


def written_in_its_place_then_moved_with_its_folder(beyond: Path) -> None:
    (made := beyond.with_name("place") / "made").mkdir()
    plainly(made)
    made.rename(beyond / "export")


def until_another_takes_its_name(beyond: Path) -> None:
    plainly(beyond)
    (beyond / "empty").touch()
    (beyond / "empty").replace(beyond / "debug.json")


def in_a_database_named_by_bytes(beyond: Path) -> None:
    with closing(sqlite3.connect(os.fsencode(beyond / "cache"))) as database, database:
        database.execute("CREATE TABLE cache AS SELECT ? AS told", (VALUE,))


def by_another_program(_: Path) -> None:
    subprocess.run([sys.executable, "-c", "", VALUE], check=True)


@pytest.mark.parametrize(
    "leave",
    [
        plainly,
        behind_another_name,
        for_a_moment,
        in_a_folder_for_a_moment,
        without_a_name,
        aside,
        in_a_database,
        in_a_database_named_by_a_uri,
        without_an_end,
        in_a_database_named_by_bytes,
        in_the_name_of_a_file,
        in_a_new_name,
        in_a_second_name,
        in_the_name_of_a_folder,
        in_the_name_of_a_link,
        below_a_folder_that_is_open,
        written_in_its_place_then_moved,
        written_in_its_place_then_moved_with_its_folder,
        until_another_takes_its_name,
        by_another_program,
    ],
)
def test_what_is_left_is_read(leave, tmp_path):
    for name in ("beyond", "place"):
        (tmp_path / name).mkdir()
    with traced(tmp_path / "place") as traces:
        leave(tmp_path / "beyond")
        told = traces.texts()
    assert [where for where, text in told if VALUE in text]


def test_what_is_written_behind_much_that_was_there_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "_MOST", 1000)
    (tmp_path / "there.log").write_bytes(bytes(5000))
    with traced(tmp_path / "place") as traces:
        with (tmp_path / "there.log").open("a") as file:
            file.write(VALUE)
        (tmp_path / "there.log").rename(tmp_path / "there.log.1")  # as a log does that is turned over
        plainly(tmp_path)
        told = traces.texts()
    assert len([where for where, text in told if VALUE in text]) == 2
    assert max(len(text) for _, text in told) == 1000


def test_links_that_lead_to_each_other_are_no_file(tmp_path):
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / name).symlink_to(tmp_path / other)
    with traced(tmp_path / "place"), pytest.raises(OSError, match="symbolic links"):
        (tmp_path / "a").write_text(VALUE)


def test_what_is_left_in_its_own_folder_or_nowhere_is_not(tmp_path):
    with traced(tmp_path) as traces:
        plainly(tmp_path)
        Path(os.devnull).write_text(VALUE)
        told = traces.texts()
    assert not [where for where, text in told if VALUE in text]


def test_nothing_is_looked_at_before_or_after(tmp_path):
    with traced(tmp_path / "place") as traces:
        pass
    plainly(tmp_path)
    assert traces.texts() == []


def test_what_is_written_into_a_file_that_was_open_before_is_read(tmp_path):
    """As a handle that is kept from the first call on: written through, in memory still, or below no name any more."""
    (tmp_path / "place").mkdir()
    kept, gone, own = ((tmp_path / name).open("w") for name in ("kept", "gone", "place/own"))
    (tmp_path / "gone").unlink()
    LEFT_OPEN.extend((kept, gone, own))
    kept.write("from before")
    with traced(tmp_path / "place") as traces:
        for file, value in ((kept, "kept"), (gone, "gone"), (own, "own")):
            file.write(value)
        told = traces.texts()
    assert {text for _, text in told} >= {"kept", "gone"}
    assert not [text for _, text in told if "before" in text or "own" in text]


def test_a_file_that_is_written_anew_is_read_from_its_beginning(tmp_path):
    LEFT_OPEN.append(kept := (tmp_path / "kept").open("w+"))
    kept.write("much that was there before")
    with traced(tmp_path / "place") as traces:
        kept.seek(0)
        kept.truncate()
        kept.write(VALUE)
        told = traces.texts()
    assert [text for _, text in told if text == VALUE]
