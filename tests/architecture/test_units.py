"""The units in `deploy/`: one process, or a hub and edges apart, under the same guards."""

import typer

from gateway.cli import commands
from tests.architecture.tree import ROOT


def settings(unit):
    """What a unit says, without comments."""
    lines = (ROOT / "deploy" / unit).read_text(encoding="utf-8").partition("[Unit]")[2].splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_apart_they_run_as_together_but_for_the_names():
    together = "\n".join(settings("renkei-gateway.service"))
    assert "gateway run --root" in together
    apart = [line.replace(" (%i)", "").replace("renkei-%i", "renkei") for line in settings("renkei-gateway@.service")]
    assert "\n".join(apart).replace("gateway %i --root", "gateway run --root") == together


def test_the_instances_are_commands():
    known = typer.main.get_command(commands.app)
    assert {"hub", "edge", "witness"} <= set(getattr(known, "commands", ()))
