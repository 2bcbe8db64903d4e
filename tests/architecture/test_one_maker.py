"""One type for each change of trust, one maker for each type: nobody else may say that a thing is proven."""

import ast

import pytest

from gateway import messages
from tests.architecture.tree import local_names, modules

MAKERS = {
    "Arrival": "gateway/edge/edge.py",
    "Attested": "gateway/edge/authenticate.py",
    "Parsed": "gateway/edge/parse.py",
    "Admitted": "gateway/edge/admit.py",
    "Projected": "gateway/edge/project.py",
    "AdmittedThere": "gateway/edge/admit.py",
    "Sealed": "gateway/edge/seal.py",
    "Permitted": "gateway/hub/permit.py",
    "Recorded": "gateway/hub/journal/recording.py",
    "Opened": "gateway/edge/open.py",
    "AdmittedHere": "gateway/edge/admit.py",
    "Handed": "gateway/edge/flow.py",
    "Settled": "gateway/hub/journal/reading.py",
}
ACROSS = {
    ("Handed", "gateway/link/guest.py"),
    ("Recorded", "gateway/link/edge_end.py"),
    ("Settled", "gateway/link/edge_end.py"),
}
"""What crosses a link is made again at its other end, of what was made at this one; no trust changes by that."""
PROVEN = frozenset(MAKERS)
PARTS = frozenset(name for each in MAKERS for name in getattr(messages, each).__dataclass_fields__)
HARMLESS = {"isinstance", "issubclass", "cast"}


def made(tree: ast.Module) -> list[tuple[str, int]]:
    """Each place that makes a proven thing: calls its type, hands the type on to be called, or derives from it.

    A copy with a part exchanged (`dataclasses.replace`) is a making too, whatever it copies.
    """
    here = local_names(tree, "gateway.messages", PROVEN)

    def proven(node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return here.get(node.id)
        return node.attr if isinstance(node, ast.Attribute) and node.attr in PROVEN else None

    found: list[tuple[str | None, int]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            found += [(proven(base), node.lineno) for base in node.bases]
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            handed_on = [] if called in HARMLESS else [*node.args, *(each.value for each in node.keywords)]
            found += [(proven(each), node.lineno) for each in (node.func, *handed_on)]
            if called == "replace":
                found += [("a copy", node.lineno) for each in node.keywords if each.arg in PARTS]
    return [(name, line) for name, line in found if name is not None]


def strays(sources: dict[str, ast.Module]) -> list[str]:
    return [
        f"{path}:{line} makes {name}"
        for path, tree in sources.items()
        for name, line in made(tree)
        if MAKERS.get(name) != path and (name, path) not in ACROSS
    ]


def test_each_type_is_made_by_its_maker_alone():
    found = strays(modules("gateway", "plugins", "bench"))
    assert not found


@pytest.mark.parametrize(("name", "maker"), MAKERS.items())
def test_each_maker_makes_its_type(name, maker):
    assert name in [made_here for made_here, _ in made(modules("gateway")[maker])]


def test_the_table_holds_every_type_of_the_line():
    line = messages.__doc__.split("\n\n")[1]
    assert set(line.replace("→", " ").split()) <= PROVEN


@pytest.mark.parametrize(
    "planted",
    [
        "from gateway.messages import Admitted\nAdmitted(parsed, (), ())",
        "from gateway.messages import Admitted as Fine\nFine(parsed, (), ())",
        "from gateway.messages.line import Admitted\nAdmitted(parsed, (), ())",
        "from gateway import messages\nmessages.Admitted(parsed, (), ())",
        "from gateway.messages import Admitted\nmap(Admitted, parsed)",
        "from gateway.messages import Admitted\nclass Mine(Admitted): ...",
        "from dataclasses import replace\nreplace(admitted, records=())",
    ],
)
def test_a_planted_stray_is_caught(planted):
    assert strays({"gateway/edge/flow.py": ast.parse(planted)})


@pytest.mark.parametrize(
    "harmless",
    [
        "from gateway.messages import Admitted\ndef f(admitted: Admitted) -> Admitted: return admitted",
        "from gateway.messages import Admitted\nisinstance(it, Admitted)",
        "from gateway.messages import Admitted\nmatch it:\n  case Admitted(): pass",
        "from elsewhere import Admitted\nAdmitted()",
    ],
)
def test_naming_is_not_making(harmless):
    assert strays({"gateway/edge/flow.py": ast.parse(harmless)}) == []
