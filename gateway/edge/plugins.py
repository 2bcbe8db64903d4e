"""Plugins, loaded one by one by name, each held to its lock before it may run.

Loading is execution, so only what the configuration enables is loaded. What raises, does not come to an end, hangs on
to another name or declares other than its lock is told apart: a required connector stops the start, another is
quarantined alone.
"""

import inspect
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Final

import pluggy
from pydantic import BaseModel, ValidationError

from gateway.config import sentences
from gateway.errors import Misconfigured
from gateway.plugin import hookspecs
from gateway.plugin.connector import Connector, ConnectorSpec, TlsFiles
from gateway.plugin.contract import Contract
from gateway.plugin.failed import told
from gateway.plugin.interface import describe
from gateway.plugin.time_limit import TookTooLong, at_most

GROUP = "gateway.connectors"
_LONGEST: Final = 20.0
"""Seconds for any one thing that a plugin does at the start. Honest ones take milliseconds; a busy machine, more."""
_broken_off: Final[dict[str, list[tuple[object, Misconfigured]]]] = {}
"""What was broken off, by connector: with which settings, None if they had no part in it or cannot be compared, and
what is told of it. It is not tried again in this process with the same: each reload would hold up everybody.
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin whose declaration is known; whether it equals the lock is asked apart."""

    spec: ConnectorSpec
    contract: Contract


def installed() -> EntryPoints:
    """Where each installed connector is. It reads every installed package's metadata: asked once, for all names."""
    return entry_points(group=GROUP)


def load(name: str, among: EntryPoints) -> Loaded:
    """Load the one plugin of that name. Raises Misconfigured with the reason, whatever the plugin did."""
    found = [each for each in among if each.name == name]
    if not found:
        raise Misconfigured((f"connector {name}: no installed package has an entry point of that name in {GROUP}",))
    if len(found) > 1:
        raise Misconfigured((f"connector {name}: {len(found)} installed packages claim that name",))
    return _registered(name, found[0])


def _registered(name: str, entry_point: EntryPoint) -> Loaded:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    with _plugin_code(name, "loading it", entry_point.value.partition(":")[0]):
        plugin = entry_point.load()
        manager.register(plugin, name)
        manager.check_pending()
        if any(inspect.iscoroutinefunction(each.function) for each in manager.hook.renkei_connector.get_hookimpls()):
            raise Misconfigured(("its hook is a coroutine function; it is called once, plainly",))
        specs = manager.hook.renkei_connector()
        if len(specs) != 1 or not isinstance(specs[0], ConnectorSpec):
            raise Misconfigured(("its hook renkei_connector does not return one ConnectorSpec",))
        if specs[0].interface.connector != name:
            raise Misconfigured(("it declares the interface of another connector",))
        return Loaded(specs[0], describe(specs[0].interface))


@contextmanager
def _plugin_code(name: str, what: str, *modules: str, settings: object = None) -> Iterator[None]:
    """Whatever a plugin's own code raises in here, or that it does not come to an end, becomes Misconfigured.

    Raises KeyboardInterrupt as it is: that is the operator's.
    """
    doing, known = "comparing its settings", None
    try:
        with at_most(_LONGEST):  # two settings are compared in here: they are of a class of the plugin's own
            known = next((wrong for tried, wrong in _broken_off.get(name, ()) if _same(tried, settings)), None)
            doing = what
            if known is None:
                yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        problems = [f"connector {name}: {each}" for each in told(doing, error, *modules)]
        if not isinstance(error, TookTooLong):
            raise Misconfigured(problems) from error
        by_settings = settings is not None and doing == what
        again = "with other settings, or after a restart" if by_settings else "after a restart"
        wrong = Misconfigured(f"{each}; it is tried again only {again}" for each in problems)
        former = _broken_off.get(name, []) if by_settings else []
        _broken_off[name] = [*former, (settings if by_settings else None, wrong)]
        raise wrong from error
    if known is not None:
        raise Misconfigured(known.problems)


