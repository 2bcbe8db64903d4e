"""Work in a process of its own: code of others that ends its process ends no command with it, and is told."""

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final

from gateway.errors import GatewayError

_PAUSE: Final = 0.25
_PATIENCE: Final = 10.0
"""Seconds in which it takes down what it has started, once it is interrupted or done."""


class Ended(GatewayError):
    """The process ended before its work was done; says how."""


@contextlib.contextmanager
def apart(work: Callable[[], Iterable[Any]]) -> Iterator[Iterator[Any]]:
    """What the work yields, as it comes; it raises the work's GatewayError or OSError, and Ended.

    What it prints goes to stderr: stdout is the command's. At the end of the block the process is gone, and so is what
    it started and left behind, temporary files included, which keys are among; what began a session of its own, as a
    daemon does, stays.
    """
    with tempfile.TemporaryDirectory(prefix="apart-", ignore_cleanup_errors=True) as folder:
        context = get_context("fork")  # a command has no threads yet, whose locks it would inherit
        reader, writer = context.Pipe(duplex=False)
        process = context.Process(target=_do, args=(work, folder, reader, writer))
        process.start()
        assert process.pid is not None  # noqa: S101  (it was started)
        writer.close()
        try:
            yield _heard(reader, process)
        except BaseException:
            if process.is_alive():
                os.kill(process.pid, signal.SIGINT)
            raise
        finally:
            try:
                process.join(_PATIENCE)
            finally:  # also if the interrupt comes once more
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.join()
                reader.close()


def _do(work: Callable[[], Iterable[Any]], folder: str, reader: Connection, writer: Connection) -> None:
    os.dup2(2, 1)
    os.setsid()  # the terminal's interrupt is the command's, which passes it on; and by this finds what is left
    reader.close()
    tempfile.tempdir = folder
    threading.Thread(target=_end_with, args=(parent_process(), folder), daemon=True).start()
    with contextlib.suppress(OSError, KeyboardInterrupt):  # nobody listens any more, or it can no more be told
        try:
            for each in work():
                writer.send((each, None))
            writer.send(None)
        except (GatewayError, OSError) as error:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends by itself
            writer.send((None, error))


def _end_with(parent: Any, folder: str) -> None:
    """Nobody and nothing stays when the command is gone, however it went."""
    parent.join()
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def _heard(reader: Connection, process: BaseProcess) -> Iterator[Any]:
    """A process that is gone is not waited for, though another that it has forked may hold its end of the pipe."""
    while (said := _next(reader, process)) is not None:
        each, error = said
        if error is not None:
            raise error
        yield each


def _next(reader: Connection, process: BaseProcess) -> Any:
    gone = False
    while not reader.poll(_PAUSE):
        if gone:  # it was before that look
            raise Ended(_how(process))
        gone = not process.is_alive()
    try:
        return reader.recv()
    except (EOFError, OSError):
        raise Ended(_how(process)) from None
    except Exception:  # noqa: BLE001  (what others wrote there may raise whatever there is)
        process.kill()
        raise Ended("the process was ended for writing to a descriptor not its own") from None


def _how(process: BaseProcess) -> str:
    process.join(_PATIENCE)
    status = process.exitcode
    if status is None:
        return "the process says nothing any more"
    return f"the process ended with status {status}" if status >= 0 else f"the process ended by signal {-status}"
