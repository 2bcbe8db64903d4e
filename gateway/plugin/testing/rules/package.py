"""What a connector's package says of itself, before it is opened."""

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from gateway.plugin.contract import Contract
from gateway.plugin.interface import describe
from gateway.plugin.testing import package
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken

_PUBLIC: Final = ("gateway.plugin.checks", "gateway.plugin.exchange", "gateway.plugin.fields", "gateway.plugin.tokens")
_TESTING: Final = "gateway.plugin.testing"
_CANARY: Final = "made-up-canary-0001"
LOCK: Final = "interface.lock.json"
"""The lock that a package brings along, beside the module of its hook."""


async def loads(stage: Stage) -> None:
    """See the catalogue."""
    if stage.spec.interface.connector != stage.name:
        raise Broken("it declares the interface of another connector", "let name and Interface.connector be the same")
    if describe(package.registered(stage.module).interface) != stage.contract:
        raise Broken("its hook gives another interface the second time", "declare the interface as a constant")
    threads = threading.active_count()
    with _effects() as effects:
        first, second = stage.spec.factory(), stage.spec.factory()
    if effects or threading.active_count() > threads:
        what = ", ".join(sorted(effects)) or "a thread"
        raise Broken(f"making a connector had a side effect ({what})", "leave that to open()")
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
    for source in {*package.sources(stage.module), conformance}:
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
            raise Broken(f"{path} is taken", 'set extra="forbid" and strict types in the settings model')


async def documented(stage: Stage) -> None:
    """See the catalogue."""
    page = package.readme(stage.module)
    if page is None:
        raise Broken("the package has no README.md", "write one: what it connects, its settings, operations and codes")
    text = page.read_text(encoding="utf-8")
    wanted = [
        *_settings(stage.spec.settings),
        *(each.name for each in stage.contract.operations),
        *stage.contract.codes,
    ]
    if absent := [each for each in dict.fromkeys(wanted) if not re.search(rf"(?<!\w){re.escape(each)}(?!\w)", text)]:
        raise Broken(f"README.md does not name {', '.join(absent)}", "say of each what it means")


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
    """Settings with one thing wrong, each with what that is."""
    yield "an unknown setting", {**given, "no_such_setting": _CANARY}
    for name, value in given.items():
        yield f"setting {name} of a wrong type", {**given, name: {"no_such_setting": {"no_such_setting": _CANARY}}}
        inner = getattr(whole, name, None)
        if isinstance(value, Mapping) and isinstance(inner, BaseModel):
            yield from ((f"{path} in {name}", {**given, name: wrong}) for path, wrong in _wrong(value, inner))


def _settings(model: type[BaseModel]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield info.alias or name
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _settings(inner)


class _Effects:
    """What the interpreter tells of (PEP 578) while somebody looks. A hook stays for good, so there is one."""

    def __init__(self) -> None:
        self.seen: set[str] | None = None
        self._thread = 0

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        if self.seen is None or threading.get_ident() != self._thread:
            return
        writes = event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes or event in _ACTS or event.startswith("socket."):
            self.seen.add("a file written" if writes else event)

    @contextlib.contextmanager
    def looking(self) -> Iterator[set[str]]:
        """What happens in this thread within the block."""
        seen: set[str] = set()
        self.seen, self._thread = seen, threading.get_ident()
        try:
            yield seen
        finally:
            self.seen = None


_ACTS: Final = frozenset({"os.mkdir", "os.rename", "os.remove", "os.system", "subprocess.Popen", "sqlite3.connect"})
_looker: _Effects | None = None


@contextlib.contextmanager
def _effects() -> Iterator[set[str]]:
    global _looker  # noqa: PLW0603  (an audit hook cannot be taken away again)
    if _looker is None:
        _looker = _Effects()
        sys.addaudithook(_looker)
    with _looker.looking() as seen:
        yield seen