def _same(tried: object, settings: object) -> bool:
    return tried is None or (settings is not None and tried == settings)


def same_as_locked(name: str, declared: Contract, locked: Contract) -> None:
    """Raises Misconfigured with the difference if what the plugin declares is not what was reviewed."""
    if declared != locked and (differences := list(difference(locked, declared))):
        raise Misconfigured(
            (
                f"connector {name}: its code declares another interface than config/interfaces/{name}.json locks:",
                *(f"  {each}" for each in differences),
                f"  review the difference, then run: gateway interface lock {name} --former-until DAY",
                "  (until that day, what was sealed under the former lock still passes)",
            )
        )


def difference(locked: Contract, declared: Contract) -> Iterator[str]:
    """What changes from the lock to the declaration, a line each: `-` locked only, `+` declared only, `~` other.

    Whatever a contract says is compared, known kind of change or not, for it decides whether a plugin may run.
    `gateway.interfaces.changes` has the same places by kinds, for the verdict, and decides nothing.
    """
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
    flat |= {"label": contract.label} if contract.label else {}
    flat |= {f"never {data_class}": "on no account" for data_class in contract.never}
    flat |= {f"code {code}": meaning for code, meaning in contract.codes.items()}
    for operation in contract.operations:
        at = f"{operation.direction} {operation.name}"
        flat[at] = (
            f"{operation.kind} “{operation.label}”, person key {operation.person_key}, "
            f"version ({', '.join(operation.version)}), attests ({', '.join(operation.attests)})"
            + (", ahead" if operation.ahead else "")
            + (f", at most {operation.most_records} in a message" if operation.most_records else "")
        )
        for part, fields in (("", operation.fields), ("reply ", operation.reply)):
            for field in fields:
                rules = field.model_dump(mode="json", exclude_defaults=True, exclude={"path"})
                flat[f"{at} {part}{field.path}"] = ", ".join(f"{key} {value}" for key, value in sorted(rules.items()))
    return flat


def settings_of(name: str, spec: ConnectorSpec, plain: Mapping[str, object], where: str) -> BaseModel:
    """The connector's own closed settings model. Raises Misconfigured with file and key, without values."""
    with _plugin_code(name, "checking its settings", settings=plain):
        try:
            return spec.settings.model_validate(dict(plain))
        except ValidationError as error:
            wrong = error
    told = sentences(wrong, spec.settings, plain, within=f"connectors.{name}.settings")
    raise Misconfigured(f"{where}: {line}" for line in told)


def tls_files(name: str, spec: ConnectorSpec, settings: BaseModel) -> TlsFiles | None:
    """Which files its session authenticates with. Raises Misconfigured, whatever the plugin did."""
    with _plugin_code(name, "its tls()", settings=settings):
        files = spec.tls(settings)
    if files is not None and not isinstance(files, TlsFiles):
        raise Misconfigured((f"connector {name}: its tls() returns neither TlsFiles nor None",))
    return files


def portion(name: str, spec: ConnectorSpec, settings: BaseModel) -> int | None:
    """How many records it sends in one message at most, if it knows. Raises Misconfigured, whatever the plugin did."""
    with _plugin_code(name, "its portion()", settings=settings):
        most = spec.portion(settings)
    if most is not None and not isinstance(most, int):
        raise Misconfigured((f"connector {name}: its portion() returns neither a number nor None",))
    return most


def peers(name: str, spec: ConnectorSpec, settings: BaseModel) -> AbstractSet[str]:
    """Which client certificates its settings speak of. Raises Misconfigured, whatever the plugin did."""
    with _plugin_code(name, "its peers()", settings=settings):
        return frozenset(spec.peers(settings))


def made(name: str, spec: ConnectorSpec) -> Connector:
    """The connector itself. Raises Misconfigured, whatever the plugin did."""
    with _plugin_code(name, "its factory"):
        return spec.factory()
