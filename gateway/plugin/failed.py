"""What is told of a plugin's own code that failed: the kind and the place, never the text, which may hold anything."""

import contextlib
import os
import traceback
from pathlib import Path
from typing import Final

from gateway.errors import Misconfigured
from gateway.plugin.time_limit import TookTooLong

FROM_SETTINGS: Final = "take it from the settings in the configuration, never from the environment"
"""What to do if `wants_variable`."""


def told(what: str, error: BaseException, *modules: str) -> tuple[str, ...]:
    """Sentences. `modules` are the plugin's own, see `place`. Misconfigured is made to be read. Raises nothing,
    whatever the plugin put into its error.
    """
    at = ""
    with contextlib.suppress(Exception):
        if isinstance(error, Misconfigured) and (problems := tuple(map(str, error.problems))):
            return problems
        at = _absent(error) + place(error, *modules) if modules else ""
        if wants_variable(error):
            at += f": it reads a variable of the environment that is not set; {FROM_SETTINGS}"
    if isinstance(error, TookTooLong):
        return (f"{what} took longer than {error.seconds:.0f} s and was broken off{at}",)
    return (f"{what} raised {type(error).__name__}{at}",)


def place(error: BaseException, *modules: str, brief: bool = False) -> str:
    """The last line of these modules, or of their packages, that was at work, and beside it the library's that raised;
    empty if none of theirs was. `brief` is without the folder.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f" in {_file(error.filename, brief=brief)}:{error.lineno}"
    packages = {each.partition(".")[0] for each in modules}
    passed = [*traceback.walk_tb(error.__traceback__)]
    own = [at for at, (f, _) in enumerate(passed) if str(f.f_globals.get("__name__")).partition(".")[0] in packages]
    if not own:
        return ""
    (ours, line), (theirs, raised) = passed[own[-1]], passed[-1]
    file = theirs.f_code.co_filename
    elsewhere = theirs is not ours and not file.startswith("<") and not isinstance(error, TookTooLong)
    beside = f" (at {_file(file, brief=True)}:{raised})" if elsewhere else ""
    return f" in {_file(ours.f_code.co_filename, brief=brief)}:{line}{beside}"


def wants_variable(error: BaseException) -> bool:
    """Whether it is what `os.environ` raises of a variable that is not there."""
    last = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)][-1:]
    return isinstance(error, KeyError) and last == [type(os.environ).__getitem__.__code__]


def _absent(error: BaseException) -> str:
    """The module that could not be imported."""
    return f" for {error.name}" if isinstance(error, ImportError) and error.name else ""


def _file(name: str, *, brief: bool) -> str:
    return Path(name).name if brief else name
