"""How the cells of a report are worded: items and operations by the labels of the locked interfaces, law by its
reference.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final

from gateway.hub.journal.outcomes import indices
from gateway.hub.rules import HubRules

ENDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {"accepted": "受領", "duplicate": "受領済み", "refused": "拒否", "dead": "不達"}
)
OPEN: Final = "処理中"
"""What has not ended yet."""


def items(rules: HubRules, connector: str, paths: Iterable[str]) -> str:
    """Each item as its label and its path, in the order of the paths; what today's interface lacks by its path."""
    labelled = ((rules.labels.get((connector, path)), path) for path in sorted(set(paths)))
    return "、".join(f"{label}({path})" if label else path for label, path in labelled)


def operation(rules: HubRules, connector: str, name: str) -> str:
    """As `items`, of one operation."""
    label = rules.labels.get((connector, name))
    return f"{label}({name})" if label else name


def plainly(rules: HubRules, connector: str, names: Iterable[str]) -> str:
    """Items or an operation as somebody reads them who knows none of the names: by the labels alone, each once."""
    return "、".join(dict.fromkeys(rules.labels.get((connector, name)) or name for name in sorted(set(names))))


def system(rules: HubRules, connector: str) -> str:
    """A connector as its interface calls its system; by its name where that says nothing."""
    return rules.systems.get(connector) or connector


def purpose(rules: HubRules, word: str) -> str:
    """As the configuration says what a purpose is; by its word where it does not."""
    return rules.tenant.file.purposes.get(word, word)


def body(rules: HubRules, code: str) -> str:
    """Another body by the name that the configuration has for it, and its code."""
    name = rules.tenant.file.bodies.get(code)
    return f"{name}({code})" if name else code


def law(rules: HubRules, cited: Iterable[str]) -> str:
    """What each id means in the configuration, for an id never gets another meaning; one it does not know, as it is."""
    return "、".join(rules.legal_basis[each].reference if each in rules.legal_basis else each for each in cited)


def permits(header: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The permits of the information provision network that a message attests; `party` is the other body's code."""
    return [each for each in header.get("attestations", ()) if each["claim"] == "permit"]


def outcomes(facts: Sequence[Mapping[str, Any]], records: frozenset[int]) -> Counter[str]:
    """How many of these records of a message ended in which way, by its facts so far; `""` is not yet."""
    endings: dict[int, str] = {}
    for fact in facts:
        if fact["kind"] == "message.replayed":
            for index in indices(fact["records"]):
                endings.pop(index, None)
        for group in fact.get("outcomes", ()):
            if group["ending"] in ENDINGS:  # what was deferred is open
                endings.update(dict.fromkeys(indices(group["records"]), group["ending"]))
    return Counter(endings.get(index, "") for index in records)


def ended(counted: Mapping[str, int]) -> str:
    """How it ended, in words; with how many records where there are several ends."""
    told = [(ENDINGS.get(ending, OPEN), counted[ending]) for ending in (*ENDINGS, "") if counted.get(ending)]
    return told[0][0] if len(told) == 1 else "、".join(f"{word} {count}" for word, count in told)


def runs(months: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Months (`2026-04`) as first and last of those that follow each other."""
    numbers = sorted(int(month[:4]) * 12 + int(month[5:]) - 1 for month in months)
    for _, run in groupby(enumerate(numbers), key=lambda each: each[1] - each[0]):
        some = [f"{number // 12:04}-{number % 12 + 1:02}" for _, number in run]
        yield some[0], some[-1]
