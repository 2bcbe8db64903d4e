"""`docs/decisions/README.md`: every decision by its number and title."""

from pathlib import Path

HEAD = """\
# Decisions

<!-- Written by `make docs` from the headings of docs/decisions/; do not edit. -->

One record for each decision that others would ask about: what was the matter, what holds, what was rejected and why. A
record is not rewritten when the decision changes; a later one replaces it and says so.

| no. | decision |
| --- | --- |
"""
FOLDER = Path(__file__).parents[1] / "decisions"


def page() -> str:
    """In the order of their numbers."""
    return HEAD + "".join(_row(path) for path in sorted(FOLDER.glob("[0-9]*.md")))


def _row(path: Path) -> str:
    number, _, title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").partition(". ")
    return f"| [{number}]({path.name}) | {title} |\n"
