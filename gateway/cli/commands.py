"""All commands. Each imports what it needs when it runs, so that `--help` is instant."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import assessment, backup, copies, demo, hold, interface, keys, log, message, people, plugin, retention
from gateway.cli.show import AsJson, Root, ending, machine, rows, stopped, tell

if TYPE_CHECKING:
    from gateway.observe import Telemetry

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
app.add_typer(assessment.app, name="assessment")
app.add_typer(copies.app, name="copies")
app.add_typer(hold.app, name="hold")
app.add_typer(interface.app, name="interface")
app.add_typer(keys.app, name="keys")
app.add_typer(log.app, name="log")
app.add_typer(message.app, name="message")
app.add_typer(people.app, name="people")
app.add_typer(plugin.app, name="plugin")
app.add_typer(retention.app, name="retention")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        tell(f"gateway {version('renkei-gateway')}")
        raise typer.Exit


@app.callback(
    epilog=(
        "\b\nExit status of every command:\n  0 done\n  1 found wrong\n  2 wrong usage or configuration\n"
        "  130 interrupted by Ctrl-C\n\ngateway COMMAND --help says more, with an example."
    )
)
def gateway(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Renkei Gateway: a blind hub between pluggable connectors, for municipal vaccination data.

    Begin with `gateway demo`, which shows it at work on made-up data. Then `gateway init DIR` makes a configuration:
    edit DIR/config, ask `gateway check --root DIR` whether it is right and what may flow, start the daemon with
    `gateway run --root DIR`, and ask `gateway connectors --root DIR` beside it whether all is well.
    """


app.command(epilog=demo.ENDING)(demo.demo)
app.command(epilog=ending("gateway backup /srv/backup/renkei-20270401 --root /var/lib/renkei"))(backup.backup)
app.command(
    epilog=ending(
        "gateway restore /srv/backup/renkei-20270401 --root /var/lib/renkei",
        "gateway restore /srv/backup/renkei-20270401 --succeed 999997.note --case R8-0012 \\",
        "    --as staff-0100.crt --as staff-0400.crt",
    )
)(backup.restore)


@app.command(
    epilog=ending(
        "gateway init /var/lib/renkei --tenant 999997 --name renkei.city.example.jp",
        "gateway init /var/lib/renkei-witness --witness --name witness.pref.example.jp",
    )
)
def init(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder: the root.")],
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="TENANT", help="The municipality's 6-digit code.")
    ] = "999997",
    name: Annotated[
        str, typer.Option("--name", help="What every log's origin, or a witness, is named by: a domain of your own.")
    ] = "renkei.example",
    example: Annotated[
        str, typer.Option("--example", help="Hub and edges apart: hub_and_edges, or edge_per_zone.")
    ] = "",
    witness: Annotated[
        bool, typer.Option("--witness", help="Not a gateway, but a witness of other people's logs.")
    ] = False,
) -> None:
    """Make a new configuration with keys.

    Into DIR go config/ (yours to edit), the keys of the tenant and of its connectors with their signed directory, and
    certificates for a trial on one machine. Nothing that exists is ever overwritten. With --example there is a root for
    each process, DIR/hub and so on, with the keys that it needs and no others.
    """
    from gateway.cli.deployment import make_example
    from gateway.cli.init import make
    from gateway.cli.witness import make_witness_root
    from gateway.errors import Misconfigured

    with stopped():
        if witness and example:
            raise Misconfigured(("--witness makes a witness alone; it goes without --example",))
        if witness:
            made = make_witness_root(root, name)
        else:
            made = make_example(root, tenant, name, example) if example else make(root, tenant, name)
        for line in made:
            tell(line)


@app.command(
    epilog=ending(
        "gateway check --root /var/lib/renkei",
        wrong="it would start, but a connector would be quarantined, a legal basis or a certificate has ended, or"
        " others may write a log",
    )
)
def check(root: Root = Path(), as_json: AsJson = False) -> None:
    """Validate all that a start needs, and show what may flow.

    It opens configuration, locks, plugins, directories, keys, certificates; not logs and ports. What would stop the
    start is told together: first what is wrong in each file, and once every file is right, what is wrong between them.
    Named, too: connectors that would be quarantined, routes whose legal basis is not in force today, whatever else
    carries nothing, certificates that end within 30 days, and files of the logs that others than their owner may write.
    """
    from gateway.cli.check import examined

    with stopped():
        if not examined(root.resolve(), as_json=as_json):
            raise typer.Exit(1)


