"""Run as a program, in an interpreter of its own: loads a connector's module, and says what its code did by that.

The rule: what a library does for itself when it is first imported is not the connector's doing. It imports nothing else
of the suite, whose libraries would else be there before.
"""

import asyncio
import builtins
import contextlib
import decimal
import gc
import importlib
import inspect
import json
import locale
import logging
import os
import random
import signal
import socket
import ssl
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final, TypeAlias

import pluggy

from gateway.errors import Misconfigured
from gateway.plugin import hookspecs
from gateway.plugin.connector import ConnectorSpec

WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT
"""The flags of a file that is opened to be written."""
PROGRAMS: Final = frozenset(
    {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn", "subprocess.Popen"}
)
"""What the interpreter tells when another program is started."""
_ACTS: Final = PROGRAMS | {"os.mkdir", "os.rename", "os.remove", "sqlite3.connect"}
_IMPORTS: Final = "<frozen importlib"
_NAMES: Final = {
    module: [name for name, each in vars(module).items() if callable(each)]
    for module in (asyncio, builtins, json, logging, os, socket, ssl, time)
}
"""Functions and classes that one could replace for all."""
State: TypeAlias = Mapping[str, Any]
"""What all code of a process shares, by what it is called: equal as long as nobody changes it."""


def registered(module: ModuleType) -> ConnectorSpec:
    """What the module's hook returns. Raises Misconfigured if that is not one spec."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    manager.check_pending()
    specs = manager.hook.renkei_connector()
    if len(specs) != 1 or not isinstance(specs[0], ConnectorSpec):
        raise Misconfigured(("its hook renkei_connector does not return one ConnectorSpec",))
    return specs[0]


def state() -> State:
    """As it is now."""
    root = logging.getLogger()
    return {
        "the environment": dict(os.environ),
        "the time zone": (time.tzname, time.timezone),
        "the umask": _umask(),
        "the working folder": Path("/proc/self/cwd").readlink(),
        "the sockets' default timeout": socket.getdefaulttimeout(),
        "the root logger": (root.level, [*root.handlers], [*root.filters], root.manager.disable),
        "a hook for exceptions": (sys.excepthook, sys.unraisablehook, threading.excepthook),
        "a signal's handler": {each: signal.getsignal(each) for each in signal.valid_signals()},
        "sys.path": [*sys.path],
        "the filters of warnings": [*warnings.filters],
        "the locale": locale.setlocale(locale.LC_ALL),
        "the policy of event loops": asyncio.get_event_loop_policy(),
        "how warnings are shown": warnings.showwarning,
        "sys.stdout or sys.stderr": (sys.stdout, sys.stderr),
        "the garbage collector": (gc.isenabled(), gc.get_threshold()),
        "the recursion limit": sys.getrecursionlimit(),
        "the switch interval": sys.getswitchinterval(),
        "the decimal context": [_rules(each) for each in (decimal.getcontext(), decimal.DefaultContext)],
        **{f"a name in {each.__name__}": [getattr(each, name, None) for name in _NAMES[each]] for each in _NAMES},
    }


def changed(before: State, after: State) -> list[str]:
    """What is not as it was."""
    return [f"{name} changed" for name, value in before.items() if after[name] != value]


def _shared_by_import(own: str) -> State:
    """What others may change later in good order, but no import: whence random numbers come, which some draw, and the
    loggers that there are, but those below the name `own`.
    """
    loggers = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    others = (each for each in loggers if each.name.partition(".")[0] != own)
    return {"the seed of random": random.getstate()[1][:-1]} | {
        f"the logger {each.name}": (each.level, each.disabled) for each in others
    }


def _rules(context: decimal.Context) -> tuple[object, ...]:
    """Without the flags, which every calculation may raise."""
    return context.prec, context.rounding, context.Emin, context.Emax, context.clamp, {**context.traps}


def _umask() -> int:
    former = os.umask(0o077)
    os.umask(former)
    return former


class _Effects:
    """What the interpreter tells of (PEP 578) while code in or below some paths is at work."""

    def __init__(self, code: str) -> None:
        self.seen: set[str] = set()
        self._code = code.split(os.pathsep)

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(given[2], int) and given[2] & WRITES and given[0] != os.devnull
        if (writes or event in _ACTS or event.startswith("socket.")) and self._acts(inspect.currentframe()):
            self.seen.add("a file written" if writes else event)

    def _acts(self, frame: FrameType | None) -> bool:
        """Whether the import that is under way, if any, is of that code."""
        while frame is not None and not (file := frame.f_code.co_filename).startswith(_IMPORTS):
            if self.owns(file):
                return True
            frame = frame.f_back
        return False

    def owns(self, file: object) -> bool:
        """Whether it is of that code."""
        return any(file == each or str(file).startswith(each + os.sep) for each in self._code)


def main(module: str, code: str, *libraries: str) -> None:
    """Print what loading it did, and what making a connector did, as JSON on the last line; and which libraries came
    with it. Those that are given are imported before: what they change in the process is not the connector's doing.
    `code` is where its own code lies: files and folders, as PATH has them.
    """
    answer = os.fdopen(os.dup(1), "w", encoding="ascii")  # whatever becomes of sys.stdout
    for each in libraries:
        with contextlib.suppress(Exception):  # the connector, too, may do without it
            importlib.import_module(each)

    def everything() -> State:
        return {**state(), **_shared_by_import(module.partition(".")[0])}

    random.random()  # noqa: S311  (so that one more does not make the next numbers)
    known, effects, threads, before = {*sys.modules}, _Effects(code), threading.active_count(), everything()
    sys.addaudithook(effects)

    def taken() -> list[str]:
        nonlocal before
        seen = sorted(effects.seen | ({"a thread"} if threading.active_count() > threads else set()))
        seen += changed(before, before := everything())
        effects.seen.clear()
        return seen

    spec = registered(importlib.import_module(module))
    done = {"importing it": taken()}
    spec.factory()
    done["making a connector"] = taken()
    new = [name for name in {**sys.modules} if name not in known]
    came = [name for name in new if not effects.owns(getattr(sys.modules[name], "__file__", None))]
    answer.write(f"\n{json.dumps({'done': done, 'libraries': came})}\n")
    answer.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
