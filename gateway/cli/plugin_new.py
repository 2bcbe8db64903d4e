"""`gateway plugin new`: a package of one's own for one more system, from the template that ships with the gateway."""

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli.show import stopped, tell
from gateway.errors import Misconfigured

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_INSTALL: Final = ("python", "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--editable")
_ASKED: Final = ("connector", "label", "does", "zone")
_LABEL: Final = "学齢簿システム"
"""With --defaults only: at a terminal one would have to delete it first."""


def _answer(text: str) -> tuple[str, str]:
    key, is_, value = text.partition("=")
    if key not in _ASKED or not is_:
        raise typer.BadParameter(f"write {' or '.join(f'{each}=…' for each in _ASKED)}")
    return key, value


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder for the package.")],
    data: Annotated[
        list[str],
        typer.Option("--data", metavar="KEY=VALUE", help="An answer beforehand: connector, label, does, zone."),
    ] = [],  # noqa: B006  (typer copies it)
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Ask nothing: what --data does not say is as the template has it.")
    ] = False,
    root: Annotated[Path | None, typer.Option("--root", metavar="DIR", help="A gateway, for its zones.")] = None,
) -> None:
    """Make a package for one more system.

    It asks for the connector's name (DIR's, if you say no other), its label in Japanese, what it does (receives, sends,
    both) and its zone: one of config/zones.toml below --root, or here, or of the starter's where there is none. Into
    DIR go interface, connector, settings, a simulator of the system, the conformance suite's subject, tests, a README,
    and what to add to the gateway's configuration: all of it runs as it is, and is yours to change.
    """
    with stopped():
        answers = dict(map(_answer, data))
        if not defaults and not sys.stdin.isatty():
            if "connector" not in answers:
                answers["connector"] = _named_after(folder)
            if lack := " ".join(f"--data {each}=…" for each in _ASKED if each not in answers):
                raise Misconfigured((f"there is no terminal to ask at, and no answer for {lack}; or add --defaults",))
        for line in make(folder, answers, _zones(root), defaults=defaults):
            tell(line)


def make(folder: Path, answers: dict[str, str], zones: list[str], *, defaults: bool) -> Iterator[str]:
    """Make it and say what comes next. Raises Misconfigured; nothing that exists is ever overwritten."""
    from gateway.plugin.checks import has_unseen_character

    try:
        import copier
    except ImportError:
        told = "copier is not installed here; run: python -m pip install 'renkei-gateway[kit]'"
        raise Misconfigured((told,)) from None
    if has_unseen_character(str(folder.resolve())):
        raise Misconfigured(
            (f"{str(folder)!r}: name a folder without control characters, and others that nobody sees",)
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Misconfigured((f"{folder}: is there already, and not empty; nothing was changed",))
    said: dict[str, Any] = {"label": _LABEL} if defaults else {}
    if "connector" not in answers:
        said["connector"] = _named_after(folder)
    with as_file(files("gateway.cli") / "template") as template:
        try:
            made = copier.run_copy(
                *(str(template), folder),
                data={**answers, "zones": zones},
                user_defaults=said,
                defaults=defaults,
                quiet=True,
            )
        except (copier.errors.CopierError, ValueError) as error:
            raise Misconfigured((f"{folder}: was not made: {error}",)) from None
    connector, zone = (made.answers.combined[each] for each in ("connector", "zone"))
    yield f"{folder}: the package of {connector}, yours to change; its README.md says what to change first"
    yield "Next:"
    yield f"  {shlex.join(('gateway', 'plugin', 'check', str(folder)))}"
    yield f"  {shlex.join((*_INSTALL, str(folder)))}"
    yield "Then, in the gateway's root:"
    yield f"  gateway interface lock {connector}"
    yield f"  gateway keys add TENANT {connector} --zone {zone}"
    yield f"  {shlex.join(('cat', str(folder.resolve() / 'tenant.toml')))} >> config/tenants/TENANT.toml"
    yield "  gateway check"


def _zones(root: Path | None) -> list[str]:
    """Those of the configuration, or of the starter: who writes for others has none. Raises Misconfigured if one that
    was named has none either.
    """
    from gateway.config import read_zones

    if root is not None or Path("config/zones.toml").is_file():
        return sorted(read_zones(root or Path()))
    starter = (files("gateway.cli") / "starter" / "zones.toml").read_text(encoding="utf-8")
    return sorted(tomllib.loads(starter)["zones"])


def _named_after(folder: Path) -> str:
    """The connector's name, by the folder's. Raises Misconfigured if that cannot be one."""
    name = folder.resolve().name.lower().replace("-", "_").removeprefix("gateway_")
    if not _NAME.fullmatch(name):
        form = "begins with a letter and has letters and digits, words joined by _ or -"
        raise Misconfigured((f"{folder}: gives no connector's name, which {form}; add --data connector=NAME",))
    return name
