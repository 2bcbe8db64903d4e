"""From the command's options to an exit status: finds the folder, plays the scenario, shows the report, tidies up."""

import asyncio
import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from rich.console import Console

from gateway_demo_city.scenario import play
from gateway_demo_city.show import Live, show
from gateway_demo_city.stage import Failed
from gateway_demo_city.subjects import Options

_PLAIN_WIDTH = 120


def run(*, residents: int, seed: int, file: Path | None, keep: Path | None, as_json: bool) -> int:
    """See `gateway_demo_city.main`."""
    # With --json, standard output holds the report and nothing else.
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
    if keep is not None and keep.exists() and any(keep.iterdir()):
        sys.stderr.write("--keep: the folder is not empty\n")
        return 2
    began = time.monotonic()
    live = Live(console)
    try:
        with _root(keep) as root:
            report = asyncio.run(play(Options(residents=residents, seed=seed, file=file), Path(root).resolve(), live))
    except Failed as failed:
        sys.stderr.write(f"The demo broke off: {failed}\n")
        return 1
    finally:
        live.close()
    report.seconds = time.monotonic() - began
    show(report, console, as_json=as_json)
    if keep is not None:
        console.print(f"Everything is kept in {keep}", highlight=False)
    return 0 if report.passed else 1


def _root(keep: Path | None) -> AbstractContextManager[str | Path]:
    return nullcontext(keep) if keep is not None else tempfile.TemporaryDirectory(prefix="renkei-demo-")
