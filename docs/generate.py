"""The pages of the reference that are drawn from code, configuration and the matrix of tests/views.

`make docs` writes them; a test sees that they are fresh. `docs/drawn/` has a module for each.
"""

from pathlib import Path

from docs.drawn import (
    assessment,
    commands,
    configuration,
    conformance,
    decisions,
    door,
    errors,
    facts,
    interfaces,
    persons,
    views,
)


def pages() -> dict[str, str]:
    """Every generated page by its name below `docs/`."""
    return {
        "conformance-rules.md": conformance.page(),
        "decisions/README.md": decisions.page(),
        "errors.md": errors.page(),
        "persons.md": persons.page(),
        "views.md": views.page(),
        "reference/commands.md": commands.page(),
        "reference/configuration.md": configuration.page(),
        "reference/facts.md": facts.page(),
        "reference/plugin.md": door.page(),
        **assessment.pages(),
        **interfaces.pages(),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        path = Path(__file__).parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
