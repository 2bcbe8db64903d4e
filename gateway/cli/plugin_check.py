"""Where `gateway plugin` finds a connector, and what it does with it; apart, for it needs the extra `kit`."""

import importlib.util
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from gateway.cli.apart import Ended, apart
from gateway.cli.progress import bar
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from gateway.plugin.testing.rule import Level
    from gateway.plugin.testing.scale import Finding
    from gateway.plugin.testing.stage import Stage

_SUBJECTS: Final = "gateway.conformance"
_HOOKS: Final = "gateway.connectors"
_NO_TABLE: Final = "[project.entry-points] holds no tables of names and modules"
_LONGEST: Final = 60.0
"""Seconds in which a module is loaded, also on a busy machine."""
_EXIT: Final = "let nothing of yours end it: no os._exit, no signal, no crash of a library"
_KIT: Final = ("hypothesis", "pytest", "trustme")


def examined(plugin: str, root: Path | None, only: Collection[str]) -> tuple[str, list["Finding"]]:
    """The connector's name, and how every rule stands, or those named: up to the one in which the process ended.

    Raises Misconfigured, saying what is missing; and Ended, if the process did before the first rule.
    """
    _complete()
    from gateway.plugin.testing.rules import RULES
    from gateway.plugin.testing.scale import Finding, State

    known = [each.id for each in RULES]
    if strange := sorted({*only} - {*known}):
        raise Misconfigured((f"there is no rule {', '.join(strange)}; there are {', '.join(known)}",))
    asked = [each for each in RULES if not only or each.id in only]
    found: list[Finding] = []
    with apart(partial(_examined, plugin, root, only)) as said:
        name = _loaded(plugin, said)
        try:
            with bar(f"examining {name}") as done:
                for each in said:
                    found.append(each)
                    if done is not None:
                        done(len(found), len(asked))
                    else:
                        typer.echo(f"{len(found)} of {len(asked)}: {each.rule.id} is {each.state}", err=True)
        except Ended as ended:
            del found[len(asked) - 1 :]  # the last rule's, if it was as the stand-in was taken down
            seen = f"{ended}; what is not shown was not judged"
            found.append(Finding(asked[len(found)], State.TO_DO, seen, _EXIT))
    return name, found


def reached(found: Collection["Finding"]) -> "Level | None":
    """The level of a connector that was held to every rule."""
    from gateway.plugin.testing import scale

    return scale.reached(found)


def locked_anew(plugin: str) -> Iterator[str]:
    """Write the lock that its package brings along, and say what has changed. Raises as `examined` does."""
    _complete()
    with apart(partial(_locked_anew, plugin)) as said:
        _loaded(plugin, said)
        yield from said


def _complete() -> None:
    """Raises Misconfigured if the extra is not here."""
    if absent := [each for each in _KIT if importlib.util.find_spec(each) is None]:
        raise Misconfigured((f"the suite needs {', '.join(absent)}: pip install 'renkei-gateway[kit]'",))


def _loaded(plugin: str, said: Iterator[Any]) -> str:
    """What is said first: the connector's name."""
    try:
        return str(next(said))
    except Ended as ended:
        raise Ended(f"{plugin}: {ended} as it was loaded: {_EXIT}") from None


def _examined(plugin: str, root: Path | None, only: Collection[str]) -> Iterator[Any]:
    from gateway.plugin.testing.scale import findings

    stage = _found_at(plugin, root)
    yield stage.name
    yield from findings(stage, only)


def _locked_anew(plugin: str) -> Iterator[str]:
    from pydantic import ValidationError

    from gateway.config import write_lock
    from gateway.edge.plugins import difference
    from gateway.plugin.contract import Contract
    from gateway.plugin.testing.rules.package import LOCK

    stage = _found_at(plugin, None)
    yield stage.name
    file = Path(str(stage.module.__file__)).parent / LOCK
    try:
        former = Contract.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        former = Contract(connector=stage.name, version="", operations=())
    write_lock(file, stage.contract)
    yield from difference(former, stage.contract)
    yield f"{file}: version {stage.contract.version}, digest {stage.contract.digest()}"


def _found_at(plugin: str, root: Path | None) -> "Stage":
    """The connector of an installed name, or of a package's folder, which need not be installed."""
    folder = Path(plugin)
    if folder.is_dir() or len(folder.parts) > 1:
        return _staged(_declared(folder), _only_name(folder), root)
    return _staged(_installed(), plugin, root)


def _installed() -> EntryPoints:
    return EntryPoints([*entry_points(group=_SUBJECTS), *entry_points(group=_HOOKS)])


def _declared(folder: Path) -> EntryPoints:
    """What its pyproject.toml declares, which can be imported from now on."""
    groups = _named_by(folder)
    for each in (folder / "src", folder):
        if each.is_dir():
            sys.path.insert(0, str(each.resolve()))
    return EntryPoints(
        EntryPoint(name, value, group) for group, named in groups.items() for name, value in named.items()
    )


def _only_name(folder: Path) -> str:
    names = [*_named_by(folder)[_SUBJECTS]]
    if len(names) != 1:
        told = f"names {', '.join(names)}: install it and name one of them" if names else "names none"
        raise Misconfigured((f"{folder}/pyproject.toml: [project.entry-points.{_SUBJECTS!r}] {told}",))
    return names[0]


def _named_by(folder: Path) -> Mapping[str, Mapping[str, str]]:
    """Entry points of our groups in its pyproject.toml. Raises Misconfigured."""
    file = folder / "pyproject.toml"
    try:
        groups = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}).get("entry-points", {})
        found: dict[str, Any] = {group: groups.get(group, {}) for group in (_SUBJECTS, _HOOKS)}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise Misconfigured((f"{file}: is not TOML",)) from None
    except AttributeError:
        raise Misconfigured((f"{file}: {_NO_TABLE}",)) from None
    tables = all(isinstance(named, dict) for named in found.values())
    if not tables or not all(isinstance(value, str) for named in found.values() for value in named.values()):
        raise Misconfigured((f"{file}: {_NO_TABLE}",))
    return found


def _staged(among: EntryPoints, name: str, root: Path | None) -> "Stage":
    from gateway.plugin.testing import Subject
    from gateway.plugin.testing.package import loading, staged
    from gateway.plugin.time_limit import at_most

    subject, hook = (_one(among, group, name) for group in (_SUBJECTS, _HOOKS))
    with loading(subject.value, subject.module, hook.module), at_most(_LONGEST):
        found = subject.load()
    if not (isinstance(found, type) and issubclass(found, Subject)):
        raise Misconfigured((f"{subject.value}: is no class derived from gateway.plugin.testing.Subject",))
    with at_most(_LONGEST):
        return staged(found, hook.module, name, root)


def _one(among: EntryPoints, group: str, name: str) -> EntryPoint:
    found = [each for each in among if (each.group, each.name) == (group, name)]
    if len(found) != 1:
        known = ", ".join(sorted({each.name for each in among if each.group == group})) or "none"
        raise Misconfigured((f"{name}: {len(found)} entry points of that name in {group}; there are: {known}",))
    try:
        _ = found[0].module
    except AttributeError:
        raise Misconfigured((f"{name}: its entry point in {group} is not of the form module or module:name",)) from None
    return found[0]
