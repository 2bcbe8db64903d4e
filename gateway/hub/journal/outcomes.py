"""The compact form of many outcomes: one object for each distinct ending, with its records as ranges ("0-2,4").

Facts hold outcomes in this form; a file of thousands of accepted rows is one short line.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from gateway.messages import Ending, RecordOutcome

DEFERRED = "deferred"


def ranges(indices: Iterable[int]) -> str:
    """Indices as ranges, ascending: {4, 0, 1, 2} is "0-2,4"."""
    ascending = enumerate(sorted(set(indices)))
    # Within an unbroken run, index minus position stays the same.
    runs = ([index for _, index in run] for _, run in groupby(ascending, key=lambda each: each[1] - each[0]))
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def indices(text: str) -> Iterator[int]:
    """The reverse of `ranges`."""
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def group(outcomes: Iterable[RecordOutcome]) -> list[dict[str, str]]:
    """Outcomes by what they have in common, in the order of each group's first record."""
    groups: dict[tuple[Ending | None, str | None, str | None], list[int]] = {}
    for each in sorted(outcomes, key=lambda outcome: outcome.index):
        groups.setdefault((each.ending, each.code, each.path), []).append(each.index)
    return [
        {
            "ending": ending.value if ending else DEFERRED,
            **({"code": code} if code is not None else {}),
            **({"path": path} if path is not None else {}),
            "records": ranges(members),
        }
        for (ending, code, path), members in groups.items()
    ]


def ungroup(groups: Iterable[dict[str, Any]]) -> tuple[RecordOutcome, ...]:
    """The reverse of `group`, by index."""
    spread = [
        RecordOutcome(
            index, None if each["ending"] == DEFERRED else Ending(each["ending"]), each.get("code"), each.get("path")
        )
        for each in groups
        for index in indices(each["records"])
    ]
    return tuple(sorted(spread, key=lambda outcome: outcome.index))
