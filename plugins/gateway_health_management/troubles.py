"""What keeps single files of the exchange folder from going on, told in one sentence until it is over.

A file is known here by its name, but the name stays here: health and telemetry say where, how many, why, what to do.
One rule: the connector is not well while a file is held up before `done/`; what stays there delays nobody, and is told.
"""

import os
from collections import Counter
from collections.abc import Collection
from enum import Enum
from typing import Final

from gateway.plugin import Health, Log
from gateway_health_management.rows import FileChanged, NotAFile


class Step(Enum):
    """Where a file is held up: the event in telemetry, and the sentence in health with the number of files."""

    TAKE = ("file_not_taken", "in/: {} cannot be moved to work/ ({}): let the gateway's user move it")
    READ = ("file_not_read", "work/: {} cannot be read ({}): let the gateway's user read it, or take it out")
    PUBLISH = ("status_not_written", "status/: the result of {} cannot be written ({}): make room there, or permit it")
    FINISH = ("file_not_moved", "done/: {} cannot be moved there ({}): let the gateway's user move it out of work/")
    DELETE = ("file_not_deleted", "done/: {} cannot be deleted ({}): let the gateway's user delete it")


_HARMLESS: Final = frozenset({Step.DELETE})
_BY_ITSELF: Final = "; it goes on by itself"


class Troubles:
    """One trouble a file, its latest. None is kept over a restart: the next round meets it again."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._held_up: dict[str, tuple[Step, str]] = {}

    def arose(self, name: str, step: Step, problem: OSError | FileChanged | NotAFile) -> None:
        """A file cannot take its next step now. Telemetry hears of it once, not in every round."""
        trouble = (step, cause(problem))
        if self._held_up.get(name) != trouble:
            self._log.warning(step.value[0], error=type(problem).__name__, cause=trouble[1])
        self._held_up[name] = trouble

    def over(self, name: str) -> None:
        """The file has taken its step."""
        self._held_up.pop(name, None)

    def keep(self, step: Step, names: Collection[str]) -> None:
        """Of those held up at this step, forget the files that are not there any more."""
        self._held_up = {name: it for name, it in self._held_up.items() if it[0] is not step or name in names}

    def health(self) -> Health | None:
        """What the operator must know, None if nothing."""
        if not self._held_up:
            return None
        steps = Counter(step for step, _ in self._held_up.values())
        said = []
        for step, many in steps.items():
            causes = sorted({why for at, why in self._held_up.values() if at is step})
            said.append(step.value[1].format(f"{many} file{'s' * (many > 1)}", ", ".join(causes)))
        return Health(ok=steps.keys() <= _HARMLESS, detail="; ".join(said) + _BY_ITSELF)


def cause(problem: OSError | FileChanged | NotAFile) -> str:
    """Why, in our words or the system's; an OSError's own text may hold a path, and so a person's name."""
    if not isinstance(problem, OSError):
        return str(problem)
    return os.strerror(problem.errno) if problem.errno is not None else type(problem).__name__
