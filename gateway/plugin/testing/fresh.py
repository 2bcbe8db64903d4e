"""Run as a program, in an interpreter of its own: loads a connector's module, and says what its code did by that.

The rule: what a library does for itself when it is first imported is not the connector's doing.
"""

import importlib
import inspect
import json
import os
import sys
import threading
from types import FrameType, ModuleType
from typing import Any, Final

import pluggy

from gateway.errors import Misconfigured
from gateway.plugin import hookspecs
from gateway.plugin.connector import ConnectorSpec

WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT
"""The flags of a file that is opened to be written."""
PROGRAMS: Final = frozenset({"os.system", "os.posix_spawn", "subprocess.Popen"})
"""What the interpreter tells when another program is started."""
_ACTS: Final = PROGRAMS | {"os.mkdir", "os.rename", "os.remove", "sqlite3.connect"}
_IMPORTS: Final = "<frozen importlib"


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


class _Effects:
    """What the interpreter tells of (PEP 578) while code in or below some paths is at work."""

    def __init__(self, code: str) -> None:
        self.seen: set[str] = set()
        self._code = code.split(os.pathsep)

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(given[2], int) and given[2] & WRITES and given[0] != os.devnull
        if (writes or event in _ACTS or event.startswith("socket.")) and self._own(inspect.currentframe()):
            self.seen.add("a file written" if writes else event)

    def _own(self, frame: FrameType | None) -> bool:
        """Whether the import that is under way, if any, is of that code."""
        while frame is not None and not (file := frame.f_code.co_filename).startswith(_IMPORTS):
            if any(file == each or file.startswith(each + os.sep) for each in self._code):
                return True
            frame = frame.f_back
        return False


def main(module: str, code: str) -> None:
    """Print what loading it did, and what making a connector did, as JSON on the last line. `code` is where its own
    code lies: files and folders, as PATH has them.
    """
    effects, threads = _Effects(code), threading.active_count()
    sys.addaudithook(effects)

    def taken() -> list[str]:
        seen = sorted(effects.seen | ({"a thread"} if threading.active_count() > threads else set()))
        effects.seen.clear()
        return seen

    spec = registered(importlib.import_module(module))
    done = {"importing it": taken()}
    spec.factory()
    done["making a connector"] = taken()
    sys.stdout.write(f"\n{json.dumps(done)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
