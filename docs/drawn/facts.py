"""`docs/reference/facts.md`: every kind of fact, by what it is about, and what the code does with it."""

import re
from collections.abc import Collection
from pathlib import Path

from gateway.hub.journal.facts import ACT_FACTS, COPY_FACTS, RETENTION_FACTS, SIGNED_FACTS, FactKind

HEAD = """\
# Kinds of facts

<!-- Written by `make docs` from gateway/hub/journal/facts.py and docs/log-format.md; do not edit. -->

Every line of the central log is of one of these kinds. Which fields each has of its own, in which byte form, and how to
verify it without us, is in the [log format](../log-format.md#a-fact); `gateway log search TENANT --kind KIND` finds
them. No fact has a personal value.

*Signed at once*: a person decided it, or it says that something may be missing, so it comes with a checkpoint of its
own. *History*: `gateway people history` tells it, as something that a person did. *Stays*: retention never takes its
content; all others lose theirs [in the end](../operate.md#how-long-things-are-kept).

| kind | tells | signed at once | history | stays |
| --- | --- | --- | --- | --- |
"""
_ROW = re.compile(r"^\| `([a-z_]+\.[a-z_]+)` \| (.*?) \| ", re.MULTILINE)
STAYS = {*RETENTION_FACTS, *COPY_FACTS, FactKind.LOG_SUCCEEDED}


def page() -> str:
    """The kinds in the code's order."""
    text = (Path(__file__).parents[1] / "log-format.md").read_text(encoding="utf-8")
    told = dict(_ROW.findall(text))
    return HEAD + "".join(
        f"| `{kind}` | {told[kind]} | {_yes(kind, SIGNED_FACTS)} | {_yes(kind, ACT_FACTS)} | {_yes(kind, STAYS)} |\n"
        for kind in FactKind
    )


def _yes(kind: FactKind, kinds: Collection[FactKind]) -> str:
    return "yes" if kind in kinds else ""
