"""What code says in the streams, warnings and logs that Python has, and what an exception says."""

import contextlib
import io
import logging
import traceback
import warnings
from collections.abc import Iterator
from typing import Any, Final

_USUAL: Final = frozenset(vars(logging.makeLogRecord({})))


@contextlib.contextmanager
def heard() -> Iterator[list[tuple[str, str]]]:
    """Stdout, stderr, warnings, and whatever is logged by whomever at whatever level, wherever that goes; its texts,
    each with where it was, are put to what is yielded at the end of the block.
    """
    texts: list[tuple[str, str]] = []
    out, err, logged = io.StringIO(), io.StringIO(), list[logging.LogRecord]()
    root, make = logging.getLogger(), logging.getLogRecordFactory()
    level = root.level

    def kept(*given: Any, **named: Any) -> logging.LogRecord:
        logged.append(make(*given, **named))
        return logged[-1]

    logging.setLogRecordFactory(kept)
    root.setLevel(logging.DEBUG)
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("always")
            yield texts
    finally:
        root.setLevel(level)
        logging.setLogRecordFactory(make)
    texts += [("stdout", out.getvalue()), ("stderr", err.getvalue())]
    texts.append(("a warning", " ".join(str(each.message) for each in warned)))
    texts += [(f"what {record.name} logs", text) for record in logged for text in _printed(record)]


@contextlib.contextmanager
def texts_alone() -> Iterator[None]:
    """Within the block what is logged is made to its text at once: whoever keeps it, as a test runner does, holds
    neither what was logged, but for what is `extra`, nor the frames of an exception.
    """
    make, traced = logging.getLogRecordFactory(), logging.Formatter()

    def plain(*given: Any, **named: Any) -> logging.LogRecord:
        record = make(*given, **named)
        with contextlib.suppress(Exception):  # its words do not fit what it is given: who prints it says so
            record.msg, record.args = record.getMessage(), None
        if record.exc_info:
            record.exc_text, record.exc_info = traced.formatException(record.exc_info), None
        return record

    logging.setLogRecordFactory(plain)
    try:
        yield
    finally:
        logging.setLogRecordFactory(make)


def _printed(record: logging.LogRecord) -> Iterator[str]:
    """Whatever of it may be printed: its message, what is there beside it, its exception."""
    with contextlib.suppress(TypeError, ValueError):  # its words do not fit what it is given: stderr says so
        yield record.getMessage()
    yield repr({name: each for name, each in vars(record).items() if name not in _USUAL})
    yield from chain(record.exc_info[1] if record.exc_info else None)


def chain(error: BaseException | None) -> Iterator[str]:
    """The texts of an exception and of what it would be printed with."""
    while error is not None:
        yield f"{error} {error!r} {error.args!r}"
        yield "".join(traceback.format_exception_only(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