_LOST = "a log could not be written any more; start it anew when mended"


@app.command(epilog=ending("gateway run --root /var/lib/renkei", wrong=_LOST))
def run(root: Root = Path()) -> None:
    """Run hub and edges in this process until told to stop.

    Everything is checked first. SIGTERM or Ctrl-C drains: nothing new is taken, what is in flight ends, and the exit
    status is 0. SIGHUP reloads the configuration. Telemetry goes to stdout, a JSON object a line.
    """
    _run(root, "run")


@app.command(epilog=ending("gateway hub --root /var/lib/renkei-hub", wrong=_LOST))
def hub(root: Root = Path()) -> None:
    """Run the hub alone, for edges in processes of their own.

    It needs no key that opens anything, and its configuration has [link.listen] and [link.edges]: where edge processes
    come in, and for which connectors each may speak. Signals and telemetry are as with gateway run.
    """
    _run(root, "hub")


@app.command(epilog=ending("gateway edge --root /var/lib/renkei-lgwan", wrong="a task that must not end has ended"))
def edge(root: Root = Path()) -> None:
    """Run edges alone, linked to a hub in another process.

    Its configuration has [link.hub]: where the hub is, and which connectors stand here. It dials the hub, again and
    again if need be; the hub dials nobody. Signals and telemetry are as with gateway run.
    """
    _run(root, "edge")


@app.command(epilog=ending("gateway witness --root /var/lib/renkei-witness"))
def witness(root: Root = Path()) -> None:
    """Run a witness of other people's logs.

    It cosigns a log's checkpoint if the log only grew since the last one that it cosigned (c2sp.org/tlog-witness), and
    remembers that one. It is worth something where whoever runs the logs cannot reach it: in another department, or at
    another body. Its configuration is config/witness.toml, read at the start; SIGTERM or Ctrl-C ends it.
    """
    import uvloop

    from gateway.witness.running import run_until_told

    with stopped():
        uvloop.run(run_until_told(root.resolve(), _telemetry()))


def _run(root: Path, role: str) -> None:
    import uvloop

    from gateway.wiring.running import run_until_told

    with stopped():
        if not uvloop.run(run_until_told(root.resolve(), _telemetry(), role)):
            raise typer.Exit(1)


def _telemetry() -> "Telemetry":
    """Of a process that stays. SIGHUP does nothing, until there is something to reload."""
    import signal

    from gateway.observe import Telemetry, configure, mute_libraries

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    log = configure()
    mute_libraries(log)
    return Telemetry(log)


@app.command(epilog=ending("gateway connectors --root /var/lib/renkei", wrong="a required connector is not well"))
def connectors(root: Root = Path(), as_json: AsJson = False) -> None:
    """Show the running gateway's connectors, and their health.

    Asked through the operators' listener, as the first operator in config/gateway.toml whose key lies here. Logs that a
    witness does not cosign just now are named, with the reason, and reviews that are overdue.
    """
    from gateway.cli.operator import ask

    with stopped():
        found = ask(root, "GET", "/v1/connectors")
        if as_json:
            machine(found)
        else:
            rows(found, empty="no connector is enabled")
        health = ask(root, "GET", "/healthz")
        for each in (*health.get("witnesses", ()), *health.get("reviews", ())):
            tell(each, err=True)
        if not all(each["ok"] for each in found if each["required"]):
            raise typer.Exit(1)


@app.command(
    epilog=ending(
        "gateway reload --root /var/lib/renkei",
        wrong="hub or log refused it for now: directory_ahead, limits_differ, hub_unreachable or log_unavailable",
    )
)
def reload(root: Root = Path()) -> None:
    """Have the running gateway apply the configuration on disk.

    Routes, legal bases, zones, limits, witnesses, pinned certificates and directories change at once. If anything does
    not hold, it is refused with the reasons (exit status 2), and the gateway runs on as before. Legal bases and
    assessments that are not in force today, or not for more than 30 days, are named.
    """
    from gateway.cli.operator import ask

    with stopped():
        answer = ask(root, "POST", "/v1/reload")
        if not answer["applied"]:
            for problem in answer["problems"]:
                tell(problem, err=True)
            raise typer.Exit(2)
        tell(f"applied: {answer['digest']}")
        for code, version in answer["directories"].items():
            tell(f"directory of {code}: version {version}")
        for problem in answer["law"]:
            tell(problem, err=True)
