"""Plugins, loaded one by one by name, each held to its lock before it may run.

Loading is execution, so only what the configuration enables is loaded. What raises, hangs on to another name or
declares other than its lock is told apart: a required connector stops the start, another is quarantined alone.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

import pluggy
from pydantic import BaseModel, ValidationError

from gateway.config import sentences
from gateway.errors import Misconfigured
from gateway.plugin import hookspecs
from gateway.plugin.connector import ConnectorSpec
from gateway.plugin.contract import Contract
from gateway.plugin.interface import describe

GROUP = "gateway.connectors"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin whose declaration is known; whether it equals the lock is asked apart."""

    spec: ConnectorSpec
    contract: Contract


def load(name: str) -> Loaded:
    """Load the one plugin of that name. Raises Misconfigured with the reason, whatever the plugin did."""
    found = [each for each in entry_points(group=GROUP) if each.name == name]
    if not found:
        raise Misconfigured((f"connector {name}: no installed package has an entry point of that name in {GROUP}",))
    if len(found) > 1:
        raise Misconfigured((f"connector {name}: {len(found)} installed packages claim that name",))
    return _registered(name, found[0])


def _registered(name: str, entry_point: EntryPoint) -> Loaded:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        plugin = entry_point.load()
        manager.register(plugin, name)
        manager.check_pending()
        if any(inspect.iscoroutinefunction(each.function) for each in manager.hook.renkei_connector.get_hookimpls()):
            raise Misconfigured((f"connector {name}: its hook is a coroutine function; it is called once, plainly",))
        specs = manager.hook.renkei_connector()
        if len(specs) != 1 or not isinstance(specs[0], ConnectorSpec):
            raise Misconfigured((f"connector {name}: its hook renkei_connector does not return one ConnectorSpec",))
        if specs[0].interface.connector != name:
            raise Misconfigured((f"connector {name}: it declares the interface of another connector",))
        return Loaded(specs[0], describe(specs[0].interface))
    except Misconfigured:
        raise
    except (Exception, SystemExit) as error:
        raise Misconfigured((f"connector {name}: loading it raised {type(error).__name__}",)) from error


def same_as_locked(name: str, declared: Contract, locked: Contract) -> None:
    """Raises Misconfigured with the difference if what the plugin declares is not what was reviewed."""
    if differences := list(difference(locked, declared)):
        raise Misconfigured(
            (
                f"connector {name}: its code declares another interface than config/interfaces/{name}.json locks:",
                *(f"  {each}" for each in differences),
                f"  review the difference, then run: gateway interface lock {name}",
            )
        )


def difference(locked: Contract, declared: Contract) -> Iterator[str]:
    """What changes from the lock to the declaration, a line each: `-` locked only, `+` declared only, `~` other."""
    before, after = _flat(locked), _flat(declared)
    for place in sorted({*before, *after}):
        match before.get(place), after.get(place):
            case None, new:
                yield f"+ {place}: {new}"
            case old, None:
                yield f"- {place}: {old}"
            case old, new if old != new:
                yield f"~ {place}: {old} → {new}"


def _flat(contract: Contract) -> Mapping[str, str]:
    """Every decision of a contract under the name of its place."""
    flat = {"connector": contract.connector, "version": contract.version}
    flat |= {f"code {code}": meaning for code, meaning in contract.codes.items()}
    for operation in contract.operations:
        at = f"{operation.direction} {operation.name}"
        flat[at] = (
            f"{operation.kind} “{operation.label}”, person key {operation.person_key}, "
            f"version ({', '.join(operation.version)})"
        )
        for part, fields in (("", operation.fields), ("reply ", operation.reply)):
            for field in fields:
                rules = field.model_dump(mode="json", exclude_defaults=True, exclude={"path"})
                flat[f"{at} {part}{field.path}"] = ", ".join(f"{key} {value}" for key, value in sorted(rules.items()))
    return flat


def settings_of(name: str, spec: ConnectorSpec, plain: Mapping[str, object], where: str) -> BaseModel:
    """The connector's own closed settings model. Raises Misconfigured with file and key, without values."""
    try:
        return spec.settings.model_validate(dict(plain))
    except ValidationError as error:
        problems = (f"{where}: connectors.{name}.settings.{line}" for line in sentences(error, spec.settings, plain))
        raise Misconfigured(problems) from None
