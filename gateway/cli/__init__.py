"""The command line. Every command imports what it needs when it runs, so that `--help` is instant."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import demo, interface, keys, log, message
from gateway.cli.show import AsJson, Root, rows, stopped

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "Renkei Gateway: a blind hub between pluggable connectors, for municipal vaccination data.\n\n"
        "Begin with: gateway demo. Then: gateway init DIR, edit DIR/config, gateway check --root DIR, "
        "gateway run --root DIR. Exit status: 0 done, 1 found wrong, 2 wrong usage or configuration."
    ),
)
app.add_typer(interface.app, name="interface")
app.add_typer(keys.app, name="keys")
app.add_typer(log.app, name="log")
app.add_typer(message.app, name="message")
app.command("demo")(demo.demo)


@app.command()
def init(
    root: Annotated[Path, typer.Argument(help="A new or empty directory.")],
    tenant: Annotated[str, typer.Option("--tenant", help="The municipality's 6-digit code.")] = "999997",
) -> None:
    """Make a new configuration with keys, a signed directory, and trial certificates."""
    from gateway.cli.init import make

    with stopped():
        for line in make(root, tenant):
            typer.echo(line)


@app.command()
def check(root: Root = Path(), as_json: AsJson = False) -> None:
    """Validate all that a start needs: files, locks, plugins, keys, certificates. Prints what may flow."""
    from gateway.wiring.examine import examine

    with stopped():
        config, quarantined = examine(root.resolve())
        for reason in quarantined:
            typer.echo(f"would be quarantined: {reason}", err=True)
        rows(
            [
                {
                    "tenant": code,
                    "route": route.id,
                    "from": f"{route.source} {route.operation}",
                    "to": f"{route.destination} {route.destination_operation}",
                    "fields": len(route.fields),
                    "reply": len(route.reply_fields) or None,
                    "legal basis": ", ".join(route.legal_basis),
                }
                for code, tenant in config.tenants.items()
                for route in tenant.file.routes
            ],
            as_json=as_json,
            empty="The configuration is valid; no route carries anything.",
        )


@app.command()
def run(root: Root = Path()) -> None:
    """Run hub and edges in this process until SIGTERM, which drains; SIGHUP reloads the configuration."""
    import signal

    import uvloop

    from gateway.observe import Telemetry, configure, mute_libraries
    from gateway.wiring.running import run_until_told

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to reload
    log = configure()
    mute_libraries(log)
    with stopped():
        if not uvloop.run(run_until_told(root.resolve(), Telemetry(log))):
            raise typer.Exit(1)


@app.command()
def connectors(root: Root = Path(), as_json: AsJson = False) -> None:
    """What is enabled in the running gateway, and its health. Exit status 1 if one is not well."""
    from gateway.cli.operator import ask

    with stopped():
        found = ask(root, "GET", "/v1/connectors")
        rows(found, as_json=as_json)
        if not all(each["ok"] for each in found):
            raise typer.Exit(1)


@app.command()
def reload(root: Root = Path()) -> None:
    """Have the running gateway apply the configuration on disk; refused, with the reasons, if it is not valid."""
    from gateway.cli.operator import ask

    with stopped():
        answer = ask(root, "POST", "/v1/reload")
        if not answer["applied"]:
            for problem in answer["problems"]:
                typer.echo(problem, err=True)
            raise typer.Exit(2)
        typer.echo(f"applied: {answer['digest']}")


def main() -> None:
    """The entry point `gateway`."""
    app()
