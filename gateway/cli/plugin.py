"""`gateway plugin`: what who writes a connector needs."""

import typer

from gateway.cli import plugin_new
from gateway.cli.show import ending

app = typer.Typer(no_args_is_help=True, help="Begin a connector of your own; hold it to the conformance suite.")
app.command("new", epilog=ending("gateway plugin new school_register"))(plugin_new.new)


@app.callback()
def _plugin() -> None:
    """Begin a connector of your own; hold it to the conformance suite."""
