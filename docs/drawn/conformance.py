"""`docs/conformance-rules.md`: the catalogue of the conformance suite."""

from gateway.plugin.testing.rules import RULES

HEAD = """\
# The rules of the conformance suite

<!-- Written by `make docs` from gateway/plugin/testing/rules/; do not edit. -->

To these `gateway plugin check` holds a connector; [the conformance suite](conformance.md) says how, and what the levels
mean.

| rule | level | what holds | why |
| --- | --- | --- | --- |
"""


def page() -> str:
    """The catalogue of rules, in its order."""
    rows = (f"| `{each.id}` | {each.level} | {each.meaning} | {each.why} |\n" for each in RULES)
    return HEAD + "".join(rows)
