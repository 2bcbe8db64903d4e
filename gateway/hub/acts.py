"""What the log says of a person's act that is told nowhere else: who, by which certificate and which terminal (C091).

All facts of kind `operator.acted` are made here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.hub.people import Person
from gateway.messages import staff_id

NOBODY: Final[Mapping[str, Any]] = MappingProxyType({})


def acted(
    person: Person, terminal: str, act: str, code: str | None = None, about: Mapping[str, Any] = NOBODY
) -> dict[str, Any]:
    """The fact's own fields; with `code` it was refused. `terminal` is as it was said: what cannot be one is left out,
    and so nothing of anybody's free choosing gets in. `about` is whom, and
    which role, the act was about, or what was sought.
    """
    said = {"operator": person.id, "client_certificate": person.certificate, "act": act}
    where = {"terminal": terminal} if staff_id(terminal) else {}
    return said | where | ({"code": code} if code is not None else {}) | dict(about)
