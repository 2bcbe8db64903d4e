"""What imports cannot say of a pure step: it asks no clock, awaits nothing, opens nothing. And who names HPKE."""

import ast

import pytest
from importlinter.api import read_configuration

from tests.architecture.tree import ROOT, imported, modules

CONTRACTS = read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]
STEPS = sorted(next(each["source_modules"] for each in CONTRACTS if each["id"] == "pure-steps"))
EFFECTS = {"now", "utcnow", "today", "open", "print", "input", "exec", "eval", "__import__", "read_bytes", "read_text"}
HPKE = "cryptography.hazmat.primitives.hpke"


def effects(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield f"line {node.lineno}: async"
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in EFFECTS:
                yield f"line {node.lineno}: {called}()"


@pytest.mark.parametrize("step", STEPS)
def test_step_is_pure(step):
    assert list(effects(modules("gateway")[step.replace(".", "/") + ".py"])) == []


@pytest.mark.parametrize("planted", ["datetime.now(UTC)", "date.today()", "open('x')", "async def f(): ..."])
def test_a_planted_effect_is_caught(planted):
    assert list(effects(ast.parse(planted)))


def names_hpke(tree):
    return HPKE in set(imported(tree))


def test_only_the_seal_names_hpke():
    """And the network's own sealing, at the destination edge (decision 0025), with the stand-in for who opens it."""
    naming = [path for path, tree in modules("gateway", "plugins").items() if names_hpke(tree)]
    network = [f"plugins/gateway_intermediate_server/{each}" for each in ("sealing.py", "simulated/sealing.py")]
    assert naming == ["gateway/edge/seal_payload.py", *network]


@pytest.mark.parametrize(
    "planted", [f"import {HPKE}", f"from {HPKE} import Suite", f"from {HPKE.removesuffix('.hpke')} import hpke as h"]
)
def test_a_planted_naming_is_caught(planted):
    assert names_hpke(ast.parse(planted))
