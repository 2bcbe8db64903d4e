"""What a connector's package says of itself, before it is opened."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final, get_args

from pydantic import BaseModel, RootModel, ValidationError

from gateway.plugin.contract import Contract
from gateway.plugin.interface import describe
from gateway.plugin.testing import fresh, package
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken

_PUBLIC: Final = ("gateway.plugin.checks", "gateway.plugin.exchange", "gateway.plugin.fields", "gateway.plugin.tokens")
_TESTING: Final = "gateway.plugin.testing"
_LOADED_WITHIN: Final = 60.0
_UMASK: Final = 0o037
"""That nobody sets."""
_ZONE: Final = "Antarctica/Troll"
"""In which nobody runs a gateway."""
_BEGUN: Final = Path("/proc/self/environ")
_CANARY: Final = "made-up-canary-0001"
_CLOSE: Final = 'set extra="forbid" and strict types in the settings model'
LOCK: Final = "interface.lock.json"
"""The lock that a package brings along, beside the module of its hook."""


async def loads(stage: Stage) -> None:
    """See the catalogue."""
    if stage.spec.interface.connector != stage.name:
        raise Broken("it declares the interface of another connector", "let name and Interface.connector be the same")
    if describe(fresh.registered(stage.module).interface) != stage.contract:
        raise Broken("its hook gives another interface the second time", "declare the interface as a constant")
    for told, effects in _loaded(stage.module).items():
        if effects:
            raise Broken(f"{told} had a side effect ({', '.join(effects)})", "leave that to open()")
    first, second = stage.spec.factory(), stage.spec.factory()
    if first is second:
        raise Broken("its factory gives one connector twice", "make a new one for each tenant")


async def same_as_lock(stage: Stage) -> None:
    """See the catalogue."""
    file = _lock(stage)
    command = "gateway plugin lock PATH" if file.name == LOCK else f"in its root, gateway interface lock {stage.name}"
    try:
        locked = Contract.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        raise Broken(f"{file.name} is no lock", f"write it: {command}") from None
    if locked != stage.contract:
        differ = sorted({name for name in Contract.model_fields if getattr(locked, name) != _of(stage, name)})
        raise Broken(
            f"the code declares other {', '.join(differ)} than {file.name}",
            f"if that is meant, lock it anew, and have the difference reviewed: {command}",
        )


async def door_only(stage: Stage) -> None:
    """See the catalogue."""
    conformance = _source(stage)
    for source in dict.fromkeys((*package.sources(stage.module), conformance)):
        allowed = (*_PUBLIC, _TESTING) if source == conformance else _PUBLIC
        for name in package.imports(source):
            if name.partition(".")[0] == "gateway" and not _public(name, allowed):
                raise Broken(f"{source.name} imports {name}", "import gateway.plugin and its public parts alone")


async def settings_closed(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene:
        address = scene.between.address if scene.between is not None else None
        given = dict(scene.subject.settings(scene.place, address))
        whole = scene.settings()
    for path, wrong in _wrong(given, whole):
        try:
            stage.spec.settings.model_validate(wrong)
        except ValidationError as error:
            if _CANARY in str(error):
                raise Broken(
                    f"the error about {path} shows what was given", "set hide_input_in_errors in model_config"
                ) from None
        except Exception as error:
            raise Broken(f"{path} raised {type(error).__name__}", "let the settings model refuse it") from error
        else:
            raise Broken(f"{path} is taken", _CLOSE)
    if (below := _open_below(stage.spec.settings)) is not None:
        raise Broken(f"an unknown setting in {below} is taken", _CLOSE)


async def documented(stage: Stage) -> None:
    """See the catalogue."""
    page = package.readme(stage.module)
    if page is None:
        raise Broken("the package has no README.md", "write one: what it connects, its settings, operations and codes")
    text = page.read_text(encoding="utf-8")
    wanted = [
        *(info.alias or name for model in _closed(stage.spec.settings) for name, info in model.model_fields.items()),
        *(each.name for each in stage.contract.operations),
        *stage.contract.codes,
    ]
    if absent := [each for each in dict.fromkeys(wanted) if not re.search(rf"(?<!\w){re.escape(each)}(?!\w)", text)]:
        raise Broken(f"README.md does not name {', '.join(absent)}", "say of each what it means")


def _loaded(module: ModuleType) -> Mapping[str, Sequence[str]]:
    """What a fresh interpreter did by loading it; this one has loaded it long since. If anything, what another one did
    that had its libraries before. Raises Broken if it cannot.
    """
    told = _told(module)
    return dict((_told(module, *told["libraries"]) if any(told["done"].values()) else told)["done"])


def _told(module: ModuleType, *libraries: str) -> Mapping[str, Any]:
    """As a process begins, whatever the machine has set that a connector might set."""
    roots = package.roots(module)
    environment = _begun() | {
        "TZ": _ZONE,
        "PYTHONPATH": os.pathsep.join(str(Path(each).absolute()) for each in sys.path),
    }
    environment.pop("PYTHONWARNINGS", None)
    code = os.pathsep.join(map(str, roots))
    command = (sys.executable, "-P", "-B", str(fresh.__file__), module.__name__, code, *libraries)
    try:
        done = subprocess.run(  # noqa: S603
            command,
            capture_output=True,
            check=True,
            timeout=_LOADED_WITHIN,
            env=environment,
            cwd=roots[0].parent,
            umask=_UMASK,
        )
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except (subprocess.SubprocessError, ValueError, IndexError) as error:
        raise Broken(
            "a fresh interpreter cannot load it", "let it import all that it needs, and end by itself"
        ) from error


def _begun() -> dict[str, str]:
    """The environment of this process before any code of it ran: what is loaded here may have changed it by now, under
    pytest also before the suite was. As it is now, if a program that names itself anew has overwritten that.
    """
    words = _BEGUN.read_bytes().split(b"\0")
    return dict(os.fsdecode(each).split("=", 1) for each in words if b"=" in each) or dict(os.environ)


def _lock(stage: Stage) -> Path:
    beside = Path(str(stage.module.__file__)).parent / LOCK
    name = f"{stage.contract.connector}.json"
    roots = [stage.lock] if stage.lock is not None else beside.parents
    found = [beside, *(root / "config/interfaces" / name for root in roots)]
    for each in found:
        if each.is_file():
            return each
    raise Broken(
        "its interface is locked nowhere", f"write {LOCK}: gateway plugin lock PATH; or name a root with --root"
    )


def _of(stage: Stage, name: str) -> object:
    return getattr(stage.contract, name)


def _source(stage: Stage) -> Path:
    return Path(str(sys.modules[stage.subject.__module__].__file__))


def _public(name: str, allowed: tuple[str, ...]) -> bool:
    """`gateway.plugin.Accepted` is a name that the door shows; `gateway.plugin.connector` is a module behind it."""
    if name == "gateway.plugin" or any(f"{name}.".startswith(f"{each}.") for each in allowed):
        return True
    import gateway.plugin as door  # noqa: PLC0415  (what it shows is asked of it, not known here)

    parent, _, last = name.rpartition(".")
    return parent == "gateway.plugin" and last in door.__all__


def _wrong(given: Mapping[str, Any], whole: BaseModel) -> Iterator[tuple[str, dict[str, Any]]]:
    """Settings with one thing wrong, each with what that is; also what is not given at all may be."""
    yield "an unknown setting", {**given, "no_such_setting": _CANARY}
    declared = {info.alias or name for name, info in type(whole).model_fields.items()}
    for name in sorted(given.keys() | declared):
        yield f"setting {name} of a wrong type", {**given, name: {"no_such_setting": {"no_such_setting": _CANARY}}}
        value, inner = given.get(name), getattr(whole, name, None)
        if isinstance(value, Mapping) and isinstance(inner, BaseModel) and not isinstance(inner, RootModel):
            yield from ((f"{path} in {name}", {**given, name: wrong}) for path, wrong in _wrong(value, inner))


def _open_below(model: type[BaseModel]) -> str | None:
    """A settings model, this one or one below it, that passes an unknown setting over; None if there is none."""
    for each in _closed(model):
        try:
            each.model_validate({"no_such_setting": _CANARY})
        except ValidationError as error:
            if any(problem["type"] != "missing" for problem in error.errors(include_input=False)):
                continue
        return each.__name__
    return None


def _closed(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """It, and the models in its fields' types, however deep; each once, for one may hold itself. A map or a list that
    is a model of its own has no settings, only what is in it.
    """
    kinds, seen = list[object]([model]), set[type[BaseModel]]()
    while kinds:
        kind = kinds.pop()
        kinds += get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
            seen.add(kind)
            kinds += [info.annotation for info in kind.model_fields.values()]
            if not issubclass(kind, RootModel):
                yield kind
