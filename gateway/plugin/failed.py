"""What is told of a plugin's own code that failed: the kind and the place, never the text, which may hold anything."""

import contextlib
import traceback

from gateway.errors import Misconfigured
from gateway.plugin.time_limit import TookTooLong


def told(what: str, error: BaseException, *modules: str) -> tuple[str, ...]:
    """Sentences. `modules` are the plugin's own: the place is the line of theirs, or of their packages, that was at
    work last. Misconfigured is made to be read. Raises nothing, whatever the plugin put into its error.
    """
    place = ""
    with contextlib.suppress(Exception):
        if isinstance(error, Misconfigured) and (problems := tuple(map(str, error.problems))):
            return problems
        place = _place(error, modules) if modules else ""
    if isinstance(error, TookTooLong):
        return (f"{what} took longer than {error.seconds:.0f} s and was broken off{place}",)
    return (f"{what} raised {type(error).__name__}{place}",)


def _place(error: BaseException, modules: tuple[str, ...]) -> str:
    """The module that could not be imported, and the last line of the plugin's own code that was at work."""
    absent = f" for {error.name}" if isinstance(error, ImportError) and error.name else ""
    if isinstance(error, SyntaxError) and error.filename:
        return f" in {error.filename}:{error.lineno}"
    packages = {each.partition(".")[0] for each in modules}
    walked = traceback.walk_tb(error.__traceback__)
    lines = [(f, line) for f, line in walked if str(f.f_globals.get("__name__")).partition(".")[0] in packages]
    return absent + "".join(f" in {frame.f_code.co_filename}:{line}" for frame, line in lines[-1:])
