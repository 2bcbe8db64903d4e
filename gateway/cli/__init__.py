"""The command line: output that no terminal can break, and an end by Ctrl-C without a word."""

import gc
import io
import os
import signal
import sys
from pathlib import Path

_ALLOCATIONS = 20_000
"""Between two looks of the garbage collector. Python's own 700 make it look 600 times while modules load, in vain."""


def main() -> None:
    """The entry point `gateway`. The commands are imported in here, so that Ctrl-C is heard meanwhile."""
    if sys.argv[1:2] in (["run"], ["hub"], ["edge"]):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to reload
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # what a terminal cannot show is no reason to fail
    gc.set_threshold(_ALLOCATIONS, *gc.get_threshold()[1:])
    try:
        from gateway.cli.commands import app

        app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _open_closed() -> None:
    """What was closed leads nowhere: else nothing could be printed, and the next file that is opened would be it."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w" if number else "r"))  # noqa: SIM115  (as long as the process)
