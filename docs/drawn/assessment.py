"""`docs/assessment-example/`: the assessment document of the example, as the command builds it."""

from pathlib import Path

from gateway.assessment import Subject, build
from gateway.config import load

ROOT = Path(__file__).parents[2]


def pages() -> dict[str, str]:
    """The assessment document of the example, without answers, and its drawing."""
    config = load(ROOT)
    (code,) = config.tenants
    built = build(Subject.of(config, code), {})
    folder = "assessment-example"
    return {f"{folder}/{built.name}.md": built.text, f"{folder}/{built.name}-flow.svg": built.picture}
