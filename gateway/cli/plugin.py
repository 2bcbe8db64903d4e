"""`gateway plugin`: a connector's package, as whoever writes it needs it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import plugin_new
from gateway.cli.show import AsJson, ending, machine, rows, stopped, tell

if TYPE_CHECKING:
    from gateway.plugin.testing.scale import Finding

Plugin = Annotated[str, typer.Argument(metavar="PATH_OR_NAME", help="A package's folder, or an installed name.")]
app = typer.Typer(no_args_is_help=True, help="Begin a connector of your own, lock it, examine it.")
app.command(
    "new",
    epilog=ending(
        "gateway plugin new school_register", "gateway plugin new tax --data does=sends --data zone=lgwan --defaults"
    ),
)(plugin_new.new)


@app.command(
    epilog=ending(
        "gateway plugin check .",
        "gateway plugin check school_register --rule lies --rule garbage -v",
        wrong="a rule is to do, or its code ended the process",
    )
)
def check(
    plugin: Plugin,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="ID", help="Only this rule; may be given again.")
    ] = None,
    root: Annotated[
        Path | None, typer.Option("--root", metavar="DIR", help="Where config/interfaces/ has the lock, if elsewhere.")
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show where each rule that is to do broke.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hold a connector to the rules, and show its quality scale.

    The conformance suite runs the connector against its own stand-in, which its package names as an entry point in the
    group gateway.conformance, and misbehaves between the two. A rule is done, exempt with a reason, or to do with what
    was seen. bronze: it may be enabled; silver: it can be relied on; gold: it can be trusted. Needs the extra kit:
    pip install 'renkei-gateway[kit]'. docs/conformance.md explains every rule.
    """
    from gateway.cli.plugin_check import examined, reached

    with stopped():
        name, found = examined(plugin, root, rule or ())
        level = None if rule else reached(found)
        if as_json:
            machine({"connector": name, "level": level, "rules": [_plain(each) for each in found]})
        else:
            rows([_row(each) for each in found])
            for each in found if verbose else ():
                if each.detail:
                    tell(f"\n{each.rule.id}:\n{each.detail}")
            if not rule:
                tell(f"\n{name}: {f'{level}, {level.means}' if level else 'no level yet'}")
        if any(each.state == "to do" for each in found):
            raise typer.Exit(1)


@app.command(epilog=ending("gateway plugin lock ."))
def lock(plugin: Plugin) -> None:
    """Write a package's own lock, and show what has changed.

    What its code declares goes into interface.lock.json beside the module of its hook: have the difference reviewed,
    and commit it. By it `gateway plugin check` judges; a gateway goes by its own, of `gateway interface lock`.
    """
    from gateway.cli.plugin_check import locked_anew

    with stopped():
        for line in locked_anew(plugin):
            tell(line)


def _row(found: "Finding") -> dict[str, str]:
    told = f"{found.seen}: {found.next}" if found.next else found.seen
    return {"rule": found.rule.id, "level": found.rule.level.value, "is": found.state.value, "seen": told}


def _plain(found: "Finding") -> dict[str, str]:
    return {
        "id": found.rule.id,
        "level": found.rule.level.value,
        "meaning": found.rule.meaning,
        "is": found.state.value,
        "seen": found.seen,
        "next": found.next,
        "detail": found.detail,
    }
