"""Nothing of this connector and of its stand-in shows a value of a person when it is printed: in a log, in an error."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

import gateway_intermediate_server
from gateway.plugin import Payload

SHOWS_NOBODY: Final = {
    "results": {"_Kind"},
    "permits": {"Exchange", "ListedRow"},
    "settings": {"TlsSettings", "Settings", "_Closed"},
    "site": {"Site"},
    "simulator": {"_Face"},
    "simulated.bodies": {"Asked", "Question"},
    "simulated.config": {"Listen", "Tls", "Times", "Config", "_Closed"},
    "simulated.face": {"Call"},
    "simulated.matching": {"Row"},
    "simulated.network": {"Wanted"},
}
"""What has bodies, rows, keys' names, paths: no person's number, name, dose or flag. All else is mute."""


def declared() -> Iterator[tuple[str, type[Any]]]:
    """Every class of every module, by the module's name below the package."""
    package = gateway_intermediate_server.__name__
    for found in pkgutil.walk_packages(gateway_intermediate_server.__path__, f"{package}."):
        module = importlib.import_module(found.name)
        for each in vars(module).values():
            if isinstance(each, type) and each.__module__ == found.name:
                yield found.name.removeprefix(f"{package}."), each


def shows(kind: type[Any]) -> bool:
    """Whether its values are printed with it."""
    if dataclasses.is_dataclass(kind):
        return kind.__repr__ is not object.__repr__
    if issubclass(kind, BaseModel):
        return kind.__repr__ is BaseModel.__repr__ or kind.__str__ is BaseModel.__str__
    return issubclass(kind, tuple)


def test_what_has_values_of_persons_does_not_show_them() -> None:
    printed: dict[str, set[str]] = {}
    for module, kind in declared():
        if shows(kind):
            printed.setdefault(module, set()).add(kind.__name__)
    assert printed == SHOWS_NOBODY
    assert any(issubclass(kind, Payload) for _, kind in declared())
