"""Who acted, as facts say it: by which certificate and at which terminal (C091); and acts that are told nowhere else.

All facts of kind `operator.acted` are made here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.hub.people import Person
from gateway.messages import staff_id

NOBODY: Final[Mapping[str, Any]] = MappingProxyType({})


def done_by(operator: str, certificate: str, terminal: str) -> dict[str, Any]:
    """Who did it, for the fact that tells what: a staff id or a configured operator's name. `terminal` is as it was
    said: what cannot be one is left out, and so nothing of anybody's free choosing gets in.
    """
    where = {"terminal": terminal} if staff_id(terminal) else {}
    return {"operator": operator, "client_certificate": certificate, **where}


def acted(
    person: Person, terminal: str, act: str, code: str | None = None, about: Mapping[str, Any] = NOBODY
) -> dict[str, Any]:
    """The fact's own fields; with `code` it was refused. `about` is whom, and which role, the act was about, or what
    was sought.
    """
    said = done_by(person.id, person.certificate, terminal) | {"act": act}
    return said | ({"code": code} if code is not None else {}) | dict(about)
