"""What comes out at the descriptors of stdout and stderr is caught for a while, and goes where it went before."""

import sys
from contextlib import redirect_stdout
from pathlib import Path

from gateway.plugin.testing.descriptors import caught


def test_what_is_said_within_is_caught_and_what_before_and_after_is_not(tmp_path):
    """Of a stream that keeps in memory what it is given."""
    (tmp_path / "place").mkdir()
    with (tmp_path / "out").open("w") as out, redirect_stdout(out):
        sys.stdout.write("before ")
        with caught(tmp_path / "place") as said:
            sys.stdout.write("within")
        sys.stdout.write("after")
    assert (said, (tmp_path / "out").read_text()) == (["within"], "before after")


def test_it_leaves_no_descriptor_open(tmp_path):
    with (tmp_path / "out").open("w") as out, redirect_stdout(out):
        with caught(tmp_path):
            pass
        to_it = [each for each in Path("/proc/self/fd").iterdir() if each.exists() and each.samefile(tmp_path / "out")]
    assert len(to_it) == 1
